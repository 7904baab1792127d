//! All values of each cell, for quantiles.

use rayon::prelude::*;

use super::{Into, Room, extremes::Ranks};
use crate::{
    fold::rows::{Rows, Slots},
    limits::HISTOGRAM_COUNTERS_MAX,
};

/// The ranks of each cell.
#[derive(Clone, Debug)]
pub(crate) struct Multisets {
    kind: Kind,
    cells: usize,
}

#[derive(Clone, Debug)]
enum Kind {
    /// How often each rank occurs in each cell.
    Histograms { width: usize, counters: Vec<u32> },
    /// Cells and ranks, in any order.
    Pairs(Vec<(u32, u64)>),
}

impl Multisets {
    pub(in crate::fold) fn new(ranks: &Ranks<'_>, cells: usize, room: Room) -> Self {
        let width = usize::try_from(ranks.max()).unwrap_or(usize::MAX).saturating_add(1);
        let counters = width.saturating_mul(cells);
        let kind = if room == Room::Dense && counters <= HISTOGRAM_COUNTERS_MAX {
            Kind::Histograms { width, counters: vec![0; counters] }
        } else {
            Kind::Pairs(Vec::new())
        };
        Self { kind, cells }
    }

    pub(in crate::fold) fn empty(&self, cells: usize) -> Self {
        let kind = match &self.kind {
            Kind::Histograms { width, .. } => Kind::Histograms { width: *width, counters: vec![0; width * cells] },
            Kind::Pairs(_) => Kind::Pairs(Vec::new()),
        };
        Self { kind, cells }
    }

    pub(in crate::fold) fn add(&mut self, ranks: &Ranks<'_>, rows: &Rows<'_>, slots: Slots<'_>) {
        match &mut self.kind {
            Kind::Histograms { width, counters } => ranks.visit(rows, slots, |slot, rank| {
                let rank = usize::try_from(rank).unwrap_or(usize::MAX);
                if let Some(counter) = counters.get_mut(slot * *width + rank) {
                    *counter += 1;
                }
            }),
            Kind::Pairs(pairs) => ranks.visit(rows, slots, |slot, rank| {
                pairs.push((crate::storage::codes::code_of(slot), rank));
            }),
        }
    }

    pub(in crate::fold) fn merge(&mut self, other: Self, into: Into<'_>) {
        match (&mut self.kind, other.kind) {
            (Kind::Histograms { width, counters }, Kind::Histograms { counters: others, .. }) => {
                for (cell, others) in others.chunks_exact(*width).enumerate() {
                    let start = into.cell(cell).saturating_mul(*width);
                    let ones = counters.get_mut(start..start.saturating_add(*width)).unwrap_or_default();
                    ones.iter_mut().zip(others).for_each(|(one, other)| *one += other);
                }
            }
            (Kind::Pairs(ones), Kind::Pairs(others)) => {
                let place = |cell: u32| crate::storage::codes::code_of(into.cell(cell as usize));
                ones.extend(others.into_iter().map(|(cell, rank)| (place(cell), rank)));
            }
            _ => unreachable!("multisets of one fold are of the same kind"),
        }
    }

    pub(in crate::fold) fn append(&mut self, other: Self, cells: usize) {
        match (&mut self.kind, other.kind) {
            (Kind::Histograms { counters, .. }, Kind::Histograms { counters: others, .. }) => counters.extend(others),
            (Kind::Pairs(ones), Kind::Pairs(others)) => {
                let cells = crate::storage::codes::code_of(cells);
                ones.extend(others.into_iter().map(|(cell, rank)| (cells + cell, rank)));
            }
            _ => unreachable!("multisets of one fold are of the same kind"),
        }
        self.cells += other.cells;
    }

    pub(in crate::fold) fn pick(self, cells: &[u32]) -> Self {
        let kind = match self.kind {
            Kind::Histograms { width, counters } => {
                let counters_of = |cell: &u32| counters.get(*cell as usize * width..(*cell as usize + 1) * width);
                let counters = cells.iter().filter_map(counters_of).flatten().copied().collect();
                Kind::Histograms { width, counters }
            }
            Kind::Pairs(pairs) => {
                let mut place = vec![u32::MAX; self.cells];
                for (index, cell) in cells.iter().enumerate() {
                    if let Some(place) = place.get_mut(*cell as usize) {
                        *place = crate::storage::codes::code_of(index);
                    }
                }
                let moved = |(cell, rank): (u32, u64)| Some((*place.get(cell as usize)?, rank));
                Kind::Pairs(pairs.into_iter().filter_map(moved).filter(|(cell, _)| *cell != u32::MAX).collect())
            }
        };
        Self { kind, cells: cells.len() }
    }

    /// The ranks on both sides of a quantile, and how far from the lower one to the higher it lies; by cell.
    pub(in crate::fold) fn quantiles(&self, quantile: f64) -> Vec<Option<Between>> {
        match &self.kind {
            Kind::Histograms { width, counters } => {
                counters.par_chunks(*width).map(|counters| of_histogram(counters, quantile)).collect()
            }
            Kind::Pairs(pairs) => {
                let mut ranks = vec![Vec::new(); self.cells];
                for (cell, rank) in pairs {
                    if let Some(ranks) = ranks.get_mut(*cell as usize) {
                        ranks.push(*rank);
                    }
                }
                ranks.into_par_iter().map(|ranks| of_ranks(ranks, quantile)).collect()
            }
        }
    }
}

/// Where a quantile lies.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::fold) struct Between {
    pub(in crate::fold) low: u64,
    pub(in crate::fold) high: u64,
    /// 0 at the lower rank, towards 1 at the higher.
    pub(in crate::fold) part: f64,
}

/// The position below a quantile among so many, and how far from it to the next the quantile lies.
fn between(count: usize, quantile: f64) -> Option<(usize, f64)> {
    let last = count.checked_sub(1)?;
    #[expect(clippy::cast_precision_loss, reason = "there are fewer rows than 2^53")]
    let position = quantile * last as f64;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a position is not negative")]
    let below = (position.floor() as usize).min(last);
    #[expect(clippy::cast_precision_loss, reason = "there are fewer rows than 2^53")]
    let part = position - below as f64;
    Some((below, part))
}

fn of_ranks(mut ranks: Vec<u64>, quantile: f64) -> Option<Between> {
    let (below, part) = between(ranks.len(), quantile)?;
    let (_, low, above) = ranks.select_nth_unstable(below);
    let low = *low;
    // Of the ranks above, the next one is the smallest.
    let high = above.iter().min().copied().unwrap_or(low);
    Some(Between { low, high, part })
}

fn of_histogram(counters: &[u32], quantile: f64) -> Option<Between> {
    let count: usize = counters.iter().map(|count| *count as usize).sum();
    let (below, part) = between(count, quantile)?;
    let mut ends = counters.iter().scan(0, |end, count| {
        *end += *count as usize;
        Some(*end)
    });
    let mut rank = 0;
    let mut end = ends.next().unwrap_or(0);
    let mut rank_at = |position: usize| {
        while end <= position {
            match ends.next() {
                Some(next) => (rank, end) = (rank + 1, next),
                None => break,
            }
        }
        rank
    };
    let low = rank_at(below);
    let high = rank_at((below + 1).min(count - 1));
    Some(Between { low, high, part })
}
