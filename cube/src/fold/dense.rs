//! Cells when each combination of nodes has a place.

use super::{
    Folded, Into,
    locate::{self, Chunk, LANES},
    plain::Plain,
    plan::Plan,
    rows::{Rows, Slots},
    state::{Input, Room},
};
use crate::{
    limits::{CHUNK_ROWS, LANE_CELLS_MAX},
    storage::codes::code_of,
};

/// What one thread folds.
pub(super) struct Dense<'a> {
    cells: usize,
    lanes: usize,
    folded: Folded,
    slots: Vec<u32>,
    /// When all that is asked for are sums of plain integers.
    plain: Option<Plain<'a>>,
}

impl<'a> Dense<'a> {
    pub(super) fn new(plan: &Plan<'a>, cells: usize) -> Self {
        let slots = vec![0; CHUNK_ROWS];
        let folded = Folded::new(&plan.inputs, cells, Room::Dense);
        if let Some(plain) = Plain::of(plan, cells, &folded) {
            return Self { cells, lanes: 1, folded, slots, plain: Some(plain) };
        }
        let is_laned = cells > 1 && cells <= LANE_CELLS_MAX && plan.inputs.iter().all(is_small);
        if !is_laned {
            return Self { cells, lanes: 1, folded, slots, plain: None };
        }
        let folded = Folded::new(&plan.inputs, cells * LANES, Room::Dense);
        Self { cells, lanes: LANES, folded, slots, plain: None }
    }

    /// Adds rows of the chunk that starts at `chunk_start`.
    pub(super) fn add(&mut self, plan: &Plan<'_>, chunk_start: usize, rows: &Rows<'_>) {
        let chunk = Chunk::new(&plan.keys, chunk_start);
        if let Some(plain) = &mut self.plain {
            return plain.add(&chunk, rows, &mut self.slots, &mut self.folded);
        }
        match chunk.slots(rows, &mut self.slots) {
            Slots::Each(_) if self.lanes > 1 => {
                let slots = self.slots.get_mut(..rows.len()).unwrap_or_default();
                locate::spread(slots, self.cells);
                self.folded.add(&plan.inputs, rows, Slots::Each(slots));
            }
            slots => self.folded.add(&plan.inputs, rows, slots),
        }
    }

    pub(super) fn finish(mut self, plan: &Plan<'_>) -> Folded {
        if let Some(plain) = &mut self.plain {
            plain.flush(&mut self.folded);
        }
        if self.lanes == 1 {
            return self.folded;
        }
        let into: Vec<u32> = (0..self.lanes).flat_map(|_| 0..code_of(self.cells)).collect();
        Folded::new(&plan.inputs, self.cells, Room::Dense).merge(self.folded, Into::Cells(&into))
    }
}

/// Whether copies of the state are worth their memory.
fn is_small(input: &Input<'_>) -> bool {
    match input {
        Input::Sums(addends) => addends.width() == 1,
        Input::Squares(_) | Input::Extremes(_) => true,
        Input::Sets(_) | Input::Multisets(_) => false,
    }
}
