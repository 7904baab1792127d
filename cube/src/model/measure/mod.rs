//! A measure: what becomes of the facts of a cell, or of other measures.

use std::sync::Arc;

use crate::{
    aggregate::{Aggregate, ColumnId, Group},
    expression::Expression,
    value::ColumnType,
};

pub(crate) mod rates;

use rates::Rates;

/// Name of the measure that every cube has: the number of facts.
pub(crate) const COUNT: &str = "contributors.COUNT";

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
    /// The measures that this one is made of.
    pub(crate) fn operands(&self) -> Vec<usize> {
        match self {
            Self::Facts(_) | Self::Converted { .. } => Vec::new(),
            Self::Expression(expression) => expression.measures().into_iter().copied().collect(),
            Self::ShareOfParent { measure, .. }
            | Self::ShareOfTotal { measure }
            | Self::RunningTotal { measure, .. }
            | Self::PreviousMember { measure, .. } => vec![*measure],
        }
    }
}
