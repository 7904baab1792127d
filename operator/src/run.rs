//! The process: watches feed a queue, workers reconcile what is in it.

use std::{future::Future, sync::Arc, time::Instant};

use kube::Client;
use tokio::{net::TcpListener, task::JoinSet};

use crate::{
    config::Config,
    limits::{RECONCILE_MAX, RECONCILES_CONCURRENT_MAX, WATCH_RETRY_MIN},
    metrics::{CONTROLLER, Metrics},
    names::SessionKey,
    queue::{Interrupt, Outcome, Queue, SharedQueue},
    reconcile::{Reconciler, chain},
    server::Server,
    watch::{health::Health, namespace::Namespace},
};

/// Runs the operator until `shutdown` resolves.
pub async fn run(
    config: Config,
    client: Client,
    listener: TcpListener,
    shutdown: impl Future<Output = ()>,
) -> anyhow::Result<()> {
    let metrics = Arc::new(Metrics::new()?);
    let health = Arc::new(Health::new(Arc::clone(&metrics)));
    let queue: SharedQueue<SessionKey> = Arc::new(Queue::default());
    let server = Server { health: Arc::clone(&health), metrics: Arc::clone(&metrics), queue: Arc::clone(&queue) };

    let names = if config.namespaces.is_empty() {
        vec![client.default_namespace().to_owned()]
    } else {
        config.namespaces.clone()
    };
    tracing::info!(namespaces = ?names, listen = %listener.local_addr()?, "watching");
    let mut tasks = JoinSet::new();
    tasks.spawn(Arc::new(server).serve(listener));
    let namespaces = names.iter().map(|name| Namespace::watch(name, &client, &queue, &health, &mut tasks)).collect();
    let reconciler = Arc::new(Reconciler::new(client, namespaces, config.images(), Arc::clone(&metrics)));

    tokio::select! {
        () = work(&queue, &reconciler, &metrics, &health) => {}
        ended = tasks.join_next() => anyhow::bail!("a task that must never end has ended: {ended:?}"),
        () = shutdown => tracing::info!("stopping"),
    }
    Ok(())
}

/// Hands out Sessions to workers, for good. Nothing is reconciled before everything has been listed: what is not
/// seen yet would count as deleted.
async fn work(queue: &SharedQueue<SessionKey>, reconciler: &Arc<Reconciler>, metrics: &Arc<Metrics>, health: &Health) {
    while !health.unlisted().is_empty() {
        tokio::time::sleep(WATCH_RETRY_MIN / 10).await;
    }
    tracing::info!("everything has been listed");
    let mut workers = JoinSet::new();
    loop {
        if workers.len() >= RECONCILES_CONCURRENT_MAX {
            workers.join_next().await;
        }
        let work = queue.next().await;
        while workers.try_join_next().is_some() {}
        let lease = Lease { queue: Arc::clone(queue), key: work.key, outcome: Outcome::Again };
        workers.spawn(one(lease, work.interrupt, Arc::clone(reconciler), Arc::clone(metrics)));
    }
}

/// Gives a key back to the queue, come what may: one Session whose reconcile panics is tried again like one whose
/// reconcile fails, and the others notice nothing.
struct Lease {
    queue: SharedQueue<SessionKey>,
    key: SessionKey,
    outcome: Outcome,
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.queue.done(&self.key, self.outcome);
    }
}

async fn one(mut lease: Lease, mut interrupt: Interrupt, reconciler: Arc<Reconciler>, metrics: Arc<Metrics>) {
    let start = Instant::now();
    metrics.active_workers.inc();
    let reconcile = Box::pin(reconciler.reconcile(&lease.key, &mut interrupt));
    let (outcome, result) = match tokio::time::timeout(RECONCILE_MAX, reconcile).await {
        Ok(Ok(outcome @ Outcome::Settled)) => (outcome, "success"),
        Ok(Ok(outcome @ Outcome::Again)) => (outcome, "requeue_after"),
        Ok(Err(error)) => {
            tracing::warn!(session = %lease.key, error = %chain(&error), "reconcile failed; trying again");
            (Outcome::Again, "error")
        }
        Err(_) => {
            tracing::warn!(session = %lease.key, limit = ?RECONCILE_MAX, "reconcile took too long; trying again");
            (Outcome::Again, "error")
        }
    };
    lease.outcome = outcome;
    metrics.active_workers.dec();
    metrics.reconciles.with_label_values(&[CONTROLLER, result]).inc();
    metrics.reconcile_seconds.observe(start.elapsed().as_secs_f64());
    tracing::debug!(session = %lease.key, ?outcome, elapsed = ?start.elapsed(), "reconciled");
}
