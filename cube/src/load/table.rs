//! A loaded table.

/// A loaded table: typed columns, one row per key.
#[derive(Debug)]
pub struct Table {}

impl Table {
    /// Name of the table.
    pub fn name(&self) -> &str {
        unimplemented!()
    }

    /// Number of rows.
    pub fn row_count(&self) -> usize {
        unimplemented!()
    }
}
