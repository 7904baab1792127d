//! What the scan has to do, with no choice left to it.

use std::sync::Arc;

use super::state::{Addends, Codes as CodesInput, Input, Ranks, State};
use crate::{
    aggregate::{Aggregate, ColumnId, Group, Spread},
    limits::{DECIMAL_PRECISION_MAX, DENSE_BYTES_MAX, DENSE_CELLS_MAX, LAYOUT_CELLS_MIN},
    model::{
        cube::Cube,
        hierarchy::{Hierarchy, Level},
        reach::ReachedColumn,
    },
    storage::{
        codes::{Codes, code_of},
        dictionary::Dictionary,
        numbers::{Integers, Numbers, Unit},
        zones::Zones,
    },
    value::ColumnType,
    view::View,
};

/// What the scan has to do.
#[derive(Debug)]
pub(super) struct Plan<'a> {
    pub(super) keys: Vec<Key<'a>>,
    pub(super) layout: Layout,
    /// Each once, however many aggregates need it.
    pub(super) inputs: Vec<Input<'a>>,
    /// What becomes of the states of a cell, per aggregate.
    pub(super) outputs: Vec<Output>,
}

/// How one group takes part in finding the cell of a fact.
#[derive(Debug)]
pub(super) struct Key<'a> {
    /// Node of each fact.
    pub(super) nodes: &'a Codes,
    /// The bounds of the nodes of each chunk, if they may be known.
    pub(super) zones: Option<&'a Zones>,
    pub(super) node_count: usize,
    /// Cells between two nodes that follow each other, when cells are dense.
    pub(super) stride: usize,
}

/// Where the states of a cell are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Layout {
    /// At the mixed-radix number of the nodes, the last group varying fastest.
    Dense { cells: usize },
    /// At the position of the nodes among all combinations that visible facts have.
    Sorted,
}

/// What becomes of the states of a cell.
#[derive(Clone, Debug)]
pub(super) enum Output {
    Count,
    Sum { input: usize, column_type: ColumnType },
    Mean { input: usize },
    Extreme { input: usize, largest: bool, values: RankedValues },
    Variance { input: usize, of: Spread },
    Quantile { input: usize, quantile: f64, values: RankedValues },
    DistinctCount { input: usize },
    Converted { input: usize, rates: Arc<[Option<f64>]> },
}

/// From ranks back to values.
#[derive(Clone, Debug)]
pub(super) enum RankedValues {
    Integers { base: i64, unit: Unit },
    Doubles,
    Members(Arc<Dictionary>),
}

impl<'a> Plan<'a> {
    /// For so many facts at most.
    pub(super) fn new(view: &View<'a>, groups: &[Group], aggregates: &[Aggregate], fact_count: usize) -> Self {
        let mut inputs = Inputs { view: *view, of: Vec::new(), made: Vec::new() };
        let outputs = aggregates.iter().map(|aggregate| inputs.output(aggregate)).collect();
        let inputs = inputs.made;
        let layout = choose_layout(view, groups, &inputs, fact_count);
        Self { keys: keys(view, groups, layout), layout, inputs, outputs }
    }
}

impl Key<'_> {
    /// The first and the last node that facts of a chunk may have.
    pub(super) fn bounds(&self, chunk_start: usize) -> (u32, u32) {
        let bounds = self.zones.and_then(|zones| zones.at(chunk_start));
        bounds.unwrap_or_else(|| (0, code_of(self.node_count.saturating_sub(1))))
    }
}

impl Plan<'_> {
    /// The places of cells, when each combination of nodes has one.
    pub(super) fn cell_count(&self) -> usize {
        if let Layout::Dense { cells } = self.layout { cells } else { 0 }
    }

    /// Accumulators that a cell takes beside its count of facts.
    pub(super) fn states_per_cell(&self) -> usize {
        self.inputs.iter().map(State::width).sum()
    }
}

/// Inputs so far, with what each was made for.
struct Inputs<'a> {
    view: View<'a>,
    of: Vec<Wanted>,
    made: Vec<Input<'a>>,
}

#[derive(Clone, PartialEq)]
enum Wanted {
    Sum(ColumnId),
    Product(Vec<ColumnId>),
    Apart(ColumnId, ColumnId),
    Squares(ColumnId),
    Extremes(ColumnId),
    Multisets(ColumnId),
    Sets(ColumnId),
}

impl<'a> Inputs<'a> {
    fn output(&mut self, aggregate: &Aggregate) -> Output {
        let column_type = aggregate.result_type(|column| self.column(column).column.column_type());
        match aggregate {
            Aggregate::Count => Output::Count,
            Aggregate::Sum(column) => Output::Sum { input: self.input(Wanted::Sum(*column)), column_type },
            Aggregate::SumProduct(columns) => {
                Output::Sum { input: self.input(Wanted::Product(columns.clone())), column_type }
            }
            Aggregate::Mean(column) => Output::Mean { input: self.input(Wanted::Sum(*column)) },
            Aggregate::Min(column) => self.extreme(*column, false),
            Aggregate::Max(column) => self.extreme(*column, true),
            Aggregate::Spread { column, of } => {
                Output::Variance { input: self.input(Wanted::Squares(*column)), of: *of }
            }
            Aggregate::Quantile { column, quantile } => Output::Quantile {
                input: self.input(Wanted::Multisets(*column)),
                quantile: *quantile,
                values: self.ranked_values(*column),
            },
            Aggregate::DistinctCount(column) => Output::DistinctCount { input: self.input(Wanted::Sets(*column)) },
            Aggregate::Converted { amount, currency, rates } => {
                Output::Converted { input: self.input(Wanted::Apart(*amount, *currency)), rates: Arc::clone(rates) }
            }
        }
    }

