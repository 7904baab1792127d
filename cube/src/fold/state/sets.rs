//! Different values, for counting them.

use std::sync::Arc;

use rayon::prelude::*;

use super::{Into, Room};
use crate::{
    fold::rows::{Rows, Slots},
    limits::DISTINCT_BITS_MAX,
    storage::codes::{self, Code as _, code_of, with_codes},
};

/// A code per fact.
#[derive(Clone, Debug)]
pub(in crate::fold) struct Codes {
    pub(in crate::fold) by_fact: Arc<codes::Codes>,
    pub(in crate::fold) code_count: usize,
    /// Not counted.
    pub(in crate::fold) missing: u32,
}

/// The codes of each cell.
#[derive(Clone, Debug)]
pub(crate) struct Sets {
    kind: Kind,
    cells: usize,
    code_count: usize,
    missing: u32,
}

#[derive(Clone, Debug)]
enum Kind {
    /// A bit per cell and code; each cell starts a word.
    Bits(Vec<u64>),
    /// Cells and codes, cell first, in any order and more than once.
    Pairs(Vec<u64>),
}

impl Sets {
    pub(in crate::fold) fn new(codes: &Codes, cells: usize, room: Room) -> Self {
        let Codes { code_count, missing, .. } = *codes;
        match room {
            Room::Dense => Self::sized(cells, code_count, missing),
            Room::Listed => Self { kind: Kind::Pairs(Vec::new()), cells, code_count, missing },
        }
    }

    pub(in crate::fold) fn empty(&self, cells: usize) -> Self {
        let Self { code_count, missing, .. } = *self;
        match self.kind {
            Kind::Bits(_) => Self::sized(cells, code_count, missing),
            Kind::Pairs(_) => Self { kind: Kind::Pairs(Vec::new()), cells, code_count, missing },
        }
    }

    fn sized(cells: usize, code_count: usize, missing: u32) -> Self {
        let words = cells.saturating_mul(code_count.div_ceil(64));
        let is_small = words.saturating_mul(64) <= DISTINCT_BITS_MAX;
        let kind = if is_small { Kind::Bits(vec![0; words]) } else { Kind::Pairs(Vec::new()) };
        Self { kind, cells, code_count, missing }
    }

    pub(in crate::fold) fn add(&mut self, codes: &Codes, rows: &Rows<'_>, slots: Slots<'_>) {
        let width = self.code_count.div_ceil(64);
        with_codes!(&*codes.by_fact, |codes| match &mut self.kind {
            Kind::Bits(words) => {
                let mut set = |slot: usize, code: usize| {
                    if let Some(word) = words.get_mut(slot * width + code / 64) {
                        *word |= 1 << (code % 64);
                    }
                };
                match slots {
                    Slots::All(slot) => rows.each(codes, |code| set(slot as usize, code.index())),
                    Slots::Each(slots) => rows.zip(codes, slots, |slot, code| set(slot, code.index())),
                }
            }
            Kind::Pairs(pairs) => match slots {
                Slots::All(slot) => rows.each(codes, |code| pairs.push(pair(slot as usize, code.index()))),
                Slots::Each(slots) => rows.zip(codes, slots, |slot, code| pairs.push(pair(slot, code.index()))),
            },
        });
    }

    pub(in crate::fold) fn merge(&mut self, other: Self, into: Into<'_>) {
        let width = self.code_count.div_ceil(64);
        match (&mut self.kind, other.kind) {
            (Kind::Bits(ones), Kind::Bits(others)) => {
                for (cell, words) in others.chunks_exact(width.max(1)).enumerate() {
                    let start = into.cell(cell).saturating_mul(width);
                    let ones = ones.get_mut(start..start.saturating_add(width)).unwrap_or_default();
                    ones.iter_mut().zip(words).for_each(|(one, word)| *one |= word);
                }
            }
            (Kind::Pairs(ones), Kind::Pairs(others)) => {
                ones.extend(others.into_iter().map(|other| {
                    let (cell, code) = parts(other);
                    pair(into.cell(cell), code)
                }));
            }
            _ => unreachable!("sets of one fold are of the same kind"),
        }
    }

    pub(in crate::fold) fn append(&mut self, other: Self, cells: usize) {
        match (&mut self.kind, other.kind) {
            (Kind::Bits(ones), Kind::Bits(others)) => ones.extend(others),
            (Kind::Pairs(ones), Kind::Pairs(others)) => {
                ones.extend(others.into_iter().map(|other| {
                    let (cell, code) = parts(other);
                    pair(cells + cell, code)
                }));
            }
            _ => unreachable!("sets of one fold are of the same kind"),
        }
        self.cells += other.cells;
    }

    pub(in crate::fold) fn pick(self, cells: &[u32]) -> Self {
        let width = self.code_count.div_ceil(64);
        let kind = match self.kind {
            Kind::Bits(words) => {
                let words_of = |cell: &u32| words.get(*cell as usize * width..(*cell as usize + 1) * width);
                Kind::Bits(cells.iter().filter_map(words_of).flatten().copied().collect())
            }
            Kind::Pairs(pairs) => {
                let mut place = vec![u32::MAX; self.cells];
                for (index, cell) in cells.iter().enumerate() {
                    if let Some(place) = place.get_mut(*cell as usize) {
                        *place = code_of(index);
                    }
                }
                let picked = pairs.into_par_iter().filter_map(|old| {
                    let (cell, code) = parts(old);
                    let cell = place.get(cell).copied().filter(|cell| *cell != u32::MAX)?;
                    Some(pair(cell as usize, code))
                });
                Kind::Pairs(picked.collect())
            }
        };
        Self { kind, cells: cells.len(), ..self }
    }

    /// How many different codes each cell has.
    pub(in crate::fold) fn counts(&self) -> Vec<u32> {
        let missing = self.missing as usize;
        match &self.kind {
            Kind::Bits(words) => {
                let width = self.code_count.div_ceil(64).max(1);
                let count = |words: &[u64]| {
                    let is_missing = words.get(missing / 64).is_some_and(|word| word >> (missing % 64) & 1 == 1);
                    words.iter().map(|word| word.count_ones()).sum::<u32>() - u32::from(is_missing)
                };
                words.par_chunks(width).map(count).collect()
            }
            Kind::Pairs(pairs) => {
                let mut pairs = pairs.clone();
                pairs.par_sort_unstable();
                pairs.dedup();
                let mut counts = vec![0; self.cells];
                for (cell, code) in pairs.into_iter().map(parts) {
                    if let Some(count) = counts.get_mut(cell).filter(|_| code != missing) {
                        *count += 1;
                    }
                }
                counts
            }
        }
    }
}

fn pair(cell: usize, code: usize) -> u64 {
    (cell as u64) << 32 | code as u64
}

fn parts(pair: u64) -> (usize, usize) {
    let part = |half: u64| usize::try_from(half).unwrap_or(usize::MAX);
    (part(pair >> 32), part(pair & u64::from(u32::MAX)))
}
