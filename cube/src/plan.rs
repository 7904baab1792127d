//! What the scan has to do, with no choice left to it.

use crate::{
    limits::{DENSE_BYTES_MAX, DENSE_CELLS_MAX, QueryLimits},
    model::{cube::Cube, measure::MeasureKind},
    resolve::{Clause, Group, Resolved},
    storage::{
        bitmap::Bitmap,
        codes::{Codes, code_of},
        numbers::Numbers,
    },
    value::ColumnType,
};

/// What the scan has to do.
#[derive(Debug)]
pub(crate) struct Plan<'a> {
    pub(crate) fact_count: usize,
    /// Facts are looked at if every one of these has their leaf.
    pub(crate) filters: Vec<LeafFilter<'a>>,
    pub(crate) keys: Vec<KeyPart<'a>>,
    pub(crate) layout: Layout,
    /// The columns to sum, each once.
    pub(crate) sums: Vec<&'a Numbers>,
    /// What becomes of the facts and sums of a cell, per measure of the query.
    pub(crate) outputs: Vec<Output>,
    pub(crate) limits: QueryLimits,
}

/// Which leaves of a hierarchy are wanted.
#[derive(Debug)]
pub(crate) struct LeafFilter<'a> {
    pub(crate) leaves: &'a Codes,
    pub(crate) wanted: Bitmap,
}

/// How one group takes part in finding the cell of a fact.
#[derive(Debug)]
pub(crate) struct KeyPart<'a> {
    pub(crate) leaves: &'a Codes,
    /// Leaf → node at the level of the group, times [`stride`](Self::stride) when cells are dense.
    pub(crate) node_of_leaf: Vec<u32>,
    pub(crate) node_count: usize,
    /// Cells between two nodes that follow each other, when cells are dense.
    pub(crate) stride: usize,
}

/// Where accumulators are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Layout {
    /// At the mixed-radix number of the nodes, the last group varying fastest.
    Dense { cells: usize },
    /// In the order in which combinations of nodes are met.
    Hashed,
}

/// What becomes of the facts and sums of a cell; sums by index.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Output {
    Count,
    Sum { sum: usize, column_type: ColumnType },
    Mean { sum: usize },
}

impl<'a> Plan<'a> {
    pub(crate) fn new(resolved: &Resolved<'a>, cube: &'a Cube, limits: QueryLimits) -> Self {
        let (sums, outputs) = plan_outputs(resolved, cube);
        let layout = choose_layout(&resolved.groups, &sums);
        Self {
            fact_count: cube.fact_count(),
            filters: resolved.clauses.iter().map(leaf_filter).collect(),
            keys: key_parts(&resolved.groups, layout),
            layout,
            sums,
            outputs,
            limits,
        }
    }

    /// The same plan with another layout.
    #[cfg(test)]
    pub(crate) fn laid_out(self, resolved: &Resolved<'a>, layout: Layout) -> Self {
        Self { keys: key_parts(&resolved.groups, layout), layout, ..self }
    }
}

/// Measures over one column share its sum.
fn plan_outputs<'a>(resolved: &Resolved<'a>, cube: &'a Cube) -> (Vec<&'a Numbers>, Vec<Output>) {
    let mut columns: Vec<usize> = Vec::new();
    let mut sum = |column: usize| {
        columns.iter().position(|known| *known == column).unwrap_or_else(|| {
            columns.push(column);
            columns.len() - 1
        })
    };
    let outputs = resolved
        .measures
        .iter()
        .map(|measure| match measure.kind {
            MeasureKind::Count => Output::Count,
            MeasureKind::Sum { column, column_type } => Output::Sum { sum: sum(column), column_type },
            MeasureKind::Mean { column } => Output::Mean { sum: sum(column) },
        })
        .collect();
    (columns.iter().filter_map(|column| cube.numbers.get(*column)).map(AsRef::as_ref).collect(), outputs)
}

fn choose_layout(groups: &[Group<'_>], sums: &[&Numbers]) -> Layout {
    let cells = groups.iter().map(node_count).try_fold(1_usize, usize::checked_mul);
    let bytes_per_cell = size_of::<u32>() + sums.iter().map(|_| size_of::<i128>() + size_of::<u32>()).sum::<usize>();
    let fits = |cells: &usize| *cells <= DENSE_CELLS_MAX && cells * bytes_per_cell <= DENSE_BYTES_MAX;
    cells.filter(fits).map_or(Layout::Hashed, |cells| Layout::Dense { cells })
}

fn key_parts<'a>(groups: &[Group<'a>], layout: Layout) -> Vec<KeyPart<'a>> {
    let mut stride = 1;
    let part = |group: &Group<'a>| {
        let level = group.hierarchy.levels.get(group.level).expect("a group is of a level of its hierarchy");
        let factor = match layout {
            Layout::Dense { .. } => code_of(stride),
            Layout::Hashed => 1,
        };
        let part = KeyPart {
            leaves: group.hierarchy.leaves(),
            node_of_leaf: (0..group.hierarchy.leaf_count()).map(|leaf| level.node(code_of(leaf)) * factor).collect(),
            node_count: level.node_count(),
            stride,
        };
        stride = stride.saturating_mul(level.node_count());
        part
    };
    let mut parts: Vec<KeyPart<'a>> = groups.iter().rev().map(part).collect();
    parts.reverse();
    parts
}

fn node_count(group: &Group<'_>) -> usize {
    group.hierarchy.levels.get(group.level).map_or(0, |level| level.node_count())
}

fn leaf_filter<'a>(clause: &Clause<'a>) -> LeafFilter<'a> {
    let Clause { hierarchy, level, values } = clause;
    let mut members: Vec<u32> = values.iter().filter_map(|value| level.dictionary().find(value)).collect();
    members.sort_unstable();
    let mut wanted = Bitmap::filled(hierarchy.leaf_count(), false);
    for node in (0..level.node_count()).map(code_of) {
        if members.binary_search(&level.member(node)).is_ok() {
            wanted.set_range(level.leaves(node));
        }
    }
    LeafFilter { leaves: hierarchy.leaves(), wanted }
}
