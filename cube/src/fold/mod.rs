//! Folds facts into cells: one per combination of nodes that a visible fact has.
//!
//! ```text
//!          ┌────────────── per chunk, per thread ──────────────┐
//! facts ──▶│ select ──rows──▶ locate ──slots──▶ add to states  │──merge──▶ Cells ──values──▶ columns
//!          └───────────────────────────────────────────────────┘             └─regrouped─▶ totals, parents
//! ```
//!
//! Threads take morsels as they come. States are exact, so what comes out depends neither on the threads nor on the
//! morsels.

use std::{
    ops::Range,
    sync::atomic::{AtomicUsize, Ordering},
};

use rayon::prelude::*;

use crate::{
    aggregate::{Aggregate, FactFilter, Group},
    budget::Budget,
    limits::{CHUNK_ROWS, LAYOUT_CELLS_MIN, MORSEL_ROWS},
    request::QueryError,
    storage::codes::code_of,
    view::View,
};

mod cells;
mod dense;
mod exact;
mod locate;
mod plain;
mod plan;
mod rows;
mod select;
mod sorted;
mod state;

pub(crate) use cells::Cells;
use dense::Dense;
use plan::{Layout, Plan};
use rows::{Rows, Slots};
use select::{Found, Selector};
use state::{Input, Into, Room, State};

/// Folds the facts that the filter wants.
pub(crate) fn scan(
    view: &View<'_>,
    filter: &FactFilter,
    groups: &[Group],
    aggregates: &[Aggregate],
    budget: &Budget<'_>,
) -> Result<Cells, QueryError> {
    let selector = Selector::new(view, filter);
    let plan = Plan::new(view, groups, aggregates, view.visible_count());
    // Where there would be many cells, it is worth knowing first how many facts there are for them.
    let rows = match plan.layout {
        Layout::Dense { cells } if cells <= LAYOUT_CELLS_MIN || selector.is_all() => None,
        Layout::Dense { .. } | Layout::Sorted => Some(sorted::selected(view, &selector, budget)?),
    };
    let Some(rows) = rows else {
        let folded = fold_dense(view, &plan, &selector, budget)?;
        return Cells::of_dense(groups, plan, folded, budget);
    };
    let plan = Plan::new(view, groups, aggregates, rows.len());
    match plan.layout {
        Layout::Dense { .. } => {
            let folded = fold_dense(view, &plan, &selector, budget)?;
            Cells::of_dense(groups, plan, folded, budget)
        }
        Layout::Sorted => {
            let found = sorted::fold(&plan, &rows, budget)?;
            Cells::of_sorted(groups, plan, found, budget)
        }
    }
}

/// Counts of facts and states, by cell.
#[derive(Debug)]
struct Folded {
    facts: Vec<u32>,
    states: Vec<State>,
}

impl Folded {
    fn new(inputs: &[Input<'_>], cells: usize, room: Room) -> Self {
        Self { facts: vec![0; cells], states: inputs.iter().map(|input| State::new(input, cells, room)).collect() }
    }

    fn add(&mut self, inputs: &[Input<'_>], rows: &Rows<'_>, slots: Slots<'_>) {
        match slots {
            Slots::All(slot) => {
                let count = code_of(rows.len());
                self.facts.get_mut(slot as usize).into_iter().for_each(|facts| *facts += count);
            }
            Slots::Each(slots) => {
                for slot in slots {
                    if let Some(facts) = self.facts.get_mut(*slot as usize) {
                        *facts += 1;
                    }
                }
            }
        }
        for (state, input) in self.states.iter_mut().zip(inputs) {
            state.add(input, rows, slots);
        }
    }

    /// Puts other cells after these.
    fn append(&mut self, other: Self) {
        let cells = self.facts.len();
        self.facts.extend(other.facts);
        for (state, other) in self.states.iter_mut().zip(other.states) {
            state.append(other, cells);
        }
    }

    fn merge(mut self, other: Self, into: Into<'_>) -> Self {
        into.each(&mut self.facts, &other.facts, |one, other| *one += other);
        for (state, other) in self.states.iter_mut().zip(other.states) {
            state.merge(other, into);
        }
        self
    }
}

fn fold_dense(
    view: &View<'_>,
    plan: &Plan<'_>,
    selector: &Selector<'_>,
    budget: &Budget<'_>,
) -> Result<Folded, QueryError> {
    let cells = plan.cell_count();
    let morsels = Morsels::new(view.fact_count());
    let threads = morsels.threads(cells);
    let parts: Result<Vec<Folded>, QueryError> = (0..threads)
        .into_par_iter()
        .map(|_| {
            let mut dense = Dense::new(plan, cells);
            morsels.each_chunk(selector, budget, |start, rows| dense.add(plan, start, rows))?;
            Ok(dense.finish(plan))
        })
        .collect();
    let mut parts = parts?.into_iter();
    let first = parts.next().unwrap_or_else(|| Folded::new(&plan.inputs, cells, Room::Dense));
    Ok(parts.fold(first, |folded, part| folded.merge(part, Into::Same)))
}

/// Facts in pieces that threads take as they come.
struct Morsels {
    fact_count: usize,
    next: AtomicUsize,
}

impl Morsels {
    fn new(fact_count: usize) -> Self {
        Self { fact_count, next: AtomicUsize::new(0) }
    }

    /// As many threads as there are, but none whose cells cost more to merge than its facts to scan.
    fn threads(&self, cells: usize) -> usize {
        (self.fact_count / cells.max(MORSEL_ROWS)).clamp(1, rayon::current_num_threads())
    }

    fn take(&self) -> Option<Range<usize>> {
        let start = self.next.fetch_add(MORSEL_ROWS, Ordering::Relaxed);
        (start < self.fact_count).then(|| start..self.fact_count.min(start + MORSEL_ROWS))
    }

    /// Hands out the start and the selected rows of each chunk of the morsels that this thread gets.
    fn each_chunk(
        &self,
        selector: &Selector<'_>,
        budget: &Budget<'_>,
        mut visit: impl FnMut(usize, &Rows<'_>),
    ) -> Result<(), QueryError> {
        let mut found = Found::new();
        while let Some(morsel) = self.take() {
            budget.check()?;
            for start in morsel.clone().step_by(CHUNK_ROWS) {
                let rows = selector.select(start..morsel.end.min(start + CHUNK_ROWS), &mut found);
                if rows.len() > 0 {
                    visit(start, &rows);
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
