//! Rows: one per cell and, with totals, one per beginning of a path, before the rows that it is the total of.

use super::Paths;
use crate::{
    plan::Plan,
    request::QueryError,
    scan::{Accumulators, Cells},
};

/// Rows in natural order, totals first, with the accumulators of each at the row's own number.
pub(super) struct Rows {
    pub(super) headers: Vec<Row>,
    pub(super) accumulators: Accumulators,
    max: usize,
}

/// One row.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row {
    /// A cell whose path begins like the row.
    pub(super) cell: usize,
    /// Level columns that have a member.
    pub(super) depth: usize,
}

impl Rows {
    pub(super) fn of_cells(paths: &Paths<'_>, plan: &Plan<'_>, cells: &Cells) -> Result<Self, QueryError> {
        let mut rows = Self::new(plan);
        for (cell, slot) in cells.slots.iter().enumerate() {
            let row = rows.push(Row { cell, depth: paths.depth() })?;
            rows.accumulators.merge_cell(row, &cells.accumulators, *slot);
        }
        Ok(rows)
    }

    pub(super) fn with_totals(paths: &Paths<'_>, plan: &Plan<'_>, cells: &Cells) -> Result<Self, QueryError> {
        let mut rows = Self::new(plan);
        // The rows that the current cell belongs to, by depth.
        let mut open: Vec<usize> = Vec::new();
        for (cell, slot) in cells.slots.iter().enumerate() {
            let common = cell.checked_sub(1).map_or(0, |before| paths.first_difference(before, cell) + 1);
            open.truncate(common);
            for depth in open.len()..=paths.depth() {
                open.push(rows.push(Row { cell, depth })?);
            }
            for row in &open {
                rows.accumulators.merge_cell(*row, &cells.accumulators, *slot);
            }
        }
        Ok(rows)
    }

    pub(super) fn len(&self) -> usize {
        self.headers.len()
    }

    fn new(plan: &Plan<'_>) -> Self {
        Self { headers: Vec::new(), accumulators: Accumulators::new(plan), max: plan.limits.rows_max }
    }

    fn push(&mut self, row: Row) -> Result<usize, QueryError> {
        if self.headers.len() == self.max {
            return Err(QueryError::TooLarge(format!(
                "the answer has more than {} rows; ask for fewer levels or filter them",
                self.max
            )));
        }
        self.headers.push(row);
        self.accumulators.grow(self.headers.len());
        Ok(self.headers.len() - 1)
    }
}
