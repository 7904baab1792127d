//! From facts to the numbers of their cells.

use super::{
    plan::Key,
    rows::{Rows, Slots},
};
use crate::{
    simd::vectorized,
    storage::codes::{Code, Codes, code_of, with_codes},
};

/// The groups, as they are in one chunk of facts. A group that has one node in the whole chunk, as a year has when facts are in
/// order of time, is looked at once.
pub(super) struct Chunk<'k, 'a> {
    keys: &'k [Key<'a>],
    start: usize,
    /// What the groups that have one node add to the number of every cell.
    common: u32,
    /// Groups that may have more.
    varying_count: usize,
    /// Cells that the facts can be in.
    spread: usize,
}

impl<'k, 'a> Chunk<'k, 'a> {
    pub(super) fn new(keys: &'k [Key<'a>], start: usize) -> Self {
        let mut chunk = Self { keys, start, common: 0, varying_count: 0, spread: 1 };
        for key in keys {
            let (first, last) = key.bounds(start);
            if first == last {
                chunk.common += first * code_of(key.stride);
            } else {
                chunk.varying_count += 1;
                chunk.spread = chunk.spread.saturating_mul((last - first) as usize + 1);
            }
        }
        chunk
    }

    pub(super) fn spread(&self) -> usize {
        self.spread
    }

    pub(super) fn common(&self) -> u32 {
        self.common
    }

    /// The only group that has more than one node.
    pub(super) fn only_varying(&self) -> Option<&'k Key<'a>> {
        self.varying().next().filter(|_| self.varying_count == 1)
    }

    fn varying(&self) -> impl Iterator<Item = &'k Key<'a>> {
        let start = self.start;
        self.keys.iter().filter(move |key| {
            let (first, last) = key.bounds(start);
            first != last
        })
    }

    /// The cell of each row.
    pub(super) fn slots<'s>(&self, rows: &Rows<'_>, slots: &'s mut [u32]) -> Slots<'s> {
        if self.varying_count == 0 {
            return Slots::All(self.common);
        }
        let slots = slots.get_mut(..rows.len()).unwrap_or_default();
        let mut common = Some(self.common);
        for key in self.varying() {
            let stride = code_of(key.stride);
            with_codes!(key.nodes, |nodes| match common.take() {
                Some(common) => put(
                    nodes,
                    rows,
                    slots,
                    #[inline(always)]
                    |slot, node| *slot = node * stride + common,
                ),
                None => put(
                    nodes,
                    rows,
                    slots,
                    #[inline(always)]
                    |slot, node| *slot += node * stride,
                ),
            });
        }
        Slots::Each(slots)
    }
}

#[inline]
fn put<T: Code>(nodes: &[T], rows: &Rows<'_>, slots: &mut [u32], put: impl Fn(&mut u32, u32)) {
    match rows {
        Rows::Range(range) => {
            let nodes = nodes.get(range.clone()).unwrap_or_default();
            vectorized(
                #[inline(always)]
                || {
                    for (slot, node) in slots.iter_mut().zip(nodes) {
                        put(slot, node.widened());
                    }
                },
            );
        }
        Rows::Some { range, distances } => {
            let nodes = nodes.get(range.clone()).unwrap_or_default();
            for (slot, distance) in slots.iter_mut().zip(*distances) {
                if let Some(node) = nodes.get(usize::from(*distance)) {
                    put(slot, node.widened());
                }
            }
        }
        Rows::Scattered(_) => unreachable!("facts are scattered only when they were sorted"),
    }
}

/// Copies of all cells that rows take in turn. When rows that follow each other often go to the same cell, each addition would
/// wait for the one before it.
pub(super) const LANES: usize = 4;

/// Moves the slots of rows to their lanes.
pub(super) fn spread(slots: &mut [u32], cells: usize) {
    let lanes: [u32; LANES] = std::array::from_fn(|lane| code_of(lane * cells));
    let (fours, rest) = slots.as_chunks_mut::<LANES>();
    for four in fours {
        four.iter_mut().zip(lanes).for_each(|(slot, lane)| *slot += lane);
    }
    rest.iter_mut().zip(lanes).for_each(|(slot, lane)| *slot += lane);
}

/// The codes of the rows next to each other in 32 bits, where they are if they are.
pub(super) fn gathered<'o>(codes: &'o Codes, rows: &Rows<'_>, buffer: &'o mut [u32]) -> &'o [u32] {
    if let (Rows::Range(range), Codes::U32(codes)) = (rows, codes) {
        return codes.get(range.clone()).unwrap_or_default();
    }
    let buffer = buffer.get_mut(..rows.len()).unwrap_or_default();
    with_codes!(codes, |codes| put(
        codes,
        rows,
        buffer,
        #[inline(always)]
        |wide, code| *wide = code
    ));
    buffer
}
