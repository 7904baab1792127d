//! From names to parts of the cube. All mistakes of a query are reported together.
//!
//! A level may be written as `Level`, `Hierarchy/Level` or `Table/Column`, as long as one level of the cube is meant.

use crate::{
    limits::{QUERY_FILTER_CLAUSES_MAX, QUERY_HIERARCHIES_MAX, QUERY_LEVELS_MAX, QUERY_MEASURES_MAX, QUERY_ORDER_MAX},
    model::{
        cube::Cube,
        hierarchy::{Hierarchy, Level},
        measure::Measure,
    },
    nearest::{quoted_list, unknown},
    request::{
        Direction, Order, Query, QueryError,
        filter::{Filter, Scalar, Test},
    },
    value::NOT_AVAILABLE,
};

/// A query in terms of a cube.
#[derive(Debug)]
pub(crate) struct Resolved<'a> {
    /// What facts are grouped by, in the order of the columns.
    pub(crate) groups: Vec<Group<'a>>,
    /// The level columns: those of the groups, one after the other.
    pub(crate) columns: Vec<LevelColumn<'a>>,
    pub(crate) measures: Vec<&'a Measure>,
    /// All of these hold.
    pub(crate) clauses: Vec<Clause<'a>>,
    pub(crate) order: Vec<(OrderBy, Direction)>,
    pub(crate) totals: bool,
    pub(crate) offset: usize,
    pub(crate) limit: usize,
}

/// A hierarchy down to a level.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Group<'a> {
    pub(crate) hierarchy: &'a Hierarchy,
    /// The deepest level asked for.
    pub(crate) level: usize,
}

/// A level column of the answer.
#[derive(Debug)]
pub(crate) struct LevelColumn<'a> {
    pub(crate) name: String,
    /// Index of its group.
    pub(crate) group: usize,
    pub(crate) level: &'a Level,
}

/// The member of a level is one of these.
#[derive(Debug)]
pub(crate) struct Clause<'a> {
    pub(crate) hierarchy: &'a Hierarchy,
    pub(crate) level: &'a Level,
    pub(crate) values: Vec<String>,
}

/// What rows are ordered by: an index among the level columns or the measures.
#[derive(Clone, Copy, Debug)]
pub(crate) enum OrderBy {
    Level(usize),
    Measure(usize),
}

/// A level of a cube, with everything it can be called.
#[derive(Clone, Copy)]
struct NamedLevel<'a> {
    hierarchy: &'a Hierarchy,
    level: &'a Level,
    index: usize,
}

pub(crate) fn resolve<'a>(query: &Query, cube: &'a Cube) -> Result<Resolved<'a>, QueryError> {
    let Query { measures, levels, totals, filter, order, offset, limit, context: _, explain: _, cache: _ } = query;
    check_sizes(query)?;
    let mut mistakes = Vec::new();
    let known = named_levels(cube);
    let groups = resolve_groups(levels, &known, &mut mistakes);
    let columns = level_columns(&groups);
    let measures = keep_all(measures.iter().map(|name| find_measure(name, cube)), &mut mistakes);
    let clauses = resolve_clauses(filter.as_ref(), &known, &mut mistakes)?;
    if query.levels.is_empty() && query.measures.is_empty() {
        mistakes.push("the query asks for nothing; name at least one measure or level".to_owned());
    }
    if columns.len() > QUERY_LEVELS_MAX || groups.len() > QUERY_HIERARCHIES_MAX {
        return Err(QueryError::TooLarge(format!(
            "the query has {} level columns of {} hierarchies; it may have {QUERY_LEVELS_MAX} of {QUERY_HIERARCHIES_MAX}",
            columns.len(),
            groups.len()
        )));
    }
    let mut resolved = Resolved {
        groups,
        columns,
        measures,
        clauses,
        order: Vec::new(),
        totals: *totals,
        offset: saturating(offset.unwrap_or(0)),
        limit: saturating(limit.unwrap_or(u64::MAX)),
    };
    // What is not known cannot be in the query: one mistake is enough.
    if mistakes.is_empty() {
        let order_by = |by: &Order| Ok((find_order(&by.by, &resolved)?, by.direction));
        resolved.order = keep_all(order.iter().map(order_by), &mut mistakes);
    }
    if mistakes.is_empty() { Ok(resolved) } else { Err(QueryError::Invalid(mistakes.join("; "))) }
}

fn check_sizes(query: &Query) -> Result<(), QueryError> {
    let sizes = [
        ("measures", query.measures.len(), QUERY_MEASURES_MAX),
        ("levels", query.levels.len(), QUERY_LEVELS_MAX),
        ("order criteria", query.order.len(), QUERY_ORDER_MAX),
    ];
    match sizes.into_iter().find(|(_, size, max)| size > max) {
        Some((what, size, max)) => Err(QueryError::TooLarge(format!("the query has {size} {what}; it may have {max}"))),
        None => Ok(()),
    }
}

fn named_levels(cube: &Cube) -> Vec<NamedLevel<'_>> {
    cube.hierarchies
        .iter()
        .flat_map(|hierarchy| {
            hierarchy.levels.iter().enumerate().map(move |(index, level)| NamedLevel { hierarchy, level, index })
        })
        .collect()
}

/// One group per hierarchy, where it is first mentioned, down to its deepest mentioned level.
fn resolve_groups<'a>(names: &[String], known: &[NamedLevel<'a>], mistakes: &mut Vec<String>) -> Vec<Group<'a>> {
    let mut groups: Vec<Group<'a>> = Vec::new();
    for found in keep_all(names.iter().map(|name| find_level(name, known)), mistakes) {
        match groups.iter_mut().find(|group| std::ptr::eq(group.hierarchy, found.hierarchy)) {
            Some(group) => group.level = group.level.max(found.index),
            None => groups.push(Group { hierarchy: found.hierarchy, level: found.index }),
        }
    }
    groups
}

