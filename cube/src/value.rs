//! Types of columns and what their values are.

use std::str::FromStr;

use jiff::{Timestamp, civil::Date};
use serde::{Deserialize, Serialize};

use crate::limits::{DECIMAL_PRECISION_MAX, DOUBLE_MAGNITUDE_MAX};

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

/// Decimal digits with an optional sign and at most `scale` digits behind the point, as multiples of `10^-scale`.
pub(crate) fn parse_decimal(text: &str, precision: u8, scale: u8) -> Option<i64> {
    let (is_negative, digits) = match text.as_bytes().first()? {
        b'-' => (true, text.get(1..)?),
        b'+' => (false, text.get(1..)?),
        _ => (false, text),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let fraction = fraction.trim_end_matches('0');
    let missing = usize::from(scale).checked_sub(fraction.len())?;
    let all_digits = digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    if !all_digits || fraction.contains('.') || !digits.bytes().any(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let units = whole
        .bytes()
        .chain(fraction.bytes())
        .chain(std::iter::repeat_n(b'0', missing))
        .try_fold(0_i64, |units, digit| units.checked_mul(10)?.checked_add(i64::from(digit - b'0')))?;
    let fits = units < 10_i64.pow(precision.min(DECIMAL_PRECISION_MAX).into());
    fits.then_some(if is_negative { -units } else { units })
}

/// RFC 3339, or a date and a time of day with a space or a `T` between them, taken as UTC. To the microsecond.
pub(crate) fn parse_timestamp(text: &str) -> Option<Timestamp> {
    let zoned = text.parse::<Timestamp>().ok();
    let timestamp = zoned.or_else(|| {
        let civil: jiff::civil::DateTime = (text.len() > "2021-01-31".len()).then(|| text.parse().ok()).flatten()?;
        civil.to_zoned(jiff::tz::TimeZone::UTC).ok().map(|zoned| zoned.timestamp())
    })?;
    (timestamp.subsec_nanosecond() % 1000 == 0).then_some(timestamp)
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
