//! Which roles come with a role.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Roles and the roles that they inherit directly.
#[derive(Debug, Default)]
pub(super) struct Inheritance<'a>(BTreeMap<&'a str, BTreeSet<&'a str>>);

impl<'a> Inheritance<'a> {
    pub(super) fn add(&mut self, heir: &'a str, inherited: &'a str) {
        self.0.entry(heir).or_default().insert(inherited);
    }

    /// All roles that come with a role, itself included.
    pub(super) fn closure(&self, role: &'a str) -> BTreeSet<&'a str> {
        let mut found = BTreeSet::from([role]);
        let mut open = vec![role];
        while let Some(role) = open.pop() {
            open.extend(self.inherited(role).filter(|inherited| found.insert(inherited)));
        }
        found
    }

    /// A shortest circle through a role that begins with a given step, without its start repeated at the end.
    pub(super) fn circle(&self, role: &'a str, step: &'a str) -> Option<Vec<&'a str>> {
        let mut came_from = BTreeMap::from([(step, role)]);
        let mut open = VecDeque::from([step]);
        while let Some(here) = open.pop_front() {
            if here == role {
                return Some(way_back(role, &came_from));
            }
            for next in self.inherited(here) {
                came_from.entry(next).or_insert_with(|| {
                    open.push_back(next);
                    here
                });
            }
        }
        None
    }

    fn inherited(&self, role: &str) -> impl Iterator<Item = &'a str> {
        self.0.get(role).into_iter().flatten().copied()
    }
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
        let mut inheritance = Inheritance::default();
        for (heir, inherited) in edges {
            inheritance.add(heir, inherited);
        }
        inheritance
    }

    #[test]
    fn closure_reaches_through_three_levels_and_diamonds() {
        let roles = inheritance(&[("a", "b"), ("a", "c"), ("b", "d"), ("c", "d"), ("d", "e"), ("x", "a")]);
        assert_eq!(roles.closure("a"), BTreeSet::from(["a", "b", "c", "d", "e"]));
        assert_eq!(roles.closure("e"), BTreeSet::from(["e"]));
    }

    #[test]
    fn closure_ends_in_a_circle() {
        assert_eq!(inheritance(&[("a", "b"), ("b", "a")]).closure("a"), BTreeSet::from(["a", "b"]));
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
