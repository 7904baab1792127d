//! Clients of a provider that can send nothing but a name and a password: exchanged for an access token, which is then verified as
//! any bearer's.
//!
//! ```text
//! id ‖ secret ──HMAC──▶ exchanged before? ──yes──▶ in
//!                            │ no
//!         too many failures of (source, id)? ──yes──▶ 429
//!                            │ no
//!         too many exchanges at once? ──yes──▶ 503
//!                            │ no
//!             token endpoint (RFC 6749 §4.4) ──▶ access token, verified ──▶ in, or 401
//! ```
//!
//! What came of it is remembered for as long as the token lives and for a minute at most, successes only. Callers with the same
//! credentials wait for one exchange. A name that is no TechnicalUser's costs an exchange where others cost a hash, so here
//! time tells the names of TechnicalUsers from others; not their passwords.

use std::{
    net::IpAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use aws_lc_rs::hmac;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use cubegate_policy::snapshot::ClientCredentials;
use http::{
    Request, StatusCode,
    header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE},
};
use moka::{Expiry, future::Cache};
use serde_json::Value;
use tokio::sync::Semaphore;
use url::form_urlencoded;
use zeroize::Zeroizing;

use crate::{
    authenticate::{ProviderUser, Throttle, keyed_tag, process_key},
    authorization::UserPassword,
    kept::Unavailable,
    limits::{CLIENT_EXCHANGES_MAX, CLIENT_TTL_MAX, CLIENTS_MAX},
};

use super::{BearerError, Provider, claims::text, http::HttpError};

/// What has been given to clients.
pub(crate) struct Clients {
    key: hmac::Key,
    throttle: Throttle,
    slots: Semaphore,
    users: Cache<[u8; 32], Exchanged>,
}

