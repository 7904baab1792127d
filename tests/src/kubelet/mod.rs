//! A kubelet double: runs the pods of a Deployment from their own spec, as a node would.
//!
//! ```text
//! Deployment ──template──▶ Pod ─┬─ network     an address of its own (veth into a network namespace)
//!                               ├─ volumes     Secret, ConfigMap, projected token, emptyDir, downward API
//!                               └─ containers  own root directory and mounts, user, environment, probes
//!                                    └──▶ status: podIP, conditions, containerStatuses
//! ```
//!
//! It also stands in for the Deployment, `ReplicaSet` and scheduler controllers: the API server here has
//! none. What it does not know, it refuses instead of leaving it out. Images are this workspace's
//! binaries on the host's own libraries, see [`Images`].

mod container;
mod environment;
mod network;
mod probe;
mod status;
mod volumes;

use std::{
    collections::BTreeMap,
    fs,
    net::Ipv4Addr,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU8, Ordering},
};

use anyhow::{Context as _, Result};
use k8s_openapi::api::{
    apps::v1::Deployment,
    core::v1::{Container as ContainerSpec, Pod, PodSpec},
};
use kube::{
    Api, Client,
    api::{DeleteParams, PostParams},
};
use tokio::{
    sync::{mpsc, watch},
    task::JoinHandle,
};

use self::{container::Container, network::PodNetwork, volumes::Volumes};
use crate::{
    control_plane::ControlPlane,
    limits::{MOUNT_REFRESH, POD_READY_MAX, POLL},
    process::RunDirectory,
};

/// Which program an image is.
#[derive(Clone, Debug, Default)]
pub struct Images(BTreeMap<String, PathBuf>);

/// Plays a node.
pub struct Kubelet<'a> {
    control_plane: &'a ControlPlane,
    run: &'a RunDirectory,
    images: Images,
    pods: AtomicU8,
}

/// A running pod. Dropping it kills its containers.
pub struct RunningPod {
    /// Name of the Pod object.
    pub name: String,
    /// Its address.
    pub ip: Ipv4Addr,
    api: Api<Pod>,
    logs: PathBuf,
    ready: watch::Receiver<bool>,
    orders: mpsc::UnboundedSender<Order>,
    stop: watch::Sender<bool>,
    task: JoinHandle<Result<()>>,
}

/// What a test does to a container.
#[derive(Clone, Debug)]
enum Order {
    Pause(String),
    Resume(String),
    Kill(String),
}

/// What the parts of a pod are made from.
struct Context<'a> {
    client: Client,
    api_server_port: u16,
    pod: &'a Pod,
    spec: &'a PodSpec,
    namespace: &'a str,
    ip: Ipv4Addr,
    images: &'a Images,
    directory: &'a Path,
    logs: &'a Path,
}

impl Images {
    /// Says which binary an image holds; its name in the image is that of the binary. Registry and tag do not matter.
    #[must_use]
    pub fn with(mut self, image: &str, binary: PathBuf) -> Self {
        self.0.insert(image.to_owned(), binary);
        self
    }

    fn binary(&self, image: &str) -> Result<&Path> {
        let name = image.rsplit('/').next().unwrap_or(image);
        let name = name.split([':', '@']).next().unwrap_or(name);
        self.0.get(name).map(PathBuf::as_path).with_context(|| format!("the node cannot pull {image}"))
    }
}

impl<'a> Kubelet<'a> {
    /// Joins a control plane.
    pub fn new(control_plane: &'a ControlPlane, run: &'a RunDirectory, images: Images) -> Self {
        Self { control_plane, run, images, pods: AtomicU8::new(0) }
    }

    /// Makes one pod from the template of a Deployment, as its `ReplicaSet` would, and starts to run it.
    pub async fn run_deployment(&self, namespace: &str, name: &str) -> Result<RunningPod> {
        let client = self.control_plane.client();
        let deployment: Deployment = Api::namespaced(client.clone(), namespace).get(name).await?;
        let template = deployment.spec.context("a Deployment has a spec")?.template;
        let mut metadata = template.metadata.unwrap_or_default();
        let number = self.pods.fetch_add(1, Ordering::Relaxed) + 1;
        metadata.name = Some(format!("{name}-double-{number}"));
        let mut spec = template.spec.context("a pod template has a spec")?;
        spec.node_name = Some("double".into());
        let pod = Pod { metadata, spec: Some(spec), status: None };
        self.run_pod(namespace, &pod, number).await
    }

    /// Creates a Pod and starts to run it.
    async fn run_pod(&self, namespace: &str, pod: &Pod, number: u8) -> Result<RunningPod> {
        let client = self.control_plane.client();
        let api: Api<Pod> = Api::namespaced(client.clone(), namespace);
        // What admission made of it is what runs: ServiceAccount tokens, defaults.
        let pod = api.create(&PostParams::default(), pod).await.context("the API server refuses the pod")?;
        let name = pod.metadata.name.clone().unwrap_or_default();
        let network = PodNetwork::start(self.run, &name, number).await?;
        let ip = network.ip();
        let directory = self.run.make(&format!("pods/{name}"))?;
        let logs = self.run.make("log")?;
        let logs_of_pod = logs.clone();
        let (ready_sender, ready) = watch::channel(false);
        let (stop, stop_receiver) = watch::channel(false);
        let (orders, orders_receiver) = mpsc::unbounded_channel();
        let (images, api_server_port, namespace) =
            (self.images.clone(), self.control_plane.port(), namespace.to_owned());
        let task = tokio::spawn(async move {
            let spec = pod.spec.as_ref().context("a Pod has a spec")?;
            let context = Context {
                client,
                api_server_port,
                pod: &pod,
                spec,
                namespace: &namespace,
                ip,
                images: &images,
                directory: &directory,
                logs: &logs,
            };
            run(&context, &network, &ready_sender, orders_receiver, stop_receiver).await
        });
        Ok(RunningPod { name, ip, api, logs: logs_of_pod, ready, orders, stop, task })
    }
}

