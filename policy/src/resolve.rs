//! From an identity to roles.
//!
//! ```text
//! provider roles, name ──mappedFrom──┐
//! TechnicalUser.roles ───────────────┼──▶ base ──(empty? defaultRoles)──▶ ──inherits──▶ roles ──gate──▶ Resolved
//! name ──users───────────────────────┘                                                        └───────▶ Refusal
//! ```
//!
//! - `mappedFrom` speaks of the provider: of its roles, and of its users by name. It says nothing of
//!   TechnicalUsers, who have the roles of their object. `users` grants a role to a name, whichever way it comes.
//! - `defaultRoles` are for a user of the provider who got no role any other way.
//! - In an open Session whoever comes is `anonymousUser` with `ROLE_ADMIN`, `ROLE_ANONYMOUS` and `ROLE_USER`.
//! - A user of the provider is refused while the provider's configuration is broken, and unknown once it is gone.
//!
//! A caller who holds a broken role, however it came to them, is refused, administrators included:
//! what cannot be compiled is never treated as absent. Nobody else notices.

use std::collections::BTreeSet;

use cubegate_api::{ROLE_ADMIN, ROLE_ANONYMOUS, ROLE_USER};

use crate::{
    attributes::Attributes,
    limits::ATTRIBUTES_BYTES_MAX,
    snapshot::{Authentication, Checked, Door, Oidc, TechnicalUser, Ways},
};

/// Name of whoever comes to an open Session.
pub const ANONYMOUS_USER: &str = "anonymousUser";

/// Someone whose identity has been proven; or nobody in particular.
#[derive(Clone, Copy, Debug)]
pub enum Caller<'a> {
    /// Proved to be a TechnicalUser (Basic).
    TechnicalUser {
        /// The user name.
        username: &'a str,
    },
    /// Proved to be a user of the OpenID Connect provider.
    ProviderUser {
        /// The name by the provider's name claim.
        name: &'a str,
        /// What [`provider_roles`](crate::claims::provider_roles) found.
        provider_roles: &'a BTreeSet<String>,
        /// What [`Attributes::of_claims`] found.
        attributes: &'a Attributes,
    },
    /// Brought no credentials.
    Anonymous,
}

/// A caller who may come in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolved {
    /// The caller's name.
    pub user: String,
    /// All roles of the caller, inherited ones included. At least one of `ROLE_USER` and `ROLE_ADMIN`.
    pub roles: BTreeSet<String>,
    /// What restrictions may ask of the caller.
    pub attributes: Attributes,
}

/// Why a caller is refused. The text is for logs; callers see only the status.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The caller is known but has neither `ROLE_USER` nor `ROLE_ADMIN`. (403)
    #[error("neither ROLE_USER nor ROLE_ADMIN among the caller's roles")]
    NoAccess,
    /// The caller holds a role that cannot be enforced. (403)
    #[error("role `{role}` is broken: {}", reasons.join("; "))]
    BrokenRole {
        /// Name of the role.
        role: String,
        /// What is wrong with it.
        reasons: Vec<String>,
    },
    /// The caller holds a role that restricts columns which no join leads to from the table that is to be read. (403)
    #[error("role `{role}` restricts what is beyond reach: {}", reasons.join("; "))]
    BeyondReach {
        /// Name of the role.
        role: String,
        /// What cannot be reached.
        reasons: Vec<String>,
    },
    /// The caller has more attributes than can travel to the engine. (403)
    #[error("the caller's attributes take more than {ATTRIBUTES_BYTES_MAX} bytes")]
    TooManyAttributes,
    /// The caller's TechnicalUser cannot be used; who it is cannot be proven. (401)
    #[error("TechnicalUser `{username}` is broken: {}", reasons.join("; "))]
    BrokenUser {
        /// The user name.
        username: String,
        /// What is wrong with it.
        reasons: Vec<String>,
    },
    /// The caller comes from a provider whose configuration cannot be used, or would get default roles that do not exist. (403)
    #[error("OpenID Connect is broken: {}", reasons.join("; "))]
    BrokenProvider {
        /// What is wrong with it.
        reasons: Vec<String>,
    },
    /// The Session has no such TechnicalUser or no provider (any more). (401)
    #[error("the Session does not know a user `{user}` by this way in")]
    UnknownUser {
        /// The name that the caller claims.
        user: String,
    },
    /// Nobody comes in without credentials, because the Session is not open. (401)
    #[error("no credentials, and the Session is not open")]
    NoCredentials,
    /// The engine has no such cube. (404, as for a name that never existed)
    #[error("there is no cube `{cube}`")]
    UnknownCube {
        /// The name that was asked for.
        cube: String,
    },
    /// The engine has no such table. (404, as for a name that never existed)
    #[error("there is no table `{table}`")]
    UnknownTable {
        /// The name that was asked for.
        table: String,
    },
}

