//! What is valid but hardly meant, as far as only the data tells: values that no row has, and roles that show together what
//! neither shows alone.

use std::{collections::BTreeSet, sync::Arc};

use cubegate_api::Moment;
use cubegate_policy::{
    bind::{AnyOf, Conjunction, PathTest, Paths, Visibility},
    compile::Advice,
    context::CallerContext,
    day::Day,
    explain::{Member, ViewerKind, viewers},
    resolve::holder,
    rights::Rights,
    snapshot::{Checked, Clause, Condition, Kind, ObjectName, Snapshot, Subject, Values, Wanted},
};

use super::Inspection;
use crate::{
    limits::{PAIRS_ADVISED_MAX, VALUES_ADVISED_MAX},
    model::{VisibleCube, VisibleTable},
};

impl Inspection {
    /// What the policy says in vain of these tables at a moment, or hardly meant so. Of a very large policy only the beginning is
    /// looked at.
    pub fn advice(&self, snapshot: &Snapshot, now: Moment) -> Vec<Advice> {
        let mut advice: Vec<Advice> =
            self.absent_values(snapshot, Day::of(now)).chain(self.widening_pairs(snapshot, now)).collect();
        advice.sort();
        advice
    }

    fn absent_values<'a>(&'a self, snapshot: &'a Snapshot, today: Day) -> impl Iterator<Item = Advice> {
        let clauses = snapshot.access.roles.values().filter_map(|role| match role {
            Checked::Valid(access) => Some(&access.clauses),
            Checked::Broken(_) => None,
        });
        // Many roles may name one Restriction.
        let clauses: BTreeSet<&Clause> = clauses.flatten().collect();
        let mut left = VALUES_ADVISED_MAX;
        clauses.into_iter().filter_map(move |Clause { condition, restriction }| {
            let Condition::Line { subject, wanted: Wanted::Values(Values::In(values)), .. } = condition else {
                return None;
            };
            let looked_at = values.iter().take(left);
            left -= looked_at.len();
            let absent: Vec<&str> =
                looked_at.filter(|value| self.is_absent(subject, value, today)).map(String::as_str).collect();
            let message = match absent.as_slice() {
                [] => return None,
                [value] => format!("no row has the value `{value}` of {subject}"),
                [first, .., last] => {
                    format!("no row has any of {} values of {subject}, from `{first}` to `{last}`", absent.len())
                }
            };
            let object = ObjectName { kind: Kind::Restriction, name: restriction.clone() };
            Some(Advice { object, field: "spec.where".to_owned(), message })
        })
    }

    /// What cannot be looked up is an error already that is told.
    fn is_absent(&self, subject: &Subject, value: &str, today: Day) -> bool {
        let count = match subject {
            Subject::Column(column) => {
                let paths = Paths::In([vec![value.to_owned()]].into());
                let test = PathTest { columns: vec![column.clone()], negated: false, paths };
                let only = Visibility { all_of: vec![AnyOf(vec![Conjunction(vec![Arc::new(test)])])] };
                let has_table = self.model.table(&column.table).is_some();
                let anything = CallerContext::default();
                let rows = || VisibleTable::new(Arc::clone(&self.model), &column.table, only, &anything).count().ok();
                if has_table { rows().map(|rows| rows as u64) } else { None }
            }
            Subject::Level { cube, level } => {
                let member = Member { cube: cube.clone(), level: level.clone(), member: value.to_owned() };
                self.facts_of_member(&member, &Rights::of_administrator(today)).ok()
            }
        };
        count == Some(0)
    }

    fn widening_pairs<'a>(&'a self, snapshot: &'a Snapshot, now: Moment) -> impl Iterator<Item = Advice> {
        pairs(snapshot, now).into_iter().take(PAIRS_ADVISED_MAX).flat_map(move |(one, other)| {
            let cubes = self.model.cube_names().filter_map(move |cube| {
                let facts = self.facts_beyond(snapshot, now, cube, one, other)?;
                let object = snapshot.door.roles.get(one)?.declared_by.clone()?;
                Some(Advice {
                    object: ObjectName { kind: Kind::Role, name: object },
                    field: "spec".to_owned(),
                    message: format!(
                        "`{one}` and `{other}` together show {facts} facts of cube `{cube}` that neither shows alone"
                    ),
                })
            });
            cubes.collect::<Vec<_>>()
        })
    }

    /// How many facts two roles show together and neither alone, if any.
    fn facts_beyond(&self, snapshot: &Snapshot, now: Moment, cube: &str, one: &str, other: &str) -> Option<usize> {
        let alone = |role| {
            let rights = holder(&snapshot.door, role, now).ok()?;
            Some((self.bound.visibility(cube, &rights).ok()?, rights))
        };
        let ((first, mut rights), (second, more)) = (alone(one)?, alone(other)?);
        rights.roles.extend(more.roles);
        rights.lapsed =
            rights.lapsed.union(&more.lapsed).filter(|role| !rights.roles.contains(*role)).cloned().collect();
        let together = self.bound.visibility(cube, &rights).ok()?;
        let count = |visibility| {
            let visible = VisibleCube::new(Arc::clone(&self.model), cube, visibility, CallerContext::default());
            Some(visible.facts().ok()?.0)
        };
        let all = together.all_of.iter().cloned().chain(either(&first, &second).all_of).collect();
        let beyond = count(together)? - count(Visibility { all_of: all })?;
        (beyond > 0).then_some(beyond)
    }
}

/// What one of two shows, as choices that all hold: each choice of one widened by each of the other.
fn either(one: &Visibility, other: &Visibility) -> Visibility {
    let choices = one.all_of.iter().flat_map(|AnyOf(first)| {
        other.all_of.iter().map(move |AnyOf(second)| AnyOf(first.iter().chain(second).cloned().collect()))
    });
    Visibility { all_of: choices.collect() }
}

/// Restricting roles that some user or guest holds together, each pair once.
fn pairs(snapshot: &Snapshot, now: Moment) -> BTreeSet<(&str, &str)> {
    let restricts = |role: &str| match snapshot.access.roles.get_key_value(role) {
        Some((role, Checked::Valid(access))) if !access.clauses.is_empty() => Some(role.as_str()),
        _ => None,
    };
    let users = viewers(&snapshot.door, now).into_iter().filter(|viewer| viewer.kind != ViewerKind::Role);
    let held: BTreeSet<BTreeSet<&str>> = users
        .filter_map(|viewer| Some(viewer.rights.ok()?.roles.iter().filter_map(|role| restricts(role)).collect()))
        .collect();
    let mut pairs = BTreeSet::new();
    for roles in &held {
        for (position, one) in roles.iter().enumerate() {
            pairs.extend(roles.iter().skip(position + 1).map(|other| (*one, *other)));
        }
    }
    pairs
}
