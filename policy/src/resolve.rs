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
use serde::{Deserialize, Serialize};

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

/// All that decides what a caller sees: who has the same rights sees the same.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Rights {
    /// All roles, inherited ones included.
    pub roles: BTreeSet<String>,
    /// What restrictions may ask.
    pub attributes: Attributes,
}

impl Rights {
    /// Everything.
    pub fn of_administrator() -> Self {
        Self { roles: [ROLE_ADMIN.to_owned()].into(), attributes: Attributes::default() }
    }
}

impl From<Resolved> for Rights {
    fn from(Resolved { user: _, roles, attributes }: Resolved) -> Self {
        Self { roles, attributes }
    }
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

/// A role, and how the caller came to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Grant<'a> {
    /// Name of the role.
    pub role: &'a str,
    /// How the caller came to it.
    pub way: Way<'a>,
}

/// How a caller came to a role.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Way<'a> {
    /// `mappedFrom` of the role names this provider role, or this name of a provider user.
    Mapped(&'a str),
    /// `users` of the role names the caller.
    Granted,
    /// The caller's `TechnicalUser` has the role.
    TechnicalUser {
        /// Name of the object.
        object: &'a str,
    },
    /// `defaultRoles` of the provider: the caller had no role any other way.
    Default,
    /// The Session is open.
    Open,
    /// It comes with a role that the caller holds.
    Inherited {
        /// The heir.
        from: &'a str,
    },
}

/// What is decided of a caller, and by which ways.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision<'a> {
    /// The caller's name.
    pub user: &'a str,
    /// Every role that was found, once per way; of a caller who is refused, those that were found until then.
    pub grants: Vec<Grant<'a>>,
    /// What restrictions may ask of the caller.
    pub attributes: &'a Attributes,
    /// Why the caller is refused, if so.
    pub refusal: Option<Refusal>,
}

/// Decides which roles a caller has, or why they are refused.
pub fn resolve(door: &Door, caller: &Caller<'_>) -> Result<Resolved, Refusal> {
    let Decision { user, grants, attributes, refusal } = decide(door, caller);
    match refusal {
        Some(refusal) => Err(refusal),
        None => Ok(Resolved { user: user.to_owned(), roles: roles(&grants), attributes: attributes.clone() }),
    }
}

/// Decides as [`resolve`] does, and keeps by which ways.
pub fn decide<'a>(door: &'a Door, caller: &Caller<'a>) -> Decision<'a> {
    let (mut grants, mut attributes) = (Vec::new(), Attributes::none());
    let refusal = base(door, caller, &mut grants)
        .map(|found| attributes = found.unwrap_or(Attributes::none()))
        .and_then(|()| inherit(door, &mut grants))
        .and_then(|()| admit(grants.iter().map(|grant| grant.role)))
        .and_then(|()| attributes.to_header().map(drop).ok_or(Refusal::TooManyAttributes))
        .err();
    Decision { user: caller.name(), grants, attributes, refusal }
}

impl<'a> Caller<'a> {
    /// Whom a name stands for, when somebody asks about it: in an open Session nobody in particular, else the TechnicalUser of
    /// that name unless roles of the provider come with it, else a user of the provider.
    pub fn named(door: &Door, name: &'a str, provider_roles: &'a BTreeSet<String>, attributes: &'a Attributes) -> Self {
        match &door.authentication {
            Authentication::Open => Self::Anonymous,
            Authentication::Closed(ways) if provider_roles.is_empty() && ways.technical_users.contains_key(name) => {
                Self::TechnicalUser { username: name }
            }
            Authentication::Closed(_) => Self::ProviderUser { name, provider_roles, attributes },
        }
    }

    /// The name by which the caller goes.
    pub fn name(&self) -> &'a str {
        match *self {
            Self::TechnicalUser { username: name } | Self::ProviderUser { name, .. } => name,
            Self::Anonymous => ANONYMOUS_USER,
        }
    }
}

/// The rights of somebody who holds one role, may use the application and has no attributes; or why they are refused.
pub fn holder(door: &Door, role: &str) -> Result<Rights, Refusal> {
    let mut grants: Vec<Grant<'_>> = [role, ROLE_USER].map(|role| Grant { role, way: Way::Granted }).into();
    inherit(door, &mut grants)?;
    Ok(Rights { roles: roles(&grants), attributes: Attributes::default() })
}

