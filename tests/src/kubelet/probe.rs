//! Probes, performed from the node's side of the network.

use std::{net::Ipv4Addr, time::Duration};

use anyhow::{Context as _, Result, bail, ensure};
use k8s_openapi::{
    api::core::v1::{Container as ContainerSpec, Probe},
    apimachinery::pkg::util::intstr::IntOrString,
};
use tokio::{net::TcpStream, time::timeout};

use crate::http::{Connection, Credentials};

/// Performs a probe once.
pub(super) async fn perform(probe: &Probe, spec: &ContainerSpec, ip: Ipv4Addr) -> Result<()> {
    let limit = seconds(probe.timeout_seconds, 1);
    if let Some(action) = &probe.http_get {
        ensure!(action.scheme.as_deref().unwrap_or("HTTP") == "HTTP", "the double probes plain HTTP only");
        let host = action.host.clone().unwrap_or_else(|| ip.to_string());
        let base = format!("http://{host}:{}", port(&action.port, spec)?);
        let path = action.path.as_deref().unwrap_or("/");
        let reply = timeout(limit, async { Connection::to(&base, Credentials::None).await?.get(path).await });
        let reply = reply.await.with_context(|| format!("no answer within {limit:?}"))??;
        ensure!(reply.status.is_success() || reply.status.is_redirection(), "{base}{path}: {reply:?}");
        return Ok(());
    }
    if let Some(action) = &probe.tcp_socket {
        let address = (ip, port(&action.port, spec)?);
        timeout(limit, TcpStream::connect(address)).await.context("no connection in time")??;
        return Ok(());
    }
    bail!("the double does not know this probe: {probe:?}")
}

/// How long from one attempt to the next.
pub(super) fn period(probe: &Probe) -> Duration {
    seconds(probe.period_seconds, 10)
}

/// How many failures in a row count as a failure.
pub(super) fn failures_max(probe: &Probe) -> u32 {
    probe.failure_threshold.and_then(|threshold| u32::try_from(threshold).ok()).unwrap_or(3)
}

fn seconds(value: Option<i32>, default: u64) -> Duration {
    Duration::from_secs(value.and_then(|value| u64::try_from(value).ok()).unwrap_or(default))
}

fn port(port: &IntOrString, spec: &ContainerSpec) -> Result<u16> {
    let number = match port {
        IntOrString::Int(number) => *number,
        IntOrString::String(name) => spec
            .ports
            .iter()
            .flatten()
            .find(|port| port.name.as_ref() == Some(name))
            .map(|port| port.container_port)
            .with_context(|| format!("{} has no port {name}", spec.name))?,
    };
    u16::try_from(number).context("a port is below 65536")
}
