//! Threads that serve connections, each with a runtime, and a service, of its own.
//!
//! A connection stays on its thread, and so does the one to the engine that its requests take: no request wakes another
//! thread, which on most machines costs more than deciding about it does.

use std::{io, num::NonZero, sync::Arc, thread};

use tokio::{
    runtime::{Builder, Handle},
    sync::{oneshot, watch},
};

use crate::{limits::TURNS_BETWEEN_LOOKS, lines};

/// Those who serve the connections of one listener.
pub(crate) struct Workers<S> {
    all: Vec<Worker<S>>,
    /// Threads end when it is gone.
    stop: watch::Sender<()>,
    ended: Vec<oneshot::Receiver<()>>,
}

/// One of them.
pub(crate) struct Worker<S> {
    pub(crate) runtime: Handle,
    pub(crate) service: S,
    /// Held by each connection.
    load: Load,
}

/// Counts by being cloned.
#[derive(Clone, Default)]
pub(crate) struct Load(Arc<()>);

// === impl Workers ===

impl<S> Workers<S> {
    /// Threads of their own, with a service for each.
    pub(crate) fn start(count: NonZero<usize>, service: impl Fn() -> S) -> io::Result<Self> {
        let mut workers = Self { all: Vec::new(), stop: watch::Sender::new(()), ended: Vec::new() };
        for _ in 0..count.get() {
            let (runtime, ended) = thread_with_runtime(workers.stop.subscribe())?;
            workers.ended.push(ended);
            workers.all.push(Worker { runtime, service: service(), load: Load::default() });
        }
        Ok(workers)
    }

    /// The caller's own runtime.
    pub(crate) fn here(service: S) -> Self {
        let here = Worker { runtime: Handle::current(), service, load: Load::default() };
        Self { all: vec![here], stop: watch::Sender::new(()), ended: Vec::new() }
    }

    /// The one with the fewest connections, and what the next connection is to hold.
    pub(crate) fn least_loaded(&self) -> (&Worker<S>, Load) {
        let least = self.all.iter().min_by_key(|worker| worker.load.count()).expect("there is at least one worker");
        (least, least.load.clone())
    }

    /// Ends the threads, and with them what they still serve.
    pub(crate) async fn end(self) {
        drop(self.stop);
        for ended in self.ended {
            // A thread that is gone has ended as well.
            let _ = ended.await;
        }
    }
}

// === impl Load ===

impl Load {
    fn count(&self) -> usize {
        Arc::strong_count(&self.0)
    }
}

fn thread_with_runtime(mut stop: watch::Receiver<()>) -> io::Result<(Handle, oneshot::Receiver<()>)> {
    let runtime = Builder::new_current_thread()
        .enable_all()
        .event_interval(TURNS_BETWEEN_LOOKS)
        .on_thread_park(lines::write_out)
        .build()?;
    let handle = runtime.handle().clone();
    let (end, ended) = oneshot::channel();
    thread::Builder::new().name("worker".into()).spawn(move || {
        lines::gather();
        // The sender never sends: it goes when the workers are to end.
        while runtime.block_on(stop.changed()).is_ok() {}
        // Passwords that are being hashed are for nobody any more.
        runtime.shutdown_background();
        lines::write_out();
        let _ = end.send(());
    })?;
    Ok((handle, ended))
}
