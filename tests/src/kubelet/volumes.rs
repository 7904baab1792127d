//! The volumes of a pod, as directories of the host.
//!
//! Files that come from the API are laid out as a kubelet lays them out, so that a reader sees all of
//! an update or nothing of it: `key → ..data/key`, `..data → ..VERSION`.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::{PermissionsExt as _, chown, symlink},
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
    time::Instant,
};

use anyhow::{Context as _, Result, bail};
use k8s_openapi::{
    api::{
        authentication::v1::{BoundObjectReference, TokenRequest, TokenRequestSpec},
        core::v1::{
            ConfigMap, DownwardAPIVolumeFile, KeyToPath, Secret, ServiceAccount, ServiceAccountTokenProjection, Volume,
            VolumeProjection,
        },
    },
    apimachinery::pkg::apis::meta::v1::ObjectMeta,
};
use kube::{
    Api,
    api::{PostParams, Resource},
};

use super::{Context, environment};
use crate::limits::{POD_READY_MAX, POLL};

/// Seconds for which a projected token is valid, unless its spec says so.
const TOKEN_SECONDS: i64 = 3607;

/// Where each volume lies.
#[derive(Debug)]
pub(super) struct Volumes {
    directories: BTreeMap<String, PathBuf>,
    versions: AtomicU64,
}

/// Content of one volume that comes from the API, by path in the volume.
type Files = BTreeMap<String, File>;

#[derive(Debug)]
struct File {
    content: Vec<u8>,
    mode: u32,
    secret_token: bool,
}

impl Volumes {
    /// Makes all volumes. Waits for what does not exist yet, as a node does.
    pub(super) async fn materialise(context: &Context<'_>) -> Result<Self> {
        let directories = context
            .spec
            .volumes
            .iter()
            .flatten()
            .map(|volume| (volume.name.clone(), context.directory.join("volumes").join(&volume.name)));
        let volumes = Self { directories: directories.collect(), versions: AtomicU64::new(0) };
        for volume in context.spec.volumes.iter().flatten() {
            let started = Instant::now();
            while let Err(error) = volumes.write(context, volume).await {
                if started.elapsed() > POD_READY_MAX {
                    return Err(error.context(format!("volume {} cannot be mounted", volume.name)));
                }
                tokio::time::sleep(POLL).await;
            }
        }
        Ok(volumes)
    }

    /// Brings what comes from the API up to date. What has vanished stays as it was, as on a node.
    pub(super) async fn refresh(&self, context: &Context<'_>) -> Result<()> {
        for volume in context.spec.volumes.iter().flatten().filter(|volume| volume.empty_dir.is_none()) {
            if let Ok(files) = files_of(context, volume).await {
                self.swap_in(context, volume, &files)?;
            }
        }
        Ok(())
    }

    /// Where a volume lies.
    pub(super) fn directory(&self, volume: &str) -> Result<&Path> {
        self.directories.get(volume).map(PathBuf::as_path).with_context(|| format!("the pod has no volume {volume}"))
    }

    async fn write(&self, context: &Context<'_>, volume: &Volume) -> Result<()> {
        let directory = self.directory(&volume.name)?;
        fs::create_dir_all(directory)?;
        if volume.empty_dir.is_some() {
            chown(directory, None, Some(fs_group(context)))?;
            return Ok(fs::set_permissions(directory, fs::Permissions::from_mode(0o2777))?);
        }
        let files = files_of(context, volume).await?;
        self.swap_in(context, volume, &files)
    }

