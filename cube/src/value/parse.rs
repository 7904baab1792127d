//! Reads values from the text that they are written in.
//!
//! What files are full of (a few digits, a date, a time of day) has a short way; everything else takes the long way, which
//! decides alone what is accepted.

use jiff::{Timestamp, civil::Date};

use crate::limits::{DECIMAL_PRECISION_MAX, DOUBLE_MAGNITUDE_MAX};

/// Digits that any 64-bit integer has room for.
const SHORT_DIGITS: usize = 18;

/// `true` and `false`, also as `True` and `TRUE`.
pub(crate) fn parse_bool(text: impl AsRef<[u8]>) -> Option<bool> {
    match text.as_ref() {
        b"true" | b"True" | b"TRUE" => Some(true),
        b"false" | b"False" | b"FALSE" => Some(false),
        _ => None,
    }
}

/// Decimal digits with an optional sign.
#[inline]
pub(crate) fn parse_int64(text: impl AsRef<[u8]>) -> Option<i64> {
    let text = text.as_ref();
    let (is_negative, digits) = split_sign(text);
    if digits.is_empty() || digits.len() > SHORT_DIGITS {
        return std::str::from_utf8(text).ok()?.parse().ok();
    }
    let magnitude = short_number(digits)?;
    Some(if is_negative { -magnitude } else { magnitude })
}

/// A finite decimal number, with or without exponent. `NaN` and infinities are not numbers. There is one zero.
#[inline]
pub(crate) fn parse_double(text: impl AsRef<[u8]>) -> Option<f64> {
    let text = text.as_ref();
    short_double(text).or_else(|| long_double(text))
}

/// Whether a text is what programs write for a number that is not finite.
pub(crate) fn is_non_finite(text: impl AsRef<[u8]>) -> bool {
    let (_, text) = split_sign(text.as_ref());
    [b"nan".as_slice(), b"inf", b"infinity"].iter().any(|name| text.eq_ignore_ascii_case(name))
}

/// `2021-01-31` and nothing else.
#[inline]
pub(crate) fn parse_date(text: impl AsRef<[u8]>) -> Option<Date> {
    let bytes: &[u8; 10] = text.as_ref().try_into().ok()?;
    let [y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2] = *bytes else { return None };
    let year = two_digits(y1, y2)? * 100 + two_digits(y3, y4)?;
    Date::new(year, i8::try_from(two_digits(m1, m2)?).ok()?, i8::try_from(two_digits(d1, d2)?).ok()?).ok()
}

/// Decimal digits with an optional sign and at most `scale` digits behind the point, as multiples of `10^-scale`.
#[inline]
pub(crate) fn parse_decimal(text: impl AsRef<[u8]>, precision: u8, scale: u8) -> Option<i64> {
    let (is_negative, digits) = split_sign(text.as_ref());
    let point = digits.iter().position(|byte| *byte == b'.').unwrap_or(digits.len());
    let (whole, fraction) = (digits.get(..point)?, digits.get(point + 1..).unwrap_or_default());
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let zeros = fraction.iter().rev().take_while(|byte| **byte == b'0').count();
    let fraction = fraction.get(..fraction.len() - zeros)?;
    let missing = usize::from(scale).checked_sub(fraction.len())?;
    let units = whole
        .iter()
        .chain(fraction)
        .chain(std::iter::repeat_n(&b'0', missing))
        .try_fold(0_i64, |units, byte| units.checked_mul(10)?.checked_add(digit(*byte)?.into()))?;
    let fits = units < 10_i64.pow(precision.min(DECIMAL_PRECISION_MAX).into());
    fits.then_some(if is_negative { -units } else { units })
}

/// RFC 3339, or a date and a time of day with a space or a `T` between them, taken as UTC. To the microsecond.
#[inline]
pub(crate) fn parse_timestamp(text: impl AsRef<[u8]>) -> Option<Timestamp> {
    let text = text.as_ref();
    short_timestamp(text).or_else(|| long_timestamp(text))
}

fn split_sign(text: &[u8]) -> (bool, &[u8]) {
    match text {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] | digits => (false, digits),
    }
}

/// The number that at most [`SHORT_DIGITS`] digits are.
#[inline]
fn short_number(digits: &[u8]) -> Option<i64> {
    digits.iter().try_fold(0, |number, byte| Some(number * 10 + i64::from(digit(*byte)?)))
}

#[inline]
fn digit(byte: u8) -> Option<u8> {
    let digit = byte.wrapping_sub(b'0');
    (digit <= 9).then_some(digit)
}

#[inline]
fn two_digits(tens: u8, ones: u8) -> Option<i16> {
    Some(i16::from(digit(tens)?) * 10 + i16::from(digit(ones)?))
}

