//! What is valid but hardly meant. Nothing here changes a decision.

use std::collections::BTreeSet;

use cubegate_api::Moment;

use super::objects::{Objects, Parsed, session_name};
use crate::{
    resolve::{Caller, Refusal, resolve},
    snapshot::{Authentication, Checked, Door, Kind, ObjectName, SERVICE_ACCOUNT_PREFIX, Snapshot},
    validity::{Lapse, Validity},
};

/// Something that is valid but hardly meant.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Advice {
    /// The object to look at.
    pub object: ObjectName,
    /// The field to look at.
    pub field: String,
    /// A sentence.
    pub message: String,
}

/// What the objects of a Session say in vain at a moment: roles that nobody can hold, Restrictions that no role names, guests
/// who do not come in, what is valid no more.
pub fn advice(objects: &Objects, snapshot: &Snapshot, now: Moment) -> Vec<Advice> {
    let mut advice = unheld_roles(&snapshot.door);
    advice.extend(unused_restrictions(objects));
    advice.extend(unwelcome_guests(snapshot, now));
    advice.extend(past_roles(&snapshot.door, now).chain(past_users(&snapshot.door, now)));
    advice.sort();
    advice
}

fn unheld_roles(door: &Door) -> Vec<Advice> {
    let held = held_roles(door);
    let declared = door.roles.iter().filter_map(|(role, found)| Some((role, found, found.declared_by.as_ref()?)));
    // Of a broken role it is an error already that is told.
    let unheld = declared.filter(|(role, found, _)| found.broken.is_empty() && !held.contains(role.as_str()));
    unheld
        .map(|(role, _, object)| Advice {
            object: ObjectName { kind: Kind::Role, name: object.clone() },
            field: "spec".to_owned(),
            message: format!(
                "nobody can hold the role `{role}`: no provider role or user leads to it, and no held role inherits it"
            ),
        })
        .collect()
}

/// Every role that somebody could hold.
fn held_roles(door: &Door) -> BTreeSet<&str> {
    let mut base: BTreeSet<&str> = BTreeSet::new();
    if let Authentication::Closed(ways) = &door.authentication {
        for (username, user) in &ways.technical_users {
            base.extend(door.granted.get(username).into_iter().flatten().map(String::as_str));
            if let Checked::Valid(user) = user {
                base.extend(user.roles.iter().map(String::as_str));
            }
        }
        if let Some(Checked::Valid(roles)) = &ways.guest_roles {
            base.extend(roles.iter().map(String::as_str));
        }
        if ways.service_accounts.is_some() {
            let accounts = door.granted.iter().filter(|(name, _)| name.starts_with(SERVICE_ACCOUNT_PREFIX));
            base.extend(accounts.flat_map(|(_, roles)| roles).map(String::as_str));
        }
        if ways.have_provider() {
            base.extend(door.mapped.values().chain(door.granted.values()).flatten().map(String::as_str));
        }
        for oidc in ways.providers() {
            if let Checked::Valid(roles) = &oidc.default_roles {
                base.extend(roles.iter().map(String::as_str));
            }
        }
    }
    let mut held = BTreeSet::new();
    let mut open: Vec<&str> = base.into_iter().collect();
    while let Some(role) = open.pop() {
        if held.insert(role) {
            open.extend(door.roles.get(role).into_iter().flat_map(|role| &role.inherits).map(String::as_str));
        }
    }
    held
}

/// Of guests whose roles are broken it is an error already that is told.
fn unwelcome_guests(Snapshot { session, door, .. }: &Snapshot, now: Moment) -> Option<Advice> {
    let refused = resolve(door, &Caller::Guest, now).err()?;
    (refused == Refusal::NoAccess).then(|| Advice {
        object: ObjectName { kind: Kind::Session, name: session.clone() },
        field: "spec.authentication.guestRoles".to_owned(),
        message: "no guest is let in: none of these roles brings ROLE_USER along".to_owned(),
    })
}

fn past_roles(door: &Door, now: Moment) -> impl Iterator<Item = Advice> {
    door.roles.iter().filter_map(move |(name, role)| {
        let end = end_before(role.validity, now).filter(|_| role.broken.is_empty())?;
        let object = ObjectName { kind: Kind::Role, name: role.declared_by.clone()? };
        let message =
            format!("the role `{name}` has lapsed at {end}: it gives nothing, and still restricts its holders");
        Some(Advice { object, field: "spec.notAfter".to_owned(), message })
    })
}

fn past_users(door: &Door, now: Moment) -> impl Iterator<Item = Advice> {
    let users = match &door.authentication {
        Authentication::Closed(ways) => Some(&ways.technical_users),
        Authentication::Open => None,
    };
    users.into_iter().flatten().filter_map(move |(username, user)| {
        let Checked::Valid(user) = user else { return None };
        let end = end_before(user.validity, now)?;
        let object = ObjectName { kind: Kind::TechnicalUser, name: user.declared_by.clone() };
        let message = format!("nobody comes in as `{username}` since {end}");
        Some(Advice { object, field: "spec.notAfter".to_owned(), message })
    })
}

fn end_before(validity: Validity, now: Moment) -> Option<Moment> {
    match validity.lapse(now)? {
        Lapse::NoMore(end) => Some(end),
        Lapse::NotYet(_) => None,
    }
}

fn unused_restrictions(objects: &Objects) -> Vec<Advice> {
    let session = session_name(&objects.session).name;
    let mut named: BTreeSet<&str> = BTreeSet::new();
    for role in &objects.roles {
        match role {
            Parsed::Valid(role) if role.spec.session_ref.name != session => {}
            Parsed::Valid(role) => named.extend(role.spec.restrictions.iter().map(String::as_str)),
            // It may name any of them.
            Parsed::Invalid(_) => return Vec::new(),
        }
    }
    let own = objects.restrictions.iter().filter_map(|restriction| match restriction {
        Parsed::Valid(restriction) if restriction.spec.session_ref.name == session => {
            restriction.metadata.name.as_ref()
        }
        Parsed::Valid(_) | Parsed::Invalid(_) => None,
    });
    let unused = own.filter(|name| !named.contains(name.as_str()));
    unused
        .map(|name| Advice {
            object: ObjectName { kind: Kind::Restriction, name: name.clone() },
            field: "metadata.name".to_owned(),
            message: "no Role names this Restriction, so it restricts nobody".to_owned(),
        })
        .collect()
}
