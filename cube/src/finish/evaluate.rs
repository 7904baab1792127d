//! The values of measures in the cells of a grouping.
//!
//! A grouping is the level of each group, or that facts are not grouped by it. Measures over measures need the values of their
//! operands in the same grouping or in coarser ones; each is found once.

use std::{borrow::Cow, collections::HashMap, sync::Arc};

use super::{
    along,
    columns::{NO_CELL, numbers, of_numbers, spread},
    positions::{self, Column},
};
use crate::{
    aggregate::Group,
    answer::Values,
    budget::Budget,
    expression::{Expression, Operand},
    fold::Cells,
    model::{cube::Cube, hierarchy::Level, measure::MeasureKind},
    request::QueryError,
    resolve::{Resolved, level, measure},
};

/// The groupings and values that were needed so far.
pub(super) struct Evaluator<'a> {
    cube: &'a Cube,
    resolved: &'a Resolved<'a>,
    budget: Budget<'a>,
    groupings: Vec<Grouping>,
    /// By grouping and measure.
    values: HashMap<(usize, usize), Arc<Values>>,
    /// By grouping and coarser grouping.
    positions: HashMap<(usize, usize), Arc<Vec<u32>>>,
    cell_count: usize,
    cell_count_max: usize,
}

struct Grouping {
    /// By group.
    levels: Vec<Option<usize>>,
    cells: Cells,
}

