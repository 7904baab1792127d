//! What runs: sidecar and engine in one pod.

use std::collections::BTreeSet;

use cubegate_api::{
    Session,
    edge::{TLS_CERTIFICATE, TLS_KEY},
    model::FileLocation,
};
use k8s_openapi::{
    api::{
        apps::v1::{Deployment, DeploymentSpec, DeploymentStrategy, RollingUpdateDeployment},
        core::v1::{
            ConfigMap, ConfigMapProjection, ConfigMapVolumeSource, DownwardAPIProjection, DownwardAPIVolumeFile,
            EmptyDirVolumeSource, KeyToPath, ObjectFieldSelector, PodSecurityContext, PodSpec, PodTemplateSpec,
            ProjectedVolumeSource, SeccompProfile, SecretVolumeSource, ServiceAccountTokenProjection,
            TopologySpreadConstraint, Volume, VolumeProjection,
        },
    },
    apimachinery::pkg::{
        apis::meta::v1::{LabelSelector, ObjectMeta},
        util::intstr::IntOrString,
    },
};
use kube::ResourceExt;

use super::{
    Images, child,
    container::{MODEL_VOLUME, POLICY_VOLUME, SOCKET_VOLUME, TLS_VOLUME, TOKEN_VOLUME, engine, sidecar},
};
use crate::{
    digest::sha256_of,
    names::{DATA, MODEL, labels, model_config_map, policy_secret, selector},
};

/// User and group that everything in a pod runs as.
const NOBODY: i64 = 65532;
/// Lifetime of the sidecar's token; the kubelet renews it.
const TOKEN_SECONDS: i64 = 3607;
/// Files of Secrets are for the pod's group only.
const SECRET_MODE: i32 = 0o440;
/// Earlier pod templates that are kept for `kubectl rollout undo`.
const REVISIONS_KEPT: i32 = 3;

pub(super) fn deployment(session: &Session, model: &ConfigMap, data_sha256: &str, images: &Images) -> Deployment {
    let name = session.name_any();
    let annotations = [(MODEL.to_owned(), sha256_of(&model.data)), (DATA.to_owned(), data_sha256.to_owned())];
    let template = PodTemplateSpec {
        metadata: Some(ObjectMeta {
            labels: Some(labels(&name)),
            annotations: Some(annotations.into()),
            ..ObjectMeta::default()
        }),
        spec: Some(pod(session, images)),
    };
    // A new pod is Ready before an old one goes.
    let rolling =
        RollingUpdateDeployment { max_surge: Some(IntOrString::Int(1)), max_unavailable: Some(IntOrString::Int(0)) };
    Deployment {
        metadata: child(session, name.clone()),
        spec: Some(DeploymentSpec {
            replicas: Some(session.spec.replicas),
            revision_history_limit: Some(REVISIONS_KEPT),
            selector: LabelSelector { match_labels: Some(selector(&name)), ..LabelSelector::default() },
            strategy: Some(DeploymentStrategy { type_: Some("RollingUpdate".into()), rolling_update: Some(rolling) }),
            template,
            ..DeploymentSpec::default()
        }),
        ..Deployment::default()
    }
}

