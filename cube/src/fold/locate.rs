//! From facts to the numbers of their cells.

use super::{
    plan::{Key, Step},
    rows::Rows,
};
use crate::storage::codes::{Code, code_of, with_codes};

/// The slot of each row, when cells are dense.
pub(super) fn slots(keys: &[Key<'_>], rows: &Rows<'_>, slots: &mut [u32]) {
    for (index, key) in keys.iter().enumerate() {
        let is_first = index == 0;
        with_codes!(key.leaves, |leaves| match &key.step {
            Step::Leaf if key.stride == 1 => each(leaves, rows, slots, is_first, |leaf| code_of(leaf.index())),
            Step::Leaf => {
                let stride = code_of(key.stride);
                each(leaves, rows, slots, is_first, |leaf| code_of(leaf.index()).wrapping_mul(stride));
            }
            Step::Listed(listed) => {
                each(leaves, rows, slots, is_first, |leaf| listed.get(leaf.index()).copied().unwrap_or_default());
            }
        });
    }
}

/// Writes what each row adds for the first key, adds it for the others.
#[inline]
fn each<T: Code>(leaves: &[T], rows: &Rows<'_>, slots: &mut [u32], is_first: bool, part: impl Fn(T) -> u32) {
    if is_first {
        put(leaves, rows, slots, |slot, leaf| *slot = part(leaf));
    } else {
        put(leaves, rows, slots, |slot, leaf| *slot = slot.wrapping_add(part(leaf)));
    }
}

#[inline]
fn put<T: Code>(leaves: &[T], rows: &Rows<'_>, slots: &mut [u32], put: impl Fn(&mut u32, T)) {
    match rows {
        Rows::Range(range) => {
            let leaves = leaves.get(range.clone()).unwrap_or_default();
            slots.iter_mut().zip(leaves).for_each(|(slot, leaf)| put(slot, *leaf));
        }
        Rows::Some { range, distances } => {
            let leaves = leaves.get(range.clone()).unwrap_or_default();
            for (slot, distance) in slots.iter_mut().zip(*distances) {
                if let Some(leaf) = leaves.get(usize::from(*distance)) {
                    put(slot, *leaf);
                }
            }
        }
        Rows::Scattered(rows) => {
            for (slot, row) in slots.iter_mut().zip(*rows) {
                if let Some(leaf) = leaves.get(*row as usize) {
                    put(slot, *leaf);
                }
            }
        }
    }
}

/// Copies of all cells that rows take in turn. When there are few cells, rows that follow each other often go to the same
/// one, and each addition would wait for the one before it.
pub(super) const LANES: usize = 4;

/// Moves the slots of rows to their lanes.
pub(super) fn spread(slots: &mut [u32], cells: usize) {
    let lanes: [u32; LANES] = std::array::from_fn(|lane| code_of(lane * cells));
    let (fours, rest) = slots.as_chunks_mut::<LANES>();
    for four in fours {
        four.iter_mut().zip(lanes).for_each(|(slot, lane)| *slot += lane);
    }
    rest.iter_mut().zip(lanes).for_each(|(slot, lane)| *slot += lane);
}
