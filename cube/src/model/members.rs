//! Which hierarchies and measures a cube has: what its mode makes, less what is removed, and what it declares.
//!
//! An automatic hierarchy is named after its column, or `Table/Column` when two tables of the cube have such a column.
//! A declared hierarchy or measure takes the place of an automatic one with its name.

use super::{
    definition::{CubeDefinition, HierarchyDefinition, MeasureDefinition, MeasureFormula, Mode},
    error::Problems,
    measure::COUNT,
    reach::{Reach, ReachedColumn},
};
use crate::nearest::{quoted_list, unknown};

/// A hierarchy by the columns of its levels.
pub(super) struct NamedHierarchy<'a> {
    pub(super) name: String,
    pub(super) columns: Vec<ReachedColumn<'a>>,
}

/// A measure by the name of its column in the fact table. The count is not among them.
pub(super) struct NamedMeasure {
    pub(super) name: String,
    pub(super) column: String,
    pub(super) kind: NamedMeasureKind,
}

pub(super) enum NamedMeasureKind {
    Sum,
    Mean,
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

pub(super) fn measures(
    definition: &CubeDefinition,
    reach: &Reach,
    place: &str,
    problems: &mut Problems,
) -> Vec<NamedMeasure> {
    let mut automatic = match definition.mode {
        Mode::Auto => automatic_measures(reach),
        Mode::NoMeasures | Mode::Manual => Vec::new(),
    };
    let mut declared: Vec<NamedMeasure> = Vec::new();
    for measure in &definition.measures {
        let MeasureDefinition { name, kind } = measure;
        let place = format!("{place}.measures[{name}]");
        let (column, kind) = match kind {
            MeasureFormula::Sum(column) => (column, NamedMeasureKind::Sum),
            MeasureFormula::Mean(column) => (column, NamedMeasureKind::Mean),
            _ => {
                problems.add(&place, "measures of this kind are not there yet");
                continue;
            }
        };
        if name == COUNT {
            problems.add(&place, "every cube has this measure already");
        } else if declared.iter().any(|earlier| earlier.name == *name) {
            problems.add(&place, "two measures have this name");
        }
        let Some(column) = problems.keep(&place, measured_column(column, reach)) else { continue };
        automatic.retain(|automatic| automatic.name != *name);
        declared.push(NamedMeasure { name: name.clone(), column, kind });
    }
    automatic.into_iter().chain(declared).collect()
}

fn automatic_measures(reach: &Reach) -> Vec<NamedMeasure> {
    let facts = reach.fact_table();
    let measured =
        facts.columns.iter().filter(|column| column.column_type().is_numeric() && !facts.is_key(&column.name));
    let sum_and_mean = |column: &crate::load::table::Column| {
        [("SUM", NamedMeasureKind::Sum), ("MEAN", NamedMeasureKind::Mean)].map(|(suffix, kind)| NamedMeasure {
            name: format!("{}.{suffix}", column.name),
            column: column.name.clone(),
            kind,
        })
    };
    measured.flat_map(sum_and_mean).collect()
}

/// The name of a numeric column of the fact table that may be written as `Column` or `Table/Column`.
fn measured_column(written: &str, reach: &Reach) -> Result<String, String> {
    let facts = reach.fact_table();
    let column = facts
        .column(written)
        .or_else(|| facts.columns.iter().find(|column| format!("{}/{}", facts.name, column.name) == written));
    match (column, reach.find(written)) {
        (Some(column), _) if column.column_type().is_numeric() => Ok(column.name.clone()),
        (Some(column), _) => {
            Err(format!("the column {written:?} has the type {}; measures need numbers", column.column_type()))
        }
        (None, Ok(column)) => Err(format!(
            "the column {:?} is not of the fact table {:?}, which measures are over",
            column.name().to_string(),
            facts.name
        )),
        (None, Err(_)) => {
            let numeric = facts.columns.iter().filter(|column| column.column_type().is_numeric());
            Err(unknown("numeric column", written, numeric.map(|column| column.name.as_str())))
        }
    }
}
