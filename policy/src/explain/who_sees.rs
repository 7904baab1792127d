//! Who sees a member: everybody whom a policy knows, and whether they do.

use std::collections::{BTreeMap, BTreeSet};

use cubegate_api::{Moment, ROLE_ADMIN};
use serde::{Deserialize, Serialize};

use crate::{
    attributes::Attributes,
    cubes,
    resolve::{self, Caller, GUEST_USER, Refusal},
    rights::Rights,
    snapshot::{
        Access, Authentication, Checked, ClaimPath, Condition, Door, RoleAccess, SERVICE_ACCOUNT_PREFIX, Snapshot,
        Subject, Wanted,
    },
};

/// Who sees facts of a member of a level.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct WhoSees {
    /// The member.
    #[serde(flatten)]
    pub member: Member,
    /// Facts of the member.
    pub facts: u64,
    /// Everybody who sees some of them, roles first.
    pub viewers: Vec<Seeing>,
    /// Everybody who sees what their claims say, which a policy does not know: facts of the member may be among it, besides
    /// those that `viewers` counts. Roles first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub by_claim: Vec<ByClaim>,
}

/// Somebody of whom only a claim says what they see.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ByClaim {
    /// What `name` is.
    pub kind: ViewerKind,
    /// A role, or the name of a user.
    pub name: String,
    /// The claims that restrictions ask for, each from the outermost key in.
    pub claims: BTreeSet<ClaimPath>,
}

/// A member of a level of a cube.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Member {
    /// Name of the cube.
    pub cube: String,
    /// Name of the level, `Hierarchy/Level` where the cube has several of that name.
    pub level: String,
    /// The member.
    pub member: String,
}

/// Somebody who sees facts of a member.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Seeing {
    /// What `name` is.
    pub kind: ViewerKind,
    /// A role, or the name of a user.
    pub name: String,
    /// How many of the member's facts they see.
    pub facts: u64,
}

/// Somebody whom a policy knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Viewer {
    /// What `name` is.
    pub kind: ViewerKind,
    /// A role, or the name of a user.
    pub name: String,
    /// Their rights; or why they are refused.
    pub rights: Result<Rights, Refusal>,
}

/// What a policy knows somebody as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum ViewerKind {
    /// Whoever holds this role and `ROLE_USER`, and no other.
    Role,
    /// This user: a `TechnicalUser`, or a name that `users` of a Role grants something, without any role of the provider.
    User,
    /// Whoever brings no credentials.
    Guest,
}

/// Everybody whom a policy knows, roles first, with their rights at a moment. Users whom only the provider knows hold the
/// roles that theirs are mapped to.
pub fn viewers(door: &Door, now: Moment) -> Vec<Viewer> {
    let roles = door.roles.keys().map(|role| Viewer {
        kind: ViewerKind::Role,
        name: role.clone(),
        rights: resolve::holder(door, role, now),
    });
    let technical_users: BTreeSet<&String> = match &door.authentication {
        Authentication::Closed(ways) => ways.technical_users.keys().collect(),
        Authentication::Open => BTreeSet::new(),
    };
    let granted = door.granted.keys().filter(|name| can_come(door, name) && !technical_users.contains(name));
    let nothing = BTreeSet::new();
    let users = technical_users.iter().map(|username| Caller::TechnicalUser { username });
    let users = users.chain(granted.map(|name| Caller::named(door, name, &nothing, Attributes::none())));
    let users = users.map(|caller| Viewer {
        kind: ViewerKind::User,
        name: caller.name().to_owned(),
        rights: resolve::resolve(door, &caller, now).map(|resolved| resolved.rights),
    });
    let has_guests = matches!(&door.authentication, Authentication::Closed(ways) if ways.guest_roles.is_some());
    let guest = has_guests.then(|| Viewer {
        kind: ViewerKind::Guest,
        name: GUEST_USER.to_owned(),
        rights: resolve::resolve(door, &Caller::Guest, now).map(|resolved| resolved.rights),
    });
    roles.chain(users.collect::<Vec<_>>()).chain(guest).collect()
}

