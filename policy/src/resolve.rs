//! From an identity to roles.
//!
//! ```text
//! provider roles, name ──mappedFrom──┐
//! TechnicalUser.roles ───────────────┼──▶ base ──(empty? defaultRoles)──▶ ──inherits──▶ roles ──gate──▶ Resolved
//! name ──users───────────────────────┤                                                        └───────▶ Refusal
//! nothing at all ──guestRoles────────┘
//! ```
//!
//! - `mappedFrom` speaks of the provider: of its roles, and of its users by name. It says nothing of
//!   TechnicalUsers, who have the roles of their object. `users` grants a role to a name, whichever way it comes.
//! - `defaultRoles` are for a user of the provider who got no role any other way.
//! - A ServiceAccount has the roles whose `users` name it, and no others.
//! - A guest has `guestRoles` and nothing else: `users`, `mappedFrom` and `defaultRoles` say nothing of somebody without a name.
//! - In an open Session whoever comes is `anonymousUser` with `ROLE_ADMIN`, `ROLE_ANONYMOUS` and `ROLE_USER`.
//! - A user of the provider is refused while the provider's configuration is broken, and unknown once it is gone.
//!
//! A role outside of its validity has *lapsed*, and with it what comes with it alone. It keeps what it takes away from its
//! holders and gives them nothing, so that neither its end nor its beginning ever shows anybody more than it would. Who
//! holds a lapsed role has got a role, and gets no `defaultRoles` instead.
//!
//! A caller who holds a broken role, however it came to them, is refused, administrators included:
//! what cannot be compiled is never treated as absent. Nobody else notices.

mod refusal;

use std::collections::{BTreeMap, BTreeSet};

use cubegate_api::{Moment, ROLE_ADMIN, ROLE_ANONYMOUS, ROLE_USER};

pub use self::refusal::Refusal;
use crate::{
    attributes::Attributes,
    day::Day,
    rights::Rights,
    snapshot::{Authentication, Checked, Door, DoorRole, Oidc, SERVICE_ACCOUNT_PREFIX, TechnicalUser, Ways},
    validity::Lapse,
};

/// Name of whoever comes to an open Session.
pub const ANONYMOUS_USER: &str = "anonymousUser";
/// Name of whoever comes to a Session that admits guests, without credentials.
pub const GUEST_USER: &str = "guest";

/// Someone whose identity has been proven; or nobody in particular.
#[derive(Clone, Copy, Debug)]
pub enum Caller<'a> {
    /// Proved to be a TechnicalUser (Basic).
    TechnicalUser {
        /// The user name.
        username: &'a str,
    },
    /// Proved to be a user of an OpenID Connect provider.
    ProviderUser {
        /// Id of the provider, when it is a further one.
        provider: Option<&'a str>,
        /// The name by the provider's name claim, with the provider's prefix.
        name: &'a str,
        /// What [`provider_roles`](crate::claims::provider_roles) found.
        provider_roles: &'a BTreeSet<String>,
        /// What [`Attributes::of_claims`] found.
        attributes: &'a Attributes,
    },
    /// Proved to be a ServiceAccount of Kubernetes.
    ServiceAccount {
        /// `system:serviceaccount:NAMESPACE:NAME`
        name: &'a str,
    },
    /// Brought no credentials.
    Anonymous,
    /// Brought no credentials either, where others have to.
    Guest,
}

/// A caller who may come in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolved {
    /// The caller's name.
    pub user: String,
    /// What the caller may; among the roles is at least one of `ROLE_USER` and `ROLE_ADMIN`.
    pub rights: Rights,
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
    Default {
        /// Id of the provider, when it is a further one.
        provider: Option<&'a str>,
    },
    /// `guestRoles` of the Session: the caller brought no credentials.
    Guest,
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
    /// Those of the roles that have lapsed: why, or nothing for a role that comes with lapsed ones only.
    pub lapsed: BTreeMap<&'a str, Option<Lapse>>,
    /// What restrictions may ask of the caller.
    pub attributes: &'a Attributes,
    /// Why the caller is refused, if so.
    pub refusal: Option<Refusal>,
}

/// Decides which roles a caller has at a moment, or why they are refused.
pub fn resolve(door: &Door, caller: &Caller<'_>, now: Moment) -> Result<Resolved, Refusal> {
    let Decision { user, grants, lapsed, attributes, refusal } = decide(door, caller, now);
    match refusal {
        Some(refusal) => Err(refusal),
        None => Ok(Resolved { user: user.to_owned(), rights: rights(&grants, &lapsed, attributes, now) }),
    }
}

/// Decides as [`resolve`] does, and keeps by which ways.
pub fn decide<'a>(door: &'a Door, caller: &Caller<'a>, now: Moment) -> Decision<'a> {
    let (mut grants, mut lapsed, mut attributes) = (Vec::new(), BTreeMap::new(), Attributes::none());
    let refusal = base(door, caller, now, &mut grants)
        .map(|found| attributes = found.unwrap_or(Attributes::none()))
        .and_then(|()| inherit(door, &mut grants))
        .map(|roles| lapsed = self::lapsed(&grants, &roles, now))
        .and_then(|()| admit(grants.iter().map(|grant| grant.role).filter(|role| !lapsed.contains_key(role))))
        .and_then(|()| if attributes.fit_header() { Ok(()) } else { Err(Refusal::TooManyAttributes) })
        .err();
    Decision { user: caller.name(), grants, lapsed, attributes, refusal }
}

