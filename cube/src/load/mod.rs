//! From bytes to a [`Table`](table::Table).
//!
//! ```text
//! CSV      blocks ─split──▶ pieces ──cut──▶ cells ──infer──▶ types ──column──▶ values ─┐ concat
//! Parquet  bytes ─────────▶ row groups ────────────────────────────────────────▶ values ─┴──upsert──cluster──▶ Table
//! ```

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::value::ColumnType;

mod assemble;
mod blocks;
mod cluster;
mod column;
pub mod csv;
mod cut;
mod infer;
mod integers;
pub mod parquet;
mod piece;
mod report;
mod split;
pub(crate) mod table;
mod texts;
mod upsert;
mod values;

pub use report::{Flaw, LoadError, LoadErrors, Skipped};

/// What is said of a table beside its bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TableDefinition {
    /// Name of the table.
    pub name: String,
    /// Columns that identify a row: a later row with the same key replaces the earlier one. Without keys duplicates stay.
    pub keys: Vec<String>,
    /// Types that are not to be inferred, by column.
    pub column_types: BTreeMap<String, ColumnType>,
    /// What a row that cannot be read does.
    pub on_bad_row: OnBadRow,
}

/// What a row that cannot be read does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum OnBadRow {
    /// The table is not loaded.
    #[default]
    Fail,
    /// The row is left out and counted. What makes the rest of the file unreadable still is an error.
    Skip,
}
