//! What a cut restricts in a cube or table.

use std::sync::Arc;

use super::{
    role::{Axis, BoundClause, DaysTest, Place, Unbound},
    shape::{CubeShape, HierarchyShape, LevelShape, ModelShape, NoHierarchy},
    visibility::{NOT_AVAILABLE, PathTest, Paths},
};
use crate::{
    cubes::CubePattern,
    cut::{Cut, MISSING, Path, Point, Selection},
    day::{Day, DayPart, RelativeDay, is_calendar},
    nearest::suggestion,
    snapshot::ColumnName,
};

/// The axis that a cut restricts at a place, with what is to hold there; none when it says nothing of this place.
///
/// In a table, a cut holds as it does in the cube that uses it: rows that a cut hides are nowhere to be read.
pub(super) fn bind(
    pattern: &CubePattern,
    cut: &Cut,
    place: Place<'_>,
    model: &ModelShape,
) -> Result<Option<(Axis, BoundClause)>, Unbound> {
    let is_of_several = !matches!(pattern, CubePattern::Name(_));
    let is_absent = |cube: &CubeShape| matches!(cube.hierarchy(cut), Err(NoHierarchy::Absent(_)));
    if is_of_several && model.cubes.iter().all(|(name, cube)| !pattern.matches(name) || is_absent(cube)) {
        return Err(Unbound::problem(None, absent_everywhere(pattern, cut, model)));
    }
    let Some((name, cube)) = place.cube() else { return Ok(None) };
    if !pattern.matches(name) {
        return Ok(None);
    }
    let found = cube.hierarchy(cut).and_then(|(position, hierarchy)| Ok((position, clause(cut, hierarchy)?)));
    let (position, clause) = match found {
        Ok(found) => found,
        Err(NoHierarchy::Absent(_)) if is_of_several => return Ok(None),
        Err(NoHierarchy::Absent(message) | NoHierarchy::Unusable(message)) => {
            return Err(Unbound::problem(Some(name), format!("`{cut}` in cube `{name}`: {message}")));
        }
    };
    place.check_reach(clause.columns())?;
    Ok(Some((Axis::Hierarchy(name.to_owned(), position), clause)))
}

/// A path of a cut as a test of its own, in each cube that the cut is of and that has such a hierarchy.
pub fn path_in_cubes<'a>(
    pattern: &CubePattern,
    cut: &Cut,
    path: &Path,
    model: &'a ModelShape,
) -> Vec<(&'a str, PathTest)> {
    let in_cube = |(name, cube): (&'a String, &'a CubeShape)| {
        let (_, HierarchyShape { levels, .. }) = cube.hierarchy(cut).ok().filter(|_| pattern.matches(name))?;
        let path = members(path);
        let columns = levels.get(..path.len())?.iter().map(|level| level.column.clone()).collect();
        Some((name.as_str(), PathTest { columns, negated: false, paths: Paths::In([path].into()) }))
    };
    model.cubes.iter().filter_map(in_cube).collect()
}

fn absent_everywhere(pattern: &CubePattern, cut: &Cut, model: &ModelShape) -> String {
    let meant = model.cubes.iter().filter(|(name, _)| pattern.matches(name));
    let names: Vec<&str> = meant.flat_map(|(_, cube)| cube.cut_names()).collect();
    let suggestion = suggestion(cut.dimension(), "dimensions and hierarchies", names);
    format!("`{cut}`: no cube that is called `{pattern}` has `{}`; {suggestion}", cut.dimension())
}

fn clause(cut: &Cut, HierarchyShape { name, levels, .. }: &HierarchyShape) -> Result<BoundClause, NoHierarchy> {
    let depth_of = |point: &Point| match point {
        Point::Path(path) => path.members().len(),
        Point::Day(_) => levels.len(),
    };
    let depth = cut.selection().points().map(depth_of).max().unwrap_or_default();
    if depth > levels.len() {
        let message =
            format!("hierarchy `{name}` has {} levels, and a path of the cut names {depth} members", levels.len());
        return Err(NoHierarchy::Unusable(message));
    }
    let columns: Vec<ColumnName> = levels.iter().take(depth).map(|level| level.column.clone()).collect();
    let (negated, selection) = (cut.is_inverted(), cut.selection());
    let Some(day) = selection.points().find(|point| matches!(point, Point::Day(_))) else {
        let paths = paths(selection, |_| None).expect("without days, every point is a path");
        return Ok(BoundClause::Test(Arc::new(PathTest { columns, negated, paths })));
    };
    let part = |level: &LevelShape| {
        level.day_part().ok_or_else(|| {
            NoHierarchy::Unusable(format!(
                "`{day}` is relative to the day, and level `{}` has neither dates nor the numbers of years, quarters, \
                 months or days, so called",
                level.name
            ))
        })
    };
    let parts: Vec<DayPart> = levels.iter().map(part).collect::<Result<_, _>>()?;
    if !is_calendar(&parts) {
        let message = format!(
            "`{day}` is relative to the day, and the levels of hierarchy `{name}` do not tell days in their order; \
             let it begin with years or dates, and have months before days"
        );
        return Err(NoHierarchy::Unusable(message));
    }
    Ok(BoundClause::OfDays(DaysTest { columns, parts, negated, selection: selection.clone() }))
}

// === impl DaysTest ===

impl DaysTest {
    /// The test on a day; none when that day is not known any more in the calendar, so that nothing passes.
    pub(super) fn on(&self, today: Day) -> Option<PathTest> {
        let Self { columns, parts, negated, selection } = self;
        let path = |day: &RelativeDay| day.on(today).map(|day| parts.iter().map(|part| day.part(*part)).collect());
        Some(PathTest { columns: columns.clone(), negated: *negated, paths: paths(selection, path)? })
    }
}

/// What is selected, given the path of each day; none when a day has none.
fn paths(selection: &Selection, day: impl Fn(&RelativeDay) -> Option<Vec<String>>) -> Option<Paths> {
    let path = |point: &Point| match point {
        Point::Path(path) => Some(members(path)),
        Point::Day(relative) => day(relative),
    };
    Some(match selection {
        Selection::Set(points) => Paths::In(points.iter().map(path).collect::<Option<_>>()?),
        Selection::From(from) => Paths::Between { from: path(from)?, to: Vec::new() },
        Selection::To(to) => Paths::Between { from: Vec::new(), to: path(to)? },
        Selection::Between(from, to) => Paths::Between { from: path(from)?, to: path(to)? },
    })
}

fn members(path: &Path) -> Vec<String> {
    let members = path.members().iter().map(String::as_str);
    members.map(|member| if member == MISSING { NOT_AVAILABLE } else { member }.to_owned()).collect()
}