/// Why a client is not let in. No variant repeats what it sent.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ClientError {
    #[error("too many failures; {0} s to wait")]
    Throttled(u64),
    #[error("too many clients are being exchanged")]
    Busy,
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
    #[error("failed to reach the provider's token endpoint")]
    Unreachable(#[source] HttpError),
    #[error("the provider's token endpoint answered {0}")]
    Failed(StatusCode),
    #[error("the provider has no token endpoint")]
    NoTokenEndpoint,
    #[error("the provider refused the client: {0}")]
    Refused(StatusCode),
    #[error("the token endpoint gave no bearer token")]
    NoToken,
    #[error("failed to verify the token that the client was given")]
    Token(#[source] BearerError),
    #[error(transparent)]
    Shared(#[from] Arc<ClientError>),
}

#[derive(Clone)]
struct Exchanged {
    user: ProviderUser,
    ttl: Duration,
}

struct ByTtl;

// === impl Clients ===

impl Clients {
    pub(crate) fn new() -> Self {
        let users = Cache::builder().max_capacity(CLIENTS_MAX).expire_after(ByTtl).build();
        Self { key: process_key(), throttle: Throttle::new(), slots: Semaphore::new(CLIENT_EXCHANGES_MAX), users }
    }
}

impl Expiry<[u8; 32], Exchanged> for ByTtl {
    fn expire_after_create(&self, _: &[u8; 32], exchanged: &Exchanged, _: Instant) -> Option<Duration> {
        Some(exchanged.ttl)
    }
}

// === impl Provider ===

impl Provider {
    /// The user that a client is here.
    pub(crate) async fn user_of_client(
        &self,
        wanted: &ClientCredentials,
        UserPassword { user: id, password: secret }: &UserPassword,
        source: IpAddr,
    ) -> Result<ProviderUser, ClientError> {
        let Clients { key, throttle, slots, users } = &self.clients;
        let ClientCredentials { provider_id: _, scopes, resource } = wanted;
        let (scope, resource) = (scopes.join(" "), resource.as_deref().unwrap_or_default());
        let tag = keyed_tag(key, &[id.as_bytes(), secret.as_bytes(), scope.as_bytes(), resource.as_bytes()]);
        if let Some(exchanged) = users.get(&tag).await {
            return Ok(exchanged.user);
        }
        throttle.check(source, id, true).map_err(ClientError::Throttled)?;
        let exchange = async {
            let _slot = slots.try_acquire().map_err(|_| ClientError::Busy)?;
            // Others may have failed since.
            throttle.check(source, id, true).map_err(ClientError::Throttled)?;
            let exchanged = self.exchange_client(id, secret, &scope, resource).await;
            // Before the slot is free, so that no guess slips in between.
            if exchanged.as_ref().is_err_and(|error| !error.is_ours_to_solve()) {
                throttle.blame(source, id, true);
            }
            exchanged
        };
        match users.try_get_with(tag, exchange).await {
            Ok(exchanged) => {
                throttle.forgive(source, id, true);
                Ok(exchanged.user)
            }
            Err(error) => Err(error.into()),
        }
    }

    async fn exchange_client(
        &self,
        id: &str,
        secret: &str,
        scope: &str,
        resource: &str,
    ) -> Result<Exchanged, ClientError> {
        let known = self.known().await?;
        let endpoint = known.metadata.token_endpoint().ok_or(ClientError::NoTokenEndpoint)?;
        let request = token_request(endpoint.as_str(), id, secret, scope, resource)?;
        let response = self.http.exchange(request).await.map_err(ClientError::Unreachable)?;
        match response.status() {
            StatusCode::OK => {}
            // RFC 6749 §5.2 has these two for a client that is not known, or not allowed this.
            status @ (StatusCode::BAD_REQUEST | StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) => {
                return Err(ClientError::Refused(status));
            }
            status => return Err(ClientError::Failed(status)),
        }
        let given: Value = serde_json::from_slice(response.body()).map_err(|_| ClientError::NoToken)?;
        let is_bearer = text(&given, "token_type").is_some_and(|kind| kind.eq_ignore_ascii_case("bearer"));
        let token = text(&given, "access_token").filter(|_| is_bearer).ok_or(ClientError::NoToken)?;
        let user = self.user_of_token(token).await.map_err(ClientError::Token)?;
        let lives = given.get("expires_in").and_then(Value::as_u64).map_or(CLIENT_TTL_MAX, Duration::from_secs);
        Ok(Exchanged { user, ttl: lives.min(CLIENT_TTL_MAX) })
    }
}

/// With `client_secret_basic` (RFC 6749 §2.3.1).
fn token_request(
    endpoint: &str,
    id: &str,
    secret: &str,
    scope: &str,
    resource: &str,
) -> Result<Request<Vec<u8>>, ClientError> {
    let encoded = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let pair = Zeroizing::new(format!("{}:{}", encoded(id), encoded(secret)));
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.append_pair("grant_type", "client_credentials");
    for (name, value) in [("scope", scope), ("resource", resource)] {
        if !value.is_empty() {
            form.append_pair(name, value);
        }
    }
    Request::post(endpoint)
        .header(ACCEPT, "application/json")
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
        .header(AUTHORIZATION, format!("Basic {}", STANDARD.encode(&*pair)))
        .body(form.finish().into_bytes())
        .map_err(|_| ClientError::NoTokenEndpoint)
}

// === impl ClientError ===

impl ClientError {
    /// Why, be it shared with others who brought the same.
    pub(crate) fn cause(&self) -> &Self {
        match self {
            Self::Shared(error) => error.cause(),
            error => error,
        }
    }

    /// Whether the caller could have done nothing about it.
    pub(crate) fn is_ours_to_solve(&self) -> bool {
        match self {
            Self::Busy | Self::Unavailable(_) | Self::Unreachable(_) | Self::Failed(_) | Self::NoTokenEndpoint => true,
            Self::Token(error) => error.is_ours_to_solve(),
            Self::Shared(error) => error.is_ours_to_solve(),
            Self::Throttled(_) | Self::Refused(_) | Self::NoToken => false,
        }
    }
}
