//! What those who issue tokens say of themselves, their keys above all: fetched in the background and kept fresh.
//!
//! ```text
//! start ──▶ fetch ──ok──▶ known ──every 10 min, or at once when a token names an unknown key──▶ fetch
//!             │ failed: wait, doubling                              (what was known stays known for a day)
//!             └─────────▶ fetch
//! ```
//!
//! Nothing here delays the start of the process or callers who do not need it.

use std::{future::Future, ops::Deref, sync::Arc, time::Duration};

use futures::FutureExt as _;
use tokio::{
    sync::{Notify, watch},
    task::JoinHandle,
    time::{Instant, sleep, sleep_until, timeout},
};
use tracing::{info, warn};

use crate::{
    engine::chain,
    limits::{
        DISCOVERY_INTERVAL_MIN, KEYS_AGE_MAX, KEYS_REFETCH_INTERVAL_MIN, PROVIDER_REFRESH_INTERVAL,
        PROVIDER_RETRY_FIRST, PROVIDER_RETRY_MAX, PROVIDER_WAIT,
    },
    oidc::{BearerError, JwtError},
};

/// Where it is fetched.
pub(crate) trait Source: Send + Sync + 'static {
    type Value: Send + Sync + 'static;
    type Error: std::error::Error + Send;

    /// Who says it, for the log.
    fn issuer(&self) -> &str;

    fn fetch(&self) -> impl Future<Output = Result<Self::Value, Self::Error>> + Send;
}

/// What was said, kept fresh until this is dropped.
pub(crate) struct Kept<T> {
    known: watch::Receiver<Option<Arc<Fetched<T>>>>,
    wanted: Arc<Notify>,
    task: JoinHandle<()>,
}

/// What was said when it was fetched last.
pub(crate) struct Fetched<T> {
    value: T,
    at: Instant,
    /// Whether a caller made us look before it was time.
    was_demanded: bool,
}

/// Why nothing is known.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the identity provider has not been reached yet, or not for too long")]
pub(crate) struct Unavailable;

/// Fetches until nobody wants it any more.
struct Keeper<S: Source> {
    source: S,
    known: watch::Sender<Option<Arc<Fetched<S::Value>>>>,
    wanted: Arc<Notify>,
}

// === impl Kept ===

impl<T: Send + Sync + 'static> Kept<T> {
    /// Begins to fetch.
    pub(crate) fn start(source: impl Source<Value = T>) -> Self {
        let (sender, known) = watch::channel(None);
        let wanted = Arc::new(Notify::new());
        let task = tokio::spawn(Keeper { source, known: sender, wanted: Arc::clone(&wanted) }.run());
        Self { known, wanted, task }
    }

    /// What is known, waiting a little when nothing is yet.
    pub(crate) async fn known(&self) -> Result<Arc<Fetched<T>>, Unavailable> {
        if let Some(known) = self.known_now() {
            return Ok(known);
        }
        self.wanted.notify_one();
        let mut receiver = self.known.clone();
        let found =
            timeout(PROVIDER_WAIT, receiver.wait_for(|known| known.as_ref().is_some_and(|known| known.is_believed())));
        match found.await {
            Ok(Ok(known)) => known.clone().ok_or(Unavailable),
            Ok(Err(_)) | Err(_) => Err(Unavailable),
        }
    }

    /// What is known, if anything.
    pub(crate) fn known_now(&self) -> Option<Arc<Fetched<T>>> {
        self.known.borrow().clone().filter(|known| known.is_believed())
    }

    /// What is known after another look; nothing when callers have made us look a moment ago.
    pub(crate) async fn newer_than(&self, old: &Fetched<T>) -> Result<Option<Arc<Fetched<T>>>, Unavailable> {
        let is_newer = |known: &Option<Arc<Fetched<T>>>| known.as_ref().is_some_and(|known| known.at > old.at);
        let mut receiver = self.known.clone();
        if is_newer(&receiver.borrow()) {
            return Ok(receiver.borrow().clone());
        }
        if old.was_demanded && old.at.elapsed() < KEYS_REFETCH_INTERVAL_MIN {
            return Ok(None);
        }
        self.wanted.notify_one();
        match timeout(PROVIDER_WAIT, receiver.wait_for(is_newer)).await {
            Ok(Ok(known)) => Ok(known.clone()),
            Ok(Err(_)) | Err(_) => Err(Unavailable),
        }
    }

    /// Verifies a token. One that names an unknown key is tried again with newer keys; when those cannot be had, nobody knows
    /// whether it is good.
    pub(crate) async fn verify<V>(
        &self,
        known: &Fetched<T>,
        verify: impl Fn(&T) -> Result<V, JwtError>,
    ) -> Result<V, BearerError> {
        match verify(known) {
            Err(JwtError::UnknownKey) => match self.newer_than(known).await? {
                Some(newer) => Ok(verify(&newer)?),
                None => Err(JwtError::UnknownKey.into()),
            },
            verdict => Ok(verdict?),
        }
    }
}

impl<T> Drop for Kept<T> {
    fn drop(&mut self) {
        self.task.abort();
    }
}

// === impl Fetched ===

impl<T> Fetched<T> {
    fn is_believed(&self) -> bool {
        self.at.elapsed() < KEYS_AGE_MAX
    }
}

impl<T> Deref for Fetched<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

// === impl Keeper ===

impl<S: Source> Keeper<S> {
    async fn run(self) {
        let (mut failures, mut is_demanded) = (0, false);
        loop {
            let issuer = self.source.issuer();
            let pause = match self.source.fetch().await {
                Ok(value) => {
                    if failures > 0 || self.known.borrow().is_none() {
                        info!(issuer, "reached the identity provider");
                    }
                    failures = 0;
                    // Who wanted to know while we were looking is about to.
                    let _ = self.wanted.notified().now_or_never();
                    let fetched = Fetched { value, at: Instant::now(), was_demanded: is_demanded };
                    self.known.send_replace(Some(Arc::new(fetched)));
                    PROVIDER_REFRESH_INTERVAL
                }
                Err(error) => {
                    failures += 1;
                    warn!(issuer, failures, error = chain(&error), "failed to reach the identity provider");
                    retry_pause(failures)
                }
            };
            let minimum = match (failures, is_demanded) {
                (0, false) => Duration::ZERO,
                (0, true) => KEYS_REFETCH_INTERVAL_MIN,
                _ if self.known.borrow().is_some() => KEYS_REFETCH_INTERVAL_MIN,
                _ => DISCOVERY_INTERVAL_MIN,
            };
            is_demanded = self.pause(pause, minimum).await;
        }
    }

    /// Waits, or less long when someone wants to know; but never so short that callers could drive us. Whether someone did.
    async fn pause(&self, pause: Duration, minimum: Duration) -> bool {
        let earliest = Instant::now() + minimum.min(pause);
        tokio::select! {
            () = sleep(pause) => false,
            () = self.wanted.notified() => {
                sleep_until(earliest).await;
                true
            }
        }
    }
}

fn retry_pause(failures: u32) -> Duration {
    PROVIDER_RETRY_FIRST.saturating_mul(2_u32.saturating_pow(failures.saturating_sub(1))).min(PROVIDER_RETRY_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_a_bound() {
        let millis: Vec<u128> = [1, 2, 3, 99].map(|failures| retry_pause(failures).as_millis()).to_vec();
        assert_eq!(millis, [500, 1000, 2000, 30_000]);
    }
}
