//! From bytes to a [`Table`](table::Table).
//!
//! ```text
//! bytes ──records──▶ header, cells ──infer──▶ types ──column──▶ values ──upsert──▶ Table
//! ```

use std::collections::BTreeMap;

use crate::value::ColumnType;

mod column;
pub mod csv;
mod infer;
mod records;
mod report;
pub(crate) mod table;
mod upsert;

pub use report::{LoadError, LoadErrors};

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
