//! The visible facts of a mask next to each other, column by column as queries need them.

use std::sync::{
    Arc, OnceLock,
    atomic::{AtomicUsize, Ordering},
};

use crate::{
    aggregate::{Aggregate, ColumnId, FactFilter, Group},
    model::{cube::Cube, hierarchy::Hierarchy},
    room::Room,
    storage::{
        bitmap::Bitmap,
        codes::Codes,
        numbers::{Integers, Numbers, Offsets},
        zones::Zones,
    },
    view::{at, leaf_level, per_level},
};

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

/// One thing to gather.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Part {
    Nodes(Group),
    Codes(ColumnId),
    Numbers(usize),
}

/// What a scan reads.
pub(crate) fn needed(cube: &Cube, filter: &FactFilter, groups: &[Group], aggregates: &[Aggregate]) -> Vec<Part> {
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

    /// The same columns, none of which is gathered.
    pub(crate) fn emptied(&self) -> Self {
        fn empty<S, T>(listed: &[Vec<S>]) -> Vec<Vec<OnceLock<T>>> {
            listed.iter().map(|listed| listed.iter().map(|_| OnceLock::new()).collect()).collect()
        }
        Self {
            visible: Arc::clone(&self.visible),
            count: self.count,
            nodes: empty(&self.nodes),
            codes: empty(&self.codes),
            zones: empty(&self.zones),
            numbers: self.numbers.iter().map(|_| OnceLock::new()).collect(),
            room: Arc::clone(&self.room),
            taken: AtomicUsize::new(0),
        }
    }

    /// A bit per fact of the cube.
    pub(crate) fn visible(&self) -> &Arc<Bitmap> {
        &self.visible
    }

    /// Whether anything is gathered.
    pub(crate) fn has_any(&self) -> bool {
        self.taken.load(Ordering::Relaxed) > 0
    }

    /// Number of visible facts.
    pub(crate) fn count(&self) -> usize {
        self.count
    }

    /// The node of each visible fact at a level that was gathered.
    pub(crate) fn nodes(&self, of: Group) -> &Codes {
        at(&self.nodes, of).and_then(OnceLock::get).expect("what a query needs was gathered")
    }

    /// The place for the zones of a level.
    pub(crate) fn zones(&self, of: Group) -> Option<&OnceLock<Zones>> {
        at(&self.zones, of)
    }

    /// The number of each visible fact; none when the column has none.
    pub(crate) fn numbers(&self, column: ColumnId) -> Option<&Numbers> {
        self.numbers.get(column.column).and_then(OnceLock::get)
    }

    pub(crate) fn codes_of(&self, column: ColumnId) -> &Arc<Codes> {
        let codes = self.codes.get(column.table).and_then(|columns| columns.get(column.column));
        codes.and_then(OnceLock::get).expect("what a query needs was gathered")
    }

    /// Gathers a part unless it is there. Tells whether it is now.
    pub(crate) fn make(&self, cube: &Cube, part: Part) -> bool {
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
        if !self.room.take_for(self, bytes) {
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
