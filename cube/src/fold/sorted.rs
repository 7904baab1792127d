//! Cells when there are too many combinations of nodes to have a place for each: facts are sorted by theirs.
//!
//! ```text
//! facts ──▶ (number of the combination, fact) ──sort──▶ runs of equal numbers = cells, in natural order
//! ```

use rayon::prelude::*;

use super::{
    Folded, Morsels,
    plan::{Key, Plan},
    rows::{Rows, Slots},
    select::Selector,
};
use crate::{budget::Budget, limits::CHUNK_ROWS, request::QueryError, storage::codes::code_of, view::View};

/// Cells in natural order, and what was folded into them.
pub(super) struct Found {
    /// A fact of each cell.
    pub(super) facts: Vec<u32>,
    pub(super) folded: Folded,
}

pub(super) fn fold(
    view: &View<'_>,
    plan: &Plan<'_>,
    selector: &Selector<'_>,
    budget: &Budget<'_>,
) -> Result<Found, QueryError> {
    let rows = selected(view, selector, budget)?;
    let mut numbered = number(&plan.keys, &rows, budget)?;
    numbered.par_sort_unstable();
    budget.check()?;

    let mut facts = Vec::new();
    let mut slots: Vec<u32> = Vec::with_capacity(numbered.len());
    let mut last = None;
    for (number, fact) in &numbered {
        if last != Some(*number) {
            last = Some(*number);
            if facts.len() == budget.limits.cells_max {
                return Err(super::cells::too_many_cells(budget.limits));
            }
            facts.push(*fact);
        }
        slots.push(code_of(facts.len() - 1));
    }
    let rows: Vec<u32> = numbered.into_iter().map(|(_, fact)| fact).collect();
    super::cells::check_size(facts.len(), plan.inputs.len(), budget.limits)?;

    let mut folded = Folded::new(&plan.inputs, facts.len());
    for (rows, slots) in rows.chunks(CHUNK_ROWS).zip(slots.chunks(CHUNK_ROWS)) {
        budget.check()?;
        folded.add(&plan.inputs, &Rows::Scattered(rows), Slots::Each(slots));
    }
    Ok(Found { facts, folded })
}

/// The facts that are looked at, in order.
fn selected(view: &View<'_>, selector: &Selector<'_>, budget: &Budget<'_>) -> Result<Vec<u32>, QueryError> {
    let morsels = Morsels::new(view.fact_count());
    let mut rows = Vec::new();
    morsels.each_chunk(selector, budget, |chunk| chunk.numbered(Slots::One, |_, row| rows.push(code_of(row))))?;
    Ok(rows)
}

/// Facts with the numbers of their combinations, which are in natural order. When the product of the groups leaves
/// 64 bits, the combinations of the groups so far are replaced by their positions among those that occur.
fn number(keys: &[Key<'_>], rows: &[u32], budget: &Budget<'_>) -> Result<Vec<(u64, u32)>, QueryError> {
    let mut numbers = vec![0_u64; rows.len()];
    let mut count: u64 = 1;
    for key in keys {
        budget.check()?;
        let nodes = key.node_count as u64;
        if count.checked_mul(nodes).is_none() {
            let mut distinct = numbers.clone();
            distinct.par_sort_unstable();
            distinct.dedup();
            numbers.par_iter_mut().for_each(|number| *number = distinct.partition_point(|other| other < number) as u64);
            count = distinct.len() as u64;
        }
        count = count.saturating_mul(nodes.max(1));
        numbers.par_iter_mut().zip(rows).for_each(|(number, row)| {
            let leaf = key.leaves.get(*row as usize).unwrap_or_default();
            *number = *number * nodes + u64::from(key.level.node(leaf));
        });
    }
    Ok(numbers.into_iter().zip(rows.iter().copied()).collect())
}
