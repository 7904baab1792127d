//! Which facts a caller may see.

use std::collections::BTreeSet;

use crate::value::ColumnName;

/// The facts of one cube that may be seen. Made by [`Cube::mask`](crate::Cube::mask); cheap to clone.
#[derive(Clone, Debug)]
pub struct Mask {}

/// The value of a column is one of these.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ColumnIn {
    /// The column, of the fact table or a table joined to it.
    pub column: ColumnName,
    /// Values as text, read by the type of the column. One that cannot be read, or that no row has, matches nothing.
    /// `N/A` is the missing value of every type.
    pub values: BTreeSet<String>,
}

/// Why clauses do not make a mask.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MaskError {
    /// The cube's joins do not reach the column.
    #[error("the cube {cube} does not reach the column {column}")]
    Unreachable {
        /// Name of the cube.
        cube: String,
        /// The column.
        column: ColumnName,
    },
}

impl Mask {
    /// Number of facts that may be seen.
    pub fn visible_count(&self) -> usize {
        unimplemented!()
    }
}