/// Lets through only those who may use the application at all.
pub(crate) fn admit<'a>(roles: impl IntoIterator<Item = &'a str>) -> Result<(), Refusal> {
    let may_enter = roles.into_iter().any(|role| role == ROLE_USER || role == ROLE_ADMIN);
    if may_enter { Ok(()) } else { Err(Refusal::NoAccess) }
}

fn roles(grants: &[Grant<'_>]) -> BTreeSet<String> {
    grants.iter().map(|grant| grant.role.to_owned()).collect()
}

/// Adds the roles that no other roles bring along; what restrictions may ask of the caller, if anything.
fn base<'a>(
    door: &'a Door,
    caller: &Caller<'a>,
    grants: &mut Vec<Grant<'a>>,
) -> Result<Option<&'a Attributes>, Refusal> {
    match (&door.authentication, caller) {
        (Authentication::Open, Caller::Anonymous) => {
            grants.extend([ROLE_ADMIN, ROLE_ANONYMOUS, ROLE_USER].map(|role| Grant { role, way: Way::Open }));
            Ok(None)
        }
        (Authentication::Closed(ways), Caller::TechnicalUser { username }) => {
            let user = technical_user(ways, username)?;
            let way = Way::TechnicalUser { object: &user.declared_by };
            grants.extend(user.roles.iter().map(|role| Grant { role, way }));
            grants.extend(granted(door, username));
            Ok(Some(&user.attributes))
        }
        (Authentication::Closed(ways), Caller::ProviderUser { name, provider_roles, attributes }) => {
            let oidc = provider(ways, name)?;
            let names = provider_roles.iter().map(String::as_str).filter(|role| role != name);
            grants.extend(names.chain([*name]).flat_map(|name| mapped(door, name)));
            grants.extend(granted(door, name));
            if grants.is_empty() {
                default_roles(oidc, grants)?;
            }
            Ok(Some(*attributes))
        }
        (Authentication::Closed(_), Caller::Anonymous) => Err(Refusal::NoCredentials),
        (Authentication::Open, Caller::TechnicalUser { username: user } | Caller::ProviderUser { name: user, .. }) => {
            Err(Refusal::UnknownUser { user: (*user).to_owned() })
        }
    }
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

fn mapped<'a>(door: &'a Door, name: &'a str) -> impl Iterator<Item = Grant<'a>> {
    door.mapped.get(name).into_iter().flatten().map(move |role| Grant { role, way: Way::Mapped(name) })
}

fn granted<'a>(door: &'a Door, user: &str) -> impl Iterator<Item = Grant<'a>> {
    door.granted.get(user).into_iter().flatten().map(|role| Grant { role, way: Way::Granted })
}

fn default_roles<'a>(oidc: &'a Oidc, grants: &mut Vec<Grant<'a>>) -> Result<(), Refusal> {
    match &oidc.default_roles {
        Checked::Valid(roles) => {
            grants.extend(roles.iter().map(|role| Grant { role, way: Way::Default }));
            Ok(())
        }
        Checked::Broken(reasons) => Err(Refusal::BrokenProvider { reasons: reasons.clone() }),
    }
}

/// Adds what comes with the roles that were found, unless one of them is broken.
fn inherit<'a>(door: &'a Door, grants: &mut Vec<Grant<'a>>) -> Result<(), Refusal> {
    let mut heirs: Vec<&str> = grants.iter().map(|grant| grant.role).collect();
    // The same role is refused first in whatever order the ways were looked at.
    heirs.sort_unstable();
    heirs.dedup();
    for from in heirs {
        let Some(role) = door.roles.get(from) else {
            return Err(Refusal::BrokenRole {
                role: from.to_owned(),
                reasons: vec!["the policy does not know it".into()],
            });
        };
        if !role.broken.is_empty() {
            return Err(Refusal::BrokenRole { role: from.to_owned(), reasons: role.broken.clone() });
        }
        let inherited = role.includes.iter().filter(|role| *role != from);
        grants.extend(inherited.map(|role| Grant { role, way: Way::Inherited { from } }));
    }
    Ok(())
}
