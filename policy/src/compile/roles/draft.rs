//! What the objects that declare one role say of it.

use std::collections::{BTreeMap, BTreeSet};

use cubegate_api::{ROLE_USER, Role, RoleSpec, role::CubeRights as CubeRightsSpec};

use super::{
    super::{
        holders,
        objects::{Own, Parsed},
        problem::{ProblemKind, Problems},
        session::Names,
        validity,
    },
    BUILT_IN, UNRESTRICTABLE,
};
use crate::{
    context::{GrantedMembers, RoleContext},
    cubes::{CubePattern, CubeRights},
    nearest::suggestion,
    snapshot::{Clause, ObjectName},
    validity::Validity,
};

/// What the objects that declare one role say of it. In a sound policy that is one object, or none for a built-in.
#[derive(Debug, Default)]
pub(super) struct Draft<'a> {
    pub(super) objects: Vec<Declaration<'a>>,
    pub(super) mapped_from: BTreeSet<String>,
    pub(super) users: BTreeSet<String>,
    pub(super) unrestricted: bool,
    pub(super) cubes: Option<CubeRights>,
    pub(super) context: RoleContext,
    pub(super) validity: Validity,
    pub(super) clauses: BTreeSet<Clause>,
    /// Reasons that are not problems of the role's own objects.
    pub(super) reasons: BTreeSet<String>,
}

#[derive(Debug)]
pub(super) struct Declaration<'a> {
    pub(super) object: &'a ObjectName,
    pub(super) name_field: &'static str,
    pub(super) inherits: &'a [String],
    pub(super) restrictions: &'a [String],
}

pub(super) type Drafts<'a> = BTreeMap<String, Draft<'a>>;

pub(super) fn gather<'a>(own: &'a [Own<'a, Role>], names: &Names<'_>, problems: &mut Problems) -> Drafts<'a> {
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
