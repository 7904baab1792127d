//! Binds the access part of a policy to a loaded model: which of its columns exist, which hierarchies
//! they restrict in which cube, and thus which rows a caller with given roles may see.
//!
//! ```text
//! Access + ModelShape ──bind──▶ BoundAccess ──visibility(cube, roles)──▶ Visibility ──▶ rows
//! ```
//!
//! A role's restrictions form one conjunction of clauses `column ∈ values`. For each hierarchy `h` of the
//! queried cube, `A_h` is the set of those conjunctions cut down to the levels of `h`, over the roles of
//! the caller, empty ones dropped. Then
//!
//! ```text
//! visible(row) ⇔ ROLE_ADMIN ∨ ∀h: A_h = ∅ ∨ ∃a ∈ A_h: row satisfies a
//! ```
//!
//! that is: union within a hierarchy, intersection across. A column restricts every hierarchy built on
//! it; a restricted column in no hierarchy is a hierarchy of its own. A column that the cube's joins do
//! not reach makes that cube refuse the holders of the role; one that does not exist makes every cube.
//!
//! A table is read by the same rule, with every column a hierarchy of its own. A restricted column that the table's joins
//! do not reach makes the table refuse the holders of the role; that is no problem of the policy, which need not be made for
//! every table.

use std::collections::{BTreeMap, BTreeSet};

use cubegate_api::ROLE_ADMIN;
use serde::{Deserialize, Serialize};

use crate::{
    nearest::suggestion,
    resolve::{Refusal, gate},
    snapshot::{Access, Checked, Clause, ColumnName, Combine, Kind, ObjectName},
};

/// What binding needs to know of a loaded model.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ModelShape {
    /// The tables by name.
    pub tables: BTreeMap<String, TableShape>,
    /// The cubes by name.
    pub cubes: BTreeMap<String, CubeShape>,
}

/// What binding needs to know of a table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TableShape {
    /// Its own columns.
    pub columns: BTreeSet<String>,
    /// All columns of the table and of the tables that joins reach from it.
    pub reachable: BTreeSet<ColumnName>,
}

/// What binding needs to know of a cube.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CubeShape {
    /// The hierarchies of the cube.
    pub hierarchies: Vec<HierarchyShape>,
    /// All columns of the fact table and of the tables that joins reach from it.
    pub reachable: BTreeSet<ColumnName>,
}

/// What binding needs to know of a hierarchy.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HierarchyShape {
    /// Name of the hierarchy.
    pub name: String,
    /// Its levels, coarsest first.
    pub levels: Vec<ColumnName>,
}

/// An access policy bound to a model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BoundAccess {
    cubes: BTreeMap<String, BoundRoles>,
    tables: BTreeMap<String, BoundRoles>,
    problems: Vec<BindProblem>,
}

/// Something in a policy that cannot be applied to the loaded model. Its holders are refused.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BindProblem {
    /// The object that says it.
    pub object: ObjectName,
    /// The cube that refuses the holders; all of them when absent.
    pub cube: Option<String>,
    /// A sentence that names the nearest valid thing.
    pub message: String,
}

/// The rows that a caller may see: those for which every [`AnyOf`] holds, one per restricted hierarchy.
/// None restricted: all rows.
///
/// Canonical: the same clauses give an equal value in whatever order they come, so it may be the key of a cache.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Visibility {
    /// All of these hold.
    pub all_of: Vec<AnyOf>,
}

/// At least one of these holds. Not empty.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct AnyOf(pub Vec<Conjunction>);

/// All of these hold. Not empty. A column may occur more than once.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Conjunction(pub Vec<ColumnIn>);

/// `column ∈ values`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct ColumnIn {
    /// The column.
    pub column: ColumnName,
    /// Values as text, to be read by the type of the column.
    pub values: BTreeSet<String>,
}

/// Each role in one cube or table.
type BoundRoles = BTreeMap<String, BoundRole>;

/// A role in one cube or table.
#[derive(Clone, Debug, PartialEq, Eq)]
enum BoundRole {
    Cuts(Cuts),
    /// Its holders are refused, administrators too.
    Broken(Vec<String>),
    /// It is in order, but restricts columns that no join leads to from this table.
    BeyondReach(Vec<String>),
}

