//! What the children of a Session are called, and the marks that they carry.

use std::collections::BTreeMap;

/// Field manager of everything that the operator applies.
pub const FIELD_MANAGER: &str = "cubegate-operator";
/// Selects all children of all Sessions.
pub const CHILDREN: &str = "app.kubernetes.io/managed-by=cubegate-operator,app.kubernetes.io/component=session";
/// Label that holds the name of the Session.
pub const INSTANCE: &str = "app.kubernetes.io/instance";

/// SHA-256 of a child as it was applied: tells that a field which is no longer wanted must go.
pub const APPLIED: &str = "cubegate.dev/applied-sha256";
/// On pods: SHA-256 of the model that they run.
pub const MODEL: &str = "cubegate.dev/model-sha256";
/// On pods: SHA-256 of the data that they loaded.
pub const DATA: &str = "cubegate.dev/data-sha256";

/// Name of the port that `/livez`, `/readyz` and `/policy` are on.
pub const PRIVATE_PORT: &str = "private";
/// Name of the port that callers use.
pub const PUBLIC_PORT: &str = "public";

/// A Session by namespace and name; the unit of reconciling.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionKey {
    /// Namespace of the Session and of everything that belongs to it.
    pub namespace: String,
    /// Name of the Session, whether there is one or not.
    pub name: String,
}

impl std::fmt::Display for SessionKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

/// What a pod with these annotations runs: its model and its data. Nothing when they do not say.
pub fn content_of(annotations: &BTreeMap<String, String>) -> Option<String> {
    let (model, data) = (annotations.get(MODEL)?, annotations.get(DATA)?);
    Some(format!("{model} {data}"))
}

/// Name of the Secret that carries the policy of a Session.
pub fn policy_secret(session: &str) -> String {
    format!("{session}-policy")
}

/// Name of the ConfigMap that carries the model of a Session.
pub fn model_config_map(session: &str) -> String {
    format!("{session}-model")
}

/// Labels by which a Deployment and a Service find the pods of a Session. A Deployment's can never change.
pub fn selector(session: &str) -> BTreeMap<String, String> {
    labelled(&[("app.kubernetes.io/name", "cubegate"), ("app.kubernetes.io/component", "session"), (INSTANCE, session)])
}

/// Labels of every child of a Session.
pub fn labels(session: &str) -> BTreeMap<String, String> {
    let mut labels = selector(session);
    labels.extend(labelled(&[("app.kubernetes.io/managed-by", FIELD_MANAGER)]));
    labels
}

fn labelled(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect()
}
