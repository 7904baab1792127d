//! Types of columns and what their values are.

use std::str::FromStr;

use jiff::{Timestamp, civil::Date};
use serde::{Deserialize, Serialize};

use crate::limits::DECIMAL_PRECISION_MAX;

mod parse;

pub(crate) use parse::{
    is_non_finite, parse_bool, parse_date, parse_decimal, parse_double, parse_int64, parse_timestamp,
};

/// What a missing value is called, in text columns and wherever a member of any type has to be named.
pub(crate) const NOT_AVAILABLE: &str = "N/A";

/// Type of a column's values, written as in `decimal(10,2)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum ColumnType {
    /// Text, ordered by code point.
    String,
    /// `true` or `false`.
    Bool,
    /// 64-bit signed integer.
    Int64,
    /// Finite IEEE 754 double.
    Double,
    /// Whole multiples of `10^-scale`, of at most `precision` decimal digits.
    Decimal {
        /// Digits, at most [`DECIMAL_PRECISION_MAX`]; of a sum up to 38.
        precision: u8,
        /// Digits behind the point, at most `precision`.
        scale: u8,
    },
    /// Calendar date, `2021-01-31`.
    Date,
    /// Microsecond in UTC, `2021-01-31T12:00:00Z`.
    Timestamp,
}

/// A column of a table.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ColumnName {
    /// Name of the table.
    pub table: String,
    /// Name of the column.
    pub column: String,
}

/// One value of an answer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Cell<'a> {
    /// No value; of a level: a total.
    Null,
    /// Text; also `N/A`, the missing member of a level of any type.
    Text(&'a str),
    /// A truth value.
    Bool(bool),
    /// An integer.
    Int64(i64),
    /// A finite number.
    Double(f64),
    /// `units · 10^-scale`.
    Decimal {
        /// Multiples of `10^-scale`.
        units: i128,
        /// Digits behind the point.
        scale: u8,
    },
    /// A date.
    Date(Date),
    /// A microsecond in UTC.
    Timestamp(Timestamp),
}

impl ColumnType {
    /// Whether values can be summed.
    pub fn is_numeric(self) -> bool {
        matches!(self, Self::Int64 | Self::Double | Self::Decimal { .. })
    }
}

impl std::fmt::Display for ColumnType {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::String => "string",
            Self::Bool => "bool",
            Self::Int64 => "int64",
            Self::Double => "double",
            Self::Decimal { precision, scale } => return write!(f, "decimal({precision},{scale})"),
            Self::Date => "date",
            Self::Timestamp => "timestamp",
        })
    }
}

impl From<ColumnType> for String {
    fn from(column_type: ColumnType) -> Self {
        column_type.to_string()
    }
}

impl TryFrom<String> for ColumnType {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl FromStr for ColumnType {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(match text {
            "string" => Self::String,
            "bool" => Self::Bool,
            "int64" => Self::Int64,
            "double" => Self::Double,
            "date" => Self::Date,
            "timestamp" => Self::Timestamp,
            _ => return parse_decimal_type(text).ok_or_else(|| not_a_type(text)),
        })
    }
}

fn parse_decimal_type(text: &str) -> Option<ColumnType> {
    let (precision, scale) = text.strip_prefix("decimal(")?.strip_suffix(')')?.split_once(',')?;
    let (precision, scale) = (precision.trim().parse().ok()?, scale.trim().parse().ok()?);
    ((1..=DECIMAL_PRECISION_MAX).contains(&precision) && scale <= precision)
        .then_some(ColumnType::Decimal { precision, scale })
}

fn not_a_type(text: &str) -> String {
    format!(
        "there is no type {text:?}; write string, bool, int64, double, date, timestamp or decimal(p,s) with \
         s ≤ p ≤ {DECIMAL_PRECISION_MAX}"
    )
}

impl std::fmt::Display for ColumnName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.table, self.column)
    }
}
