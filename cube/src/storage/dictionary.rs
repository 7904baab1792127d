//! The distinct values of a column in natural order: a value is stored once, rows hold its position.
//!
//! Every dictionary has a code for the missing value, whether or not a row has it: `N/A` of texts, at its place in the
//! order; of other types a last code that shows as `N/A`. So rows that a join leaves unmatched always have a code.

use std::{borrow::Cow, cmp::Ordering, ops::Range};

use jiff::{Timestamp, civil::Date, tz::TimeZone};

use super::{codes::code_of, numbers::ratio};
use crate::value::{
    Cell, ColumnType, NOT_AVAILABLE, parse_bool, parse_date, parse_decimal, parse_double, parse_int64, parse_timestamp,
};

/// The distinct values of a column in natural order.
#[derive(Debug)]
pub(crate) struct Dictionary {
    values: Values,
    missing: u32,
}

#[derive(Debug)]
enum Values {
    Text(Texts),
    Bool(Vec<bool>),
    Int64(Vec<i64>),
    Double(Vec<f64>),
    Decimal { units: Vec<i64>, precision: u8, scale: u8 },
    Date(Vec<Date>),
    Timestamp(Vec<Timestamp>),
}

/// Texts end to end in one buffer.
#[derive(Debug, Default)]
struct Texts {
    buffer: String,
    ends: Vec<usize>,
}

