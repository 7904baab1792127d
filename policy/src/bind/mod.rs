//! Binds the access part of a policy to a loaded model: which of its columns exist, which hierarchies
//! they restrict in which cube, and thus which rows a caller with given roles may see.
//!
//! ```text
//! Access + ModelShape ──bind──▶ BoundAccess ──visibility(cube, rights)──▶ Visibility ──▶ rows
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
//! That is `combine: PerHierarchy`. Under `All` every clause of every role holds; under `PerRole` a row is visible if some
//! restricting role admits it whole. Under each of them the conjunction of a role that has lapsed is one that nothing satisfies.
//!
//! A clause on a level restricts the hierarchy of that level in that cube, and nothing else. A cut restricts the hierarchy
//! that it means in every cube that it is of, and every table that such a cube uses.
//!
//! A table shows a row if every cube whose joins lead to the table would show it: rows must not show together what a cube
//! keeps apart. A table that no cube uses is read with every column a hierarchy of its own. A restricted column that
//! the table's joins do not reach makes the table refuse the holders of the role; that is no problem of the policy, which need not be
//! made for every table.

mod cut;
mod role;
mod shape;
mod visibility;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use cubegate_api::ROLE_ADMIN;
use serde::{Deserialize, Serialize};

pub use self::{
    cut::path_in_cubes,
    shape::{CubeShape, HierarchyShape, LevelShape, MemberKind, ModelShape, TableShape},
    visibility::{AnyOf, Conjunction, PathTest, Paths, Visibility},
};
use self::{
    role::{BoundRole, Cuts, Place},
    visibility::Rule,
};
use crate::{
    context::{CallerContext, ContextValues, RoleContext, by_authority},
    cubes::{self, CubeRights},
    resolve::{Refusal, admit},
    rights::Rights,
    snapshot::{Access, Checked, Kind, ObjectName, RoleAccess},
};

/// An access policy bound to a model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BoundAccess {
    rule: Rule,
    cubes: BTreeMap<String, BoundRoles>,
    tables: BTreeMap<String, BoundTable>,
    /// What roles say of cubes. A role that says nothing is not there.
    rights: BTreeMap<String, CubeRights>,
    /// What roles give their holders. A role that gives nothing is not there.
    contexts: BTreeMap<String, RoleContext>,
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

/// Each role in one cube or table. They are only ever looked up, once or more for each role of each caller.
type BoundRoles = HashMap<String, BoundRole>;

/// Each role in one table, as each cube that uses it would have it; as itself, when none does.
#[derive(Clone, Debug, PartialEq, Eq)]
struct BoundTable {
    parts: Vec<BoundRoles>,
    cubes: BTreeSet<String>,
}

