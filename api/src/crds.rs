//! The `CustomResourceDefinition`s of the four kinds, as `crds/` and the Helm chart carry them.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::CustomResourceExt;

use crate::{Restriction, Role, Session, TechnicalUser};

/// The definitions of the four kinds, in the order of the story: the Session first, then what refers to it.
pub fn crds() -> Vec<CustomResourceDefinition> {
    vec![Session::crd(), Role::crd(), Restriction::crd(), TechnicalUser::crd()]
}
