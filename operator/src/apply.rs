//! Makes the cluster hold what was built: compares first, writes only what differs, by server-side apply.

use std::fmt::Debug;

use k8s_openapi::{NamespaceResourceScope, api::core::v1::Secret, apimachinery::pkg::apis::meta::v1::OwnerReference};
use kube::{
    Api, Client, Resource, ResourceExt,
    api::{Patch, PatchParams},
    core::{PartialObjectMeta, PartialObjectMetaExt},
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::{
    build::{Applied, Prepared, Resources, Workload},
    digest::sha256_of,
    metrics::Metrics,
    names::{APPLIED, FIELD_MANAGER},
    publish::Previous,
    watch::{cache::Cache, namespace::Children},
};

/// Why a child could not be applied.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Something else has the name.
    #[error("{kind} `{name}` exists already and is not Cubegate's; delete it, or give the Session another name")]
    Taken {
        /// Kind of the child.
        kind: String,
        /// Its name.
        name: String,
    },
    /// The API server refused or could not be reached.
    #[error("apply {kind} `{name}`")]
    Api {
        /// Kind of the child.
        kind: String,
        /// Its name.
        name: String,
        /// What the API server or the network said.
        source: Box<kube::Error>,
    },
}

/// Applies the children of one Session.
pub struct Applier<'a> {
    /// The way to the API server.
    pub client: &'a Client,
    /// The children as we know them.
    pub children: &'a Children,
    /// Metadata of all Secrets, the policy Secrets among them.
    pub secrets: &'a Cache<PartialObjectMeta<Secret>>,
    /// Namespace of the Session.
    pub namespace: &'a str,
    /// Counts writes.
    pub metrics: &'a Metrics,
}

impl Applier<'_> {
    /// Applies everything that differs, what others need first.
    pub async fn apply(
        &self,
        resources: Resources<Prepared>,
        previous: &Previous,
    ) -> Result<Resources<Applied>, Error> {
        let Resources { service_account, role, role_binding, policy, service, workload, .. } = &resources;
        let children = self.children;
        self.policy(policy, previous.secret.as_ref()).await?;
        self.child(service_account, &children.service_accounts).await?;
        self.child(role, &children.roles).await?;
        self.child(role_binding, &children.role_bindings).await?;
        self.child(service, &children.services).await?;
        if let Some(Workload { model, deployment }) = workload {
            self.child(model, &children.models).await?;
            self.child(deployment, &children.deployments).await?;
        }
        Ok(resources.applied())
    }

    async fn child<K>(&self, wanted: &K, cache: &Cache<K>) -> Result<(), Error>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
        K: Serialize + DeserializeOwned + Clone + Debug,
    {
        let known = cache.get(&wanted.name_any());
        let api: Api<K> = Api::namespaced(self.client.clone(), self.namespace);
        if known.is_none() {
            // The caches hold only what carries our labels: whatever else has the name is somebody else's.
            let name = wanted.name_any();
            let found = api.get_metadata_opt(&name).await.map_err(|source| failed::<K>(&name, source))?;
            if let Some(found) = found {
                refuse_foreign::<K>(&found, wanted)?;
            }
        }
        let Some(patch) = patch(wanted, known.as_deref()) else { return Ok(()) };
        cache.adopt(self.send(&api, &wanted.name_any(), patch).await?);
        Ok(())
    }

    /// The policy Secret was read just before. Sending its version along makes the API server refuse when
    /// somebody else published in between, so that one revision never names two policies.
    async fn policy(&self, wanted: &Secret, known: Option<&Secret>) -> Result<(), Error> {
        if let Some(known) = known {
            refuse_foreign::<Secret>(known, wanted)?;
        }
        let Some(mut patch) = patch(wanted, known) else { return Ok(()) };
        if let (Some(version), Some(metadata)) =
            (known.and_then(ResourceExt::resource_version), patch.get_mut("metadata").and_then(Value::as_object_mut))
        {
            metadata.insert("resourceVersion".into(), version.into());
        }
        let api: Api<Secret> = Api::namespaced(self.client.clone(), self.namespace);
        let applied = self.send(&api, &wanted.name_any(), patch).await?;
        self.secrets.adopt(applied.metadata.into_response_partial());
        Ok(())
    }

    async fn send<K>(&self, api: &Api<K>, name: &str, patch: Value) -> Result<K, Error>
    where
        K: Resource<DynamicType = ()> + DeserializeOwned + Clone + Debug,
    {
        let params = PatchParams::apply(FIELD_MANAGER).force();
        let applied =
            api.patch(name, &params, &Patch::Apply(patch)).await.map_err(|source| failed::<K>(name, source))?;
        self.metrics.writes.with_label_values(&[&*K::kind(&())]).inc();
        tracing::info!(namespace = self.namespace, kind = %K::kind(&()), name, "applied");
        Ok(applied)
    }
}

fn failed<K: Resource<DynamicType = ()>>(name: &str, source: kube::Error) -> Error {
    Error::Api { kind: K::kind(&()).into_owned(), name: name.to_owned(), source: Box::new(source) }
}

