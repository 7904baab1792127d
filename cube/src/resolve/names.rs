//! What levels may be called: `Level`, `Hierarchy/Level` or `Table/Column`, as long as one level of the cube is meant.

use std::collections::BTreeSet;

use crate::{
    aggregate::Group,
    model::hierarchy::Hierarchy,
    nearest::{quoted_list, unknown},
    value::ColumnName,
};

/// The levels of a cube with everything that each can be called.
#[derive(Debug, Default)]
pub(crate) struct LevelNames(Vec<NamedLevel>);

/// A level with everything that it can be called.
#[derive(Debug)]
pub(crate) struct NamedLevel {
    pub(crate) level: Group,
    pub(crate) name: String,
    /// `Hierarchy/Level`; of an automatic hierarchy that is called `Table/Column`, its name says it all.
    pub(crate) qualified: String,
    column: String,
}

impl LevelNames {
    pub(crate) fn of_hierarchies(hierarchies: &[Hierarchy]) -> Self {
        Self::new(hierarchies.iter().map(|hierarchy| {
            let levels = hierarchy.levels.iter().map(|level| (level.name.clone(), level.column.clone()));
            (hierarchy.name.as_str(), levels.collect())
        }))
    }

    /// From names of hierarchies, and names and columns of their levels.
    pub(crate) fn new<'a>(hierarchies: impl Iterator<Item = (&'a str, Vec<(String, ColumnName)>)>) -> Self {
        let named = |hierarchy: usize, hierarchy_name: &str, level: usize, (name, column): (String, ColumnName)| {
            let column = column.to_string();
            let qualified = if hierarchy_name == column { column.clone() } else { format!("{hierarchy_name}/{name}") };
            NamedLevel { level: Group { hierarchy, level }, name, qualified, column }
        };
        let levels = hierarchies.enumerate().flat_map(|(hierarchy, (hierarchy_name, levels))| {
            levels.into_iter().enumerate().map(move |(index, level)| named(hierarchy, hierarchy_name, index, level))
        });
        Self(levels.collect())
    }

    /// The level that is meant.
    pub(crate) fn find(&self, written: &str) -> Result<Group, String> {
        if let Some(level) = self.0.iter().find(|level| level.qualified == written) {
            return Ok(level.level);
        }
        let meant: Vec<&NamedLevel> = self.0.iter().filter(|level| level.may_be_called(written)).collect();
        match meant.as_slice() {
            [level] => Ok(level.level),
            [] if written.contains('/') => {
                Err(unknown("level", written, self.0.iter().map(|level| level.qualified.as_str())))
            }
            [] => {
                let names: BTreeSet<&str> = self.0.iter().map(|level| level.name.as_str()).collect();
                Err(unknown("level", written, names))
            }
            several => {
                let choices: Vec<&str> = several.iter().map(|level| level.qualified.as_str()).collect();
                Err(format!("the level {written:?} is ambiguous; write one of {}", quoted_list(&choices)))
            }
        }
    }

    pub(crate) fn get(&self, level: Group) -> Option<&NamedLevel> {
        self.0.iter().find(|named| named.level == level)
    }
}

impl NamedLevel {
    pub(crate) fn may_be_called(&self, written: &str) -> bool {
        self.name == written || self.qualified == written || self.column == written
    }
}
