//! From objects to a [`Snapshot`].
//!
//! ```text
//! Restrictions ──▶ clauses ──┐
//! Roles ─────────────────────┴▶ roles ──┐
//! TechnicalUsers, authentication ───────┴▶ ways in ──▶ Snapshot
//!        └────────────── each stage adds to ──────────▶ Problems
//! ```
//!
//! # What cannot be compiled is never treated as absent
//!
//! A mistake in an object breaks what depends on the object and nothing else, and all mistakes are reported at once:
//!
//! | wrong                                                  | refused                                             |
//! |--------------------------------------------------------|-----------------------------------------------------|
//! | a Restriction                                          | holders of the roles that name it                   |
//! | a Role: names, validity, missing Restriction, circle   | its holders, and those of roles that inherit it     |
//! | two Roles with one role name                           | the holders of both                                 |
//! | a Role that cannot be read                             | the holders that its text names, however misspelt   |
//! | a Role that cannot be read at all                      | everyone, because anyone may be a holder            |
//! | `ROLE_USER` or `ROLE_ADMIN` restricted                 | their holders                                       |
//! | a TechnicalUser: name, Secret, unknown role, validity  | that user                                           |
//! | the client secret, the audience, a claim               | users of the provider; Basic lives on               |
//! | `defaultRoles`                                         | users of the provider who have no role of their own |
//! | `guestRoles`                                           | guests: they are asked for credentials              |
//! | tables, joins, cubes of the Session                    | nobody here: the engine does not load such a model  |
//!
//! A holder is refused whatever else they hold; being an administrator does not help. An object that does not say
//! readably which Session it belongs to counts for every Session of its namespace.
//!
//! Equal objects give equal bytes, in whatever order they come.

mod advice;
mod authentication;
mod edge;
mod holders;
mod inheritance;
mod objects;
mod problem;
mod providers;
mod restrictions;
mod roles;
mod session;
mod validity;

use std::collections::{BTreeMap, BTreeSet};

use cubegate_api::session::Access as AccessRule;

pub use self::{
    advice::{Advice, advice},
    objects::{InvalidObject, Objects, Parsed},
    problem::{Problem, ProblemKind},
};
use self::{problem::Problems, roles::CompiledRole};
use crate::snapshot::{Access, Door, RolesByName, Snapshot};

/// A policy, and what is wrong with the objects that it was compiled from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compiled {
    /// The policy. What could not be compiled is in it as broken.
    pub snapshot: Snapshot,
    /// Everything that is wrong, ordered.
    pub problems: Vec<Problem>,
}

/// Compiles the objects of a Session.
pub fn compile(objects: &Objects) -> Compiled {
    let Objects { session, roles, restrictions, technical_users, password_hashes: _, client_secrets: _ } = objects;
    let name = objects::session_name(session).name;
    let mut problems = Problems::default();

    let own_roles = objects::own(&name, roles, &mut problems);
    let own_restrictions = objects::own(&name, restrictions, &mut problems);
    let own_users = objects::own(&name, technical_users, &mut problems);
    let sources = objects::sources(session, &own_roles, &own_restrictions, &own_users);

    session::check(session, &mut problems);
    let names = session::names(session);
    let restrictions = restrictions::compile(&own_restrictions, &names, &mut problems);
    let roles = roles::compile(&own_roles, &restrictions, &names, &mut problems);
    let authentication = authentication::compile(objects, &own_users, &roles, &mut problems);

    let url = session.spec.url.as_deref().map(|url| url.trim_end_matches('/').to_owned());
    let mapped = roles_by(&roles, |role| &role.mapped_from);
    let granted = roles_by(&roles, |role| &role.users);
    let (at_the_door, of_roles) =
        roles.into_iter().map(|(role, compiled)| ((role.clone(), compiled.door), (role, compiled.access))).unzip();
    let edge = edge::compile(&session.spec);
    let door = Door { url, edge, authentication, mapped, granted, roles: at_the_door };
    let AccessRule { combine, unmatched } = session.spec.access;
    let access = Access { combine, unmatched, roles: of_roles };
    Compiled { snapshot: Snapshot { session: name, sources, door, access }, problems: problems.into_ordered() }
}

/// Turns “role → names” round, because callers come with names.
fn roles_by(roles: &BTreeMap<String, CompiledRole>, names: impl Fn(&CompiledRole) -> &BTreeSet<String>) -> RolesByName {
    let mut by_name = RolesByName::new();
    for (role, compiled) in roles {
        for name in names(compiled) {
            by_name.entry(name.clone()).or_default().insert(role.clone());
        }
    }
    by_name
}
