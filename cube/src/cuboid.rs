//! Cells of earlier queries, kept to answer coarser ones.
//!
//! ```text
//! kept:   Country × Product × Month, Σ Quantity, Σ Price      asked:  Country × Year, Σ Price
//!                                 └────────────── regrouped ──────────────▶
//! ```
//!
//! Each mask keeps its own, so that none answers for anybody who may see other facts. States are exact, so what is
//! regrouped is, to the last bit, what a scan would find.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
};

use crate::{
    aggregate::{Aggregate, FactFilter, Group},
    fold::Cells,
    limits::{CUBOID_CELLS_MAX, CUBOIDS_MAX},
    model::cube::Cube,
    room::Room,
};

/// The cells that one mask keeps.
#[derive(Debug, Default)]
pub(crate) struct Cuboids(Mutex<VecDeque<Arc<Cuboid>>>);

/// Cells, and what they were found for.
#[derive(Debug)]
struct Cuboid {
    filter: FactFilter,
    groups: Vec<Group>,
    aggregates: Vec<Aggregate>,
    cells: Cells,
    bytes: usize,
    room: Arc<Room>,
}

impl Cuboids {
    /// The cells that a scan would find, if some that are kept tell.
    pub(crate) fn find(
        &self,
        cube: &Cube,
        filter: &FactFilter,
        groups: &[Group],
        aggregates: &[Aggregate],
    ) -> Option<Cells> {
        let (cuboid, places) = {
            let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let found = kept.iter().filter_map(|cuboid| Some((cuboid, cuboid.tells(filter, groups, aggregates)?)));
            let (cuboid, places) = found.min_by_key(|(cuboid, _)| cuboid.cells.len())?;
            (Arc::clone(cuboid), places)
        };
        Some(cuboid.cells.rearranged(cube, groups, &places.groups, &places.aggregates))
    }

    /// Keeps cells, if they are few, instead of the oldest.
    pub(crate) fn keep(
        &self,
        cube: &Cube,
        filter: FactFilter,
        groups: &[Group],
        aggregates: &[Aggregate],
        cells: &Cells,
    ) {
        let bytes = cells.bytes();
        if cells.len() > CUBOID_CELLS_MAX || !cells.is_compact() || !cube.room.take(bytes) {
            return;
        }
        let (groups, aggregates) = (groups.to_vec(), aggregates.to_vec());
        let cuboid = Cuboid { filter, groups, aggregates, cells: cells.clone(), bytes, room: Arc::clone(&cube.room) };
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() == CUBOIDS_MAX {
            kept.pop_front();
        }
        kept.push_back(Arc::new(cuboid));
    }
}

/// Where what is asked is found.
struct Places {
    groups: Vec<usize>,
    aggregates: Vec<usize>,
}

impl Cuboid {
    fn tells(&self, filter: &FactFilter, groups: &[Group], aggregates: &[Aggregate]) -> Option<Places> {
        if self.filter != *filter {
            return None;
        }
        let group = |wanted: &Group| {
            let is_finer = |own: &Group| own.hierarchy == wanted.hierarchy && own.level >= wanted.level;
            self.groups.iter().position(is_finer)
        };
        let aggregate = |wanted: &Aggregate| self.aggregates.iter().position(|own| own == wanted);
        Some(Places {
            groups: groups.iter().map(group).collect::<Option<_>>()?,
            aggregates: aggregates.iter().map(aggregate).collect::<Option<_>>()?,
        })
    }
}

impl Drop for Cuboid {
    fn drop(&mut self) {
        self.room.give_back(self.bytes);
    }
}