/// What `look` finds for the rights of each viewer who is not refused. Who has the same rights sees the same, and is not
/// looked at again.
pub fn by_rights<T, E>(
    viewers: &[Viewer],
    mut look: impl FnMut(&Rights) -> Result<T, E>,
) -> Result<BTreeMap<Rights, T>, E> {
    let rights: BTreeSet<&Rights> = viewers.iter().filter_map(|viewer| viewer.rights.as_ref().ok()).collect();
    rights.into_iter().map(|rights| Ok((rights.clone(), look(rights)?))).collect()
}

impl WhoSees {
    /// The answer, when it has been counted how many facts of the member each of the rights of the viewers lets them see.
    pub fn new(
        Snapshot { door, access, .. }: &Snapshot,
        member: Member,
        facts: u64,
        viewers: Vec<Viewer>,
        counted: &BTreeMap<Rights, u64>,
    ) -> Self {
        let by_claim = viewers.iter().filter_map(|viewer| ByClaim::of(viewer, door, access, &member.cube)).collect();
        let seeing = viewers.into_iter().filter_map(|Viewer { kind, name, rights }| {
            let facts = counted.get(&rights.ok()?).copied().filter(|facts| *facts > 0)?;
            Some(Seeing { kind, name, facts })
        });
        Self { facts, viewers: seeing.collect(), by_claim, member }
    }
}

impl ByClaim {
    /// None when the policy alone says what a viewer sees of a cube: a TechnicalUser has the attributes that it says, a guest none.
    fn of(Viewer { kind, name, rights }: &Viewer, door: &Door, access: &Access, cube: &str) -> Option<Self> {
        // A role that has lapsed admits nothing, whatever a claim says.
        let Rights { roles, lapsed, .. } = rights.as_ref().ok()?;
        let has_claims = match (kind, &door.authentication) {
            (ViewerKind::Role, _) => true,
            (ViewerKind::User, Authentication::Closed(ways)) => !ways.technical_users.contains_key(name),
            (ViewerKind::User, Authentication::Open) | (ViewerKind::Guest, _) => false,
        };
        if !has_claims || roles.contains(ROLE_ADMIN) {
            return None;
        }
        let said_by = |role: &String| match access.roles.get(role)? {
            Checked::Valid(access) => Some(access),
            Checked::Broken(_) => None,
        };
        let said: Vec<&RoleAccess> = roles.iter().filter_map(said_by).collect();
        let valid = said.iter().filter_map(|access| Some((access.cubes.as_ref()?, false)));
        let lapsed = lapsed.iter().filter_map(|role| Some((said_by(role)?.cubes.as_ref()?, true)));
        if !cubes::is_visible(cube, valid.chain(lapsed)) {
            return None;
        }
        let claims: BTreeSet<ClaimPath> = said
            .iter()
            .flat_map(|access| &access.clauses)
            .filter_map(|clause| claim_in(&clause.condition, cube))
            .cloned()
            .collect();
        (!claims.is_empty()).then(|| Self { kind: *kind, name: name.clone(), claims })
    }
}

/// The claim that a condition asks for in a cube.
fn claim_in<'a>(condition: &'a Condition, cube: &str) -> Option<&'a ClaimPath> {
    match condition {
        Condition::Line { subject: Subject::Level { cube: of, .. }, .. } if of != cube => None,
        Condition::Line { wanted: Wanted::Claim(claim), .. } => Some(claim),
        Condition::Line { wanted: Wanted::Values(_), .. } | Condition::Cut { .. } => None,
    }
}

/// Whether there is a way in for somebody of this name who is no TechnicalUser.
fn can_come(door: &Door, name: &str) -> bool {
    match &door.authentication {
        Authentication::Closed(ways) => {
            ways.have_provider() || (ways.service_accounts.is_some() && name.starts_with(SERVICE_ACCOUNT_PREFIX))
        }
        Authentication::Open => false,
    }
}
