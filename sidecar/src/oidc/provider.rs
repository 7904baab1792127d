//! The identity provider: its metadata and keys, kept fresh in the background.
//!
//! ```text
//! start ──▶ discovery ──ok──▶ known ──every 10 min, or at once when a token names an unknown key──▶ discovery
//!              │ failed: wait, doubling                                  (keys that were known stay known for a day)
//!              └─────────▶ discovery
//! ```
//!
//! Nothing here delays the start of the process or callers who do not need the provider.

use std::{sync::Arc, time::Duration};

use cubegate_policy::snapshot::Oidc;
use futures::FutureExt as _;
use openidconnect::{
    AdditionalProviderMetadata, IssuerUrl, ProviderMetadata,
    core::{
        CoreAuthDisplay, CoreClaimName, CoreClaimType, CoreClientAuthMethod, CoreGrantType, CoreJsonWebKey,
        CoreJweContentEncryptionAlgorithm, CoreJweKeyManagementAlgorithm, CoreResponseMode, CoreResponseType,
        CoreSubjectIdentifierType,
    },
};
use serde::{Deserialize, Serialize};
use tokio::{
    sync::{Notify, watch},
    task::JoinHandle,
    time::{Instant, sleep, sleep_until, timeout},
};
use tracing::{info, warn};
use url::Url;

use crate::{
    engine::chain,
    limits::{
        DISCOVERY_INTERVAL_MIN, KEYS_AGE_MAX, KEYS_REFETCH_INTERVAL_MIN, PROVIDER_REFRESH_INTERVAL,
        PROVIDER_RETRY_FIRST, PROVIDER_RETRY_MAX, PROVIDER_WAIT,
    },
};

use super::{http::HttpClient, jwt::SigningKeys, opaque::OpaqueTokens, renewal::Renewals, verified::VerifiedTokens};

/// What a provider says of itself.
pub(crate) type Metadata = ProviderMetadata<
    Advertised,
    CoreAuthDisplay,
    CoreClientAuthMethod,
    CoreClaimName,
    CoreClaimType,
    CoreGrantType,
    CoreJweContentEncryptionAlgorithm,
    CoreJweKeyManagementAlgorithm,
    CoreJsonWebKey,
    CoreResponseMode,
    CoreResponseType,
    CoreSubjectIdentifierType,
>;

/// What a provider says beyond OpenID Connect Discovery 1.0.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Advertised {
    /// RFC 7662.
    pub(crate) introspection_endpoint: Option<Url>,
    /// RP-Initiated Logout.
    pub(crate) end_session_endpoint: Option<Url>,
    /// RFC 9207.
    #[serde(default)]
    pub(crate) authorization_response_iss_parameter_supported: bool,
}

/// What is known of a provider that has been reached.
pub(crate) struct Known {
    pub(crate) metadata: Metadata,
    pub(crate) keys: SigningKeys,
    fetched: Instant,
    /// Whether a caller made us look before it was time.
    was_demanded: bool,
}

/// The identity provider of a Session.
pub(crate) struct Provider {
    config: Oidc,
    pub(super) http: HttpClient,
    pub(super) opaque: OpaqueTokens,
    pub(super) renewals: Renewals,
    pub(super) verified: VerifiedTokens,
    known: watch::Receiver<Option<Arc<Known>>>,
    wanted: Arc<Notify>,
    task: JoinHandle<()>,
}

/// Why the provider cannot be asked.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the identity provider has not been reached yet, or not for too long")]
pub(crate) struct Unavailable;

/// Fetches metadata and keys until its provider is dropped.
struct Discovery {
    issuer: String,
    http: HttpClient,
    known: watch::Sender<Option<Arc<Known>>>,
    wanted: Arc<Notify>,
}

#[derive(Debug, thiserror::Error)]
enum DiscoveryError {
    #[error("failed to read the issuer")]
    Issuer(#[source] openidconnect::url::ParseError),
    #[error("failed to discover the identity provider")]
    Discover(#[source] openidconnect::DiscoveryError<super::http::HttpError>),
}

impl AdditionalProviderMetadata for Advertised {}

// === impl Provider ===

impl Provider {
    /// Begins to look for the provider.
    pub(crate) fn start(config: Oidc, http: &HttpClient) -> Arc<Self> {
        let (sender, known) = watch::channel(None);
        let http = http.for_issuer(&config.issuer_url);
        let wanted = Arc::new(Notify::new());
        let discovery = Discovery {
            issuer: config.issuer_url.clone(),
            http: http.clone(),
            known: sender,
            wanted: Arc::clone(&wanted),
        };
        let task = tokio::spawn(discovery.run());
        Arc::new(Self {
            opaque: OpaqueTokens::new(),
            renewals: Renewals::new(),
            verified: VerifiedTokens::new(),
            config,
            http,
            known,
            wanted,
            task,
        })
    }

    pub(crate) fn config(&self) -> &Oidc {
        &self.config
    }

    /// What is known, waiting a little when nothing is yet.
    pub(crate) async fn known(&self) -> Result<Arc<Known>, Unavailable> {
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
    pub(crate) fn known_now(&self) -> Option<Arc<Known>> {
        self.known.borrow().clone().filter(|known| known.is_believed())
    }

    /// What is known after another look at the provider; nothing when callers have made us look a moment ago.
    pub(crate) async fn newer_than(&self, old: &Known) -> Result<Option<Arc<Known>>, Unavailable> {
        let is_newer = |known: &Option<Arc<Known>>| known.as_ref().is_some_and(|known| known.fetched > old.fetched);
        let mut receiver = self.known.clone();
        if is_newer(&receiver.borrow()) {
            return Ok(receiver.borrow().clone());
        }
        if old.was_demanded && old.fetched.elapsed() < KEYS_REFETCH_INTERVAL_MIN {
            return Ok(None);
        }
        self.wanted.notify_one();
        match timeout(PROVIDER_WAIT, receiver.wait_for(is_newer)).await {
            Ok(Ok(known)) => Ok(known.clone()),
            Ok(Err(_)) | Err(_) => Err(Unavailable),
        }
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        self.task.abort();
    }
}

// === impl Known ===

impl Known {
    fn is_believed(&self) -> bool {
        self.fetched.elapsed() < KEYS_AGE_MAX
    }
}

// === impl Discovery ===

impl Discovery {
    async fn run(self) {
        let (mut failures, mut is_demanded) = (0, false);
        loop {
            let pause = match self.discover(is_demanded).await {
                Ok(known) => {
                    if failures > 0 || self.known.borrow().is_none() {
                        info!(issuer = self.issuer, "reached the identity provider");
                    }
                    failures = 0;
                    // Who wanted to know while we were looking is about to.
                    let _ = self.wanted.notified().now_or_never();
                    self.known.send_replace(Some(Arc::new(known)));
                    PROVIDER_REFRESH_INTERVAL
                }
                Err(error) => {
                    failures += 1;
                    warn!(
                        issuer = self.issuer,
                        failures,
                        error = chain(&error),
                        "failed to reach the identity provider"
                    );
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

    async fn discover(&self, was_demanded: bool) -> Result<Known, DiscoveryError> {
        let issuer = IssuerUrl::new(self.issuer.clone()).map_err(DiscoveryError::Issuer)?;
        let metadata = Metadata::discover_async(issuer, &self.http).await.map_err(DiscoveryError::Discover)?;
        let keys = SigningKeys::new(metadata.jwks());
        Ok(Known { metadata, keys, fetched: Instant::now(), was_demanded })
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
