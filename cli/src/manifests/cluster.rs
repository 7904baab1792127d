//! The objects of a namespace, read from a cluster as `kubectl get` reads them.

use std::{collections::BTreeSet, path::PathBuf};

use anyhow::Context;
use cubegate_api::{
    Restriction, Role, Session, TechnicalUser,
    model::{FileLocation, Source},
};
use cubegate_policy::compile::Parsed;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::{
    Api, Client, Resource, ResourceExt,
    api::{DynamicObject, ListParams},
    core::ApiResource,
};
use serde_json::Value;

use super::{Manifests, Object};
use crate::limits::OBJECTS_PER_PAGE;

/// Reads the four kinds of a namespace, and the ConfigMaps that tables come from. Secrets are not read.
pub(crate) fn read(namespace: Option<&str>) -> anyhow::Result<Manifests> {
    // There may be one already, of another part of the process.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let client = Client::try_default().await.context("failed to find a cluster by the kubeconfig")?;
        let namespace = namespace.unwrap_or_else(|| client.default_namespace()).to_owned();
        let namespace = Namespace { client, name: namespace };
        let mut objects = namespace.list::<Session>().await?;
        objects.extend(namespace.list::<Role>().await?);
        objects.extend(namespace.list::<Restriction>().await?);
        objects.extend(namespace.list::<TechnicalUser>().await?);
        let mut manifests = Manifests::of_objects(objects);
        let of_tables = namespace.config_maps(&config_maps(&manifests)).await?;
        manifests.add_objects(of_tables);
        Ok(manifests)
    })
}

struct Namespace {
    client: Client,
    name: String,
}

impl Namespace {
    /// All objects of a kind as they are, those too that we cannot read.
    async fn list<K: Resource<DynamicType = ()>>(&self) -> anyhow::Result<Vec<(PathBuf, Value)>> {
        let kind = ApiResource::erase::<K>(&());
        let api = Api::<DynamicObject>::namespaced_with(self.client.clone(), &self.name, &kind);
        let mut objects = Vec::new();
        let mut page = ListParams::default().limit(OBJECTS_PER_PAGE);
        loop {
            let listed = api.list(&page).await.with_context(|| format!("failed to list {}", kind.plural))?;
            for object in &listed.items {
                let mut manifest = serde_json::to_value(object)?;
                if let Some(manifest) = manifest.as_object_mut() {
                    manifest.insert("apiVersion".to_owned(), kind.api_version.clone().into());
                    manifest.insert("kind".to_owned(), kind.kind.clone().into());
                }
                objects.push((self.place(&kind.kind, &object.name_any()), manifest));
            }
            match listed.metadata.continue_.filter(|token| !token.is_empty()) {
                Some(token) => page = page.continue_token(&token),
                None => return Ok(objects),
            }
        }
    }

    /// Those that there are.
    async fn config_maps(&self, names: &BTreeSet<String>) -> anyhow::Result<Vec<(PathBuf, Value)>> {
        let api = Api::<ConfigMap>::namespaced(self.client.clone(), &self.name);
        let mut found = Vec::new();
        for name in names {
            if let Some(map) = api.get_opt(name).await.with_context(|| format!("failed to read ConfigMap {name}"))? {
                found.push((self.place("ConfigMap", name), serde_json::to_value(map)?));
            }
        }
        Ok(found)
    }

    /// What stands for the file in what is said of an object.
    fn place(&self, kind: &str, name: &str) -> PathBuf {
        format!("cluster:{}/{kind}/{name}", self.name).into()
    }
}

fn config_maps(manifests: &Manifests) -> BTreeSet<String> {
    let sessions = manifests.entries.iter().filter_map(|entry| match &entry.object {
        Object::Session(Parsed::Valid(session)) => Some(session),
        _ => None,
    });
    let sources = sessions.flat_map(|session| session.spec.tables.iter().map(|table| &table.source));
    let config_map = |source: &Source| match source.location() {
        FileLocation::ConfigMap(reference) => Some(reference.name.clone()),
        FileLocation::Path(_) => None,
    };
    sources.filter_map(config_map).collect()
}
