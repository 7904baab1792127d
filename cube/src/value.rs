//! Types of columns and what their values are.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::limits::DOUBLE_MAGNITUDE_MAX;

/// What a missing value is called, in text columns and wherever a member of any type has to be named.
pub(crate) const NOT_AVAILABLE: &str = "N/A";

/// Type of a column's values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ColumnType {
    /// Text, ordered by code point.
    String,
    /// `true` or `false`.
    Bool,
    /// 64-bit signed integer.
    Int64,
    /// Finite IEEE 754 double.
    Double,
    /// Calendar date, `2021-01-31`.
    Date,
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
    /// A date.
    Date(Date),
}

/// `true` and `false`, also as `True` and `TRUE`.
pub(crate) fn parse_bool(text: &str) -> Option<bool> {
    match text {
        "true" | "True" | "TRUE" => Some(true),
        "false" | "False" | "FALSE" => Some(false),
        _ => None,
    }
}

/// Decimal digits with an optional sign.
pub(crate) fn parse_int64(text: &str) -> Option<i64> {
    text.parse().ok()
}

/// A finite decimal number, with or without exponent. `NaN` and infinities are not numbers. There is one zero.
pub(crate) fn parse_double(text: &str) -> Option<f64> {
    let numeric = text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E'));
    let number: f64 = numeric.then(|| text.parse().ok()).flatten()?;
    (number.abs() <= DOUBLE_MAGNITUDE_MAX).then_some(if number == 0.0 { 0.0 } else { number })
}

/// `2021-01-31` and nothing else.
pub(crate) fn parse_date(text: &str) -> Option<Date> {
    let bytes: &[u8; 10] = text.as_bytes().try_into().ok()?;
    let [y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2] = bytes else { return None };
    let number = |digits: &[u8]| {
        digits
            .iter()
            .try_fold(0_i16, |value, digit| digit.is_ascii_digit().then(|| value * 10 + i16::from(digit - b'0')))
    };
    let month = i8::try_from(number(&[*m1, *m2])?).ok()?;
    let day = i8::try_from(number(&[*d1, *d2])?).ok()?;
    Date::new(number(&[*y1, *y2, *y3, *y4])?, month, day).ok()
}

impl ColumnType {
    /// Whether values can be summed.
    pub fn is_numeric(self) -> bool {
        matches!(self, Self::Int64 | Self::Double)
    }
}

impl std::fmt::Display for ColumnType {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::String => "string",
            Self::Bool => "bool",
            Self::Int64 => "int64",
            Self::Double => "double",
            Self::Date => "date",
        })
    }
}

impl std::fmt::Display for ColumnName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.table, self.column)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_is_ten_characters_of_a_day_that_exists() {
        assert_eq!(parse_date("2024-02-29"), Some(Date::constant(2024, 2, 29)));
        for wrong in ["2023-02-29", "2024-2-29", "20240229", "2024-02-29T00:00", "２０２４-02-29", ""] {
            assert_eq!(parse_date(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_double_is_finite_and_has_one_zero() {
        assert_eq!(parse_double("-0.0").map(f64::to_bits), Some(0));
        assert_eq!(parse_double("1.5e3"), Some(1500.0));
        for wrong in ["NaN", "inf", "-infinity", "1e999", "1e291", "", ".", "1,5", " 1"] {
            assert_eq!(parse_double(wrong), None, "{wrong}");
        }
    }
}
