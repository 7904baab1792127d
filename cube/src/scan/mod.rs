//! Reads the facts and accumulates them in cells: one per combination of nodes that has a visible fact.
//!
//! ```text
//! facts ──blocks, one per thread──▶ morsels ──select──▶ rows ──locate──▶ slots ──accumulate──▶ Block ──merge──▶ Cells
//! ```
//!
//! Counts and sums are exact, so the answer depends neither on the blocks nor on the morsels.

use std::ops::Range;

use rayon::prelude::*;

use crate::{
    limits::{MORSEL_ROWS, QueryLimits},
    plan::{Layout, Plan},
    request::QueryError,
    storage::bitmap::Bitmap,
};

mod exact;
mod kernel;
mod slots;
pub(crate) mod sums;

use slots::Slots;
use sums::Sums;

/// The combinations of nodes that have a visible fact, in natural order.
#[derive(Debug)]
pub(crate) struct Cells {
    /// Nodes of each cell, a list per group.
    pub(crate) nodes: Vec<Vec<u32>>,
    /// Where the accumulators of each cell are.
    pub(crate) slots: Vec<usize>,
    pub(crate) accumulators: Accumulators,
}

/// Facts and sums, by slot.
#[derive(Debug)]
pub(crate) struct Accumulators {
    pub(crate) facts: Vec<u32>,
    pub(crate) sums: Vec<Sums>,
}

/// What one thread found.
struct Block {
    slots: Slots,
    accumulators: Accumulators,
}

pub(crate) fn scan(plan: &Plan<'_>, selection: Option<&Bitmap>) -> Result<Cells, QueryError> {
    let blocks: Result<Vec<Block>, QueryError> =
        blocks(plan).into_par_iter().map(|rows| scan_block(plan, selection, rows)).collect();
    let merged = blocks?.into_iter().reduce(|merged, block| merged.merge(&block)).unwrap_or_else(|| Block::new(plan));
    merged.check_size(plan.limits)?;
    Ok(merged.into_cells(plan))
}

/// As many blocks as threads, but none so small that merging its cells costs more than scanning its facts.
fn blocks(plan: &Plan<'_>) -> Vec<Range<usize>> {
    let cells = match plan.layout {
        Layout::Dense { cells } => cells,
        Layout::Hashed => MORSEL_ROWS,
    };
    let count = (plan.fact_count / cells.max(MORSEL_ROWS)).clamp(1, rayon::current_num_threads());
    let morsels_per_block = plan.fact_count.div_ceil(MORSEL_ROWS).div_ceil(count).max(1);
    let rows = morsels_per_block * MORSEL_ROWS;
    (0..plan.fact_count).step_by(rows).map(|start| start..plan.fact_count.min(start + rows)).collect()
}

fn scan_block(plan: &Plan<'_>, selection: Option<&Bitmap>, rows: Range<usize>) -> Result<Block, QueryError> {
    let mut block = Block::new(plan);
    let mut selected: Vec<u32> = Vec::with_capacity(MORSEL_ROWS);
    let mut slots: Vec<u32> = Vec::with_capacity(MORSEL_ROWS);
    for start in rows.clone().step_by(MORSEL_ROWS) {
        let morsel = start..rows.end.min(start + MORSEL_ROWS);
        kernel::select(morsel, selection, &plan.filters, &mut selected);
        block.slots.locate(&plan.keys, &selected, &mut slots);
        block.accumulators.grow(block.slots.len());
        block.accumulators.add(plan, &selected, &slots);
        if let Slots::Hashed { .. } = block.slots {
            block.check_size(plan.limits)?;
        }
    }
    Ok(block)
}

impl Block {
    fn new(plan: &Plan<'_>) -> Self {
        let slots = Slots::new(plan.layout);
        let mut accumulators = Accumulators::new(plan);
        accumulators.grow(slots.len());
        Self { slots, accumulators }
    }

    fn merge(mut self, other: &Self) -> Self {
        for (from, into) in self.slots.merge(&other.slots).enumerate() {
            self.accumulators.grow(into + 1);
            self.accumulators.merge_cell(into, &other.accumulators, from);
        }
        self
    }

    /// Only cells that have a visible fact count.
    fn check_size(&self, limits: QueryLimits) -> Result<(), QueryError> {
        let cells = match self.slots {
            Slots::Hashed { .. } => self.slots.len(),
            Slots::Dense { .. } => self.accumulators.facts.iter().filter(|facts| **facts > 0).count(),
        };
        let QueryLimits { cells_max, accumulators_max, rows_max: _ } = limits;
        if cells > cells_max {
            return Err(QueryError::TooLarge(format!(
                "the query has more than {cells_max} combinations of members; ask for fewer levels or filter them"
            )));
        }
        if cells.saturating_mul(1 + self.accumulators.sums.len()) > accumulators_max {
            return Err(QueryError::TooLarge(format!(
                "the query has more than {accumulators_max} intermediate values; ask for fewer levels or measures"
            )));
        }
        Ok(())
    }

