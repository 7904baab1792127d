//! One role in one cube or table: what its clauses restrict there.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{
    BindProblem,
    shape::{CubeShape, ModelShape, TableShape},
    visibility::ColumnTest,
};
use crate::snapshot::{Checked, ClaimPath, Clause, ColumnName, Kind, ObjectName, RoleAccess, Subject, Wanted};

/// Where a role is bound.
#[derive(Clone, Copy)]
pub(super) enum Place<'a> {
    Cube { name: &'a str, cube: &'a CubeShape },
    Table { name: &'a str, table: &'a TableShape },
}

/// A role in one cube or table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum BoundRole {
    Cuts(Cuts),
    /// Its holders are refused, administrators too.
    Broken(Vec<String>),
    /// It is in order, but restricts columns that no join leads to from this table.
    BeyondReach(Vec<String>),
}

/// The conjunction of a role, cut down to each axis that it restricts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Cuts {
    pub(super) unrestricted: bool,
    /// None of them is empty.
    pub(super) axes: BTreeMap<Axis, BTreeSet<BoundClause>>,
}

/// What unions happen within and intersections across.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Axis {
    /// A hierarchy of a cube, by its position.
    Hierarchy(String, usize),
    /// A column that no hierarchy is built on.
    Column(ColumnName),
}

/// A clause whose column is there.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum BoundClause {
    /// The same for every caller, and shared by all of them: deciding must not copy thousands of values.
    Test(Arc<ColumnTest>),
    /// By the caller's own values of a claim.
    Own { column: ColumnName, negated: bool, claim: ClaimPath },
}

/// Why a clause cannot be held.
enum Unbound {
    Problem(BindProblem),
    BeyondReach(String),
}

impl BoundRole {
    pub(super) fn bind(
        role: &Checked<RoleAccess>,
        model: &ModelShape,
        place: Place<'_>,
        problems: &mut BTreeSet<BindProblem>,
    ) -> Self {
        let RoleAccess { unrestricted, cubes: _, clauses, context: _ } = match role {
            Checked::Broken(reasons) => return Self::Broken(reasons.clone()),
            Checked::Valid(access) => access,
        };
        let mut cuts = Cuts { unrestricted: *unrestricted, axes: BTreeMap::new() };
        let (mut broken, mut beyond_reach) = (BTreeSet::new(), BTreeSet::new());
        for clause in clauses {
            match place.axes(clause, model) {
                Err(Unbound::Problem(problem)) => {
                    broken.insert(format!("{}: {}", problem.object, problem.message));
                    problems.insert(problem);
                }
                Err(Unbound::BeyondReach(message)) => drop(beyond_reach.insert(message)),
                Ok(None) => {}
                Ok(Some((column, axes))) => {
                    let bound = BoundClause::new(column.clone(), clause);
                    for axis in axes {
                        cuts.axes.entry(axis).or_default().insert(bound.clone());
                    }
                }
            }
        }
        match (broken.is_empty(), beyond_reach.is_empty()) {
            (true, true) => Self::Cuts(cuts),
            (true, false) => Self::BeyondReach(beyond_reach.into_iter().collect()),
            (false, _) => Self::Broken(broken.into_iter().collect()),
        }
    }
}

impl BoundClause {
    fn new(column: ColumnName, Clause { subject: _, negated, wanted, restriction: _ }: &Clause) -> Self {
        let negated = *negated;
        match wanted.clone() {
            Wanted::Values(values) => Self::Test(Arc::new(ColumnTest { column, negated, values })),
            Wanted::Claim(claim) => Self::Own { column, negated, claim },
        }
    }
}

impl Place<'_> {
    /// The column that a clause restricts here, and the axes: every hierarchy that is built on the column, or the one of
    /// the level. None when the clause says nothing of this place.
    fn axes<'c>(
        &self,
        clause: &'c Clause,
        model: &'c ModelShape,
    ) -> Result<Option<(&'c ColumnName, BTreeSet<Axis>)>, Unbound> {
        match (&clause.subject, *self) {
            (Subject::Column(column), place) => Ok(Some((column, place.axes_of_column(column, clause, model)?))),
            (Subject::Level { cube: of, level }, Place::Cube { name, .. }) if of == name => {
                // Looked up in the model, which outlives this place.
                let Some(cube) = model.cubes.get(name) else { return Ok(None) };
                let (hierarchy, level) = cube
                    .level(level)
                    .map_err(|message| problem(clause, Some(name), format!("cube `{name}`: {message}")))?;
                Ok(Some((&level.column, [Axis::Hierarchy(name.to_owned(), hierarchy)].into())))
            }
            (Subject::Level { .. }, Place::Cube { .. } | Place::Table { .. }) => Ok(None),
        }
    }

    fn axes_of_column(
        &self,
        column: &ColumnName,
        clause: &Clause,
        model: &ModelShape,
    ) -> Result<BTreeSet<Axis>, Unbound> {
        if let Some(message) = model.unknown_column(column) {
            return Err(problem(clause, None, message));
        }
        let beyond_reach = |what: &str, place: &str, from: &str| {
            format!("{what} `{place}` cannot restrict `{column}`: no join leads from {from} to `{}`", column.table)
        };
        match *self {
            Place::Cube { name, cube } if !cube.reachable.contains(column) => {
                Err(problem(clause, Some(name), beyond_reach("cube", name, "its fact table")))
            }
            Place::Cube { name, cube } => Ok(axes_in_cube(column, name, cube)),
            Place::Table { name, table } if !table.reachable.contains(column) => {
                Err(Unbound::BeyondReach(beyond_reach("table", name, "it")))
            }
            // Rows of a table must not show together what a cube keeps apart, so every cube's hierarchies count here too.
            Place::Table { name, .. } => {
                let axes: BTreeSet<Axis> =
                    model.cubes_with(name).flat_map(|(name, cube)| axes_in_cube(column, name, cube)).collect();
                Ok(if axes.is_empty() { [Axis::Column(column.clone())].into() } else { axes })
            }
        }
    }
}

fn axes_in_cube(column: &ColumnName, name: &str, cube: &CubeShape) -> BTreeSet<Axis> {
    let hierarchies: BTreeSet<Axis> =
        cube.hierarchies_on(column).map(|position| Axis::Hierarchy(name.to_owned(), position)).collect();
    if hierarchies.is_empty() { [Axis::Column(column.clone())].into() } else { hierarchies }
}

fn problem(clause: &Clause, cube: Option<&str>, message: String) -> Unbound {
    let object = ObjectName { kind: Kind::Restriction, name: clause.restriction.clone() };
    Unbound::Problem(BindProblem { object, cube: cube.map(str::to_owned), message })
}
