//! Role: who holds it and which Restrictions come with it.

use std::collections::BTreeMap;

use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{condition::ObjectStatus, context::ContextValues, moment::Moment, reference::SessionReference};

/// A role of one Session: who holds it, which other roles come with it, and which Restrictions narrow what its holders see.
///
/// `ROLE_USER` (may use the application) and `ROLE_ADMIN` (sees everything) always exist; a Role may
/// map or grant them, but not restrict them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, CustomResource, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[kube(
    group = "cubegate.dev",
    version = "v1alpha1",
    kind = "Role",
    plural = "roles",
    shortname = "cgrole",
    category = "cubegate",
    namespaced,
    status = "ObjectStatus",
    derive = "PartialEq",
    cel,
    doc = "A role of one Session: who holds it, and which Restrictions narrow what its holders see.",
    printcolumn(name = "Session", type_ = "string", json_path = ".spec.sessionRef.name"),
    printcolumn(name = "Role", type_ = "string", json_path = ".spec.roleName"),
    printcolumn(name = "Programmed", type_ = "string", json_path = ".status.conditions[?(@.type=='Programmed')].status"),
    printcolumn(name = "Reason", type_ = "string", json_path = ".status.conditions[?(@.type=='Programmed')].reason"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    validation = Rule::new("!((has(self.spec.roleName) ? self.spec.roleName : self.metadata.name) in ['ROLE_USER', 'ROLE_ADMIN']) || !has(self.spec.restrictions) || size(self.spec.restrictions) == 0")
        .message("ROLE_USER and ROLE_ADMIN cannot be restricted; put the restrictions on a Role of your own and map users to it"),
    validation = Rule::new("!has(self.spec.unrestricted) || !self.spec.unrestricted || !has(self.spec.restrictions) || size(self.spec.restrictions) == 0")
        .message("a role is `unrestricted` or has `restrictions`, not both"),
    validation = Rule::new("!((has(self.spec.roleName) ? self.spec.roleName : self.metadata.name) in ['ROLE_USER', 'ROLE_ADMIN']) || !has(self.spec.cubes)")
        .message("ROLE_USER and ROLE_ADMIN cannot be restricted; put `cubes` on a Role of your own and map users to it"),
    validation = Rule::new("!((has(self.spec.roleName) ? self.spec.roleName : self.metadata.name) in ['ROLE_USER', 'ROLE_ADMIN']) || !has(self.spec.grantMeasures) || size(self.spec.grantMeasures) == 0")
        .message("ROLE_USER and ROLE_ADMIN cannot be restricted; put `grantMeasures` on a Role of your own and map users to it"),
    validation = Rule::new("!((has(self.spec.roleName) ? self.spec.roleName : self.metadata.name) in ['ROLE_USER', 'ROLE_ADMIN']) || !has(self.spec.grantMembers) || size(self.spec.grantMembers) == 0")
        .message("ROLE_USER and ROLE_ADMIN cannot be restricted; put `grantMembers` on a Role of your own and map users to it"),
    validation = Rule::new("!has(self.spec.notBefore) || !has(self.spec.notAfter) || self.spec.notBefore < self.spec.notAfter")
        .message("`notAfter` is later than `notBefore`: there is no moment in between otherwise")
)]
pub struct RoleSpec {
    /// The Session that this role belongs to.
    pub session_ref: SessionReference,
    /// Name by which requests and other objects know the role, for example `ROLE_PARIS`. Default: the object's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 128))]
    #[x_kube(validation = Rule::new("self.matches('^[A-Za-z_][A-Za-z0-9_.:-]*$')").message("roleName is a letter or underscore, then letters, digits and _.:- (it travels in a header)"))]
    pub role_name: Option<String>,
    /// Provider roles, or provider user names, whose bearers hold this role.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 1024))]
    pub mapped_from: Vec<String>,
    /// Names of users who hold this role, whichever way they authenticate.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 10_000))]
    pub users: Vec<String>,
    /// Role names whose holdings come with this role. A cycle is reported, and its holders are refused.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 256))]
    pub inherits: Vec<String>,
    /// Names of Restrictions. All of them hold together for a holder of this role.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 256))]
    pub restrictions: Vec<String>,
    /// Where the Session says `unmatched: Deny`: holders see everything that other roles of theirs do not restrict. Not
    /// together with `restrictions`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unrestricted: bool,
    /// Which cubes holders may see. The lists of all roles of a caller count together; roles without this field say
    /// nothing. A cube that a caller may not see is to them one that does not exist.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cubes: Option<CubeRights>,
    /// Authority: where several roles of a caller give the same context value, that of the role with the highest priority is
    /// taken. `ROLE_ADMIN` is above every number, `ROLE_USER` below, and of equals the first by name comes first.
    #[serde(default, skip_serializing_if = "is_default")]
    pub priority: i32,
    /// What holds for the queries of holders.
    #[serde(default, skip_serializing_if = "is_default")]
    pub context: ContextValues,
    /// What holders are not shown. They may ask for it all the same: this tidies up, it does not protect.
    #[serde(default, skip_serializing_if = "is_default")]
    pub hide: Hide,
    /// Names of the only measures that there are for holders, in every cube; none: all measures. A context value: of several
    /// roles, the one with the highest priority decides.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 1024), inner(length(min = 1, max = 253)))]
    pub grant_measures: Vec<String>,
    /// By hierarchy, the only members that there are for holders, in every cube that has the hierarchy: each a path from the
    /// coarsest level, with everything below it. Paths unite, hierarchies intersect, and Restrictions hold beside. A context
    /// value: of several roles, the one with the highest priority decides.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 64))]
    pub grant_members: BTreeMap<String, Vec<Vec<String>>>,
    /// The first moment at which the role is valid, in RFC 3339. Outside of its validity a role has lapsed: it keeps what it
    /// takes away from its holders, its limits too, and gives them nothing, neither rows nor cubes nor the roles that it inherits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_before: Option<Moment>,
    /// The first moment at which the role is valid no more, in RFC 3339. No edit and no restart is needed when it comes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_after: Option<Moment>,
}

