//! Sums of products that leave 128 bits. A product of four 64-bit integers takes up to 253 bits, and so many rows as a table
//! can have 32 more, which is more than the widest integers there are: sums are kept in two halves.

use ethnum::I256;

/// `high · 2¹²⁸ + low`, the halves overlapping by what was carried.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Huge {
    high: I256,
    low: I256,
}

const LOW_BITS: u32 = 128;

fn halves(number: I256) -> (I256, I256) {
    let high = number >> LOW_BITS;
    (high, number - (high << LOW_BITS))
}

impl Huge {
    pub(in crate::fold) fn add(&mut self, product: I256) {
        let (high, low) = halves(product);
        self.high += high;
        self.low += low;
    }

    pub(in crate::fold) fn merge(&mut self, other: &Self) {
        self.high += other.high;
        self.low += other.low;
    }

    /// The sum, if it fits.
    pub(in crate::fold) fn integer(&self) -> Option<i128> {
        let (carried, low) = halves(self.low);
        let high = self.high + carried;
        // Above the low half there is nothing but its sign.
        let low = low.as_i128();
        (high == if low < 0 { I256::MINUS_ONE } else { I256::ZERO }).then_some(low)
    }

    /// The sum, rounded.
    pub(in crate::fold) fn as_f64(&self) -> f64 {
        self.integer().map_or_else(
            || self.high.as_f64() * 2_f64.powi(LOW_BITS.cast_signed()) + self.low.as_f64(),
            |integer| I256::from(integer).as_f64(),
        )
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn sums_are_those_of_wide_integers(numbers in proptest::collection::vec(any::<i128>(), 0..40), split in 0..40_usize) {
            let mut parts = [Huge::default(), Huge::default()];
            for (index, number) in numbers.iter().enumerate() {
                parts[usize::from(index < split)].add(I256::from(*number));
            }
            let [mut one, other] = parts;
            one.merge(&other);
            let sum: I256 = numbers.iter().map(|number| I256::from(*number)).sum();
            prop_assert_eq!(one.integer(), i128::try_from(sum).ok());
        }
    }

    #[test]
    fn what_leaves_256_bits_on_the_way_comes_back() {
        let product = I256::from(i64::MAX) * I256::from(i64::MAX) * I256::from(i64::MAX) * I256::from(i64::MAX);
        let mut sum = Huge::default();
        for addend in [product; 100].into_iter().chain([I256::from(7)]) {
            sum.add(addend);
        }
        assert_eq!(sum.integer(), None);
        for addend in [-product; 100] {
            sum.add(addend);
        }
        assert_eq!(sum.integer(), Some(7));
    }
}
