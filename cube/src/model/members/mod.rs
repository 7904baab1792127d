//! Which hierarchies and measures a cube has: what its mode makes, less what is removed, and what it declares.
//!
//! An automatic hierarchy is named after its column, or `Table/Column` when two tables of the cube have such a column.
//! A declared hierarchy or measure takes the place of an automatic one with its name.

use super::{
    definition::{CubeDefinition, HierarchyDefinition, Mode},
    error::Problems,
    reach::{Reach, ReachedColumn},
};
use crate::{
    nearest::{quoted_list, unknown},
    value::ColumnName,
};

mod formula;
mod measures;

pub(super) use measures::measures;

/// A hierarchy by the columns of its levels.
pub(super) struct NamedHierarchy<'a> {
    pub(super) name: String,
    pub(super) columns: Vec<ReachedColumn<'a>>,
}

impl NamedHierarchy<'_> {
    /// Levels are named after their columns.
    fn level_names(&self) -> Vec<(String, ColumnName)> {
        let is_repeated = |column: &ReachedColumn<'_>| {
            self.columns.iter().filter(|other| other.column.name == column.column.name).count() > 1
        };
        let name = |column: &ReachedColumn<'_>| {
            if is_repeated(column) { column.name().to_string() } else { column.column.name.clone() }
        };
        self.columns.iter().map(|column| (name(column), column.name())).collect()
    }
}

pub(super) fn hierarchies<'a>(
    definition: &CubeDefinition,
    reach: &'a Reach,
    place: &str,
    problems: &mut Problems,
) -> Vec<NamedHierarchy<'a>> {
    let mut automatic = match definition.mode {
        Mode::Auto | Mode::NoMeasures => automatic_hierarchies(reach),
        Mode::Manual => Vec::new(),
    };
    let removed: Vec<String> = definition
        .remove_hierarchies
        .iter()
        .filter_map(|name| problems.keep(&format!("{place}.removeHierarchies"), find_automatic(&automatic, name)))
        .collect();
    automatic.retain(|hierarchy| !removed.contains(&hierarchy.name));

    let mut declared: Vec<NamedHierarchy<'a>> = Vec::new();
    for hierarchy in &definition.hierarchies {
        let place = format!("{place}.hierarchies[{}]", hierarchy.name);
        if declared.iter().any(|earlier| earlier.name == hierarchy.name) {
            problems.add(&place, "two hierarchies have this name");
        }
        let columns = declared_levels(hierarchy, reach, &place, problems);
        automatic.retain(|automatic| automatic.name != hierarchy.name);
        declared.push(NamedHierarchy { name: hierarchy.name.clone(), columns });
    }
    automatic.into_iter().chain(declared).collect()
}

fn automatic_hierarchies(reach: &Reach) -> Vec<NamedHierarchy<'_>> {
    let is_level = |column: &ReachedColumn<'_>| {
        !column.column.column_type().is_numeric() || column.reached.table.is_key(&column.column.name)
    };
    let columns: Vec<ReachedColumn<'_>> = reach.columns().filter(is_level).collect();
    let is_shared = |name: &str| columns.iter().filter(|column| column.column.name == name).count() > 1;
    let name = |column: &ReachedColumn<'_>| {
        if is_shared(&column.column.name) { column.name().to_string() } else { column.column.name.clone() }
    };
    columns.iter().map(|column| NamedHierarchy { name: name(column), columns: vec![*column] }).collect()
}

/// The full name of an automatic hierarchy that may be written as its name, its column or `Table/Column`.
fn find_automatic(automatic: &[NamedHierarchy<'_>], written: &str) -> Result<String, String> {
    let is_meant = |hierarchy: &&NamedHierarchy<'_>| {
        let column = hierarchy.columns.first().map(ReachedColumn::name);
        hierarchy.name == written || column.is_some_and(|name| name.column == written || name.to_string() == written)
    };
    let meant: Vec<&NamedHierarchy<'_>> = automatic.iter().filter(is_meant).collect();
    match meant.as_slice() {
        [hierarchy] => Ok(hierarchy.name.clone()),
        [] => Err(unknown("automatic hierarchy", written, automatic.iter().map(|hierarchy| hierarchy.name.as_str()))),
        several => {
            let names: Vec<&str> = several.iter().map(|hierarchy| hierarchy.name.as_str()).collect();
            Err(format!("{written:?} is ambiguous; write one of {}", quoted_list(&names)))
        }
    }
}

fn declared_levels<'a>(
    hierarchy: &HierarchyDefinition,
    reach: &'a Reach,
    place: &str,
    problems: &mut Problems,
) -> Vec<ReachedColumn<'a>> {
    if hierarchy.levels.is_empty() {
        problems.add(place, "a hierarchy has at least one level");
    }
    let mut columns: Vec<ReachedColumn<'a>> = Vec::new();
    for level in &hierarchy.levels {
        let Some(column) = problems.keep(&format!("{place}.levels"), reach.find(level)) else { continue };
        if columns.iter().any(|earlier| earlier.name() == column.name()) {
            problems.add(place, format!("the column {:?} is two of its levels", column.name().to_string()));
        }
        columns.push(column);
    }
    columns
}
