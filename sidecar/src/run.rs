//! One Session's sidecar, from start to drain.

use std::{future::Future, sync::Arc};

use tokio::{net::TcpListener, sync::watch};

use crate::config::{Config, PolicyUpdate};

/// Why a sidecar could not be started.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// Trust in certificate authorities, for the identity provider.
    #[error("failed to load the certificate authorities of this machine")]
    CertificateAuthorities(#[source] std::io::Error),
}

/// Serves one Session until `shutdown` is ready, then drains.
///
/// Requests are answered from the start: with 503 until the first policy is there and the engine has it too.
#[expect(clippy::unused_async, reason = "the listeners come with the next commit")]
pub async fn run(
    config: Config,
    public: TcpListener,
    private: Option<TcpListener>,
    policies: watch::Receiver<Option<Arc<PolicyUpdate>>>,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Result<(), RunError> {
    drop((config, public, private, policies, shutdown));
    Ok(())
}
