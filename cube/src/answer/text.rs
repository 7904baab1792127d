//! Values as JSON and CSV write them.

use std::io::Write as _;

use serde::Serialize;

use crate::value::Cell;

/// A string in JSON, with its quotes.
pub(super) fn write_json(out: &mut Vec<u8>, value: &(impl Serialize + ?Sized)) {
    serde_json::to_writer(out, value).expect("texts and finite numbers can be written as JSON");
}

/// Anything but text and null: the same in JSON and CSV, but for the quotes around dates.
pub(crate) fn write_bare(out: &mut Vec<u8>, cell: Cell<'_>) {
    match cell {
        Cell::Null | Cell::Text(_) => {}
        Cell::Bool(value) => write_json(out, &value),
        Cell::Int64(number) => write_json(out, &number),
        Cell::Double(number) => write_json(out, &number),
        Cell::Decimal { units, scale } => write_decimal(out, units, scale),
        Cell::Date(date) => write!(out, "{date}").expect("writing to memory does not fail"),
        Cell::Timestamp(timestamp) => write!(out, "{timestamp}").expect("writing to memory does not fail"),
    }
}

/// A number with exactly `scale` digits behind the point.
fn write_decimal(out: &mut Vec<u8>, units: i128, scale: u8) {
    let power = 10_u128.pow(scale.into());
    let (whole, fraction) = (units.unsigned_abs() / power, units.unsigned_abs() % power);
    let sign = if units < 0 { "-" } else { "" };
    let written = match usize::from(scale) {
        0 => write!(out, "{sign}{whole}"),
        digits => write!(out, "{sign}{whole}.{fraction:0digits$}"),
    };
    written.expect("writing to memory does not fail");
}
