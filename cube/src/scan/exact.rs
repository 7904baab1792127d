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
        if carry != 0.0 {
            self.0.push(carry);
        }
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
                let doubled = error * 2.0;
                let away = sum + doubled;
                if error.is_sign_negative() == below.is_sign_negative() && below != 0.0 && away - sum == doubled {
                    sum = away;
                }
                break;
            }
        }
        sum
    }
}

/// The rounded sum and what rounding lost.
fn add_exactly(a: f64, b: f64) -> (f64, f64) {
    let sum = a + b;
    let b_rounded = sum - a;
    let a_rounded = sum - b_rounded;
    (sum, (a - a_rounded) + (b - b_rounded))
}
