//! Counts and sums of plain integers, which is what most queries ask for, in as few steps per fact as there can be.
//!
//! ```text
//! leaves ───▶ slots ─┐
//! offsets ──▶ u32 ───┴─▶ totals   by cell: [count · 2^b + sum, sum, …], all numbers of a cell next to each other
//! └─ a chunk, in the first cache ─┘
//! ```
//!
//! The count and the first sum share one number, so that a fact takes one addition instead of two; they are moved to where
//! they belong before either side can overflow.

use super::{
    Folded,
    locate::{Chunk, LANES, gathered},
    plan::Plan,
    rows::{Rows, Slots},
    state::{Addends, Input, State},
};
use crate::{
    limits::{CHUNK_ROWS, LANE_BYTES_MAX, LANED_CELLS_MAX},
    simd::vectorized,
    storage::{
        codes::{Code, Codes, with_codes},
        numbers::{Integers, Numbers, Offsets},
    },
};

/// Sums of a cell.
const WIDTH_MAX: usize = 4;

/// What one thread adds up.
pub(super) struct Plain<'a> {
    cells: usize,
    /// Whether there are copies of all cells.
    is_laned: bool,
    /// By lane, cell and column.
    totals: Vec<u64>,
    /// What is summed, and the place of each among the inputs. The first shares its number with the count of facts.
    columns: Vec<(&'a Codes, usize)>,
    packing: Packing,
    /// Offsets of the rows of a chunk, by column.
    offsets: Vec<[u32; CHUNK_ROWS]>,
}

/// How a count and a sum share 64 bits, and how many rows have been added.
#[derive(Debug)]
struct Packing {
    sum_bits: u32,
    rows: usize,
    rows_max: usize,
}

impl<'a> Plain<'a> {
    /// None unless every input is the sum of a column of integers of at most 32 bits, without nulls.
    pub(super) fn of(plan: &Plan<'a>, cells: usize, folded: &Folded) -> Option<Self> {
        let are_narrow = folded.states.iter().all(|state| matches!(state, State::Sums(sums) if sums.is_narrow()));
        let inputs: Option<Vec<&Integers>> = plan.inputs.iter().map(plain).collect();
        let inputs = inputs.filter(|inputs| are_narrow && inputs.len() <= WIDTH_MAX)?;
        let mut order: Vec<(usize, &Integers)> = inputs.into_iter().enumerate().collect();
        order.sort_by_key(|(_, integers)| integers.offset_max);
        let packing = Packing::of(order.first().map_or(0, |(_, integers)| integers.offset_max));
        let columns: Option<Vec<(&Codes, usize)>> =
            order.iter().map(|(input, integers)| Some((narrow(&integers.offsets)?, *input))).collect();
        let columns = columns.filter(|_| packing.is_worthwhile(cells))?;
        let is_laned = cells <= LANED_CELLS_MAX;
        let lanes = if is_laned { LANES } else { 1 };
        let width = columns.len().max(1);
        let offsets = vec![[0; CHUNK_ROWS]; width];
        Some(Self { cells, is_laned, totals: vec![0; cells * lanes * width], columns, packing, offsets })
    }

    pub(super) fn add(&mut self, chunk: &Chunk<'_, '_>, rows: &Rows<'_>, slots: &mut [u32], folded: &mut Folded) {
        if self.packing.is_full(rows.len()) {
            self.flush(folded);
        }
        self.packing.rows += rows.len();
        match (chunk.only_varying(), rows) {
            (Some(key), Rows::Range(range)) => with_codes!(key.nodes, |nodes| {
                let nodes = nodes.get(range.clone()).unwrap_or_default();
                self.add_columns(rows, &Places::Each { codes: nodes, stride: key.stride, starts: self.starts(chunk) });
            }),
            _ => match chunk.slots(rows, slots) {
                Slots::All(slot) => self.add_columns::<u32>(rows, &Places::All(slot)),
                Slots::Each(slots) => {
                    let starts = self.starts(chunk).map(|start| start - chunk.common() as usize);
                    self.add_columns(rows, &Places::Each { codes: slots, stride: 1, starts });
                }
            },
        }
    }

    /// Where the rows of a chunk, which take turns, find its cells.
    fn starts(&self, chunk: &Chunk<'_, '_>) -> [usize; LANES] {
        let bytes = chunk.spread().saturating_mul(self.offsets.len() * LANES * size_of::<u64>());
        let distance = if self.is_laned && bytes <= LANE_BYTES_MAX { self.cells } else { 0 };
        std::array::from_fn(|lane| chunk.common() as usize + lane * distance)
    }

    fn add_columns<T: Code>(&mut self, rows: &Rows<'_>, places: &Places<'_, T>) {
        let mut buffers = self.offsets.iter_mut();
        let mut codes = self.columns.iter().map(|(codes, _)| codes);
        let mut column = || match (buffers.next(), codes.next()) {
            (Some(buffer), Some(codes)) => gathered(codes, rows, buffer),
            (Some(zeros), None) => zeros.get(..rows.len()).unwrap_or_default(),
            (None, _) => &[],
        };
        let (totals, one) = (self.totals.as_mut_slice(), self.packing.one());
        match self.columns.len() {
            0 | 1 => add(totals, places, [column()], one),
            2 => add(totals, places, [column(), column()], one),
            3 => add(totals, places, [column(), column(), column()], one),
            _ => add(totals, places, [column(), column(), column(), column()], one),
        }
    }

