//! The facts that a scan goes through.
//!
//! ```text
//! every fact     column  ████████████████
//! masked         column  ████████████████  and a bit per fact
//! gathered       column  █████████         the visible facts next to each other
//! ```
//!
//! A mask gathers the columns that queries need, once, so that a restricted caller's scan is an unrestricted one over fewer
//! facts: never slower, and as a rule faster by what the mask hides. What masks gather is bounded; beyond, they select.

use std::sync::{Arc, OnceLock};

use rayon::prelude::*;

use crate::{
    aggregate::{Aggregate, ColumnId, FactFilter, Group},
    gathered::{Gathered, needed},
    model::{cube::Cube, hierarchy::Hierarchy, reach::ReachedColumn},
    storage::{bitmap::Bitmap, codes::Codes, numbers::Numbers, zones::Zones},
};

/// The facts that a scan goes through.
#[derive(Clone, Copy, Debug)]
pub(crate) struct View<'a> {
    pub(crate) cube: &'a Cube,
    facts: Facts<'a>,
}

#[derive(Clone, Copy, Debug)]
enum Facts<'a> {
    All,
    Masked(&'a Bitmap),
    Gathered(&'a Gathered),
}

impl<'a> View<'a> {
    /// Every fact, or those that have a bit.
    pub(crate) fn masked(cube: &'a Cube, visible: Option<&'a Bitmap>) -> Self {
        Self { cube, facts: visible.map_or(Facts::All, Facts::Masked) }
    }

    /// The visible facts, gathered as far as there is room.
    pub(crate) fn gathered(
        cube: &'a Cube,
        gathered: &'a Gathered,
        filter: &FactFilter,
        groups: &[Group],
        aggregates: &[Aggregate],
    ) -> Self {
        let parts = needed(cube, filter, groups, aggregates);
        let has_room = parts.into_par_iter().all(|part| gathered.make(cube, part));
        Self { cube, facts: if has_room { Facts::Gathered(gathered) } else { Facts::Masked(gathered.visible()) } }
    }

    /// Number of facts that the scan goes through.
    pub(crate) fn fact_count(&self) -> usize {
        match self.facts {
            Facts::All | Facts::Masked(_) => self.cube.fact_count(),
            Facts::Gathered(gathered) => gathered.count(),
        }
    }

    /// Number of them that are visible.
    pub(crate) fn visible_count(&self) -> usize {
        match self.facts {
            Facts::All => self.cube.fact_count(),
            Facts::Masked(visible) => visible.ones(),
            Facts::Gathered(gathered) => gathered.count(),
        }
    }

    /// Which of them are visible; absent when all are.
    pub(crate) fn visible(&self) -> Option<&'a Bitmap> {
        if let Facts::Masked(visible) = self.facts { Some(visible) } else { None }
    }

    /// The last level of a hierarchy, whose nodes are the leaves.
    pub(crate) fn leaf_level(&self, hierarchy: usize) -> Group {
        leaf_level(self.cube, hierarchy)
    }

    /// Node of each fact at a level.
    pub(crate) fn nodes(&self, of: Group) -> &'a Codes {
        let hierarchy = self.cube.hierarchies.get(of.hierarchy).expect("a query speaks of hierarchies of the cube");
        let level = hierarchy.levels.get(of.level).expect("a query speaks of levels of the hierarchy");
        match (self.facts, hierarchy.only_column()) {
            (Facts::Gathered(gathered), Some(column)) => gathered.codes_of(column),
            (Facts::Gathered(gathered), None) => gathered.nodes(of),
            (Facts::All | Facts::Masked(_), _) => level.nodes_of_facts(),
        }
    }

    /// The bounds of the nodes of each chunk. None of masked facts: the time that passing over hidden facts saves would
    /// tell of them.
    pub(crate) fn zones(&self, of: Group) -> Option<&'a Zones> {
        let zones = match self.facts {
            Facts::All => at(&self.cube.zones, of),
            Facts::Masked(_) => None,
            Facts::Gathered(gathered) => gathered.zones(of),
        };
        zones.map(|zones| zones.get_or_init(|| Zones::of(self.nodes(of))))
    }

    /// Code of each fact.
    pub(crate) fn codes(&self, column: ColumnId) -> Arc<Codes> {
        match self.facts {
            Facts::Gathered(gathered) => Arc::clone(gathered.codes_of(column)),
            Facts::All | Facts::Masked(_) => self.column(column).codes_of_facts(),
        }
    }

    /// Number of each fact; none when the column has none.
    pub(crate) fn numbers(&self, column: ColumnId) -> Option<&'a Numbers> {
        let whole = self.column(column).column.numbers()?;
        match self.facts {
            Facts::Gathered(gathered) => gathered.numbers(column),
            Facts::All | Facts::Masked(_) => Some(whole),
        }
    }

    pub(crate) fn column(&self, column: ColumnId) -> ReachedColumn<'a> {
        self.cube.reach.at(column).expect("a query speaks of columns of the cube")
    }
}

pub(crate) fn leaf_level(cube: &Cube, hierarchy: usize) -> Group {
    let level = cube.hierarchies.get(hierarchy).map_or(0, Hierarchy::last_level);
    Group { hierarchy, level }
}

/// What is listed for a level of a hierarchy.
pub(crate) fn at<T>(listed: &[Vec<T>], of: Group) -> Option<&T> {
    listed.get(of.hierarchy).and_then(|levels| levels.get(of.level))
}

/// An empty place for each level of each hierarchy.
pub(crate) fn per_level<T>(hierarchies: &[Hierarchy]) -> Vec<Vec<OnceLock<T>>> {
    hierarchies.iter().map(|hierarchy| hierarchy.levels.iter().map(|_| OnceLock::new()).collect()).collect()
}
