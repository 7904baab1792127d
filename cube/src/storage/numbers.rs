//! A nullable number per row, held as an integer where that is exact.
//!
//! Sums are exact and rounded once, so that they depend on nothing but the set of facts: not on threads, not on the
//! order of rows, and not on the facts that a mask hides between them. Integers make that cheap, and narrow ones make it
//! fast, so a column of numbers is held as
//!
//! ```text
//! number = (base + offset) · unit        offsets in 8, 16, 32 or 64 bits, as few as the column needs
//!
//! int64          unit = 1
//! decimal(p,s)   unit = 10^-s
//! double         unit = 2^e, when all numbers of the column are multiples of one such unit (integers, halves, …)
//! ```
//!
//! and other doubles as they are.

use super::{bitmap::Bitmap, codes::Codes};
use crate::value::{Cell, ColumnType};

/// The numbers of a column.
#[derive(Clone, Debug)]
pub(crate) enum Numbers {
    /// Whole multiples of a unit.
    Integers { integers: Integers, unit: Unit },
    /// Doubles of too different magnitudes to be 64-bit multiples of one unit. Zero where null.
    Doubles {
        values: Vec<f64>,
        nulls: Option<Bitmap>,
        /// The exponent of a power of two that they are multiples of, if sums of the multiples fit 128 bits.
        unit: Option<i32>,
    },
}

/// What the integers of a column count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    One,
    /// `10^-scale`.
    Decimal {
        precision: u8,
        scale: u8,
    },
    /// `2^exponent`; the numbers are doubles.
    Binary {
        exponent: i32,
    },
}

/// A nullable integer per row: `base + offset`. Where a row is null its offset is zero.
#[derive(Clone, Debug)]
pub(crate) struct Integers {
    pub(crate) base: i64,
    pub(crate) offsets: Offsets,
    /// The largest offset.
    pub(crate) offset_max: u64,
    /// Which rows are null; absent when none is.
    pub(crate) nulls: Option<Bitmap>,
}

/// An unsigned number per row, as narrow as the largest allows.
#[derive(Clone, Debug)]
pub(crate) enum Offsets {
    Narrow(Codes),
    Wide(Vec<u64>),
}

/// Runs the same expression over the slice of whichever width.
macro_rules! with_offsets {
    ($offsets:expr, |$slice:ident| $body:expr) => {
        match $offsets {
            $crate::storage::numbers::Offsets::Narrow(codes) => {
                $crate::storage::codes::with_codes!(codes, |$slice| $body)
            }
            $crate::storage::numbers::Offsets::Wide($slice) => $body,
        }
    };
}
pub(crate) use with_offsets;

impl Numbers {
    /// From doubles, zero where null.
    pub(crate) fn of_doubles(values: Vec<f64>, nulls: Option<Bitmap>) -> Self {
        let (exponent, width) = common_unit(&values);
        if width <= 62 {
            let integers = values.iter().enumerate().map(|(row, value)| {
                let is_null = nulls.as_ref().is_some_and(|nulls| nulls.get(row));
                (!is_null).then(|| scaled(*value, exponent))
            });
            return Self::Integers { integers: integers.collect(), unit: Unit::Binary { exponent } };
        }
        // As many sums as a table can have rows take 32 bits more, and the sign one.
        let unit = (width < 128 - 32).then_some(exponent);
        Self::Doubles { values, nulls, unit }
    }

    /// The number of a row as a double; none where it is null.
    pub(crate) fn double(&self, row: usize) -> Option<f64> {
        match self {
            _ if self.nulls().is_some_and(|nulls| nulls.get(row)) => None,
            Self::Integers { integers, unit } => integers.at(row).map(|integer| unit.double(integer.into())),
            Self::Doubles { values, .. } => values.get(row).copied(),
        }
    }