    fn extreme(&mut self, column: ColumnId, largest: bool) -> Output {
        Output::Extreme { input: self.input(Wanted::Extremes(column)), largest, values: self.ranked_values(column) }
    }

    fn ranked_values(&self, column: ColumnId) -> RankedValues {
        let column = self.column(column).column;
        match column.numbers().map(|numbers| &**numbers) {
            Some(Numbers::Integers { integers, unit }) => RankedValues::Integers { base: integers.base, unit: *unit },
            Some(Numbers::Doubles { .. }) => RankedValues::Doubles,
            None => RankedValues::Members(Arc::clone(&column.coded().dictionary)),
        }
    }

    /// The index of what is wanted, made if it is not there yet.
    fn input(&mut self, wanted: Wanted) -> usize {
        self.of.iter().position(|known| *known == wanted).unwrap_or_else(|| {
            self.made.push(self.make(&wanted));
            self.of.push(wanted);
            self.made.len() - 1
        })
    }

    fn make(&self, wanted: &Wanted) -> Input<'a> {
        match wanted {
            Wanted::Sum(column) => Input::Sums(Addends::Column(self.numbers(*column))),
            Wanted::Product(columns) => {
                Input::Sums(product(columns.iter().map(|column| self.numbers(*column)).collect()))
            }
            Wanted::Apart(amount, currency) => Input::Sums(Addends::Apart {
                column: self.numbers(*amount),
                codes: self.view.codes(*currency),
                code_count: self.column(*currency).column.coded().dictionary.len(),
            }),
            Wanted::Squares(column) => Input::Squares(self.numbers(*column)),
            Wanted::Extremes(column) => Input::Extremes(self.ranks(*column)),
            Wanted::Multisets(column) => Input::Multisets(self.ranks(*column)),
            Wanted::Sets(column) => {
                let dictionary = &self.column(*column).column.coded().dictionary;
                let (code_count, missing) = (dictionary.len(), dictionary.missing());
                Input::Sets(CodesInput { by_fact: self.view.codes(*column), code_count, missing })
            }
        }
    }

    fn ranks(&self, column: ColumnId) -> Ranks<'a> {
        match self.view.numbers(column) {
            Some(numbers) => Ranks::of_numbers(numbers),
            None => Ranks::of_codes(self.view.codes(column), &self.column(column).column.coded().dictionary),
        }
    }

    fn numbers(&self, column: ColumnId) -> &'a Numbers {
        self.view.numbers(column).expect("sums are asked of columns of numbers only")
    }

    fn column(&self, column: ColumnId) -> ReachedColumn<'a> {
        self.view.column(column)
    }
}

/// Products of integers and decimals are integers, within the digits of a decimal; a double makes the product one.
fn product(factors: Vec<&Numbers>) -> Addends<'_> {
    let integers: Option<Vec<(&Integers, u8)>> = factors
        .iter()
        .map(|factor| match factor {
            Numbers::Integers { integers, unit: Unit::One } => Some((integers, 0)),
            Numbers::Integers { integers, unit: Unit::Decimal { scale, .. } } => Some((integers, *scale)),
            Numbers::Integers { unit: Unit::Binary { .. }, .. } | Numbers::Doubles { .. } => None,
        })
        .collect();
    let scale = integers.iter().flatten().map(|(_, scale)| scale).sum();
    match integers {
        // With more digits behind the point than a decimal has, the product is a double.
        Some(integers) if scale <= DECIMAL_PRECISION_MAX => {
            let unit = if scale == 0 { Unit::One } else { Unit::Decimal { precision: u8::MAX, scale } };
            Addends::Integers { factors: integers.into_iter().map(|(integers, _)| integers).collect(), unit }
        }
        _ => Addends::Doubles(factors),
    }
}

fn choose_layout(view: &View<'_>, groups: &[Group], inputs: &[Input<'_>], fact_count: usize) -> Layout {
    let counts = groups.iter().map(|group| level(view.cube, *group).1.node_count());
    let cells = counts.into_iter().try_fold(1_usize, usize::checked_mul);
    // What is added up and what it is moved to are there at the same time.
    let sum_bytes = inputs.len().max(1) * size_of::<u64>();
    let bytes_per_cell = size_of::<u32>() + sum_bytes + inputs.iter().map(State::cell_bytes).sum::<usize>();
    // Accumulators that no fact can reach cost time and memory.
    let worthwhile = (4 * fact_count).max(LAYOUT_CELLS_MIN);
    let fits = |cells: &usize| {
        *cells <= DENSE_CELLS_MAX.min(worthwhile) && cells.saturating_mul(bytes_per_cell) <= DENSE_BYTES_MAX
    };
    cells.filter(fits).map_or(Layout::Sorted, |cells| Layout::Dense { cells })
}

fn keys<'a>(view: &View<'a>, groups: &[Group], layout: Layout) -> Vec<Key<'a>> {
    let mut stride = 1;
    let key = |group: &Group| {
        let node_count = level(view.cube, *group).1.node_count();
        let zones = if layout == Layout::Sorted { None } else { view.zones(*group) };
        let key = Key { nodes: view.nodes(*group), zones, node_count, stride };
        stride = stride.saturating_mul(node_count);
        key
    };
    let mut keys: Vec<Key<'a>> = groups.iter().rev().map(key).collect();
    keys.reverse();
    keys
}

pub(super) fn level(cube: &Cube, group: Group) -> (&Hierarchy, &Level) {
    let hierarchy = cube.hierarchies.get(group.hierarchy).expect("groups are of hierarchies of the cube");
    (hierarchy, hierarchy.levels.get(group.level).expect("a group is of a level of its hierarchy"))
}
