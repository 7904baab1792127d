//! Why a caller has the roles that they have, and what those roles restrict.
//!
//! ```text
//! claims ──▶ provider roles ─┐
//!                            ├─decide─▶ grants ──▶ roles ──▶ Restrictions ──▶ lines
//! name ──────────────────────┘            each with the object and the field that it comes from
//! ```
//!
//! Nothing is decided here: [`decide`] decides, for requests and for explanations alike, and this module puts its grants
//! into words. It names objects of the policy, so it is for those who maintain it and for nobody else.

mod who_sees;

use std::collections::{BTreeMap, BTreeSet};

use cubegate_api::Moment;
use serde::{Deserialize, Serialize};

pub use self::who_sees::{ByClaim, Member, Seeing, Viewer, ViewerKind, WhoSees, by_rights, viewers};
use crate::{
    bind::{BoundAccess, Visibility},
    context::{ContextValues, Giver, NamedValue},
    resolve::{Caller, Decision, Grant, Refusal, Way, decide},
    rights::Rights,
    snapshot::{Access, Checked, ClaimPath, Clause, Condition, Door, Kind, ObjectName, RoleAccess, Snapshot},
    validity::Lapse,
};

/// Why a caller sees what they see.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Explanation {
    /// The Session.
    pub session: String,
    /// How the caller was decided.
    #[serde(flatten)]
    pub caller: CallerExplanation,
    /// What that leaves of each cube; nothing for a caller who is refused.
    pub cubes: Vec<CubeExplanation>,
}

/// How a caller was decided.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CallerExplanation {
    /// The caller's name.
    pub user: String,
    /// The provider's roles, and the claims that they were found in.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub provider_roles: Vec<FoundRole>,
    /// What restrictions may ask of the caller.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub attributes: Vec<Attribute>,
    /// Every role of the caller; of one who is refused, those that were found until then.
    pub roles: Vec<HeldRole>,
    /// Why the caller is refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
}

/// A role of the provider.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FoundRole {
    /// Its name there.
    pub name: String,
    /// Where it was found, from the outermost key in; nothing when it was assumed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub claims: Vec<ClaimPath>,
}

/// An attribute of the caller.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Attribute {
    /// The claim, from the outermost key in.
    pub claim: ClaimPath,
    /// Its values.
    pub values: BTreeSet<String>,
}

/// A role of the caller.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct HeldRole {
    /// Its name.
    pub role: String,
    /// Every way by which the caller came to it.
    pub because: Vec<Because>,
    /// Why it has lapsed: it takes away what it always does, and gives nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lapsed: Option<Because>,
    /// The Restrictions that come with it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub restrictions: Vec<AppliedRestriction>,
    /// Why its holders are refused.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub broken: Vec<String>,
}

/// One way by which a caller came to a role, or why it has lapsed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Because {
    /// A sentence without its end.
    pub way: String,
    /// What says so; nothing for what is built in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub origin: Option<Origin>,
}

/// A Restriction as it applies to the holders of a role.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AppliedRestriction {
    /// Its name.
    pub name: String,
    /// What makes it apply.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub named_by: Option<Origin>,
    /// Its lines, all of which hold.
    pub lines: Vec<Line>,
}

/// A line or cut of a Restriction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Line {
    /// What holds of visible rows.
    pub condition: String,
    /// Where it stands; the item is the column or level that it speaks of, or the cut.
    pub origin: Origin,
}

/// A field of an object, for example `spec.mappedFrom` of `Role/paris`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Origin {
    /// The object.
    #[serde(flatten)]
    pub object: ObjectName,
    /// The field.
    pub field: String,
    /// The item of the field, where it is a list.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub item: Option<String>,
}

/// What of a cube is visible, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CubeExplanation {
    /// The cube.
    pub cube: String,
    /// Why the roles are refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
    /// What holds of every visible fact; nothing: all facts are visible.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub all_of: Vec<String>,
    /// How many facts that leaves, when they have been counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub facts: Option<Share>,
    /// What holds for queries; nothing for those who are refused.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub context: Vec<HoldingValue>,
}