/// One role in one cube or table: its conjunction, cut down to each hierarchy that it restricts.
type Cuts = BTreeMap<Axis, BTreeSet<ColumnIn>>;

/// What unions happen within and intersections across.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Axis {
    /// A hierarchy, by its position in the cube.
    Hierarchy(usize),
    /// A column that no hierarchy of the cube is built on.
    Column(ColumnName),
}

impl BoundAccess {
    /// Binds each role in each cube and each table.
    pub fn bind(access: &Access, model: &ModelShape) -> Self {
        let Access { combine: Combine::PerHierarchy, roles } = access;
        let mut problems = BTreeSet::new();
        let mut bind_all = |place: &Place<'_>| -> BoundRoles {
            let bound = roles.iter().map(|(role, clauses)| {
                let cuts = match clauses {
                    Checked::Broken(reasons) => BoundRole::Broken(reasons.clone()),
                    Checked::Valid(clauses) => bind_role(clauses, model, place, &mut problems),
                };
                (role.clone(), cuts)
            });
            bound.collect()
        };
        let cubes = model.cubes.iter().map(|(name, cube)| (name.clone(), bind_all(&Place::Cube { name, cube })));
        let cubes = cubes.collect();
        let tables = model.tables.iter().map(|(name, table)| (name.clone(), bind_all(&Place::Table { name, table })));
        let tables = tables.collect();
        Self { cubes, tables, problems: problems.into_iter().collect() }
    }

    /// What of the policy cannot be applied to the model, ordered.
    pub fn problems(&self) -> &[BindProblem] {
        &self.problems
    }

    /// Which rows of a cube a caller with these roles may see, or why the caller is refused.
    ///
    /// The roles are all those of the caller, as [`resolve`](crate::resolve::resolve) gives them. The gate is
    /// checked here again: an empty set of roles must never read as “nothing is restricted”.
    pub fn visibility(&self, cube: &str, roles: &BTreeSet<String>) -> Result<Visibility, Refusal> {
        let bound = self.cubes.get(cube).ok_or_else(|| Refusal::UnknownCube { cube: cube.to_owned() })?;
        visibility(bound, roles)
    }

    /// Which rows of a table a caller with these roles may see, or why the caller is refused.
    pub fn table_visibility(&self, table: &str, roles: &BTreeSet<String>) -> Result<Visibility, Refusal> {
        let bound = self.tables.get(table).ok_or_else(|| Refusal::UnknownTable { table: table.to_owned() })?;
        visibility(bound, roles)
    }
}

/// Where a role is bound.
enum Place<'a> {
    Cube { name: &'a str, cube: &'a CubeShape },
    Table { name: &'a str, table: &'a TableShape },
}

impl Place<'_> {
    fn reachable(&self) -> &BTreeSet<ColumnName> {
        match self {
            Self::Cube { cube, .. } => &cube.reachable,
            Self::Table { table, .. } => &table.reachable,
        }
    }

    fn hierarchies(&self) -> &[HierarchyShape] {
        match self {
            Self::Cube { cube, .. } => &cube.hierarchies,
            Self::Table { .. } => &[],
        }
    }
}

fn visibility(bound: &BoundRoles, roles: &BTreeSet<String>) -> Result<Visibility, Refusal> {
    let of_roles = roles.iter().map(|role| usable(bound, role)).collect::<Result<Vec<_>, Refusal>>()?;
    gate(roles)?;
    if roles.contains(ROLE_ADMIN) {
        return Ok(Visibility::default());
    }
    Ok(per_hierarchy(of_roles.into_iter().collect::<Result<Vec<&Cuts>, Refusal>>()?))
}

/// What a role cuts, or why it has to be refused to everybody; inside, to all but administrators.
fn usable<'a>(bound: &'a BoundRoles, role: &str) -> Result<Result<&'a Cuts, Refusal>, Refusal> {
    let role_name = role.to_owned();
    match bound.get(role) {
        Some(BoundRole::Cuts(cuts)) => Ok(Ok(cuts)),
        Some(BoundRole::BeyondReach(reasons)) => {
            Ok(Err(Refusal::BeyondReach { role: role_name, reasons: reasons.clone() }))
        }
        Some(BoundRole::Broken(reasons)) => Err(Refusal::BrokenRole { role: role_name, reasons: reasons.clone() }),
        None => Err(Refusal::BrokenRole { role: role_name, reasons: vec!["the policy does not know it".into()] }),
    }
}

