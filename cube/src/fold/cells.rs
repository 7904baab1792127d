//! The combinations of nodes that have a visible fact, and what was folded into them.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use rayon::prelude::*;

use super::{
    Folded, Into, State,
    plan::{Key, Output, Plan, RankedValues, level},
    sorted,
    state::{Sums, double_of},
};
use crate::{
    aggregate::Group,
    answer::Values,
    budget::Budget,
    limits::{CHUNK_ROWS, QueryLimits},
    model::cube::Cube,
    request::QueryError,
    storage::{
        codes::{Codes, code_of},
        numbers::Unit,
    },
    value::ColumnType,
};

/// The combinations of nodes that have a visible fact, in natural order.
#[derive(Clone, Debug)]
pub(crate) struct Cells {
    /// What is still grouped by; none where [`regrouped`](Self::regrouped) gave up a group.
    groups: Vec<Option<Group>>,
    /// Nodes of each cell, a list per group; empty where it was given up.
    nodes: Vec<Vec<u32>>,
    facts: Vec<u32>,
    states: Vec<State>,
    outputs: Arc<[Output]>,
}

impl Cells {
    pub(super) fn of_dense(
        groups: &[Group],
        plan: Plan<'_>,
        folded: Folded,
        budget: &Budget<'_>,
    ) -> Result<Self, QueryError> {
        let has_facts = |(_, facts): &(usize, &u32)| **facts > 0;
        let count = folded.facts.iter().enumerate().filter(has_facts).count();
        check_size(count, plan.states_per_cell(), budget.limits)?;
        let is_full = count == folded.facts.len();
        let occupied: Vec<u32> =
            folded.facts.iter().enumerate().filter(has_facts).map(|(cell, _)| code_of(cell)).collect();
        let nodes = plan
            .keys
            .iter()
            .map(|key| {
                let (stride, node_count) = (code_of(key.stride), code_of(key.node_count));
                occupied.par_iter().with_min_len(CHUNK_ROWS).map(|cell| cell / stride % node_count).collect()
            })
            .collect();
        let Folded { facts, states } = if is_full { folded } else { folded.pick(&occupied) };
        let groups = groups.iter().copied().map(Some).collect();
        Ok(Self { groups, nodes, facts, states, outputs: plan.outputs.into() })
    }

