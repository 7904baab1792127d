//! One Session's sidecar, from start to drain.

use std::{future::Future, io, num::NonZero, sync::Arc, thread};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::{
    net::TcpListener,
    sync::{Notify, watch},
    task::JoinSet,
};
use tracing::warn;

use crate::{
    adopt::Adopter,
    authenticate::{Ended, PasswordCheck},
    config::{Config, PolicyUpdate},
    crowd::Crowd,
    engine::Engine,
    limits::{
        CONNECTIONS_FEW, CONNECTIONS_MAX, CONNECTIONS_MIN, DESCRIPTORS_RESERVED, PRIVATE_CONNECTIONS_MAX, WORKERS_MAX,
    },
    listen,
    metrics::Metrics,
    oidc::{HttpClient, Issuers, Logins, LogoutTokens},
    pipeline::Pipeline,
    private,
    standing::Standing,
    transport::Transport,
    workers::Workers,
};

/// Why a sidecar ended before it was told to.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The operating system has no more threads.
    #[error("failed to start a thread")]
    Threads(#[source] io::Error),
    /// A part of it panicked: a defect of ours.
    #[error("a part of the sidecar ended unexpectedly")]
    Part(#[source] tokio::task::JoinError),
}

/// Serves one Session until `shutdown` is ready, then drains.
///
/// Requests are answered from the start: with 503 until the first policy is there and the engine has it too, and again
/// when the policy is withdrawn (`None`).
///
/// Raises the process's soft limit of descriptors to its hard one.
pub async fn run(
    config: Config,
    public: TcpListener,
    private: Option<TcpListener>,
    policies: watch::Receiver<Option<Arc<PolicyUpdate>>>,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Result<(), RunError> {
    let Config { engine_socket, tls, source, api_server, sidecars } = config;
    let engine = Engine::new(&engine_socket);
    let standing = Arc::new(Standing::new(source));
    let metrics = Arc::new(Metrics::new());
    metrics.register(tls.collectors());
    let policy_missing = Arc::new(Notify::new());
    let pipeline = Pipeline {
        standing: Arc::clone(&standing),
        engine: engine.clone(),
        metrics: Arc::clone(&metrics),
        passwords: Arc::new(PasswordCheck::new()),
        logins: Arc::new(Logins::new()),
        logout_tokens: Arc::new(LogoutTokens::new()),
        ended: Arc::new(Ended::new()),
        policy_missing: Arc::clone(&policy_missing),
        tls: tls.clone(),
    };
    let transport = Transport::new(tls, Arc::clone(&standing));
    let adopter =
        Adopter { engine, standing, issuers: Issuers { http: HttpClient::new(), api_server }, policy_missing };

    let (stop, stopped) = watch::channel(false);
    let mut adopting = JoinSet::new();
    adopting.spawn(adopter.run(policies));
    let mut serving = JoinSet::new();
    let outside = Workers::start(workers(sidecars), || {
        // Connections to the engine stay with those that they serve.
        let pipeline = Arc::new(Pipeline { engine: Engine::new(&engine_socket), ..pipeline.clone() });
        move |request, peer| {
            let pipeline = Arc::clone(&pipeline);
            async move { pipeline.answer(request, peer).await }
        }
    })
    .map_err(RunError::Threads)?;
    serving.spawn(listen::serve(
        public,
        transport,
        Crowd::new(connections_max(descriptors_max(), sidecars)),
        metrics.connections().clone(),
        stopped.clone(),
        outside,
    ));
    if let Some(private) = private {
        serving.spawn(listen::serve(
            private,
            Transport::default(),
            Crowd::new(PRIVATE_CONNECTIONS_MAX),
            metrics.connections().clone(),
            stopped,
            Workers::here(move |request, _| {
                let answer = private::answer(&pipeline, &request);
                async move { answer }
            }),
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

/// Threads for callers: as many as cores, shared among the sidecars of the process.
fn workers(sidecars: NonZero<usize>) -> NonZero<usize> {
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    NonZero::new(cores.min(WORKERS_MAX) / sidecars).unwrap_or(NonZero::<usize>::MIN)
}

/// Descriptors that the process may have, once it has been allowed as many as it can be.
fn descriptors_max() -> usize {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    // Some systems refuse what they call the maximum; then what there was stays.
    let is_raised = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }).is_ok();
    let descriptors = if is_raised { maximum } else { current };
    descriptors.and_then(|count| usize::try_from(count).ok()).unwrap_or(usize::MAX)
}

/// As many as there are descriptors for, shared among the sidecars of the process: a caller's connection may need another one
/// to the engine. At least half of the descriptors are for callers, so that few are not none.
fn connections_max(descriptors: usize, sidecars: NonZero<usize>) -> usize {
    let reserved = DESCRIPTORS_RESERVED.min(descriptors / 2);
    let connections = ((descriptors - reserved) / 2 / sidecars).clamp(CONNECTIONS_MIN, CONNECTIONS_MAX);
    if connections < CONNECTIONS_FEW {
        warn!(
            connections,
            descriptors, "there is room for few connections; raise the limit of descriptors (ulimit -Hn)"
        );
    }
    connections
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_follows_the_descriptors_is_shared_and_is_never_next_to_nothing() {
        let room = |descriptors, sidecars| connections_max(descriptors, NonZero::new(sidecars).unwrap());
        assert_eq!((room(256, 1), room(1024, 1), room(20_000, 1)), (64, 384, 9872));
        assert_eq!((room(1024, 4), room(20_000, 8)), (96, 1234), "shares");
        assert_eq!((room(0, 1), room(64, 8), room(usize::MAX, 1)), (CONNECTIONS_MIN, CONNECTIONS_MIN, CONNECTIONS_MAX));
    }

    #[test]
    fn a_process_may_have_as_many_descriptors_as_it_can_be_allowed() {
        let maximum = getrlimit(Resource::Nofile).maximum;
        setrlimit(Resource::Nofile, Rlimit { current: maximum.map(|count| count / 2), maximum }).unwrap();
        let descriptors = descriptors_max();
        assert_eq!(getrlimit(Resource::Nofile).current, maximum);
        assert_eq!(maximum.map_or(usize::MAX, |count| usize::try_from(count).unwrap()), descriptors);
    }
}
