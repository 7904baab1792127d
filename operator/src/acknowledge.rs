//! Asks the pods of a Session which policy they enforce.
//!
//! ```text
//!          ┌── all Ready pods have it ─────────────▶ what each said
//! ask ─────┼── some have not: wait 10 → 250 ms, ask those again
//!          └── too long, or newer changes wait ────▶ what each said so far
//! ```

use std::{collections::HashMap, sync::Arc, time::Instant};

use bytes::Bytes;
use cubegate_policy::publication::{PolicyState, PublicationId, SidecarReport};
use futures::{StreamExt, stream};
use http_body_util::{BodyExt, Empty, Limited};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;

use crate::{
    limits::{
        ACKNOWLEDGE_MAX, ACKNOWLEDGE_PAUSE_MAX, ACKNOWLEDGE_PAUSE_MIN, POD_ANSWER_BYTES_MAX, POD_ANSWER_MAX,
        REQUESTS_CONCURRENT_MAX,
    },
    names::{PRIVATE_PORT, content_of},
    queue::Interrupt,
};

/// A pod, and what it said last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PodAnswer {
    /// Name of the pod.
    pub name: String,
    /// Whether the kubelet says that it answers callers.
    pub ready: bool,
    /// The model and the data that it was started with, when it says so.
    pub content: Option<String>,
    /// What hinders its containers, in the kubelet's words.
    pub trouble: Option<String>,
    /// What its sidecar said, or why it could not be asked.
    pub report: Result<SidecarReport, String>,
}

/// How asking ended.
#[derive(Debug, PartialEq, Eq)]
pub enum Ended {
    /// Every Ready pod enforces the policy.
    Complete,
    /// Some did not within the time.
    Incomplete,
    /// Newer changes wait.
    Interrupted,
}

/// Asks pods.
#[derive(Debug)]
pub struct Acknowledger {
    client: Client<HttpConnector, Empty<Bytes>>,
}

impl Default for Acknowledger {
    fn default() -> Self {
        let mut connector = HttpConnector::new();
        connector.set_connect_timeout(Some(POD_ANSWER_MAX));
        connector.set_nodelay(true);
        Self { client: Client::builder(TokioExecutor::new()).build(connector) }
    }
}

impl Acknowledger {
    /// Asks the pods until every Ready one decides by this policy. The pods are looked up anew each time, because
    /// they come and go.
    pub async fn acknowledge(
        &self,
        pods: impl Fn() -> Vec<Arc<Pod>>,
        wanted: &PublicationId,
        interrupt: &mut Interrupt,
    ) -> (Ended, Vec<PodAnswer>) {
        let start = Instant::now();
        let mut pause = ACKNOWLEDGE_PAUSE_MIN;
        let mut answers: HashMap<String, PodAnswer> = HashMap::new();
        loop {
            let pods = pods();
            let done = |pod: &Pod| {
                let answer = answers.get(&pod.name_any());
                answer.is_some_and(|answer| answer.enforces(wanted) && answer.ready == is_ready(pod))
            };
            let (kept, open): (Vec<_>, Vec<_>) = pods.into_iter().partition(|pod| done(pod));
            let asked = stream::iter(open).map(|pod| self.ask(pod)).buffer_unordered(REQUESTS_CONCURRENT_MAX);
            let fresh: Vec<_> = tokio::select! {
                fresh = asked.collect() => fresh,
                () = interrupt.raised() => return (Ended::Interrupted, ordered(answers)),
            };
            let kept: Vec<_> = kept.into_iter().filter_map(|pod| answers.remove(&pod.name_any())).collect();
            answers = kept.into_iter().chain(fresh).map(|answer| (answer.name.clone(), answer)).collect();
            if answers.values().all(|answer| !answer.ready || answer.enforces(wanted)) {
                return (Ended::Complete, ordered(answers));
            }
            if start.elapsed() > ACKNOWLEDGE_MAX {
                return (Ended::Incomplete, ordered(answers));
            }
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = interrupt.raised() => return (Ended::Interrupted, ordered(answers)),
            }
            pause = (pause * 2).min(ACKNOWLEDGE_PAUSE_MAX);
        }
    }

    async fn ask(&self, pod: Arc<Pod>) -> PodAnswer {
        let report = match address(&pod) {
            None => Err("it has no address yet".to_owned()),
            Some(address) => match tokio::time::timeout(POD_ANSWER_MAX, self.get(&address)).await {
                Ok(report) => report,
                Err(_) => Err(format!("{address} did not answer within {} s", POD_ANSWER_MAX.as_secs())),
            },
        };
        PodAnswer {
            name: pod.name_any(),
            ready: is_ready(&pod),
            content: content_of(pod.annotations()),
            trouble: trouble(&pod),
            report,
        }
    }

    async fn get(&self, address: &str) -> Result<SidecarReport, String> {
        let uri = format!("http://{address}/policy").parse().map_err(|_| format!("{address} is no address"))?;
        let response = self.client.get(uri).await.map_err(|error| format!("{address} cannot be reached: {error}"))?;
        let status = response.status();
        if !status.is_success() {
            return Err(format!("{address}/policy answered {status}"));
        }
        let body = Limited::new(response.into_body(), POD_ANSWER_BYTES_MAX).collect().await;
        let body = body.map_err(|error| format!("the answer of {address} cannot be read: {error}"))?.to_bytes();
        serde_json::from_slice(&body).map_err(|error| format!("the answer of {address} cannot be read: {error}"))
    }
}