    /// Moves everything to the cells.
    pub(super) fn flush(&mut self, folded: &mut Folded) {
        let width = self.columns.len().max(1);
        let packing = &self.packing;
        for lane in self.totals.chunks_mut((self.cells * width).max(1)) {
            for (facts, cell) in folded.facts.iter_mut().zip(lane.chunks_mut(width)) {
                if let Some(first) = cell.first_mut() {
                    let (count, sum) = packing.unpack(*first);
                    *facts += count;
                    *first = sum;
                }
            }
            for (place, (_, input)) in self.columns.iter().enumerate() {
                let Some(State::Sums(sums)) = folded.states.get_mut(*input) else { continue };
                let totals = lane.iter().skip(place).step_by(width);
                sums.narrow_mut().iter_mut().zip(totals).for_each(|(sum, total)| *sum += total);
            }
            lane.fill(0);
        }
        self.packing.rows = 0;
    }
}

impl Packing {
    fn of(offset_max: u64) -> Self {
        let count_bits = (offset_max.leading_zeros() / 2).min(31);
        Self { sum_bits: 64 - count_bits, rows: 0, rows_max: (1 << count_bits) - 1 }
    }

    /// Whether it can take more rows than it costs to move the cells.
    fn is_worthwhile(&self, cells: usize) -> bool {
        self.rows_max >= CHUNK_ROWS.max(cells / 2)
    }

    /// Whether so many more rows are too many.
    fn is_full(&self, rows: usize) -> bool {
        self.rows + rows > self.rows_max
    }

    /// A fact whose offset is zero.
    fn one(&self) -> u64 {
        1 << self.sum_bits
    }

    /// Count and sum.
    fn unpack(&self, total: u64) -> (u32, u64) {
        let count = u32::try_from(total >> self.sum_bits).expect("at most 31 bits count");
        (count, total & (self.one() - 1))
    }
}

/// A column of integers without nulls.
fn plain<'a>(input: &Input<'a>) -> Option<&'a Integers> {
    match input {
        Input::Sums(Addends::Column(Numbers::Integers { integers, .. })) if integers.nulls.is_none() => Some(integers),
        _ => None,
    }
}

fn narrow(offsets: &Offsets) -> Option<&Codes> {
    if let Offsets::Narrow(codes) = offsets { Some(codes) } else { None }
}

/// The cells of the rows of a chunk.
enum Places<'c, T> {
    All(u32),
    /// A code times the stride, from where the turn of the row starts.
    Each {
        codes: &'c [T],
        stride: usize,
        starts: [usize; LANES],
    },
}

/// Adds the offsets of each row to the totals of its cell.
fn add<const WIDTH: usize, T: Code>(totals: &mut [u64], places: &Places<'_, T>, columns: [&[u32]; WIDTH], one: u64) {
    let totals = totals.as_chunks_mut::<WIDTH>().0;
    match places {
        Places::All(slot) => {
            if let Some(totals) = totals.get_mut(*slot as usize) {
                let rows = columns.first().map_or(0, |column| column.len() as u64);
                totals.iter_mut().zip(columns).for_each(|(total, column)| *total += sum(column));
                totals.iter_mut().take(1).for_each(|total| *total += rows * one);
            }
        }
        Places::Each { codes, stride, starts } => add_each(totals, codes, (*stride, *starts), columns, one),
    }
}

fn sum(offsets: &[u32]) -> u64 {
    vectorized(
        #[inline(always)]
        || {
            let mut sum = 0;
            for offset in offsets {
                sum += u64::from(*offset);
            }
            sum
        },
    )
}

#[expect(clippy::indexing_slicing, reason = "columns are cut to one length, so that nothing is compared per row")]
fn add_each<const WIDTH: usize, T: Code>(
    totals: &mut [[u64; WIDTH]],
    codes: &[T],
    (stride, starts): (usize, [usize; LANES]),
    columns: [&[u32]; WIDTH],
    one: u64,
) {
    let mut add_row = |cell: usize, offsets: [u32; WIDTH]| {
        if let Some(totals) = totals.get_mut(cell) {
            let mut addends = offsets.map(u64::from);
            addends.iter_mut().take(1).for_each(|first| *first += one);
            totals.iter_mut().zip(addends).for_each(|(total, addend)| *total += addend);
        }
    };
    let rows = columns.iter().map(|column| column.len()).fold(codes.len(), usize::min);
    let (turns, last_codes) = codes[..rows].as_chunks::<LANES>();
    let columns = columns.map(|column| column[..rows].as_chunks::<LANES>());
    let heads = columns.map(|(head, _)| &head[..turns.len()]);
    for (turn, codes) in turns.iter().enumerate() {
        let offsets = heads.map(|head| head[turn]);
        for lane in 0..LANES {
            add_row(codes[lane].index() * stride + starts[lane], offsets.map(|offsets| offsets[lane]));
        }
    }
    for (row, code) in last_codes.iter().enumerate() {
        add_row(code.index() * stride + starts[0], columns.map(|(_, last)| last[row]));
    }
}
