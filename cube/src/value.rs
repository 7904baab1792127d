//! Types of columns and what their values are.

use serde::{Deserialize, Serialize};

/// Type of a column's values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ColumnType {
    /// Text, ordered by code point.
    String,
    /// `true` or `false`.
    Bool,
    /// 64-bit signed integer.
    Int64,
    /// Finite IEEE 754 double.
    Double,
    /// Calendar date, `2021-01-31`.
    Date,
}

/// A column of a table.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ColumnName {
    /// Name of the table.
    pub table: String,
    /// Name of the column.
    pub column: String,
}

impl std::fmt::Display for ColumnName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.table, self.column)
    }
}
