//! From Roles to who holds them and what they restrict.
//!
//! ```text
//! Role objects ──gather──▶ drafts by role name ──names, restrictions, built-ins, inheritance──▶ problems
//!                               └────────────────────────finish────────────────────────────▶ CompiledRole
//! ```
//!
//! A role is broken when anything is wrong with an object that declares it, or with a role that it inherits.

mod draft;

use std::collections::{BTreeMap, BTreeSet};

use cubegate_api::{ROLE_ADMIN, ROLE_ANONYMOUS, ROLE_USER, Role};

use self::draft::{Declaration, Draft, Drafts, gather};
use super::{
    inheritance::Inheritance,
    objects::Own,
    problem::{ProblemKind, Problems},
    restrictions::Restrictions,
    session::Names,
};
use crate::{
    limits::{REASONS_PER_ROLE_MAX, ROLE_NAME_CHARACTERS_MAX},
    nearest::suggestion,
    snapshot::{Checked, ClaimPath, Clause, Condition, DoorRole, ObjectName, RoleAccess, Wanted},
};

/// Roles that exist without being declared.
const BUILT_IN: [&str; 3] = [ROLE_ADMIN, ROLE_ANONYMOUS, ROLE_USER];

/// Roles that cannot be restricted.
const UNRESTRICTABLE: [&str; 2] = [ROLE_ADMIN, ROLE_USER];

/// A role of the Session: who holds it, its part at the door, and what its holders may see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct CompiledRole {
    /// Provider roles and provider user names whose bearers hold the role.
    pub(super) mapped_from: BTreeSet<String>,
    /// Users who hold the role, whichever way they authenticate.
    pub(super) users: BTreeSet<String>,
    pub(super) door: DoorRole,
    pub(super) access: Checked<RoleAccess>,
}