impl Dictionary {
    /// From distinct texts in order, `N/A` among them.
    pub(crate) fn of_texts<'a>(texts: impl Iterator<Item = &'a str>) -> Self {
        let mut values = Texts::default();
        texts.for_each(|text| values.push(text));
        let missing = values.find(NOT_AVAILABLE).expect("the caller puts N/A among the texts");
        Self { values: Values::Text(values), missing }
    }

    pub(crate) fn of_bools(values: Vec<bool>) -> Self {
        Self::with_last_missing(values.len(), Values::Bool(values))
    }

    pub(crate) fn of_int64s(values: Vec<i64>) -> Self {
        Self::with_last_missing(values.len(), Values::Int64(values))
    }

    pub(crate) fn of_doubles(values: Vec<f64>) -> Self {
        Self::with_last_missing(values.len(), Values::Double(values))
    }

    pub(crate) fn of_decimals(units: Vec<i64>, precision: u8, scale: u8) -> Self {
        Self::with_last_missing(units.len(), Values::Decimal { units, precision, scale })
    }

    pub(crate) fn of_timestamps(values: Vec<Timestamp>) -> Self {
        Self::with_last_missing(values.len(), Values::Timestamp(values))
    }

    pub(crate) fn of_dates(values: Vec<Date>) -> Self {
        Self::with_last_missing(values.len(), Values::Date(values))
    }

    fn with_last_missing(len: usize, values: Values) -> Self {
        Self { values, missing: u32::try_from(len).expect("there are fewer distinct values than row numbers") }
    }

    /// Bytes held.
    pub(crate) fn bytes(&self) -> usize {
        match &self.values {
            Values::Text(texts) => texts.buffer.len() + size_of_val(texts.ends.as_slice()),
            Values::Bool(values) => size_of_val(values.as_slice()),
            Values::Int64(values) | Values::Decimal { units: values, .. } => size_of_val(values.as_slice()),
            Values::Double(values) => size_of_val(values.as_slice()),
            Values::Date(values) => size_of_val(values.as_slice()),
            Values::Timestamp(values) => size_of_val(values.as_slice()),
        }
    }

    /// The codes whose values lie between two written values, inclusive, either absent; none when a bound cannot be read
    /// by the type. The missing value lies nowhere.
    pub(crate) fn between(&self, from: Option<&str>, to: Option<&str>) -> Option<Range<u32>> {
        let first = from.map_or(Some(0), |text| self.place(text).map(|(place, _)| place))?;
        let last = match to {
            Some(text) => self.place(text).map(|(place, is_there)| place + u32::from(is_there))?,
            None => code_of(self.len()) - u32::from(!matches!(self.values, Values::Text(_))),
        };
        Some(first..last.max(first))
    }

    /// Which of two written bounds is larger; none when one cannot be read by the type.
    pub(crate) fn compare(&self, one: &str, other: &str) -> Option<Ordering> {
        fn both<T>(parse: impl Fn(&str) -> Option<T>, one: &str, other: &str) -> Option<(T, T)> {
            parse(one).zip(parse(other))
        }
        Some(match &self.values {
            Values::Text(_) => one.cmp(other),
            Values::Bool(_) => both(|text| parse_bool(text), one, other).map(|(one, other)| one.cmp(&other))?,
            Values::Date(_) => both(|text| parse_date(text), one, other).map(|(one, other)| one.cmp(&other))?,
            Values::Timestamp(_) => {
                let parse = |text: &str| parse_timestamp(text).or_else(|| midnight(text));
                both(parse, one, other).map(|(one, other)| one.cmp(&other))?
            }
            Values::Int64(_) | Values::Double(_) | Values::Decimal { .. } => {
                match both(|text| parse_int64(text), one, other) {
                    Some((one, other)) => one.cmp(&other),
                    None => both(|text| parse_double(text), one, other).map(|(one, other)| one.total_cmp(&other))?,
                }
            }
        })
    }

    /// A last bound, which of timestamps may be a date: then all of that day.
    pub(crate) fn through<'t>(&self, text: &'t str) -> Cow<'t, str> {
        match &self.values {
            Values::Timestamp(_) if parse_date(text).is_some() => Cow::Owned(format!("{text}T23:59:59.999999Z")),
            _ => Cow::Borrowed(text),
        }
    }

    /// Where a written bound is, or would be, and whether it is there. A bound may be written as no value of the column
    /// could be: a number with more digits, a timestamp by its date.
    fn place(&self, text: &str) -> Option<(u32, bool)> {
        let found = self.search(text).or_else(|| match &self.values {
            Values::Int64(values) => place_double(values, 0, text),
            Values::Decimal { units, scale, .. } => place_double(units, *scale, text),
            Values::Timestamp(values) => Some(values.binary_search(&midnight(text)?)),
            Values::Text(_) | Values::Bool(_) | Values::Double(_) | Values::Date(_) => None,
        })?;
        Some(match found {
            Ok(index) => (code_of(index), true),
            Err(index) => (code_of(index), false),
        })
    }

    /// Number of codes, the missing one included.
    pub(crate) fn len(&self) -> usize {
        match &self.values {
            Values::Text(texts) => texts.ends.len(),
            Values::Bool(_)
            | Values::Int64(_)
            | Values::Double(_)
            | Values::Decimal { .. }
            | Values::Date(_)
            | Values::Timestamp(_) => self.missing as usize + 1,
        }
    }

    /// Code of the missing value.
    pub(crate) fn missing(&self) -> u32 {
        self.missing
    }

    pub(crate) fn column_type(&self) -> ColumnType {
        match &self.values {
            Values::Text(_) => ColumnType::String,
            Values::Bool(_) => ColumnType::Bool,
            Values::Int64(_) => ColumnType::Int64,
            Values::Double(_) => ColumnType::Double,
            Values::Decimal { precision, scale, .. } => ColumnType::Decimal { precision: *precision, scale: *scale },
            Values::Date(_) => ColumnType::Date,
            Values::Timestamp(_) => ColumnType::Timestamp,
        }
    }

    /// The member of that code; `N/A` for the missing one, of whatever type.
    pub(crate) fn member(&self, code: u32) -> Cell<'_> {
        let index = code as usize;
        let value = match &self.values {
            Values::Text(texts) => texts.get(index).map(Cell::Text),
            Values::Bool(values) => values.get(index).map(|value| Cell::Bool(*value)),
            Values::Int64(values) => values.get(index).map(|value| Cell::Int64(*value)),
            Values::Double(values) => values.get(index).map(|value| Cell::Double(*value)),
            Values::Decimal { units, scale, .. } => {
                units.get(index).map(|units| Cell::Decimal { units: (*units).into(), scale: *scale })
            }
            Values::Date(values) => values.get(index).map(|value| Cell::Date(*value)),
            Values::Timestamp(values) => values.get(index).map(|value| Cell::Timestamp(*value)),
        };
        value.unwrap_or(Cell::Text(NOT_AVAILABLE))
    }

    /// The code of a value written as text; none when it cannot be read by the type or is not there.
    pub(crate) fn find(&self, text: &str) -> Option<u32> {
        if text == NOT_AVAILABLE { Some(self.missing) } else { position(self.search(text)?) }
    }

    /// Whether a value written as text can be read by the type.
    pub(crate) fn can_hold(&self, text: &str) -> bool {
        text == NOT_AVAILABLE || self.search(text).is_some()
    }

    /// Where a written value is, or else where it would be; none when it cannot be read by the type.
    fn search(&self, text: &str) -> Option<Result<usize, usize>> {
        Some(match &self.values {
            Values::Text(texts) => texts.search(text),
            Values::Bool(values) => values.binary_search(&parse_bool(text)?),
            Values::Int64(values) => values.binary_search(&parse_int64(text)?),
            Values::Double(values) => {
                let wanted = parse_double(text)?;
                values.binary_search_by(|value| value.total_cmp(&wanted))
            }
            Values::Decimal { units, precision, scale } => {
                units.binary_search(&parse_decimal(text, *precision, *scale)?)
            }
            Values::Date(values) => values.binary_search(&parse_date(text)?),
            Values::Timestamp(values) => values.binary_search(&parse_timestamp(text)?),
        })
    }
}

