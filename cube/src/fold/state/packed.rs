//! A count and a sum in one 64-bit number, so that a fact takes one addition instead of two.
//!
//! ```text
//! 63      …      b + c │ …        0
//! count of facts       │ sum of offsets      emptied before either side can overflow
//! ```

use super::{Addends, Input, State};
use crate::{
    fold::rows::Rows,
    storage::numbers::{Integers, Numbers, with_offsets},
};

/// Counts of facts and sums of the offsets of one column, by cell.
#[derive(Debug)]
pub(in crate::fold) struct Packed {
    totals: Vec<u64>,
    sum_bits: u32,
    rows: usize,
    rows_max: usize,
}

impl Packed {
    /// None when a state is no plain sum, or would have to be emptied too often.
    pub(in crate::fold) fn of(state: &State, input: &Input<'_>, cells: usize) -> Option<Self> {
        let (State::Sums(sums), Some(integers)) = (state, plain(input)) else { return None };
        let count_bits = integers.offset_max.leading_zeros() / 2;
        let rows_max = (1_usize << count_bits.min(32)) - 1;
        let is_worthwhile = sums.is_narrow() && cells <= 2 * rows_max && crate::limits::CHUNK_ROWS <= rows_max;
        is_worthwhile.then(|| Self { totals: vec![0; cells], sum_bits: 64 - count_bits, rows: 0, rows_max })
    }

    /// Whether so many more rows are too many.
    pub(in crate::fold) fn is_full(&self, rows: usize) -> bool {
        self.rows + rows > self.rows_max
    }

    pub(in crate::fold) fn add(&mut self, input: &Input<'_>, rows: &Rows<'_>, slots: &[u32]) {
        let Some(integers) = plain(input) else { return };
        let one = 1 << self.sum_bits;
        let totals = &mut self.totals;
        with_offsets!(&integers.offsets, |offsets| rows.zip(offsets, slots, |slot, offset| {
            if let Some(total) = totals.get_mut(slot) {
                *total += one + u64::from(offset);
            }
        }));
        self.rows += rows.len();
    }

    /// Moves everything to where it belongs.
    pub(in crate::fold) fn flush(&mut self, facts: &mut [u32], state: Option<&mut State>) {
        let Some(State::Sums(sums)) = state else { return };
        let mask = (1 << self.sum_bits) - 1;
        for ((total, facts), sum) in self.totals.iter_mut().zip(facts).zip(sums.narrow_mut()) {
            *facts += u32::try_from(*total >> self.sum_bits).expect("it is emptied before so many rows");
            *sum += *total & mask;
            *total = 0;
        }
        self.rows = 0;
    }
}

/// A column of integers without nulls.
fn plain<'a>(input: &Input<'a>) -> Option<&'a Integers> {
    match input {
        Input::Sums(Addends::Column(Numbers::Integers { integers, .. })) if integers.nulls.is_none() => Some(integers),
        _ => None,
    }
}
