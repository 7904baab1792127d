//! The answer, and how it is written.

use serde::Serialize;

/// The answer to a query.
#[derive(Clone, Debug)]
pub struct Answer {}

/// A column of an answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AnswerColumn {
    /// Name of the level or measure; qualified where the answer has two levels of one name.
    pub name: String,
    /// What the column is of.
    pub kind: ColumnKind,
    /// Type of its values.
    pub r#type: AnswerType,
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

/// Type of the values of an answer's column.
pub type AnswerType = crate::value::ColumnType;

/// One value of an answer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Cell<'a> {
    /// No value; of a level: a total.
    Null,
    /// Text; also `N/A`, the missing member of a level of any type.
    Text(&'a str),
    /// A truth value.
    Bool(bool),
    /// An integer.
    Int64(i64),
    /// A finite number.
    Double(f64),
    /// A date.
    Date(jiff::civil::Date),
}

impl Answer {
    /// The columns, levels before measures.
    pub fn columns(&self) -> &[AnswerColumn] {
        unimplemented!()
    }

    /// Number of rows.
    pub fn row_count(&self) -> usize {
        unimplemented!()
    }

    /// One row, a value per column.
    pub fn row(&self, _index: usize) -> Vec<Cell<'_>> {
        unimplemented!()
    }

    /// `{"columns":[{"name","kind","type"}],"rows":[[…]],"policyRevision":…}`.
    pub fn to_json(&self, _policy_revision: u64) -> String {
        unimplemented!()
    }

    /// RFC 4180 with a header line; null is an empty cell.
    pub fn to_csv(&self) -> String {
        unimplemented!()
    }
}
