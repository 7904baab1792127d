//! The default members of hierarchies that a query says nothing of.

use super::filter::{Members, leaves};
use crate::{
    aggregate::{FactFilter, Group},
    model::cube::Cube,
    nearest::unknown,
    request::filter::{Scalar, Test},
};

/// Conditions on facts, one for each hierarchy that has a default member and that the query neither groups by nor filters.
pub(super) fn resolve<'a>(
    default_members: impl Iterator<Item = (&'a String, &'a Vec<String>)>,
    cube: &Cube,
    groups: &[Group],
    facts: &FactFilter,
    mistakes: &mut Vec<String>,
) -> Vec<FactFilter> {
    let is_silent =
        |hierarchy: usize| groups.iter().all(|group| group.hierarchy != hierarchy) && !mentions(facts, hierarchy);
    let mut defaults = Vec::new();
    for (name, path) in default_members {
        match cube.hierarchies.iter().position(|hierarchy| hierarchy.name == *name) {
            Some(hierarchy) if is_silent(hierarchy) => defaults.push(member(cube, hierarchy, path)),
            Some(_) => {}
            None => {
                let names = cube.hierarchies.iter().map(|hierarchy| hierarchy.name.as_str());
                mistakes.push(format!("defaultMembers: {}", unknown("hierarchy", name, names)));
            }
        }
    }
    defaults
}

/// Facts below the member that a path leads to; no fact, when it leads nowhere.
fn member(cube: &Cube, hierarchy: usize, path: &[String]) -> FactFilter {
    let depth = cube.hierarchies.get(hierarchy).map_or(0, |hierarchy| hierarchy.levels.len());
    if path.len() > depth {
        return FactFilter::Any(Vec::new());
    }
    let at_level = |(level, name): (usize, &String)| {
        let at = Group { hierarchy, level };
        let is_member = Test::In(vec![Some(Scalar::Text(name.clone()))]);
        let members = Members::passing(&is_member, super::level(cube, at).dictionary());
        FactFilter::Leaves { hierarchy, wanted: leaves(cube, at, &members) }
    };
    FactFilter::All(path.iter().enumerate().map(at_level).collect())
}

fn mentions(filter: &FactFilter, wanted: usize) -> bool {
    match filter {
        FactFilter::All(filters) | FactFilter::Any(filters) => filters.iter().any(|filter| mentions(filter, wanted)),
        FactFilter::Not(filter) => mentions(filter, wanted),
        FactFilter::Leaves { hierarchy, .. } => *hierarchy == wanted,
    }
}
