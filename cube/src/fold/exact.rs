//! The exact sum of any doubles, for columns whose magnitudes differ too much for an integer sum.

/// An exact sum: doubles whose bits do not overlap, smallest magnitude first.
///
/// Adding a double to such a list with error-free additions gives such a list again (Shewchuk, 1997). Doubles are limited
/// in magnitude at load, so that no addition overflows.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct ExactSum(Vec<f64>);

impl ExactSum {
    pub(crate) fn add(&mut self, addend: f64) {
        let mut carry = addend;
        self.0.retain_mut(|part| {
            let (sum, error) = add_exactly(carry, *part);
            carry = sum;
            *part = error;
            error != 0.0
        });
        if !carry.is_finite() {
            // Beyond all doubles for good: otherwise every further addition would leave a part that is no number.
            self.0 = vec![f64::NAN];
        } else if carry != 0.0 {
            self.0.push(carry);
        }
    }

    /// The sum of one number.
    pub(crate) fn of(number: f64) -> Self {
        let mut sum = Self::default();
        sum.add(number);
        sum
    }

    pub(crate) fn negated(&self) -> Self {
        Self(self.0.iter().map(|part| -part).collect())
    }

    /// The exact product of two sums.
    pub(crate) fn times(&self, other: &Self) -> Self {
        let mut sum = Self::default();
        for one in &self.0 {
            for two in &other.0 {
                let (high, low) = product(*one, *two);
                sum.add(high);
                sum.add(low);
            }
        }
        sum
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        other.0.iter().for_each(|part| self.add(*part));
    }

    /// The double nearest to the sum, of two equally near ones the even one.
    pub(crate) fn round(&self) -> f64 {
        let mut parts = self.0.iter().rev().copied();
        let mut sum = parts.next().unwrap_or(0.0);
        while let Some(part) = parts.next() {
            let (rounded, error) = add_exactly(sum, part);
            sum = rounded;
            if error != 0.0 {
                // Half-way cases were rounded to even without knowing of the parts below; they decide.
                let below = parts.next().unwrap_or(0.0);
                let same_side = (error > 0.0 && below > 0.0) || (error < 0.0 && below < 0.0);
                let (away, lost) = add_exactly(sum, error * 2.0);
                if same_side && lost == 0.0 {
                    sum = away;
                }
                break;
            }
        }
        sum
    }
}

/// The rounded product and what rounding lost.
pub(crate) fn product(a: f64, b: f64) -> (f64, f64) {
    let rounded = a * b;
    (rounded, a.mul_add(b, -rounded))
}

/// The rounded sum and what rounding lost.
fn add_exactly(a: f64, b: f64) -> (f64, f64) {
    let sum = a + b;
    let b_rounded = sum - a;
    let a_rounded = sum - b_rounded;
    (sum, (a - a_rounded) + (b - b_rounded))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::storage::numbers::{decompose, unscale};

    fn scale(number: f64, exponent: i32) -> i128 {
        let (integer, own) = decompose(number);
        i128::from(integer) << (own - exponent).max(0)
    }

    fn sum(numbers: &[f64]) -> f64 {
        exact(numbers).round()
    }

    fn exact(numbers: &[f64]) -> ExactSum {
        let mut sum = ExactSum::default();
        for number in numbers {
            sum.add(*number);
        }
        sum
    }

    /// Doubles of all magnitudes that a table accepts.
    fn number() -> impl Strategy<Value = f64> {
        (-1.0..1.0_f64, -300..290_i32).prop_map(|(fraction, exponent)| fraction * 10_f64.powi(exponent))
    }

    proptest! {
        #[test]
        fn the_order_of_numbers_does_not_matter(
            (numbers, shuffled) in proptest::collection::vec(number(), 0..40).prop_flat_map(|numbers| {
                (Just(numbers.clone()), Just(numbers).prop_shuffle())
            }),
            split in any::<prop::sample::Index>(),
        ) {
            let expected = sum(&numbers);
            prop_assert_eq!(sum(&shuffled).to_bits(), expected.to_bits());
            let (left, right) = shuffled.split_at(split.index(shuffled.len() + 1));
            let mut merged = exact(left);
            merged.merge(&exact(right));
            prop_assert_eq!(merged.round().to_bits(), expected.to_bits());
        }

        #[test]
        fn it_is_the_sum_that_integers_give(numbers in proptest::collection::vec(-1e9..1e9_f64, 0..40)) {
            const EXPONENT: i32 = -70;
            let numbers: Vec<f64> = numbers.iter().map(|number| (number * 1e3).round() / 1e3).collect();
            let integer: i128 = numbers.iter().map(|number| scale(*number, EXPONENT)).sum();
            prop_assert_eq!(sum(&numbers).to_bits(), unscale(integer, EXPONENT).to_bits());
        }
    }

    #[test]
    fn halves_are_decided_by_what_is_below_them() {
        let (one, half, tiny) = (1.0, f64::EPSILON / 2.0, 1e-200);
        assert_eq!(sum(&[one, half]).to_bits(), one.to_bits());
        assert_eq!(sum(&[one, half, tiny]).to_bits(), (one + f64::EPSILON).to_bits());
        assert_eq!(sum(&[one, half, -tiny]).to_bits(), one.to_bits());
        assert_eq!(sum(&[1e200, tiny, -1e200]).to_bits(), tiny.to_bits());
    }
}