/// Decides which roles a caller has, or why they are refused.
pub fn resolve(door: &Door, caller: &Caller<'_>) -> Result<Resolved, Refusal> {
    let none = Attributes::default();
    let (user, base, attributes) = match (&door.authentication, caller) {
        (Authentication::Open, Caller::Anonymous) => (ANONYMOUS_USER, anonymous_roles(), &none),
        (Authentication::Closed(ways), Caller::TechnicalUser { username }) => {
            let user = technical_user(ways, username)?;
            (*username, user.roles.iter().cloned().chain(individual(door, username)).collect(), &user.attributes)
        }
        (Authentication::Closed(ways), Caller::ProviderUser { name, provider_roles, attributes }) => {
            (*name, mapped(door, provider(ways, name)?, name, provider_roles)?, *attributes)
        }
        (Authentication::Closed(_), Caller::Anonymous) => return Err(Refusal::NoCredentials),
        (Authentication::Open, Caller::TechnicalUser { username: user } | Caller::ProviderUser { name: user, .. }) => {
            return Err(Refusal::UnknownUser { user: (*user).to_owned() });
        }
    };
    let roles = closed_over_inheritance(door, &base)?;
    gate(&roles)?;
    if attributes.to_header().is_none() {
        return Err(Refusal::TooManyAttributes);
    }
    Ok(Resolved { user: user.to_owned(), roles, attributes: attributes.clone() })
}

/// Lets through only those who may use the application at all.
pub(crate) fn gate(roles: &BTreeSet<String>) -> Result<(), Refusal> {
    if roles.contains(ROLE_USER) || roles.contains(ROLE_ADMIN) { Ok(()) } else { Err(Refusal::NoAccess) }
}

fn anonymous_roles() -> BTreeSet<String> {
    [ROLE_ADMIN, ROLE_ANONYMOUS, ROLE_USER].map(str::to_owned).into()
}

fn technical_user<'a>(ways: &'a Ways, username: &str) -> Result<&'a TechnicalUser, Refusal> {
    match ways.technical_users.get(username) {
        None => Err(Refusal::UnknownUser { user: username.to_owned() }),
        Some(Checked::Broken(reasons)) => {
            Err(Refusal::BrokenUser { username: username.to_owned(), reasons: reasons.clone() })
        }
        Some(Checked::Valid(user)) => Ok(user),
    }
}

/// A cookie or token may outlive the configuration that it was issued under; its bearer must not.
fn provider<'a>(ways: &'a Ways, name: &str) -> Result<&'a Oidc, Refusal> {
    match &ways.oidc {
        None => Err(Refusal::UnknownUser { user: name.to_owned() }),
        Some(Checked::Broken(reasons)) => Err(Refusal::BrokenProvider { reasons: reasons.clone() }),
        Some(Checked::Valid(oidc)) => Ok(oidc),
    }
}

fn mapped(
    door: &Door,
    oidc: &Oidc,
    name: &str,
    provider_roles: &BTreeSet<String>,
) -> Result<BTreeSet<String>, Refusal> {
    let mapped = door
        .roles
        .iter()
        .filter(|(_, holders)| holders.mapped_from.contains(name) || !holders.mapped_from.is_disjoint(provider_roles))
        .map(|(role, _)| role.clone());
    let base: BTreeSet<String> = mapped.chain(individual(door, name)).collect();
    match &oidc.default_roles {
        _ if !base.is_empty() => Ok(base),
        Checked::Valid(roles) => Ok(roles.clone()),
        Checked::Broken(reasons) => Err(Refusal::BrokenProvider { reasons: reasons.clone() }),
    }
}

fn individual<'a>(door: &'a Door, user: &'a str) -> impl Iterator<Item = String> + 'a {
    door.roles.iter().filter(move |(_, holders)| holders.users.contains(user)).map(|(role, _)| role.clone())
}

fn closed_over_inheritance(door: &Door, base: &BTreeSet<String>) -> Result<BTreeSet<String>, Refusal> {
    let mut roles = BTreeSet::new();
    for role in base {
        let Some(holders) = door.roles.get(role) else {
            return Err(Refusal::BrokenRole {
                role: role.clone(),
                reasons: vec!["the policy does not know it".into()],
            });
        };
        if !holders.broken.is_empty() {
            return Err(Refusal::BrokenRole { role: role.clone(), reasons: holders.broken.clone() });
        }
        roles.extend(holders.includes.iter().cloned());
    }
    Ok(roles)
}
