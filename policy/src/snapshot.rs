//! The compiled policy of one Session: what the operator publishes and the pods enforce.
//!
//! ```text
//! Snapshot ─┬─ door    who is calling, and with which roles        (sidecar)
//!           └─ access  which rows the holders of a role may see    (engine)
//! ```
//!
//! Everything is in ordered collections, so that equal policies have equal bytes.

mod clause;

use std::collections::{BTreeMap, BTreeSet};

use cubegate_api::SourceRange;
pub use cubegate_api::{
    authentication::AccessTokenFormat,
    role::CubeOrder,
    session::{Combine, Unmatched},
};
use serde::{Deserialize, Serialize};

pub use self::clause::{Clause, ColumnName, Condition, Subject, Values, Wanted};
pub(crate) use self::clause::{write_choice, write_range};
use crate::{attributes::Attributes, context::RoleContext, cubes::CubeRights, validity::Validity};

/// What the name of every ServiceAccount begins with.
pub const SERVICE_ACCOUNT_PREFIX: &str = "system:serviceaccount:";

/// The compiled policy of one Session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Snapshot {
    /// Name of the Session.
    pub session: String,
    /// The objects that this policy was compiled from, ordered by kind and name.
    pub sources: Vec<Source>,
    /// Who is calling, and with which roles.
    pub door: Door,
    /// Which rows the holders of a role may see.
    pub access: Access,
}

/// One object that a policy was compiled from, as it was then.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Source {
    /// Which object.
    #[serde(flatten)]
    pub object: ObjectName,
    /// Its `metadata.uid`; empty without a cluster.
    pub uid: String,
    /// Its `metadata.generation`; 0 without a cluster.
    pub generation: i64,
}

/// An object by kind and name, in the namespace of the Session.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ObjectName {
    /// Kind of the object.
    pub kind: Kind,
    /// `metadata.name` of the object.
    pub name: String,
}

/// The four kinds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Kind {
    Session,
    Role,
    Restriction,
    TechnicalUser,
}

/// Something that is either usable or known to be broken, and why. What is broken denies its holders:
/// it is never treated as absent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Checked<T> {
    /// Usable.
    Valid(T),
    /// Not usable, for these reasons (at least one).
    Broken(Vec<String>),
}

/// Who is calling, and with which roles.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Door {
    /// Address that users open, without a trailing slash.
    pub url: Option<String>,
    /// How connections arrive.
    #[serde(default, skip_serializing_if = "Edge::is_default")]
    pub edge: Edge,
    /// How callers prove who they are.
    pub authentication: Authentication,
    /// Provider role, or name of a provider user → the roles that it is mapped to.
    pub mapped: RolesByName,
    /// Name of a user, whichever way they authenticate → the roles that they are granted.
    pub granted: RolesByName,
    /// Every role by name, the built-in ones included.
    pub roles: BTreeMap<String, DoorRole>,
}

/// How connections arrive.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Edge {
    /// From where connections begin with a header of the PROXY protocol, and from where alone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub proxy_protocol: Vec<SourceRange>,
    /// Origins whose scripts may read answers.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub allowed_origins: BTreeSet<String>,
}

/// Names of roles by what leads to them. Looked up, never walked: a policy may have thousands of roles.
pub type RolesByName = BTreeMap<String, BTreeSet<String>>;

/// How callers prove who they are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::large_enum_variant, reason = "there is one per policy, and never many at once")]
pub enum Authentication {
    /// They need not: whoever comes is `anonymousUser`, an administrator.
    Open,
    /// They must.
    Closed(Ways),
}