    fn swap_in(&self, context: &Context<'_>, volume: &Volume, files: &Files) -> Result<()> {
        let directory = self.directory(&volume.name)?;
        let version = format!("..{}", self.versions.fetch_add(1, Ordering::Relaxed));
        for (path, file) in files {
            let target = directory.join(&version).join(path);
            fs::create_dir_all(target.parent().context("a file lies in a directory")?)?;
            fs::write(&target, &file.content)?;
            let (owner, mode) = match (file.secret_token, run_as_user(context)) {
                (true, owner) => (owner, 0o600),
                (false, _) => (0, file.mode | if fs_group(context) == 0 { 0 } else { 0o440 }),
            };
            chown(&target, Some(owner), Some(fs_group(context)))?;
            fs::set_permissions(&target, fs::Permissions::from_mode(mode))?;
        }
        let next = directory.join("..data_tmp");
        symlink(&version, &next)?;
        let previous = fs::read_link(directory.join("..data")).ok();
        fs::rename(&next, directory.join("..data"))?;
        for path in files.keys() {
            let top = path.split('/').next().unwrap_or(path);
            if !directory.join(top).is_symlink() {
                symlink(Path::new("..data").join(top), directory.join(top))?;
            }
        }
        if let Some(previous) = previous {
            fs::remove_dir_all(directory.join(previous))?;
        }
        Ok(())
    }
}

async fn files_of(context: &Context<'_>, volume: &Volume) -> Result<Files> {
    if let Some(source) = &volume.secret {
        let name = source.secret_name.as_deref().unwrap_or_default();
        let optional = source.optional.unwrap_or_default();
        return secret_files(context, name, source.items.as_deref(), mode(source.default_mode), optional).await;
    }
    if let Some(source) = &volume.config_map {
        let optional = source.optional.unwrap_or_default();
        return config_map_files(context, &source.name, source.items.as_deref(), mode(source.default_mode), optional)
            .await;
    }
    if let Some(source) = &volume.downward_api {
        return downward_files(context, source.items.as_deref().unwrap_or_default(), mode(source.default_mode));
    }
    if let Some(source) = &volume.projected {
        let mut files = Files::new();
        for projection in source.sources.iter().flatten() {
            files.extend(projected_files(context, projection, mode(source.default_mode)).await?);
        }
        return Ok(files);
    }
    bail!("the double does not know volume {}: {volume:?}", volume.name)
}

async fn projected_files(context: &Context<'_>, projection: &VolumeProjection, mode: u32) -> Result<Files> {
    let mut files = Files::new();
    if let Some(source) = &projection.service_account_token {
        let token = token(context, source).await?.into_bytes();
        files.insert(source.path.clone(), File { content: token, mode, secret_token: true });
    }
    if let Some(source) = &projection.config_map {
        let optional = source.optional.unwrap_or_default();
        files.extend(config_map_files(context, &source.name, source.items.as_deref(), mode, optional).await?);
    }
    if let Some(source) = &projection.secret {
        let optional = source.optional.unwrap_or_default();
        files.extend(secret_files(context, &source.name, source.items.as_deref(), mode, optional).await?);
    }
    if let Some(source) = &projection.downward_api {
        files.extend(downward_files(context, source.items.as_deref().unwrap_or_default(), mode)?);
    }
    Ok(files)
}

async fn secret_files(
    context: &Context<'_>,
    name: &str,
    items: Option<&[KeyToPath]>,
    mode: u32,
    optional: bool,
) -> Result<Files> {
    let secret = Api::<Secret>::namespaced(context.client.clone(), context.namespace).get_opt(name).await?;
    let data = match secret {
        Some(secret) => secret.data.unwrap_or_default().into_iter().map(|(key, value)| (key, value.0)).collect(),
        None if optional => BTreeMap::new(),
        None => bail!("there is no Secret {name}"),
    };
    select(name, data, items, mode, optional)
}

async fn config_map_files(
    context: &Context<'_>,
    name: &str,
    items: Option<&[KeyToPath]>,
    mode: u32,
    optional: bool,
) -> Result<Files> {
    let map = Api::<ConfigMap>::namespaced(context.client.clone(), context.namespace).get_opt(name).await?;
    let data = match map {
        Some(map) => {
            let text = map.data.unwrap_or_default().into_iter().map(|(key, value)| (key, value.into_bytes()));
            text.chain(map.binary_data.unwrap_or_default().into_iter().map(|(key, value)| (key, value.0))).collect()
        }
        None if optional => BTreeMap::new(),
        None => bail!("there is no ConfigMap {name}"),
    };
    select(name, data, items, mode, optional)
}