impl BoundAccess {
    /// Binds each role in each cube and each table.
    pub fn bind(access: &Access, model: &ModelShape) -> Self {
        let Access { combine, unmatched, roles } = access;
        let mut problems = BTreeSet::new();
        let contexts = contexts(access);
        let misnamed = misnamed(&contexts, model, &mut problems);
        let mut bind_all = |place: Place<'_>| -> BoundRoles {
            let bound = roles.iter().map(|(role, access)| {
                let bound = BoundRole::bind(access, model, place, &mut problems);
                (role.clone(), misnamed.get(role).map_or(bound, |reasons| BoundRole::Broken(reasons.clone())))
            });
            bound.collect()
        };
        let cubes = model.cubes.iter().map(|(name, cube)| (name.clone(), bind_all(Place::Cube { name, cube })));
        let cubes = cubes.collect();
        let tables = model.tables.iter().map(|(name, table)| {
            let users: Vec<_> = model.cubes_with(name).collect();
            let cubes = users.iter().map(|(cube, _)| (*cube).clone()).collect();
            let users = if users.is_empty() { vec![None] } else { users.into_iter().map(Some).collect() };
            let parts = users.into_iter().map(|user| bind_all(Place::Table { name, table, user })).collect();
            (name.clone(), BoundTable { parts, cubes })
        });
        let tables = tables.collect();
        let rights = roles.iter().filter_map(|(role, access)| match access {
            Checked::Valid(RoleAccess { cubes, .. }) => Some((role.clone(), cubes.clone()?)),
            Checked::Broken(_) => None,
        });
        let rights = rights.collect();
        let rule = Rule { combine: *combine, unmatched: *unmatched };
        Self { rule, cubes, tables, rights, contexts, problems: problems.into_iter().collect() }
    }

    /// What of the policy cannot be applied to the model, ordered.
    pub fn problems(&self) -> &[BindProblem] {
        &self.problems
    }

    /// Which rows of a cube a caller with these rights may see, or why the caller is refused. A cube that the
    /// caller may not see is unknown.
    ///
    /// The rights are those that [`resolve`](crate::resolve::resolve) gives. The gate is
    /// checked here again: an empty set of roles must never read as “nothing is restricted”.
    pub fn visibility(&self, cube: &str, rights: &Rights) -> Result<Visibility, Refusal> {
        let bound = self.cubes.get(cube).filter(|_| self.shows(cube, rights));
        let bound = bound.ok_or_else(|| Refusal::UnknownCube { cube: cube.to_owned() })?;
        self.visibility_of(bound, rights)
    }

    /// Which rows of a table a caller with these rights may see, or why the caller is refused. A table that
    /// any cube uses which the caller may not see is unknown: its rows are of that cube too.
    pub fn table_visibility(&self, table: &str, rights: &Rights) -> Result<Visibility, Refusal> {
        let is_shown = |BoundTable { cubes, .. }: &&BoundTable| cubes.iter().all(|cube| self.shows(cube, rights));
        let bound = self.tables.get(table).filter(is_shown);
        let bound = bound.ok_or_else(|| Refusal::UnknownTable { table: table.to_owned() })?;
        let parts = bound.parts.iter().map(|part| self.visibility_of(part, rights));
        Ok(Visibility::all(parts.collect::<Result<Vec<_>, Refusal>>()?))
    }

    /// What holds for the queries of whoever has these rights, in a cube that gives this to everybody.
    pub fn context(
        &self,
        Rights { roles, lapsed, attributes: _, today: _ }: &Rights,
        cube: &ContextValues,
    ) -> CallerContext {
        let given = |role| Some((String::as_str(role), self.contexts.get(role)?));
        let valid = CallerContext::of(roles.iter().filter_map(given), roles.contains(ROLE_ADMIN), cube);
        if lapsed.is_empty() {
            return valid;
        }
        let is_admin = roles.contains(ROLE_ADMIN) || lapsed.contains(ROLE_ADMIN);
        let endless = CallerContext::of(roles.iter().chain(lapsed).filter_map(given), is_admin, cube);
        valid.within(endless)
    }

    /// Whether a cube is there for whoever has these rights.
    fn shows(&self, cube: &str, Rights { roles, lapsed, attributes: _, today: _ }: &Rights) -> bool {
        let said = |role: &String, has_lapsed| Some((self.rights.get(role)?, has_lapsed));
        let valid = roles.iter().filter_map(|role| said(role, false));
        roles.contains(ROLE_ADMIN)
            || cubes::is_visible(cube, valid.chain(lapsed.iter().filter_map(|role| said(role, true))))
    }

    fn visibility_of(&self, bound: &BoundRoles, rights: &Rights) -> Result<Visibility, Refusal> {
        let Rights { roles, lapsed, attributes: _, today: _ } = rights;
        let (valid, lapsed) = (all_usable(bound, roles)?, all_usable(bound, lapsed)?);
        admit(roles.iter().map(String::as_str))?;
        if roles.contains(ROLE_ADMIN) {
            return Ok(Visibility::default());
        }
        let within_reach = |roles: Vec<Result<_, Refusal>>| roles.into_iter().collect::<Result<Vec<&Cuts>, Refusal>>();
        let restricted = self.rule.visibility(&within_reach(valid)?, &within_reach(lapsed)?, rights);
        // No members but those that there are by valid roles, and would be if none had lapsed.
        let granting = [self.granting(roles.iter()), self.granting(roles.iter().chain(&rights.lapsed))];
        let granting: BTreeSet<&str> = granting.into_iter().flatten().collect();
        let granting = granting.into_iter().filter_map(|role| usable(bound, role).ok()?.ok());
        let granted = granting.filter(|cuts| !cuts.granted.is_empty()).map(|cuts| Visibility::with(&cuts.granted));
        let mut parts: Vec<Visibility> = granted.collect();
        if parts.is_empty() {
            return Ok(restricted);
        }
        parts.push(restricted);
        Ok(Visibility::all(parts))
    }

    /// The one of these roles that decides which members there are.
    fn granting<'a>(&'a self, roles: impl Iterator<Item = &'a String>) -> Option<&'a str> {
        let of_roles = roles.filter_map(|role| Some((role.as_str(), self.contexts.get(role)?)));
        let granting = of_roles.filter(|(_, context)| !context.grant_members.is_empty());
        by_authority(granting).first().map(|(role, _)| *role)
    }
}

fn contexts(Access { roles, .. }: &Access) -> BTreeMap<String, RoleContext> {
    let given = roles.iter().filter_map(|(role, access)| match access {
        Checked::Valid(RoleAccess { context, .. }) => Some((role.clone(), context.clone()?)),
        Checked::Broken(_) => None,
    });
    given.collect()
}

/// The roles that speak of what no cube has, and why each is refused.
fn misnamed(
    contexts: &BTreeMap<String, RoleContext>,
    model: &ModelShape,
    problems: &mut BTreeSet<BindProblem>,
) -> BTreeMap<String, Vec<String>> {
    let mut misnamed = BTreeMap::new();
    for (role, context) in contexts {
        let object = ObjectName { kind: Kind::Role, name: context.declared_by.clone() };
        let mut reasons = Vec::new();
        for message in context.unknown_names(model) {
            reasons.push(format!("{object}: {message}"));
            problems.insert(BindProblem { object: object.clone(), cube: None, message });
        }
        if !reasons.is_empty() {
            misnamed.insert(role.clone(), reasons);
        }
    }
    misnamed
}

/// What several roles cut, or why one of them has to be refused.
fn all_usable<'a>(bound: &'a BoundRoles, roles: &BTreeSet<String>) -> Result<Vec<Result<&'a Cuts, Refusal>>, Refusal> {
    roles.iter().map(|role| usable(bound, role)).collect()
}

/// What a role cuts, or why it has to be refused to everybody; inside, to all but administrators.
fn usable<'a>(bound: &'a BoundRoles, role: &str) -> Result<Result<&'a Cuts, Refusal>, Refusal> {
    match bound.get(role) {
        Some(BoundRole::Cuts(cuts)) => Ok(Ok(cuts)),
        Some(BoundRole::BeyondReach(reasons)) => {
            Ok(Err(Refusal::BeyondReach { role: role.to_owned(), reasons: reasons.clone() }))
        }
        Some(BoundRole::Broken(reasons)) => {
            Err(Refusal::BrokenRole { role: role.to_owned(), reasons: reasons.clone() })
        }
        None => Err(Refusal::BrokenRole { role: role.to_owned(), reasons: vec!["the policy does not know it".into()] }),
    }
}
