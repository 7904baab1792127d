//! Rows as they are stored: drill-through of a cube, and reads of one table.
//!
//! ```text
//! RowsQuery ──resolve──▶ columns, condition ──select──▶ row numbers ──read──▶ Answer
//!                                                ▲
//!                                              Mask
//! ```
//!
//! Only visible rows are looked at, in the order of the first table. Joined columns are read where the row leads.

use std::sync::Arc;

use crate::{
    answer::{Answer, AnswerColumn, ColumnKind, Values},
    budget::Budget,
    limits::{ROW_VALUES_MAX, ROWS_DEFAULT, ROWS_MAX},
    model::reach::{Columns, Reach, ReachedColumn},
    request::QueryError,
    storage::bitmap::Bitmap,
    value::{Cell, ColumnType},
};

mod condition;
pub(crate) mod member_list;
pub(crate) mod request;
pub(crate) mod table;

use condition::Condition;
use request::RowsQuery;

/// Rows between two looks at whether to give up.
const ROWS_PER_CHECK: usize = 4096;

/// Reads rows of the first table of `reach`; of all of them when nothing is selected. `columns` are those that there are,
/// `otherwise` those of a query that names none.
pub(crate) fn read(
    reach: &Reach,
    columns: &Columns<'_>,
    otherwise: &[ReachedColumn<'_>],
    selection: Option<&Bitmap>,
    query: &RowsQuery,
    budget: &Budget<'_>,
) -> Result<Answer, QueryError> {
    let wanted = match query.columns.as_slice() {
        [] => otherwise.to_vec(),
        names => names.iter().map(|name| columns.find(name)).collect::<Result<_, _>>().map_err(QueryError::Invalid)?,
    };
    let condition = query.filter.as_ref().map(|filter| Condition::new(filter, columns)).transpose()?;
    let rows = select(reach, selection, condition.as_ref(), &range(query)?, budget)?;
    if rows.len().saturating_mul(wanted.len()) > ROW_VALUES_MAX {
        return Err(QueryError::TooLarge(format!(
            "{} rows of {} columns are more than {ROW_VALUES_MAX} values; ask for fewer rows or columns",
            rows.len(),
            wanted.len()
        )));
    }
    budget.check()?;
    let values = wanted.iter().map(|column| (header(column, columns), values(column, &rows)));
    Ok(Answer::new(values, rows.len()))
}

/// Which of the matching rows to return.
struct RangeOfRows {
    offset: usize,
    limit: usize,
}

fn range(query: &RowsQuery) -> Result<RangeOfRows, QueryError> {
    let limit = query.limit.map_or(ROWS_DEFAULT, |limit| usize::try_from(limit).unwrap_or(usize::MAX));
    if limit > ROWS_MAX {
        return Err(QueryError::TooLarge(format!("a limit is at most {ROWS_MAX} rows; read further ones by offset")));
    }
    Ok(RangeOfRows { offset: usize::try_from(query.offset.unwrap_or(0)).unwrap_or(usize::MAX), limit })
}

/// The numbers of the rows that are selected and meet the condition, cut to the range.
fn select(
    reach: &Reach,
    selection: Option<&Bitmap>,
    condition: Option<&Condition<'_>>,
    range: &RangeOfRows,
    budget: &Budget<'_>,
) -> Result<Vec<usize>, QueryError> {
    let row_count = reach.fact_table().row_count;
    let mut selected: Box<dyn Iterator<Item = usize> + '_> = match selection {
        Some(selection) => Box::new(selection.positions()),
        None => Box::new(0..row_count),
    };
    let (mut found, mut rows) = (0_usize, Vec::new());
    while rows.len() < range.limit {
        budget.check()?;
        let mut looked_at = 0;
        for row in selected.by_ref().take(ROWS_PER_CHECK) {
            looked_at += 1;
            if condition.is_none_or(|condition| condition.holds(row)) {
                if found >= range.offset {
                    rows.push(row);
                    if rows.len() == range.limit {
                        break;
                    }
                }
                found += 1;
            }
        }
        if looked_at < ROWS_PER_CHECK {
            break;
        }
    }
    Ok(rows)
}

fn header(column: &ReachedColumn<'_>, columns: &Columns<'_>) -> AnswerColumn {
    AnswerColumn { name: columns.called(column), kind: ColumnKind::Column, r#type: column.column.column_type() }
}

fn values(column: &ReachedColumn<'_>, rows: &[usize]) -> Values {
    let column_type = column.column.column_type();
    if let Some(numbers) = column.column.numbers() {
        let cells = rows.iter().map(|row| column.reached.row(*row).map_or(Cell::Null, |row| numbers.get(row)));
        return match column_type {
            ColumnType::Decimal { scale, .. } => Values::Decimal {
                units: cells
                    .map(|cell| if let Cell::Decimal { units, .. } = cell { Some(units) } else { None })
                    .collect(),
                scale,
            },
            ColumnType::Int64 => Values::Int64(
                cells.map(|cell| if let Cell::Int64(number) = cell { Some(number) } else { None }).collect(),
            ),
            _ => Values::Double(
                cells.map(|cell| if let Cell::Double(number) = cell { Some(number) } else { None }).collect(),
            ),
        };
    }
    let coded = column.column.coded();
    let missing = coded.dictionary.missing();
    // Text has a word for what is missing, other types have null.
    let shown = |code: u32| (code != missing || column_type == ColumnType::String).then_some(code);
    let code = |row: &usize| {
        let code = column.reached.row(*row).and_then(|row| coded.codes.get(row));
        shown(code.unwrap_or(missing))
    };
    Values::Members { dictionary: Arc::clone(&coded.dictionary), codes: rows.iter().map(code).collect() }
}
