//! Smallest and largest values.

use std::sync::Arc;

use super::{Into, pick};
use crate::{
    fold::rows::{Rows, Slots},
    storage::{
        bitmap::Bitmap,
        codes::Codes,
        dictionary::Dictionary,
        numbers::{Integers, Numbers, Offsets, with_offsets},
    },
};

/// Unsigned numbers that are in the order of the values of a column: offsets, codes, or the bits of doubles.
#[derive(Clone, Debug)]
pub(crate) enum Ranks<'a> {
    Offsets { offsets: &'a Offsets, nulls: Option<&'a Bitmap>, max: u64 },
    Codes { codes: Arc<Codes>, missing: u32, max: u64 },
    Doubles { values: &'a [f64], nulls: Option<&'a Bitmap> },
}

impl<'a> Ranks<'a> {
    pub(in crate::fold) fn of_numbers(numbers: &'a Numbers) -> Self {
        match numbers {
            Numbers::Integers { integers: Integers { offsets, nulls, offset_max, .. }, .. } => {
                Self::Offsets { offsets, nulls: nulls.as_ref(), max: *offset_max }
            }
            Numbers::Doubles { values, nulls, .. } => Self::Doubles { values, nulls: nulls.as_ref() },
        }
    }

    pub(in crate::fold) fn of_codes(codes: Arc<Codes>, dictionary: &Dictionary) -> Self {
        Self::Codes { codes, missing: dictionary.missing(), max: dictionary.len().saturating_sub(1) as u64 }
    }

    /// The largest rank there can be.
    pub(in crate::fold) fn max(&self) -> u64 {
        match self {
            Self::Offsets { max, .. } | Self::Codes { max, .. } => *max,
            Self::Doubles { .. } => u64::MAX,
        }
    }

    /// Hands out the slot and the rank of each row that is not null.
    #[expect(clippy::useless_conversion, reason = "the widest offsets have the type of ranks already")]
    pub(super) fn visit(&self, rows: &Rows<'_>, slots: Slots<'_>, mut visit: impl FnMut(usize, u64)) {
        match self {
            Self::Offsets { offsets, nulls: None, .. } => with_offsets!(offsets, |offsets| match slots {
                Slots::All(slot) => rows.each(offsets, |offset| visit(slot as usize, u64::from(offset))),
                Slots::Each(slots) => rows.zip(offsets, slots, |slot, offset| visit(slot, u64::from(offset))),
            }),
            Self::Offsets { offsets, nulls: Some(nulls), .. } => rows.numbered(slots, |slot, row| {
                if let Some(offset) = offsets.get(row).filter(|_| !nulls.get(row)) {
                    visit(slot, offset);
                }
            }),
            Self::Codes { codes, missing, .. } => rows.numbered(slots, |slot, row| {
                if let Some(code) = codes.get(row).filter(|code| code != missing) {
                    visit(slot, code.into());
                }
            }),
            Self::Doubles { values, nulls } => rows.numbered(slots, |slot, row| {
                let is_null = nulls.is_some_and(|nulls| nulls.get(row));
                if let Some(value) = values.get(row).filter(|_| !is_null) {
                    visit(slot, rank_of(*value));
                }
            }),
        }
    }
}

/// Bits in the order of the doubles.
fn rank_of(value: f64) -> u64 {
    let bits = value.to_bits();
    if bits >> 63 == 1 { !bits } else { bits | 1 << 63 }
}

/// The double of which these are the ordered bits.
pub(in crate::fold) fn double_of(rank: u64) -> f64 {
    f64::from_bits(if rank >> 63 == 1 { rank & !(1 << 63) } else { !rank })
}

/// Smallest and largest ranks, by cell.
#[derive(Clone, Debug)]
pub(crate) struct Extremes {
    /// The smallest above the largest where there is none.
    smallest: Vec<u64>,
    largest: Vec<u64>,
}

impl Extremes {
    pub(in crate::fold) fn new(cells: usize) -> Self {
        Self { smallest: vec![u64::MAX; cells], largest: vec![0; cells] }
    }

    pub(in crate::fold) fn add(&mut self, ranks: &Ranks<'_>, rows: &Rows<'_>, slots: Slots<'_>) {
        let Self { smallest, largest } = self;
        ranks.visit(rows, slots, |slot, rank| {
            if let (Some(smallest), Some(largest)) = (smallest.get_mut(slot), largest.get_mut(slot)) {
                *smallest = rank.min(*smallest);
                *largest = rank.max(*largest);
            }
        });
    }

    #[expect(clippy::needless_pass_by_value, reason = "states are merged alike, and some are used up")]
    pub(in crate::fold) fn merge(&mut self, other: Self, into: Into<'_>) {
        into.each(&mut self.smallest, &other.smallest, |one, other| *one = *other.min(one));
        into.each(&mut self.largest, &other.largest, |one, other| *one = *other.max(one));
    }

    pub(in crate::fold) fn append(&mut self, other: Self, _cells: usize) {
        self.smallest.extend(other.smallest);
        self.largest.extend(other.largest);
    }

    pub(in crate::fold) fn pick(self, cells: &[u32]) -> Self {
        Self { smallest: pick(&self.smallest, cells), largest: pick(&self.largest, cells) }
    }

    /// The smallest and the largest rank of a cell.
    pub(in crate::fold) fn of(&self, cell: usize) -> Option<(u64, u64)> {
        let (smallest, largest) = (*self.smallest.get(cell)?, *self.largest.get(cell)?);
        (smallest <= largest).then_some((smallest, largest))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn ranks_are_in_the_order_of_the_doubles(a in -1e290..1e290_f64, b in -1e290..1e290_f64) {
            prop_assert_eq!(rank_of(a).cmp(&rank_of(b)), a.total_cmp(&b));
            prop_assert_eq!(double_of(rank_of(a)).to_bits(), a.to_bits());
        }
    }
}
