//! Rows that are looked at together, and where what they hold is added to.

use std::ops::Range;

/// Facts of one chunk.
#[derive(Clone, Debug)]
pub(super) enum Rows<'a> {
    /// All of a range.
    Range(Range<usize>),
    /// Some of a range, by their distance from its start, in order.
    Some { range: Range<usize>, distances: &'a [u16] },
    /// Facts from anywhere.
    Scattered(&'a [u32]),
}

/// Which accumulator each row goes to.
#[derive(Clone, Copy, Debug)]
pub(super) enum Slots<'a> {
    /// All to the same.
    All(u32),
    /// A slot per row.
    Each(&'a [u32]),
}

impl Rows<'_> {
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Range(range) => range.len(),
            Self::Some { distances, .. } => distances.len(),
            Self::Scattered(rows) => rows.len(),
        }
    }

    /// Hands out the datum of each row.
    #[inline]
    pub(super) fn each<T: Copy>(&self, data: &[T], mut visit: impl FnMut(T)) {
        match self {
            Self::Range(range) => data.get(range.clone()).unwrap_or_default().iter().for_each(|datum| visit(*datum)),
            Self::Some { range, distances } => {
                let data = data.get(range.clone()).unwrap_or_default();
                distances
                    .iter()
                    .filter_map(|distance| data.get(usize::from(*distance)))
                    .for_each(|datum| visit(*datum));
            }
            Self::Scattered(rows) => {
                rows.iter().filter_map(|row| data.get(*row as usize)).for_each(|datum| visit(*datum));
            }
        }
    }

    /// Hands out the slot and the datum of each row.
    #[inline]
    pub(super) fn zip<T: Copy>(&self, data: &[T], slots: &[u32], mut visit: impl FnMut(usize, T)) {
        match self {
            Self::Range(range) => {
                let data = data.get(range.clone()).unwrap_or_default();
                data.iter().zip(slots).for_each(|(datum, slot)| visit(*slot as usize, *datum));
            }
            Self::Some { range, distances } => {
                let data = data.get(range.clone()).unwrap_or_default();
                for (distance, slot) in distances.iter().zip(slots) {
                    if let Some(datum) = data.get(usize::from(*distance)) {
                        visit(*slot as usize, *datum);
                    }
                }
            }
            Self::Scattered(rows) => {
                for (row, slot) in rows.iter().zip(slots) {
                    if let Some(datum) = data.get(*row as usize) {
                        visit(*slot as usize, *datum);
                    }
                }
            }
        }
    }

    /// Hands out the slot and the number of each row.
    #[inline]
    pub(super) fn numbered(&self, slots: Slots<'_>, mut visit: impl FnMut(usize, usize)) {
        let mut position = 0;
        let mut next = |row: usize| {
            let slot = match slots {
                Slots::All(slot) => Some(slot as usize),
                Slots::Each(slots) => slots.get(position).map(|slot| *slot as usize),
            };
            position += 1;
            if let Some(slot) = slot {
                visit(slot, row);
            }
        };
        match self {
            Self::Range(range) => range.clone().for_each(&mut next),
            Self::Some { range, distances } => {
                distances.iter().for_each(|distance| next(range.start + usize::from(*distance)));
            }
            Self::Scattered(rows) => rows.iter().for_each(|row| next(*row as usize)),
        }
    }
}