/// Union within an axis, intersection across axes.
fn per_hierarchy(roles: Vec<&Cuts>) -> Visibility {
    let mut admitted: BTreeMap<&Axis, BTreeSet<Conjunction>> = BTreeMap::new();
    for (axis, cut) in roles.into_iter().flatten() {
        admitted.entry(axis).or_default().insert(Conjunction(cut.iter().cloned().collect()));
    }
    // Two hierarchies on the same restricted columns say the same thing; one of them is enough.
    let all_of: BTreeSet<AnyOf> =
        admitted.into_values().map(|conjunctions| AnyOf(conjunctions.into_iter().collect())).collect();
    Visibility { all_of: all_of.into_iter().collect() }
}

fn bind_role(
    clauses: &[Clause],
    model: &ModelShape,
    place: &Place<'_>,
    problems: &mut BTreeSet<BindProblem>,
) -> BoundRole {
    let mut cuts = Cuts::new();
    let (mut broken, mut beyond_reach) = (BTreeSet::new(), BTreeSet::new());
    for clause in clauses {
        match axes(clause, model, place) {
            Err(Unbound::Problem(problem)) => {
                broken.insert(format!("{}: {}", problem.object, problem.message));
                problems.insert(problem);
            }
            Err(Unbound::BeyondReach(message)) => {
                beyond_reach.insert(message);
            }
            Ok(axes) => {
                let leaf = ColumnIn { column: clause.column.clone(), values: clause.values.clone() };
                for axis in axes {
                    cuts.entry(axis).or_default().insert(leaf.clone());
                }
            }
        }
    }
    match (broken.is_empty(), beyond_reach.is_empty()) {
        (true, true) => BoundRole::Cuts(cuts),
        (true, false) => BoundRole::BeyondReach(beyond_reach.into_iter().collect()),
        (false, _) => BoundRole::Broken(broken.into_iter().collect()),
    }
}

/// Why a clause cannot be held.
enum Unbound {
    Problem(BindProblem),
    BeyondReach(String),
}

/// The hierarchies that a clause restricts: all that are built on its column, or the column itself.
fn axes(clause: &Clause, model: &ModelShape, place: &Place<'_>) -> Result<Vec<Axis>, Unbound> {
    let column = &clause.column;
    let problem = |cube: Option<&str>, message: String| {
        let object = ObjectName { kind: Kind::Restriction, name: clause.restriction.clone() };
        Unbound::Problem(BindProblem { object, cube: cube.map(str::to_owned), message })
    };
    if let Some(message) = unknown(column, model) {
        return Err(problem(None, message));
    }
    if !place.reachable().contains(column) {
        let table = &column.table;
        return Err(match place {
            Place::Cube { name, .. } => problem(
                Some(name),
                format!("cube `{name}` cannot restrict `{column}`: no join leads from its fact table to `{table}`"),
            ),
            Place::Table { name, .. } => Unbound::BeyondReach(format!(
                "table `{name}` cannot restrict `{column}`: no join leads from it to `{table}`"
            )),
        });
    }
    let hierarchies = place.hierarchies().iter().enumerate();
    let axes: Vec<Axis> = hierarchies
        .filter(|(_, hierarchy)| hierarchy.levels.contains(column))
        .map(|(position, _)| Axis::Hierarchy(position))
        .collect();
    Ok(if axes.is_empty() { vec![Axis::Column(column.clone())] } else { axes })
}

fn unknown(column: &ColumnName, model: &ModelShape) -> Option<String> {
    let ColumnName { table, column } = column;
    match model.tables.get(table) {
        None => {
            let suggestion = suggestion(table, "tables", model.tables.keys().map(String::as_str));
            Some(format!("there is no table `{table}`; {suggestion}"))
        }
        Some(TableShape { columns, .. }) if !columns.contains(column) => {
            let suggestion = suggestion(column, "columns", columns.iter().map(String::as_str));
            Some(format!("table `{table}` has no column `{column}`; {suggestion}"))
        }
        Some(_) => None,
    }
}