/// A context value that holds for queries.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HoldingValue {
    /// The value.
    pub value: String,
    /// The field that gives it, below `spec` of the Role; or of the cube in the Session, where no Role does.
    pub field: String,
    /// The Role that gives it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
}

/// A part of the facts of a cube.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Share {
    /// Facts that are visible.
    pub visible: usize,
    /// All facts.
    pub all: usize,
}

/// Decides about a caller at a moment, and says why. `found` says which claim each provider role was found in.
pub fn caller(
    snapshot: &Snapshot,
    caller: &Caller<'_>,
    now: Moment,
    found: &[(&ClaimPath, BTreeSet<String>)],
) -> CallerExplanation {
    let Decision { user, grants, lapsed, attributes, refusal } = decide(&snapshot.door, caller, now);
    let mut by_role: BTreeMap<&str, Vec<Because>> = BTreeMap::new();
    for grant in &grants {
        by_role.entry(grant.role).or_default().push(because(snapshot, user, grant));
    }
    let held = |(role, because)| {
        let lapsed = lapsed.get(role).map(|lapse| lapsed_because(&snapshot.door, role, *lapse));
        held(snapshot, role, because, lapsed)
    };
    let roles = by_role.into_iter().map(held).collect();
    CallerExplanation {
        user: user.to_owned(),
        provider_roles: provider_roles(caller, found),
        attributes: attributes.iter().map(|(claim, values)| Attribute::new(claim, values)).collect(),
        roles,
        refused: refusal.as_ref().map(ToString::to_string),
    }
}

/// Says what rights let their bearer see of a cube. Where their conditions come from, [`caller`] says.
pub fn cube(
    bound: &BoundAccess,
    cube: &str,
    context: &ContextValues,
    rights: &Rights,
) -> (CubeExplanation, Result<Visibility, Refusal>) {
    let visibility = bound.visibility(cube, rights);
    let holding = bound.context(rights, context);
    let holding = holding.named().into_iter().filter(|_| visibility.is_ok()).map(HoldingValue::from);
    let explanation = CubeExplanation {
        cube: cube.to_owned(),
        refused: visibility.as_ref().err().map(ToString::to_string),
        all_of: visibility.iter().flat_map(|visibility| &visibility.all_of).map(ToString::to_string).collect(),
        facts: None,
        context: holding.collect(),
    };
    (explanation, visibility)
}

fn provider_roles(caller: &Caller<'_>, found: &[(&ClaimPath, BTreeSet<String>)]) -> Vec<FoundRole> {
    let Caller::ProviderUser { provider_roles, .. } = caller else { return Vec::new() };
    let claims = |name: &String| {
        let holding = found.iter().filter(|(_, roles)| roles.contains(name));
        holding.map(|(path, _)| (*path).clone()).collect()
    };
    provider_roles.iter().map(|name| FoundRole { name: name.clone(), claims: claims(name) }).collect()
}

fn held(snapshot: &Snapshot, role: &str, because: Vec<Because>, lapsed: Option<Because>) -> HeldRole {
    let Snapshot { door, access, .. } = snapshot;
    let broken = door.roles.get(role).map(|role| role.broken.clone()).unwrap_or_default();
    HeldRole { role: role.to_owned(), because, lapsed, restrictions: restrictions(door, access, role), broken }
}

fn lapsed_because(door: &Door, role: &str, lapse: Option<Lapse>) -> Because {
    let (way, field) = match lapse {
        None => {
            return Because { way: "comes with roles that have lapsed, and with no other".to_owned(), origin: None };
        }
        Some(lapse @ Lapse::NotYet(_)) => (lapse.to_string(), "spec.notBefore"),
        Some(lapse @ Lapse::NoMore(_)) => (lapse.to_string(), "spec.notAfter"),
    };
    Because { way, origin: of_role(door, role, field, None) }
}

