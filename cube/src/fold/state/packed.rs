//! A count and a sum in one 64-bit number, so that a fact takes one addition instead of two.
//!
//! ```text
//! 63      …      b + c │ …        0
//! count of facts       │ sum of offsets      emptied before either side can overflow
//! ```

use super::{Addends, Input, State};
use crate::{
    fold::rows::Rows,
    limits::CHUNK_ROWS,
    storage::numbers::{Integers, Numbers, with_offsets},
};

/// How a count and a sum share 64 bits, and how many rows have been added.
#[derive(Debug)]
pub(in crate::fold) struct Packing {
    sum_bits: u32,
    rows: usize,
    rows_max: usize,
}

/// Counts of facts and sums of the offsets of one column, by cell.
#[derive(Debug)]
pub(in crate::fold) struct Packed {
    totals: Vec<u64>,
    packing: Packing,
}

impl Packing {
    /// None when offsets are so large that it would be full after a chunk.
    pub(in crate::fold) fn of(integers: &Integers) -> Option<Self> {
        let count_bits = (integers.offset_max.leading_zeros() / 2).min(31);
        let rows_max = (1_usize << count_bits) - 1;
        (rows_max >= CHUNK_ROWS).then(|| Self { sum_bits: 64 - count_bits, rows: 0, rows_max })
    }

    pub(in crate::fold) fn rows_max(&self) -> usize {
        self.rows_max
    }

    /// Whether so many more rows are too many.
    pub(in crate::fold) fn is_full(&self, rows: usize) -> bool {
        self.rows + rows > self.rows_max
    }

    pub(in crate::fold) fn count(&mut self, rows: usize) {
        self.rows += rows;
    }

    pub(in crate::fold) fn restart(&mut self) {
        self.rows = 0;
    }

    /// A fact whose offset is zero.
    pub(in crate::fold) fn one(&self) -> u64 {
        1 << self.sum_bits
    }

    /// Count and sum.
    pub(in crate::fold) fn unpack(&self, total: u64) -> (u32, u64) {
        let count = u32::try_from(total >> self.sum_bits).expect("at most 31 bits count");
        (count, total & (self.one() - 1))
    }
}

impl Packed {
    /// None when a state is no plain sum, or would have to be emptied too often.
    pub(in crate::fold) fn of(state: &State, input: &Input<'_>, cells: usize) -> Option<Self> {
        let (State::Sums(sums), Some(integers)) = (state, plain(input)) else { return None };
        let packing = Packing::of(integers)?;
        let is_worthwhile = sums.is_narrow() && cells <= 2 * packing.rows_max;
        is_worthwhile.then(|| Self { totals: vec![0; cells], packing })
    }

    /// Whether so many more rows are too many.
    pub(in crate::fold) fn is_full(&self, rows: usize) -> bool {
        self.packing.is_full(rows)
    }

    #[expect(clippy::useless_conversion, reason = "the widest offsets have the type of sums already")]
    pub(in crate::fold) fn add(&mut self, input: &Input<'_>, rows: &Rows<'_>, slots: &[u32]) {
        let Some(integers) = plain(input) else { return };
        let one = self.packing.one();
        let totals = &mut self.totals;
        with_offsets!(&integers.offsets, |offsets| rows.zip(offsets, slots, |slot, offset| {
            if let Some(total) = totals.get_mut(slot) {
                *total += one + u64::from(offset);
            }
        }));
        self.packing.count(rows.len());
    }

    /// Moves everything to where it belongs: counts to the facts, sums to one of the states.
    pub(in crate::fold) fn flush(&mut self, facts: &mut [u32], states: &mut [State], of: usize) {
        let Some(State::Sums(sums)) = states.get_mut(of) else { return };
        for ((total, facts), into) in self.totals.iter_mut().zip(facts).zip(sums.narrow_mut()) {
            let (count, sum) = self.packing.unpack(std::mem::take(total));
            *facts += count;
            *into += sum;
        }
        self.packing.restart();
    }
}

/// A column of integers without nulls.
pub(in crate::fold) fn plain<'a>(input: &Input<'a>) -> Option<&'a Integers> {
    match input {
        Input::Sums(Addends::Column(Numbers::Integers { integers, .. })) if integers.nulls.is_none() => Some(integers),
        _ => None,
    }
}
