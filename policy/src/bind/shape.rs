//! What binding needs to know of a loaded model.

use std::collections::{BTreeMap, BTreeSet};

use crate::{nearest::suggestion, snapshot::ColumnName};

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
    /// Name of the hierarchy.
    pub name: String,
    /// Name of its dimension.
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

impl CubeShape {
    /// The positions of the hierarchies that are built on a column.
    pub(super) fn hierarchies_on(&self, column: &ColumnName) -> impl Iterator<Item = usize> {
        let is_on = move |hierarchy: &HierarchyShape| hierarchy.levels.iter().any(|level| level.column == *column);
        self.hierarchies.iter().enumerate().filter(move |(_, hierarchy)| is_on(hierarchy)).map(|(position, _)| position)
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
