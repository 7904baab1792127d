//! Which accumulators a fact goes to.

use std::collections::HashMap;

use super::kernel;
use crate::{
    plan::{KeyPart, Layout},
    storage::codes::code_of,
};

/// Which accumulators a fact goes to.
pub(super) enum Slots {
    /// The mixed-radix number of its nodes.
    Dense { cells: usize },
    /// The position of its nodes among all combinations met so far.
    Hashed { slot_of_nodes: HashMap<Box<[u32]>, u32>, nodes: Vec<Box<[u32]>> },
}

impl Slots {
    pub(super) fn new(layout: Layout) -> Self {
        match layout {
            Layout::Dense { cells } => Self::Dense { cells },
            Layout::Hashed => Self::Hashed { slot_of_nodes: HashMap::new(), nodes: Vec::new() },
        }
    }

    pub(super) fn len(&self) -> usize {
        match self {
            Self::Dense { cells } => *cells,
            Self::Hashed { nodes, .. } => nodes.len(),
        }
    }

    /// Puts the slot of each row into `slots`.
    pub(super) fn locate(&mut self, keys: &[KeyPart<'_>], rows: &[u32], slots: &mut Vec<u32>) {
        slots.clear();
        match self {
            Self::Dense { .. } => {
                slots.resize(rows.len(), 0);
                for key in keys {
                    kernel::add_nodes(key, rows, slots);
                }
            }
            Self::Hashed { slot_of_nodes, nodes } => {
                let columns: Vec<Vec<u32>> = keys.iter().map(|key| kernel::nodes(key, rows)).collect();
                let mut combination: Vec<u32> = Vec::with_capacity(keys.len());
                for index in 0..rows.len() {
                    combination.clear();
                    combination.extend(columns.iter().filter_map(|column| column.get(index)));
                    slots.push(slot(slot_of_nodes, nodes, &combination));
                }
            }
        }
    }

    /// Makes room for the slots of another block, and tells where each of them went.
    pub(super) fn merge<'a>(&'a mut self, other: &'a Self) -> Box<dyn Iterator<Item = usize> + 'a> {
        match (self, other) {
            (Self::Hashed { slot_of_nodes, nodes }, Self::Hashed { nodes: others, .. }) => {
                Box::new(others.iter().map(|combination| slot(slot_of_nodes, nodes, combination) as usize))
            }
            (_, other) => Box::new(0..other.len()),
        }
    }

    /// Sorts slots into natural order and tells their nodes, a list per group.
    pub(super) fn nodes_in_order(&self, keys: &[KeyPart<'_>], slots: &mut [usize]) -> Vec<Vec<u32>> {
        match self {
            // Mixed-radix numbers are in natural order already.
            Self::Dense { .. } => keys
                .iter()
                .map(|key| slots.iter().map(|slot| code_of(slot / key.stride % key.node_count)).collect())
                .collect(),
            Self::Hashed { nodes, .. } => {
                slots.sort_unstable_by_key(|slot| nodes.get(*slot));
                let node = |slot: &usize, group| {
                    nodes.get(*slot).and_then(|nodes| nodes.get(group)).copied().unwrap_or_default()
                };
                (0..keys.len()).map(|group| slots.iter().map(|slot| node(slot, group)).collect()).collect()
            }
        }
    }
}

fn slot(slot_of_nodes: &mut HashMap<Box<[u32]>, u32>, nodes: &mut Vec<Box<[u32]>>, combination: &[u32]) -> u32 {
    if let Some(slot) = slot_of_nodes.get(combination) {
        return *slot;
    }
    let slot = code_of(nodes.len());
    slot_of_nodes.insert(combination.into(), slot);
    nodes.push(combination.into());
    slot
}
