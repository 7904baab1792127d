//! From the Session's `authentication` and its TechnicalUsers to the ways in.
//!
//! What is wrong with one way in closes that way and no other: without its client secret, `OpenID` Connect is broken
//! while Basic lives on.

use std::collections::{BTreeMap, BTreeSet};

use cubegate_api::{
    ROLE_ADMIN, TechnicalUser as TechnicalUserObject, TechnicalUserSpec,
    authentication::{Authentication as AuthenticationSpec, ServiceAccounts as ServiceAccountsSpec},
    reference::KeyReference,
    restriction::Scalar,
    technical_user::Attribute,
};

use super::{
    objects::{Objects, Own, Parsed, session_name},
    problem::{ProblemKind, Problems},
    providers,
    roles::{CompiledRole, attribute_claims},
    validity,
};
use crate::{
    attributes::Attributes,
    limits::ATTRIBUTES_BYTES_MAX,
    nearest::suggestion,
    password,
    snapshot::{Authentication, Checked, ClaimPath, ObjectName, ServiceAccounts, TechnicalUser, Ways},
};

const GUEST_ROLES: &str = "spec.authentication.guestRoles";

pub(super) type Roles = BTreeMap<String, CompiledRole>;

pub(super) fn compile(
    objects: &Objects,
    own_users: &[Own<'_, TechnicalUserObject>],
    roles: &Roles,
    problems: &mut Problems,
) -> Authentication {
    let attribute_claims = attribute_claims(roles);
    // In an open Session too, a TechnicalUser that is wrong is told so.
    let technical_users = technical_users(objects, own_users, roles, &attribute_claims, problems);
    let Some(authentication) = &objects.session.spec.authentication else {
        return Authentication::Open;
    };
    let AuthenticationSpec { oidc, additional_oidc, service_accounts, basic, guest_roles } = authentication;
    let session = session_name(&objects.session);
    let realm = basic.as_ref().and_then(|basic| basic.realm.clone());
    Authentication::Closed(Ways {
        technical_users,
        oidc: oidc.as_ref().map(|oidc| providers::first(objects, oidc, additional_oidc, roles, problems)),
        additional_oidc: providers::additional(objects, oidc.as_ref(), additional_oidc, roles, problems),
        service_accounts: service_accounts.as_ref().map(|ServiceAccountsSpec { audience, issuer_url }| {
            ServiceAccounts { audience: audience.clone(), issuer_url: issuer_url.clone() }
        }),
        client_credentials: providers::clients(&session, authentication, problems),
        guest_roles: (!guest_roles.is_empty()).then(|| self::guest_roles(&session, guest_roles, roles, problems)),
        realm: realm.unwrap_or(session.name),
    })
}

fn technical_users(
    objects: &Objects,
    own: &[Own<'_, TechnicalUserObject>],
    roles: &Roles,
    attribute_claims: &BTreeSet<ClaimPath>,
    problems: &mut Problems,
) -> BTreeMap<String, Checked<TechnicalUser>> {
    let mut by_username: BTreeMap<String, Vec<&Own<'_, TechnicalUserObject>>> = BTreeMap::new();
    for user in own {
        by_username.entry(username(user)).or_default().push(user);
    }
    by_username
        .into_iter()
        .map(|(username, declared)| {
            check_username(&username, &declared, problems);
            let users: Vec<TechnicalUser> = declared
                .iter()
                .filter_map(|own| technical_user(objects, own, roles, attribute_claims, problems))
                .collect();
            let reasons: BTreeSet<String> = declared.iter().flat_map(|own| problems.reasons(&own.object)).collect();
            for own in &declared {
                report_broken_roles(own, roles, problems);
            }
            let checked = match (users.into_iter().next(), reasons.is_empty()) {
                (Some(user), true) => Checked::Valid(user),
                _ => Checked::Broken(reasons.into_iter().collect()),
            };
            (username, checked)
        })
        .collect()
}

/// A user whose name cannot be read is nobody: nobody can prove to be them.
fn username(own: &Own<'_, TechnicalUserObject>) -> String {
    let written = match own.parsed {
        Parsed::Valid(user) => Some(user.username()),
        Parsed::Invalid(invalid) => invalid.manifest.pointer("/spec/username").and_then(serde_json::Value::as_str),
    };
    written.unwrap_or(&own.object.name).to_owned()
}

fn check_username(username: &str, declared: &[&Own<'_, TechnicalUserObject>], problems: &mut Problems) {
    for Own { object, .. } in declared {
        let others: BTreeSet<String> =
            declared.iter().filter(|other| other.object != *object).map(|other| other.object.to_string()).collect();
        if !others.is_empty() {
            let others = others.into_iter().collect::<Vec<_>>().join(", ");
            let message = format!("{others} has the user name `{username}` too; give each a name of its own");
            problems.report(object, ProblemKind::Conflict, "spec.username", message);
        }
        if username.is_empty() || username.chars().any(|c| c == ':' || c.is_control()) {
            let message = "a user name is not empty and has neither colons nor control characters (RFC 7617)";
            problems.report(object, ProblemKind::Invalid, "spec.username", message);
        }
    }
}

fn technical_user(
    objects: &Objects,
    Own { object, parsed, .. }: &Own<'_, TechnicalUserObject>,
    roles: &Roles,
    attribute_claims: &BTreeSet<ClaimPath>,
    problems: &mut Problems,
) -> Option<TechnicalUser> {
    let Parsed::Valid(user) = parsed else { return None };
    let TechnicalUserSpec {
        session_ref: _,
        username: _,
        password_secret_ref,
        previous_password_secret_ref,
        roles: granted,
        attributes,
        not_before,
        not_after,
    } = &user.spec;
    let validity = validity::compile(object, *not_before, *not_after, problems);
    let attributes = self::attributes(object, attributes, attribute_claims, problems);
    for (position, role) in granted.iter().enumerate() {
        known_role(object, &format!("spec.roles[{position}]"), role, roles, problems);
    }
    let mut hash = |field: &str, reference: &KeyReference| {
        let hash = password_hash(objects, reference);
        hash.map_err(|(kind, message)| problems.report(object, kind, field, message)).ok()
    };
    let password_hash = hash("spec.passwordSecretRef", password_secret_ref);
    let previous = previous_password_secret_ref.as_ref();
    let previous = previous.map(|reference| hash("spec.previousPasswordSecretRef", reference));
    Some(TechnicalUser {
        declared_by: object.name.clone(),
        password_hash: password_hash?,
        previous_password_hash: previous.flatten(),
        roles: granted.iter().cloned().collect(),
        attributes,
        validity,
    })
}

fn password_hash(objects: &Objects, reference: &KeyReference) -> Result<String, (ProblemKind, String)> {
    match objects.password_hashes.get(reference) {
        Some(Ok(hash)) => password::defect(hash).map_or(Ok(hash.clone()), |defect| Err((ProblemKind::Invalid, defect))),
        Some(Err(reason)) => Err((ProblemKind::Unresolved, reason.clone())),
        None => Err((ProblemKind::Unresolved, format!("Secret `{}` has not been read", reference.name))),
    }
}

/// Those of a user's attributes that the policy speaks of.
fn attributes(
    object: &ObjectName,
    declared: &[Attribute],
    attribute_claims: &BTreeSet<ClaimPath>,
    problems: &mut Problems,
) -> Attributes {
    let mut seen = BTreeSet::new();
    let mut attributes = Vec::new();
    for (position, Attribute { claim, values }) in declared.iter().enumerate() {
        let mut invalid = |part: &str, message: &str| {
            problems.report(object, ProblemKind::Invalid, format!("spec.attributes[{position}].{part}"), message);
        };
        if claim.is_empty() || !seen.insert(claim) {
            invalid("claim", "name each attribute once, outermost key first");
        }
        if values.is_empty() {
            invalid("values", "name at least one value; without any there is no such attribute");
        }
        let claim = ClaimPath(claim.clone());
        if attribute_claims.contains(&claim) {
            attributes.push((claim, values.iter().map(Scalar::to_text).collect()));
        }
    }
    let attributes = Attributes::from(attributes);
    if attributes.to_header().is_none() {
        let message = format!("the attributes take more than {ATTRIBUTES_BYTES_MAX} bytes");
        problems.report(object, ProblemKind::Invalid, "spec.attributes", message);
    }
    attributes
}

/// A user with a broken role can still prove who they are; it is the role that refuses them.
fn report_broken_roles(
    Own { object, parsed, .. }: &Own<'_, TechnicalUserObject>,
    roles: &Roles,
    problems: &mut Problems,
) {
    let Parsed::Valid(user) = parsed else { return };
    for (position, role) in user.spec.roles.iter().enumerate() {
        report_broken_role(object, &format!("spec.roles[{position}]"), role, roles, problems);
    }
}

/// A guest who is an administrator would make the Session an open one.
fn guest_roles(
    session: &ObjectName,
    names: &[String],
    roles: &Roles,
    problems: &mut Problems,
) -> Checked<BTreeSet<String>> {
    let mut reasons = Vec::new();
    for (position, role) in names.iter().enumerate().filter(|(_, role)| comes_with(roles, role, ROLE_ADMIN)) {
        let message = format!("guests cannot be administrators, but `{role}` is or comes with {ROLE_ADMIN}");
        reasons.push(problems.report(session, ProblemKind::Invalid, format!("{GUEST_ROLES}[{position}]"), message));
    }
    match session_roles(session, GUEST_ROLES, names, roles, problems) {
        Checked::Valid(roles) if reasons.is_empty() => Checked::Valid(roles),
        Checked::Valid(_) => Checked::Broken(reasons),
        Checked::Broken(more) => Checked::Broken(reasons.into_iter().chain(more).collect()),
    }
}

fn comes_with(roles: &Roles, role: &str, wanted: &str) -> bool {
    let (mut known, mut open) = (BTreeSet::new(), vec![role]);
    while let Some(role) = open.pop() {
        if known.insert(role) {
            open.extend(roles.get(role).into_iter().flat_map(|role| &role.door.inherits).map(String::as_str));
        }
    }
    known.contains(wanted)
}

/// Roles that a Session gives. If they do not exist they refuse those who would get them, and nobody else.
pub(super) fn session_roles(
    session: &ObjectName,
    list: &str,
    names: &[String],
    roles: &Roles,
    problems: &mut Problems,
) -> Checked<BTreeSet<String>> {
    let mut reasons = Vec::new();
    for (position, role) in names.iter().enumerate() {
        let field = format!("{list}[{position}]");
        reasons.extend(known_role(session, &field, role, roles, problems));
        report_broken_role(session, &field, role, roles, problems);
    }
    if reasons.is_empty() { Checked::Valid(names.iter().cloned().collect()) } else { Checked::Broken(reasons) }
}

fn known_role(object: &ObjectName, field: &str, role: &str, roles: &Roles, problems: &mut Problems) -> Option<String> {
    if roles.contains_key(role) {
        return None;
    }
    let suggestion = suggestion(role, "roles", roles.keys().map(String::as_str));
    let message = format!("this Session has no role `{role}`; {suggestion}");
    Some(problems.report(object, ProblemKind::Unresolved, field, message))
}

fn report_broken_role(object: &ObjectName, field: &str, role: &str, roles: &Roles, problems: &mut Problems) {
    if roles.get(role).is_some_and(|role| !role.door.broken.is_empty()) {
        problems.report(object, ProblemKind::Unresolved, field, format!("the role `{role}` is not valid"));
    }
}
