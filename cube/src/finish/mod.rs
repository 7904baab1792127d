//! From cells to rows: totals, measures over measures, which rows are kept, order, cut.
//!
//! ```text
//! Cells ──depths──▶ cells of each total ──evaluate──▶ values ──keep──▶ ──arrange──▶ ──offset, limit──▶ Answer
//! ```
//!
//! A row is a cell of some depth: the number of level columns that have a member in it. Everything is done to whole columns.

use std::sync::Arc;

use crate::{
    answer::{Answer, AnswerColumn, ColumnKind, Values},
    budget::Budget,
    fold::Cells,
    model::cube::Cube,
    request::QueryError,
    resolve::{LevelColumn, Resolved, measure},
    storage::codes::code_of,
};

mod along;
mod arrange;
mod columns;
mod evaluate;
mod keep;
mod positions;

use columns::gather;
use evaluate::Evaluator;

/// The rows of the answer.
#[derive(Debug)]
enum Rows {
    /// The cells of the only grouping, in natural order.
    All,
    /// Some cells of the only grouping.
    Cells(Vec<u32>),
    /// Cells of any grouping.
    Mixed(Vec<Row>),
}

/// A row of the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Row {
    /// Index among the groupings.
    grouping: u32,
    /// Index among the cells of that grouping.
    cell: u32,
}

/// The groupings of the rows, from the grand total, or else only the deepest one.
#[derive(Debug)]
struct Depths {
    /// Number of level columns, less than those of the first grouping.
    first: usize,
    /// Index of each in the evaluator.
    groupings: Vec<usize>,
    /// Of each grouping but the deepest: for each cell of the next one, the cell here that it belongs to.
    parents: Vec<Arc<Vec<u32>>>,
}

/// The answer from the cells of the groups. `total_max` bounds the cells of all groupings that are needed for it.
pub(crate) fn finish(
    cube: &Cube,
    resolved: &Resolved<'_>,
    cells: Cells,
    total_max: usize,
    budget: &Budget<'_>,
) -> Result<Answer, QueryError> {
    let mut evaluator = Evaluator::new(cube, resolved, cells, total_max, *budget)?;
    let depths = depths(resolved, &mut evaluator)?;
    check_rows(&depths, &evaluator, budget)?;
    let kept = keep::kept(resolved, &depths, &mut evaluator)?;
    let rows = arrange::rows(resolved, &depths, &kept, &mut evaluator)?;
    answer(resolved, &depths, &rows, &mut evaluator)
}

fn depths(resolved: &Resolved<'_>, evaluator: &mut Evaluator<'_>) -> Result<Depths, QueryError> {
    let deepest = Evaluator::DEEPEST;
    let mut groupings = vec![deepest];
    let mut parents = Vec::new();
    if resolved.totals {
        for depth in (0..resolved.columns.len()).rev() {
            let below = groupings.last().copied().unwrap_or(deepest);
            let above = evaluator.grouping(below, levels_at(resolved, depth))?;
            parents.push(evaluator.positions(below, above));
            groupings.push(above);
        }
        groupings.reverse();
        parents.reverse();
    }
    Ok(Depths { first: resolved.columns.len() + 1 - groupings.len(), groupings, parents })
}

/// The level of each group in a row that has members in the first `depth` columns.
fn levels_at(resolved: &Resolved<'_>, depth: usize) -> Vec<Option<usize>> {
    let in_row = |group: usize| resolved.columns.iter().take(depth).filter(move |column| column.group == group);
    (0..resolved.groups.len()).map(|group| in_row(group).map(|column| column.at.level).max()).collect()
}

fn check_rows(depths: &Depths, evaluator: &Evaluator<'_>, budget: &Budget<'_>) -> Result<(), QueryError> {
    let rows: usize = depths.groupings.iter().map(|grouping| evaluator.cells(*grouping).len()).sum();
    let max = budget.limits.rows_max;
    if rows > max {
        let message = format!("the answer has more than {max} rows; ask for fewer levels or filter them");
        return Err(QueryError::TooLarge(message));
    }
    Ok(())
}

fn answer(
    resolved: &Resolved<'_>,
    depths: &Depths,
    rows: &Rows,
    evaluator: &mut Evaluator<'_>,
) -> Result<Answer, QueryError> {
    let mut columns = Vec::new();
    for (index, column) in resolved.columns.iter().enumerate() {
        let header =
            AnswerColumn { name: column.name.clone(), kind: ColumnKind::Level, r#type: column.level.column_type() };
        let codes = members(column, index, depths, rows, evaluator);
        columns.push((header, Values::Members { dictionary: Arc::clone(column.level.dictionary()), codes }));
        evaluator.check()?;
    }
    for index in &resolved.measures {
        let measure = measure(evaluator.cube(), *index);
        let header =
            AnswerColumn { name: measure.name.clone(), kind: ColumnKind::Measure, r#type: measure.result_type };
        let values = depths.groupings.iter().map(|grouping| evaluator.values(*grouping, *index));
        columns.push((header, gather(&values.collect::<Result<Vec<_>, _>>()?, rows)));
    }
    let row_count = match rows {
        Rows::All => evaluator.cells(Evaluator::DEEPEST).len(),
        Rows::Cells(cells) => cells.len(),
        Rows::Mixed(rows) => rows.len(),
    };
    Ok(Answer::new(columns.into_iter(), row_count))
}

/// Codes of the members of rows in a level column; none in a total above it.
fn members(
    column: &LevelColumn<'_>,
    index: usize,
    depths: &Depths,
    rows: &Rows,
    evaluator: &Evaluator<'_>,
) -> Vec<Option<u32>> {
    let at_depth = |grouping: &usize| evaluator.nodes_at(*grouping, column.group, column.at.level);
    let nodes: Vec<_> = depths.groupings.iter().map(at_depth).collect();
    let member = |grouping: usize, cell: u32| {
        let nodes = nodes.get(grouping).filter(|_| index < depths.first + grouping)?;
        Some(column.level.member(nodes.of(cell as usize)?))
    };
    match rows {
        Rows::All => {
            let cell_count = nodes.first().map_or(0, evaluate::Nodes::len);
            (0..code_of(cell_count)).map(|cell| member(0, cell)).collect()
        }
        Rows::Cells(cells) => cells.iter().map(|cell| member(0, *cell)).collect(),
        Rows::Mixed(rows) => rows.iter().map(|row| member(row.grouping as usize, row.cell)).collect(),
    }
}
