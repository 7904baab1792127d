//! Arithmetic over measures and context values, as in `[Revenue.SUM] * {discount} / ([contributors.COUNT] - 2.5)`.
//!
//! ```text
//! sum      = product (("+" | "-" | "−") product)*
//! product  = factor (("*" | "×" | "/" | "÷") factor)*
//! factor   = ("-" | "−") factor | "(" sum ")" | number | measure | value
//! measure  = "[" name "]"          a bracket that closes within a name is written twice: [Share [%]]]
//! value    = "{" name "}"          a context value; a brace that closes within a name is written twice
//! number   = digits ["." digits] [("e" | "E") ["+" | "-"] digits]
//! ```

use std::fmt;

mod parse;

pub(crate) use parse::parse;

/// Arithmetic over operands of names, or over what they mean.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Expression<N> {
    /// Not negative.
    Number(f64),
    Operand(Operand<N>),
    Negated(Box<Expression<N>>),
    Combined {
        operator: Operator,
        left: Box<Expression<N>>,
        right: Box<Expression<N>>,
    },
}

/// What may be different from cell to cell, or from caller to caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operand<N> {
    Measure(N),
    /// A context value.
    Value(N),
}

/// What two values are combined by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operator {
    Plus,
    Minus,
    Times,
    Over,
}

/// Why a text is no expression.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message} at character {position}")]
pub(crate) struct ExpressionError {
    /// Counted from one.
    pub(crate) position: usize,
    pub(crate) message: String,
}

impl<N> Expression<N> {
    /// The same arithmetic over something else.
    pub(crate) fn try_map<M, E>(
        self,
        find: &mut impl FnMut(Operand<N>) -> Result<Operand<M>, E>,
    ) -> Result<Expression<M>, E> {
        Ok(match self {
            Self::Number(number) => Expression::Number(number),
            Self::Operand(operand) => Expression::Operand(find(operand)?),
            Self::Negated(inner) => Expression::Negated(Box::new(inner.try_map(find)?)),
            Self::Combined { operator, left, right } => Expression::Combined {
                operator,
                left: Box::new(left.try_map(find)?),
                right: Box::new(right.try_map(find)?),
            },
        })
    }

    /// The operands, in the order in which they are written.
    pub(crate) fn operands(&self) -> Vec<&Operand<N>> {
        match self {
            Self::Number(_) => Vec::new(),
            Self::Operand(operand) => vec![operand],
            Self::Negated(inner) => inner.operands(),
            Self::Combined { left, right, .. } => {
                let mut operands = left.operands();
                operands.extend(right.operands());
                operands
            }
        }
    }
}

impl Operator {
    /// The value of two finite numbers; none when there is no finite one.
    pub(crate) fn apply(self, left: f64, right: f64) -> Option<f64> {
        let value = match self {
            Self::Plus => left + right,
            Self::Minus => left - right,
            Self::Times => left * right,
            Self::Over => left / right,
        };
        value.is_finite().then_some(value)
    }

    fn symbol(self) -> char {
        match self {
            Self::Plus => '+',
            Self::Minus => '-',
            Self::Times => '*',
            Self::Over => '/',
        }
    }

    fn binds_tightly(self) -> bool {
        matches!(self, Self::Times | Self::Over)
    }
}

/// With as few parentheses as the same tree needs.
impl<N: AsRef<str>> fmt::Display for Expression<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(f, "{number}"),
            Self::Operand(Operand::Measure(name)) => write!(f, "[{}]", name.as_ref().replace(']', "]]")),
            Self::Operand(Operand::Value(name)) => write!(f, "{{{}}}", name.as_ref().replace('}', "}}")),
            Self::Negated(inner) => {
                write!(f, "-")?;
                inner.fmt_within(f, matches!(**inner, Self::Combined { .. }))
            }
            Self::Combined { operator, left, right } => {
                let is_looser = |inner: &Self| matches!(inner, Self::Combined { operator: other, .. } if operator.binds_tightly() && !other.binds_tightly());
                let is_as_tight = |inner: &Self| matches!(inner, Self::Combined { operator: other, .. } if operator.binds_tightly() || !other.binds_tightly());
                left.fmt_within(f, is_looser(left))?;
                write!(f, " {} ", operator.symbol())?;
                right.fmt_within(f, is_as_tight(right))
            }
        }
    }
}

impl<N: AsRef<str>> Expression<N> {
    fn fmt_within(&self, f: &mut fmt::Formatter<'_>, in_parentheses: bool) -> fmt::Result {
        if in_parentheses { write!(f, "({self})") } else { write!(f, "{self}") }
    }
}