    fn into_cells(self, plan: &Plan<'_>) -> Cells {
        let Self { slots, accumulators } = self;
        let has_facts = |slot: &usize| accumulators.facts.get(*slot).is_some_and(|facts| *facts > 0);
        let mut occupied: Vec<usize> = (0..slots.len()).filter(has_facts).collect();
        let nodes = slots.nodes_in_order(&plan.keys, &mut occupied);
        Cells { nodes, slots: occupied, accumulators }
    }
}

impl Accumulators {
    pub(crate) fn new(plan: &Plan<'_>) -> Self {
        Self { facts: Vec::new(), sums: plan.sums.iter().map(|addends| Sums::of(addends)).collect() }
    }

    pub(crate) fn grow(&mut self, len: usize) {
        if len > self.facts.len() {
            self.facts.resize(len, 0);
            self.sums.iter_mut().for_each(|sums| sums.grow(len));
        }
    }

    /// Adds a cell of others to a cell here.
    pub(crate) fn merge_cell(&mut self, into: usize, others: &Self, from: usize) {
        if let (Some(into), Some(from)) = (self.facts.get_mut(into), others.facts.get(from)) {
            *into += from;
        }
        for (sums, others) in self.sums.iter_mut().zip(&others.sums) {
            sums.merge_cell(into, others, from);
        }
    }

    fn add(&mut self, plan: &Plan<'_>, rows: &[u32], slots: &[u32]) {
        kernel::count(&mut self.facts, slots);
        for (sums, addends) in self.sums.iter_mut().zip(&plan.sums) {
            sums.add(addends, rows, slots);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, fmt::Write as _};

    use proptest::prelude::*;

    use super::*;
    use crate::{
        ColumnType, CubeDefinition, Model, ModelDefinition, Query, TableDefinition, csv,
        resolve::{Resolved, resolve},
    };

    fn model(rows: &[(u8, u8, u8)]) -> Model {
        let mut text = String::from("a,b,c,x,y,z\n");
        for (a, b, c) in rows {
            let y = if *c == 0 { String::new() } else { format!("{c}.1") };
            writeln!(text, "a{a},b{b},c{c},{c},{y},{b}e{}", i32::from(*a) * 40 - 200).unwrap();
        }
        // Declared, because a column without a number would be inferred as text.
        let types = [("x", ColumnType::Int64), ("y", ColumnType::Double), ("z", ColumnType::Double)];
        let column_types = types.map(|(column, of)| (column.to_owned(), of)).into();
        let table = TableDefinition { name: "T".into(), column_types, ..TableDefinition::default() };
        let cube = CubeDefinition { name: "C".into(), fact_table: "T".into(), ..CubeDefinition::default() };
        let tables = BTreeMap::from([("T".to_owned(), csv::read(&table, "t.csv", text.as_bytes()).unwrap())]);
        Model::build(&ModelDefinition { tables: vec!["T".into()], joins: vec![], cubes: vec![cube] }, tables).unwrap()
    }

    /// Nodes, facts and sums of each cell.
    fn found(resolved: &Resolved<'_>, plan: &Plan<'_>, selection: &Bitmap) -> Vec<(Vec<u32>, u32, Vec<u64>)> {
        let cells = scan(plan, Some(selection)).unwrap();
        let Accumulators { facts, sums } = &cells.accumulators;
        let cell = |(index, slot): (usize, &usize)| {
            let nodes = (0..resolved.groups.len()).map(|group| cells.nodes[group][index]).collect();
            (nodes, facts[*slot], sums.iter().map(|sums| sums.double(*slot).to_bits()).collect())
        };
        cells.slots.iter().enumerate().map(cell).collect()
    }

    proptest! {
        #[test]
        fn dense_and_hashed_accumulators_find_the_same(
            rows in proptest::collection::vec((0..12_u8, 0..5_u8, 0..3_u8), 1..200),
            visible in any::<u64>(),
        ) {
            let model = model(&rows);
            let cube = model.cube("C").unwrap();
            let levels = ["c", "a", "b"].map(str::to_owned).to_vec();
            let measures = ["x.SUM", "y.SUM", "z.SUM"].map(str::to_owned).to_vec();
            let resolved = resolve(&Query { measures, levels, ..Query::default() }, cube).unwrap();
            let dense = Plan::new(&resolved, cube, QueryLimits::default());
            prop_assert_ne!(dense.layout, Layout::Hashed);
            let selection = Bitmap::from_fn(rows.len(), |row| visible >> (row % 64) & 1 == 1);
            let expected = found(&resolved, &dense, &selection);
            let hashed = dense.laid_out(&resolved, Layout::Hashed);
            prop_assert_eq!(found(&resolved, &hashed, &selection), expected);
        }
    }
}
