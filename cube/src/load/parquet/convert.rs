//! Makes a value of a column's type from what a file has.

use std::borrow::Cow;

use jiff::{Span, Timestamp, civil::Date};

use super::schema::FileType;
use crate::{
    limits::DOUBLE_MAGNITUDE_MAX,
    load::{
        report::{Fault, Flaw},
        values::integer_of_date,
    },
    storage::numbers::ratio,
    value::ColumnType,
};

const MICROSECONDS_PER_SECOND: i64 = 1_000_000;
const MICROSECONDS_PER_DAY: i64 = 86_400 * MICROSECONDS_PER_SECOND;
/// The largest power of ten that a 64-bit denominator has room for.
const RATIO_SCALE_MAX: u32 = 18;

/// A value as a file has it, without regard to how it is stored.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Found<'a> {
    Bool(bool),
    Integer(i128),
    Double(f64),
    /// Multiples of a power of ten.
    Units(i128),
    Text(&'a [u8]),
    /// Days since the epoch.
    Day(i32),
    /// Microseconds since the epoch; none when it is not a whole number of them.
    Time(Option<i64>),
}

/// A value as a column reader takes it.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Converted<'a> {
    Integer(i64),
    Double(f64),
    Text(Cow<'a, [u8]>),
}

pub(super) fn convert(found: Found<'_>, file_type: FileType, wanted: ColumnType) -> Result<Converted<'_>, Fault> {
    let text = |text: String| Ok(Converted::Text(Cow::Owned(text.into_bytes())));
    let unlike = || Fault::new(Flaw::Type, describe(found), format!("cannot be read as {wanted}"));
    match (found, wanted) {
        (Found::Text(bytes), _) => Ok(Converted::Text(Cow::Borrowed(bytes))),
        (Found::Bool(value), ColumnType::Bool) => Ok(Converted::Integer(value.into())),
        (Found::Bool(value), ColumnType::String) => text(value.to_string()),
        (Found::Integer(value), ColumnType::Int64) => i64::try_from(value).map(Converted::Integer).map_err(|_| {
            let rule = "is not an int64; give the column the type double if it has such numbers";
            Fault::new(Flaw::OutOfRange, value.to_string(), rule)
        }),
        (Found::Integer(value), ColumnType::Double) => Ok(Converted::Double(ratio(value, 1))),
        (Found::Integer(value), ColumnType::Decimal { precision, scale }) => {
            decimal(value, 0, precision, scale).ok_or_else(unlike)
        }
        (Found::Integer(value), ColumnType::String) => text(value.to_string()),
        (Found::Double(value), ColumnType::Double) => double(value),
        (Found::Units(units), ColumnType::Decimal { precision, scale }) => {
            decimal(units, scale_of(file_type), precision, scale).ok_or_else(unlike)
        }
        (Found::Units(units), ColumnType::Double) => double(nearest_double(units, scale_of(file_type))),
        (Found::Day(days), _) => {
            let out_of_range = || Fault::new(Flaw::OutOfRange, describe(found), "is beyond the years that dates have");
            let since_epoch = Span::new().try_days(days).map_err(|_| out_of_range())?;
            let date = Date::constant(1970, 1, 1).checked_add(since_epoch).map_err(|_| out_of_range())?;
            match wanted {
                ColumnType::Date => Ok(Converted::Integer(integer_of_date(date))),
                ColumnType::Timestamp => Ok(Converted::Integer(i64::from(days) * MICROSECONDS_PER_DAY)),
                ColumnType::String => text(date.to_string()),
                _ => Err(unlike()),
            }
        }
        (Found::Time(microseconds), _) => {
            let microseconds = microseconds.ok_or_else(|| {
                Fault::new(Flaw::OutOfRange, describe(found), "is not a whole number of microseconds that fits 64 bits")
            })?;
            let timestamp = Timestamp::from_microsecond(microseconds).map_err(|_| {
                Fault::new(Flaw::OutOfRange, describe(found), "is beyond the years that timestamps have")
            })?;
            match wanted {
                ColumnType::Timestamp => Ok(Converted::Integer(microseconds)),
                ColumnType::String => text(timestamp.to_string()),
                _ => Err(unlike()),
            }
        }
        _ => Err(unlike()),
    }
}

fn scale_of(file_type: FileType) -> u32 {
    if let FileType::Decimal { scale, .. } = file_type { scale } else { 0 }
}

/// The same number in units of another power of ten.
fn decimal(units: i128, scale: u32, precision: u8, wanted_scale: u8) -> Option<Converted<'static>> {
    let power = |exponent| 10_i128.checked_pow(exponent);
    let wanted_scale = u32::from(wanted_scale);
    let rescaled = if wanted_scale >= scale {
        units.checked_mul(power(wanted_scale - scale)?)?
    } else {
        let divisor = power(scale - wanted_scale)?;
        (units % divisor == 0).then_some(units / divisor)?
    };
    (rescaled.unsigned_abs() < 10_u128.pow(precision.into())).then_some(())?;
    Some(Converted::Integer(i64::try_from(rescaled).ok()?))
}

fn nearest_double(units: i128, scale: u32) -> f64 {
    if scale <= RATIO_SCALE_MAX {
        return ratio(units, 10_i128.pow(scale));
    }
    format!("{units}e-{scale}").parse().expect("digits and an exponent are a number")
}

/// A double that columns may have. There is one zero.
fn double(value: f64) -> Result<Converted<'static>, Fault> {
    if !value.is_finite() {
        return Err(Fault::new(Flaw::NotFinite, value.to_string(), "is not a finite number"));
    }
    if value.abs() > DOUBLE_MAGNITUDE_MAX {
        let rule = format!("is beyond ±{DOUBLE_MAGNITUDE_MAX:e}, the largest double accepted");
        return Err(Fault::new(Flaw::OutOfRange, format!("{value:e}"), rule));
    }
    Ok(Converted::Double(if value == 0.0 { 0.0 } else { value }))
}

fn describe(found: Found<'_>) -> String {
    match found {
        Found::Bool(value) => value.to_string(),
        Found::Integer(value) => value.to_string(),
        Found::Double(value) => value.to_string(),
        Found::Units(units) => format!("{units} units"),
        Found::Text(text) => String::from_utf8_lossy(text).into_owned(),
        Found::Day(days) => format!("{days} days"),
        Found::Time(Some(microseconds)) => format!("{microseconds} microseconds"),
        Found::Time(None) => "timestamp".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_beyond_all_dates_is_a_mistake_of_its_row() {
        for days in [i32::MIN, -7_304_485, 7_304_485, i32::MAX] {
            for wanted in [ColumnType::Date, ColumnType::Timestamp, ColumnType::String] {
                let Err(fault) = convert(Found::Day(days), FileType::Date, wanted) else { panic!("{days} is a date") };
                assert_eq!(
                    fault,
                    Fault::new(Flaw::OutOfRange, format!("{days} days"), "is beyond the years that dates have")
                );
            }
        }
        assert_eq!(
            convert(Found::Day(0), FileType::Date, ColumnType::Date).ok(),
            Some(Converted::Integer(integer_of_date(Date::constant(1970, 1, 1))))
        );
    }
}
