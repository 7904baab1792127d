//! Sums and sums of squares, from which variances come.
//!
//! The variance of `n` numbers is `(n·Σx² − (Σx)²) / (n·(n − 1))`, the difference of two large numbers. Computed exactly,
//! it neither cancels nor depends on the order of the facts.

use ethnum::U256;

use super::{Into, pick};
use crate::{
    fold::{
        exact::{ExactSum, product},
        rows::{Rows, Slots},
    },
    storage::numbers::{Numbers, Unit},
};

/// Sums and sums of squares, by cell.
#[derive(Clone, Debug)]
pub(crate) struct Squares {
    counts: Vec<u32>,
    sums: Kind,
}

#[derive(Clone, Debug)]
enum Kind {
    /// Of offsets: a variance does not depend on the base.
    Narrow {
        sums: Vec<u64>,
        squares: Vec<u128>,
        unit: Unit,
    },
    Wide {
        sums: Vec<U256>,
        squares: Vec<U256>,
        unit: Unit,
    },
    Exact {
        sums: Vec<ExactSum>,
        squares: Vec<ExactSum>,
    },
}

impl Squares {
    pub(in crate::fold) fn new(numbers: &Numbers, cells: usize) -> Self {
        let sums = match numbers {
            Numbers::Integers { integers, unit } if u32::try_from(integers.offset_max).is_ok() => {
                Kind::Narrow { sums: vec![0; cells], squares: vec![0; cells], unit: *unit }
            }
            Numbers::Integers { unit, .. } => {
                Kind::Wide { sums: vec![U256::ZERO; cells], squares: vec![U256::ZERO; cells], unit: *unit }
            }
            Numbers::Doubles { .. } => {
                Kind::Exact { sums: vec![ExactSum::default(); cells], squares: vec![ExactSum::default(); cells] }
            }
        };
        Self { counts: vec![0; cells], sums }
    }

    pub(in crate::fold) fn empty(&self, cells: usize) -> Self {
        let sums = match &self.sums {
            Kind::Narrow { unit, .. } => Kind::Narrow { sums: vec![0; cells], squares: vec![0; cells], unit: *unit },
            Kind::Wide { unit, .. } => {
                Kind::Wide { sums: vec![U256::ZERO; cells], squares: vec![U256::ZERO; cells], unit: *unit }
            }
            Kind::Exact { .. } => {
                Kind::Exact { sums: vec![ExactSum::default(); cells], squares: vec![ExactSum::default(); cells] }
            }
        };
        Self { counts: vec![0; cells], sums }
    }

    pub(in crate::fold) fn add(&mut self, numbers: &Numbers, rows: &Rows<'_>, slots: Slots<'_>) {
        let nulls = numbers.nulls();
        let counts = &mut self.counts;
        let mut visit = |add: &mut dyn FnMut(usize, usize)| {
            rows.numbered(slots, |slot, row| {
                if nulls.is_some_and(|nulls| nulls.get(row)) {
                    return;
                }
                if let Some(count) = counts.get_mut(slot) {
                    *count += 1;
                    add(slot, row);
                }
            });
        };
        match (&mut self.sums, numbers) {
            (Kind::Narrow { sums, squares, .. }, Numbers::Integers { integers, .. }) => visit(&mut |slot, row| {
                let offset = integers.offsets.get(row).unwrap_or_default();
                if let (Some(sum), Some(square)) = (sums.get_mut(slot), squares.get_mut(slot)) {
                    *sum += offset;
                    *square += u128::from(offset * offset);
                }
            }),
            (Kind::Wide { sums, squares, .. }, Numbers::Integers { integers, .. }) => visit(&mut |slot, row| {
                let offset = U256::from(integers.offsets.get(row).unwrap_or_default());
                if let (Some(sum), Some(square)) = (sums.get_mut(slot), squares.get_mut(slot)) {
                    *sum += offset;
                    *square += offset * offset;
                }
            }),
            (Kind::Exact { sums, squares }, Numbers::Doubles { values, .. }) => visit(&mut |slot, row| {
                let value = values.get(row).copied().unwrap_or_default();
                if let (Some(sum), Some(square)) = (sums.get_mut(slot), squares.get_mut(slot)) {
                    sum.add(value);
                    let (high, low) = product(value, value);
                    square.add(high);
                    square.add(low);
                }
            }),
            _ => unreachable!("squares are made for what is added to them"),
        }
    }