    pub(crate) fn column_type(&self) -> ColumnType {
        match self {
            Self::Integers { unit: Unit::One, .. } => ColumnType::Int64,
            Self::Integers { unit: Unit::Decimal { precision, scale }, .. } => {
                ColumnType::Decimal { precision: *precision, scale: *scale }
            }
            Self::Integers { unit: Unit::Binary { .. }, .. } | Self::Doubles { .. } => ColumnType::Double,
        }
    }

    /// Which rows are null; absent when none is.
    pub(crate) fn nulls(&self) -> Option<&Bitmap> {
        match self {
            Self::Integers { integers, .. } => integers.nulls.as_ref(),
            Self::Doubles { nulls, .. } => nulls.as_ref(),
        }
    }

    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Integers { integers, .. } => integers.offsets.len(),
            Self::Doubles { values, .. } => values.len(),
        }
    }

    pub(crate) fn get(&self, row: usize) -> Cell<'static> {
        if self.nulls().is_some_and(|nulls| nulls.get(row)) {
            return Cell::Null;
        }
        match self {
            Self::Integers { integers, unit } => integers.at(row).map_or(Cell::Null, |integer| unit.cell(integer)),
            Self::Doubles { values, .. } => values.get(row).map_or(Cell::Null, |value| Cell::Double(*value)),
        }
    }

    /// Bytes held.
    pub(crate) fn bytes(&self) -> usize {
        let nulls = self.nulls().map_or(0, Bitmap::bytes);
        nulls
            + match self {
                Self::Integers { integers, .. } => integers.offsets.bytes(),
                Self::Doubles { values, .. } => size_of_val(values.as_slice()),
            }
    }
}

impl Integers {
    /// The integer of a row, the base where it is null.
    pub(crate) fn at(&self, row: usize) -> Option<i64> {
        self.offsets.get(row).map(|offset| self.base.wrapping_add_unsigned(offset))
    }

    /// How far from zero its integers can be.
    pub(crate) fn magnitude_max(&self) -> u64 {
        let top = self.base.wrapping_add_unsigned(self.offset_max);
        self.base.unsigned_abs().max(top.unsigned_abs())
    }

    /// From integers (of any value where null) with the bounds of those that are not null.
    pub(crate) fn pack(values: &[i64], nulls: Option<Bitmap>) -> Self {
        let is_null = |row: usize| nulls.as_ref().is_some_and(|nulls| nulls.get(row));
        let known = || values.iter().enumerate().filter(|(row, _)| !is_null(*row)).map(|(_, value)| *value);
        let base = known().min().unwrap_or(0);
        let offset_max = known().max().unwrap_or(base).wrapping_sub(base).cast_unsigned();
        let offset = |(row, value): (usize, &i64)| {
            if is_null(row) { 0 } else { value.wrapping_sub(base).cast_unsigned() }
        };
        let offsets = Offsets::collect(offset_max, values.iter().enumerate().map(offset));
        Self { base, offsets, offset_max, nulls }
    }
}

impl FromIterator<Option<i64>> for Integers {
    fn from_iter<I: IntoIterator<Item = Option<i64>>>(integers: I) -> Self {
        let mut nulls = Bitmap::default();
        let values: Vec<i64> = integers
            .into_iter()
            .map(|integer| {
                nulls.push(integer.is_none());
                integer.unwrap_or_default()
            })
            .collect();
        Self::pack(&values, (nulls.ones() > 0).then_some(nulls))
    }
}

impl Offsets {
    /// Offsets of at most `offset_max`.
    pub(crate) fn collect(offset_max: u64, offsets: impl Iterator<Item = u64>) -> Self {
        match u32::try_from(offset_max) {
            Ok(max) => {
                let narrow = |offset| u32::try_from(offset).expect("an offset is at most the largest one");
                Self::Narrow(Codes::collect(max as usize + 1, offsets.map(narrow)))
            }
            Err(_) => Self::Wide(offsets.collect()),
        }
    }

    pub(crate) fn len(&self) -> usize {
        with_offsets!(self, |offsets| offsets.len())
    }

