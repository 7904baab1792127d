//! Cells when there are too many combinations of nodes to have a place for each: facts are sorted by theirs.
//!
//! ```text
//! facts ──▶ (number of the combination, fact) ──split by the upper bits──▶ parts ─┬─ sort ──▶ runs of equal numbers = cells
//!                                                                                 ├─ sort ──▶ …
//!                                                                                 └─ …        one after the other: in natural order
//! ```

use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::prelude::*;

use super::{
    Folded, Morsels,
    plan::{Key, Plan},
    rows::{Rows, Slots},
    select::Selector,
    state::Room,
};
use crate::{
    budget::Budget,
    limits::CHUNK_ROWS,
    request::QueryError,
    storage::codes::{code_of, with_codes},
    view::View,
};

/// Cells in natural order, and what was folded into them.
pub(super) struct Found {
    /// A fact of each cell.
    pub(super) facts: Vec<u32>,
    pub(super) folded: Folded,
}

/// The number of a combination of nodes, and a fact that has it.
type Numbered = (u64, u32);

/// Bits of a number that tell its part: enough parts for their facts to fit the second cache.
const PART_BITS: u32 = 9;

/// Folds these facts.
pub(super) fn fold(plan: &Plan<'_>, rows: &[u32], budget: &Budget<'_>) -> Result<Found, QueryError> {
    let (numbers, count) = number(&plan.keys, rows, budget)?;
    let parts = split(&numbers, rows, count);
    drop(numbers);
    let cell_count = AtomicUsize::new(0);
    let parts: Result<Vec<Found>, QueryError> =
        parts.into_par_iter().map(|part| fold_part(plan, part, &cell_count, budget)).collect();
    let mut found = Found { facts: Vec::new(), folded: Folded::new(&plan.inputs, 0, Room::Listed) };
    for part in parts? {
        found.facts.extend(part.facts);
        found.folded.append(part.folded);
    }
    Ok(found)
}

/// The facts that are looked at, in order.
pub(super) fn selected(view: &View<'_>, selector: &Selector<'_>, budget: &Budget<'_>) -> Result<Vec<u32>, QueryError> {
    let morsels = Morsels::new(view.fact_count());
    let mut rows = Vec::new();
    morsels.each_chunk(selector, budget, |_, chunk| chunk.numbered(Slots::All(0), |_, row| rows.push(code_of(row))))?;
    Ok(rows)
}

/// The number of the combination of each fact, and how many numbers there can be. Numbers are in natural order. When the
/// product of the groups leaves 64 bits, the combinations of the groups so far are replaced by their positions among those
/// that occur.
fn number(keys: &[Key<'_>], rows: &[u32], budget: &Budget<'_>) -> Result<(Vec<u64>, u64), QueryError> {
    let mut numbers = vec![0_u64; rows.len()];
    let mut count: u64 = 1;
    for key in keys {
        budget.check()?;
        let node_count = key.node_count as u64;
        if count.checked_mul(node_count).is_none() {
            let mut distinct = numbers.clone();
            distinct.par_sort_unstable();
            distinct.dedup();
            numbers.par_iter_mut().for_each(|number| *number = distinct.partition_point(|other| other < number) as u64);
            count = distinct.len() as u64;
        }
        count = count.saturating_mul(node_count.max(1));
        with_codes!(key.nodes, |nodes| numbers.par_iter_mut().zip(rows).for_each(|(number, row)| {
            *number = *number * node_count + nodes.get(*row as usize).map_or(0, |node| u64::from(*node));
        }));
    }
    Ok((numbers, count))
}

/// Facts by the upper bits of their numbers.
fn split(numbers: &[u64], rows: &[u32], count: u64) -> Vec<Vec<Numbered>> {
    let shift = (u64::BITS - count.leading_zeros()).saturating_sub(PART_BITS);
    let part_of = |number: u64| usize::try_from(number >> shift).unwrap_or_default();
    let part_count = part_of(count) + 1;
    let share = numbers.len().div_ceil(rayon::current_num_threads()).max(1);
    let shares: Vec<Vec<Vec<Numbered>>> = numbers
        .par_chunks(share)
        .zip(rows.par_chunks(share))
        .map(|(numbers, rows)| {
            let mut parts = vec![Vec::new(); part_count];
            for (number, row) in numbers.iter().zip(rows) {
                if let Some(part) = parts.get_mut(part_of(*number)) {
                    part.push((*number, *row));
                }
            }
            parts
        })
        .collect();
    let mut parts = vec![Vec::new(); part_count];
    for share in shares {
        for (part, more) in parts.iter_mut().zip(share) {
            if part.is_empty() { *part = more } else { part.extend(more) }
        }
    }
    parts
}

fn fold_part(
    plan: &Plan<'_>,
    mut part: Vec<Numbered>,
    cell_count: &AtomicUsize,
    budget: &Budget<'_>,
) -> Result<Found, QueryError> {
    budget.check()?;
    part.par_sort_unstable();
    let facts: Vec<u32> =
        part.chunk_by(|(a, _), (b, _)| a == b).filter_map(|cell| cell.first()).map(|(_, fact)| *fact).collect();
    let all = facts.len() + cell_count.fetch_add(facts.len(), Ordering::Relaxed);
    super::cells::check_size(all, plan.states_per_cell(), budget.limits)?;

    let mut folded = Folded::new(&plan.inputs, facts.len(), Room::Listed);
    let mut rows: Vec<u32> = Vec::with_capacity(CHUNK_ROWS);
    let mut slots: Vec<u32> = Vec::with_capacity(CHUNK_ROWS);
    let (mut slot, mut last) = (0, part.first().map(|(number, _)| *number));
    for chunk in part.chunks(CHUNK_ROWS) {
        budget.check()?;
        rows.clear();
        slots.clear();
        for (number, row) in chunk {
            if last != Some(*number) {
                last = Some(*number);
                slot += 1;
            }
            rows.push(*row);
            slots.push(slot);
        }
        folded.add(&plan.inputs, &Rows::Scattered(&rows), Slots::Each(&slots));
    }
    Ok(Found { facts, folded })
}
