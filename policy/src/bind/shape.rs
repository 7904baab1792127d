//! What binding needs to know of a loaded model.

use std::collections::{BTreeMap, BTreeSet};

use crate::{cut::Cut, day::DayPart, nearest::suggestion, snapshot::ColumnName};

/// What binding needs to know of a loaded model.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ModelShape {
    /// The tables by name.
    pub tables: BTreeMap<String, TableShape>,
    /// The cubes by name.
    pub cubes: BTreeMap<String, CubeShape>,
}

/// What binding needs to know of a table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TableShape {
    /// Its own columns.
    pub columns: BTreeSet<String>,
    /// All columns of the table and of the tables that joins reach from it.
    pub reachable: BTreeSet<ColumnName>,
}

/// What binding needs to know of a cube.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CubeShape {
    /// The hierarchies of the cube.
    pub hierarchies: Vec<HierarchyShape>,
    /// All columns of the fact table and of the tables that joins reach from it.
    pub reachable: BTreeSet<ColumnName>,
    /// Names of the measures.
    pub measures: BTreeSet<String>,
    /// Names of the numbers that expressions read.
    pub values: BTreeSet<String>,
}

/// What binding needs to know of a hierarchy.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HierarchyShape {
    /// Name of the hierarchy, unique in the cube.
    pub name: String,
    /// Name of the dimension that it belongs to: the table of its first level.
    pub dimension: String,
    /// Its levels, coarsest first.
    pub levels: Vec<LevelShape>,
}

/// What binding needs to know of a level.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LevelShape {
    /// Name of the level.
    pub name: String,
    /// The column that its members come from.
    pub column: ColumnName,
    /// What its members are.
    pub members: MemberKind,
}

/// What the members of a level are, as far as binding needs to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MemberKind {
    /// Calendar dates.
    Dates,
    /// Whole numbers.
    Integers,
    /// Anything else.
    Other,
}

/// Why a cut of a cube means no hierarchy, in words.
#[derive(Debug)]
pub(super) enum NoHierarchy {
    /// The cube has nothing of the name that the cut begins with.
    Absent(String),
    /// It has, but not as the cut wants it.
    Unusable(String),
}

impl ModelShape {
    /// Why there is no such column, with the nearest one.
    pub(super) fn unknown_column(&self, ColumnName { table, column }: &ColumnName) -> Option<String> {
        match self.tables.get(table) {
            None => {
                let suggestion = suggestion(table, "tables", self.tables.keys().map(String::as_str));
                Some(format!("there is no table `{table}`; {suggestion}"))
            }
            Some(TableShape { columns, .. }) if !columns.contains(column) => {
                let suggestion = suggestion(column, "columns", columns.iter().map(String::as_str));
                Some(format!("table `{table}` has no column `{column}`; {suggestion}"))
            }
            Some(_) => None,
        }
    }

    /// The cubes whose joins lead to a table, its fact table included.
    pub(super) fn cubes_with(&self, table: &str) -> impl Iterator<Item = (&String, &CubeShape)> {
        self.cubes.iter().filter(move |(_, cube)| cube.reachable.iter().any(|column| column.table == table))
    }
}

impl LevelShape {
    /// The part of a day that its members are, in a hierarchy of dates.
    pub(super) fn day_part(&self) -> Option<DayPart> {
        match self.members {
            MemberKind::Dates => Some(DayPart::Date),
            MemberKind::Integers => DayPart::of_name(&self.name),
            MemberKind::Other => None,
        }
    }
}

impl CubeShape {
    /// The positions of the hierarchies that are built on a column.
    pub(super) fn hierarchies_on(&self, column: &ColumnName) -> impl Iterator<Item = usize> {
        let is_on = move |hierarchy: &HierarchyShape| hierarchy.levels.iter().any(|level| level.column == *column);
        self.hierarchies.iter().enumerate().filter(move |(_, hierarchy)| is_on(hierarchy)).map(|(position, _)| position)
    }

    /// The hierarchy that a cut means, with its position: one of a dimension, or the only one of it, or that of this name.
    pub(super) fn hierarchy(&self, cut: &Cut) -> Result<(usize, &HierarchyShape), NoHierarchy> {
        let wanted = cut.dimension();
        let all = || self.hierarchies.iter().enumerate();
        let of_dimension = || all().filter(|(_, hierarchy)| hierarchy.dimension == wanted);
        let names = of_dimension().map(|(_, hierarchy)| hierarchy.name.as_str());
        let absent = || {
            let suggestion = suggestion(wanted, "dimensions and hierarchies", self.cut_names());
            NoHierarchy::Absent(format!("there is no dimension or hierarchy `{wanted}`; {suggestion}"))
        };
        if let Some(hierarchy) = cut.hierarchy() {
            let found = of_dimension().find(|(_, candidate)| candidate.name == hierarchy);
            return found.ok_or_else(|| {
                if of_dimension().next().is_none() {
                    return absent();
                }
                let suggestion = suggestion(hierarchy, "hierarchies", names.clone());
                NoHierarchy::Unusable(format!("dimension `{wanted}` has no hierarchy `{hierarchy}`; {suggestion}"))
            });
        }
        if let Some(found) = all().find(|(_, hierarchy)| hierarchy.name == wanted) {
            return Ok(found);
        }
        let mut found = of_dimension();
        match (found.next(), found.next()) {
            (None, _) => Err(absent()),
            (Some(only), None) => Ok(only),
            (Some((_, first)), Some((_, second))) => Err(NoHierarchy::Unusable(format!(
                "dimension `{wanted}` has several hierarchies; write `{wanted}@{}` or `{wanted}@{}`",
                first.name, second.name
            ))),
        }
    }

    /// What a cut may begin with.
    pub(super) fn cut_names(&self) -> Vec<&str> {
        self.hierarchies.iter().flat_map(|hierarchy| [hierarchy.name.as_str(), hierarchy.dimension.as_str()]).collect()
    }

    /// The level written as `Hierarchy/Level`, or as `Level` when one hierarchy has it, with the position of its hierarchy.
    pub(super) fn level(&self, written: &str) -> Result<(usize, &LevelShape), String> {
        let all = || {
            self.hierarchies.iter().enumerate().flat_map(|(position, hierarchy)| {
                let levels = hierarchy.levels.iter();
                levels.map(move |level| (format!("{}/{}", hierarchy.name, level.name), (position, level)))
            })
        };
        if let Some((_, found)) = all().find(|(qualified, _)| qualified == written) {
            return Ok(found);
        }
        let mut found = all().filter(|(_, (_, level))| level.name == written);
        match (found.next(), found.next()) {
            (Some((_, level)), None) => Ok(level),
            (Some((first, _)), Some((second, _))) => {
                Err(format!("several hierarchies have a level `{written}`; write `{first}` or `{second}`"))
            }
            (None, _) => {
                let names: Vec<String> =
                    all().flat_map(|(qualified, (_, level))| [level.name.clone(), qualified]).collect();
                let suggestion = suggestion(written, "levels", names.iter().map(String::as_str));
                Err(format!("there is no level `{written}`; {suggestion}"))
            }
        }
    }
}
