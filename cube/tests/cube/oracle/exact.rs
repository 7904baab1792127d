//! Numbers as fractions of integers without bound, so that an evaluator rounds where it says so and nowhere else.

use std::cmp::Ordering;

use num_bigint::{BigInt, Sign};

/// `numerator / denominator`, the denominator positive.
#[derive(Clone, Debug)]
pub(crate) struct Exact {
    numerator: BigInt,
    denominator: BigInt,
}

impl Exact {
    pub(crate) fn of_integer(integer: impl Into<BigInt>) -> Self {
        Self { numerator: integer.into(), denominator: BigInt::from(1) }
    }

    /// Of a finite double.
    pub(crate) fn of_double(number: f64) -> Self {
        const FRACTION_BITS: u64 = 52;
        let raw = number.abs().to_bits();
        let (biased, fraction) = (raw >> FRACTION_BITS, raw & ((1 << FRACTION_BITS) - 1));
        let (integer, power) = if biased == 0 { (fraction, 1) } else { (fraction | 1 << FRACTION_BITS, biased) };
        let integer = BigInt::from(integer) << power;
        let numerator = if number < 0.0 { -integer } else { integer };
        Self { numerator, denominator: BigInt::from(1) << 1075_u32 }.reduced()
    }

    /// Of digits with at most one point.
    pub(crate) fn of_digits(text: &str) -> Self {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        let numerator = format!("{whole}{fraction}").parse().expect("these are digits");
        Self { numerator, denominator: power_of_ten(fraction.len()) }
    }

    pub(crate) fn plus(&self, other: &Self) -> Self {
        if self.denominator == other.denominator {
            return Self { numerator: &self.numerator + &other.numerator, denominator: self.denominator.clone() };
        }
        let numerator = &self.numerator * &other.denominator + &other.numerator * &self.denominator;
        Self { numerator, denominator: &self.denominator * &other.denominator }.reduced()
    }

    pub(crate) fn times(&self, other: &Self) -> Self {
        let numerator = &self.numerator * &other.numerator;
        Self { numerator, denominator: &self.denominator * &other.denominator }.reduced()
    }

    pub(crate) fn negated(&self) -> Self {
        Self { numerator: -&self.numerator, denominator: self.denominator.clone() }
    }

    pub(crate) fn magnitude(&self) -> Self {
        if self.numerator.sign() == Sign::Minus { self.negated() } else { self.clone() }
    }

    /// Divided by a number that is not zero.
    pub(crate) fn over(&self, other: &Self) -> Self {
        let inverse = Self { numerator: other.denominator.clone(), denominator: other.numerator.clone() };
        let quotient = self.times(&inverse);
        if quotient.denominator.sign() == Sign::Minus {
            Self { numerator: -quotient.numerator, denominator: -quotient.denominator }
        } else {
            quotient
        }
    }

    pub(crate) fn sum<'a>(numbers: impl IntoIterator<Item = &'a Self>) -> Self {
        numbers.into_iter().fold(Self::of_integer(0), |sum, number| sum.plus(number))
    }

    /// How many times `10^-scale` it is, if a whole number of times that fits.
    pub(crate) fn units(&self, scale: u8) -> Option<i128> {
        let scaled = &self.numerator * power_of_ten(scale.into());
        let units = &scaled / &self.denominator;
        (&units * &self.denominator == scaled).then(|| i128::try_from(units).ok()).flatten()
    }

    /// The nearest double, of two equally near ones the even one; infinite beyond all doubles. For numbers that are not
    /// among the very smallest.
    pub(crate) fn to_double(&self) -> f64 {
        /// More bits than a double has, with one to spare for what is left over.
        const BITS: i64 = 80;
        let length = |integer: &BigInt| i64::try_from(integer.bits()).expect("test numbers are short");
        let shift = BITS + length(&self.denominator) - length(&self.numerator);
        let numerator = self.numerator.magnitude() << u64::try_from(shift.max(0)).expect("it is not negative");
        let denominator = self.denominator.magnitude() << u64::try_from((-shift).max(0)).expect("it is not negative");
        let quotient = u128::try_from(&numerator / &denominator).expect("it has few bits");
        let left_over = &numerator % &denominator != num_bigint::BigUint::from(0_u8);
        #[expect(clippy::cast_precision_loss, reason = "this is where a number is rounded")]
        let rounded = (quotient | u128::from(left_over)) as f64;
        let power = i32::try_from(-shift).expect("test numbers are short");
        let magnitude = rounded * 2_f64.powi(power / 2) * 2_f64.powi(power - power / 2);
        if self.numerator.sign() == Sign::Minus { -magnitude } else { magnitude }
    }

    /// Without the powers of two that both have, or sums of doubles would grow with every addend.
    fn reduced(mut self) -> Self {
        let zeros = |integer: &BigInt| integer.trailing_zeros();
        let shared =
            zeros(&self.denominator).map(|zeros_below| zeros(&self.numerator).unwrap_or(zeros_below).min(zeros_below));
        self.numerator >>= shared.unwrap_or(0);
        self.denominator >>= shared.unwrap_or(0);
        self
    }
}

impl PartialEq for Exact {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Exact {}

impl PartialOrd for Exact {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Exact {
    fn cmp(&self, other: &Self) -> Ordering {
        (&self.numerator * &other.denominator).cmp(&(&other.numerator * &self.denominator))
    }
}

fn power_of_ten(exponent: usize) -> BigInt {
    BigInt::from(10).pow(u32::try_from(exponent).expect("test numbers are short"))
}
