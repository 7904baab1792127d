//! From conditions to facts that are looked at and rows that are kept.
//!
//! ```text
//! filter ──top-level conjuncts──┬─ of levels only ──▶ FactFilter    before anything is summed
//!                               └─ of a measure ────▶ RowCondition     on the deepest rows, after that
//! ```
//!
//! A member that does not exist is a set without members, and goes the same way as any other.

use std::ops::Range;

use super::{LevelColumn, MeasureNames, level, numbers::NumberTest};
use crate::{
    aggregate::{FactFilter, Group},
    limits::{QUERY_FILTER_CLAUSES_MAX, QUERY_FILTER_DEPTH_MAX},
    model::{
        cube::Cube,
        hierarchy::{Hierarchy, Level},
    },
    request::{
        QueryError,
        filter::{Filter, Scalar, Test},
    },
    storage::{bitmap::Bitmap, codes::code_of, dictionary::Dictionary},
};

/// Which of the deepest rows are kept.
#[derive(Debug)]
pub(crate) enum RowCondition {
    All(Vec<RowCondition>),
    Any(Vec<RowCondition>),
    Not(Box<RowCondition>),
    Level {
        /// Index among the level columns.
        column: usize,
        members: Members,
    },
    Measure {
        /// Index in the cube.
        measure: usize,
        test: NumberTest,
    },
}

/// Codes of members, as ranges in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Members(Vec<Range<u32>>);