fn pod(session: &Session, images: &Images) -> PodSpec {
    let name = session.name_any();
    let policy = policy_secret(&name);
    let data_maps = data_config_maps(session);
    let data: Vec<_> = data_maps.iter().enumerate().map(|(index, map)| (format!("data-{index}"), *map)).collect();
    let mut volumes = vec![
        Volume { name: SOCKET_VOLUME.into(), empty_dir: Some(EmptyDirVolumeSource::default()), ..Volume::default() },
        Volume { name: POLICY_VOLUME.into(), secret: Some(secret_volume(&policy, &[])), ..Volume::default() },
        Volume { name: TOKEN_VOLUME.into(), projected: Some(token_volume()), ..Volume::default() },
        config_map_volume(MODEL_VOLUME, &model_config_map(&name)),
    ];
    volumes.extend(session.spec.tls.iter().map(|tls| Volume {
        name: TLS_VOLUME.into(),
        secret: Some(secret_volume(&tls.secret_name, &[TLS_CERTIFICATE, TLS_KEY])),
        ..Volume::default()
    }));
    volumes.extend(data.iter().map(|(volume, map)| config_map_volume(volume, map)));
    PodSpec {
        service_account_name: Some(name.clone()),
        // The token is mounted by hand, for the sidecar alone.
        automount_service_account_token: Some(false),
        enable_service_links: Some(false),
        security_context: Some(PodSecurityContext {
            run_as_non_root: Some(true),
            run_as_user: Some(NOBODY),
            run_as_group: Some(NOBODY),
            fs_group: Some(NOBODY),
            seccomp_profile: Some(SeccompProfile { type_: "RuntimeDefault".into(), ..SeccompProfile::default() }),
            ..PodSecurityContext::default()
        }),
        init_containers: Some(vec![sidecar(
            &images.sidecar,
            &session.namespace().unwrap_or_default(),
            &policy,
            session.spec.tls.is_some(),
        )]),
        containers: vec![engine(&images.engine, &data)],
        topology_spread_constraints: Some(vec![spread(&name)]),
        volumes: Some(volumes),
        ..PodSpec::default()
    }
}

/// Names of the ConfigMaps that tables are loaded from, each once.
fn data_config_maps(session: &Session) -> BTreeSet<&str> {
    let tables = session.spec.tables.iter();
    let maps = tables.filter_map(|table| match table.source.location() {
        FileLocation::ConfigMap(reference) => Some(reference.name.as_str()),
        FileLocation::Path(_) => None,
    });
    maps.collect()
}

/// These keys of a Secret, or all.
fn secret_volume(secret: &str, keys: &[&str]) -> SecretVolumeSource {
    let items = keys.iter().map(|&key| KeyToPath { key: key.into(), path: key.into(), mode: None }).collect::<Vec<_>>();
    SecretVolumeSource {
        secret_name: Some(secret.to_owned()),
        items: (!items.is_empty()).then_some(items),
        default_mode: Some(SECRET_MODE),
        ..SecretVolumeSource::default()
    }
}

/// What a client of the API server expects in its directory: token, CA and namespace.
fn token_volume() -> ProjectedVolumeSource {
    let token = ServiceAccountTokenProjection {
        path: "token".into(),
        expiration_seconds: Some(TOKEN_SECONDS),
        ..ServiceAccountTokenProjection::default()
    };
    let ca = ConfigMapProjection {
        name: "kube-root-ca.crt".into(),
        items: Some(vec![KeyToPath { key: "ca.crt".into(), path: "ca.crt".into(), mode: None }]),
        optional: None,
    };
    let namespace = DownwardAPIVolumeFile {
        path: "namespace".into(),
        field_ref: Some(ObjectFieldSelector {
            api_version: Some("v1".into()),
            field_path: "metadata.namespace".into(),
        }),
        ..DownwardAPIVolumeFile::default()
    };
    ProjectedVolumeSource {
        default_mode: Some(SECRET_MODE),
        sources: Some(vec![
            VolumeProjection { service_account_token: Some(token), ..VolumeProjection::default() },
            VolumeProjection { config_map: Some(ca), ..VolumeProjection::default() },
            VolumeProjection {
                downward_api: Some(DownwardAPIProjection { items: Some(vec![namespace]) }),
                ..VolumeProjection::default()
            },
        ]),
    }
}

fn config_map_volume(volume: &str, config_map: &str) -> Volume {
    let source = ConfigMapVolumeSource { name: config_map.to_owned(), ..ConfigMapVolumeSource::default() };
    Volume { name: volume.to_owned(), config_map: Some(source), ..Volume::default() }
}

/// Pods on different nodes, where that is possible.
fn spread(session: &str) -> TopologySpreadConstraint {
    TopologySpreadConstraint {
        max_skew: 1,
        topology_key: "kubernetes.io/hostname".into(),
        when_unsatisfiable: "ScheduleAnyway".into(),
        label_selector: Some(LabelSelector { match_labels: Some(selector(session)), ..LabelSelector::default() }),
        ..TopologySpreadConstraint::default()
    }
}
