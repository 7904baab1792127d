//! From a Session and its policy to the objects that it needs. Pure: the executor has no choices left.
//!
//! ```text
//!            ┌─ ServiceAccount, Role, RoleBinding   the sidecar may read its one Secret
//! Session ───┼─ Secret <session>-policy             what the pods enforce
//!            ├─ ConfigMap <session>-model           what the engine loads
//!            ├─ Service                             where callers find the pods
//!            └─ Deployment                          sidecar + engine
//! ```

mod access;
mod container;
mod deployment;
mod model;
mod policy;
mod service;

use std::{collections::BTreeMap, marker::PhantomData};

use cubegate_api::Session;
use k8s_openapi::{
    api::{
        apps::v1::Deployment,
        core::v1::{ConfigMap, Secret, Service, ServiceAccount},
        rbac::v1::{Role, RoleBinding},
    },
    apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference},
};
use kube::{Resource, ResourceExt};

use crate::{names::labels, publish::Published};

/// Images that the pods of all Sessions run.
#[derive(Clone, Debug)]
pub struct Images {
    /// The auth-proxy.
    pub sidecar: String,
    /// The cube engine.
    pub engine: String,
}

/// Objects as they are wanted.
#[derive(Clone, Debug)]
pub enum Prepared {}
/// Objects as the API server has them now.
#[derive(Clone, Debug)]
pub enum Applied {}

/// The children of one Session, in the order in which they are applied: what others need comes first.
#[derive(Clone, Debug)]
pub struct Resources<State> {
    /// Identity of the sidecar.
    pub service_account: ServiceAccount,
    /// What the sidecar may do.
    pub role: Role,
    /// That it may.
    pub role_binding: RoleBinding,
    /// What the pods enforce.
    pub policy: Secret,
    /// Where callers find the pods.
    pub service: Service,
    /// What runs; absent when what runs now must stay as it is.
    pub workload: Option<Workload>,
    state: PhantomData<State>,
}

/// The part that a model change rolls.
#[derive(Clone, Debug)]
pub struct Workload {
    /// What the engine loads.
    pub model: ConfigMap,
    /// Sidecar and engine.
    pub deployment: Deployment,
}

/// What a Session's pods run.
#[derive(Clone, Copy, Debug)]
pub struct Content<'a> {
    /// The policy.
    pub published: &'a Published,
    /// SHA-256 of the data.
    pub data_sha256: &'a str,
}

/// Builds the children of a Session. Unless the workload is sound, what runs is left alone.
pub fn build(session: &Session, content: Content<'_>, workload_is_sound: bool, images: &Images) -> Resources<Prepared> {
    let workload = workload_is_sound.then(|| {
        let model = model::model(session);
        let deployment = deployment::deployment(session, &model, content.data_sha256, images);
        Workload { model, deployment }
    });
    Resources {
        service_account: access::service_account(session),
        role: access::role(session),
        role_binding: access::role_binding(session),
        policy: policy::policy(session, content.published),
        service: service::service(session),
        workload,
        state: PhantomData,
    }
}

impl Resources<Prepared> {
    /// The same resources, once they have been applied.
    pub fn applied(self) -> Resources<Applied> {
        let Self { service_account, role, role_binding, policy, service, workload, state: PhantomData } = self;
        Resources { service_account, role, role_binding, policy, service, workload, state: PhantomData }
    }
}

impl Resources<Applied> {
    /// The annotations that pods of the applied Deployment carry; nothing when what runs was left alone.
    pub fn pod_annotations(&self) -> Option<&BTreeMap<String, String>> {
        let template = &self.workload.as_ref()?.deployment.spec.as_ref()?.template;
        template.metadata.as_ref()?.annotations.as_ref()
    }
}

/// Metadata of a child.
fn child(session: &Session, name: String) -> ObjectMeta {
    ObjectMeta {
        name: Some(name),
        namespace: session.namespace(),
        labels: Some(labels(&session.name_any())),
        owner_references: Some(vec![owner(session)]),
        ..ObjectMeta::default()
    }
}

fn owner(session: &Session) -> OwnerReference {
    OwnerReference {
        api_version: Session::api_version(&()).into_owned(),
        kind: Session::kind(&()).into_owned(),
        name: session.name_any(),
        uid: session.uid().unwrap_or_default(),
        controller: Some(true),
        block_owner_deletion: Some(true),
    }
}

#[cfg(test)]
mod tests;
