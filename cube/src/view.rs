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

use std::sync::{
    Arc, OnceLock,
    atomic::{AtomicUsize, Ordering},
};

use rayon::prelude::*;

use crate::{
    aggregate::{Aggregate, ColumnId, FactFilter, Group},
    model::{cube::Cube, hierarchy::Hierarchy, reach::ReachedColumn},
    storage::{
        bitmap::Bitmap,
        codes::Codes,
        numbers::{Integers, Numbers, Offsets},
        zones::Zones,
    },
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

/// The columns of visible facts that queries of one mask have needed so far.
#[derive(Debug)]
pub(crate) struct Gathered {
    visible: Arc<Bitmap>,
    count: usize,
    /// By hierarchy of several levels, and level.
    nodes: Vec<Vec<OnceLock<Codes>>>,
    /// By table and column.
    codes: Vec<Vec<OnceLock<Arc<Codes>>>>,
    /// By hierarchy and level.
    zones: Vec<Vec<OnceLock<Zones>>>,
    /// By column of the fact table.
    numbers: Vec<OnceLock<Numbers>>,
    room: Arc<Room>,
    taken: AtomicUsize,
}

/// Bytes that all masks of a cube may still gather.
#[derive(Debug)]
pub(crate) struct Room {
    left: AtomicUsize,
}

/// One thing to gather.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    Nodes(Group),
    Codes(ColumnId),
    Numbers(usize),
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
        Self { cube, facts: if has_room { Facts::Gathered(gathered) } else { Facts::Masked(&gathered.visible) } }
    }

    /// Number of facts that the scan goes through.
    pub(crate) fn fact_count(&self) -> usize {
        match self.facts {
            Facts::All | Facts::Masked(_) => self.cube.fact_count(),
            Facts::Gathered(gathered) => gathered.count,
        }
    }

    /// Number of them that are visible.
    pub(crate) fn visible_count(&self) -> usize {
        match self.facts {
            Facts::All => self.cube.fact_count(),
            Facts::Masked(visible) => visible.ones(),
            Facts::Gathered(gathered) => gathered.count,
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
            (Facts::Gathered(gathered), None) => {
                at(&gathered.nodes, of).and_then(OnceLock::get).expect("what a query needs was gathered")
            }
            (Facts::All | Facts::Masked(_), _) => level.nodes_of_facts(),
        }
    }

    /// The bounds of the nodes of each chunk. None of masked facts: the time that passing over hidden facts saves would
    /// tell of them.
    pub(crate) fn zones(&self, of: Group) -> Option<&'a Zones> {
        let zones = match self.facts {
            Facts::All => at(&self.cube.zones, of),
            Facts::Masked(_) => None,
            Facts::Gathered(gathered) => at(&gathered.zones, of),
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
            Facts::Gathered(gathered) => gathered.numbers.get(column.column).and_then(OnceLock::get),
            Facts::All | Facts::Masked(_) => Some(whole),
        }
    }

    pub(crate) fn column(&self, column: ColumnId) -> ReachedColumn<'a> {
        self.cube.reach.at(column).expect("a query speaks of columns of the cube")
    }
}

fn leaf_level(cube: &Cube, hierarchy: usize) -> Group {
    let level = cube.hierarchies.get(hierarchy).map_or(0, Hierarchy::last_level);
    Group { hierarchy, level }
}

/// What is listed for a level of a hierarchy.
fn at<T>(listed: &[Vec<T>], of: Group) -> Option<&T> {
    listed.get(of.hierarchy).and_then(|levels| levels.get(of.level))
}

/// An empty place for each level of each hierarchy.
pub(crate) fn per_level<T>(hierarchies: &[Hierarchy]) -> Vec<Vec<OnceLock<T>>> {
    hierarchies.iter().map(|hierarchy| hierarchy.levels.iter().map(|_| OnceLock::new()).collect()).collect()
}

/// What a scan reads.
fn needed(cube: &Cube, filter: &FactFilter, groups: &[Group], aggregates: &[Aggregate]) -> Vec<Part> {
    let nodes = |of: Group| match cube.hierarchies.get(of.hierarchy).and_then(Hierarchy::only_column) {
        Some(column) => Part::Codes(column),
        None => Part::Nodes(of),
    };
    let mut parts: Vec<Part> = groups.iter().map(|group| nodes(*group)).collect();
    let mut open = vec![filter];
    while let Some(filter) = open.pop() {
        match filter {
            FactFilter::All(filters) | FactFilter::Any(filters) => open.extend(filters),
            FactFilter::Not(filter) => open.push(filter),
            FactFilter::Leaves { hierarchy, .. } => parts.push(nodes(leaf_level(cube, *hierarchy))),
        }
    }
    let ranked = |column: ColumnId| match cube.reach.at(column).and_then(|column| column.column.numbers()) {
        Some(_) => Part::Numbers(column.column),
        None => Part::Codes(column),
    };
    for aggregate in aggregates {
        match aggregate {
            Aggregate::Count => {}
            Aggregate::Sum(column) | Aggregate::Mean(column) | Aggregate::Spread { column, .. } => {
                parts.push(Part::Numbers(column.column));
            }
            Aggregate::SumProduct(columns) => {
                parts.extend(columns.iter().map(|column| Part::Numbers(column.column)));
            }
            Aggregate::Min(column) | Aggregate::Max(column) | Aggregate::Quantile { column, .. } => {
                parts.push(ranked(*column));
            }
            Aggregate::DistinctCount(column) => parts.push(Part::Codes(*column)),
            Aggregate::Converted { amount, currency, .. } => {
                parts.extend([Part::Numbers(amount.column), Part::Codes(*currency)]);
            }
        }
    }
    parts.sort_unstable();
    parts.dedup();
    parts
}

