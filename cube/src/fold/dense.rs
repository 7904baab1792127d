//! Cells when each combination of nodes has a place.

use super::{
    Folded, Into,
    fused::Fused,
    locate::{self, LANES},
    plan::Plan,
    rows::{Rows, Slots},
    state::{Input, Packed, Room},
};
use crate::{
    limits::{CHUNK_ROWS, LANE_CELLS_MAX},
    storage::codes::code_of,
};

/// What one thread folds.
pub(super) struct Dense {
    cells: usize,
    lanes: usize,
    folded: Folded,
    slots: Vec<u32>,
    /// Counts of facts together with the sums of one input.
    packed: Option<(usize, Packed)>,
    /// Everything, when there is one group and one sum.
    fused: Option<Fused>,
}

impl Dense {
    pub(super) fn new(plan: &Plan<'_>, cells: usize) -> Self {
        if let Some(fused) = Fused::of(plan) {
            let folded = Folded::new(&plan.inputs, cells, Room::Dense);
            return Self { cells, lanes: 1, folded, slots: Vec::new(), packed: None, fused: Some(fused) };
        }
        let spreads = cells > 1 && cells <= LANE_CELLS_MAX && plan.inputs.iter().all(is_small);
        let lanes = if spreads { LANES } else { 1 };
        let folded = Folded::new(&plan.inputs, cells * lanes, Room::Dense);
        let packed = folded.states.iter().zip(&plan.inputs).enumerate().find_map(|(index, (state, input))| {
            (cells > 1).then(|| Some((index, Packed::of(state, input, cells * lanes)?)))?
        });
        Self { cells, lanes, folded, slots: vec![0; CHUNK_ROWS], packed, fused: None }
    }

    pub(super) fn add(&mut self, plan: &Plan<'_>, rows: &Rows<'_>) {
        if let Some(fused) = &mut self.fused {
            return fused.add(plan, rows, &mut self.folded);
        }
        if self.cells == 1 {
            return self.folded.add(&plan.inputs, rows, Slots::One);
        }
        let slots = self.slots.get_mut(..rows.len()).unwrap_or_default();
        locate::slots(&plan.keys, rows, slots);
        if self.lanes > 1 {
            locate::spread(slots, self.cells);
        }
        let Some((of, packed)) = &mut self.packed else {
            return self.folded.add(&plan.inputs, rows, Slots::Each(slots));
        };
        if packed.is_full(rows.len()) {
            packed.flush(&mut self.folded.facts, &mut self.folded.states, *of);
        }
        for (index, (state, input)) in self.folded.states.iter_mut().zip(&plan.inputs).enumerate() {
            if index == *of {
                packed.add(input, rows, slots);
            } else {
                state.add(input, rows, Slots::Each(slots));
            }
        }
    }

    pub(super) fn finish(mut self, plan: &Plan<'_>) -> Folded {
        if let (Some(fused), [key]) = (&mut self.fused, plan.keys.as_slice()) {
            fused.flush(key, &mut self.folded);
            return self.folded;
        }
        if let Some((of, packed)) = &mut self.packed {
            packed.flush(&mut self.folded.facts, &mut self.folded.states, *of);
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
