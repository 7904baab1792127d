//! From Roles to who holds them and what they restrict.
//!
//! ```text
//! Role objects ──gather──▶ drafts by role name ──names, restrictions, built-ins, inheritance──▶ problems
//!                               └────────────────────────finish────────────────────────────▶ CompiledRole
//! ```
//!
//! A role is broken when anything is wrong with an object that declares it, or with a role that it inherits.

use std::collections::{BTreeMap, BTreeSet};

use cubegate_api::{ROLE_ADMIN, ROLE_ANONYMOUS, ROLE_USER, Role, RoleSpec, role::CubeRights as CubeRightsSpec};

use super::{
    holders,
    inheritance::Inheritance,
    objects::{Own, Parsed},
    problem::{ProblemKind, Problems},
    restrictions::Restrictions,
    session::Names,
    validity,
};
use crate::{
    context::{GrantedMembers, RoleContext},
    cubes::{CubePattern, CubeRights},
    limits::{REASONS_PER_ROLE_MAX, ROLE_NAME_CHARACTERS_MAX},
    nearest::suggestion,
    snapshot::{Checked, ClaimPath, Clause, Condition, DoorRole, ObjectName, RoleAccess, Wanted},
    validity::Validity,
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

/// What the objects that declare one role say of it. In a sound policy that is one object, or none for a built-in.
#[derive(Debug, Default)]
struct Draft<'a> {
    objects: Vec<Declaration<'a>>,
    mapped_from: BTreeSet<String>,
    users: BTreeSet<String>,
    unrestricted: bool,
    cubes: Option<CubeRights>,
    context: RoleContext,
    validity: Validity,
    clauses: BTreeSet<Clause>,
    /// Reasons that are not problems of the role's own objects.
    reasons: BTreeSet<String>,
}

#[derive(Debug)]
struct Declaration<'a> {
    object: &'a ObjectName,
    name_field: &'static str,
    inherits: &'a [String],
    restrictions: &'a [String],
}

type Drafts<'a> = BTreeMap<String, Draft<'a>>;

fn gather<'a>(own: &'a [Own<'a, Role>], names: &Names<'_>, problems: &mut Problems) -> Drafts<'a> {
    let mut drafts: Drafts<'a> = BUILT_IN.map(|role| (role.to_owned(), Draft::default())).into();
    for Own { object, parsed, .. } in own {
        match parsed {
            Parsed::Valid(role) => gather_valid(object, role, names, &mut drafts, problems),
            Parsed::Invalid(invalid) => {
                let holders::Holders { role_name, mapped_from, users, complete } = holders::read(invalid);
                let draft = drafts.entry(role_name).or_default();
                draft.objects.push(Declaration { object, name_field: "spec", inherits: &[], restrictions: &[] });
                draft.mapped_from.extend(mapped_from);
                draft.users.extend(users);
                if !complete {
                    let reason = format!("{object} cannot be read, not even who holds it: anyone may be a holder");
                    drafts.entry(ROLE_USER.to_owned()).or_default().reasons.insert(reason);
                }
            }
        }
    }
    drafts
}

fn gather_valid<'a>(
    object: &'a ObjectName,
    role: &'a Role,
    names: &Names<'_>,
    drafts: &mut Drafts<'a>,
    problems: &mut Problems,
) {
    let RoleSpec {
        session_ref: _,
        role_name,
        mapped_from,
        users,
        inherits,
        restrictions,
        unrestricted,
        cubes,
        priority,
        context,
        hide,
        grant_measures,
        grant_members,
        not_before,
        not_after,
    } = &role.spec;
    let name_field = if role_name.is_some() { "spec.roleName" } else { "metadata.name" };
    let restricting = [
        ("cubes", cubes.is_some()),
        ("grantMeasures", !grant_measures.is_empty()),
        ("grantMembers", !grant_members.is_empty()),
    ];
    for (field, is_there) in restricting {
        if is_there && UNRESTRICTABLE.contains(&role.role_name()) {
            let message = format!("{} cannot be restricted; put `{field}` on a role of your own", role.role_name());
            problems.report(object, ProblemKind::Invalid, format!("spec.{field}"), message);
        }
    }
    let draft = drafts.entry(role.role_name().to_owned()).or_default();
    draft.objects.push(Declaration { object, name_field, inherits, restrictions });
    draft.mapped_from.extend(mapped_from.iter().cloned());
    draft.users.extend(users.iter().cloned());
    draft.unrestricted |= unrestricted;
    // Two objects for one role are refused, so it makes no difference which of them is heard.
    draft.cubes = cubes.as_ref().map(|cubes| cube_rights(object, cubes, names, problems));
    draft.context = RoleContext {
        declared_by: object.name.clone(),
        priority: *priority,
        values: context.clone(),
        hide: hide.clone(),
        grant_measures: grant_measures.iter().cloned().collect(),
        grant_members: granted_members(object, grant_members, problems),
    };
    draft.validity = validity::compile(object, *not_before, *not_after, problems);
}

fn granted_members(
    object: &ObjectName,
    written: &BTreeMap<String, Vec<Vec<String>>>,
    problems: &mut Problems,
) -> GrantedMembers {
    for (hierarchy, paths) in written {
        if paths.is_empty() || paths.iter().any(Vec::is_empty) {
            let message = "write at least one path, each with at least the member of the coarsest level";
            problems.report(object, ProblemKind::Invalid, format!("spec.grantMembers.{hierarchy}"), message);
        }
    }
    written.iter().map(|(hierarchy, paths)| (hierarchy.clone(), paths.iter().cloned().collect())).collect()
}

fn cube_rights(
    object: &ObjectName,
    CubeRightsSpec { allowed, denied, order }: &CubeRightsSpec,
    names: &Names<'_>,
    problems: &mut Problems,
) -> CubeRights {
    let mut patterns = |field: &str, written: &[String]| {
        let read = written.iter().enumerate().filter_map(|(position, text)| {
            let pattern = CubePattern::try_from(text.clone());
            let problem = match &pattern {
                Err(malformed) => Some((ProblemKind::Invalid, malformed.to_string())),
                Ok(CubePattern::Name(name)) if !names.cubes.contains(name.as_str()) => {
                    let suggestion = suggestion(name, "cubes", names.cubes.iter().copied());
                    Some((ProblemKind::Unresolved, format!("there is no cube `{name}`; {suggestion}")))
                }
                Ok(_) => None,
            };
            if let Some((kind, message)) = problem {
                problems.report(object, kind, format!("spec.cubes.{field}[{position}]"), message);
            }
            pattern.ok()
        });
        read.collect()
    };
    CubeRights { allowed: patterns("allowed", allowed), denied: patterns("denied", denied), order: *order }
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