impl RunningPod {
    /// Waits until the pod is Ready.
    pub async fn wait_ready(&mut self) -> Result<()> {
        match tokio::time::timeout(POD_READY_MAX, self.ready.wait_for(|&ready| ready)).await {
            Ok(Ok(_)) => return Ok(()),
            Ok(Err(_)) => {}
            Err(_) => anyhow::bail!("pod {} is not Ready after {POD_READY_MAX:?}", self.name),
        }
        // The sender is gone: the pod's task has ended, and says why.
        match (&mut self.task).await {
            Ok(Err(error)) => Err(error.context(format!("pod {} failed", self.name))),
            other => anyhow::bail!("pod {} ended: {other:?}", self.name),
        }
    }

    /// Whether the pod is Ready now.
    pub fn is_ready(&self) -> bool {
        *self.ready.borrow()
    }

    /// What a container has written to standard output, as `kubectl logs` has it.
    pub fn log(&self, container: &str) -> Result<String> {
        let file = self.logs.join(format!("{}.{container}.out", self.name));
        fs::read_to_string(&file).with_context(|| format!("failed to read {}", file.display()))
    }

    /// Freezes a container: it answers nothing, and nothing notices at once.
    pub fn pause(&self, container: &str) {
        self.orders.send(Order::Pause(container.to_owned())).ok();
    }

    /// Lets a frozen container go on.
    pub fn resume(&self, container: &str) {
        self.orders.send(Order::Resume(container.to_owned())).ok();
    }

    /// Kills a container without warning. The double starts it again, as a node does.
    pub fn kill(&self, container: &str) {
        self.orders.send(Order::Kill(container.to_owned())).ok();
    }

    /// How often containers have been restarted, as the pod's status says.
    pub async fn restarts(&self) -> Result<i32> {
        let status = self.api.get(&self.name).await?.status.context("a pod that runs has a status")?;
        let all = status.init_container_statuses.into_iter().chain(status.container_statuses).flatten();
        Ok(all.map(|container| container.restart_count).sum())
    }

    /// Ends the pod as a node does: SIGTERM, then the object goes.
    pub async fn delete(mut self) -> Result<()> {
        self.stop.send(true).ok();
        (&mut self.task).await.context("the pod's task panicked")??;
        let now = DeleteParams { grace_period_seconds: Some(0), ..DeleteParams::default() };
        self.api.delete(&self.name, &now).await?;
        Ok(())
    }
}

impl Drop for RunningPod {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// The life of a pod: volumes, init containers in order, containers, probes, end.
async fn run(
    context: &Context<'_>,
    network: &PodNetwork,
    ready: &watch::Sender<bool>,
    mut orders: mpsc::UnboundedReceiver<Order>,
    mut stop: watch::Receiver<bool>,
) -> Result<()> {
    let volumes = Volumes::materialise(context).await?;
    let mut containers: Vec<Container> = Vec::new();
    for spec in context.spec.init_containers.iter().flatten() {
        let mut container = Container::start(context, network, &volumes, spec).await?;
        if is_sidecar(spec) {
            container.wait_started(context).await?;
            containers.push(container);
        } else {
            container.wait_completed().await?;
        }
    }
    for spec in &context.spec.containers {
        containers.push(Container::start(context, network, &volumes, spec).await?);
    }
    let mut refreshed = tokio::time::Instant::now();
    let mut reported = serde_json::Value::Null;
    loop {
        for container in &mut containers {
            container.supervise(context, network, &volumes).await?;
        }
        match status::report(context, &containers, &mut reported).await {
            Ok(all_ready) => drop(ready.send_replace(all_ready)),
            // An API server that is away for a while is told later.
            Err(_) if !reported.is_null() => {}
            Err(error) => return Err(error),
        }
        if refreshed.elapsed() >= MOUNT_REFRESH {
            volumes.refresh(context).await?;
            refreshed = tokio::time::Instant::now();
        }
        tokio::select! {
            _ = stop.wait_for(|&stop| stop) => break,
            Some(order) = orders.recv() => {
                containers.iter_mut().try_for_each(|container| container.obey(&order))?;
            }
            () = tokio::time::sleep(POLL) => {}
        }
    }
    // Sidecars outlive the containers that they serve.
    for container in containers.iter_mut().rev() {
        container.terminate().await?;
    }
    ready.send_replace(false);
    Ok(())
}

fn is_sidecar(spec: &ContainerSpec) -> bool {
    spec.restart_policy.as_deref() == Some("Always")
}