impl<'a> Caller<'a> {
    /// Whom a name stands for, when somebody asks about it: in an open Session nobody in particular, else the TechnicalUser of
    /// that name unless roles of the provider come with it, else a user of the provider.
    pub fn named(
        door: &'a Door,
        name: &'a str,
        provider_roles: &'a BTreeSet<String>,
        attributes: &'a Attributes,
    ) -> Self {
        match &door.authentication {
            Authentication::Open => Self::Anonymous,
            Authentication::Closed(ways) if provider_roles.is_empty() && ways.technical_users.contains_key(name) => {
                Self::TechnicalUser { username: name }
            }
            Authentication::Closed(ways)
                if ways.service_accounts.is_some() && name.starts_with(SERVICE_ACCOUNT_PREFIX) =>
            {
                Self::ServiceAccount { name }
            }
            Authentication::Closed(ways) => {
                Self::ProviderUser { provider: ways.provider_of_name(name), name, provider_roles, attributes }
            }
        }
    }

    /// The name by which the caller goes.
    pub fn name(&self) -> &'a str {
        match *self {
            Self::TechnicalUser { username: name }
            | Self::ProviderUser { name, .. }
            | Self::ServiceAccount { name } => name,
            Self::Anonymous => ANONYMOUS_USER,
            Self::Guest => GUEST_USER,
        }
    }
}

/// The rights at a moment of somebody who holds one role, may use the application and has no attributes; or why they are refused.
pub fn holder(door: &Door, role: &str, now: Moment) -> Result<Rights, Refusal> {
    let mut grants: Vec<Grant<'_>> = [role, ROLE_USER].map(|role| Grant { role, way: Way::Granted }).into();
    let roles = inherit(door, &mut grants)?;
    let lapsed = lapsed(&grants, &roles, now);
    Ok(rights(&grants, &lapsed, Attributes::none(), now))
}

/// Lets through only those who may use the application at all.
pub(crate) fn admit<'a>(roles: impl IntoIterator<Item = &'a str>) -> Result<(), Refusal> {
    let may_enter = roles.into_iter().any(|role| role == ROLE_USER || role == ROLE_ADMIN);
    if may_enter { Ok(()) } else { Err(Refusal::NoAccess) }
}

fn rights(
    grants: &[Grant<'_>],
    lapsed: &BTreeMap<&str, Option<Lapse>>,
    attributes: &Attributes,
    now: Moment,
) -> Rights {
    let held = grants.iter().map(|grant| grant.role).filter(|role| !lapsed.contains_key(role));
    Rights {
        roles: held.map(str::to_owned).collect(),
        lapsed: lapsed.keys().map(|role| (*role).to_owned()).collect(),
        attributes: attributes.clone(),
        today: Day::of(now),
    }
}

/// Adds the roles that no other roles bring along; what restrictions may ask of the caller, if anything.
fn base<'a>(
    door: &'a Door,
    caller: &Caller<'a>,
    now: Moment,
    grants: &mut Vec<Grant<'a>>,
) -> Result<Option<&'a Attributes>, Refusal> {
    match (&door.authentication, caller) {
        (Authentication::Open, Caller::Anonymous) => {
            grants.extend([ROLE_ADMIN, ROLE_ANONYMOUS, ROLE_USER].map(|role| Grant { role, way: Way::Open }));
            Ok(None)
        }
        (Authentication::Closed(ways), Caller::TechnicalUser { username }) => {
            let user = technical_user(ways, username, now)?;
            let way = Way::TechnicalUser { object: &user.declared_by };
            grants.extend(user.roles.iter().map(|role| Grant { role, way }));
            grants.extend(granted(door, username));
            Ok(Some(&user.attributes))
        }
        (Authentication::Closed(ways), Caller::ProviderUser { provider, name, provider_roles, attributes }) => {
            let oidc = self::provider(ways, *provider, name)?;
            let names = provider_roles.iter().map(String::as_str).filter(|role| role != name);
            grants.extend(names.chain([*name]).flat_map(|name| mapped(door, name)));
            grants.extend(granted(door, name));
            if grants.is_empty() {
                default_roles(oidc, *provider, grants)?;
            }
            Ok(Some(*attributes))
        }
        (Authentication::Closed(Ways { service_accounts: Some(_), .. }), Caller::ServiceAccount { name }) => {
            grants.extend(granted(door, name));
            Ok(None)
        }
        (Authentication::Closed(ways), Caller::Guest) => {
            grants.extend(guest_roles(ways)?.iter().map(|role| Grant { role, way: Way::Guest }));
            Ok(None)
        }
        (Authentication::Closed(_), Caller::Anonymous) => Err(Refusal::NoCredentials),
        (
            Authentication::Open,
            Caller::TechnicalUser { .. } | Caller::ProviderUser { .. } | Caller::ServiceAccount { .. } | Caller::Guest,
        )
        | (Authentication::Closed(_), Caller::ServiceAccount { .. }) => {
            Err(Refusal::UnknownUser { user: caller.name().to_owned() })
        }
    }
}

