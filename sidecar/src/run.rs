//! One Session's sidecar, from start to drain.

use std::{future::Future, sync::Arc};

use rustix::process::{Resource, getrlimit};
use tokio::{
    net::TcpListener,
    sync::{Notify, watch},
    task::JoinSet,
};

use crate::{
    adopt::Adopter,
    authenticate::{Ended, PasswordCheck},
    config::{Config, PolicyUpdate},
    crowd::Crowd,
    engine::Engine,
    limits::{CONNECTIONS_MAX, DESCRIPTORS_RESERVED, PRIVATE_CONNECTIONS_MAX},
    listen,
    metrics::Metrics,
    oidc::{HttpClient, Logins, LogoutTokens},
    pipeline::Pipeline,
    private,
    standing::Standing,
};

/// Why a sidecar ended before it was told to.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// A part of it panicked: a defect of ours.
    #[error("a part of the sidecar ended unexpectedly")]
    Part(#[source] tokio::task::JoinError),
}

/// Serves one Session until `shutdown` is ready, then drains.
///
/// Requests are answered from the start: with 503 until the first policy is there and the engine has it too, and again
/// when the policy is withdrawn (`None`).
pub async fn run(
    config: Config,
    public: TcpListener,
    private: Option<TcpListener>,
    policies: watch::Receiver<Option<Arc<PolicyUpdate>>>,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Result<(), RunError> {
    let Config { engine_socket, source } = config;
    let engine = Engine::new(engine_socket);
    let standing = Arc::new(Standing::new(source));
    let metrics = Arc::new(Metrics::new());
    let policy_missing = Arc::new(Notify::new());
    let pipeline = Arc::new(Pipeline {
        standing: Arc::clone(&standing),
        engine: engine.clone(),
        metrics: Arc::clone(&metrics),
        passwords: PasswordCheck::new(),
        logins: Logins::new(),
        logout_tokens: LogoutTokens::new(),
        ended: Ended::new(),
        policy_missing: Arc::clone(&policy_missing),
    });
    let adopter = Adopter { engine, standing, http: HttpClient::new(), policy_missing };

    let (stop, stopped) = watch::channel(false);
    let mut adopting = JoinSet::new();
    adopting.spawn(adopter.run(policies));
    let mut serving = JoinSet::new();
    let outside = Arc::clone(&pipeline);
    serving.spawn(listen::serve(
        public,
        Crowd::new(connections_max()),
        metrics.connections().clone(),
        stopped.clone(),
        move |request, source| {
            let pipeline = Arc::clone(&outside);
            async move { pipeline.answer(request, source).await }
        },
    ));
    if let Some(private) = private {
        serving.spawn(listen::serve(
            private,
            Crowd::new(PRIVATE_CONNECTIONS_MAX),
            metrics.connections().clone(),
            stopped,
            move |request, _| {
                let answer = private::answer(&pipeline, &request);
                async move { answer }
            },
        ));
    }

    tokio::select! {
        () = shutdown => {}
        Some(Err(error)) = adopting.join_next() => return Err(RunError::Part(error)),
        Some(Err(error)) = serving.join_next() => return Err(RunError::Part(error)),
    }
    stop.send_replace(true);
    while let Some(served) = serving.join_next().await {
        served.map_err(RunError::Part)?;
    }
    Ok(())
}

/// As many as the process has descriptors for: a caller's connection may need another one to the engine.
fn connections_max() -> usize {
    let descriptors = getrlimit(Resource::Nofile).current;
    let descriptors = descriptors.and_then(|count| usize::try_from(count).ok()).unwrap_or(usize::MAX);
    (descriptors.saturating_sub(DESCRIPTORS_RESERVED) / 2).clamp(1, CONNECTIONS_MAX)
}