    #[expect(clippy::needless_pass_by_value, reason = "states are merged alike, and some are used up")]
    pub(in crate::fold) fn merge(&mut self, other: Self, into: Into<'_>) {
        into.each(&mut self.counts, &other.counts, |one, other| *one += other);
        match (&mut self.sums, &other.sums) {
            (Kind::Narrow { sums, squares, .. }, Kind::Narrow { sums: others, squares: other_squares, .. }) => {
                into.each(sums, others, |one, other| *one += other);
                into.each(squares, other_squares, |one, other| *one += other);
            }
            (Kind::Wide { sums, squares, .. }, Kind::Wide { sums: others, squares: other_squares, .. }) => {
                into.each(sums, others, |one, other| *one += other);
                into.each(squares, other_squares, |one, other| *one += other);
            }
            (Kind::Exact { sums, squares }, Kind::Exact { sums: others, squares: other_squares }) => {
                into.each(sums, others, ExactSum::merge);
                into.each(squares, other_squares, ExactSum::merge);
            }
            _ => unreachable!("squares of one fold are of the same kind"),
        }
    }

    pub(in crate::fold) fn append(&mut self, other: Self, _cells: usize) {
        self.counts.extend(other.counts);
        match (&mut self.sums, other.sums) {
            (Kind::Narrow { sums, squares, .. }, Kind::Narrow { sums: others, squares: other_squares, .. }) => {
                sums.extend(others);
                squares.extend(other_squares);
            }
            (Kind::Wide { sums, squares, .. }, Kind::Wide { sums: others, squares: other_squares, .. }) => {
                sums.extend(others);
                squares.extend(other_squares);
            }
            (Kind::Exact { sums, squares }, Kind::Exact { sums: others, squares: other_squares }) => {
                sums.extend(others);
                squares.extend(other_squares);
            }
            _ => unreachable!("squares of one fold are of the same kind"),
        }
    }

    pub(in crate::fold) fn pick(self, cells: &[u32]) -> Self {
        let sums = match &self.sums {
            Kind::Narrow { sums, squares, unit } => {
                Kind::Narrow { sums: pick(sums, cells), squares: pick(squares, cells), unit: *unit }
            }
            Kind::Wide { sums, squares, unit } => {
                Kind::Wide { sums: pick(sums, cells), squares: pick(squares, cells), unit: *unit }
            }
            Kind::Exact { sums, squares } => Kind::Exact { sums: pick(sums, cells), squares: pick(squares, cells) },
        };
        Self { counts: pick(&self.counts, cells), sums }
    }

    /// The variance of a cell; none when it has too few numbers.
    pub(in crate::fold) fn variance(&self, cell: usize, sample: bool) -> Option<f64> {
        let count = self.counts.get(cell).copied().unwrap_or_default();
        if count < 1 + u32::from(sample) {
            return None;
        }
        let difference = match &self.sums {
            Kind::Narrow { sums, squares, unit } => {
                let (sum, square) = (U256::from(*sums.get(cell)?), U256::from(*squares.get(cell)?));
                integer_difference(count, sum, square, *unit)
            }
            Kind::Wide { sums, squares, unit } => {
                integer_difference(count, *sums.get(cell)?, *squares.get(cell)?, *unit)
            }
            Kind::Exact { sums, squares } => {
                let mut difference = squares.get(cell)?.times(&ExactSum::of(count.into()));
                let sum = sums.get(cell)?;
                difference.merge(&sum.times(sum).negated());
                difference.round()
            }
        };
        let count = f64::from(count);
        Some(difference / (count * if sample { count - 1.0 } else { count }))
    }
}

/// `n·Σx² − (Σx)²`, in squared units, rounded once.
fn integer_difference(count: u32, sum: U256, square: U256, unit: Unit) -> f64 {
    let difference = U256::from(count) * square - sum * sum;
    match (unit, u128::try_from(difference)) {
        (Unit::Decimal { scale, .. }, Ok(difference)) if difference <= i128::MAX.unsigned_abs() && scale <= 9 => {
            crate::storage::numbers::ratio(difference.cast_signed(), 10_i128.pow(u32::from(scale) * 2))
        }
        _ => difference.as_f64() * unit.factor() * unit.factor(),
    }
}