/// Ours is what carries our label, or what belonged to an earlier Session of the same name.
fn refuse_foreign<K: Resource<DynamicType = ()>>(found: &impl ResourceExt, wanted: &K) -> Result<(), Error> {
    let managed_by = "app.kubernetes.io/managed-by";
    let is_marked = found.labels().get(managed_by) == wanted.meta().labels.as_ref().and_then(|l| l.get(managed_by));
    let owner = |owners: &[OwnerReference]| owners.first().map(|owner| (owner.kind.clone(), owner.name.clone()));
    let is_left_over =
        owner(found.owner_references()).is_some_and(|found| Some(found) == owner(wanted.owner_references()));
    if is_marked || is_left_over {
        return Ok(());
    }
    Err(Error::Taken { kind: K::kind(&()).into_owned(), name: found.name_any() })
}

/// What to send so that the API server has what is wanted; nothing when it has. A field that is wanted and differs
/// shows in the comparison; a field that is no longer wanted shows in the digest of what was applied last.
fn patch<K: Resource<DynamicType = ()> + Serialize + Clone>(wanted: &K, known: Option<&K>) -> Option<Value> {
    let digest = sha256_of(wanted);
    let mut marked = wanted.clone();
    marked.annotations_mut().insert(APPLIED.into(), digest.clone());
    let marked = serde_json::to_value(&marked).expect("a child has string keys only");
    let has = known.is_some_and(|known| {
        let known_digest = known.annotations().get(APPLIED);
        known_digest == Some(&digest)
            && contains(&serde_json::to_value(known).expect("a child has string keys only"), &marked)
    });
    (!has).then_some(marked)
}

/// Whether `known` has everything that `wanted` says. The API server adds defaults to objects, never to a list.
fn contains(known: &Value, wanted: &Value) -> bool {
    match (known, wanted) {
        (Value::Object(known), Value::Object(wanted)) => {
            wanted.iter().all(|(key, wanted)| known.get(key).is_some_and(|known| contains(known, wanted)))
        }
        (Value::Array(known), Value::Array(wanted)) => {
            known.len() == wanted.len() && known.iter().zip(wanted).all(|(known, wanted)| contains(known, wanted))
        }
        (known, wanted) => known == wanted,
    }
}

/// Whether the API server says that the object changed under us, which is no fault but a reason to look again.
pub fn is_conflict(error: &Error) -> bool {
    matches!(error, Error::Api { source, .. } if matches!(&**source, kube::Error::Api(status) if status.code == 409))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn service(value: Value) -> k8s_openapi::api::core::v1::Service {
        serde_json::from_value(value).unwrap()
    }

    fn wanted() -> Value {
        json!({
            "apiVersion": "v1", "kind": "Service",
            "metadata": {"name": "retail", "labels": {"app.kubernetes.io/managed-by": "cubegate-operator"}},
            "spec": {"ports": [{"name": "http", "port": 80}]},
        })
    }

    /// What the API server makes of a patch.
    fn stored(patch: &Value) -> Value {
        let mut stored = patch.clone();
        stored["metadata"]["uid"] = json!("u");
        stored["metadata"]["resourceVersion"] = json!("7");
        stored["spec"]["type"] = json!("ClusterIP");
        stored["spec"]["ports"][0]["protocol"] = json!("TCP");
        stored
    }

    #[test]
    fn what_the_api_server_has_with_its_defaults_is_not_sent_again() {
        let first = patch(&service(wanted()), None).unwrap();
        assert_eq!(patch(&service(wanted()), Some(&service(stored(&first)))), None);
    }

    #[test]
    fn what_somebody_changed_and_what_is_no_longer_wanted_is_sent_again() {
        let first = patch(&service(wanted()), None).unwrap();
        let mut drifted = stored(&first);
        drifted["spec"]["ports"][0]["port"] = json!(81);
        assert!(patch(&service(wanted()), Some(&service(drifted))).is_some());
        let mut less = wanted();
        less["spec"]["ports"][0].as_object_mut().unwrap().remove("name");
        assert!(patch(&service(less), Some(&service(stored(&first)))).is_some());
        let mut more = stored(&first);
        more["spec"]["ports"].as_array_mut().unwrap().push(json!({"port": 99}));
        assert!(patch(&service(wanted()), Some(&service(more))).is_some());
    }

    #[test]
    fn what_is_somebody_elses_is_refused_and_what_an_earlier_session_left_is_taken_over() {
        let mut foreign = wanted();
        foreign["metadata"]["labels"] = json!({});
        let error = refuse_foreign(&service(foreign.clone()), &service(wanted())).unwrap_err();
        assert!(error.to_string().contains("Service `retail` exists already"), "{error}");
        let owner = |uid: &str| json!([{"apiVersion": "cubegate.dev/v1alpha1", "kind": "Session", "name": "retail", "uid": uid}]);
        let mut ours = wanted();
        ours["metadata"]["ownerReferences"] = owner("new");
        foreign["metadata"]["ownerReferences"] = owner("old");
        assert!(refuse_foreign(&service(foreign), &service(ours)).is_ok());
        assert!(refuse_foreign(&service(wanted()), &service(wanted())).is_ok());
    }
}
