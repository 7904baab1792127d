//! One group, one sum: leaves and offsets go straight into counts and sums by leaf, without slots in between.
//!
//! Accumulators are arrays of a length that is a power of two, so that an index needs to be cut to it but not compared.
//! Rows take copies of the array in turn as long as the copies fit the first cache, so that additions do not wait for each
//! other. Leaves become nodes at the end.

use super::{
    Folded, State,
    plan::{Key, Plan, Step},
    rows::Rows,
    state::{Packing, Room, plain},
};
use crate::storage::{
    codes::{Code, with_codes},
    numbers::with_offsets,
};

/// Leaves that have a place.
const LEAVES_MAX: usize = 1 << 12;
/// Leaves of which several copies fit the first cache.
const COPIED_LEAVES_MAX: usize = 1 << 9;
const COPIES: usize = 4;

type Totals = [u64; LEAVES_MAX];

/// Counts and sums by leaf.
pub(super) struct Fused {
    /// One copy after the other.
    totals: Vec<u64>,
    packing: Packing,
    leaf_count: usize,
}

impl Fused {
    /// None when there is more than one group or sum, or too many leaves.
    pub(super) fn of(plan: &Plan<'_>) -> Option<Self> {
        let ([key], [input]) = (plan.keys.as_slice(), plan.inputs.as_slice()) else { return None };
        let State::Sums(sums) = State::new(input, 0, Room::Dense) else { return None };
        let packing = Packing::of(plain(input)?)?;
        let is_small = key.leaf_count <= LEAVES_MAX && sums.is_narrow() && packing.rows_max() > LEAVES_MAX;
        is_small.then(|| Self { totals: vec![0; LEAVES_MAX * COPIES], packing, leaf_count: key.leaf_count })
    }

    #[expect(clippy::useless_conversion, reason = "the widest offsets have the type of sums already")]
    pub(super) fn add(&mut self, plan: &Plan<'_>, rows: &Rows<'_>, folded: &mut Folded) {
        let ([key], Some(integers)) = (plan.keys.as_slice(), plan.inputs.first().and_then(plain)) else { return };
        if self.packing.is_full(rows.len()) {
            self.flush(key, folded);
        }
        self.packing.count(rows.len());
        let one = self.packing.one();
        let Ok(copies) = <&mut [Totals; COPIES]>::try_from(self.totals.as_chunks_mut().0) else { return };
        let is_copied = self.leaf_count <= COPIED_LEAVES_MAX;
        with_codes!(key.leaves, |leaves| with_offsets!(&integers.offsets, |offsets| match rows {
            Rows::Range(range) => {
                let leaves = leaves.get(range.clone()).unwrap_or_default();
                let offsets = offsets.get(range.clone()).unwrap_or_default();
                if is_copied {
                    add_in_turn(copies, leaves, offsets, one);
                } else {
                    let [totals, ..] = copies;
                    add_all(totals, leaves, offsets, one);
                }
            }
            Rows::Some { range, distances } => {
                let leaves = leaves.get(range.clone()).unwrap_or_default();
                let offsets = offsets.get(range.clone()).unwrap_or_default();
                let [totals, ..] = copies;
                for distance in *distances {
                    let row = usize::from(*distance);
                    if let (Some(leaf), Some(offset)) = (leaves.get(row), offsets.get(row)) {
                        add_one(totals, *leaf, one + u64::from(*offset));
                    }
                }
            }
            Rows::Scattered(_) => unreachable!("facts are scattered only when they were sorted"),
        }));
    }

    /// Moves everything to the cells.
    pub(super) fn flush(&mut self, key: &Key<'_>, folded: &mut Folded) {
        let [State::Sums(sums)] = folded.states.as_mut_slice() else { return };
        let sums = sums.narrow_mut();
        for totals in self.totals.chunks_mut(LEAVES_MAX) {
            for (leaf, total) in totals.iter_mut().take(self.leaf_count).enumerate() {
                let cell = match &key.step {
                    Step::Leaf => leaf,
                    Step::Listed(nodes) => nodes.get(leaf).map_or(0, |node| *node as usize),
                };
                let (count, sum) = self.packing.unpack(std::mem::take(total));
                if let (Some(facts), Some(into)) = (folded.facts.get_mut(cell), sums.get_mut(cell)) {
                    *facts += count;
                    *into += sum;
                }
            }
        }
        self.packing.restart();
    }
}

#[inline]
#[expect(clippy::indexing_slicing, reason = "the index is cut to the length, so that nothing is compared")]
fn add_one<L: Code>(totals: &mut Totals, leaf: L, addend: u64) {
    totals[leaf.index() % LEAVES_MAX] += addend;
}

fn add_all<L: Code, O: Copy>(totals: &mut Totals, leaves: &[L], offsets: &[O], one: u64)
where
    u64: From<O>,
{
    for (leaf, offset) in leaves.iter().zip(offsets) {
        add_one(totals, *leaf, one + u64::from(*offset));
    }
}

fn add_in_turn<L: Code, O: Copy>(copies: &mut [Totals; COPIES], leaves: &[L], offsets: &[O], one: u64)
where
    u64: From<O>,
{
    let (leaf_groups, last_leaves) = leaves.as_chunks::<COPIES>();
    let (offset_groups, last_offsets) = offsets.as_chunks::<COPIES>();
    for (leaves, offsets) in leaf_groups.iter().zip(offset_groups) {
        for ((totals, leaf), offset) in copies.iter_mut().zip(leaves).zip(offsets) {
            add_one(totals, *leaf, one + u64::from(*offset));
        }
    }
    let [totals, ..] = copies;
    add_all(totals, last_leaves, last_offsets, one);
}
