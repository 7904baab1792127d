//! One role in one cube or table: what its clauses restrict there.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{
    BindProblem, cut,
    shape::{CubeShape, ModelShape, TableShape},
    visibility::{PathTest, Paths},
};
use crate::{
    context::RoleContext,
    cut::Selection,
    day::DayPart,
    snapshot::{Checked, ClaimPath, ColumnName, Condition, Kind, ObjectName, RoleAccess, Subject, Wanted},
};

/// Where a role is bound.
#[derive(Clone, Copy)]
pub(super) enum Place<'a> {
    Cube {
        name: &'a str,
        cube: &'a CubeShape,
    },
    /// As a cube that uses it has it, when one does.
    Table {
        name: &'a str,
        table: &'a TableShape,
        user: Option<(&'a String, &'a CubeShape)>,
    },
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
    /// What there is at all, if this role decides what members there are.
    pub(super) granted: Vec<Arc<PathTest>>,
}

/// What unions happen within and intersections across.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Axis {
    /// A hierarchy of a cube, by its position.
    Hierarchy(String, usize),
    /// A column that no hierarchy is built on.
    Column(ColumnName),
}

/// A clause whose columns are there.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum BoundClause {
    /// The same for every caller, and shared by all of them: deciding must not copy thousands of values.
    Test(Arc<PathTest>),
    /// By the caller's own values of a claim.
    Own { column: ColumnName, negated: bool, claim: ClaimPath },
    /// By the day on which it is asked.
    OfDays(DaysTest),
}

/// What is to hold of a path of dates, some of which move with the day.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct DaysTest {
    pub(super) columns: Vec<ColumnName>,
    /// What the columns have of a day.
    pub(super) parts: Vec<DayPart>,
    pub(super) negated: bool,
    pub(super) selection: Selection,
}

/// Why a clause cannot be held.
pub(super) enum Unbound {
    /// Something to change in the policy or the model; and the cube that refuses the holders, all of them when absent.
    Problem {
        cube: Option<String>,
        message: String,
    },
    BeyondReach(String),
}

