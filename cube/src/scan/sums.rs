//! Sums of one column, by slot.

use super::{exact::ExactSum, kernel};
use crate::storage::numbers::{Numbers, Unit, with_offsets};

/// Sums of one column, by slot.
#[derive(Debug)]
pub(crate) struct Sums {
    totals: Totals,
    /// Numbers that are not null, by slot; absent when every fact has one.
    counts: Option<Vec<u32>>,
}

#[derive(Debug)]
enum Totals {
    Integers { totals: Vec<i128>, unit: Unit },
    Doubles { totals: Vec<ExactSum> },
}

impl Sums {
    pub(super) fn of(numbers: &Numbers) -> Self {
        let totals = match numbers {
            Numbers::Integers { unit, .. } => Totals::Integers { totals: Vec::new(), unit: *unit },
            Numbers::Doubles { .. } => Totals::Doubles { totals: Vec::new() },
        };
        Self { totals, counts: numbers.nulls().map(|_| Vec::new()) }
    }

    pub(super) fn grow(&mut self, len: usize) {
        match &mut self.totals {
            Totals::Integers { totals, .. } => totals.resize(len, 0),
            Totals::Doubles { totals } => totals.resize(len, ExactSum::default()),
        }
        if let Some(counts) = &mut self.counts {
            counts.resize(len, 0);
        }
    }

    /// Adds the number of each row to its slot. Null is zero.
    pub(super) fn add(&mut self, numbers: &Numbers, rows: &[u32], slots: &[u32]) {
        if let (Some(counts), Some(nulls)) = (&mut self.counts, numbers.nulls()) {
            kernel::count_numbers(counts, nulls, rows, slots);
        }
        match (&mut self.totals, numbers) {
            (Totals::Integers { totals, .. }, Numbers::Integers { integers, .. }) => {
                let base = i128::from(integers.base);
                let nulls = integers.nulls.as_ref();
                with_offsets!(&integers.offsets, |offsets| {
                    for (row, slot) in rows.iter().zip(slots) {
                        let row = *row as usize;
                        if let (Some(total), Some(offset)) = (totals.get_mut(*slot as usize), offsets.get(row)) {
                            if !nulls.is_some_and(|nulls| nulls.get(row)) {
                                *total += base + i128::from(*offset);
                            }
                        }
                    }
                });
            }
            (Totals::Doubles { totals }, Numbers::Doubles { values, .. }) => {
                kernel::add_numbers(totals, values, rows, slots, ExactSum::add);
            }
            _ => unreachable!("sums are made for the numbers that are added to them"),
        }
    }

    pub(super) fn merge_cell(&mut self, into: usize, others: &Self, from: usize) {
        match (&mut self.totals, &others.totals) {
            (Totals::Integers { totals, .. }, Totals::Integers { totals: others, .. }) => {
                with_both(totals, into, others, from, |total, other| *total += other);
            }
            (Totals::Doubles { totals }, Totals::Doubles { totals: others }) => {
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
            Totals::Integers { totals, unit } => unit.double(totals.get(slot).copied().unwrap_or_default()),
            Totals::Doubles { totals } => totals.get(slot).map_or(0.0, ExactSum::round),
        }
    }

    /// The sum of integers; none when it does not fit.
    pub(crate) fn int64(&self, slot: usize) -> Option<i64> {
        match &self.totals {
            Totals::Integers { totals, .. } => totals.get(slot).and_then(|total| i64::try_from(*total).ok()),
            Totals::Doubles { .. } => None,
        }
    }
}

fn with_both<T>(sums: &mut [T], into: usize, others: &[T], from: usize, merge: impl Fn(&mut T, &T)) {
    if let (Some(sum), Some(other)) = (sums.get_mut(into), others.get(from)) {
        merge(sum, other);
    }
}
