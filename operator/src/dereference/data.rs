//! Data that pods mount: which of it is missing, and a digest of the rest, so that changed data rolls the pods.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, PoisonError},
};

use cubegate_api::{Session, model::FileLocation};
use cubegate_policy::{
    compile::{Problem, ProblemKind},
    nearest::nearest,
    snapshot::{Kind, ObjectName},
};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::{Api, Client, ResourceExt};
use serde::Serialize;

use super::{Error, missing};
use crate::{digest::sha256_of, watch::namespace::Namespace};

/// Digests of the values of ConfigMaps, kept while they are unchanged.
#[derive(Debug, Default)]
pub struct DataDigests {
    known: Mutex<HashMap<(String, String), Arc<Known>>>,
}

#[derive(Debug)]
struct Known {
    version: (Option<String>, Option<String>),
    /// SHA-256 of the value by key.
    values: BTreeMap<String, String>,
}

/// The data of one Session.
#[derive(Debug)]
pub(super) struct Data {
    pub(super) sha256: String,
    pub(super) problems: Vec<Problem>,
}

/// One key of one ConfigMap as it goes into the digest.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
struct Piece<'a> {
    config_map: &'a str,
    key: &'a str,
    sha256: String,
}

impl DataDigests {
    pub(super) async fn digest(
        &self,
        client: &Client,
        namespace: &Namespace,
        session: &Session,
    ) -> Result<Data, Error> {
        let mut pieces = Vec::new();
        let mut problems = Vec::new();
        let kind_of_source = |index: usize| session.spec.tables.get(index).map_or("csv", |table| table.source.kind());
        let mut problem = |index: usize, field: &str, kind, message| {
            problems.push(Problem {
                object: ObjectName { kind: Kind::Session, name: session.name_any() },
                field: format!("spec.tables[{index}].source.{}.{field}", kind_of_source(index)),
                kind,
                message,
            });
        };
        for (index, table) in session.spec.tables.iter().enumerate() {
            let reference = match table.source.location() {
                FileLocation::ConfigMap(reference) => reference,
                FileLocation::Path(path) => {
                    if !path.starts_with('/') {
                        let message = format!(
                            "`{path}` is relative; in a pod a path starts with `/`, and data that travels with the manifests is a `configMap`"
                        );
                        problem(index, "path", ProblemKind::Invalid, message);
                    }
                    continue;
                }
            };
            let Some(known) = self.known(client, namespace, &reference.name).await? else {
                let names: Vec<_> = namespace.config_maps.all(|_| true).iter().map(|map| map.name_any()).collect();
                let nearest = nearest(&reference.name, names.iter().map(String::as_str));
                let message = missing("ConfigMap", &reference.name, " in this namespace", nearest);
                problem(index, "configMap.name", ProblemKind::Unresolved, message);
                continue;
            };
            if let Some(sha256) = known.values.get(&reference.key) {
                pieces.push(Piece { config_map: &reference.name, key: &reference.key, sha256: sha256.clone() });
            } else {
                let nearest = nearest(&reference.key, known.values.keys().map(String::as_str));
                let place = format!(" in ConfigMap `{}`", reference.name);
                let message = missing("key", &reference.key, &place, nearest);
                problem(index, "configMap.key", ProblemKind::Unresolved, message);
            }
        }
        pieces.sort();
        Ok(Data { sha256: sha256_of(&pieces), problems })
    }

    async fn known(&self, client: &Client, namespace: &Namespace, name: &str) -> Result<Option<Arc<Known>>, Error> {
        let Some(seen) = namespace.config_maps.get(name) else { return Ok(None) };
        let place = (namespace.name.clone(), name.to_owned());
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner).get(&place).cloned();
        if let Some(known) = known.filter(|known| known.version == (seen.uid(), seen.resource_version())) {
            return Ok(Some(known));
        }
        let api: Api<ConfigMap> = Api::namespaced(client.clone(), &namespace.name);
        let read = api.get_opt(name).await;
        let Some(map) = read.map_err(|source| Error::ConfigMap { name: name.to_owned(), source: Box::new(source) })?
        else {
            return Ok(None);
        };
        let known = Arc::new(Known { version: (map.uid(), map.resource_version()), values: digests(&map) });
        self.known.lock().unwrap_or_else(PoisonError::into_inner).insert(place, Arc::clone(&known));
        Ok(Some(known))
    }
}

fn digests(map: &ConfigMap) -> BTreeMap<String, String> {
    let text = map.data.iter().flatten().map(|(key, value)| (key.clone(), sha256_of(value)));
    let binary = map.binary_data.iter().flatten().map(|(key, value)| (key.clone(), sha256_of(&value.0)));
    text.chain(binary).collect()
}
