//! Guesses the type of a column from its first rows.

use crate::value::{
    ColumnType, is_non_finite, parse_bool, parse_date, parse_decimal, parse_double, parse_int64, parse_timestamp,
};

/// The types that all cells so far can be read by, narrowest first.
#[derive(Clone, Debug)]
pub(super) struct Inference {
    candidates: Vec<ColumnType>,
    /// Whether there was a value that says something.
    any_value: bool,
}

impl Inference {
    pub(super) fn new() -> Self {
        let candidates =
            vec![ColumnType::Bool, ColumnType::Int64, ColumnType::Double, ColumnType::Date, ColumnType::Timestamp];
        Self { candidates, any_value: false }
    }

    pub(super) fn see(&mut self, cell: &str) {
        if !cell.is_empty() {
            self.any_value |= !is_non_finite(cell);
            self.candidates.retain(|candidate| looks_like(*candidate, cell));
        }
    }

    /// A column without any value is text, and so is one of nothing but `NaN`.
    pub(super) fn conclude(&self) -> ColumnType {
        let narrowest = self.candidates.first().copied().unwrap_or(ColumnType::String);
        if self.any_value { narrowest } else { ColumnType::String }
    }
}

/// Stricter than reading: a number that would not be written back the same way, such as a postal code with a leading zero
/// or an identifier too long for 64 bits, is more likely text. But a `NaN` among numbers is a number gone wrong, and to take
/// the column for text would only hide that.
fn looks_like(column_type: ColumnType, cell: &str) -> bool {
    match column_type {
        ColumnType::String => true,
        ColumnType::Bool => parse_bool(cell).is_some(),
        ColumnType::Int64 => parse_int64(cell).is_some() && looks_like_a_number(cell),
        ColumnType::Double => is_non_finite(cell) || (parse_double(cell).is_some() && looks_like_a_number(cell)),
        ColumnType::Decimal { precision, scale } => parse_decimal(cell, precision, scale).is_some(),
        ColumnType::Date => parse_date(cell).is_some(),
        ColumnType::Timestamp => parse_timestamp(cell).is_some(),
    }
}

fn looks_like_a_number(cell: &str) -> bool {
    let digits = cell.strip_prefix('-').unwrap_or(cell);
    let leading_zero =
        digits.len() > 1 && digits.starts_with('0') && digits.as_bytes().get(1).is_some_and(u8::is_ascii_digit);
    let too_long = digits.bytes().all(|byte| byte.is_ascii_digit()) && parse_int64(cell).is_none();
    !leading_zero && !too_long && !cell.starts_with('+')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inferred(cells: &[&str]) -> ColumnType {
        let mut inference = Inference::new();
        for cell in cells {
            inference.see(cell);
        }
        inference.conclude()
    }

    #[test]
    fn the_narrowest_type_that_reads_every_cell_wins() {
        assert_eq!(inferred(&["1", "-2", ""]), ColumnType::Int64);
        assert_eq!(inferred(&["1", "2.5"]), ColumnType::Double);
        assert_eq!(inferred(&["true", "FALSE"]), ColumnType::Bool);
        assert_eq!(inferred(&["2021-01-31", ""]), ColumnType::Date);
        assert_eq!(inferred(&["2021-01-31", "1"]), ColumnType::String);
        assert_eq!(inferred(&["", ""]), ColumnType::String);
        assert_eq!(inferred(&["2021-01-31T12:00:00Z", "2021-01-31 12:00:00.5"]), ColumnType::Timestamp);
        assert_eq!(inferred(&["1", "NaN"]), ColumnType::Double);
    }

    #[test]
    fn what_only_looks_like_a_number_stays_text() {
        for cell in ["007", "-01", "+33", "99999999999999999999", "NaN", "inf", "1e999", "1 000", "0x10"] {
            assert_eq!(inferred(&[cell]), ColumnType::String, "{cell}");
        }
        assert_eq!(inferred(&["0", "0.5"]), ColumnType::Double);
        assert_eq!(inferred(&["Nan", "Ann"]), ColumnType::String);
    }
}
