//! The command line of `cubegate-sidecar`; each flag is also an environment variable.

use std::{net::SocketAddr, path::PathBuf};

use clap::Parser;

use crate::{
    source::{ApiServer, SecretSource, Sources},
    transport::Tls,
};

/// The door of a Cubegate pod: authenticates callers, resolves their roles, proxies to the engine.
#[derive(Clone, Debug, Parser)]
#[command(name = "cubegate-sidecar", version)]
pub struct Flags {
    /// Address for callers of the Session
    #[arg(long, env = "CUBEGATE_LISTEN", default_value = "0.0.0.0:8080")]
    pub listen: SocketAddr,
    /// Address for probes, the operator and process metrics
    #[arg(long, env = "CUBEGATE_PRIVATE_LISTEN", default_value = "0.0.0.0:8081")]
    pub private_listen: SocketAddr,
    /// Unix socket that the engine serves
    #[arg(long, env = "CUBEGATE_ENGINE_SOCKET", default_value = "/run/cubegate/engine.sock")]
    pub engine_socket: PathBuf,
    /// Directory with `tls.crt` and `tls.key`, which may be replaced at any time. Without it callers are answered in the clear
    #[arg(long, env = "CUBEGATE_TLS_DIR")]
    pub tls_dir: Option<PathBuf>,
    /// Directory with the mounted policy Secret
    #[arg(long, env = "CUBEGATE_POLICY_DIR", required_unless_present = "policy_secret")]
    pub policy_dir: Option<PathBuf>,
    /// Policy Secret to watch through the API
    #[arg(long, env = "CUBEGATE_POLICY_SECRET", requires = "namespace")]
    pub policy_secret: Option<String>,
    /// Namespace of the policy Secret
    #[arg(long, env = "CUBEGATE_NAMESPACE")]
    pub namespace: Option<String>,
    /// Directory with `token` and `ca.crt` of the pod's `ServiceAccount`
    #[arg(long, env = "CUBEGATE_SERVICE_ACCOUNT_DIR", default_value = "/var/run/secrets/kubernetes.io/serviceaccount")]
    pub service_account_dir: PathBuf,
    /// Host of the API server, as Kubernetes tells every container
    #[arg(long, env = "KUBERNETES_SERVICE_HOST", hide = true)]
    pub kubernetes_host: Option<String>,
    /// Port of the API server, as Kubernetes tells every container
    #[arg(long, env = "KUBERNETES_SERVICE_PORT", default_value = "443", hide = true)]
    pub kubernetes_port: u16,
}

impl Flags {
    /// How the connections of callers are encrypted. Within a runtime.
    pub fn tls(&self) -> Tls {
        self.tls_dir.clone().map(Tls::of_directory).unwrap_or_default()
    }

    /// Where policies come from.
    pub fn sources(&self) -> Sources {
        let secret = self.policy_secret.clone().zip(self.namespace.clone());
        Sources {
            directory: self.policy_dir.clone(),
            secret: secret.map(|(name, namespace)| SecretSource { name, namespace, api_server: self.api_server() }),
        }
    }

    /// The API server of the cluster that we run in, as Kubernetes tells every container.
    pub fn api_server(&self) -> ApiServer {
        ApiServer {
            server: self.kubernetes_host.as_deref().map(|host| server(host, self.kubernetes_port)),
            service_account: self.service_account_dir.clone(),
        }
    }
}

fn server(host: &str, port: u16) -> String {
    if host.contains(':') { format!("https://[{host}]:{port}") } else { format!("https://{host}:{port}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pod_watches_its_secret_at_the_server_that_kubernetes_names() {
        let arguments =
            "cubegate-sidecar --policy-dir /p --policy-secret retail-policy --namespace shop --kubernetes-host fd00::1";
        let sources = Flags::parse_from(arguments.split(' ')).sources();
        let secret = sources.secret.unwrap();
        assert_eq!(secret.api_server.server.as_deref(), Some("https://[fd00::1]:443"));
        assert_eq!((secret.name.as_str(), secret.namespace.as_str()), ("retail-policy", "shop"));
    }

    #[test]
    fn some_source_of_policies_must_be_named() {
        assert!(Flags::try_parse_from(["cubegate-sidecar"]).is_err());
        assert!(Flags::try_parse_from(["cubegate-sidecar", "--policy-secret", "a"]).is_err(), "without a namespace");
        assert!(Flags::try_parse_from(["cubegate-sidecar", "--policy-dir", "/p"]).is_ok());
    }
}