impl PodAnswer {
    /// The policy that the pod decides by now.
    pub fn policy(&self) -> Option<&PublicationId> {
        let report = self.report.as_ref().ok()?;
        match report.state {
            PolicyState::Current | PolicyState::Stale | PolicyState::Rejected => report.policy.as_ref(),
            PolicyState::NoPolicy | PolicyState::Expired => None,
        }
    }

    fn enforces(&self, wanted: &PublicationId) -> bool {
        self.policy() == Some(wanted)
    }
}

fn ordered(answers: HashMap<String, PodAnswer>) -> Vec<PodAnswer> {
    let mut answers: Vec<_> = answers.into_values().collect();
    answers.sort_by(|a, b| a.name.cmp(&b.name));
    answers
}

fn is_ready(pod: &Pod) -> bool {
    let conditions = pod.status.iter().filter_map(|status| status.conditions.as_ref()).flatten();
    pod.metadata.deletion_timestamp.is_none()
        && conditions.into_iter().any(|condition| condition.type_ == "Ready" && condition.status == "True")
}

/// Address of the private listener: the pod's own, and the port that its template names `private`.
fn address(pod: &Pod) -> Option<String> {
    let ip = pod.status.as_ref()?.pod_ip.as_ref()?;
    let spec = pod.spec.as_ref()?;
    let containers = spec.init_containers.iter().flatten().chain(&spec.containers);
    let mut ports = containers.filter_map(|container| container.ports.as_ref()).flatten();
    let port = ports.find(|port| port.name.as_deref() == Some(PRIVATE_PORT))?.container_port;
    Some(if ip.contains(':') { format!("[{ip}]:{port}") } else { format!("{ip}:{port}") })
}

/// Why a pod does not come up, in the kubelet's words.
fn trouble(pod: &Pod) -> Option<String> {
    let status = pod.status.as_ref()?;
    let containers = status.init_container_statuses.iter().chain(&status.container_statuses).flatten();
    let waiting = containers.filter_map(|container| {
        let waiting = container.state.as_ref()?.waiting.as_ref()?;
        let reason =
            waiting.reason.as_deref().filter(|reason| !["PodInitializing", "ContainerCreating"].contains(reason))?;
        let message = waiting.message.as_ref().map(|message| format!(": {message}")).unwrap_or_default();
        Some(format!("{} {reason}{message}", container.name))
    });
    let unscheduled = status.conditions.iter().flatten().filter(|c| c.type_ == "PodScheduled" && c.status == "False");
    waiting.chain(unscheduled.filter_map(|condition| condition.message.clone())).next()
}

#[cfg(test)]
mod tests;
