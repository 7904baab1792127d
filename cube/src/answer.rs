//! The answer, and how it is written.

use std::{cmp::Ordering, fmt::Write as _, sync::Arc};

use serde::{Serialize, ser::SerializeSeq};

use crate::{
    finish::nulls_last,
    request::Direction,
    storage::{dictionary::Dictionary, numbers::ratio},
    value::{Cell, ColumnType},
};

/// The answer to a query.
#[derive(Clone, Debug)]
pub struct Answer {
    columns: Vec<AnswerColumn>,
    values: Vec<Values>,
    row_count: usize,
}

/// A column of an answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AnswerColumn {
    /// Name of the level or measure; of a level `Hierarchy/Level` where the answer has two levels of one name.
    pub name: String,
    /// What the column is of.
    pub kind: ColumnKind,
    /// Type of its values.
    pub r#type: ColumnType,
}

/// What a column of an answer is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum ColumnKind {
    /// Members of a level; null in a total above it.
    Level,
    /// Values of a measure.
    Measure,
}

/// The values of one column.
#[derive(Clone, Debug)]
pub(crate) enum Values {
    /// Members of a level by their codes, none in a total above it.
    Members {
        dictionary: Arc<Dictionary>,
        codes: Vec<Option<u32>>,
    },
    Int64(Vec<Option<i64>>),
    Double(Vec<Option<f64>>),
    Decimal {
        units: Vec<Option<i128>>,
        scale: u8,
    },
}

impl Answer {
    pub(crate) fn new(columns: impl Iterator<Item = (AnswerColumn, Values)>, row_count: usize) -> Self {
        let (columns, values) = columns.unzip();
        Self { columns, values, row_count }
    }

    /// The columns, levels before measures.
    pub fn columns(&self) -> &[AnswerColumn] {
        &self.columns
    }

    /// Number of rows.
    pub fn row_count(&self) -> usize {
        self.row_count
    }

    /// One row, a value per column.
    pub fn row(&self, index: usize) -> Vec<Cell<'_>> {
        self.values.iter().map(|values| values.get(index)).collect()
    }

    /// `{"columns":[{"name","kind","type"}],"rows":[[…]],"policyRevision":…}`.
    pub fn to_json(&self, policy_revision: u64) -> String {
        let document = Document { columns: &self.columns, rows: RowsOf(self), policy_revision };
        serde_json::to_string(&document).expect("texts and finite numbers can be written as JSON")
    }

    /// RFC 4180 with a header line; null is an empty cell.
    pub fn to_csv(&self) -> String {
        let mut text = String::new();
        write_record(&mut text, self.columns.iter().map(|column| Cell::Text(&column.name)));
        for row in 0..self.row_count {
            write_record(&mut text, self.values.iter().map(|values| values.get(row)));
        }
        text
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'a> {
    columns: &'a [AnswerColumn],
    rows: RowsOf<'a>,
    policy_revision: u64,
}

struct RowsOf<'a>(&'a Answer);

struct RowOf<'a>(&'a Answer, usize);

impl Serialize for RowsOf<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut rows = serializer.serialize_seq(Some(self.0.row_count))?;
        for row in 0..self.0.row_count {
            rows.serialize_element(&RowOf(self.0, row))?;
        }
        rows.end()
    }
}

impl Serialize for RowOf<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.values.iter().map(|values| values.get(self.1)))
    }
}

impl Serialize for Cell<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Text(text) => serializer.serialize_str(text),
            Self::Bool(value) => serializer.serialize_bool(*value),
            Self::Int64(number) => serializer.serialize_i64(*number),
            Self::Double(number) => serializer.serialize_f64(*number),
            Self::Decimal { units, scale } => serializer.serialize_f64(ratio(*units, 10_i128.pow((*scale).into()))),
            Self::Date(date) => serializer.collect_str(date),
            Self::Timestamp(timestamp) => serializer.collect_str(timestamp),
        }
    }
}

fn write_record<'a>(text: &mut String, cells: impl Iterator<Item = Cell<'a>>) {
    let start = text.len();
    for (index, cell) in cells.enumerate() {
        if index > 0 {
            text.push(',');
        }
        write_cell(text, cell);
    }
    if text.len() == start {
        // An empty line would not be a record.
        text.push_str("\"\"");
    }
    text.push_str("\r\n");
}

fn write_cell(text: &mut String, cell: Cell<'_>) {
    let written = match cell {
        Cell::Null => Ok(()),
        Cell::Text(value) if value.contains(['"', ',', '\r', '\n']) => {
            write!(text, "\"{}\"", value.replace('"', "\"\""))
        }
        Cell::Text(value) => text.write_str(value),
        // Numbers and truth values are written as in JSON.
        Cell::Bool(_) | Cell::Int64(_) | Cell::Double(_) | Cell::Decimal { .. } => {
            text.write_str(&serde_json::to_string(&cell).expect("finite numbers can be written as JSON"))
        }
        Cell::Date(date) => write!(text, "{date}"),
        Cell::Timestamp(timestamp) => write!(text, "{timestamp}"),
    };
    written.expect("writing to a string does not fail");
}

impl Values {
    pub(crate) fn get(&self, row: usize) -> Cell<'_> {
        match self {
            Self::Members { dictionary, codes } => {
                codes.get(row).copied().flatten().map_or(Cell::Null, |code| dictionary.member(code))
            }
            Self::Int64(values) => values.get(row).copied().flatten().map_or(Cell::Null, Cell::Int64),
            Self::Double(values) => values.get(row).copied().flatten().map_or(Cell::Null, Cell::Double),
            Self::Decimal { units, scale } => {
                at(units, row).map_or(Cell::Null, |units| Cell::Decimal { units, scale: *scale })
            }
        }
    }

    pub(crate) fn is_null(&self, row: usize) -> bool {
        self.get(row) == Cell::Null
    }

    /// The values of some rows.
    pub(crate) fn pick(&self, rows: &[usize]) -> Self {
        match self {
            Self::Members { dictionary, codes } => {
                Self::Members { dictionary: Arc::clone(dictionary), codes: pick(codes, rows) }
            }
            Self::Int64(values) => Self::Int64(pick(values, rows)),
            Self::Double(values) => Self::Double(pick(values, rows)),
            Self::Decimal { units, scale } => Self::Decimal { units: pick(units, rows), scale: *scale },
        }
    }

    /// Compares two rows, nulls last.
    pub(crate) fn compare(&self, a: usize, b: usize, direction: Direction) -> Ordering {
        match self {
            Self::Members { codes, .. } => nulls_last(at(codes, a), at(codes, b), direction, u32::cmp),
            Self::Int64(values) => nulls_last(at(values, a), at(values, b), direction, i64::cmp),
            Self::Double(values) => nulls_last(at(values, a), at(values, b), direction, f64::total_cmp),
            Self::Decimal { units, .. } => nulls_last(at(units, a), at(units, b), direction, i128::cmp),
        }
    }
}

fn at<T: Copy>(values: &[Option<T>], row: usize) -> Option<T> {
    values.get(row).copied().flatten()
}

fn pick<T: Copy>(values: &[Option<T>], rows: &[usize]) -> Vec<Option<T>> {
    rows.iter().map(|row| at(values, *row)).collect()
}
