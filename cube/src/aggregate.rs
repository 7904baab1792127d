//! What can be made of the facts of a cell, and which facts are looked at.
//!
//! The vocabulary between what is asked (`resolve`) and how it is found (`plan`, `scan`).

use std::sync::Arc;

use crate::{storage::bitmap::Bitmap, value::ColumnType};

/// A column that the cube reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct ColumnId {
    /// Index of its table, the fact table being 0.
    pub(crate) table: usize,
    /// Index in the table.
    pub(crate) column: usize,
}

/// What is made of the facts of a cell. Nulls take no part; of nothing, all but the count are null.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Aggregate {
    /// Number of facts.
    Count,
    Sum(ColumnId),
    Mean(ColumnId),
    Min(ColumnId),
    Max(ColumnId),
    Spread {
        column: ColumnId,
        of: Spread,
    },
    /// Interpolated linearly between the two values that surround it.
    Quantile {
        column: ColumnId,
        /// 0 is the smallest value, 1 the largest.
        quantile: f64,
    },
    /// Number of different values.
    DistinctCount(ColumnId),
    /// Sum of the products of the columns.
    SumProduct(Vec<ColumnId>),
    /// Sum over currencies of the amount in it times its rate. Null when a currency that has an amount has no rate.
    Converted {
        amount: ColumnId,
        currency: ColumnId,
        /// By the code of the currency.
        rates: Arc<[Option<f64>]>,
    },
}

/// How far values lie from their mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Spread {
    /// Divides by one less than the number of values; of one value there is no spread then.
    pub(crate) sample: bool,
    /// The standard deviation instead of the variance.
    pub(crate) root: bool,
}

/// Which facts a query looks at.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum FactFilter {
    /// All of these hold. None: every fact.
    All(Vec<FactFilter>),
    /// At least one of these holds. None: no fact.
    Any(Vec<FactFilter>),
    Not(Box<FactFilter>),
    /// The leaf of the fact is wanted.
    Leaves {
        /// Index among the hierarchies of the cube.
        hierarchy: usize,
        /// A bit per leaf.
        wanted: Bitmap,
    },
}

/// A level that facts are grouped by, with the levels above it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Group {
    /// Index among the hierarchies of the cube.
    pub(crate) hierarchy: usize,
    /// Index in the hierarchy.
    pub(crate) level: usize,
}

/// The digits of a sum of decimals.
const SUM_PRECISION: u8 = 38;

impl Aggregate {
    /// The type of its values, by the types of columns.
    pub(crate) fn result_type(&self, type_of: impl Fn(ColumnId) -> ColumnType) -> ColumnType {
        match self {
            Self::Count | Self::DistinctCount(_) => ColumnType::Int64,
            Self::Sum(column) => sum_type(type_of(*column)),
            Self::Min(column) | Self::Max(column) => type_of(*column),
            Self::SumProduct(columns) => columns.iter().map(|column| sum_type(type_of(*column))).fold(
                ColumnType::Int64,
                |product, factor| match (product, factor) {
                    (ColumnType::Int64, factor) => factor,
                    (product, ColumnType::Int64) => product,
                    (ColumnType::Decimal { scale: a, .. }, ColumnType::Decimal { scale: b, .. })
                        if a + b <= crate::limits::DECIMAL_PRECISION_MAX =>
                    {
                        ColumnType::Decimal { precision: SUM_PRECISION, scale: a + b }
                    }
                    _ => ColumnType::Double,
                },
            ),
            Self::Mean(_) | Self::Spread { .. } | Self::Quantile { .. } | Self::Converted { .. } => ColumnType::Double,
        }
    }
}

pub(crate) fn sum_type(column_type: ColumnType) -> ColumnType {
    match column_type {
        ColumnType::Decimal { scale, .. } => ColumnType::Decimal { precision: SUM_PRECISION, scale },
        other => other,
    }
}
