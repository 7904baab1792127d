//! From names to parts of the cube. All mistakes of a query are reported together.

use crate::{
    aggregate::{Aggregate, FactFilter, Group},
    limits::{QUERY_HIERARCHIES_MAX, QUERY_LEVELS_MAX, QUERY_MEASURES_MAX, QUERY_ORDER_MAX},
    model::{cube::Cube, hierarchy::Level, measure::Measure},
    nearest::unknown,
    request::{Direction, Order, Query, QueryError},
    scope::Granted,
};

mod aggregates;
mod defaults;
pub(crate) mod filter;
pub(crate) mod names;
pub(crate) mod numbers;

use filter::RowCondition;

/// A query in terms of a cube.
#[derive(Debug)]
pub(crate) struct Resolved<'a> {
    /// What facts are grouped by, in the order of the columns.
    pub(crate) groups: Vec<Group>,
    /// The level columns: those of the groups, one after the other.
    pub(crate) columns: Vec<LevelColumn<'a>>,
    /// The measure columns, by index in the cube.
    pub(crate) measures: Vec<usize>,
    /// What is folded from facts, each once.
    pub(crate) aggregates: Vec<Aggregate>,
    /// By measure of the cube: its aggregate, where it is one that the answer needs.
    pub(crate) aggregate_of: Vec<Option<usize>>,
    /// Which facts are looked at.
    pub(crate) facts: FactFilter,
    /// Which of the deepest rows are kept.
    pub(crate) rows: Option<RowCondition>,
    pub(crate) order: Vec<(OrderBy, Direction)>,
    pub(crate) totals: bool,
    pub(crate) offset: usize,
    pub(crate) limit: usize,
    /// The context values, by index in the cube.
    pub(crate) values: Vec<f64>,
}

/// A level column of the answer.
#[derive(Debug)]
pub(crate) struct LevelColumn<'a> {
    pub(crate) name: String,
    /// Index of its group.
    pub(crate) group: usize,
    /// Which level it is of.
    pub(crate) at: Group,
    pub(crate) level: &'a Level,
}

/// What rows are ordered by: an index among the level columns, or among the measures of the cube.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OrderBy {
    Level(usize),
    Measure(usize),
}

/// The measures that may be named.
#[derive(Clone, Copy)]
struct MeasureNames<'a> {
    cube: &'a Cube,
    granted: &'a Granted,
}

pub(crate) fn resolve<'a>(query: &Query, cube: &'a Cube, granted: &Granted) -> Result<Resolved<'a>, QueryError> {
    let Query { measures, levels, totals, filter, order, offset, limit, context, explain: _, cache: _ } = query;
    check_sizes(query)?;
    let mut mistakes = Vec::new();
    let groups = resolve_groups(levels, cube, &mut mistakes);
    let columns = level_columns(&groups, cube);
    let known = MeasureNames { cube, granted };
    let measures = keep_all(measures.iter().map(|name| known.find(name)), &mut mistakes);
    let (facts, rows) = filter::resolve(filter.as_ref(), known, &columns, &mut mistakes)?;
    let defaults = context.default_members.iter().flatten();
    let defaults = defaults::resolve(defaults, cube, &groups, &facts, &mut mistakes);
    let facts = if defaults.is_empty() { facts } else { FactFilter::All([vec![facts], defaults].concat()) };
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
    // What is not known cannot be in the query: one mistake is enough.
    let mut order_by = Vec::new();
    if mistakes.is_empty() {
        let find = |by: &Order| Ok((find_order(&by.by, &columns, known)?, by.direction));
        order_by = keep_all(order.iter().map(find), &mut mistakes);
    }
    if !mistakes.is_empty() {
        return Err(QueryError::Invalid(mistakes.join("; ")));
    }
    let in_order = order_by.iter().filter_map(|(by, _)| match by {
        OrderBy::Measure(measure) => Some(*measure),
        OrderBy::Level(_) => None,
    });
    let in_rows = rows.iter().flat_map(RowCondition::measures);
    let needed = measures.iter().copied().chain(in_order).chain(in_rows);
    let (aggregates, aggregate_of) = aggregates::of_measures(needed, cube, context.reference_currency.as_deref());
    Ok(Resolved {
        groups,
        columns,
        measures,
        aggregates,
        aggregate_of,
        facts,
        rows,
        order: order_by,
        totals: *totals,
        offset: saturating(offset.unwrap_or(0)),
        limit: saturating(limit.unwrap_or(u64::MAX)),
        values: cube.values.iter().map(|(name, value)| context.values.get(name).unwrap_or(value).get()).collect(),
    })
}

