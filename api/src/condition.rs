//! What the operator says of an object: conditions, their types and reasons.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::KubeSchema;
use serde::{Deserialize, Serialize};

/// Status of a Role, Restriction or TechnicalUser.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct ObjectStatus {
    /// The generation of `spec` that this status speaks of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// `Accepted`, `ResolvedRefs` and `Programmed`; see each one's message.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"]))]
    pub conditions: Vec<Condition>,
}

/// Status of a Session.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct SessionStatus {
    /// The generation of `spec` that this status speaks of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// `Accepted`, `ResolvedRefs`, `Programmed`, `Ready` and, for a Session without authentication, `Open`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"]))]
    pub conditions: Vec<Condition>,
    /// The policy that the operator has published for this Session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<PublishedPolicy>,
}

/// Identifies the policy that a Session's pods must enforce.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct PublishedPolicy {
    /// Grows with each change of the policy.
    pub revision: i64,
    /// SHA-256 of the compiled policy, in hexadecimal.
    pub sha256: String,
}

/// The types of condition that Cubegate sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ConditionType {
    /// The object by itself is valid.
    Accepted,
    /// Whatever the object refers to exists and is valid.
    ResolvedRefs,
    /// Every Ready pod of the Session enforces this generation of the object.
    Programmed,
    /// (Session) At least one pod answers.
    Ready,
    /// (Session) No authentication is configured: whoever comes is an administrator.
    Open,
}

impl ConditionType {
    /// The value of `conditions[].type`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "Accepted",
            Self::ResolvedRefs => "ResolvedRefs",
            Self::Programmed => "Programmed",
            Self::Ready => "Ready",
            Self::Open => "Open",
        }
    }
}

/// The closed set of reasons that conditions carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// `Accepted=True`.
    Valid,
    /// `Accepted=False`: the object cannot be used as it stands. Also `Programmed=False` of a Session whose pods
    /// therefore keep the model that they run.
    Invalid,
    /// `Accepted=False`: another object already has this name.
    Conflict,
    /// `ResolvedRefs=True`.
    Resolved,
    /// `ResolvedRefs=False`: something that the object refers to is missing or invalid. Also `Programmed=False` of a
    /// Session whose pods therefore keep the model that they run.
    Unresolved,
    /// `Programmed=True`: every Ready pod enforces this generation.
    Enforced,
    /// `Programmed=False`: some Ready pods do not enforce this generation yet.
    Pending,
    /// `Programmed=False`: there is no Ready pod to enforce it.
    NoReadyPods,
    /// `Programmed=False`: the pods enforce a refusal of the holders, because the object is not valid.
    Refused,
    /// `Programmed=False`: the engine cannot apply it to the loaded model.
    Unbound,
    /// `Ready=True`.
    Serving,
    /// `Ready=False`: no pod is Ready yet.
    Starting,
    /// `Open=True`: the Session has no authentication.
    NoAuthentication,
}

impl Reason {
    /// The value of `conditions[].reason`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Valid => "Valid",
            Self::Invalid => "Invalid",
            Self::Conflict => "Conflict",
            Self::Resolved => "Resolved",
            Self::Unresolved => "Unresolved",
            Self::Enforced => "Enforced",
            Self::Pending => "Pending",
            Self::NoReadyPods => "NoReadyPods",
            Self::Refused => "Refused",
            Self::Unbound => "Unbound",
            Self::Serving => "Serving",
            Self::Starting => "Starting",
            Self::NoAuthentication => "NoAuthentication",
        }
    }
}
