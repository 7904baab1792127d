//! A measure: what becomes of the facts of a cell, or of other measures.

use std::sync::Arc;

use crate::{
    aggregate::{Aggregate, ColumnId, Group},
    expression::{Expression, Operand},
    value::ColumnType,
};

pub(crate) mod rates;

use rates::Rates;

/// Name of the measure that every cube has: the number of facts.
pub const COUNT: &str = "contributors.COUNT";

/// A measure of a cube.
#[derive(Clone, Debug)]
pub(crate) struct Measure {
    pub(crate) name: String,
    pub(crate) kind: MeasureKind,
    pub(crate) result_type: ColumnType,
}

/// What a measure is made of. Other measures are named by their index in the cube, and none refers to itself through them.
#[derive(Clone, Debug)]
pub(crate) enum MeasureKind {
    Facts(Aggregate),
    Converted {
        amount: ColumnId,
        currency: ColumnId,
        rates: Arc<Rates>,
        /// The target, unless the query names another.
        to: String,
    },
    /// Context values are named by their index in the cube too.
    Expression(Expression<usize>),
    ShareOfParent {
        measure: usize,
        /// Index in the cube.
        hierarchy: usize,
    },
    ShareOfTotal {
        measure: usize,
    },
    RunningTotal {
        measure: usize,
        along: Group,
    },
    PreviousMember {
        measure: usize,
        along: Group,
    },
}

impl MeasureKind {
    /// Whether a cell of one fact has the fact's value of the column, for this measure.
    pub(crate) fn tells(&self, column: ColumnId) -> bool {
        use Aggregate::{Converted, Count, DistinctCount, Max, Mean, Min, Quantile, Spread, Sum, SumProduct};
        match self {
            Self::Facts(Sum(of) | Mean(of) | Min(of) | Max(of) | Quantile { column: of, .. }) => *of == column,
            Self::Facts(Count | DistinctCount(_) | Spread { .. } | SumProduct(_) | Converted { .. })
            | Self::Converted { .. }
            | Self::Expression(_)
            | Self::ShareOfParent { .. }
            | Self::ShareOfTotal { .. }
            | Self::RunningTotal { .. }
            | Self::PreviousMember { .. } => false,
        }
    }

    /// The measures that this one is made of.
    pub(crate) fn operands(&self) -> Vec<usize> {
        match self {
            Self::Facts(_) | Self::Converted { .. } => Vec::new(),
            Self::Expression(expression) => {
                let measure = |operand: &Operand<usize>| match operand {
                    Operand::Measure(measure) => Some(*measure),
                    Operand::Value(_) => None,
                };
                expression.operands().into_iter().filter_map(measure).collect()
            }
            Self::ShareOfParent { measure, .. }
            | Self::ShareOfTotal { measure }
            | Self::RunningTotal { measure, .. }
            | Self::PreviousMember { measure, .. } => vec![*measure],
        }
    }
}
