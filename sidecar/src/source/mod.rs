//! Where policies come from.
//!
//! ```text
//! mounted Secret ──once a second, newer ones only──┐
//!                                                  ├──▶ watch channel ──▶ run
//! watched Secret ──at once─────────────────────────┘
//! ```
//!
//! The mount is there before the network is: it is what a pod starts by, and what it falls back on.

pub(crate) mod api_server;
mod directory;
pub(crate) mod mounted;
mod secret;

use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

use cubegate_policy::publication::{CookieKeys, Publication, PublicationError, secret_key};
use tokio::{sync::watch, task::JoinSet};
use tracing::{info, warn};

use crate::{
    config::{PolicyUpdate, SourceHealth},
    engine::chain,
};

pub use api_server::ApiServer;
pub use secret::SecretSource;

/// Where policies come from.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// The mounted policy Secret.
    pub directory: Option<PathBuf>,
    /// The policy Secret, watched through the API.
    pub secret: Option<SecretSource>,
}

/// Policies as they arrive; ends when dropped.
pub struct Policies {
    /// The newest policy.
    pub updates: watch::Receiver<Option<Arc<PolicyUpdate>>>,
    _reading: JoinSet<()>,
}

/// Passes on what a source says.
#[derive(Clone)]
struct Publisher {
    updates: watch::Sender<Option<Arc<PolicyUpdate>>>,
    health: SourceHealth,
}

/// Which word counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Authority {
    /// Says what is the case now, also when that is an older revision (which will be refused, visibly).
    Source,
    /// May lag behind: only what is newer counts.
    Fallback,
}

/// Why the contents of a Secret are not a policy.
#[derive(Debug, thiserror::Error)]
enum PartsError {
    #[error("the key `cookie-key` does not hold whole keys of 32 bytes, or too many")]
    CookieKeys,
    #[error("failed to verify the snapshot")]
    Publication(#[source] PublicationError),
}

// === impl Sources ===

impl Sources {
    /// Begins to read.
    pub fn start(self, health: &SourceHealth) -> Policies {
        let (sender, updates) = watch::channel(None);
        let publisher = Publisher { updates: sender, health: health.clone() };
        let mut reading = JoinSet::new();
        // Silence counts from now on.
        health.reached();
        let authority = if self.secret.is_some() { Authority::Fallback } else { Authority::Source };
        if let Some(directory) = self.directory {
            reading.spawn(directory::read(directory, authority, publisher.clone()));
        }
        if let Some(secret) = self.secret {
            reading.spawn(secret::follow(secret, publisher));
        }
        Policies { updates, _reading: reading }
    }
}

// === impl Publisher ===

impl Publisher {
    fn offer(&self, parts: &BTreeMap<String, Vec<u8>>, authority: Authority) {
        match update(parts) {
            Ok(update) => {
                self.health.judged(None);
                self.updates.send_if_modified(|current| {
                    let newest = current.as_ref().map(|current| current.publication.id().revision);
                    let id = update.publication.id();
                    let counts = match authority {
                        Authority::Source => current.as_ref().is_none_or(|current| {
                            current.publication.id() != id || current.cookie_keys != update.cookie_keys
                        }),
                        Authority::Fallback => newest.is_none_or(|newest| newest < id.revision),
                    };
                    if counts {
                        self.health.reached();
                        info!(revision = id.revision, ?authority, "a policy arrived");
                        *current = Some(Arc::new(update));
                    }
                    counts
                });
            }
            Err(error) => {
                // A mount that lags behind may be half a policy while the watch has the whole one.
                if authority == Authority::Source {
                    self.health.judged(Some(chain(&error)));
                }
                warn!(error = chain(&error), ?authority, "what arrived is not a policy; the last good one stays");
            }
        }
    }
}

fn update(parts: &BTreeMap<String, Vec<u8>>) -> Result<PolicyUpdate, PartsError> {
    let value = |key: &str| parts.get(key).map(Vec::as_slice);
    let publication = Publication::from_secret(value).map_err(PartsError::Publication)?;
    let cookie_keys = value(secret_key::COOKIE_KEY).and_then(CookieKeys::from_bytes).ok_or(PartsError::CookieKeys)?;
    Ok(PolicyUpdate { publication, cookie_keys })
}

#[cfg(test)]
mod tests {
    use cubegate_policy::snapshot::{Access, Authentication, Door, Edge, Snapshot};

    use super::*;

    fn parts(revision: u64) -> BTreeMap<String, Vec<u8>> {
        let snapshot = Snapshot {
            session: "retail".into(),
            sources: Vec::new(),
            door: Door {
                url: None,
                edge: Edge::default(),
                authentication: Authentication::Open,
                mapped: BTreeMap::new(),
                granted: BTreeMap::new(),
                roles: BTreeMap::new(),
            },
            access: Access::default(),
        };
        let publication = Publication::new(revision, snapshot).to_secret();
        let parts = publication.into_iter().chain([(secret_key::COOKIE_KEY, vec![7; 32])]);
        parts.map(|(key, value)| (key.to_owned(), value)).collect()
    }

    fn publisher() -> (Publisher, watch::Receiver<Option<Arc<PolicyUpdate>>>) {
        let (updates, receiver) = watch::channel(None);
        (Publisher { updates, health: SourceHealth::default() }, receiver)
    }

    fn revision(receiver: &watch::Receiver<Option<Arc<PolicyUpdate>>>) -> Option<u64> {
        receiver.borrow().as_ref().map(|update| update.publication.id().revision)
    }

    #[test]
    fn a_fallback_never_takes_a_policy_back() {
        let (publisher, receiver) = publisher();
        publisher.offer(&parts(3), Authority::Source);
        publisher.offer(&parts(2), Authority::Fallback);
        assert_eq!(revision(&receiver), Some(3));
        publisher.offer(&parts(4), Authority::Fallback);
        assert_eq!(revision(&receiver), Some(4));
    }

    #[test]
    fn what_is_not_a_policy_leaves_the_last_good_one_and_shows() {
        let (publisher, receiver) = publisher();
        publisher.offer(&parts(3), Authority::Source);
        for (key, value) in [
            (secret_key::FORMAT, b"0".as_slice()),
            (secret_key::SHA256, b"00"),
            (secret_key::REVISION, b"x"),
            (secret_key::SNAPSHOT, b"{}"),
            (secret_key::COOKIE_KEY, b"short"),
        ] {
            let mut broken = parts(4);
            broken.insert(key.to_owned(), value.to_vec());
            publisher.offer(&broken, Authority::Source);
            assert_eq!(revision(&receiver), Some(3), "{key}");
            assert!(publisher.health.has_defect(), "{key}");
            broken.remove(key);
            assert!(update(&broken).is_err(), "{key} is missing");
        }
        publisher.offer(&parts(4), Authority::Source);
        assert!(!publisher.health.has_defect());
    }

    #[tokio::test]
    async fn a_directory_is_read_and_read_again_when_it_changes() {
        let directory = tempfile::tempdir().unwrap();
        let write = |parts: BTreeMap<String, Vec<u8>>| {
            for (key, value) in parts {
                std::fs::write(directory.path().join(key), value).unwrap();
            }
        };
        write(parts(1));
        let health = SourceHealth::default();
        let mut policies = Sources { directory: Some(directory.path().into()), secret: None }.start(&health);
        policies.updates.wait_for(Option::is_some).await.unwrap();
        assert_eq!(revision(&policies.updates), Some(1));
        write(parts(2));
        policies.updates.changed().await.unwrap();
        assert_eq!(revision(&policies.updates), Some(2));
    }
}
