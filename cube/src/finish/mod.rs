//! From cells to rows: totals, values of measures, order, cut.
//!
//! ```text
//! Cells ──roll up──▶ rows, totals first ──evaluate──▶ values ──drop empty──▶ ──sort──▶ ──offset, limit──▶ Answer
//! ```

use std::sync::Arc;

use crate::{
    answer::{Answer, AnswerColumn, ColumnKind, Values},
    plan::Plan,
    request::QueryError,
    resolve::{LevelColumn, Resolved},
    scan::Cells,
};

mod evaluate;
mod roll_up;
mod sort;

use roll_up::Rows;
pub(crate) use sort::nulls_last;

pub(crate) fn finish(resolved: &Resolved<'_>, plan: &Plan<'_>, cells: &Cells) -> Result<Answer, QueryError> {
    let paths = Paths::new(resolved, cells);
    let rows =
        if resolved.totals { Rows::with_totals(&paths, plan, cells)? } else { Rows::of_cells(&paths, plan, cells)? };
    let values = evaluate::evaluate(resolved, plan, &rows)?;
    let mut kept: Vec<usize> = (0..rows.len()).filter(|row| has_value(&values, *row)).collect();
    sort::sort(resolved, &paths, &rows, &values, &mut kept);
    let shown: Vec<usize> = kept.into_iter().skip(resolved.offset).take(resolved.limit).collect();
    Ok(answer(resolved, &paths, &rows, &values, &shown))
}

/// Without measures a row says that its members have a visible fact.
fn has_value(values: &[Values], row: usize) -> bool {
    values.is_empty() || values.iter().any(|values| !values.is_null(row))
}

fn answer(resolved: &Resolved<'_>, paths: &Paths<'_>, rows: &Rows, values: &[Values], shown: &[usize]) -> Answer {
    let level = |(index, column): (usize, &LevelColumn<'_>)| {
        let codes = shown.iter().map(|row| paths.member_of_row(rows, *row, index)).collect();
        let header =
            AnswerColumn { name: column.name.clone(), kind: ColumnKind::Level, r#type: column.level.column_type() };
        (header, Values::Members { dictionary: Arc::clone(column.level.dictionary()), codes })
    };
    let measure = |(measure, values): (&&crate::model::measure::Measure, &Values)| {
        let header =
            AnswerColumn { name: measure.name.clone(), kind: ColumnKind::Measure, r#type: measure.result_type() };
        (header, values.pick(shown))
    };
    let levels = resolved.columns.iter().enumerate().map(level);
    let measures = resolved.measures.iter().zip(values).map(measure);
    Answer::new(levels.chain(measures), shown.len())
}

/// The nodes of each cell, at each level column.
pub(crate) struct Paths<'a> {
    columns: &'a [LevelColumn<'a>],
    nodes: Vec<Vec<u32>>,
}

impl<'a> Paths<'a> {
    fn new(resolved: &'a Resolved<'_>, cells: &Cells) -> Self {
        let nodes_of = |column: &LevelColumn<'_>| -> Vec<u32> {
            let group = resolved.groups.get(column.group);
            let deepest = group.and_then(|group| group.hierarchy.levels.get(group.level));
            let nodes = cells.nodes.get(column.group);
            let (Some(deepest), Some(nodes)) = (deepest, nodes) else { return Vec::new() };
            nodes.iter().map(|node| deepest.ancestor(*node, column.level)).collect()
        };
        Self { columns: &resolved.columns, nodes: resolved.columns.iter().map(nodes_of).collect() }
    }

    /// Number of level columns.
    fn depth(&self) -> usize {
        self.columns.len()
    }

    /// The first column in which two cells differ; the number of columns when they do not.
    fn first_difference(&self, a: usize, b: usize) -> usize {
        self.nodes.iter().take_while(|nodes| nodes.get(a) == nodes.get(b)).count()
    }

    /// Code of the member of a cell.
    fn member(&self, cell: usize, column: usize) -> Option<u32> {
        let node = self.nodes.get(column)?.get(cell)?;
        Some(self.columns.get(column)?.level.member(*node))
    }

    /// Code of the member of a row; none in a total above the column.
    fn member_of_row(&self, rows: &Rows, row: usize, column: usize) -> Option<u32> {
        let row = rows.headers.get(row).filter(|row| column < row.depth)?;
        self.member(row.cell, column)
    }
}