/// Digits and at most one point, few enough that the digits and the power of ten are exact doubles. Then their quotient,
/// rounded once, is the double that is nearest to the text.
#[inline]
fn short_double(text: &[u8]) -> Option<f64> {
    const EXACT_MAX: i64 = 1 << 53;
    const POWERS: [f64; 17] =
        [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16];
    let (is_negative, digits) = split_sign(text);
    if digits.len() > POWERS.len() {
        return None;
    }
    let (mut number, mut point) = (0_i64, None);
    for (index, byte) in digits.iter().enumerate() {
        match digit(*byte) {
            Some(digit) => number = number * 10 + i64::from(digit),
            None if *byte == b'.' && point.is_none() => point = Some(index),
            None => return None,
        }
    }
    let places = point.map_or(0, |point| digits.len() - point - 1);
    if number > EXACT_MAX || digits.len() == usize::from(point.is_some()) {
        return None;
    }
    #[expect(clippy::cast_precision_loss, reason = "it is at most 2^53")]
    let magnitude = number as f64 / POWERS.get(places)?;
    Some(if is_negative && number != 0 { -magnitude } else { magnitude })
}

fn long_double(text: &[u8]) -> Option<f64> {
    let numeric = text.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E'));
    let number: f64 = numeric.then(|| std::str::from_utf8(text).ok()?.parse().ok()).flatten()?;
    (number.abs() <= DOUBLE_MAGNITUDE_MAX).then_some(if number == 0.0 { 0.0 } else { number })
}

/// `2021-01-31T12:00:00` or with a space, to the second, with or without `Z`.
#[inline]
fn short_timestamp(text: &[u8]) -> Option<Timestamp> {
    let (date, time) = text.split_first_chunk::<10>()?;
    let time = time.strip_suffix(b"Z").unwrap_or(time);
    let [b'T' | b' ', h1, h2, b':', m1, m2, b':', s1, s2] = *time else { return None };
    let (hour, minute, second) = (two_digits(h1, h2)?, two_digits(m1, m2)?, two_digits(s1, s2)?);
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let days = days_since_epoch(parse_date(date)?);
    let seconds = i64::from(hour) * 3600 + i64::from(minute) * 60 + i64::from(second);
    Timestamp::from_second(days * 86_400 + seconds).ok()
}

fn long_timestamp(text: &[u8]) -> Option<Timestamp> {
    let text = std::str::from_utf8(text).ok()?;
    let zoned = text.parse::<Timestamp>().ok();
    let timestamp = zoned.or_else(|| {
        let civil: jiff::civil::DateTime = (text.len() > "2021-01-31".len()).then(|| text.parse().ok()).flatten()?;
        civil.to_zoned(jiff::tz::TimeZone::UTC).ok().map(|zoned| zoned.timestamp())
    })?;
    (timestamp.subsec_nanosecond() % 1000 == 0).then_some(timestamp)
}

/// Days from 1970-01-01, in the Gregorian calendar before its time too. Years begin in March, so that the leap day is last.
fn days_since_epoch(date: Date) -> i64 {
    let (year, month, day) = (i64::from(date.year()), i64::from(date.month()), i64::from(date.day()));
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let (era, year) = (year.div_euclid(400), year.rem_euclid(400));
    era * 146_097 + year * 365 + year / 4 - year / 100 + (153 * month + 2) / 5 + day - 719_469
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

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
        for wrong in ["NaN", "inf", "-infinity", "1e999", "1e291", "", ".", "-", "-.", "1,5", " 1", "1.2.3"] {
            assert_eq!(parse_double(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn an_integer_of_any_length_is_read_or_refused() {
        for (text, number) in [
            ("0", Some(0)),
            ("-7", Some(-7)),
            ("+7", Some(7)),
            ("0000000000000000000000001", Some(1)),
            ("9223372036854775807", Some(i64::MAX)),
            ("-9223372036854775808", Some(i64::MIN)),
            ("9223372036854775808", None),
            ("", None),
            ("-", None),
            ("+-1", None),
            ("1_000", None),
            ("1.0", None),
        ] {
            assert_eq!(parse_int64(text), number, "{text}");
        }
    }

    #[test]
    fn a_decimal_has_no_more_digits_than_its_type() {
        for (text, units) in [
            ("1.5", Some(150)),
            ("-.25", Some(-25)),
            ("3.", Some(300)),
            ("1.500", Some(150)),
            ("999.99", Some(99_999)),
            ("1000", None),
            ("0.125", None),
            (".", None),
            ("1e2", None),
        ] {
            assert_eq!(parse_decimal(text, 5, 2), units, "{text}");
        }
    }

    proptest! {
        #[test]
        fn the_short_way_to_a_double_leads_where_the_long_one_does(text in "[-+]?[0-9]{0,10}[.]?[0-9]{0,10}") {
            if let Some(number) = short_double(text.as_bytes()) {
                prop_assert_eq!(Some(number.to_bits()), long_double(text.as_bytes()).map(f64::to_bits));
            }
        }

        #[test]
        fn the_short_way_to_a_timestamp_leads_where_the_long_one_does(
            text in "[0-9]{3}[0-9]-[01][0-9]-[0-3][0-9][T ][0-2][0-9]:[0-6][0-9]:[0-6][0-9]Z?",
        ) {
            if let Some(timestamp) = short_timestamp(text.as_bytes()) {
                prop_assert_eq!(Some(timestamp), long_timestamp(text.as_bytes()));
            }
        }

        #[test]
        fn integers_are_read_as_they_are_written(number in any::<i64>(), text in "[-+]?[0-9]{0,25}") {
            prop_assert_eq!(parse_int64(number.to_string()), Some(number));
            prop_assert_eq!(parse_int64(&text), text.parse().ok());
        }
    }
}