/// All keys, or the listed ones under their paths.
fn select(
    object: &str,
    mut data: BTreeMap<String, Vec<u8>>,
    items: Option<&[KeyToPath]>,
    mode: u32,
    optional: bool,
) -> Result<Files> {
    let Some(items) = items.filter(|items| !items.is_empty()) else {
        return Ok(data.into_iter().map(|(key, content)| (key, File { content, mode, secret_token: false })).collect());
    };
    let mut files = Files::new();
    for item in items {
        let mode = item.mode.and_then(|mode| u32::try_from(mode).ok()).unwrap_or(mode);
        match data.remove(&item.key) {
            Some(content) => files.insert(item.path.clone(), File { content, mode, secret_token: false }),
            None if optional => None,
            None => bail!("{object} has no key {}", item.key),
        };
    }
    Ok(files)
}

fn downward_files(context: &Context<'_>, items: &[DownwardAPIVolumeFile], mode: u32) -> Result<Files> {
    let mut files = Files::new();
    for item in items {
        let reference = item.field_ref.as_ref().context("the double knows only fieldRef")?;
        let value = environment::field(context, &reference.field_path)?.into_bytes();
        files.insert(item.path.clone(), File { content: value, mode, secret_token: false });
    }
    Ok(files)
}

/// A token of the pod's ServiceAccount, bound to the pod.
async fn token(context: &Context<'_>, source: &ServiceAccountTokenProjection) -> Result<String> {
    let account = context.spec.service_account_name.as_deref().unwrap_or("default");
    let request = TokenRequest {
        metadata: ObjectMeta::default(),
        spec: TokenRequestSpec {
            audiences: source.audience.iter().cloned().collect(),
            expiration_seconds: Some(source.expiration_seconds.unwrap_or(TOKEN_SECONDS)),
            bound_object_ref: Some(BoundObjectReference {
                kind: Some("Pod".into()),
                api_version: Some("v1".into()),
                name: context.pod.meta().name.clone(),
                uid: context.pod.meta().uid.clone(),
            }),
        },
        status: None,
    };
    let accounts = Api::<ServiceAccount>::namespaced(context.client.clone(), context.namespace);
    let answer = accounts.create_token_request(account, &PostParams::default(), &request).await?;
    Ok(answer.status.context("a token request is answered with a token")?.token)
}

fn mode(default_mode: Option<i32>) -> u32 {
    default_mode.and_then(|mode| u32::try_from(mode).ok()).unwrap_or(0o644)
}

fn fs_group(context: &Context<'_>) -> u32 {
    let group = context.spec.security_context.as_ref().and_then(|security| security.fs_group);
    group.and_then(|group| u32::try_from(group).ok()).unwrap_or(0)
}

fn run_as_user(context: &Context<'_>) -> u32 {
    let user = context.spec.security_context.as_ref().and_then(|security| security.run_as_user);
    user.and_then(|user| u32::try_from(user).ok()).unwrap_or(super::container::IMAGE_USER)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn data() -> BTreeMap<String, Vec<u8>> {
        [("a", "1"), ("b", "2")].map(|(key, value)| (key.to_owned(), value.as_bytes().to_vec())).into()
    }

    #[test]
    fn all_keys_or_the_listed_ones_under_their_paths_become_files() {
        let all = select("s", data(), None, 0o644, false).unwrap();
        assert_eq!(all.keys().collect::<Vec<_>>(), ["a", "b"]);
        let item = |key: &str| vec![KeyToPath { key: key.into(), path: "x/y".into(), mode: None }];
        let listed = select("s", data(), Some(&item("b")), 0o644, false).unwrap();
        assert_eq!(listed["x/y"].content, b"2");
        assert!(select("s", data(), Some(&item("c")), 0o644, false).is_err());
        assert!(select("s", data(), Some(&item("c")), 0o644, true).unwrap().is_empty());
    }
}
