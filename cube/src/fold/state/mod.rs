//! What is kept per cell while facts are folded into it. One kind of state per file.
//!
//! Every state is exact: it depends on the facts of the cell, not on their order or on how they were split among threads.

use super::rows::{Rows, Slots};

mod extremes;
mod huge;
mod multisets;
mod sets;
mod squares;
mod sums;

pub(super) use extremes::double_of;
pub(crate) use extremes::{Extremes, Ranks};
pub(crate) use multisets::Multisets;
pub(super) use sets::Codes;
pub(crate) use sets::Sets;
pub(crate) use squares::Squares;
pub(crate) use sums::{Addends, Sums};

/// What a state is folded from.
#[derive(Clone, Debug)]
pub(super) enum Input<'a> {
    Sums(Addends<'a>),
    Squares(&'a crate::storage::numbers::Numbers),
    Extremes(Ranks<'a>),
    Sets(sets::Codes),
    Multisets(Ranks<'a>),
}

/// What is kept per cell for one [`Input`].
#[derive(Clone, Debug)]
pub(crate) enum State {
    Sums(Sums),
    Squares(Squares),
    Extremes(Extremes),
    Sets(Sets),
    Multisets(Multisets),
}

macro_rules! both {
    ($state:expr, $other:expr, |$one:ident, $two:ident| $body:expr) => {
        match ($state, $other) {
            (State::Sums($one), State::Sums($two)) => $body,
            (State::Squares($one), State::Squares($two)) => $body,
            (State::Extremes($one), State::Extremes($two)) => $body,
            (State::Sets($one), State::Sets($two)) => $body,
            (State::Multisets($one), State::Multisets($two)) => $body,
            _ => unreachable!("states of one fold are of the same kind"),
        }
    };
}

impl State {
    /// Bytes that one cell takes at first.
    pub(super) fn cell_bytes(input: &Input<'_>) -> usize {
        match input {
            Input::Sums(addends) => addends.cell_bytes(),
            Input::Squares(_) => size_of::<u32>() + 2 * size_of::<u128>(),
            Input::Extremes(_) => 2 * size_of::<u64>(),
            // These turn to lists by themselves when they would get large.
            Input::Sets(_) | Input::Multisets(_) => 0,
        }
    }

    /// Bytes that one cell takes on the average.
    pub(super) fn bytes_per_cell(&self) -> usize {
        match self {
            Self::Sums(sums) => sums.width() * (size_of::<i128>() + size_of::<u32>()),
            Self::Squares(_) => 3 * size_of::<i128>(),
            Self::Extremes(_) => 2 * size_of::<u64>(),
            Self::Sets(_) | Self::Multisets(_) => 0,
        }
    }

    /// Accumulators that one cell takes.
    pub(super) fn width(input: &Input<'_>) -> usize {
        if let Input::Sums(addends) = input { addends.width() } else { 1 }
    }

    /// Of this many cells.
    pub(super) fn new(input: &Input<'_>, cells: usize, room: Room) -> Self {
        match input {
            Input::Sums(addends) => Self::Sums(Sums::new(addends, cells)),
            Input::Squares(numbers) => Self::Squares(Squares::new(numbers, cells)),
            Input::Extremes(_) => Self::Extremes(Extremes::new(cells)),
            Input::Sets(codes) => Self::Sets(Sets::new(codes, cells, room)),
            Input::Multisets(ranks) => Self::Multisets(Multisets::new(ranks, cells, room)),
        }
    }

    pub(super) fn add(&mut self, input: &Input<'_>, rows: &Rows<'_>, slots: Slots<'_>) {
        match (self, input) {
            (Self::Sums(sums), Input::Sums(addends)) => sums.add(addends, rows, slots),
            (Self::Squares(squares), Input::Squares(numbers)) => squares.add(numbers, rows, slots),
            (Self::Extremes(extremes), Input::Extremes(ranks)) => extremes.add(ranks, rows, slots),
            (Self::Sets(sets), Input::Sets(codes)) => sets.add(codes, rows, slots),
            (Self::Multisets(multisets), Input::Multisets(ranks)) => multisets.add(ranks, rows, slots),
            _ => unreachable!("a state is made for its input"),
        }
    }

    /// Adds the cells of another state, each to the one that `into` tells.
    pub(super) fn merge(&mut self, other: Self, into: Into<'_>) {
        both!(self, other, |one, two| one.merge(two, into));
    }

    /// Puts the cells of another state after these, of which there are so many.
    pub(super) fn append(&mut self, other: Self, cells: usize) {
        both!(self, other, |one, two| one.append(two, cells));
    }

    /// The same cells, without those that are not listed.
    pub(super) fn pick(self, cells: &[u32]) -> Self {
        match self {
            Self::Sums(sums) => Self::Sums(sums.pick(cells)),
            Self::Squares(squares) => Self::Squares(squares.pick(cells)),
            Self::Extremes(extremes) => Self::Extremes(extremes.pick(cells)),
            Self::Sets(sets) => Self::Sets(sets.pick(cells)),
            Self::Multisets(multisets) => Self::Multisets(multisets.pick(cells)),
        }
    }

    /// An empty state of the same kind.
    pub(super) fn empty(&self, cells: usize) -> Self {
        match self {
            Self::Sums(sums) => Self::Sums(sums.empty(cells)),
            Self::Squares(squares) => Self::Squares(squares.empty(cells)),
            Self::Extremes(_) => Self::Extremes(Extremes::new(cells)),
            Self::Sets(sets) => Self::Sets(sets.empty(cells)),
            Self::Multisets(multisets) => Self::Multisets(multisets.empty(cells)),
        }
    }
}

/// How values that are kept one by one are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Room {
    /// With a place for each cell and value, if that is not too much.
    Dense,
    /// As a list.
    Listed,
}

/// Where the cells of one state go in another.
#[derive(Clone, Copy, Debug)]
pub(super) enum Into<'a> {
    /// To the cell of the same number.
    Same,
    /// To the cell that is listed.
    Cells(&'a [u32]),
}

impl Into<'_> {
    #[inline]
    fn cell(self, cell: usize) -> usize {
        match self {
            Self::Same => cell,
            Self::Cells(cells) => cells.get(cell).map_or(usize::MAX, |cell| *cell as usize),
        }
    }

    /// Merges item by item.
    pub(super) fn each<T>(self, ones: &mut [T], others: &[T], merge: impl Fn(&mut T, &T)) {
        match self {
            Self::Same => ones.iter_mut().zip(others).for_each(|(one, other)| merge(one, other)),
            Self::Cells(cells) => {
                for (cell, other) in cells.iter().zip(others) {
                    if let Some(one) = ones.get_mut(*cell as usize) {
                        merge(one, other);
                    }
                }
            }
        }
    }
}

/// The listed items.
fn pick<T: Clone>(items: &[T], cells: &[u32]) -> Vec<T> {
    cells.iter().filter_map(|cell| items.get(*cell as usize)).cloned().collect()
}
