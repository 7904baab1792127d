//! What a cut restricts in a cube or table.

use std::sync::Arc;

use super::{
    role::{Axis, BoundClause, Place, Unbound},
    shape::{CubeShape, HierarchyShape, ModelShape, NoHierarchy},
    visibility::{NOT_AVAILABLE, PathTest, Paths},
};
use crate::{
    cubes::CubePattern,
    cut::{Cut, MISSING, Path, Selection},
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
    let (position, test) = match cube.hierarchy(cut).and_then(|found| test(cut, found)) {
        Ok(found) => found,
        Err(NoHierarchy::Absent(_)) if is_of_several => return Ok(None),
        Err(NoHierarchy::Absent(message) | NoHierarchy::Unusable(message)) => {
            return Err(Unbound::problem(Some(name), format!("`{cut}` in cube `{name}`: {message}")));
        }
    };
    place.check_reach(&test.columns)?;
    Ok(Some((Axis::Hierarchy(name.to_owned(), position), BoundClause::Test(Arc::new(test)))))
}

fn absent_everywhere(pattern: &CubePattern, cut: &Cut, model: &ModelShape) -> String {
    let meant = model.cubes.iter().filter(|(name, _)| pattern.matches(name));
    let names: Vec<&str> = meant.flat_map(|(_, cube)| cube.cut_names()).collect();
    let suggestion = suggestion(cut.dimension(), "dimensions and hierarchies", names);
    format!("`{cut}`: no cube that is called `{pattern}` has `{}`; {suggestion}", cut.dimension())
}

fn test(cut: &Cut, (position, hierarchy): (usize, &HierarchyShape)) -> Result<(usize, PathTest), NoHierarchy> {
    let HierarchyShape { name, levels, .. } = hierarchy;
    if cut.depth() > levels.len() {
        let message = format!(
            "hierarchy `{name}` has {} levels, and a path of the cut names {} members",
            levels.len(),
            cut.depth()
        );
        return Err(NoHierarchy::Unusable(message));
    }
    let columns: Vec<ColumnName> = levels.iter().take(cut.depth()).map(|level| level.column.clone()).collect();
    Ok((position, PathTest { columns, negated: cut.is_inverted(), paths: paths(cut.selection()) }))
}

fn paths(selection: &Selection) -> Paths {
    match selection {
        Selection::Set(paths) => Paths::In(paths.iter().map(members).collect()),
        Selection::From(from) => Paths::Between { from: members(from), to: Vec::new() },
        Selection::To(to) => Paths::Between { from: Vec::new(), to: members(to) },
        Selection::Between(from, to) => Paths::Between { from: members(from), to: members(to) },
    }
}

fn members(path: &Path) -> Vec<String> {
    let members = path.members().iter().map(String::as_str);
    members.map(|member| if member == MISSING { NOT_AVAILABLE } else { member }.to_owned()).collect()
}