impl Gathered {
    pub(crate) fn new(cube: &Cube, visible: &Arc<Bitmap>) -> Self {
        fn empty<T>(count: usize) -> Vec<OnceLock<T>> {
            (0..count).map(|_| OnceLock::new()).collect()
        }
        let columns = |table: usize| (0..).map_while(|column| cube.reach.at(ColumnId { table, column })).count();
        Self {
            count: visible.ones(),
            visible: Arc::clone(visible),
            nodes: per_level(&cube.hierarchies),
            codes: (0..cube.reach.table_count()).map(|table| empty(columns(table))).collect(),
            zones: per_level(&cube.hierarchies),
            numbers: empty(columns(0)),
            room: Arc::clone(&cube.room),
            taken: AtomicUsize::new(0),
        }
    }

    fn codes_of(&self, column: ColumnId) -> &Arc<Codes> {
        let codes = self.codes.get(column.table).and_then(|columns| columns.get(column.column));
        codes.and_then(OnceLock::get).expect("what a query needs was gathered")
    }

    /// Gathers a part unless it is there. Tells whether it is now.
    fn make(&self, cube: &Cube, part: Part) -> bool {
        match part {
            Part::Nodes(of) => {
                let level = cube.hierarchies.get(of.hierarchy).and_then(|hierarchy| hierarchy.levels.get(of.level));
                at(&self.nodes, of).zip(level).is_some_and(|(slot, level)| {
                    let whole = level.nodes_of_facts();
                    self.fill(slot, whole.bytes(), || self.gather_codes(whole))
                })
            }
            Part::Codes(column) => {
                let slot = self.codes.get(column.table).and_then(|columns| columns.get(column.column));
                let whole = cube.reach.at(column);
                slot.zip(whole).is_some_and(|(slot, whole)| {
                    let whole = whole.codes_of_facts();
                    self.fill(slot, whole.bytes(), || Arc::new(self.gather_codes(&whole)))
                })
            }
            Part::Numbers(column) => {
                let whole = cube.reach.at(ColumnId { table: 0, column }).and_then(|column| column.column.numbers());
                self.numbers
                    .get(column)
                    .zip(whole)
                    .is_some_and(|(slot, whole)| self.fill(slot, whole.bytes(), || self.gather_numbers(whole)))
            }
        }
    }

    fn fill<T>(&self, slot: &OnceLock<T>, whole_bytes: usize, gather: impl FnOnce() -> T) -> bool {
        if slot.get().is_some() {
            return true;
        }
        let bytes = whole_bytes / self.visible.len().max(1) * self.count + self.count;
        if !self.room.take(bytes) {
            return false;
        }
        self.taken.fetch_add(bytes, Ordering::Relaxed);
        let mut was_first = false;
        slot.get_or_init(|| {
            was_first = true;
            gather()
        });
        if !was_first {
            self.taken.fetch_sub(bytes, Ordering::Relaxed);
            self.room.give_back(bytes);
        }
        true
    }

    fn gather_codes(&self, whole: &Codes) -> Codes {
        match whole {
            Codes::U8(codes) => Codes::U8(self.gather(codes)),
            Codes::U16(codes) => Codes::U16(self.gather(codes)),
            Codes::U32(codes) => Codes::U32(self.gather(codes)),
        }
    }

    fn gather_numbers(&self, whole: &Numbers) -> Numbers {
        let nulls = |nulls: &Option<Bitmap>| {
            let nulls = nulls.as_ref().map(|nulls| {
                let mut gathered = Bitmap::default();
                self.visible.positions().for_each(|row| gathered.push(nulls.get(row)));
                gathered
            });
            nulls.filter(|nulls| nulls.ones() > 0)
        };
        match whole {
            Numbers::Integers { integers: Integers { base, offsets, offset_max, nulls: some }, unit } => {
                let offsets = match offsets {
                    Offsets::Narrow(codes) => Offsets::Narrow(self.gather_codes(codes)),
                    Offsets::Wide(offsets) => Offsets::Wide(self.gather(offsets)),
                };
                let integers = Integers { base: *base, offsets, offset_max: *offset_max, nulls: nulls(some) };
                Numbers::Integers { integers, unit: *unit }
            }
            Numbers::Doubles { values, nulls: some, unit } => {
                Numbers::Doubles { values: self.gather(values), nulls: nulls(some), unit: *unit }
            }
        }
    }

    fn gather<T: Copy>(&self, whole: &[T]) -> Vec<T> {
        let mut gathered = Vec::with_capacity(self.count);
        for (word, block) in self.visible.words().iter().zip(whole.chunks(64)) {
            if *word == u64::MAX {
                gathered.extend_from_slice(block);
                continue;
            }
            let mut rest = *word;
            while rest != 0 {
                gathered.extend(block.get(rest.trailing_zeros() as usize));
                rest &= rest - 1;
            }
        }
        gathered
    }
}

impl Drop for Gathered {
    fn drop(&mut self) {
        self.room.give_back(self.taken.load(Ordering::Relaxed));
    }
}

impl Room {
    pub(crate) fn of_bytes(bytes: usize) -> Self {
        Self { left: AtomicUsize::new(bytes) }
    }

    pub(crate) fn take(&self, bytes: usize) -> bool {
        self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(bytes)).is_ok()
    }

    pub(crate) fn give_back(&self, bytes: usize) {
        self.left.fetch_add(bytes, Ordering::Relaxed);
    }
}
