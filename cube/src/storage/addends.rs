//! Numbers prepared to be summed exactly.
//!
//! A sum of doubles depends on the order of the additions, because each addition rounds. Sums here are exact and rounded
//! once, so they depend on nothing but the set of facts: not on threads, not on the order of rows, and not on the facts
//! that a mask hides between them. That costs little, because a finite double is an integer times a power of two:
//!
//! ```text
//! double = integer · 2^exponent     one exponent for the whole column
//!
//! the sum of all magnitudes fits  64 bits → Narrow  sums are i64      (integers, halves, quarters, …)
//!                                128 bits → Wide    sums are i128     (12.34 and other decimals)
//!                                     not → Wild    sums are lists of doubles that do not overlap
//! ```

use std::sync::Arc;

use super::{bitmap::Bitmap, numbers::Numbers};

/// The numbers of a column, and how they are summed.
#[derive(Clone, Debug)]
pub(crate) enum Addends {
    /// `number · 2^exponent`; no sum of any of them leaves 64 bits.
    Narrow { numbers: Arc<Numbers<i64>>, exponent: i32 },
    /// Integers of which some sums leave 64 bits.
    WideInt64 { numbers: Arc<Numbers<i64>> },
    /// Doubles that are 128-bit integers times `2^exponent`; no sum of any of them leaves 128 bits.
    WideDouble { numbers: Arc<Numbers<f64>>, exponent: i32 },
    /// Doubles of too different magnitudes.
    Wild { numbers: Arc<Numbers<f64>> },
}

impl Addends {
    pub(crate) fn of_int64s(numbers: &Arc<Numbers<i64>>) -> Self {
        let magnitude: u128 = numbers.values().iter().map(|number| u128::from(number.unsigned_abs())).sum();
        let numbers = Arc::clone(numbers);
        if i64::try_from(magnitude).is_ok() {
            Self::Narrow { numbers, exponent: 0 }
        } else {
            Self::WideInt64 { numbers }
        }
    }

    pub(crate) fn of_doubles(numbers: &Arc<Numbers<f64>>) -> Self {
        let parts = || numbers.values().iter().map(|number| decompose(*number)).filter(|(integer, _)| *integer != 0);
        let exponent = parts().map(|(_, exponent)| exponent).min().unwrap_or(0);
        let top = parts().map(|(integer, exponent)| exponent + bits(integer.unsigned_abs().into())).max().unwrap_or(0);
        match top - exponent + bits(numbers.len() as u128) {
            ..=62 => {
                let scaled = |number: f64| i64::try_from(scale(number, exponent)).expect("its width was just checked");
                let numbers = Arc::new(numbers.iter().map(|number| number.map(scaled)).collect());
                Self::Narrow { numbers, exponent }
            }
            63..=126 => Self::WideDouble { numbers: Arc::clone(numbers), exponent },
            _ => Self::Wild { numbers: Arc::clone(numbers) },
        }
    }
}

impl Addends {
    /// Which rows have no number; absent when all have one.
    pub(crate) fn nulls(&self) -> Option<&Bitmap> {
        match self {
            Self::Narrow { numbers, .. } | Self::WideInt64 { numbers } => numbers.nulls(),
            Self::WideDouble { numbers, .. } | Self::Wild { numbers } => numbers.nulls(),
        }
    }

    /// Bytes that the sum of one cell takes.
    pub(crate) fn bytes_per_cell(&self) -> usize {
        let sum = match self {
            Self::Narrow { .. } => size_of::<i64>(),
            Self::WideInt64 { .. } | Self::WideDouble { .. } => size_of::<i128>(),
            Self::Wild { .. } => size_of::<Vec<f64>>() + 4 * size_of::<f64>(),
        };
        sum + size_of::<u32>()
    }
}

/// `number / 2^exponent`, for an exponent that leaves an integer of at most 126 bits.
pub(crate) fn scale(number: f64, exponent: i32) -> i128 {
    match decompose(number) {
        // Zero has no exponent of its own, so its distance to the column's says nothing.
        (0, _) => 0,
        (integer, own) => i128::from(integer) << (own - exponent).max(0),
    }
}

/// `integer · 2^exponent`, rounded once.
pub(crate) fn unscale(integer: i128, exponent: i32) -> f64 {
    // The product is exact: a result too small for 53 bits is still a multiple of the smallest double.
    #[expect(clippy::cast_precision_loss, reason = "this is where a sum is rounded")]
    let rounded = integer as f64;
    rounded * power_of_two(exponent)
}

/// An odd integer (or zero) and an exponent of which a finite number is the product.
fn decompose(number: f64) -> (i64, i32) {
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
fn bits(number: u128) -> i32 {
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
    }

    fn kind(values: &[f64]) -> &'static str {
        match Addends::of_doubles(&Arc::new(values.iter().map(|value| Some(*value)).collect())) {
            Addends::Narrow { .. } => "narrow",
            Addends::WideInt64 { .. } | Addends::WideDouble { .. } => "wide",
            Addends::Wild { .. } => "wild",
        }
    }

    #[test]
    fn a_zero_among_the_smallest_numbers_is_zero() {
        let (_, exponent) = decompose(1e-200);
        assert_eq!(scale(0.0, exponent), 0);
        assert_eq!(kind(&[0.0, 1e-200]), "narrow");
    }

    #[test]
    fn usual_numbers_are_summed_as_integers() {
        assert_eq!(kind(&[]), "narrow");
        assert_eq!(kind(&[603.0, 0.25, -7.0]), "narrow");
        assert_eq!(kind(&[12.34, 0.01, 99_999.99]), "wide");
        assert_eq!(kind(&[1e-300, 1e280]), "wild");
    }
}
