//! TechnicalUser: a caller that authenticates with a user name and a password.

use kube::{CustomResource, KubeSchema};
use serde::{Deserialize, Serialize};

use crate::{
    condition::ObjectStatus,
    moment::Moment,
    reference::{KeyReference, SessionReference},
    restriction::Scalar,
};

/// A caller that authenticates with HTTP Basic: Prometheus, a script, a scheduled report.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, CustomResource, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[kube(
    group = "cubegate.dev",
    version = "v1alpha1",
    kind = "TechnicalUser",
    plural = "technicalusers",
    shortname = "cguser",
    category = "cubegate",
    namespaced,
    status = "ObjectStatus",
    derive = "PartialEq",
    cel,
    doc = "A caller that authenticates with HTTP Basic: Prometheus, a script, a scheduled report.",
    printcolumn(name = "Session", type_ = "string", json_path = ".spec.sessionRef.name"),
    printcolumn(name = "Roles", type_ = "string", json_path = ".spec.roles"),
    printcolumn(
        name = "Programmed",
        type_ = "string",
        json_path = ".status.conditions[?(@.type=='Programmed')].status"
    ),
    printcolumn(name = "Reason", type_ = "string", json_path = ".status.conditions[?(@.type=='Programmed')].reason"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    validation = Rule::new("!has(self.spec.notBefore) || !has(self.spec.notAfter) || self.spec.notBefore < self.spec.notAfter")
        .message("`notAfter` is later than `notBefore`: there is no moment in between otherwise")
)]
pub struct TechnicalUserSpec {
    /// The Session that this user may use.
    pub session_ref: SessionReference,
    /// Name to authenticate with. Default: the object's name. No colon (RFC 7617).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 255))]
    #[x_kube(validation = Rule::new("self.matches('^[^:[:cntrl:]]+$')").message("username is not empty and has no colon (RFC 7617) and no control characters"))]
    pub username: Option<String>,
    /// The Secret key that holds the password: plain, or an argon2id or bcrypt hash of it.
    pub password_secret_ref: KeyReference,
    /// The Secret key that holds the password of before, which counts too while callers change to the other. Take the field away
    /// when all of them have, and the key after it: like any password that is missing, this one closes the user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous_password_secret_ref: Option<KeyReference>,
    /// Names of the roles that this user holds.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 256))]
    pub roles: Vec<String>,
    /// What `inClaim` of Restrictions reads of this user, as it reads claims of a provider's users.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    pub attributes: Vec<Attribute>,
    /// The first moment at which this user may come in, in RFC 3339. Before it they are refused as an unknown user is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_before: Option<Moment>,
    /// The first moment at which this user may come in no more, in RFC 3339. No edit and no restart is needed when it comes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_after: Option<Moment>,
}

/// An attribute of a caller.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Attribute {
    /// The way to it, as `inClaim` has it.
    #[schemars(length(min = 1, max = 16))]
    pub claim: Vec<String>,
    /// Its values.
    #[schemars(length(min = 1, max = 4096))]
    pub values: Vec<Scalar>,
}

impl TechnicalUser {
    /// The Secret keys that hold passwords of this user.
    pub fn password_secret_refs(&self) -> impl Iterator<Item = &KeyReference> {
        [&self.spec.password_secret_ref].into_iter().chain(&self.spec.previous_password_secret_ref)
    }

    /// The name that this user authenticates with.
    pub fn username(&self) -> &str {
        self.spec.username.as_deref().or(self.metadata.name.as_deref()).unwrap_or_default()
    }
}