    pub(super) fn of_sorted(
        groups: &[Group],
        plan: Plan<'_>,
        found: sorted::Found,
        budget: &Budget<'_>,
    ) -> Result<Self, QueryError> {
        budget.check()?;
        let nodes_of = |key: &Key<'_>| match key.nodes.take(&found.facts) {
            Codes::U8(nodes) => nodes.into_iter().map(u32::from).collect(),
            Codes::U16(nodes) => nodes.into_iter().map(u32::from).collect(),
            Codes::U32(nodes) => nodes,
        };
        let nodes = plan.keys.iter().map(nodes_of).collect();
        let Folded { facts, states } = found.folded;
        Ok(Self {
            groups: groups.iter().copied().map(Some).collect(),
            nodes,
            facts,
            states,
            outputs: plan.outputs.into(),
        })
    }

    /// Whether a query within these limits may have them, from wherever they came.
    pub(crate) fn check(&self, limits: QueryLimits) -> Result<(), QueryError> {
        check_size(self.len(), self.states.len(), limits)
    }

    /// Number of cells.
    pub(crate) fn len(&self) -> usize {
        self.facts.len()
    }

    /// The node of each cell, at the level of a group.
    pub(crate) fn nodes(&self, group: usize) -> &[u32] {
        self.nodes.get(group).map(Vec::as_slice).unwrap_or_default()
    }

    /// Number of facts in all cells.
    pub(crate) fn fact_count(&self) -> u64 {
        self.facts.iter().map(|facts| u64::from(*facts)).sum()
    }

    /// The number of facts of each cell.
    #[cfg(test)]
    pub(super) fn facts(&self) -> &[u32] {
        &self.facts
    }

    /// Bytes held.
    pub(crate) fn bytes(&self) -> usize {
        let nodes = self.nodes.iter().map(|nodes| size_of_val(nodes.as_slice())).sum::<usize>();
        nodes + self.len() * (size_of::<u32>() + self.states.iter().map(State::bytes_per_cell).sum::<usize>())
    }

    /// Whether each cell takes a few bytes only.
    pub(crate) fn is_compact(&self) -> bool {
        self.states.iter().all(|state| matches!(state, State::Sums(_) | State::Squares(_) | State::Extremes(_)))
    }

    /// These cells as those of other groups, each found at a place among the groups here at or below its level, and with
    /// other aggregates, each found at a place among those here.
    pub(crate) fn rearranged(&self, cube: &Cube, groups: &[Group], places: &[usize], aggregates: &[usize]) -> Self {
        let pick = |place: &usize| Some((*self.groups.get(*place)?, self.nodes.get(*place)?.clone()));
        let (own, nodes) = places.iter().filter_map(pick).unzip();
        let outputs = aggregates.iter().filter_map(|place| self.outputs.get(*place).cloned()).collect();
        let (facts, states) = (self.facts.clone(), self.states.clone());
        let levels: Vec<Option<usize>> = groups.iter().map(|group| Some(group.level)).collect();
        Self { groups: own, nodes, facts, states, outputs }.regrouped(cube, &levels)
    }

    /// The same facts in fewer cells: each group at a level at or above its own, or not grouped by at all. In natural order.
    pub(crate) fn regrouped(&self, cube: &Cube, levels: &[Option<usize>]) -> Self {
        let (groups, nodes) = self.coarser(cube, levels);
        let (order, into) = self.order(cube, &groups, &nodes);
        let pick = |nodes: Vec<u32>| -> Vec<u32> {
            if nodes.is_empty() {
                nodes
            } else {
                order.iter().filter_map(|cell| nodes.get(*cell as usize)).copied().collect()
            }
        };
        let mut folded = Folded {
            facts: vec![0; order.len()],
            states: self.states.iter().map(|state| state.empty(order.len())).collect(),
        };
        let all = Folded { facts: self.facts.clone(), states: self.states.clone() };
        folded = folded.merge(all, Into::Cells(&into));
        let Folded { facts, states } = folded;
        Self { groups, nodes: nodes.into_iter().map(pick).collect(), facts, states, outputs: Arc::clone(&self.outputs) }
    }

    /// The groups at other levels, and the nodes of each of these cells there.
    fn coarser(&self, cube: &Cube, levels: &[Option<usize>]) -> (Vec<Option<Group>>, Vec<Vec<u32>>) {
        let coarser = |((group, nodes), above): ((&Option<Group>, &Vec<u32>), &Option<usize>)| match (group, above) {
            (Some(group), Some(above)) if above == &group.level => (Some(*group), nodes.clone()),
            (Some(group), Some(above)) => {
                let wanted = Group { level: *above, ..*group };
                let (here, there) = (level(cube, *group).1, level(cube, wanted).1);
                (Some(wanted), nodes.iter().map(|node| here.ancestor(*node, there)).collect())
            }
            _ => (None, Vec::new()),
        };
        self.groups.iter().zip(&self.nodes).zip(levels).map(coarser).unzip()
    }

    /// A cell of each new one, in natural order, and the new one of each cell.
    fn order(&self, cube: &Cube, groups: &[Option<Group>], nodes: &[Vec<u32>]) -> (Vec<u32>, Vec<u32>) {
        let mut numbers = vec![0_u64; self.len()];
        let mut count: u64 = 1;
        for (group, nodes) in groups.iter().zip(nodes) {
            let Some(group) = group else { continue };
            let node_count = level(cube, *group).1.node_count() as u64;
            if count.checked_mul(node_count).is_none() {
                let mut distinct = numbers.clone();
                distinct.sort_unstable();
                distinct.dedup();
                for number in &mut numbers {
                    *number = distinct.partition_point(|other| other < number) as u64;
                }
                count = distinct.len() as u64;
            }
            count = count.saturating_mul(node_count.max(1));
            numbers.iter_mut().zip(nodes).for_each(|(number, node)| *number = *number * node_count + u64::from(*node));
        }
        let mut cells: Vec<u32> = (0..code_of(self.len())).collect();
        if !numbers.is_sorted() {
            cells.sort_by_key(|cell| numbers.get(*cell as usize));
        }
        let mut order: Vec<u32> = Vec::new();
        let mut into = vec![0; self.len()];
        let mut last = None;
        for cell in cells {
            let number = numbers.get(cell as usize);
            if number != last {
                last = number;
                order.push(cell);
            }
            if let Some(into) = into.get_mut(cell as usize) {
                *into = code_of(order.len() - 1);
            }
        }
        (order, into)
    }

    /// The values of an aggregate, one per cell.
    pub(crate) fn values(&self, aggregate: usize) -> Result<Values, QueryError> {
        let output = self.outputs.get(aggregate).expect("values are asked of aggregates that were asked for");
        Ok(match output {
            Output::Count => Values::Int64(self.facts.iter().map(|facts| Some((*facts).into())).collect()),
            Output::Sum { input, column_type } => self.sums_of(self.sums(*input), *column_type)?,
            Output::Mean { input } => {
                let sums = self.sums(*input);
                let mean = |cell, count: u32| (count > 0).then(|| sums.double(cell, count) / f64::from(count));
                Values::Double(self.by_count(sums, mean))
            }
            Output::Extreme { input, largest, values } => {
                let State::Extremes(extremes) = self.state(*input) else { unreachable!("an extreme has its state") };
                let ranks = (0..self.len()).map(|cell| {
                    extremes.of(cell).map(|(smallest, greatest)| if *largest { greatest } else { smallest })
                });
                values.of(ranks)
            }
            Output::Variance { input, of } => {
                let State::Squares(squares) = self.state(*input) else { unreachable!("a variance has its state") };
                let values: Vec<Option<f64>> = (0..self.len())
                    .map(|cell| {
                        squares.variance(cell, of.sample).map(|value| if of.root { value.sqrt() } else { value })
                    })
                    .collect();
                finite(values)?
            }
            Output::Quantile { input, quantile, values } => {
                let State::Multisets(multisets) = self.state(*input) else { unreachable!("a quantile has its state") };
                let between = multisets.quantiles(*quantile);
                Values::Double(
                    between
                        .into_iter()
                        .map(|between| {
                            let between = between?;
                            let (low, high) = (values.double(between.low), values.double(between.high));
                            Some(low + (high - low) * between.part)
                        })
                        .collect(),
                )
            }
            Output::DistinctCount { input } => {
                let State::Sets(sets) = self.state(*input) else { unreachable!("a distinct count has its state") };
                Values::Int64(sets.counts().into_iter().map(|count| Some(count.into())).collect())
            }
            Output::Converted { input, rates } => {
                let sums = self.sums(*input);
                finite((0..self.len()).map(|cell| converted(sums, cell, rates)).collect())?
            }
        })
    }

    fn sums_of(&self, sums: &Sums, column_type: ColumnType) -> Result<Values, QueryError> {
        match column_type {
            ColumnType::Int64 => {
                let all_fit = AtomicBool::new(true);
                let sum = |cell, count| {
                    let sum = sums.integer(cell, count).and_then(|sum| i64::try_from(sum).ok());
                    if sum.is_none() {
                        all_fit.store(false, Ordering::Relaxed);
                    }
                    sum
                };
                let values = self.by_count(sums, |cell, count| if count == 0 { None } else { sum(cell, count) });
                if all_fit.into_inner() { Ok(Values::Int64(values)) } else { Err(QueryError::DoesNotFit) }
            }
            ColumnType::Decimal { scale, .. } => {
                let units: Option<Vec<Option<i128>>> = self
                    .counted(sums)
                    .map(|(cell, count)| if count == 0 { Some(None) } else { sums.integer(cell, count).map(Some) })
                    .collect();
                units.map(|units| Values::Decimal { units, scale }).ok_or(QueryError::DoesNotFit)
            }
            _ => finite(self.by_count(sums, |cell, count| (count > 0).then(|| sums.double(cell, count)))),
        }
    }

    fn counted<'s>(&'s self, sums: &'s Sums) -> impl Iterator<Item = (usize, u32)> + 's {
        self.facts.iter().enumerate().map(|(cell, facts)| (cell, sums.count_of(cell, *facts)))
    }

    fn by_count<T: Send>(&self, sums: &Sums, value: impl Fn(usize, u32) -> Option<T> + Sync) -> Vec<Option<T>> {
        let value = |(cell, facts): (usize, &u32)| value(cell, sums.count_of(cell, *facts));
        self.facts.par_iter().with_min_len(CHUNK_ROWS).enumerate().map(value).collect()
    }

    fn sums(&self, input: usize) -> &Sums {
        let State::Sums(sums) = self.state(input) else { unreachable!("a sum has its state") };
        sums
    }

    fn state(&self, input: usize) -> &State {
        self.states.get(input).expect("there is a state per input")
    }
}

