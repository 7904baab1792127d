//! One object of the four kinds as the API server sent it, whether we can read it or not.

use std::{borrow::Cow, sync::Arc};

use cubegate_api::{Restriction, Role, Session, TechnicalUser};
use cubegate_policy::{
    compile::{InvalidObject, Parsed},
    snapshot::{Kind, ObjectName},
};
use k8s_openapi::{
    NamespaceResourceScope,
    apimachinery::pkg::apis::meta::v1::{Condition, ObjectMeta},
};
use kube::Resource;
use serde::{Deserialize, Deserializer, Serialize, de::DeserializeOwned};
use serde_json::Value;

/// An object of one of the four kinds. One that cannot be read is kept, to be reported and to deny its holders.
#[derive(Clone, Debug)]
pub struct Seen<K> {
    metadata: ObjectMeta,
    /// As JSON, because it is only compared and because one that we cannot read must not hide the object.
    status: Value,
    read: Result<Arc<K>, Unreadable>,
}

#[derive(Clone, Debug)]
struct Unreadable {
    manifest: Arc<Value>,
    error: String,
}

/// One of the four kinds.
pub trait Declared:
    Resource<DynamicType = (), Scope = NamespaceResourceScope>
    + DeserializeOwned
    + Clone
    + std::fmt::Debug
    + Send
    + Sync
    + 'static
{
    /// Which one.
    const KIND: Kind;
    /// Name of the Session that the object belongs to.
    fn session_name(&self) -> &str;
}

impl<K: Declared> Seen<K> {
    /// The object, if it can be read.
    pub fn readable(&self) -> Option<&Arc<K>> {
        self.read.as_ref().ok()
    }

    /// Why the object cannot be read.
    pub fn error(&self) -> Option<&str> {
        self.read.as_ref().err().map(|unreadable| unreadable.error.as_str())
    }

    /// Kind and name.
    pub fn object_name(&self) -> ObjectName {
        ObjectName { kind: K::KIND, name: self.metadata.name.clone().unwrap_or_default() }
    }

    /// Name of the Session that the object belongs to; empty when even that cannot be read.
    pub fn session_name(&self) -> &str {
        match &self.read {
            Ok(object) => object.session_name(),
            Err(_) if K::KIND == Kind::Session => self.metadata.name.as_deref().unwrap_or_default(),
            Err(unreadable) => {
                unreadable.manifest.pointer("/spec/sessionRef/name").and_then(Value::as_str).unwrap_or_default()
            }
        }
    }

    /// `metadata.generation`.
    pub fn generation(&self) -> i64 {
        self.metadata.generation.unwrap_or_default()
    }

    /// `metadata.uid`.
    pub fn uid(&self) -> &str {
        self.metadata.uid.as_deref().unwrap_or_default()
    }

    /// `status` as the API server has it.
    pub fn status(&self) -> &Value {
        &self.status
    }

    /// The conditions that the object carries now.
    pub fn conditions(&self) -> Vec<Condition> {
        self.status.get("conditions").cloned().and_then(|found| serde_json::from_value(found).ok()).unwrap_or_default()
    }

    /// What `compile` is given.
    pub fn parsed(&self) -> Parsed<K> {
        match &self.read {
            Ok(object) => Parsed::Valid(K::clone(object)),
            Err(Unreadable { manifest, error }) => Parsed::Invalid(InvalidObject {
                name: self.metadata.name.clone().unwrap_or_default(),
                uid: self.uid().to_owned(),
                generation: self.generation(),
                manifest: Value::clone(manifest),
                error: error.clone(),
            }),
        }
    }
}

impl Declared for Session {
    const KIND: Kind = Kind::Session;
    fn session_name(&self) -> &str {
        self.metadata.name.as_deref().unwrap_or_default()
    }
}

impl Declared for Role {
    const KIND: Kind = Kind::Role;
    fn session_name(&self) -> &str {
        &self.spec.session_ref.name
    }
}

impl Declared for Restriction {
    const KIND: Kind = Kind::Restriction;
    fn session_name(&self) -> &str {
        &self.spec.session_ref.name
    }
}

impl Declared for TechnicalUser {
    const KIND: Kind = Kind::TechnicalUser;
    fn session_name(&self) -> &str {
        &self.spec.session_ref.name
    }
}

