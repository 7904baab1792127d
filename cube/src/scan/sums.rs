//! Sums of one column, by slot.

use super::{exact::ExactSum, kernel};
use crate::storage::addends::{Addends, scale, unscale};

/// Sums of one column, by slot.
#[derive(Debug)]
pub(crate) struct Sums {
    totals: Totals,
    /// Numbers that are not null, by slot; absent when every fact has one.
    counts: Option<Vec<u32>>,
}

#[derive(Debug)]
enum Totals {
    Narrow { totals: Vec<i64>, exponent: i32 },
    Wide { totals: Vec<i128>, exponent: i32 },
    Wild { totals: Vec<ExactSum> },
}

impl Sums {
    pub(super) fn of(addends: &Addends) -> Self {
        let totals = match addends {
            Addends::Narrow { exponent, .. } => Totals::Narrow { totals: Vec::new(), exponent: *exponent },
            Addends::WideInt64 { .. } => Totals::Wide { totals: Vec::new(), exponent: 0 },
            Addends::WideDouble { exponent, .. } => Totals::Wide { totals: Vec::new(), exponent: *exponent },
            Addends::Wild { .. } => Totals::Wild { totals: Vec::new() },
        };
        Self { totals, counts: addends.nulls().map(|_| Vec::new()) }
    }

    pub(super) fn grow(&mut self, len: usize) {
        match &mut self.totals {
            Totals::Narrow { totals, .. } => totals.resize(len, 0),
            Totals::Wide { totals, .. } => totals.resize(len, 0),
            Totals::Wild { totals } => totals.resize(len, ExactSum::default()),
        }
        if let Some(counts) = &mut self.counts {
            counts.resize(len, 0);
        }
    }

    /// Adds the number of each row to its slot. Null is zero.
    pub(super) fn add(&mut self, addends: &Addends, rows: &[u32], slots: &[u32]) {
        if let (Some(counts), Some(nulls)) = (&mut self.counts, addends.nulls()) {
            kernel::count_numbers(counts, nulls, rows, slots);
        }
        match (&mut self.totals, addends) {
            (Totals::Narrow { totals, .. }, Addends::Narrow { numbers, .. }) => {
                kernel::add_numbers(totals, numbers.values(), rows, slots, |total, number| *total += number);
            }
            (Totals::Wide { totals, .. }, Addends::WideInt64 { numbers }) => {
                kernel::add_numbers(totals, numbers.values(), rows, slots, |total, number| {
                    *total += i128::from(number);
                });
            }
            (Totals::Wide { totals, exponent }, Addends::WideDouble { numbers, .. }) => {
                let add = |total: &mut i128, number| *total += scale(number, *exponent);
                kernel::add_numbers(totals, numbers.values(), rows, slots, add);
            }
            (Totals::Wild { totals }, Addends::Wild { numbers }) => {
                kernel::add_numbers(totals, numbers.values(), rows, slots, ExactSum::add);
            }
            _ => unreachable!("sums are made for the addends that are added to them"),
        }
    }

    pub(super) fn merge_cell(&mut self, into: usize, others: &Self, from: usize) {
        match (&mut self.totals, &others.totals) {
            (Totals::Narrow { totals, .. }, Totals::Narrow { totals: others, .. }) => {
                with_both(totals, into, others, from, |total, other| *total += other);
            }
            (Totals::Wide { totals, .. }, Totals::Wide { totals: others, .. }) => {
                with_both(totals, into, others, from, |total, other| *total += other);
            }
            (Totals::Wild { totals }, Totals::Wild { totals: others }) => {
                with_both(totals, into, others, from, ExactSum::merge);
            }
            _ => unreachable!("blocks of one scan have the same sums"),
        }
        if let (Some(counts), Some(others)) = (&mut self.counts, &others.counts) {
            with_both(counts, into, others, from, |count, other| *count += other);
        }
    }

    /// Numbers in a slot that has this many facts.
    pub(crate) fn count(&self, slot: usize, facts: u32) -> u32 {
        self.counts.as_ref().map_or(facts, |counts| counts.get(slot).copied().unwrap_or_default())
    }

    /// The sum, rounded once.
    pub(crate) fn double(&self, slot: usize) -> f64 {
        match &self.totals {
            Totals::Narrow { totals, exponent } => {
                unscale(totals.get(slot).copied().unwrap_or_default().into(), *exponent)
            }
            Totals::Wide { totals, exponent } => unscale(totals.get(slot).copied().unwrap_or_default(), *exponent),
            Totals::Wild { totals } => totals.get(slot).map_or(0.0, ExactSum::round),
        }
    }

    /// The sum of integers; none when it does not fit.
    pub(crate) fn int64(&self, slot: usize) -> Option<i64> {
        match &self.totals {
            Totals::Narrow { totals, .. } => totals.get(slot).copied(),
            Totals::Wide { totals, .. } => totals.get(slot).and_then(|total| i64::try_from(*total).ok()),
            Totals::Wild { .. } => None,
        }
    }
}

fn with_both<T>(sums: &mut [T], into: usize, others: &[T], from: usize, merge: impl Fn(&mut T, &T)) {
    if let (Some(sum), Some(other)) = (sums.get_mut(into), others.get(from)) {
        merge(sum, other);
    }
}
