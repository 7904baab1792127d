//! The ConfigMap that carries the model.

use std::collections::BTreeMap;

use cubegate_api::{
    Session,
    model::{Cube, Join, Table},
};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::ResourceExt;
use serde::Serialize;

use super::child;
use crate::names::model_config_map;

/// File that the engine reads.
pub(super) const MODEL_FILE: &str = "model.json";

/// The fields of a Session that the engine loads, verbatim.
#[derive(Serialize)]
struct Model<'a> {
    tables: &'a [Table],
    joins: &'a [Join],
    cubes: &'a [Cube],
}

pub(super) fn model(session: &Session) -> ConfigMap {
    let spec = &session.spec;
    let model = Model { tables: &spec.tables, joins: &spec.joins, cubes: &spec.cubes };
    let text = serde_json::to_string(&model).expect("a model has string keys only");
    ConfigMap {
        metadata: child(session, model_config_map(&session.name_any())),
        data: Some(BTreeMap::from([(MODEL_FILE.to_owned(), text)])),
        ..ConfigMap::default()
    }
}