/// The level of a hierarchy, which exist.
pub(crate) fn level(cube: &Cube, group: Group) -> &Level {
    let level = cube.hierarchies.get(group.hierarchy).and_then(|hierarchy| hierarchy.levels.get(group.level));
    level.expect("groups are made of levels of the cube")
}

pub(crate) fn measure(cube: &Cube, index: usize) -> &Measure {
    cube.measures.get(index).expect("measures are known by their index in the cube")
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

/// One group per hierarchy, where it is first mentioned, down to its deepest mentioned level.
fn resolve_groups(names: &[String], cube: &Cube, mistakes: &mut Vec<String>) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    for found in keep_all(names.iter().map(|name| cube.level_names.find(name)), mistakes) {
        match groups.iter_mut().find(|group| group.hierarchy == found.hierarchy) {
            Some(group) => group.level = group.level.max(found.level),
            None => groups.push(found),
        }
    }
    groups
}

fn level_columns<'a>(groups: &[Group], cube: &'a Cube) -> Vec<LevelColumn<'a>> {
    let levels: Vec<(usize, Group)> = groups
        .iter()
        .enumerate()
        .flat_map(|(position, group)| (0..=group.level).map(move |level| (position, Group { level, ..*group })))
        .collect();
    let is_shared = |name: &str| levels.iter().filter(|(_, at)| level(cube, *at).name == name).count() > 1;
    let name = |at: Group| {
        let bare = &level(cube, at).name;
        let qualified = cube.level_names.get(at).filter(|_| is_shared(bare)).map(|named| named.qualified.clone());
        qualified.unwrap_or_else(|| bare.clone())
    };
    levels
        .iter()
        .map(|(group, at)| LevelColumn { name: name(*at), group: *group, at: *at, level: level(cube, *at) })
        .collect()
}

impl<'a> MeasureNames<'a> {
    fn names(self) -> impl Iterator<Item = (usize, &'a str)> {
        let names = self.cube.measures.iter().map(|measure| measure.name.as_str()).enumerate();
        names.filter(|(_, name)| self.granted.contains(name))
    }

    /// By index in the cube.
    fn find(self, written: &str) -> Result<usize, String> {
        let found = self.names().find(|(_, name)| *name == written);
        found.map(|(index, _)| index).ok_or_else(|| unknown("measure", written, self.names().map(|(_, name)| name)))
    }
}

fn find_order(written: &str, columns: &[LevelColumn<'_>], known: MeasureNames<'_>) -> Result<OrderBy, String> {
    let cube = known.cube;
    if let Ok(measure) = known.find(written) {
        return Ok(OrderBy::Measure(measure));
    }
    if let Some(column) = columns.iter().position(|column| column.name == written) {
        return Ok(OrderBy::Level(column));
    }
    let is_meant =
        |column: &LevelColumn<'_>| cube.level_names.get(column.at).is_some_and(|named| named.may_be_called(written));
    let mut meant = (0..).zip(columns).filter(|(_, column)| is_meant(column)).map(|(index, _)| index);
    if let (Some(only), None) = (meant.next(), meant.next()) {
        return Ok(OrderBy::Level(only));
    }
    let levels = columns.iter().map(|column| column.name.as_str());
    let candidates = levels.chain(known.names().map(|(_, name)| name));
    Err(format!("the answer cannot be ordered: {}", unknown("level of the query or measure", written, candidates)))
}

fn keep_all<T>(results: impl IntoIterator<Item = Result<T, String>>, mistakes: &mut Vec<String>) -> Vec<T> {
    results.into_iter().filter_map(|result| result.map_err(|mistake| mistakes.push(mistake)).ok()).collect()
}

fn saturating(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
