//! Which rows are visible, as conditions on columns; and how the restrictions of several roles combine to them.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::role::{Axis, BoundClause, Cuts};
use crate::{
    attributes::Attributes,
    rights::Rights,
    snapshot::{ClaimPath, ColumnName, Combine, Unmatched, Values, write_choice, write_range},
};

/// What a missing value is called in columns of every type: this text, compared as it stands, which is how the cube reads it.
pub(super) const NOT_AVAILABLE: &str = "N/A";

/// Between a value and the one below it.
const BELOW: &str = " → ";

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
pub struct Conjunction(pub Vec<Arc<PathTest>>);

/// What is to hold of the path that the values of columns make; of one column, that is its value.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PathTest {
    /// The columns, coarsest first. Not empty.
    pub columns: Vec<ColumnName>,
    /// Whether the path must not be one of these; one that has a missing value then fails all the same.
    pub negated: bool,
    /// Paths.
    pub paths: Paths,
}

/// Paths of values as text, to be read by the types of the columns. What a type cannot hold matches nothing, and leaves
/// nothing over where it is negated.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Paths {
    /// One of these, or one that begins with it. `N/A` is the missing value of every type.
    In(BTreeSet<Vec<String>>),
    /// Between these, inclusive, column by column. A shorter bound stands for every path that begins with it; an empty one
    /// does not bound, and one of them is not empty. A path with a missing value is not, if a bound has to look at that value.
    Between {
        /// The smallest.
        from: Vec<String>,
        /// The largest.
        to: Vec<String>,
    },
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

    /// The rows for which all of these hold.
    pub(super) fn with(tests: &[Arc<PathTest>]) -> Self {
        Self { all_of: tests.iter().map(|test| AnyOf(vec![Conjunction(vec![Arc::clone(test)])])).collect() }
    }

    /// The rows that all of these show.
    pub(super) fn all(parts: Vec<Self>) -> Self {
        let all_of: BTreeSet<AnyOf> = parts.into_iter().flat_map(|part| part.all_of).collect();
        if all_of.contains(&AnyOf(Vec::new())) {
            Self::nothing()
        } else {
            Self { all_of: all_of.into_iter().collect() }
        }
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

impl From<&Values> for Paths {
    fn from(values: &Values) -> Self {
        match values {
            Values::In(values) => Self::In(values.iter().map(|value| vec![value.clone()]).collect()),
            Values::Between { from, to } => {
                Self::Between { from: from.iter().cloned().collect(), to: to.iter().cloned().collect() }
            }
        }
    }
}

impl Rule {
    /// What callers of these rights see, by what their roles cut. A lapsed role restricts what it always does, and admits no
    /// row of it.
    pub(super) fn visibility(self, valid: &[&Cuts], lapsed: &[&Cuts], rights: &Rights) -> Visibility {
        let restricts = |role: &&Cuts| !role.axes.is_empty();
        let restricting: Vec<&Cuts> = valid.iter().copied().filter(restricts).collect();
        let lapsed: Vec<&Cuts> = lapsed.iter().copied().filter(restricts).collect();
        let is_denied = self.unmatched == Unmatched::Deny && !valid.iter().any(|role| role.unrestricted);
        if restricting.is_empty() && lapsed.is_empty() {
            return if is_denied { Visibility::nothing() } else { Visibility::default() };
        }
        let all = |role: &Cuts| conjunction(role.axes.values().flatten(), rights);
        match self.combine {
            Combine::PerHierarchy => per_hierarchy(&restricting, &lapsed, rights),
            Combine::All if !lapsed.is_empty() => Visibility::nothing(),
            Combine::All => Visibility::of(restricting.into_iter().map(|role| all(role).into_iter().collect())),
            Combine::PerRole => Visibility::of([restricting.into_iter().filter_map(all).collect()]),
        }
    }
}

/// Union within an axis, intersection across axes.
fn per_hierarchy(valid: &[&Cuts], lapsed: &[&Cuts], rights: &Rights) -> Visibility {
    let mut admitted: BTreeMap<&Axis, BTreeSet<Conjunction>> = BTreeMap::new();
    for axis in lapsed.iter().flat_map(|role| role.axes.keys()) {
        admitted.entry(axis).or_default();
    }
    for (axis, clauses) in valid.iter().flat_map(|role| &role.axes) {
        admitted.entry(axis).or_default().extend(conjunction(clauses, rights));
    }
    Visibility::of(admitted.into_values())
}

/// The clauses with the caller's own values and the days of today; none when one of them is lacking, so that nothing satisfies it.
fn conjunction<'a>(clauses: impl IntoIterator<Item = &'a BoundClause>, rights: &Rights) -> Option<Conjunction> {
    let test = |clause: &BoundClause| match clause {
        BoundClause::Test(test) => Some(Arc::clone(test)),
        BoundClause::Own { column, negated, claim } => {
            let paths =
                Paths::In(own_values(&rights.attributes, claim)?.into_iter().map(|value| vec![value]).collect());
            Some(Arc::new(PathTest { columns: vec![column.clone()], negated: *negated, paths }))
        }
        BoundClause::OfDays(test) => test.on(rights.today).map(Arc::new),
    };
    let tests: BTreeSet<Arc<PathTest>> = clauses.into_iter().map(test).collect::<Option<_>>()?;
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

impl std::fmt::Display for PathTest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { columns, negated, paths } = self;
        let columns: Vec<String> = columns.iter().map(ToString::to_string).collect();
        write!(f, "{} {} {paths}", columns.join(BELOW), if *negated { "is not" } else { "is" })
    }
}

impl std::fmt::Display for Paths {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let bound = |path: &[String]| (!path.is_empty()).then(|| path.join(BELOW));
        match self {
            Self::In(paths) => write_choice(f, paths.iter().map(|path| path.join(BELOW))),
            Self::Between { from, to } => write_range(f, bound(from).as_deref(), bound(to).as_deref()),
        }
    }
}
