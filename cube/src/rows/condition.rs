//! A filter of rows, ready to be tested row by row.
//!
//! A coded column is tested by the codes that its test wants. Numbers are compared as they are: coding a column of many
//! different ones costs more than looking at the rows once.

use std::cmp::Ordering;

use super::request::RowFilter;
use crate::{
    limits::QUERY_FILTER_CLAUSES_MAX,
    load::table::Coded,
    model::reach::{Columns, ReachedColumn},
    request::{
        QueryError,
        filter::{Scalar, Test},
    },
    resolve::filter::Members,
    storage::{
        bitmap::Bitmap,
        numbers::{Numbers, ratio},
    },
    value::{Cell, parse_decimal, parse_double, parse_int64},
};

/// A filter of rows over columns that there are.
pub(super) enum Condition<'a> {
    All(Vec<Self>),
    Any(Vec<Self>),
    Not(Box<Self>),
    Codes { column: ReachedColumn<'a>, coded: &'a Coded, wanted: Bitmap },
    Numbers { column: ReachedColumn<'a>, numbers: &'a Numbers, test: NumberTest },
}

/// What is to hold of a number. A value that is no number matches nothing.
pub(super) enum NumberTest {
    In { numbers: Vec<Number>, missing: bool },
    Bounds { from: Option<(Number, Ends)>, to: Option<(Number, Ends)> },
    Nothing,
}

/// Whether a bound is part of what it bounds.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Ends {
    Included,
    Excluded,
}

/// A number as it is written, and as a double.
pub(super) struct Number {
    text: String,
    double: f64,
}

impl<'a> Condition<'a> {
    pub(super) fn new(filter: &RowFilter, columns: &Columns<'a>) -> Result<Self, QueryError> {
        let mut clauses_left = QUERY_FILTER_CLAUSES_MAX;
        Self::within(filter, columns, &mut clauses_left)
    }

    fn within(filter: &RowFilter, columns: &Columns<'a>, clauses_left: &mut usize) -> Result<Self, QueryError> {
        *clauses_left = clauses_left
            .checked_sub(1)
            .ok_or_else(|| QueryError::TooLarge(format!("a filter has at most {QUERY_FILTER_CLAUSES_MAX} clauses")))?;
        let mut all = |filters: &[RowFilter]| -> Result<Vec<Self>, QueryError> {
            filters.iter().map(|filter| Self::within(filter, columns, clauses_left)).collect()
        };
        Ok(match filter {
            RowFilter::And(filters) => Self::All(all(filters)?),
            RowFilter::Or(filters) => Self::Any(all(filters)?),
            RowFilter::Not(filter) => Self::Not(Box::new(Self::within(filter, columns, clauses_left)?)),
            RowFilter::Column { column, test } => {
                let column = columns.find(column).map_err(QueryError::Invalid)?;
                if let Some(numbers) = column.column.numbers() {
                    Self::Numbers { column, numbers, test: NumberTest::new(test) }
                } else {
                    let coded = column.column.coded();
                    Self::Codes {
                        column,
                        coded,
                        wanted: Members::passing(test, &coded.dictionary).bits(coded.dictionary.len()),
                    }
                }
            }
        })
    }

    /// Whether a row of the first table meets it.
    pub(super) fn holds(&self, row: usize) -> bool {
        match self {
            Self::All(conditions) => conditions.iter().all(|condition| condition.holds(row)),
            Self::Any(conditions) => conditions.iter().any(|condition| condition.holds(row)),
            Self::Not(condition) => !condition.holds(row),
            Self::Codes { column, coded, wanted } => {
                let code = column.reached.row(row).and_then(|row| coded.codes.get(row));
                wanted.get(code.unwrap_or(coded.dictionary.missing()) as usize)
            }
            Self::Numbers { column, numbers, test } => {
                test.holds(column.reached.row(row).map_or(Cell::Null, |row| numbers.get(row)))
            }
        }
    }
}

impl NumberTest {
    fn new(test: &Test) -> Self {
        let bounds = |from: Option<(&Scalar, Ends)>, to: Option<(&Scalar, Ends)>| {
            let read = |bound: Option<(&Scalar, Ends)>| match bound {
                None => Some(None),
                Some((value, ends)) => Number::new(value).map(|number| Some((number, ends))),
            };
            match (read(from), read(to)) {
                (Some(from), Some(to)) => Self::Bounds { from, to },
                _ => Self::Nothing,
            }
        };
        match test {
            Test::In(values) => Self::In {
                numbers: values.iter().flatten().filter_map(Number::new).collect(),
                missing: values.contains(&None),
            },
            Test::Between { from, to } => {
                bounds(from.as_ref().map(|from| (from, Ends::Included)), to.as_ref().map(|to| (to, Ends::Included)))
            }
            Test::LessThan(value) => bounds(None, Some((value, Ends::Excluded))),
            Test::AtMost(value) => bounds(None, Some((value, Ends::Included))),
            Test::GreaterThan(value) => bounds(Some((value, Ends::Excluded)), None),
            Test::AtLeast(value) => bounds(Some((value, Ends::Included)), None),
        }
    }

    fn holds(&self, cell: Cell<'_>) -> bool {
        let compared = |number: &Number| number.compare(cell).map(Ordering::reverse);
        match self {
            Self::In { missing, .. } if cell == Cell::Null => *missing,
            Self::In { numbers, .. } => numbers.iter().any(|number| compared(number) == Some(Ordering::Equal)),
            Self::Bounds { from, to } => {
                let meets = |bound: &Option<(Number, Ends)>, beyond: Ordering| match bound {
                    None => true,
                    Some((number, ends)) => compared(number)
                        .is_some_and(|order| order == beyond || order == Ordering::Equal && *ends == Ends::Included),
                };
                cell != Cell::Null && meets(from, Ordering::Greater) && meets(to, Ordering::Less)
            }
            Self::Nothing => false,
        }
    }
}

impl Number {
    fn new(value: &Scalar) -> Option<Self> {
        let text = value.text();
        let double = parse_double(&text)?;
        Some(Self { text, double })
    }

    /// Compares this number to a value, exactly where it can be written as one of the type of the value.
    fn compare(&self, cell: Cell<'_>) -> Option<Ordering> {
        match cell {
            Cell::Int64(value) => Some(match parse_int64(&self.text) {
                Some(exact) => exact.cmp(&value),
                None => self.double.total_cmp(&ratio(value.into(), 1)),
            }),
            Cell::Decimal { units, scale } => {
                Some(match parse_decimal(&self.text, crate::limits::DECIMAL_PRECISION_MAX, scale) {
                    Some(exact) => i128::from(exact).cmp(&units),
                    None => self.double.total_cmp(&ratio(units, 10_i128.pow(scale.into()))),
                })
            }
            Cell::Double(value) => Some(self.double.total_cmp(&value)),
            Cell::Null | Cell::Text(_) | Cell::Bool(_) | Cell::Date(_) | Cell::Timestamp(_) => None,
        }
    }
}