impl<'de, K: Declared> Deserialize<'de> for Seen<K> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut manifest = Value::deserialize(deserializer)?;
        let mut status = Value::Null;
        if let Some(object) = manifest.as_object_mut() {
            status = object.remove("status").unwrap_or_default();
        }
        if let Some(metadata) = manifest.get_mut("metadata").and_then(Value::as_object_mut) {
            metadata.remove("managedFields");
        }
        let metadata = manifest.get("metadata").cloned().unwrap_or_default();
        let metadata = serde_json::from_value(metadata).map_err(serde::de::Error::custom)?;
        let read = K::deserialize(&manifest)
            .map(Arc::new)
            .map_err(|error| Unreadable { error: error.to_string(), manifest: Arc::new(manifest) });
        Ok(Self { metadata, status, read })
    }
}

impl<K: Declared> Resource for Seen<K> {
    type DynamicType = ();
    type Scope = K::Scope;

    fn kind((): &()) -> Cow<'_, str> {
        K::kind(&())
    }
    fn group((): &()) -> Cow<'_, str> {
        K::group(&())
    }
    fn version((): &()) -> Cow<'_, str> {
        K::version(&())
    }
    fn plural((): &()) -> Cow<'_, str> {
        K::plural(&())
    }
    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }
    fn meta_mut(&mut self) -> &mut ObjectMeta {
        &mut self.metadata
    }
}

/// A status to be applied: nothing but what identifies the object and the status itself.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StatusPatch<'a, S> {
    api_version: &'static str,
    kind: Kind,
    metadata: StatusPatchMetadata<'a>,
    status: &'a S,
}

#[derive(Debug, Serialize)]
struct StatusPatchMetadata<'a> {
    name: &'a str,
    /// Makes the API server refuse when another object has taken the name meanwhile.
    uid: &'a str,
}

impl<'a, S: Serialize> StatusPatch<'a, S> {
    /// The status of this very object.
    pub fn new<K: Declared>(object: &'a Seen<K>, status: &'a S) -> Self {
        let metadata =
            StatusPatchMetadata { name: object.metadata.name.as_deref().unwrap_or_default(), uid: object.uid() };
        Self { api_version: cubegate_api::API_VERSION, kind: K::KIND, metadata, status }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn role(spec: &Value) -> Seen<Role> {
        serde_json::from_value(json!({
            "apiVersion": "cubegate.dev/v1alpha1", "kind": "Role",
            "metadata": {"name": "paris", "uid": "u1", "generation": 3, "managedFields": [{"manager": "x"}]},
            "spec": spec, "status": {"conditions": "not a list"},
        }))
        .unwrap()
    }

    #[test]
    fn an_object_that_cannot_be_read_is_kept_with_its_session_and_the_reason() {
        let seen = role(&json!({"sessionRef": {"name": "retail"}, "restriction": ["paris-only"]}));
        assert_eq!(seen.session_name(), "retail");
        assert!(seen.error().unwrap().contains("unknown field `restriction`"));
        let Parsed::Invalid(invalid) = seen.parsed() else { panic!("it was read") };
        assert_eq!((invalid.name.as_str(), invalid.uid.as_str(), invalid.generation), ("paris", "u1", 3));
        assert_eq!(invalid.manifest["spec"]["restriction"], json!(["paris-only"]));
    }

    proptest! {
        #[test]
        fn no_object_is_ever_lost_whatever_its_spec_and_status_are(spec in anything(), status in anything()) {
            let manifest = json!({"metadata": {"name": "paris", "uid": "u1", "generation": 3}, "spec": spec, "status": status});
            let seen: Seen<Role> = serde_json::from_value(manifest).unwrap();
            prop_assert_eq!((seen.uid(), seen.generation()), ("u1", 3));
            prop_assert_eq!(seen.readable().is_some(), seen.error().is_none());
            prop_assert_eq!(seen.readable().is_some(), matches!(seen.parsed(), Parsed::Valid(_)));
        }
    }

    /// JSON, now and then with fields that the kinds have.
    fn anything() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            ".{0,8}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 6, |inner| {
            let key = prop_oneof!["sessionRef|name|roleName|restrictions|conditions", ".{0,6}"];
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map(key, inner, 0..4)
                    .prop_map(|fields| Value::Object(fields.into_iter().collect())),
            ]
        })
    }

    #[test]
    fn a_status_that_cannot_be_read_does_not_hide_the_object() {
        let seen = role(&json!({"sessionRef": {"name": "retail"}}));
        assert!(seen.readable().is_some());
        assert!(seen.conditions().is_empty());
    }
}
