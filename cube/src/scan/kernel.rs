//! The loops over facts.
#![expect(
    clippy::indexing_slicing,
    reason = "these loops run once per fact; their indices come from the plan of the same cube"
)]

use std::ops::Range;

use crate::{
    plan::{KeyPart, LeafFilter},
    storage::{
        bitmap::Bitmap,
        codes::{Code, code_of, with_codes},
    },
};

/// Puts the rows of a morsel that are visible and wanted into `rows`. A morsel starts at a multiple of 64.
pub(super) fn select(
    morsel: Range<usize>,
    selection: Option<&Bitmap>,
    filters: &[LeafFilter<'_>],
    rows: &mut Vec<u32>,
) {
    rows.clear();
    match selection {
        None => rows.extend(morsel.map(code_of)),
        Some(selection) => {
            let words = morsel.start / 64..morsel.end.div_ceil(64);
            for (index, word) in selection.words()[words.clone()].iter().enumerate() {
                let first = (words.start + index) * 64;
                let mut rest = *word;
                while rest != 0 {
                    rows.push(code_of(first + rest.trailing_zeros() as usize));
                    rest &= rest - 1;
                }
            }
        }
    }
    for LeafFilter { leaves, wanted } in filters {
        with_codes!(leaves, |leaves| rows.retain(|row| wanted.get(leaves[row.index()].index())));
    }
}

/// Adds the offset of the node of each row to its slot.
pub(super) fn add_nodes(key: &KeyPart<'_>, rows: &[u32], slots: &mut [u32]) {
    with_codes!(key.leaves, |leaves| {
        for (slot, row) in slots.iter_mut().zip(rows) {
            *slot += key.node_of_leaf[leaves[row.index()].index()];
        }
    });
}

/// The node of each row.
pub(super) fn nodes(key: &KeyPart<'_>, rows: &[u32]) -> Vec<u32> {
    with_codes!(key.leaves, |leaves| rows.iter().map(|row| key.node_of_leaf[leaves[row.index()].index()]).collect())
}

/// Counts the facts of each slot.
pub(super) fn count(facts: &mut [u32], slots: &[u32]) {
    for slot in slots {
        facts[slot.index()] += 1;
    }
}

/// Counts the facts of each slot whose number is not null.
pub(super) fn count_numbers(counts: &mut [u32], nulls: &Bitmap, rows: &[u32], slots: &[u32]) {
    for (row, slot) in rows.iter().zip(slots) {
        counts[slot.index()] += u32::from(!nulls.get(row.index()));
    }
}

/// Adds the number of each row to its slot.
pub(super) fn add_numbers<N: Copy, S>(
    sums: &mut [S],
    numbers: &[N],
    rows: &[u32],
    slots: &[u32],
    mut add: impl FnMut(&mut S, N),
) {
    for (row, slot) in rows.iter().zip(slots) {
        add(&mut sums[slot.index()], numbers[row.index()]);
    }
}