pub(super) fn resolve(
    filter: Option<&Filter>,
    known: MeasureNames<'_>,
    columns: &[LevelColumn<'_>],
    mistakes: &mut Vec<String>,
) -> Result<(FactFilter, Option<RowCondition>), QueryError> {
    filter.map_or(Ok(()), check_size)?;
    let (mut facts, mut rows) = (Vec::new(), Vec::new());
    for conjunct in filter.into_iter().flat_map(conjuncts) {
        if speaks_of_measures(conjunct) {
            rows.extend(row_condition(conjunct, known, columns, mistakes));
        } else {
            facts.extend(fact_filter(conjunct, known.cube, mistakes));
        }
    }
    Ok((FactFilter::All(facts), (!rows.is_empty()).then_some(RowCondition::All(rows))))
}

fn check_size(filter: &Filter) -> Result<(), QueryError> {
    let mut seen = 0;
    let mut open = vec![(filter, 1)];
    while let Some((filter, depth)) = open.pop() {
        seen += 1;
        if seen > QUERY_FILTER_CLAUSES_MAX {
            return Err(QueryError::TooLarge(format!("the filter has more than {QUERY_FILTER_CLAUSES_MAX} clauses")));
        }
        if depth > QUERY_FILTER_DEPTH_MAX {
            return Err(QueryError::TooLarge(format!("the filter is nested more than {QUERY_FILTER_DEPTH_MAX} deep")));
        }
        open.extend(parts(filter).iter().map(|part| (part, depth + 1)));
    }
    Ok(())
}

fn parts(filter: &Filter) -> &[Filter] {
    match filter {
        Filter::And(filters) | Filter::Or(filters) => filters,
        Filter::Not(filter) => std::slice::from_ref(filter),
        Filter::Level { .. } | Filter::Measure { .. } => &[],
    }
}

fn conjuncts(filter: &Filter) -> Vec<&Filter> {
    match filter {
        Filter::And(filters) => filters.iter().flat_map(conjuncts).collect(),
        other => vec![other],
    }
}

fn speaks_of_measures(filter: &Filter) -> bool {
    matches!(filter, Filter::Measure { .. }) || parts(filter).iter().any(speaks_of_measures)
}

/// None when something is wrong, which is then among the mistakes.
fn fact_filter(filter: &Filter, cube: &Cube, mistakes: &mut Vec<String>) -> Option<FactFilter> {
    match filter {
        Filter::And(filters) => all(filters, |filter| fact_filter(filter, cube, mistakes)).map(FactFilter::All),
        Filter::Or(filters) => all(filters, |filter| fact_filter(filter, cube, mistakes)).map(FactFilter::Any),
        Filter::Not(filter) => fact_filter(filter, cube, mistakes).map(|filter| FactFilter::Not(Box::new(filter))),
        Filter::Level { level: written, test } => match cube.level_names.find(written) {
            Ok(at) => {
                let members = Members::passing(test, level(cube, at).dictionary());
                Some(FactFilter::Leaves { hierarchy: at.hierarchy, wanted: leaves(cube, at, &members) })
            }
            Err(mistake) => {
                mistakes.push(mistake);
                None
            }
        },
        Filter::Measure { .. } => None,
    }
}

fn row_condition(
    filter: &Filter,
    known: MeasureNames<'_>,
    columns: &[LevelColumn<'_>],
    mistakes: &mut Vec<String>,
) -> Option<RowCondition> {
    match filter {
        Filter::And(filters) => {
            all(filters, |filter| row_condition(filter, known, columns, mistakes)).map(RowCondition::All)
        }
        Filter::Or(filters) => {
            all(filters, |filter| row_condition(filter, known, columns, mistakes)).map(RowCondition::Any)
        }
        Filter::Not(filter) => {
            row_condition(filter, known, columns, mistakes).map(|filter| RowCondition::Not(Box::new(filter)))
        }
        Filter::Level { level: written, test } => {
            let column = known.cube.level_names.find(written).and_then(|at| {
                columns.iter().position(|column| column.at == at).ok_or_else(|| {
                    format!(
                        "the filter joins the level {written:?} with a measure, so the query has to have that level"
                    )
                })
            });
            let column = column.map_err(|mistake| mistakes.push(mistake)).ok()?;
            let members = Members::passing(test, columns.get(column)?.level.dictionary());
            Some(RowCondition::Level { column, members })
        }
        Filter::Measure { measure, test } => {
            let measure = known.find(measure).map_err(|mistake| mistakes.push(mistake)).ok()?;
            Some(RowCondition::Measure { measure, test: NumberTest::new(test) })
        }
    }
}

/// All of them, so that every mistake is told; or none.
fn all<T>(filters: &[Filter], resolve: impl FnMut(&Filter) -> Option<T>) -> Option<Vec<T>> {
    let resolved: Vec<Option<T>> = filters.iter().map(resolve).collect();
    resolved.into_iter().collect()
}

/// The leaves below the members.
pub(super) fn leaves(cube: &Cube, at: Group, members: &Members) -> Bitmap {
    let leaf_count = cube.hierarchies.get(at.hierarchy).map_or(0, Hierarchy::leaf_count);
    let level = level(cube, at);
    let mut wanted = Bitmap::filled(leaf_count, false);
    if at.level == 0 {
        // The nodes of a first level are in the order of their members, so members in a row have leaves in a row.
        for range in &members.0 {
            let (first, end) = (first_node(level, range.start), first_node(level, range.end));
            if first < end {
                wanted.set_range(level.leaves(first).start..level.leaves(end - 1).end);
            }
        }
    } else {
        for node in (0..level.node_count()).map(code_of).filter(|node| members.contains(level.member(*node))) {
            wanted.set_range(level.leaves(node));
        }
    }
    wanted
}

/// The first node of a first level whose member is not before `member`.
fn first_node(level: &Level, member: u32) -> u32 {
    let (mut low, mut high) = (0, code_of(level.node_count()));
    while low < high {
        let middle = low.midpoint(high);
        if level.member(middle) < member { low = middle + 1 } else { high = middle }
    }
    low
}

impl RowCondition {
    /// The measures that it tests, by index in the cube.
    pub(crate) fn measures(&self) -> Vec<usize> {
        match self {
            Self::All(filters) | Self::Any(filters) => filters.iter().flat_map(Self::measures).collect(),
            Self::Not(filter) => filter.measures(),
            Self::Level { .. } => Vec::new(),
            Self::Measure { measure, .. } => vec![*measure],
        }
    }
}

impl Members {
    /// The members of which a test holds. A value that cannot be read by the type of the level is no member.
    pub(crate) fn passing(test: &Test, dictionary: &Dictionary) -> Self {
        // Where the value is, or an empty range where it would be.
        let place = |value: &Scalar| {
            let written = value.text();
            dictionary.between(Some(&written), Some(&written))
        };
        let end = dictionary.between(None, None).map_or(0, |all| all.end);
        let range = match test {
            Test::In(values) => {
                let code = |value: &Option<Scalar>| match value {
                    Some(value) => dictionary.find(&value.text()),
                    None => Some(dictionary.missing()),
                };
                let mut codes: Vec<u32> = values.iter().filter_map(code).collect();
                codes.sort_unstable();
                codes.dedup();
                return Self(codes.into_iter().map(|code| code..code + 1).collect());
            }
            Test::Between { from, to } => match (from.as_ref().map(place), to.as_ref().map(place)) {
                (Some(None), _) | (_, Some(None)) => None,
                (from, to) => Some(from.flatten().map_or(0, |from| from.start)..to.flatten().map_or(end, |to| to.end)),
            },
            Test::LessThan(value) => place(value).map(|place| 0..place.start),
            Test::AtMost(value) => place(value).map(|place| 0..place.end),
            Test::GreaterThan(value) => place(value).map(|place| place.end..end),
            Test::AtLeast(value) => place(value).map(|place| place.start..end),
        };
        let range = range.unwrap_or(0..0);
        let missing = dictionary.missing();
        let around_missing = [range.start..range.end.min(missing), range.start.max(missing + 1)..range.end];
        Self(around_missing.into_iter().filter(|range| range.start < range.end).collect())
    }

    /// A bit per code.
    pub(crate) fn bits(&self, code_count: usize) -> Bitmap {
        let mut bits = Bitmap::filled(code_count, false);
        for range in &self.0 {
            bits.set_range(range.start as usize..range.end as usize);
        }
        bits
    }

    pub(crate) fn contains(&self, code: u32) -> bool {
        let after = self.0.partition_point(|range| range.start <= code);
        after.checked_sub(1).and_then(|index| self.0.get(index)).is_some_and(|range| range.contains(&code))
    }
}