fn restrictions(door: &Door, access: &Access, role: &str) -> Vec<AppliedRestriction> {
    let Some(Checked::Valid(RoleAccess { unrestricted: _, cubes: _, clauses, context: _ })) = access.roles.get(role)
    else {
        return Vec::new();
    };
    let mut lines: BTreeMap<&str, Vec<&Clause>> = BTreeMap::new();
    for clause in clauses {
        lines.entry(&clause.restriction).or_default().push(clause);
    }
    lines
        .into_iter()
        .map(|(restriction, clauses)| AppliedRestriction {
            name: restriction.to_owned(),
            named_by: of_role(door, role, "spec.restrictions", Some(restriction)),
            lines: clauses.into_iter().map(Line::new).collect(),
        })
        .collect()
}

fn because(Snapshot { session, door, .. }: &Snapshot, user: &str, grant: &Grant<'_>) -> Because {
    let Grant { role, way } = *grant;
    let (way, origin) = match way {
        Way::Mapped(name) if name == user => {
            (format!("the provider calls the caller `{name}`"), of_role(door, role, "spec.mappedFrom", Some(name)))
        }
        Way::Mapped(name) => {
            (format!("the provider gives the role `{name}`"), of_role(door, role, "spec.mappedFrom", Some(name)))
        }
        Way::Granted => ("granted to the caller by name".to_owned(), of_role(door, role, "spec.users", Some(user))),
        Way::TechnicalUser { object } => {
            let origin = Origin::new(Kind::TechnicalUser, object, "spec.roles", Some(role));
            ("granted to the TechnicalUser".to_owned(), Some(origin))
        }
        Way::Default { provider: None } => {
            let field = "spec.authentication.oidc.defaultRoles";
            ("no role came any other way".to_owned(), Some(Origin::new(Kind::Session, session, field, Some(role))))
        }
        Way::Default { provider: Some(provider) } => {
            let origin = Origin::new(Kind::Session, session, "spec.authentication.additionalOidc", Some(provider));
            ("no role came any other way".to_owned(), Some(origin))
        }
        Way::Guest => {
            let field = "spec.authentication.guestRoles";
            let origin = Origin::new(Kind::Session, session, field, Some(role));
            ("whoever brings no credentials has it".to_owned(), Some(origin))
        }
        Way::Open => {
            let origin = Origin::new(Kind::Session, session, "spec", None);
            ("the Session has no `authentication`: whoever comes is an administrator".to_owned(), Some(origin))
        }
        Way::Inherited { from } => (format!("comes with {from}"), of_role(door, from, "spec.inherits", Some(role))),
    };
    Because { way, origin }
}

/// A field of the Role that declares a role; none when it is built in.
fn of_role(door: &Door, role: &str, field: &str, item: Option<&str>) -> Option<Origin> {
    let name = door.roles.get(role)?.declared_by.as_deref()?;
    Some(Origin::new(Kind::Role, name, field, item))
}

impl From<NamedValue<'_>> for HoldingValue {
    fn from(NamedValue { field, value, by }: NamedValue<'_>) -> Self {
        let role = match by {
            Giver::Role(name) => Some(name.clone()),
            Giver::Cube => None,
        };
        Self { value, field: field.to_owned(), role }
    }
}

impl Attribute {
    fn new(claim: &ClaimPath, values: &BTreeSet<String>) -> Self {
        Self { claim: claim.clone(), values: values.clone() }
    }
}

impl Line {
    fn new(clause: &Clause) -> Self {
        let Clause { condition, restriction } = clause;
        let (field, item) = match condition {
            Condition::Line { subject, .. } => ("spec.where", subject.to_string()),
            Condition::Cut { cut, .. } => ("spec.cuts", cut.to_string()),
        };
        Self {
            condition: condition.to_string(),
            origin: Origin::new(Kind::Restriction, restriction, field, Some(&item)),
        }
    }
}

impl Origin {
    fn new(kind: Kind, name: &str, field: &str, item: Option<&str>) -> Self {
        let object = ObjectName { kind, name: name.to_owned() };
        Self { object, field: field.to_owned(), item: item.map(str::to_owned) }
    }
}

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.object, self.field)
    }
}
