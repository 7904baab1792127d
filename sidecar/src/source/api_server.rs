//! The API server of the cluster that a pod runs in.

use std::path::PathBuf;

use kube::{Client, config::AuthInfo};

/// An API server, and as whom we speak to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiServer {
    /// Its address; the kubeconfig's when absent.
    pub server: Option<String>,
    /// Directory with `token` and `ca.crt` of our ServiceAccount, for `server`.
    pub service_account: PathBuf,
}

/// Why the API server cannot be spoken to.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ApiServerError {
    #[error("failed to read the address of the API server")]
    Server(#[source] http::uri::InvalidUri),
    #[error("failed to read the certificate authority of the API server")]
    Authority(#[source] std::io::Error),
    #[error("failed to find a kubeconfig")]
    Kubeconfig(#[source] kube::config::InferConfigError),
    #[error("failed to make a client")]
    Client(#[source] kube::Error),
}

impl ApiServer {
    /// With a server, as the ServiceAccount of a pod, whose token is read again as it is rotated; else by the kubeconfig.
    pub(crate) async fn client(&self) -> Result<Client, ApiServerError> {
        let config = match &self.server {
            Some(server) => {
                let mut config = kube::Config::new(server.parse().map_err(ApiServerError::Server)?);
                let authority =
                    tokio::fs::read(self.service_account.join("ca.crt")).await.map_err(ApiServerError::Authority)?;
                config.root_cert = Some(certificates(&authority));
                let token_file = self.service_account.join("token").to_string_lossy().into_owned();
                config.auth_info = AuthInfo { token_file: Some(token_file), ..AuthInfo::default() };
                config
            }
            None => kube::Config::infer().await.map_err(ApiServerError::Kubeconfig)?,
        };
        Client::try_from(config).map_err(ApiServerError::Client)
    }
}

/// DER of each certificate in a PEM file; what is none is left out, and then nothing is trusted that it was to vouch for.
fn certificates(pem: &[u8]) -> Vec<Vec<u8>> {
    use rustls::pki_types::{CertificateDer, pem::PemObject as _};
    CertificateDer::pem_slice_iter(pem).filter_map(Result::ok).map(|certificate| certificate.to_vec()).collect()
}
