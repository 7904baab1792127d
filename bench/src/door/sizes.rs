//! What the sidecar takes by itself: memory, the time to start, and what a large answer costs.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};

use super::{
    DoorOptions, exchange, ours,
    proxies::{self, Backend, LARGE_BYTES, LARGE_PATH, free_address},
};
use crate::memory::resident_bytes_of;

/// Connections that are held.
pub(crate) const HELD: usize = 5_000;
/// Times that the large answer is streamed each way.
const STREAMS: usize = 3;
/// A provider that nobody answers for.
const DOWN: &str = "http://127.0.0.1:1";

/// Of one sidecar whose provider is down.
pub(crate) struct Sizes {
    pub(crate) ready: Duration,
    pub(crate) idle_bytes: u64,
    pub(crate) held_bytes: u64,
    pub(crate) streamed_bytes: u64,
    /// Seconds of the large answer, the best of several: from the backend, and through the sidecar.
    pub(crate) direct_s: f64,
    pub(crate) through_s: f64,
}

// === impl Sizes ===

impl Sizes {
    pub(crate) fn measure(options: &DoorOptions) -> Result<Self> {
        let directory = proxies::directory()?;
        let address = free_address()?;
        let policy = ours::closed(address, DOWN);
        let backend = Backend::start(options, directory.path(), &[policy.id().clone()])?;
        let (sidecar, ready) =
            ours::start(options, directory.path(), address, &backend.adopting(policy.id()), &policy)?;
        let resident = || resident_bytes_of(&sidecar.id().to_string());
        let idle_bytes = resident()?;
        let credentials = format!("{}\r\n", ours::basic());
        ensure!(exchange::get(address, "/", &credentials)?.status() == 200, "the sidecar does not let us in");

        let direct_s = best_stream_s(backend.running.address, "")?;
        let through_s = best_stream_s(address, &credentials)?;
        let streamed_bytes = resident()?;
        let held = (0..HELD).map(|_| exchange::held(address, &credentials)).collect::<Result<Vec<_>>>()?;
        let held_bytes = resident()?;
        drop(held);
        Ok(Self { ready, idle_bytes, held_bytes, streamed_bytes, direct_s, through_s })
    }
}

fn best_stream_s(address: SocketAddr, credentials: &str) -> Result<f64> {
    let mut best = f64::INFINITY;
    for _ in 0..STREAMS {
        let started = Instant::now();
        let bytes = exchange::stream(address, LARGE_PATH, credentials)?;
        ensure!(bytes > LARGE_BYTES, "only {bytes} bytes arrived");
        best = best.min(started.elapsed().as_secs_f64());
    }
    Ok(best)
}
