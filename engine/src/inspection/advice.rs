//! What is valid but hardly meant, as far as only the data tells: values that no row has, and roles that show together what
//! neither shows alone.

use std::{collections::BTreeSet, sync::Arc};

use cubegate_api::Moment;
use cubegate_policy::{
    bind::{AnyOf, Conjunction, PathTest, Paths, Visibility, path_in_cubes},
    compile::Advice,
    context::CallerContext,
    cubes::CubePattern,
    cut::{Cut, Point, Selection},
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
            let (field, said_of, absent): (_, _, Vec<String>) = match condition {
                Condition::Line { subject, wanted: Wanted::Values(Values::In(values)), .. } => {
                    let looked_at = values.iter().take(left);
                    left -= looked_at.len();
                    let absent = looked_at.filter(|value| self.is_absent(subject, value, today)).cloned();
                    ("spec.where", subject.to_string(), absent.collect())
                }
                Condition::Cut { cube, cut } => {
                    let Selection::Set(points) = cut.selection() else { return None };
                    let looked_at = points.iter().take(left);
                    left -= looked_at.len();
                    let absent = looked_at.filter(|point| self.is_nowhere(cube, cut, point)).map(Point::to_string);
                    ("spec.cuts", cut.dimension().to_owned(), absent.collect())
                }
                Condition::Line { .. } => return None,
            };
            let message = told_absent(&absent, &said_of)?;
            let object = ObjectName { kind: Kind::Restriction, name: restriction.clone() };
            Some(Advice { object, field: field.to_owned(), message })
        })
    }

    /// What cannot be looked up is an error already that is told.
    fn is_absent(&self, subject: &Subject, value: &str, today: Day) -> bool {
        let count = match subject {
            Subject::Column(column) => {
                let paths = Paths::In([vec![value.to_owned()]].into());
                let only = only(PathTest { columns: vec![column.clone()], negated: false, paths });
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

    /// Whether no cube that a cut is of has a fact there. Days come and go.
    fn is_nowhere(&self, pattern: &CubePattern, cut: &Cut, point: &Point) -> bool {
        let Point::Path(path) = point else { return false };
        let cubes = path_in_cubes(pattern, cut, path, self.model.shape());
        let has_no_fact = |(cube, test): (&str, PathTest)| {
            let visible = VisibleCube::new(Arc::clone(&self.model), cube, only(test), CallerContext::default());
            visible.facts().is_ok_and(|(visible, _)| visible == 0)
        };
        !cubes.is_empty() && cubes.into_iter().all(has_no_fact)
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

fn only(test: PathTest) -> Visibility {
    Visibility { all_of: vec![AnyOf(vec![Conjunction(vec![Arc::new(test)])])] }
}

fn told_absent(absent: &[String], said_of: &str) -> Option<String> {
    match absent {
        [] => None,
        [value] => Some(format!("no row has the value `{value}` of {said_of}")),
        [first, .., last] => {
            Some(format!("no row has any of {} values of {said_of}, from `{first}` to `{last}`", absent.len()))
        }
    }
}