/// What the holders of a role are not shown.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Hide {
    /// Names of dimensions; with them goes every hierarchy of theirs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 256), inner(length(min = 1, max = 253)))]
    pub dimensions: Vec<String>,
    /// Names of hierarchies.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 256), inner(length(min = 1, max = 253)))]
    pub hierarchies: Vec<String>,
    /// Names of measures.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 256), inner(length(min = 1, max = 253)))]
    pub measures: Vec<String>,
}

/// Which cubes the holders of a role may see.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CubeRights {
    /// Names of cubes, or `*`, `prefix*`, `*suffix`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 256), inner(length(min = 1, max = 253)))]
    #[x_kube(validation = Rule::new("self.all(name, name.matches('^([*]|[*]?[^*]+|[^*]+[*])$'))").message("write the name of a cube, `*`, `prefix*` or `*suffix`"))]
    pub allowed: Vec<String>,
    /// Names of cubes, or `*`, `prefix*`, `*suffix`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 256), inner(length(min = 1, max = 253)))]
    #[x_kube(validation = Rule::new("self.all(name, name.matches('^([*]|[*]?[^*]+|[^*]+[*])$'))").message("write the name of a cube, `*`, `prefix*` or `*suffix`"))]
    pub denied: Vec<String>,
    /// How the two lists go together. Where roles of one caller differ, a cube must be visible by each order.
    #[serde(default)]
    pub order: CubeOrder,
}

/// How allowed and denied cubes go together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub enum CubeOrder {
    /// Cubes that are not denied; if any are allowed, only those of them.
    #[default]
    Strict,
    /// Cubes that are allowed or not denied.
    DenyAllow,
    /// Cubes that are allowed and not denied.
    AllowDeny,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

impl Role {
    /// The name by which requests and other objects know this role.
    pub fn role_name(&self) -> &str {
        self.spec.role_name.as_deref().or(self.metadata.name.as_deref()).unwrap_or_default()
    }
}
