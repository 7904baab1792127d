//! Which rows are visible, as conditions on columns; and how the restrictions of several roles combine to them.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::role::{Axis, BoundClause, Cuts};
use crate::{
    attributes::Attributes,
    snapshot::{ClaimPath, ColumnName, Combine, Unmatched, Values},
};

/// What a missing value is called in columns of every type: this text, compared as it stands, which is how the cube reads it.
const NOT_AVAILABLE: &str = "N/A";

/// The rows that a caller may see: those for which every [`AnyOf`] holds. None: all rows.
///
/// Canonical: the same clauses give an equal value in whatever order they come, so it may be the key of a cache.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Visibility {
    /// All of these hold.
    pub all_of: Vec<AnyOf>,
}

/// At least one of these holds. Without any, no row is visible.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AnyOf(pub Vec<Conjunction>);

/// All of these hold. Not empty. A column may occur more than once.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Conjunction(pub Vec<Arc<ColumnTest>>);

/// What is to hold of the value of a column.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ColumnTest {
    /// The column.
    pub column: ColumnName,
    /// Whether the value must not be one of these; a missing value then fails all the same.
    pub negated: bool,
    /// Values.
    pub values: Values,
}

/// How the roles of a caller combine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rule {
    pub(super) combine: Combine,
    pub(super) unmatched: Unmatched,
}

impl Visibility {
    /// No row at all.
    pub fn nothing() -> Self {
        Self { all_of: vec![AnyOf(Vec::new())] }
    }

    /// A choice of one is no choice: its tests stand for themselves. Equal choices say the same thing; one is enough.
    fn of(choices: impl IntoIterator<Item = BTreeSet<Conjunction>>) -> Self {
        let mut all_of = BTreeSet::new();
        for choice in choices {
            let mut choice: Vec<Conjunction> = choice.into_iter().collect();
            match choice.as_mut_slice() {
                [] => return Self::nothing(),
                [Conjunction(tests)] => {
                    all_of.extend(tests.drain(..).map(|test| AnyOf(vec![Conjunction(vec![test])])));
                }
                _ => drop(all_of.insert(AnyOf(choice))),
            }
        }
        Self { all_of: all_of.into_iter().collect() }
    }
}

impl Rule {
    /// What callers see who hold these roles and have these attributes.
    pub(super) fn visibility(self, roles: &[&Cuts], attributes: &Attributes) -> Visibility {
        let restricting: Vec<&Cuts> = roles.iter().copied().filter(|role| !role.axes.is_empty()).collect();
        let is_denied = self.unmatched == Unmatched::Deny && !roles.iter().any(|role| role.unrestricted);
        if restricting.is_empty() {
            return if is_denied { Visibility::nothing() } else { Visibility::default() };
        }
        let all = |role: &Cuts| conjunction(role.axes.values().flatten(), attributes);
        match self.combine {
            Combine::PerHierarchy => per_hierarchy(&restricting, attributes),
            Combine::All => Visibility::of(restricting.into_iter().map(|role| all(role).into_iter().collect())),
            Combine::PerRole => Visibility::of([restricting.into_iter().filter_map(all).collect()]),
        }
    }
}

/// Union within an axis, intersection across axes.
fn per_hierarchy(roles: &[&Cuts], attributes: &Attributes) -> Visibility {
    let mut admitted: BTreeMap<&Axis, BTreeSet<Conjunction>> = BTreeMap::new();
    for (axis, clauses) in roles.iter().flat_map(|role| &role.axes) {
        admitted.entry(axis).or_default().extend(conjunction(clauses, attributes));
    }
    Visibility::of(admitted.into_values())
}

/// The clauses with the caller's own values; none when the caller lacks one of them, so that nothing satisfies it.
fn conjunction<'a>(clauses: impl IntoIterator<Item = &'a BoundClause>, attributes: &Attributes) -> Option<Conjunction> {
    let test = |clause: &BoundClause| match clause {
        BoundClause::Test(test) => Some(Arc::clone(test)),
        BoundClause::Own { column, negated, claim } => {
            let values = Values::In(own_values(attributes, claim)?);
            Some(Arc::new(ColumnTest { column: column.clone(), negated: *negated, values }))
        }
    };
    let tests: BTreeSet<Arc<ColumnTest>> = clauses.into_iter().map(test).collect::<Option<_>>()?;
    Some(Conjunction(tests.into_iter().collect()))
}

/// The caller's values of a claim; none when there are none. `N/A` is no value but a policy's word for rows without one: a
/// directory that writes it for whatever it does not know must not give such rows away.
fn own_values(attributes: &Attributes, claim: &ClaimPath) -> Option<BTreeSet<String>> {
    let values = attributes.values(claim)?.iter().filter(|value| *value != NOT_AVAILABLE);
    let values: BTreeSet<String> = values.cloned().collect();
    (!values.is_empty()).then_some(values)
}

impl std::fmt::Display for AnyOf {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let choices: Vec<String> = self.0.iter().map(ToString::to_string).collect();
        if choices.is_empty() { f.write_str("nothing is visible") } else { f.write_str(&choices.join(" or ")) }
    }
}

impl std::fmt::Display for Conjunction {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let tests: Vec<String> = self.0.iter().map(ToString::to_string).collect();
        let text = tests.join(" and ");
        if tests.len() > 1 { write!(f, "({text})") } else { f.write_str(&text) }
    }
}

impl std::fmt::Display for ColumnTest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { column, negated, values } = self;
        write!(f, "{column} {} {values}", if *negated { "is not" } else { "is" })
    }
}