    pub(crate) fn get(&self, row: usize) -> Option<u64> {
        match self {
            Self::Narrow(codes) => codes.get(row).map(u64::from),
            Self::Wide(offsets) => offsets.get(row).copied(),
        }
    }

    /// The offsets of these rows, all of which exist.
    pub(crate) fn take(&self, rows: &[u32]) -> Self {
        match self {
            Self::Narrow(codes) => Self::Narrow(codes.take(rows)),
            Self::Wide(offsets) => {
                Self::Wide(rows.iter().map(|row| offsets.get(*row as usize).copied().unwrap_or_default()).collect())
            }
        }
    }

    /// Bytes held.
    pub(crate) fn bytes(&self) -> usize {
        with_offsets!(self, |offsets| size_of_val(offsets.as_slice()))
    }
}

impl Unit {
    /// An integer in this unit, as a value.
    pub(crate) fn cell(self, integer: i64) -> Cell<'static> {
        match self {
            Self::One => Cell::Int64(integer),
            Self::Decimal { scale, .. } => Cell::Decimal { units: integer.into(), scale },
            Self::Binary { exponent } => Cell::Double(unscale(integer.into(), exponent)),
        }
    }

    /// The unit as a double.
    pub(crate) fn factor(self) -> f64 {
        self.double(1)
    }

    /// A sum of integers in this unit, rounded once.
    pub(crate) fn double(self, integer: i128) -> f64 {
        match self {
            Self::One => unscale(integer, 0),
            Self::Decimal { scale, .. } => ratio(integer, 10_i128.pow(scale.into())),
            Self::Binary { exponent } => unscale(integer, exponent),
        }
    }
}

/// The exponent of the largest power of two that all numbers are multiples of, and the bits of the largest multiple.
fn common_unit(values: &[f64]) -> (i32, i32) {
    let parts = || values.iter().map(|number| decompose(*number)).filter(|(integer, _)| *integer != 0);
    let exponent = parts().map(|(_, exponent)| exponent).min().unwrap_or(0);
    let top =
        parts().map(|(integer, exponent)| exponent + bits(integer.unsigned_abs().into())).max().unwrap_or(exponent);
    (exponent, top - exponent)
}

/// `number / 2^exponent`, for an exponent that leaves an integer of at most 62 bits.
fn scaled(number: f64, exponent: i32) -> i64 {
    match decompose(number) {
        // Zero has no exponent of its own, so its distance to the column's says nothing.
        (0, _) => 0,
        (integer, own) => integer << (own - exponent).max(0),
    }
}

/// `integer · 2^exponent`, rounded once.
pub(crate) fn unscale(integer: i128, exponent: i32) -> f64 {
    // The product is exact: a result too small for 53 bits is still a multiple of the smallest double.
    #[expect(clippy::cast_precision_loss, reason = "this is where a sum is rounded")]
    let rounded = integer as f64;
    rounded * power_of_two(exponent)
}

/// `numerator / denominator`, rounded once, for a positive denominator of at most 64 bits.
pub(crate) fn ratio(numerator: i128, denominator: i128) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "both are exact when they are below 2^53")]
    if numerator.unsigned_abs() < 1 << 53 && denominator < 1 << 53 {
        return numerator as f64 / denominator as f64;
    }
    let magnitude = numerator.unsigned_abs();
    let divisor = denominator.unsigned_abs();
    // Enough bits of the quotient to round, and one that tells whether anything is left.
    let shift = magnitude.leading_zeros();
    let quotient = (magnitude << shift) / divisor;
    let rest = (magnitude << shift) % divisor;
    let spare = quotient.leading_zeros().min(62);
    let sticky = quotient << spare
        | if spare == 0 {
            u128::from(rest != 0)
        } else {
            ((rest << spare) / divisor) | u128::from(!(rest << spare).is_multiple_of(divisor))
        };
    #[expect(clippy::cast_precision_loss, reason = "this is where the quotient is rounded")]
    let rounded = sticky as f64 * power_of_two(-((shift + spare).cast_signed()));
    if numerator < 0 { -rounded } else { rounded }
}