fn technical_user<'a>(ways: &'a Ways, username: &str, now: Moment) -> Result<&'a TechnicalUser, Refusal> {
    match ways.technical_users.get(username) {
        None => Err(Refusal::UnknownUser { user: username.to_owned() }),
        Some(Checked::Broken(reasons)) => {
            Err(Refusal::BrokenUser { username: username.to_owned(), reasons: reasons.clone() })
        }
        Some(Checked::Valid(user)) => match user.validity.lapse(now) {
            Some(lapse) => Err(Refusal::LapsedUser { username: username.to_owned(), lapse }),
            None => Ok(user),
        },
    }
}

/// A cookie or token may outlive the configuration that it was issued under; its bearer must not.
fn provider<'a>(ways: &'a Ways, provider: Option<&str>, name: &str) -> Result<&'a Oidc, Refusal> {
    let found = match provider {
        None => ways.oidc.as_ref(),
        Some(id) => ways.additional_oidc.get(id),
    };
    match found {
        None => Err(Refusal::UnknownUser { user: name.to_owned() }),
        Some(Checked::Broken(reasons)) => Err(Refusal::BrokenProvider { reasons: reasons.clone() }),
        Some(Checked::Valid(oidc)) => Ok(oidc),
    }
}

fn guest_roles(ways: &Ways) -> Result<&BTreeSet<String>, Refusal> {
    match &ways.guest_roles {
        None => Err(Refusal::NoCredentials),
        Some(Checked::Broken(reasons)) => Err(Refusal::BrokenGuest { reasons: reasons.clone() }),
        Some(Checked::Valid(roles)) => Ok(roles),
    }
}

fn mapped<'a>(door: &'a Door, name: &'a str) -> impl Iterator<Item = Grant<'a>> {
    door.mapped.get(name).into_iter().flatten().map(move |role| Grant { role, way: Way::Mapped(name) })
}

fn granted<'a>(door: &'a Door, user: &str) -> impl Iterator<Item = Grant<'a>> {
    door.granted.get(user).into_iter().flatten().map(|role| Grant { role, way: Way::Granted })
}

fn default_roles<'a>(oidc: &'a Oidc, provider: Option<&'a str>, grants: &mut Vec<Grant<'a>>) -> Result<(), Refusal> {
    match &oidc.default_roles {
        Checked::Valid(roles) => {
            grants.extend(roles.iter().map(|role| Grant { role, way: Way::Default { provider } }));
            Ok(())
        }
        Checked::Broken(reasons) => Err(Refusal::BrokenProvider { reasons: reasons.clone() }),
    }
}

/// Adds what comes with the roles that were found, unless one of them is broken; every role by name.
fn inherit<'a>(door: &'a Door, grants: &mut Vec<Grant<'a>>) -> Result<BTreeMap<&'a str, &'a DoorRole>, Refusal> {
    let mut roles = BTreeMap::new();
    let mut heirs: Vec<&str> = grants.iter().map(|grant| grant.role).collect();
    // The same role is refused first in whatever order the ways were looked at.
    heirs.sort_unstable_by(|one, other| other.cmp(one));
    while let Some(from) = heirs.pop() {
        let role = usable(door, from)?;
        if roles.insert(from, role).is_none() {
            grants.extend(role.inherits.iter().map(|role| Grant { role, way: Way::Inherited { from } }));
            heirs.extend(role.inherits.iter().map(String::as_str));
        }
    }
    Ok(roles)
}

fn usable<'a>(door: &'a Door, role: &str) -> Result<&'a DoorRole, Refusal> {
    let broken = |reasons| Refusal::BrokenRole { role: role.to_owned(), reasons };
    let found = door.roles.get(role).ok_or_else(|| broken(vec!["the policy does not know it".into()]))?;
    if found.broken.is_empty() { Ok(found) } else { Err(broken(found.broken.clone())) }
}

/// Those of a caller's roles that are not reached through valid ones only.
fn lapsed<'a>(
    grants: &[Grant<'a>],
    roles: &BTreeMap<&'a str, &'a DoorRole>,
    now: Moment,
) -> BTreeMap<&'a str, Option<Lapse>> {
    if roles.values().all(|role| role.validity.includes(now)) {
        return BTreeMap::new();
    }
    let mut lapsed: BTreeMap<&str, Option<Lapse>> =
        roles.iter().map(|(name, role)| (*name, role.validity.lapse(now))).collect();
    let is_base = |grant: &&Grant<'a>| !matches!(grant.way, Way::Inherited { .. });
    let mut open: Vec<&str> = grants.iter().filter(is_base).map(|grant| grant.role).collect();
    while let Some(name) = open.pop() {
        let Some(role) = roles.get(name).filter(|role| role.validity.includes(now)) else { continue };
        if lapsed.remove(name).is_some() {
            open.extend(role.inherits.iter().map(String::as_str));
        }
    }
    lapsed
}
