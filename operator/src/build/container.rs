//! The two containers of a pod.
//!
//! ```text
//! ┌─ sidecar (starts first, stops last) ─┐   /run/cubegate    ┌─ engine ───────────────┐
//! │ public 8080, private 8081            │◀──engine.sock─────▶│ no port, no token      │
//! │ policy Secret, token, certificate    │    (emptyDir)      │ model and data mounted │
//! └──────────────────────────────────────┘                    └────────────────────────┘
//! ```

use k8s_openapi::{
    api::core::v1::{
        Capabilities, Container, ContainerPort, HTTPGetAction, Lifecycle, LifecycleHandler, Probe,
        ResourceRequirements, SecurityContext, SleepAction, VolumeMount,
    },
    apimachinery::pkg::{api::resource::Quantity, util::intstr::IntOrString},
};

use crate::names::{PRIVATE_PORT, PUBLIC_PORT};

/// Volume with the socket between sidecar and engine.
pub(super) const SOCKET_VOLUME: &str = "socket";
/// Volume with the policy Secret.
pub(super) const POLICY_VOLUME: &str = "policy";
/// Volume with the sidecar's ServiceAccount token.
pub(super) const TOKEN_VOLUME: &str = "token";
/// Volume with the certificate that callers are shown, of a Session with TLS.
pub(super) const TLS_VOLUME: &str = "tls";
/// Volume with the model.
pub(super) const MODEL_VOLUME: &str = "model";

const SOCKET_DIR: &str = "/run/cubegate";
const ENGINE_SOCKET: &str = "/run/cubegate/engine.sock";
const POLICY_DIR: &str = "/etc/cubegate/policy";
const TOKEN_DIR: &str = "/var/run/secrets/kubernetes.io/serviceaccount";
const TLS_DIR: &str = "/etc/cubegate/tls";
const MODEL_DIR: &str = "/etc/cubegate/model";
const MODEL_PATH: &str = "/etc/cubegate/model/model.json";
const DATA_DIR: &str = "/etc/cubegate/data";

const PUBLIC: i32 = 8080;
const PRIVATE: i32 = 8081;

/// How long a stopping engine still answers, so that load balancers notice first.
const ENGINE_LINGER_SECONDS: i64 = 5;

/// The auth-proxy, which is what its image runs: a native sidecar, so that it is there before the engine and outlives it.
pub(super) fn sidecar(image: &str, namespace: &str, policy_secret: &str, has_tls: bool) -> Container {
    let mut args = arguments(&[
        ("--listen", &format!("0.0.0.0:{PUBLIC}")),
        ("--private-listen", &format!("0.0.0.0:{PRIVATE}")),
        ("--engine-socket", ENGINE_SOCKET),
        ("--policy-dir", POLICY_DIR),
        ("--policy-secret", policy_secret),
        ("--namespace", namespace),
    ]);
    let mut mounts = vec![
        mount(SOCKET_VOLUME, SOCKET_DIR, false),
        mount(POLICY_VOLUME, POLICY_DIR, true),
        mount(TOKEN_VOLUME, TOKEN_DIR, true),
    ];
    if has_tls {
        args.extend(arguments(&[("--tls-dir", TLS_DIR)]));
        mounts.push(mount(TLS_VOLUME, TLS_DIR, true));
    }
    Container {
        name: "sidecar".into(),
        image: Some(image.to_owned()),
        args: Some(args),
        restart_policy: Some("Always".into()),
        ports: Some(vec![port(PUBLIC_PORT, PUBLIC), port(PRIVATE_PORT, PRIVATE)]),
        liveness_probe: Some(probe("/livez", 10, 6)),
        readiness_probe: Some(probe("/readyz", 2, 2)),
        resources: Some(requests("50m", "32Mi")),
        security_context: Some(restricted()),
        volume_mounts: Some(mounts),
        ..Container::default()
    }
}

/// The cube engine. It has no probes of its own: only the sidecar reaches its socket, and says on `/readyz`
/// whether it answers.
pub(super) fn engine(image: &str, data: &[(String, &str)]) -> Container {
    let mut mounts = vec![mount(SOCKET_VOLUME, SOCKET_DIR, false), mount(MODEL_VOLUME, MODEL_DIR, true)];
    mounts.extend(data.iter().map(|(volume, config_map)| mount(volume, &format!("{DATA_DIR}/{config_map}"), true)));
    let linger = LifecycleHandler { sleep: Some(SleepAction { seconds: ENGINE_LINGER_SECONDS }), ..Default::default() };
    Container {
        name: "engine".into(),
        image: Some(image.to_owned()),
        args: Some(arguments(&[("--model", MODEL_PATH), ("--data", DATA_DIR), ("--socket", ENGINE_SOCKET)])),
        lifecycle: Some(Lifecycle { pre_stop: Some(linger), ..Lifecycle::default() }),
        resources: Some(requests("100m", "256Mi")),
        security_context: Some(restricted()),
        volume_mounts: Some(mounts),
        ..Container::default()
    }
}

fn arguments(pairs: &[(&str, &str)]) -> Vec<String> {
    pairs.iter().map(|(flag, value)| format!("{flag}={value}")).collect()
}

fn port(name: &str, number: i32) -> ContainerPort {
    ContainerPort {
        name: Some(name.into()),
        container_port: number,
        protocol: Some("TCP".into()),
        ..ContainerPort::default()
    }
}

fn probe(path: &str, period_seconds: i32, failures: i32) -> Probe {
    Probe {
        http_get: Some(HTTPGetAction {
            path: Some(path.into()),
            port: IntOrString::String(PRIVATE_PORT.into()),
            ..HTTPGetAction::default()
        }),
        period_seconds: Some(period_seconds),
        failure_threshold: Some(failures),
        timeout_seconds: Some(2),
        ..Probe::default()
    }
}

fn requests(cpu: &str, memory: &str) -> ResourceRequirements {
    let quantities = [("cpu", cpu), ("memory", memory)];
    let requests = quantities.map(|(name, quantity)| (name.to_owned(), Quantity(quantity.to_owned())));
    ResourceRequirements { requests: Some(requests.into()), ..ResourceRequirements::default() }
}

fn mount(volume: &str, path: &str, read_only: bool) -> VolumeMount {
    VolumeMount {
        name: volume.to_owned(),
        mount_path: path.to_owned(),
        read_only: read_only.then_some(true),
        ..VolumeMount::default()
    }
}

/// What Pod Security "restricted" asks of a container, and a root file system that cannot be written.
fn restricted() -> SecurityContext {
    SecurityContext {
        allow_privilege_escalation: Some(false),
        capabilities: Some(Capabilities { drop: Some(vec!["ALL".into()]), ..Capabilities::default() }),
        read_only_root_filesystem: Some(true),
        ..SecurityContext::default()
    }
}
