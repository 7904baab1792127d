//! Values that are written as text of a certain form. The API server checks the form by a pattern, everybody else by
//! reading it.

use std::{borrow::Cow, str::FromStr, time::Duration};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// Digits of a decimal.
const DECIMAL_PRECISION_MAX: u8 = 18;

/// Type of a column's values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum ColumnType {
    /// Text.
    String,
    /// `true` or `false`.
    Bool,
    /// 64-bit signed integer.
    Int64,
    /// IEEE 754 double.
    Double,
    /// `decimal(10,2)`: so many digits, so many of them behind the point.
    Decimal {
        /// Digits, at most 18.
        precision: u8,
        /// Digits behind the point, at most `precision`.
        scale: u8,
    },
    /// Calendar date, `2021-01-31`.
    Date,
    /// Microsecond in UTC, `2021-01-31T12:00:00Z`.
    Timestamp,
}

/// A duration as manifests write it: `250ms`, `30s`, `5m` or `1h`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Interval(Duration);

/// A finite decimal number as manifests write it, in quotes: `"-0.25"`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Number(String);

/// Why text is not what it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextError(String);

const UNITS: [(&str, u64); 4] = [("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000)];

// === impl ColumnType ===

impl FromStr for ColumnType {
    type Err = TextError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(match text {
            "string" => Self::String,
            "bool" => Self::Bool,
            "int64" => Self::Int64,
            "double" => Self::Double,
            "date" => Self::Date,
            "timestamp" => Self::Timestamp,
            _ => decimal(text).ok_or_else(|| {
                TextError(format!(
                    "there is no type `{text}`; write string, bool, int64, double, date, timestamp or decimal(p,s) with s ≤ \
                     p ≤ {DECIMAL_PRECISION_MAX}"
                ))
            })?,
        })
    }
}

fn decimal(text: &str) -> Option<ColumnType> {
    let (precision, scale) = text.strip_prefix("decimal(")?.strip_suffix(')')?.split_once(',')?;
    let (precision, scale) = (digits(precision)?, digits(scale.strip_prefix(' ').unwrap_or(scale))?);
    ((1..=DECIMAL_PRECISION_MAX).contains(&precision) && scale <= precision)
        .then_some(ColumnType::Decimal { precision, scale })
}

/// One or two digits without a sign.
fn digits(text: &str) -> Option<u8> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
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

impl JsonSchema for ColumnType {
    fn schema_name() -> Cow<'static, str> {
        "ColumnType".into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "Type of the column's values: string, bool, int64, double, date, timestamp, or decimal(p,s) with s ≤ p ≤ 18.",
            "pattern": "^(string|bool|int64|double|date|timestamp|decimal\\((1[0-8]|[1-9]), ?(1[0-8]|[0-9])\\))$",
        })
    }
}

// === impl Interval ===

impl Interval {
    /// So many minutes.
    pub(crate) const fn from_minutes(minutes: u64) -> Self {
        Self(Duration::from_mins(minutes))
    }

    /// As a duration.
    pub fn duration(self) -> Duration {
        self.0
    }
}

impl FromStr for Interval {
    type Err = TextError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let split = text.find(|character: char| !character.is_ascii_digit()).unwrap_or(text.len());
        let (number, unit) = text.split_at(split);
        let millis = UNITS
            .iter()
            .find(|(name, _)| *name == unit)
            .and_then(|(_, millis)| number.parse::<u64>().ok()?.checked_mul(*millis));
        let wrong =
            || TextError(format!("`{text}` is not a duration; write a whole number and ms, s, m or h, as in 30s"));
        Ok(Self(Duration::from_millis(millis.ok_or_else(wrong)?)))
    }
}

impl std::fmt::Display for Interval {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let millis = u64::try_from(self.0.as_millis()).unwrap_or(u64::MAX);
        let is_whole = |(_, size): &(&str, u64)| millis >= *size && millis.is_multiple_of(*size);
        let (unit, size) = UNITS.into_iter().rev().find(is_whole).unwrap_or(("ms", 1));
        write!(f, "{}{unit}", millis / size)
    }
}

impl JsonSchema for Interval {
    fn schema_name() -> Cow<'static, str> {
        "Interval".into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": "^[0-9]{1,9}(ms|s|m|h)$" })
    }
}

// === impl Number ===

impl Number {
    /// The number as it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Number {
    type Err = TextError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_digits =
            |part: &str, max: usize| (1..=max).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit());
        let unsigned = text.strip_prefix('-').unwrap_or(text);
        let is_number = match unsigned.split_once('.') {
            Some((whole, fraction)) => is_digits(whole, 15) && is_digits(fraction, 15),
            None => is_digits(unsigned, 15),
        };
        let wrong = || TextError(format!("`{text}` is not a decimal number; write it as in \"-0.25\""));
        is_number.then(|| Self(text.to_owned())).ok_or_else(wrong)
    }
}

impl std::fmt::Display for Number {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl JsonSchema for Number {
    fn schema_name() -> Cow<'static, str> {
        "Number".into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": "^-?[0-9]{1,15}(\\.[0-9]{1,15})?$" })
    }
}

// === all of them ===

macro_rules! as_text {
    ($type:ty) => {
        impl TryFrom<String> for $type {
            type Error = TextError;

            fn try_from(text: String) -> Result<Self, Self::Error> {
                text.parse()
            }
        }

        impl From<$type> for String {
            fn from(value: $type) -> Self {
                value.to_string()
            }
        }
    };
}

as_text!(ColumnType);
as_text!(Interval);
as_text!(Number);

impl std::fmt::Display for TextError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_is_read_as_it_is_written() {
        for text in ["string", "bool", "int64", "double", "date", "timestamp", "decimal(18,18)", "decimal(1,0)"] {
            assert_eq!(text.parse::<ColumnType>().unwrap().to_string(), text);
        }
        assert_eq!("decimal(10, 2)".parse(), Ok(ColumnType::Decimal { precision: 10, scale: 2 }));
        for wrong in
            ["text", "decimal", "decimal(19,2)", "decimal(2,3)", "decimal(0,0)", "decimal(+9,2)", "decimal(9,)"]
        {
            assert!(wrong.parse::<ColumnType>().unwrap_err().to_string().contains("decimal(p,s)"), "{wrong}");
        }
    }

    #[test]
    fn a_number_has_a_sign_digits_and_a_fraction() {
        for text in ["0", "-0.25", "007", "123456789012345.5"] {
            assert_eq!(text.parse::<Number>().unwrap().to_string(), text);
        }
        for wrong in ["", "-", ".5", "5.", "1e3", "+1", "1 ", "1234567890123456", "NaN", "1.2.3"] {
            assert!(wrong.parse::<Number>().unwrap_err().to_string().contains("-0.25"), "{wrong}");
        }
    }

    #[test]
    fn an_interval_is_a_whole_number_with_a_unit() {
        for (text, millis) in [("250ms", 250), ("5s", 5000), ("90s", 90_000), ("5m", 300_000), ("1h", 3_600_000)] {
            let interval: Interval = text.parse().unwrap();
            assert_eq!((interval.duration().as_millis(), interval.to_string().as_str()), (millis, text));
        }
        for wrong in ["5", "m", "-5s", "1.5h", "5 m", "99999999999999999h", ""] {
            assert!(wrong.parse::<Interval>().unwrap_err().to_string().contains("as in 30s"), "{wrong}");
        }
    }
}
