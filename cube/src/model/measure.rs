//! A measure: what becomes of the facts of a cell.

use crate::value::ColumnType;

/// Name of the measure that every cube has: the number of facts.
pub(crate) const COUNT: &str = "contributors.COUNT";

/// A measure of a cube.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Measure {
    pub(crate) name: String,
    pub(crate) kind: MeasureKind,
}

/// What is made of the facts of a cell. Columns are indices into the summed columns of the cube.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MeasureKind {
    /// Number of facts.
    Count,
    /// Sum of a column, of the column's type.
    Sum { column: usize, column_type: ColumnType },
    /// Mean of the values of a column that are not null.
    Mean { column: usize },
}

impl Measure {
    pub(crate) fn result_type(&self) -> ColumnType {
        match self.kind {
            MeasureKind::Count => ColumnType::Int64,
            MeasureKind::Sum { column_type, .. } => column_type,
            MeasureKind::Mean { .. } => ColumnType::Double,
        }
    }
}