/// An odd integer (or zero) and an exponent of which a finite number is the product.
pub(crate) fn decompose(number: f64) -> (i64, i32) {
    const FRACTION_BITS: u32 = 52;
    let raw = number.to_bits();
    let fraction = raw & ((1 << FRACTION_BITS) - 1);
    let biased = i32::try_from(raw >> FRACTION_BITS & 0x7ff).expect("11 bits fit");
    let (magnitude, exponent) =
        if biased == 0 { (fraction, -1074) } else { (fraction | 1 << FRACTION_BITS, biased - 1075) };
    if magnitude == 0 {
        return (0, 0);
    }
    let zeros = magnitude.trailing_zeros();
    let odd = i64::try_from(magnitude >> zeros).expect("53 bits fit");
    (if number < 0.0 { -odd } else { odd }, exponent + zeros.cast_signed())
}

fn power_of_two(exponent: i32) -> f64 {
    let (normal, subnormal) = (u64::try_from(exponent + 1023), u64::try_from(exponent + 1074));
    match (normal, subnormal) {
        (Ok(biased @ 1..), _) => f64::from_bits(biased << 52),
        (_, Ok(shift)) => f64::from_bits(1 << shift),
        _ => 0.0,
    }
}

/// Bits that a number takes.
pub(crate) fn bits(number: u128) -> i32 {
    (u128::BITS - number.leading_zeros()).cast_signed()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_double_is_its_integer_times_its_power(number in -1e290..1e290_f64, small in any::<f64>()) {
            for number in [number, small].into_iter().filter(|number| number.is_finite()) {
                let (integer, exponent) = decompose(number);
                let number = number + 0.0;
                prop_assert_eq!(unscale(integer.into(), exponent).to_bits(), number.to_bits());
            }
        }

        #[test]
        fn a_ratio_is_the_double_that_its_decimal_digits_are_read_as(units in any::<i64>(), scale in 0..=18_u32) {
            let digits = format!("{units}e-{scale}");
            let read: f64 = digits.parse().unwrap();
            prop_assert_eq!(ratio(units.into(), 10_i128.pow(scale)).to_bits(), read.to_bits());
        }

        #[test]
        fn a_ratio_of_wide_sums_is_rounded_once(units in any::<i128>(), scale in 0..=18_u32) {
            let read: f64 = format!("{units}e-{scale}").parse().unwrap();
            prop_assert_eq!(ratio(units, 10_i128.pow(scale)).to_bits(), read.to_bits());
        }

        #[test]
        fn packed_integers_are_what_they_were(integers in proptest::collection::vec(any::<Option<i64>>(), 0..50)) {
            let packed: Integers = integers.iter().copied().collect();
            for (row, integer) in integers.iter().enumerate() {
                let is_null = packed.nulls.as_ref().is_some_and(|nulls| nulls.get(row));
                prop_assert_eq!((!is_null).then(|| packed.at(row).unwrap()), *integer);
            }
        }

        #[test]
        fn doubles_are_what_they_were(values in proptest::collection::vec(-1e290..1e290_f64, 0..20), halves in any::<bool>()) {
            let values: Vec<f64> = if halves { values.iter().map(|value| (value % 1e6).trunc() / 2.0).collect() } else { values };
            let numbers = Numbers::of_doubles(values.clone(), None);
            let is_integers = matches!(numbers, Numbers::Integers { .. });
            prop_assert!(!halves || is_integers);
            for (row, value) in values.iter().enumerate() {
                prop_assert_eq!(numbers.get(row), Cell::Double(*value + 0.0));
            }
        }
    }

    #[test]
    fn a_zero_among_the_smallest_numbers_is_zero() {
        let numbers = Numbers::of_doubles(vec![0.0, 1e-200], None);
        assert_eq!((numbers.get(0), numbers.get(1)), (Cell::Double(0.0), Cell::Double(1e-200)));
    }
}
