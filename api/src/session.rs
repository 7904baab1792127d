//! Session: tables, cubes, ways in.

use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    authentication::Authentication,
    condition::SessionStatus,
    edge::{Cors, ProxyProtocol, Tls},
    model::{Cube, Join, Table},
    reference::KeyReference,
};

/// A secured OLAP session: tables, joins and cubes, and how callers prove who they are.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, CustomResource, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[kube(
    group = "cubegate.dev",
    version = "v1alpha1",
    kind = "Session",
    plural = "sessions",
    shortname = "cgsession",
    category = "cubegate",
    namespaced,
    status = "SessionStatus",
    derive = "PartialEq",
    cel,
    doc = "A secured OLAP session: tables, joins and cubes, and how callers prove who they are.",
    printcolumn(name = "Ready", type_ = "string", json_path = ".status.conditions[?(@.type=='Ready')].status"),
    printcolumn(name = "Programmed", type_ = "string", json_path = ".status.conditions[?(@.type=='Programmed')].status"),
    printcolumn(name = "Revision", type_ = "integer", json_path = ".status.policy.revision"),
    printcolumn(name = "URL", type_ = "string", json_path = ".spec.url", priority = 1),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    validation = Rule::new("size(self.metadata.name) <= 52").message("a Session's name has at most 52 characters, because its children's names are made from it"),
    validation = Rule::new("self.metadata.name.matches('^[a-z]([-a-z0-9]*[a-z0-9])?$')").message("a Session's name is lower-case letters, digits and dashes and starts with a letter, because its Service has the same name"),
    validation = Rule::new("!has(self.spec.authentication) || !has(self.spec.authentication.oidc) || has(self.spec.url)").message("`url` is required with `authentication.oidc`: redirect URIs and cookies are made from it"),
    validation = Rule::new("!has(self.spec.tls) || !has(self.spec.url) || self.spec.url.startsWith('https://')").message("with `tls`, `url` begins with https://, or browsers would send cookies in the clear")
)]
pub struct SessionSpec {
    /// Tables and where their rows come from.
    #[schemars(length(min = 1, max = 64))]
    #[x_kube(validation = Rule::new("self.all(a, self.exists_one(b, a.name == b.name))").message("two tables have the same name"))]
    pub tables: Vec<Table>,
    /// How rows of one table find their row in another.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 128))]
    pub joins: Vec<Join>,
    /// Cubes over these tables.
    #[schemars(length(min = 1, max = 32))]
    #[x_kube(validation = Rule::new("self.all(a, self.exists_one(b, a.name == b.name))").message("two cubes have the same name"))]
    pub cubes: Vec<Cube>,
    /// How callers prove who they are. Left out, the Session is open: whoever comes is an administrator.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authentication: Option<Authentication>,
    /// How the restrictions of several roles combine.
    #[serde(default)]
    pub access: Access,
    /// Address that users open. Redirect URIs and cookies are made from it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = Rule::new("self.matches('^https?://[^/?#]+/?$')").message("url is scheme and host only, for example https://retail.example.com"))]
    pub url: Option<String>,
    /// TLS of the pods themselves. Left out, they speak HTTP, and what is before them ends TLS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<Tls>,
    /// Load balancers that pass connections on and say whose they are. Left out, a connection comes from whoever opened it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proxy_protocol: Option<ProxyProtocol>,
    /// Pages of other origins whose scripts may read answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cors: Option<Cors>,
    /// Number of pods.
    #[serde(default = "default_replicas")]
    #[schemars(range(min = 0, max = 100))]
    pub replicas: i32,
}

/// How the restrictions of several roles combine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Access {
    /// The rule for callers who hold several restricting roles.
    #[serde(default)]
    pub combine: Combine,
    /// What callers see whom no role of theirs restricts.
    #[serde(default)]
    pub unmatched: Unmatched,
}

/// The rule for callers who hold several restricting roles. The restrictions of one role always all hold together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Combine {
    /// Union within a hierarchy, intersection across hierarchies.
    #[default]
    PerHierarchy,
    /// Every line of every role holds.
    All,
    /// A row is visible if some restricting role admits it whole.
    PerRole,
}

/// What callers see of a cube or table in which no role of theirs restricts anything.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Unmatched {
    /// Every row.
    #[default]
    Allow,
    /// No row, unless a role of theirs is `unrestricted`.
    Deny,
}

impl Session {
    /// The Secret keys that hold our client secrets at providers.
    pub fn client_secret_refs(&self) -> impl Iterator<Item = &KeyReference> {
        let authentication = self.spec.authentication.iter();
        let providers = authentication.flat_map(|ways| ways.oidc.iter().chain(&ways.additional_oidc));
        providers.filter_map(|oidc| oidc.client_secret_ref.as_ref())
    }
}

fn default_replicas() -> i32 {
    1
}
