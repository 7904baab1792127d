//! A Kubernetes control plane for one test: etcd and kube-apiserver, with RBAC and real admission.
//!
//! There are no controllers and no scheduler. Where a test needs what one of them makes (the `default`
//! ServiceAccount, the ConfigMap with the API server's authority, pods of a Deployment), this module and
//! [`kubelet`](crate::kubelet) make it in their stead.

use std::{
    fs,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use anyhow::{Context as _, Result, bail};
use k8s_openapi::api::core::v1::{ConfigMap, Namespace, ServiceAccount};
use kube::{
    Api, Client, Config, ResourceExt as _,
    api::PostParams,
    config::{KubeConfigOptions, Kubeconfig},
};
use serde_json::json;
use tokio::sync::Mutex;

use crate::{
    limits::START_MAX,
    pki::Pki,
    process::{self, Process, RunDirectory},
    room, story, tools,
};

/// Keeps the control plane running.
pub struct ControlPlane {
    client: Client,
    kubeconfig: PathBuf,
    port: u16,
    authority_pem: String,
    directory: PathBuf,
    etcd_port: u16,
    // Dropped in this order.
    api_server: Mutex<Process>,
    _etcd: Process,
}

impl ControlPlane {
    /// Starts etcd and the API server, and waits until they are ready.
    pub async fn start(run: &RunDirectory) -> Result<Self> {
        let directory = run.make("control-plane")?;
        let pki = Pki::new()?;
        pki.write(&directory)?;
        pki.server(&["localhost", "kubernetes.default.svc", "127.0.0.1", room::ADDRESS])?
            .write(&directory, "apiserver")?;
        let [etcd_port, peer_port, port] = free_ports()?;
        let kubeconfig_json = pki
            .client("admin", "system:masters")?
            .kubeconfig(&format!("https://127.0.0.1:{port}"), &pki.authority_pem());
        let kubeconfig = directory.join("kubeconfig");
        fs::write(&kubeconfig, kubeconfig_json.to_string())?;

        let mut etcd = Command::new(tools::kubernetes("etcd")?);
        etcd.arg("--data-dir").arg(directory.join("etcd")).args([
            "--unsafe-no-fsync".into(),
            "--log-level=warn".into(),
            format!("--listen-client-urls=http://127.0.0.1:{etcd_port}"),
            format!("--advertise-client-urls=http://127.0.0.1:{etcd_port}"),
            format!("--listen-peer-urls=http://127.0.0.1:{peer_port}"),
            format!("--initial-advertise-peer-urls=http://127.0.0.1:{peer_port}"),
            format!("--initial-cluster=default=http://127.0.0.1:{peer_port}"),
        ]);
        let mut etcd = run.start("etcd", etcd)?;

        let mut api_server = run.start("kube-apiserver", api_server(&directory, etcd_port, port)?)?;

        let config = Config::from_custom_kubeconfig(
            serde_json::from_value::<Kubeconfig>(kubeconfig_json)?,
            &KubeConfigOptions::default(),
        )
        .await?;
        let client = Client::try_from(config).context("failed to make a Kubernetes client")?;
        story::eventually("the API server is ready", START_MAX, || {
            let running = etcd.check_running().and_then(|()| api_server.check_running());
            let client = client.clone();
            async move {
                running?;
                expect_ready(&client).await
            }
        })
        .await?;
        let authority_pem = pki.authority_pem();
        let api_server = Mutex::new(api_server);
        Ok(Self { client, kubeconfig, port, authority_pem, directory, etcd_port, api_server, _etcd: etcd })
    }

    /// Kills the API server without warning.
    pub async fn kill_api_server(&self) {
        self.api_server.lock().await.kill();
    }

    /// Starts the API server again, on the same port and data, and waits until it is ready.
    pub async fn restart_api_server(&self, run: &RunDirectory) -> Result<()> {
        let mut api_server = run.start("kube-apiserver", api_server(&self.directory, self.etcd_port, self.port)?)?;
        story::eventually("the API server is ready again", START_MAX, || {
            let running = api_server.check_running();
            async move {
                running?;
                expect_ready(&self.client).await
            }
        })
        .await?;
        *self.api_server.lock().await = api_server;
        Ok(())
    }

    /// A client with every right.
    pub fn client(&self) -> Client {
        self.client.clone()
    }

    /// The port of the API server, on every address of the room.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Makes a namespace that enforces the restricted Pod Security Standard, with what controllers would put into it.
    pub async fn create_namespace(&self, name: &str) -> Result<()> {
        let namespace: Namespace = serde_json::from_value(json!({
            "metadata": {"name": name, "labels": {"pod-security.kubernetes.io/enforce": "restricted"}},
        }))?;
        Api::all(self.client()).create(&PostParams::default(), &namespace).await?;
        let account: ServiceAccount = serde_json::from_value(json!({"metadata": {"name": "default"}}))?;
        Api::namespaced(self.client(), name).create(&PostParams::default(), &account).await?;
        let authority: ConfigMap = serde_json::from_value(json!({
            "metadata": {"name": "kube-root-ca.crt"},
            "data": {"ca.crt": self.authority_pem},
        }))?;
        Api::namespaced(self.client(), name).create(&PostParams::default(), &authority).await?;
        Ok(())
    }

    /// kubectl; a failure is an error with its output.
    pub async fn kubectl(&self, arguments: &[&str]) -> Result<String> {
        process::run(self.kubectl_command(arguments)?).await
    }

    /// kubectl, whether it fails or not.
    pub async fn try_kubectl(&self, arguments: &[&str]) -> Result<Output> {
        process::output(self.kubectl_command(arguments)?).await
    }

    /// Writes a manifest and applies it in a namespace as users do. Server-side, because that is what refuses unknown fields with the server's own words.
    pub async fn apply(&self, namespace: &str, manifest: &str) -> Result<Output> {
        let file = tempfile::Builder::new().suffix(".yaml").tempfile_in(&self.directory)?;
        fs::write(file.path(), manifest)?;
        self.try_kubectl(&["apply", "--server-side", "-n", namespace, "-f", &file.path().display().to_string()]).await
    }

    /// helm; a failure is an error with its output.
    pub async fn helm(&self, arguments: &[&str]) -> Result<String> {
        let mut command = Command::new(tools::helm()?);
        command.args(arguments).env("KUBECONFIG", &self.kubeconfig).env("HOME", &self.directory);
        process::run(command).await
    }

    /// `cubegate` with the kubeconfig of an administrator.
    pub async fn cubegate(&self, arguments: &[&str]) -> Result<Output> {
        let mut command = Command::new(tools::cubegate("cubegate")?);
        command.args(arguments).env("KUBECONFIG", &self.kubeconfig).env("HOME", &self.directory);
        process::output(command).await
    }

    /// Resource versions of everything named, to see whether anything is written.
    pub async fn resource_versions<K>(&self, namespace: &str) -> Result<Vec<(String, String)>>
    where
        K: kube::Resource<Scope = k8s_openapi::NamespaceResourceScope, DynamicType = ()>
            + Clone
            + std::fmt::Debug
            + serde::de::DeserializeOwned,
    {
        let objects = Api::<K>::namespaced(self.client(), namespace).list(&kube::api::ListParams::default()).await?;
        let version = |object: &K| {
            (format!("{}/{}", K::kind(&()), object.name_any()), object.resource_version().unwrap_or_default())
        };
        Ok(objects.iter().map(version).collect())
    }

    fn kubectl_command(&self, arguments: &[&str]) -> Result<Command> {
        let mut command = Command::new(tools::kubernetes("kubectl")?);
        command.arg("--kubeconfig").arg(&self.kubeconfig).args(arguments).env("HOME", &self.directory);
        Ok(command)
    }
}

fn api_server(directory: &Path, etcd_port: u16, port: u16) -> Result<Command> {
    let file = |name: &str| directory.join(name).display().to_string();
    let mut command = Command::new(tools::kubernetes("kube-apiserver")?);
    command.args([
        format!("--etcd-servers=http://127.0.0.1:{etcd_port}"),
        format!("--secure-port={port}"),
        format!("--advertise-address={}", room::ADDRESS),
        format!("--client-ca-file={}", file("ca.crt")),
        format!("--tls-cert-file={}", file("apiserver.crt")),
        format!("--tls-private-key-file={}", file("apiserver.key")),
        format!("--service-account-key-file={}", file("sa.pub")),
        format!("--service-account-signing-key-file={}", file("sa.key")),
        "--service-account-issuer=https://kubernetes.default.svc.cluster.local".into(),
        "--service-cluster-ip-range=10.96.0.0/16".into(),
        "--authorization-mode=RBAC".into(),
        "--allow-privileged=true".into(),
        "--endpoint-reconciler-type=none".into(),
        "--profiling=false".into(),
    ]);
    Ok(command)
}

async fn expect_ready(client: &Client) -> Result<()> {
    let reply = client.request_text(http::Request::get("/readyz").body(Vec::new())?).await?;
    if reply == "ok" { Ok(()) } else { bail!("{reply}") }
}

/// Ports that nobody listens on. They are all held while they are picked, so that they differ.
pub fn free_ports<const N: usize>() -> Result<[u16; N]> {
    let listeners: Vec<TcpListener> = (0..N)
        .map(|_| TcpListener::bind("127.0.0.1:0"))
        .collect::<Result<_, _>>()
        .context("failed to pick a free port")?;
    let ports: Vec<u16> = listeners
        .iter()
        .map(|listener| listener.local_addr().map(|address| address.port()))
        .collect::<Result<_, _>>()?;
    ports.try_into().map_err(|_| anyhow::anyhow!("as many ports as listeners"))
}