/// The nodes of cells at the level that they are grouped by, or at one above it.
pub(super) enum Nodes<'a> {
    None,
    Here(&'a [u32]),
    Above { nodes: &'a [u32], here: &'a Level, above: &'a Level },
}

impl<'a> Evaluator<'a> {
    /// The grouping that the query asks for.
    pub(super) const DEEPEST: usize = 0;

    pub(super) fn new(
        cube: &'a Cube,
        resolved: &'a Resolved<'a>,
        cells: Cells,
        cell_count_max: usize,
        budget: Budget<'a>,
    ) -> Result<Self, QueryError> {
        let mut evaluator = Self {
            cube,
            resolved,
            budget,
            groupings: Vec::new(),
            values: HashMap::new(),
            positions: HashMap::new(),
            cell_count: 0,
            cell_count_max,
        };
        let levels = resolved.groups.iter().map(|group| Some(group.level)).collect();
        evaluator.add(Grouping { levels, cells })?;
        Ok(evaluator)
    }

    pub(super) fn cube(&self) -> &'a Cube {
        self.cube
    }

    pub(super) fn check(&self) -> Result<(), QueryError> {
        self.budget.check()
    }

    pub(super) fn cells(&self, grouping: usize) -> &Cells {
        &self.known(grouping).cells
    }

    /// The nodes of cells in a group, at a level at or above their own.
    pub(super) fn nodes_at(&self, grouping: usize, group: usize, at: usize) -> Nodes<'_> {
        let Grouping { levels, cells } = self.known(grouping);
        match (self.resolved.groups.get(group), levels.get(group).copied().flatten()) {
            (Some(_), Some(here)) if here == at => Nodes::Here(cells.nodes(group)),
            (Some(of), Some(here)) if here > at => Nodes::Above {
                nodes: cells.nodes(group),
                here: level(self.cube, Group { level: here, ..*of }),
                above: level(self.cube, Group { level: at, ..*of }),
            },
            _ => Nodes::None,
        }
    }

    /// The grouping by levels at or above those of another one.
    pub(super) fn grouping(&mut self, from: usize, levels: Vec<Option<usize>>) -> Result<usize, QueryError> {
        if let Some(known) = self.groupings.iter().position(|known| known.levels == levels) {
            return Ok(known);
        }
        self.check()?;
        let cells = self.known(from).cells.regrouped(self.cube, &levels);
        self.add(Grouping { levels, cells })
    }

    /// For each cell of a grouping, the cell of a coarser one that it belongs to.
    pub(super) fn positions(&mut self, fine: usize, coarse: usize) -> Arc<Vec<u32>> {
        if let Some(known) = self.positions.get(&(fine, coarse)) {
            return Arc::clone(known);
        }
        let found = Arc::new(self.find(fine, coarse, |_, nodes| nodes));
        self.positions.insert((fine, coarse), Arc::clone(&found));
        found
    }

    /// For each cell of a grouping, the cell of a coarser one with the nodes that it has there after they were mapped.
    fn find<'s>(
        &'s self,
        fine: usize,
        coarse: usize,
        map: impl Fn(usize, Cow<'s, [u32]>) -> Cow<'s, [u32]>,
    ) -> Vec<u32> {
        let Grouping { levels, cells } = self.known(coarse);
        let column = |(group, at): (usize, &Option<usize>)| {
            let at = (*at)?;
            let of = self.resolved.groups.get(group)?;
            Some(Column {
                node_count: level(self.cube, Group { level: at, ..*of }).node_count(),
                among: cells.nodes(group),
                wanted: map(group, self.nodes_at(fine, group, at).all()),
            })
        };
        let columns: Vec<Column<'_>> = levels.iter().enumerate().filter_map(column).collect();
        positions::find(&columns, cells.len(), self.cells(fine).len())
    }

    /// The values of a measure that the query names, one per cell.
    pub(super) fn values(&mut self, grouping: usize, index: usize) -> Result<Arc<Values>, QueryError> {
        self.operand(grouping, index).map_err(|error| match error {
            // Of what the measure is made is nobody's business who may not name it.
            QueryError::DoesNotFit => {
                let name = &measure(self.cube, index).name;
                QueryError::TooLarge(format!("a value of the measure {name:?} does not fit its type"))
            }
            other => other,
        })
    }

    /// The values of any measure of the cube, one per cell.
    fn operand(&mut self, grouping: usize, index: usize) -> Result<Arc<Values>, QueryError> {
        if let Some(known) = self.values.get(&(grouping, index)) {
            return Ok(Arc::clone(known));
        }
        self.check()?;
        let values = Arc::new(self.evaluate(grouping, index)?);
        self.values.insert((grouping, index), Arc::clone(&values));
        Ok(values)
    }

    fn evaluate(&mut self, grouping: usize, index: usize) -> Result<Values, QueryError> {
        match &measure(self.cube, index).kind {
            MeasureKind::Facts(_) | MeasureKind::Converted { .. } => {
                let aggregate = self.resolved.aggregate_of.get(index).copied().flatten();
                self.cells(grouping).values(aggregate.expect("what measures are made of was resolved with them"))
            }
            MeasureKind::Expression(expression) => Ok(of_numbers(self.expression(grouping, expression)?)),
            MeasureKind::ShareOfParent { measure, hierarchy } => self.share_of_parent(grouping, *measure, *hierarchy),
            MeasureKind::ShareOfTotal { measure } => {
                let none = vec![None; self.resolved.groups.len()];
                self.share(grouping, *measure, none)
            }
            MeasureKind::RunningTotal { measure, along } => match self.reach(grouping, *along)? {
                Some((group, at_level)) => self.running_total(grouping, at_level, group, *measure),
                None => Ok((*self.operand(grouping, *measure)?).clone()),
            },
            MeasureKind::PreviousMember { measure, along } => {
                if let Some((group, at_level)) = self.reach(grouping, *along)? {
                    return self.previous_member(grouping, at_level, group, *measure);
                }
                let nowhere = vec![NO_CELL; self.cells(grouping).len()];
                Ok(spread(&*self.operand(grouping, *measure)?, &nowhere))
            }
        }
    }

    fn expression(&mut self, grouping: usize, expression: &Expression<usize>) -> Result<Vec<f64>, QueryError> {
        Ok(match expression {
            Expression::Number(number) => vec![*number; self.cells(grouping).len()],
            Expression::Operand(Operand::Measure(measure)) => numbers(&*self.operand(grouping, *measure)?),
            Expression::Operand(Operand::Value(value)) => {
                let number = self.resolved.values.get(*value).copied().expect("a cube has the values that it reads");
                vec![number; self.cells(grouping).len()]
            }
            Expression::Negated(inner) => {
                let mut values = self.expression(grouping, inner)?;
                for value in &mut values {
                    *value = -*value;
                }
                values
            }
            Expression::Combined { operator, left, right } => {
                let mut values = self.expression(grouping, left)?;
                let others = self.expression(grouping, right)?;
                let combine =
                    |(value, other): (&mut f64, &f64)| *value = operator.apply(*value, *other).unwrap_or(f64::NAN);
                values.iter_mut().zip(&others).for_each(combine);
                values
            }
        })
    }

    fn share_of_parent(&mut self, grouping: usize, measure: usize, hierarchy: usize) -> Result<Values, QueryError> {
        let mut levels = self.known(grouping).levels.clone();
        let group = self.resolved.groups.iter().position(|group| group.hierarchy == hierarchy);
        match group.and_then(|group| levels.get_mut(group)) {
            Some(at) if at.is_some() => {
                *at = at.and_then(|level| level.checked_sub(1));
                self.share(grouping, measure, levels)
            }
            _ => {
                let own = numbers(&*self.operand(grouping, measure)?);
                Ok(of_numbers(own.iter().map(|value| if value.is_nan() { f64::NAN } else { 1.0 }).collect()))
            }
        }
    }

    /// Values over those of a coarser grouping.
    fn share(&mut self, grouping: usize, measure: usize, of: Vec<Option<usize>>) -> Result<Values, QueryError> {
        let whole = self.grouping(grouping, of)?;
        let positions = self.positions(grouping, whole);
        let mut values = numbers(&*self.operand(grouping, measure)?);
        let wholes = numbers(&*self.operand(whole, measure)?);
        for (value, position) in values.iter_mut().zip(positions.iter()) {
            let whole = wholes.get(*position as usize).copied().unwrap_or(f64::NAN);
            *value = crate::expression::Operator::Over.apply(*value, whole).unwrap_or(f64::NAN);
        }
        Ok(of_numbers(values))
    }

    /// The group of a level, and the grouping in which it is the deepest level of its group; none when cells have no member of
    /// the level.
    fn reach(&mut self, grouping: usize, along: Group) -> Result<Option<(usize, usize)>, QueryError> {
        let mut levels = self.known(grouping).levels.clone();
        let group = self.resolved.groups.iter().position(|group| group.hierarchy == along.hierarchy);
        let found = group.and_then(|group| levels.get_mut(group).map(|at| (group, at)));
        match found {
            Some((group, at)) if at.is_some_and(|level| level >= along.level) => {
                *at = Some(along.level);
                Ok(Some((group, self.grouping(grouping, levels)?)))
            }
            _ => Ok(None),
        }
    }

    fn running_total(
        &mut self,
        grouping: usize,
        at_level: usize,
        group: usize,
        measure: usize,
    ) -> Result<Values, QueryError> {
        let values = self.operand(at_level, measure)?;
        let Grouping { levels, cells } = self.known(at_level);
        let others = levels.iter().enumerate().filter(|(other, _)| *other != group).filter_map(|(other, at)| {
            let of = self.resolved.groups.get(other)?;
            let node_count = level(self.cube, Group { level: (*at)?, ..*of }).node_count();
            Some(Column { node_count, among: &[], wanted: Cow::Borrowed(cells.nodes(other)) })
        });
        let identities = positions::identify(&others.collect::<Vec<_>>(), cells.len());
        let totals = along::running_total(&values, &identities)?;
        Ok(self.spread(grouping, at_level, totals))
    }

    fn previous_member(
        &mut self,
        grouping: usize,
        at_level: usize,
        group: usize,
        measure: usize,
    ) -> Result<Values, QueryError> {
        let values = self.operand(at_level, measure)?;
        let previous = along::previous_nodes(self.cells(at_level).nodes(group));
        let positions = self
            .find(at_level, at_level, |of, nodes| if of == group { Cow::Borrowed(previous.as_slice()) } else { nodes });
        Ok(self.spread(grouping, at_level, spread(&values, &positions)))
    }

    /// The values of a coarser grouping, in the cells of a finer one.
    fn spread(&mut self, fine: usize, coarse: usize, values: Values) -> Values {
        if fine == coarse { values } else { spread(&values, &self.positions(fine, coarse)) }
    }

    fn known(&self, grouping: usize) -> &Grouping {
        self.groupings.get(grouping).expect("groupings are known by their index here")
    }

    fn add(&mut self, grouping: Grouping) -> Result<usize, QueryError> {
        self.cell_count += grouping.cells.len();
        if self.cell_count > self.cell_count_max {
            return Err(QueryError::TooLarge(format!(
                "the query has more than {} combinations of members at all depths together; ask for fewer levels or filter \
                 them",
                self.cell_count_max
            )));
        }
        self.groupings.push(grouping);
        Ok(self.groupings.len() - 1)
    }
}

impl<'a> Nodes<'a> {
    pub(super) fn len(&self) -> usize {
        match self {
            Self::None => 0,
            Self::Here(nodes) | Self::Above { nodes, .. } => nodes.len(),
        }
    }

    pub(super) fn of(&self, cell: usize) -> Option<u32> {
        match self {
            Self::None => None,
            Self::Here(nodes) => nodes.get(cell).copied(),
            Self::Above { nodes, here, above } => nodes.get(cell).map(|node| here.ancestor(*node, above)),
        }
    }

    pub(super) fn all(self) -> Cow<'a, [u32]> {
        match self {
            Self::None => Cow::Borrowed(&[]),
            Self::Here(nodes) => Cow::Borrowed(nodes),
            Self::Above { nodes, here, above } => nodes.iter().map(|node| here.ancestor(*node, above)).collect(),
        }
    }
}
