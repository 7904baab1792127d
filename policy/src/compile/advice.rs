//! What is valid but hardly meant. Nothing here changes a decision.

use std::collections::BTreeSet;

use super::objects::{Objects, Parsed, session_name};
use crate::snapshot::{Authentication, Checked, Door, Kind, ObjectName, Snapshot};

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

/// What the objects of a Session say in vain: roles that nobody can hold, Restrictions that no role names.
pub fn advice(objects: &Objects, snapshot: &Snapshot) -> Vec<Advice> {
    let mut advice: Vec<Advice> =
        unheld_roles(&snapshot.door).into_iter().chain(unused_restrictions(objects)).collect();
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
        if let Some(oidc) = &ways.oidc {
            base.extend(door.mapped.values().chain(door.granted.values()).flatten().map(String::as_str));
            if let Checked::Valid(oidc) = oidc
                && let Checked::Valid(roles) = &oidc.default_roles
            {
                base.extend(roles.iter().map(String::as_str));
            }
        }
    }
    base.into_iter()
        .flat_map(|role| {
            door.roles.get(role).into_iter().flat_map(|role| &role.includes).map(String::as_str).chain([role])
        })
        .collect()
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
