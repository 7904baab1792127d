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
    /// All columns of all tables, by table.
    pub tables: BTreeMap<String, BTreeSet<String>>,
    /// The cubes by name.
    pub cubes: BTreeMap<String, CubeShape>,
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
    cubes: BTreeMap<String, BTreeMap<String, Checked<Cuts>>>,
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

/// One role in one cube: its conjunction, cut down to each hierarchy that it restricts.
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
    /// Binds each role in each cube.
    pub fn bind(access: &Access, model: &ModelShape) -> Self {
        let Access { combine: Combine::PerHierarchy, roles } = access;
        let mut problems = BTreeSet::new();
        let cubes = model
            .cubes
            .iter()
            .map(|(cube_name, cube)| {
                let bound = roles.iter().map(|(role, clauses)| {
                    let cuts = match clauses {
                        Checked::Broken(reasons) => Checked::Broken(reasons.clone()),
                        Checked::Valid(clauses) => bind_role(clauses, model, cube_name, cube, &mut problems),
                    };
                    (role.clone(), cuts)
                });
                (cube_name.clone(), bound.collect())
            })
            .collect();
        Self { cubes, problems: problems.into_iter().collect() }
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
        let cuts = roles.iter().map(|role| usable(bound, role)).collect::<Result<Vec<&Cuts>, Refusal>>()?;
        gate(roles)?;
        if roles.contains(ROLE_ADMIN) {
            return Ok(Visibility::default());
        }
        Ok(per_hierarchy(cuts))
    }
}

fn usable<'a>(bound: &'a BTreeMap<String, Checked<Cuts>>, role: &str) -> Result<&'a Cuts, Refusal> {
    let reasons = match bound.get(role) {
        Some(Checked::Valid(cuts)) => return Ok(cuts),
        Some(Checked::Broken(reasons)) => reasons.clone(),
        None => vec!["the policy does not know it".into()],
    };
    Err(Refusal::BrokenRole { role: role.to_owned(), reasons })
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
    cube_name: &str,
    cube: &CubeShape,
    problems: &mut BTreeSet<BindProblem>,
) -> Checked<Cuts> {
    let mut cuts = Cuts::new();
    let mut reasons = BTreeSet::new();
    for clause in clauses {
        match axes(clause, model, cube_name, cube) {
            Err(problem) => {
                reasons.insert(format!("{}: {}", problem.object, problem.message));
                problems.insert(problem);
            }
            Ok(axes) => {
                let leaf = ColumnIn { column: clause.column.clone(), values: clause.values.clone() };
                for axis in axes {
                    cuts.entry(axis).or_default().insert(leaf.clone());
                }
            }
        }
    }
    if reasons.is_empty() { Checked::Valid(cuts) } else { Checked::Broken(reasons.into_iter().collect()) }
}

/// The hierarchies that a clause restricts in a cube: all that are built on its column, or the column itself.
fn axes(clause: &Clause, model: &ModelShape, cube_name: &str, cube: &CubeShape) -> Result<Vec<Axis>, BindProblem> {
    let column = &clause.column;
    let problem = |cube: Option<&str>, message: String| BindProblem {
        object: ObjectName { kind: Kind::Restriction, name: clause.restriction.clone() },
        cube: cube.map(str::to_owned),
        message,
    };
    if let Some(message) = unknown(column, model) {
        return Err(problem(None, message));
    }
    if !cube.reachable.contains(column) {
        let message = format!(
            "cube `{cube_name}` cannot restrict `{column}`: no join leads from its fact table to `{}`",
            column.table
        );
        return Err(problem(Some(cube_name), message));
    }
    let hierarchies = cube.hierarchies.iter().enumerate().filter(|(_, hierarchy)| hierarchy.levels.contains(column));
    let axes: Vec<Axis> = hierarchies.map(|(position, _)| Axis::Hierarchy(position)).collect();
    Ok(if axes.is_empty() { vec![Axis::Column(column.clone())] } else { axes })
}

fn unknown(column: &ColumnName, model: &ModelShape) -> Option<String> {
    let ColumnName { table, column } = column;
    match model.tables.get(table) {
        None => {
            let suggestion = suggestion(table, "tables", model.tables.keys().map(String::as_str));
            Some(format!("there is no table `{table}`; {suggestion}"))
        }
        Some(columns) if !columns.contains(column) => {
            let suggestion = suggestion(column, "columns", columns.iter().map(String::as_str));
            Some(format!("table `{table}` has no column `{column}`; {suggestion}"))
        }
        Some(_) => None,
    }
}