impl Dictionary {
    /// For each code here, the code of the same value there. Missing values other than the text `N/A` are not equal.
    pub(crate) fn translate(&self, there: &Self) -> Vec<Option<u32>> {
        let find = |code: u32| match (self.member(code), &there.values) {
            (Cell::Text(text), Values::Text(texts)) => texts.find(text),
            (Cell::Bool(value), Values::Bool(values)) => position(values.binary_search(&value)),
            (Cell::Int64(value), Values::Int64(values)) => position(values.binary_search(&value)),
            (Cell::Double(value), Values::Double(values)) => {
                position(values.binary_search_by(|there| there.total_cmp(&value)))
            }
            (Cell::Decimal { units: value, .. }, Values::Decimal { units, .. }) => {
                position(units.binary_search(&i64::try_from(value).ok()?))
            }
            (Cell::Date(value), Values::Date(values)) => position(values.binary_search(&value)),
            (Cell::Timestamp(value), Values::Timestamp(values)) => position(values.binary_search(&value)),
            _ => None,
        };
        (0..self.len()).map(|code| find(u32::try_from(code).ok()?)).collect()
    }
}

/// Where a number that is not written as a multiple of `10^-scale` is (`1.0` is `1`), or else where it would be.
fn place_double(units: &[i64], scale: u8, text: &str) -> Option<Result<usize, usize>> {
    let wanted = parse_double(text)?;
    let power = 10_i128.pow(scale.into());
    Some(units.binary_search_by(|units| ratio((*units).into(), power).total_cmp(&wanted)))
}

/// The first microsecond of a date.
fn midnight(text: &str) -> Option<Timestamp> {
    Some(parse_date(text)?.to_zoned(TimeZone::UTC).ok()?.timestamp())
}

fn position(found: Result<usize, usize>) -> Option<u32> {
    u32::try_from(found.ok()?).ok()
}

impl Texts {
    fn push(&mut self, text: &str) {
        self.buffer.push_str(text);
        self.ends.push(self.buffer.len());
    }

    fn get(&self, index: usize) -> Option<&str> {
        let end = *self.ends.get(index)?;
        let start = index.checked_sub(1).and_then(|before| self.ends.get(before)).copied().unwrap_or(0);
        self.buffer.get(start..end)
    }

    fn find(&self, text: &str) -> Option<u32> {
        position(self.search(text))
    }

    /// Where a text is, or else where it would be.
    fn search(&self, text: &str) -> Result<usize, usize> {
        let (mut low, mut high) = (0, self.ends.len());
        while low < high {
            let middle = low.midpoint(high);
            match self.get(middle).cmp(&Some(text)) {
                Ordering::Less => low = middle + 1,
                Ordering::Greater => high = middle,
                Ordering::Equal => return Ok(middle),
            }
        }
        Err(low)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_may_be_written_as_a_double() {
        let integers = Dictionary::of_int64s(vec![-3, 0, 1, 7]);
        assert_eq!(integers.between(None, Some("1.0")), Some(0..3));
        assert_eq!(integers.between(Some("0.5"), Some("6.9")), Some(2..3));
        assert_eq!(integers.between(Some("1e0"), None), Some(2..4));
        let decimals = Dictionary::of_decimals(vec![125, 150], 6, 2);
        assert_eq!(decimals.between(Some("1.250001"), Some("1.500000")), Some(1..2));
        assert_eq!(decimals.between(Some("often"), None), None);
    }
}
