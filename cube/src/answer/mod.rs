//! The answer, and how it is written.
//!
//! ```text
//!         ┌─▶ json    a row after the other, every digit of a decimal
//! Answer ─┼─▶ csv     the same cells, RFC 4180
//!         └─▶ arrow   an IPC stream, a column after the other
//! ```

use std::sync::Arc;

use serde::{Serialize, Serializer};

use crate::{
    limits::ANSWER_BYTES_MAX,
    request::QueryError,
    storage::{dictionary::Dictionary, numbers::ratio},
    value::{Cell, ColumnType},
};

mod arrow;
mod csv;
mod json;
pub(crate) mod text;

/// The answer to a question: columns of equal length.
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
    /// Values of a table's column, a row each.
    Column,
}

/// What an answer can be written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// `{"columns":[{"name","kind","type"}],"rows":[[…]],"policyRevision":…}`.
    Json,
    /// RFC 4180 with a header line; null is an empty cell.
    Csv,
    /// An Arrow IPC stream. A missing member is null in a level that is not text.
    Arrow,
}

/// What is said beside the rows.
#[derive(Clone, Copy, Debug, Default)]
pub struct Remarks<'a> {
    /// The policy by which the facts were chosen.
    pub policy_revision: u64,
    /// How the answer came about.
    pub explanation: Option<&'a serde_json::Value>,
}

/// The values of one column.
#[derive(Clone, Debug)]
pub(crate) enum Values {
    /// Values by their codes; none in a total above the level, and where a column or measure is null.
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

    /// Some of the rows.
    pub(crate) fn pick(&self, rows: &[usize]) -> Self {
        let values = self.values.iter().map(|values| values.pick(rows)).collect();
        Self { columns: self.columns.clone(), values, row_count: rows.len() }
    }

    /// Bytes held, less the texts that it shares with the model.
    pub fn bytes(&self) -> usize {
        let names: usize = self.columns.iter().map(|column| size_of::<AnswerColumn>() + column.name.len()).sum();
        names + self.values.iter().map(Values::bytes).sum::<usize>()
    }

    /// The answer as text or bytes, at most [`ANSWER_BYTES_MAX`] of them.
    pub fn encode(&self, encoding: Encoding, remarks: Remarks<'_>) -> Result<Vec<u8>, QueryError> {
        self.encode_within(encoding, remarks, ANSWER_BYTES_MAX)
    }

    /// As [`encode`](Self::encode), with a bound of its own.
    pub fn encode_within(
        &self,
        encoding: Encoding,
        remarks: Remarks<'_>,
        bytes_max: usize,
    ) -> Result<Vec<u8>, QueryError> {
        match encoding {
            Encoding::Json => json::encode(self, remarks, bytes_max),
            Encoding::Csv => csv::encode(self, bytes_max),
            Encoding::Arrow => arrow::encode(self, remarks, bytes_max),
        }
    }

    /// [`Encoding::Json`], however long.
    pub fn to_json(&self, policy_revision: u64) -> String {
        String::from_utf8(self.unbounded(Encoding::Json, policy_revision)).expect("JSON is written as UTF-8")
    }

    /// [`Encoding::Csv`], however long.
    pub fn to_csv(&self) -> String {
        String::from_utf8(self.unbounded(Encoding::Csv, 0)).expect("texts are UTF-8")
    }

    /// [`Encoding::Arrow`], however long.
    pub fn to_arrow(&self, policy_revision: u64) -> Vec<u8> {
        self.unbounded(Encoding::Arrow, policy_revision)
    }

    fn unbounded(&self, encoding: Encoding, policy_revision: u64) -> Vec<u8> {
        let remarks = Remarks { policy_revision, explanation: None };
        self.encode_within(encoding, remarks, usize::MAX).expect("nothing but the bound refuses to be written")
    }
}

/// As a value among others a decimal is a double; what [`Answer::encode`] writes has all its digits.
impl Serialize for Cell<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
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

impl Values {
    pub(crate) fn get(&self, row: usize) -> Cell<'_> {
        match self {
            Self::Members { dictionary, codes } => at(codes, row).map_or(Cell::Null, |code| dictionary.member(code)),
            Self::Int64(values) => at(values, row).map_or(Cell::Null, Cell::Int64),
            Self::Double(values) => at(values, row).map_or(Cell::Null, Cell::Double),
            Self::Decimal { units, scale } => {
                at(units, row).map_or(Cell::Null, |units| Cell::Decimal { units, scale: *scale })
            }
        }
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

    fn bytes(&self) -> usize {
        match self {
            Self::Members { codes, .. } => size_of_val(codes.as_slice()),
            Self::Int64(values) => size_of_val(values.as_slice()),
            Self::Double(values) => size_of_val(values.as_slice()),
            Self::Decimal { units, .. } => size_of_val(units.as_slice()),
        }
    }
}

fn at<T: Copy>(values: &[Option<T>], row: usize) -> Option<T> {
    values.get(row).copied().flatten()
}

fn pick<T: Copy>(values: &[Option<T>], rows: &[usize]) -> Vec<Option<T>> {
    rows.iter().map(|row| at(values, *row)).collect()
}

fn too_long(bytes_max: usize) -> QueryError {
    QueryError::TooLarge(format!("the answer has more than {bytes_max} bytes; ask for fewer rows or columns"))
}

#[cfg(test)]
mod tests;
