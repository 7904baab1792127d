//! Which roles come with a role.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet, VecDeque},
};

/// Roles, the roles that they inherit directly, and all that they thereby include.
#[derive(Debug)]
pub(super) struct Inheritance<'a> {
    direct: BTreeMap<&'a str, BTreeSet<&'a str>>,
    closures: BTreeMap<&'a str, BTreeSet<&'a str>>,
}

impl<'a> Inheritance<'a> {
    /// Pairs of heir and inherited role.
    pub(super) fn new(edges: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let mut direct: BTreeMap<&'a str, BTreeSet<&'a str>> = BTreeMap::new();
        for (heir, inherited) in edges {
            direct.entry(heir).or_default().insert(inherited);
        }
        let closures = direct.keys().map(|role| (*role, closure(role, &direct))).collect();
        Self { direct, closures }
    }

    /// The roles that a role itself inherits.
    pub(super) fn direct(&self, role: &str) -> impl Iterator<Item = &'a str> {
        inherited(role, &self.direct)
    }

    /// All roles that come with a role, itself included.
    pub(super) fn includes(&self, role: &'a str) -> Cow<'_, BTreeSet<&'a str>> {
        self.closures.get(role).map_or_else(|| Cow::Owned([role].into()), Cow::Borrowed)
    }

    /// A shortest circle through a role that begins with a given step, without its start repeated at the end.
    pub(super) fn circle(&self, role: &'a str, step: &'a str) -> Option<Vec<&'a str>> {
        // Nearly no role is in a circle, and this is the cheap way to know.
        if !self.includes(step).contains(role) {
            return None;
        }
        let mut came_from = BTreeMap::from([(step, role)]);
        let mut open = VecDeque::from([step]);
        while let Some(here) = open.pop_front() {
            if here == role {
                break;
            }
            for next in inherited(here, &self.direct) {
                came_from.entry(next).or_insert_with(|| {
                    open.push_back(next);
                    here
                });
            }
        }
        Some(way_back(role, &came_from))
    }
}

fn closure<'a>(role: &'a str, direct: &BTreeMap<&'a str, BTreeSet<&'a str>>) -> BTreeSet<&'a str> {
    let mut found = BTreeSet::from([role]);
    let mut open = vec![role];
    while let Some(role) = open.pop() {
        open.extend(inherited(role, direct).filter(|inherited| found.insert(inherited)));
    }
    found
}

fn inherited<'a>(role: &str, direct: &BTreeMap<&'a str, BTreeSet<&'a str>>) -> impl Iterator<Item = &'a str> {
    direct.get(role).into_iter().flatten().copied()
}

fn way_back<'a>(role: &'a str, came_from: &BTreeMap<&'a str, &'a str>) -> Vec<&'a str> {
    let mut circle = Vec::new();
    let mut here = role;
    while let Some(previous) = came_from.get(here) {
        circle.push(*previous);
        if *previous == role {
            break;
        }
        here = previous;
    }
    circle.reverse();
    circle
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inheritance(edges: &[(&'static str, &'static str)]) -> Inheritance<'static> {
        Inheritance::new(edges.iter().copied())
    }

    #[test]
    fn what_a_role_includes_reaches_through_three_levels_and_diamonds() {
        let roles = inheritance(&[("a", "b"), ("a", "c"), ("b", "d"), ("c", "d"), ("d", "e"), ("x", "a")]);
        assert_eq!(*roles.includes("a"), BTreeSet::from(["a", "b", "c", "d", "e"]));
        assert_eq!(*roles.includes("e"), BTreeSet::from(["e"]));
    }

    #[test]
    fn what_a_role_includes_ends_in_a_circle() {
        assert_eq!(*inheritance(&[("a", "b"), ("b", "a")]).includes("a"), BTreeSet::from(["a", "b"]));
    }

    #[test]
    fn a_circle_is_told_from_the_role_that_asks() {
        let roles = inheritance(&[("a", "b"), ("b", "c"), ("c", "a"), ("x", "a"), ("s", "s")]);
        assert_eq!(roles.circle("b", "c"), Some(vec!["b", "c", "a"]));
        assert_eq!(roles.circle("s", "s"), Some(vec!["s"]));
        assert_eq!(roles.circle("x", "a"), None);
    }

    #[test]
    fn a_diamond_is_no_circle() {
        let roles = inheritance(&[("a", "b"), ("a", "c"), ("b", "d"), ("c", "d")]);
        assert_eq!(roles.circle("a", "b"), None);
    }
}