/// The ways in of a Session that is not open. Basic is always one of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Ways {
    /// Realm that Basic challenges name.
    pub realm: String,
    /// TechnicalUsers by user name.
    pub technical_users: BTreeMap<String, Checked<TechnicalUser>>,
    /// OpenID Connect, when configured.
    pub oidc: Option<Checked<Oidc>>,
    /// Further providers by id.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub additional_oidc: BTreeMap<String, Checked<Oidc>>,
    /// ServiceAccounts of Kubernetes, when configured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_accounts: Option<ServiceAccounts>,
    /// How clients of a provider come in by Basic, when they may.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_credentials: Option<Checked<ClientCredentials>>,
    /// The roles of guests, where there are guests. All of them exist; or why nobody is let in as a guest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guest_roles: Option<Checked<BTreeSet<String>>>,
}

/// A caller that authenticates with Basic.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TechnicalUser {
    /// Name of the object.
    pub declared_by: String,
    /// argon2id hash in PHC form, or a bcrypt hash.
    pub password_hash: String,
    /// That of the password of before, while it counts too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous_password_hash: Option<String>,
    /// Roles granted by the object; all of them exist.
    pub roles: BTreeSet<String>,
    /// As far as the policy speaks of them.
    pub attributes: Attributes,
    /// When the user may come in.
    #[serde(default, skip_serializing_if = "Validity::is_unbounded")]
    pub validity: Validity,
}

/// An OpenID Connect provider. Field meanings as in [`cubegate_api::authentication::Oidc`].
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[expect(missing_docs, reason = "documented where users write them")]
pub struct Oidc {
    pub provider_id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub prefix: String,
    /// Prefixes of other providers: nobody here goes by a name or role that begins with one.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub foreign_prefixes: BTreeSet<String>,
    pub issuer_url: String,
    pub client_id: String,
    pub client_secret: Option<String>,
    /// Contains `openid`.
    pub scopes: Vec<String>,
    pub name_claim: String,
    pub roles_claims: Vec<ClaimPath>,
    /// Claims that restrictions speak of.
    pub attribute_claims: BTreeSet<ClaimPath>,
    pub access_token_format: AccessTokenFormat,
    /// Present when `access_token_format` is `jwt`.
    pub audience: Option<String>,
    /// All of them exist; or why they cannot be granted.
    pub default_roles: Checked<BTreeSet<String>>,
    #[serde(default, skip_serializing_if = "SessionTimeouts::is_default")]
    pub session: SessionTimeouts,
}

/// ServiceAccounts of Kubernetes. Field meanings as in [`cubegate_api::authentication::ServiceAccounts`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[expect(missing_docs, reason = "documented where users write them")]
pub struct ServiceAccounts {
    pub audience: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issuer_url: Option<String>,
}

/// Clients of a provider, by Basic. Field meanings as in [`cubegate_api::authentication::ClientCredentials`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[expect(missing_docs, reason = "documented where users write them")]
pub struct ClientCredentials {
    pub provider_id: String,
    pub scopes: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource: Option<String>,
}

/// When the session of a person in a browser ends at the latest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SessionTimeouts {
    /// Seconds without requests.
    pub idle_s: u64,
    /// Seconds since the login.
    pub absolute_s: u64,
}

/// Keys from the outermost in; a literal claim name is a path of one key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ClaimPath(pub Vec<String>);

/// What comes with a role.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DoorRole {
    /// Name of the Role that declares it; none for a built-in role that is not declared.
    pub declared_by: Option<String>,
    /// Names of the roles that come with this one, and bring along their own.
    pub inherits: BTreeSet<String>,
    /// When the role is valid; outside of that it has lapsed.
    #[serde(default, skip_serializing_if = "Validity::is_unbounded")]
    pub validity: Validity,
    /// Why holders are refused; empty for a role that is in order.
    pub broken: Vec<String>,
}

/// Which rows the holders of a role may see.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Access {
    /// How the restrictions of several roles combine.
    pub combine: Combine,
    /// What callers see whom no role of theirs restricts.
    pub unmatched: Unmatched,
    /// Every role by name, the built-in ones included. Inherited roles are entries of their own.
    pub roles: BTreeMap<String, Checked<RoleAccess>>,
}