/// Every role by name, the built-in ones included.
pub(super) fn compile(
    own: &[Own<'_, Role>],
    restrictions: &Restrictions,
    names: &Names<'_>,
    problems: &mut Problems,
) -> BTreeMap<String, CompiledRole> {
    let mut drafts = gather(own, names, problems);
    check_names(&drafts, problems);
    restrict(&mut drafts, restrictions, problems);
    let inheritance = inherit(&drafts, problems);
    keep_built_ins_unrestricted(&drafts, &inheritance, problems);
    report_circles(&drafts, &inheritance, problems);
    report_broken_inheritance(&drafts, &inheritance, problems);
    finish(&drafts, &inheritance, problems)
}

/// The claims that restrictions of these roles speak of.
pub(super) fn attribute_claims(roles: &BTreeMap<String, CompiledRole>) -> BTreeSet<ClaimPath> {
    let clauses = roles.values().flat_map(|role| match &role.access {
        Checked::Valid(access) => access.clauses.as_slice(),
        Checked::Broken(_) => &[],
    });
    let claim = |clause: &Clause| match &clause.condition {
        Condition::Line { wanted: Wanted::Claim(path), .. } => Some(path.clone()),
        Condition::Line { wanted: Wanted::Values(_), .. } | Condition::Cut { .. } => None,
    };
    clauses.filter_map(claim).collect()
}

fn check_names(drafts: &Drafts<'_>, problems: &mut Problems) {
    for (role, draft) in drafts {
        for Declaration { object, name_field, .. } in &draft.objects {
            if !travels(role) {
                let message = format!(
                    "`{role}` cannot be a role name: 1 to {ROLE_NAME_CHARACTERS_MAX} letters, digits and `_.:-`"
                );
                problems.report(object, ProblemKind::Invalid, *name_field, message);
            }
            let others: BTreeSet<String> = draft
                .objects
                .iter()
                .filter(|other| other.object != *object)
                .map(|other| other.object.to_string())
                .collect();
            if !others.is_empty() {
                let others = others.into_iter().collect::<Vec<_>>().join(", ");
                let message = format!("{others} declares the role `{role}` too; declare it once");
                problems.report(object, ProblemKind::Conflict, *name_field, message);
            }
        }
    }
}

/// Role names travel from sidecar to engine in one header, separated by commas.
fn travels(role: &str) -> bool {
    (1..=ROLE_NAME_CHARACTERS_MAX).contains(&role.len())
        && role.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.:-".contains(&byte))
}

fn restrict(drafts: &mut Drafts<'_>, restrictions: &Restrictions, problems: &mut Problems) {
    for (role, draft) in drafts {
        let Draft { objects, unrestricted, clauses, reasons, .. } = draft;
        for Declaration { object, restrictions: names, .. } in objects {
            if !names.is_empty() && UNRESTRICTABLE.contains(&role.as_str()) {
                let message =
                    format!("{role} cannot be restricted; restrict a role of your own and map or grant that to users");
                problems.report(object, ProblemKind::Invalid, "spec.restrictions", message);
            }
            if !names.is_empty() && *unrestricted {
                let message = "a role is `unrestricted` or has `restrictions`, not both";
                problems.report(object, ProblemKind::Invalid, "spec.unrestricted", message);
            }
            for (position, name) in names.iter().enumerate() {
                let message = match restrictions.get(name) {
                    Some(Checked::Valid(found)) => {
                        clauses.extend(found.iter().cloned());
                        continue;
                    }
                    Some(Checked::Broken(why)) => {
                        reasons.extend(why.iter().cloned());
                        format!("Restriction `{name}` is not valid")
                    }
                    None => {
                        let suggestion = suggestion(name, "Restrictions", restrictions.keys().map(String::as_str));
                        format!("this Session has no Restriction `{name}`; {suggestion}")
                    }
                };
                problems.report(object, ProblemKind::Unresolved, format!("spec.restrictions[{position}]"), message);
            }
        }
    }
}

fn inherit<'a>(drafts: &'a Drafts<'a>, problems: &mut Problems) -> Inheritance<'a> {
    let mut edges = vec![(ROLE_ADMIN, ROLE_USER)];
    for (role, draft) in drafts {
        for (object, position, inherited) in inherited(draft) {
            if drafts.contains_key(inherited) {
                edges.push((role.as_str(), inherited));
            } else {
                let suggestion = suggestion(inherited, "roles", drafts.keys().map(String::as_str));
                let message = format!("this Session has no role `{inherited}`; {suggestion}");
                problems.report(object, ProblemKind::Unresolved, format!("spec.inherits[{position}]"), message);
            }
        }
    }
    Inheritance::new(edges)
}

/// A restricted role that everybody inherits would restrict `ROLE_USER` by the back door.
fn keep_built_ins_unrestricted(drafts: &Drafts<'_>, inheritance: &Inheritance<'_>, problems: &mut Problems) {
    for role in UNRESTRICTABLE {
        let Some(draft) = drafts.get(role) else { continue };
        for (object, position, inherited) in inherited(draft) {
            let restricted = inheritance.includes(inherited).iter().copied().find(|role| is_restricted(drafts, role));
            if let Some(restricted) = restricted {
                let message =
                    format!("{role} cannot be restricted, so it cannot inherit what `{restricted}` restricts");
                problems.report(object, ProblemKind::Invalid, format!("spec.inherits[{position}]"), message);
            }
        }
    }
}

fn is_restricted(drafts: &Drafts<'_>, role: &str) -> bool {
    drafts.get(role).is_some_and(|draft| {
        draft.cubes.is_some()
            || !draft.context.grant_measures.is_empty()
            || !draft.context.grant_members.is_empty()
            || draft.objects.iter().any(|declared| !declared.restrictions.is_empty())
    })
}

fn report_circles(drafts: &Drafts<'_>, inheritance: &Inheritance<'_>, problems: &mut Problems) {
    for (role, draft) in drafts {
        for (object, position, inherited) in inherited(draft) {
            if let Some(circle) = inheritance.circle(role, inherited) {
                let message = format!("roles inherit each other in a circle: {} → {role}", circle.join(" → "));
                problems.report(object, ProblemKind::Unresolved, format!("spec.inherits[{position}]"), message);
            }
        }
    }
}

fn report_broken_inheritance(drafts: &Drafts<'_>, inheritance: &Inheritance<'_>, problems: &mut Problems) {
    let broken: BTreeSet<&str> = drafts
        .iter()
        .filter(|(_, draft)| !own_reasons(draft, problems).is_empty())
        .map(|(role, _)| role.as_str())
        .collect();
    for (role, draft) in drafts {
        for (object, position, inherited) in inherited(draft) {
            let in_circle = inheritance.circle(role, inherited).is_some();
            if !in_circle && !inheritance.includes(inherited).is_disjoint(&broken) {
                let message = format!("the inherited role `{inherited}` is not valid");
                problems.report(object, ProblemKind::Unresolved, format!("spec.inherits[{position}]"), message);
            }
        }
    }
}

fn finish(drafts: &Drafts<'_>, inheritance: &Inheritance<'_>, problems: &Problems) -> BTreeMap<String, CompiledRole> {
    drafts
        .iter()
        .map(|(role, draft)| {
            let includes = inheritance.includes(role);
            let reasons =
                includes.iter().filter_map(|role| drafts.get(*role)).map(|draft| own_reasons(draft, problems));
            let broken = bounded(&reasons.flatten().collect());
            let access = if broken.is_empty() {
                let clauses = draft.clauses.iter().cloned().collect();
                let context = Some(draft.context.clone()).filter(|context| !context.is_empty());
                let Draft { unrestricted, cubes, .. } = draft;
                Checked::Valid(RoleAccess { unrestricted: *unrestricted, cubes: cubes.clone(), clauses, context })
            } else {
                Checked::Broken(broken.clone())
            };
            let door = DoorRole {
                declared_by: draft.objects.iter().map(|declared| declared.object.name.clone()).min(),
                inherits: inheritance.direct(role).map(str::to_owned).collect(),
                validity: draft.validity,
                broken,
            };
            let Draft { mapped_from, users, .. } = draft;
            let compiled = CompiledRole { mapped_from: mapped_from.clone(), users: users.clone(), door, access };
            (role.clone(), compiled)
        })
        .collect()
}

fn own_reasons(draft: &Draft<'_>, problems: &Problems) -> BTreeSet<String> {
    draft
        .objects
        .iter()
        .flat_map(|declared| problems.reasons(declared.object))
        .chain(draft.reasons.iter().cloned())
        .collect()
}

fn bounded(reasons: &BTreeSet<String>) -> Vec<String> {
    let mut bounded: Vec<String> = reasons.iter().take(REASONS_PER_ROLE_MAX).cloned().collect();
    if reasons.len() > REASONS_PER_ROLE_MAX {
        bounded.push(format!("and {} more", reasons.len() - REASONS_PER_ROLE_MAX));
    }
    bounded
}

/// Each `inherits` entry of a role, with the object and the position at which it stands.
fn inherited<'a>(draft: &'a Draft<'_>) -> impl Iterator<Item = (&'a ObjectName, usize, &'a str)> {
    draft.objects.iter().flat_map(|Declaration { object, inherits, .. }| {
        inherits.iter().enumerate().map(|(position, inherited)| (*object, position, inherited.as_str()))
    })
}