impl BoundRole {
    pub(super) fn bind(
        role: &Checked<RoleAccess>,
        model: &ModelShape,
        place: Place<'_>,
        problems: &mut BTreeSet<BindProblem>,
    ) -> Self {
        let RoleAccess { unrestricted, cubes: _, clauses, context } = match role {
            Checked::Broken(reasons) => return Self::Broken(reasons.clone()),
            Checked::Valid(access) => access,
        };
        let mut cuts = Cuts { unrestricted: *unrestricted, ..Cuts::default() };
        let (mut broken, mut beyond_reach) = (BTreeSet::new(), BTreeSet::new());
        let mut refuse = |kind: Kind, name: &str, unbound: Unbound| match unbound {
            Unbound::Problem { cube, message } => {
                let object = ObjectName { kind, name: name.to_owned() };
                broken.insert(format!("{object}: {message}"));
                problems.insert(BindProblem { object, cube, message });
            }
            Unbound::BeyondReach(message) => drop(beyond_reach.insert(message)),
        };
        for clause in clauses {
            match place.bind(&clause.condition, model) {
                Err(unbound) => refuse(Kind::Restriction, &clause.restriction, unbound),
                Ok(bound) => {
                    for (axis, clause) in bound {
                        cuts.axes.entry(axis).or_default().insert(clause);
                    }
                }
            }
        }
        if let Some(RoleContext { declared_by, grant_members, .. }) = context {
            for (hierarchy, paths) in grant_members {
                match place.grant(hierarchy, paths) {
                    Err(unbound) => refuse(Kind::Role, declared_by, unbound),
                    Ok(test) => cuts.granted.extend(test.map(Arc::new)),
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
    fn of_line(column: ColumnName, negated: bool, wanted: &Wanted) -> Self {
        match wanted {
            Wanted::Values(values) => {
                Self::Test(Arc::new(PathTest { columns: vec![column], negated, paths: values.into() }))
            }
            Wanted::Claim(claim) => Self::Own { column, negated, claim: claim.clone() },
        }
    }
}

impl BoundClause {
    /// The columns that it speaks of.
    pub(super) fn columns(&self) -> &[ColumnName] {
        match self {
            Self::Test(test) => &test.columns,
            Self::Own { column, .. } => std::slice::from_ref(column),
            Self::OfDays(test) => &test.columns,
        }
    }
}

impl Unbound {
    pub(super) fn problem(cube: Option<&str>, message: String) -> Self {
        Self::Problem { cube: cube.map(str::to_owned), message }
    }
}

impl<'a> Place<'a> {
    /// The cube, or the one that uses the table, with its name.
    pub(super) fn cube(self) -> Option<(&'a str, &'a CubeShape)> {
        match self {
            Place::Cube { name, cube } => Some((name, cube)),
            Place::Table { user, .. } => user.map(|(name, cube)| (name.as_str(), cube)),
        }
    }

    /// The axes that a condition restricts here, each with what is to hold there; none when it says nothing of this place.
    fn bind(self, condition: &Condition, model: &ModelShape) -> Result<Vec<(Axis, BoundClause)>, Unbound> {
        match condition {
            Condition::Cut { cube, cut } => Ok(cut::bind(cube, cut, self, model)?.into_iter().collect()),
            Condition::Line { subject, negated, wanted } => {
                let Some((column, axes)) = self.axes(subject, model)? else { return Ok(Vec::new()) };
                let bound = BoundClause::of_line(column.clone(), *negated, wanted);
                Ok(axes.into_iter().map(|axis| (axis, bound.clone())).collect())
            }
        }
    }

    /// What there is of a hierarchy when only these members are granted; none when there is no such hierarchy here.
    fn grant(self, hierarchy: &str, paths: &BTreeSet<Vec<String>>) -> Result<Option<PathTest>, Unbound> {
        let Some((name, cube)) = self.cube() else { return Ok(None) };
        let Some(found) = cube.hierarchies.iter().find(|found| found.name == hierarchy) else { return Ok(None) };
        let depth = paths.iter().map(Vec::len).max().unwrap_or_default();
        if depth > found.levels.len() {
            let levels = found.levels.len();
            let message = format!(
                "spec.grantMembers: hierarchy `{hierarchy}` of cube `{name}` has {levels} levels, and a path names {depth} members"
            );
            return Err(Unbound::problem(Some(name), message));
        }
        let columns: Vec<ColumnName> = found.levels.iter().take(depth).map(|level| level.column.clone()).collect();
        self.check_reach(&columns)?;
        Ok(Some(PathTest { columns, negated: false, paths: Paths::In(paths.clone()) }))
    }

    /// The column that a line restricts here, and the axes: every hierarchy that is built on the column, or the one of
    /// the level. None when the line says nothing of this place.
    fn axes<'c>(
        self,
        subject: &'c Subject,
        model: &'c ModelShape,
    ) -> Result<Option<(&'c ColumnName, BTreeSet<Axis>)>, Unbound> {
        match (subject, self) {
            (Subject::Column(column), place) => Ok(Some((column, place.axes_of_column(column, model)?))),
            (Subject::Level { cube: of, level }, Place::Cube { name, .. }) if of == name => {
                // Looked up in the model, which outlives this place.
                let Some(cube) = model.cubes.get(name) else { return Ok(None) };
                let (hierarchy, level) = cube
                    .level(level)
                    .map_err(|message| Unbound::problem(Some(name), format!("cube `{name}`: {message}")))?;
                Ok(Some((&level.column, [Axis::Hierarchy(name.to_owned(), hierarchy)].into())))
            }
            (Subject::Level { .. }, Place::Cube { .. } | Place::Table { .. }) => Ok(None),
        }
    }

    fn axes_of_column(self, column: &ColumnName, model: &ModelShape) -> Result<BTreeSet<Axis>, Unbound> {
        if let Some(message) = model.unknown_column(column) {
            return Err(Unbound::problem(None, message));
        }
        self.check_reach(std::slice::from_ref(column))?;
        // Rows of a table must not show together what a cube keeps apart, so the cube's hierarchies count there too.
        Ok(match self.cube() {
            Some((name, cube)) => axes_in_cube(column, name, cube),
            None => [Axis::Column(column.clone())].into(),
        })
    }

    /// Fails when the joins do not lead from here to a column.
    pub(super) fn check_reach(self, columns: &[ColumnName]) -> Result<(), Unbound> {
        let beyond =
            |reachable: &BTreeSet<ColumnName>| columns.iter().find(|column| !reachable.contains(column)).cloned();
        let message = |what: &str, place: &str, from: &str, column: &ColumnName| {
            format!("{what} `{place}` cannot restrict `{column}`: no join leads from {from} to `{}`", column.table)
        };
        match self {
            Place::Cube { name, cube } => beyond(&cube.reachable).map_or(Ok(()), |column| {
                Err(Unbound::problem(Some(name), message("cube", name, "its fact table", &column)))
            }),
            Place::Table { name, table, .. } => beyond(&table.reachable)
                .map_or(Ok(()), |column| Err(Unbound::BeyondReach(message("table", name, "it", &column)))),
        }
    }
}

fn axes_in_cube(column: &ColumnName, name: &str, cube: &CubeShape) -> BTreeSet<Axis> {
    let hierarchies: BTreeSet<Axis> =
        cube.hierarchies_on(column).map(|position| Axis::Hierarchy(name.to_owned(), position)).collect();
    if hierarchies.is_empty() { [Axis::Column(column.clone())].into() } else { hierarchies }
}