impl Folded {
    /// The same cells, without those that are not listed.
    fn pick(self, cells: &[u32]) -> Self {
        let facts = cells.iter().filter_map(|cell| self.facts.get(*cell as usize)).copied().collect();
        Self { facts, states: self.states.into_iter().map(|state| state.pick(cells)).collect() }
    }
}

/// Null when nothing has an amount, or something that has one has no rate.
fn converted(sums: &Sums, cell: usize, rates: &[Option<f64>]) -> Option<f64> {
    let amounts = (0..sums.width()).filter_map(|code| {
        let index = cell * sums.width() + code;
        let count = sums.count_of(index, 0);
        (count > 0).then(|| (code, sums.double(index, count)))
    });
    let converted = amounts.map(|(code, amount)| Some(amount * rates.get(code).copied().flatten()?));
    // Added in the order of the currencies, whatever facts they came from.
    let total = converted.fold(None, |total: Option<Option<f64>>, amount| match (total, amount) {
        (None, amount) => Some(amount),
        (Some(total), amount) => Some(total.zip(amount).map(|(total, amount)| total + amount)),
    })?;
    // There is one zero.
    total.map(|total| total + 0.0)
}

impl RankedValues {
    fn of(&self, ranks: impl Iterator<Item = Option<u64>>) -> Values {
        let integer = |base: i64, rank: u64| base.wrapping_add_unsigned(rank);
        match self {
            Self::Integers { base, unit: Unit::One } => {
                Values::Int64(ranks.map(|rank| rank.map(|rank| integer(*base, rank))).collect())
            }
            Self::Integers { base, unit: Unit::Decimal { scale, .. } } => {
                let units = ranks.map(|rank| rank.map(|rank| integer(*base, rank).into())).collect();
                Values::Decimal { units, scale: *scale }
            }
            Self::Integers { unit: Unit::Binary { .. }, .. } | Self::Doubles => {
                Values::Double(ranks.map(|rank| rank.map(|rank| self.double(rank))).collect())
            }
            Self::Members(dictionary) => {
                let codes = ranks.map(|rank| rank.and_then(|rank| u32::try_from(rank).ok())).collect();
                Values::Members { dictionary: Arc::clone(dictionary), codes }
            }
        }
    }

    fn double(&self, rank: u64) -> f64 {
        match self {
            Self::Integers { base, unit } => unit.double(i128::from(*base) + i128::from(rank)),
            Self::Doubles => double_of(rank),
            Self::Members(_) => 0.0,
        }
    }
}

fn finite(values: Vec<Option<f64>>) -> Result<Values, QueryError> {
    if values.iter().flatten().all(|value| value.is_finite()) {
        Ok(Values::Double(values))
    } else {
        Err(QueryError::DoesNotFit)
    }
}

/// Only cells that have a visible fact count.
pub(super) fn check_size(cells: usize, inputs: usize, limits: QueryLimits) -> Result<(), QueryError> {
    if cells > limits.cells_max {
        return Err(too_many_cells(limits));
    }
    if cells.saturating_mul(1 + inputs) > limits.accumulators_max {
        return Err(QueryError::TooLarge(format!(
            "the query has more than {} intermediate values; ask for fewer levels or measures",
            limits.accumulators_max
        )));
    }
    Ok(())
}

pub(super) fn too_many_cells(limits: QueryLimits) -> QueryError {
    QueryError::TooLarge(format!(
        "the query has more than {} combinations of members; ask for fewer levels or filter them",
        limits.cells_max
    ))
}
