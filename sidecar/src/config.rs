//! What a sidecar is started with, and what it is handed while it runs.

use std::{
    num::NonZero,
    path::PathBuf,
    sync::{Arc, PoisonError, RwLock},
    time::{Duration, Instant},
};

use cubegate_policy::publication::{CookieKeys, Publication};

use crate::{
    limits::{STALE_AGE, STALENESS_MAX},
    source::ApiServer,
    transport::Tls,
};

/// What a sidecar is started with.
#[derive(Clone, Debug)]
pub struct Config {
    /// Unix socket that the engine serves.
    pub engine_socket: PathBuf,
    /// How the connections of callers are encrypted.
    pub tls: Tls,
    /// How the source of policies is doing.
    pub source: SourceHealth,
    /// The API server that vouches for ServiceAccounts, when there is one.
    pub api_server: Option<ApiServer>,
    /// Sidecars among which the process's descriptors are shared.
    pub sidecars: NonZero<usize>,
}

/// A policy to be enforced from now on.
#[derive(Clone)]
pub struct PolicyUpdate {
    /// The policy; its digest has been verified.
    pub publication: Publication,
    /// What every key for cookies is derived from. The same in all pods of a Session.
    pub cookie_keys: CookieKeys,
}

/// How a source of policies is doing. The source writes it, the sidecar reads it.
///
/// The default is that of a source in the same process: never silent.
#[derive(Clone, Debug, Default)]
pub struct SourceHealth {
    observed: Arc<RwLock<Observed>>,
}

/// How old the word of a source is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Freshness {
    Fresh,
    Stale,
    Expired,
}

#[derive(Debug, Default)]
struct Observed {
    /// When the source was last reached; never asked for a source that cannot fall silent.
    last_contact: Option<Instant>,
    /// Why its newest word is not a policy.
    defect: Option<String>,
}

// === impl Config ===

impl Config {
    /// A sidecar in front of the engine on this socket, without TLS, with a source of policies in the same process, of
    /// which no other sidecar is a part.
    pub fn new(engine_socket: impl Into<PathBuf>) -> Self {
        Self {
            engine_socket: engine_socket.into(),
            tls: Tls::default(),
            source: SourceHealth::default(),
            api_server: None,
            sidecars: NonZero::<usize>::MIN,
        }
    }
}

// === impl PolicyUpdate ===

impl std::fmt::Debug for PolicyUpdate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PolicyUpdate").field("id", self.publication.id()).finish_non_exhaustive()
    }
}

// === impl SourceHealth ===

impl SourceHealth {
    /// The source was reached just now.
    pub fn reached(&self) {
        self.write(|observed| observed.last_contact = Some(Instant::now()));
    }

    /// The source's newest word is a policy, or is not for this reason.
    pub fn judged(&self, defect: Option<String>) {
        self.write(|observed| observed.defect = defect);
    }

    pub(crate) fn has_defect(&self) -> bool {
        self.observed.read().unwrap_or_else(PoisonError::into_inner).defect.is_some()
    }

    pub(crate) fn freshness(&self) -> Freshness {
        let observed = self.observed.read().unwrap_or_else(PoisonError::into_inner);
        freshness(observed.last_contact.map(|at| at.elapsed()))
    }

    fn write(&self, change: impl FnOnce(&mut Observed)) {
        change(&mut self.observed.write().unwrap_or_else(PoisonError::into_inner));
    }
}

fn freshness(silence: Option<Duration>) -> Freshness {
    match silence {
        Some(silence) if silence > STALENESS_MAX => Freshness::Expired,
        Some(silence) if silence > STALE_AGE => Freshness::Stale,
        Some(_) | None => Freshness::Fresh,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_makes_a_source_stale_and_then_expired() {
        assert_eq!(freshness(None), Freshness::Fresh);
        assert_eq!(freshness(Some(Duration::ZERO)), Freshness::Fresh);
        assert_eq!(freshness(Some(STALE_AGE + Duration::from_secs(1))), Freshness::Stale);
        assert_eq!(freshness(Some(STALENESS_MAX + Duration::from_secs(1))), Freshness::Expired);
    }
}