fn level_columns<'a>(groups: &[Group<'a>]) -> Vec<LevelColumn<'a>> {
    let levels: Vec<(usize, NamedLevel<'a>)> = groups
        .iter()
        .enumerate()
        .flat_map(|(position, group)| {
            let levels = group.hierarchy.levels.iter().take(group.level + 1).enumerate();
            levels.map(move |(index, level)| (position, NamedLevel { hierarchy: group.hierarchy, level, index }))
        })
        .collect();
    let is_shared = |name: &str| levels.iter().filter(|(_, level)| level.level.name == name).count() > 1;
    let name = |level: &NamedLevel<'_>| {
        if is_shared(&level.level.name) { level.qualified_name() } else { level.level.name.clone() }
    };
    levels.iter().map(|(group, level)| LevelColumn { name: name(level), group: *group, level: level.level }).collect()
}

fn find_level<'a>(written: &str, known: &[NamedLevel<'a>]) -> Result<NamedLevel<'a>, String> {
    if let Some(level) = known.iter().find(|level| level.qualified_name() == written) {
        return Ok(*level);
    }
    let meant: Vec<&NamedLevel<'a>> = known.iter().filter(|level| level.may_be_called(written)).collect();
    match meant.as_slice() {
        [level] => Ok(**level),
        [] => {
            let qualified: Vec<String> = known.iter().map(NamedLevel::qualified_name).collect();
            let mut bare: Vec<&str> = known.iter().map(|level| level.level.name.as_str()).collect();
            bare.sort_unstable();
            bare.dedup();
            let names = if written.contains('/') { qualified.iter().map(String::as_str).collect() } else { bare };
            Err(unknown("level", written, names))
        }
        several => {
            let choices: Vec<String> = several.iter().map(|level| level.qualified_name()).collect();
            Err(format!("the level {written:?} is ambiguous; write one of {}", quoted_list(&choices)))
        }
    }
}

fn find_measure<'a>(written: &str, cube: &'a Cube) -> Result<&'a Measure, String> {
    let names = || cube.measures.iter().map(|measure| measure.name.as_str());
    cube.measures.iter().find(|measure| measure.name == written).ok_or_else(|| unknown("measure", written, names()))
}

fn resolve_clauses<'a>(
    filter: Option<&Filter>,
    known: &[NamedLevel<'a>],
    mistakes: &mut Vec<String>,
) -> Result<Vec<Clause<'a>>, QueryError> {
    let mut clauses = Vec::new();
    let mut seen = 0;
    let mut open: Vec<&Filter> = filter.into_iter().collect();
    while let Some(filter) = open.pop() {
        seen += 1;
        if seen > QUERY_FILTER_CLAUSES_MAX {
            return Err(QueryError::TooLarge(format!("the filter has more than {QUERY_FILTER_CLAUSES_MAX} clauses")));
        }
        match filter {
            Filter::And(filters) => open.extend(filters.iter().rev()),
            Filter::Level { level, test: Test::In(values) } => {
                let clause = find_level(level, known).map(|NamedLevel { hierarchy, level, .. }| Clause {
                    hierarchy,
                    level,
                    values: values
                        .iter()
                        .map(|value| value.as_ref().map_or_else(|| NOT_AVAILABLE.to_owned(), Scalar::text))
                        .collect(),
                });
                clauses.extend(keep_all([clause], mistakes));
            }
            _ => return Err(QueryError::Invalid("filters of this kind are not there yet".to_owned())),
        }
    }
    Ok(clauses)
}

fn find_order(written: &str, resolved: &Resolved<'_>) -> Result<OrderBy, String> {
    if let Some(measure) = resolved.measures.iter().position(|measure| measure.name == written) {
        return Ok(OrderBy::Measure(measure));
    }
    if let Some(column) = resolved.columns.iter().position(|column| column.name == written) {
        return Ok(OrderBy::Level(column));
    }
    let is_meant = |column: &LevelColumn<'_>| {
        let group = resolved.groups.get(column.group);
        group.is_some_and(|group| {
            NamedLevel { hierarchy: group.hierarchy, level: column.level, index: 0 }.may_be_called(written)
        })
    };
    let meant: Vec<usize> =
        (0..).zip(&resolved.columns).filter(|(_, column)| is_meant(column)).map(|(index, _)| index).collect();
    if let [index] = meant.as_slice() {
        return Ok(OrderBy::Level(*index));
    }
    let levels = resolved.columns.iter().map(|column| column.name.as_str());
    let candidates = levels.chain(resolved.measures.iter().map(|measure| measure.name.as_str()));
    Err(format!("the answer cannot be ordered: {}", unknown("column of the query", written, candidates)))
}

fn keep_all<T>(results: impl IntoIterator<Item = Result<T, String>>, mistakes: &mut Vec<String>) -> Vec<T> {
    results.into_iter().filter_map(|result| result.map_err(|mistake| mistakes.push(mistake)).ok()).collect()
}

fn saturating(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

impl NamedLevel<'_> {
    /// `Hierarchy/Level`; of an automatic hierarchy that is called `Table/Column`, its name says it all.
    fn qualified_name(&self) -> String {
        let column = self.level.column.to_string();
        if self.hierarchy.name == column { column } else { format!("{}/{}", self.hierarchy.name, self.level.name) }
    }

    fn may_be_called(&self, written: &str) -> bool {
        self.level.name == written || self.qualified_name() == written || self.level.column.to_string() == written
    }
}