/// What the holders of one role may see.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RoleAccess {
    /// Whether holders whom nothing restricts see everything under [`Unmatched::Deny`] too.
    pub unrestricted: bool,
    /// Which cubes holders may see, if the role says so.
    pub cubes: Option<CubeRights>,
    /// All of them hold (AND). Ordered.
    pub clauses: Vec<Clause>,
    /// What the role gives its holders, if anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context: Option<RoleContext>,
}

// === impl ===

impl<T> Checked<T> {
    /// What is usable.
    pub fn valid(&self) -> Option<&T> {
        match self {
            Self::Valid(value) => Some(value),
            Self::Broken(_) => None,
        }
    }
}

impl TechnicalUser {
    /// The hashes of all passwords that count, the newest first.
    pub fn password_hashes(&self) -> impl Iterator<Item = &str> {
        [&self.password_hash].into_iter().chain(&self.previous_password_hash).map(String::as_str)
    }
}

impl Ways {
    /// The providers whose configuration is in order, that of `oidc` first.
    pub fn providers(&self) -> impl Iterator<Item = &Oidc> {
        self.oidc.iter().chain(self.additional_oidc.values()).filter_map(Checked::valid)
    }

    /// How many providers are configured, in order or not.
    pub fn provider_count(&self) -> usize {
        self.oidc.iter().len() + self.additional_oidc.len()
    }

    /// Whether the configuration of a provider is not in order. Which issuer it meant is not known.
    pub fn have_broken_provider(&self) -> bool {
        self.providers().count() < self.provider_count()
    }

    /// Whether people can come by a provider, be it in order or not.
    pub fn have_provider(&self) -> bool {
        self.provider_count() > 0
    }

    /// The further provider whose users and roles go by names like this one.
    pub fn provider_of_name(&self, name: &str) -> Option<&str> {
        let is_its = |oidc: &&Oidc| !oidc.prefix.is_empty() && name.starts_with(&oidc.prefix);
        let provider_id = self.providers().find(is_its)?.provider_id.as_str();
        self.additional_oidc.contains_key(provider_id).then_some(provider_id)
    }
}

impl Oidc {
    /// A name or role of this provider as the policy knows it; nothing when it would be taken for that of another provider.
    pub fn qualified(&self, name: &str) -> Option<String> {
        let qualified = format!("{}{name}", self.prefix);
        (!self.is_foreign(&qualified)).then_some(qualified)
    }

    /// Whether a name or role, as the policy knows it, is another provider's to give.
    pub fn is_foreign(&self, qualified: &str) -> bool {
        self.foreign_prefixes.iter().any(|prefix| qualified.starts_with(prefix))
    }
}

impl Edge {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

impl SessionTimeouts {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

impl Default for SessionTimeouts {
    fn default() -> Self {
        cubegate_api::authentication::SessionTimeouts::default().into()
    }
}

impl From<cubegate_api::authentication::SessionTimeouts> for SessionTimeouts {
    fn from(written: cubegate_api::authentication::SessionTimeouts) -> Self {
        let cubegate_api::authentication::SessionTimeouts { idle_timeout, absolute_timeout } = written;
        Self { idle_s: idle_timeout.duration().as_secs(), absolute_s: absolute_timeout.duration().as_secs() }
    }
}

impl std::fmt::Debug for TechnicalUser {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TechnicalUser").field("roles", &self.roles).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Oidc {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Oidc")
            .field("issuer_url", &self.issuer_url)
            .field("client_id", &self.client_id)
            .finish_non_exhaustive()
    }
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Session => "Session",
            Self::Role => "Role",
            Self::Restriction => "Restriction",
            Self::TechnicalUser => "TechnicalUser",
        })
    }
}

impl std::fmt::Display for ObjectName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.kind, self.name)
    }
}

impl std::fmt::Display for ClaimPath {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0.join(" → "))
    }
}
