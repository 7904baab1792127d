//! From bytes to a [`Table`](table::Table).

use std::collections::BTreeMap;

use crate::value::ColumnType;

pub mod csv;
pub(crate) mod table;

/// What is said of a table beside its bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TableDefinition {
    /// Name of the table.
    pub name: String,
    /// Columns that identify a row: a later row with the same key replaces the earlier one. Without keys duplicates stay.
    pub keys: Vec<String>,
    /// Types that are not to be inferred, by column.
    pub column_types: BTreeMap<String, ColumnType>,
}

/// Everything wrong with one file, up to [`LOAD_ERRORS_MAX`](crate::limits::LOAD_ERRORS_MAX).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", .errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
pub struct LoadErrors {
    /// The errors, in the order of the file. At least one.
    pub errors: Vec<LoadError>,
    /// Whether reading stopped at the limit, so that there may be more.
    pub more: bool,
}

/// One thing wrong with a file, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}: {rule}")]
pub struct LoadError {
    /// The file.
    pub file: String,
    /// Line in the file, from 1; absent when the file as a whole is meant.
    pub line: Option<u64>,
    /// Name of the column.
    pub column: Option<String>,
    /// The value found, cut when long.
    pub value: Option<String>,
    /// What is wrong, as a sentence without the fields above.
    pub rule: String,
}
