//! Bearer tokens that are opaque: the provider says what they are worth.
//!
//! ```text
//! token ──▶ introspection (RFC 7662), when advertised ──▶ active, for us ──name or a roles claim missing──▶ userinfo, same sub
//!   └─────▶ userinfo, otherwise
//! ```
//!
//! The provider's word is remembered for a minute at most. Callers with one token wait for one exchange. Userinfo alone
//! does not say whom a token was issued for: where that matters, configure an audience. Introspection must then name it, and
//! userinfo alone is not asked.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use aws_lc_rs::hmac;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use cubegate_policy::snapshot::Oidc;
use http::{
    Request, StatusCode,
    header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE},
};
use moka::{Expiry, future::Cache};
use serde_json::Value;
use url::form_urlencoded;

use crate::{
    authenticate::{ProviderUser, keyed_tag, process_key, session::now_s},
    kept::Unavailable,
    limits::{OPAQUE_MAX, OPAQUE_TTL_MAX},
};

use super::{
    claims::{Claimed, NoUser, text},
    http::{HttpClient, HttpError},
    provider::Known,
};

/// What providers have said of opaque tokens.
pub(crate) struct OpaqueTokens {
    key: hmac::Key,
    users: Cache<[u8; 32], Believed>,
}

/// Why an opaque token is refused. No variant repeats the token.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OpaqueError {
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
    #[error("failed to ask the identity provider")]
    Exchange(#[source] HttpError),
    #[error("the identity provider answered {0}")]
    Status(StatusCode),
    #[error("failed to understand the identity provider's answer")]
    NotJson,
    #[error("the token is not active")]
    Inactive,
    #[error("the token is not for us: {0}")]
    NotForUs(&'static str),
    #[error("userinfo speaks of somebody else")]
    OtherSubject,
    #[error(transparent)]
    NoUser(#[from] NoUser),
    #[error("the provider offers neither introspection nor userinfo")]
    NoEndpoint,
    #[error("an audience is configured, and the provider offers no introspection that could name it")]
    NoIntrospection,
}

/// A user, for as long as the provider's word counts.
#[derive(Clone)]
struct Believed {
    user: ProviderUser,
    ttl: Duration,
}

struct ByTtl;

// === impl OpaqueTokens ===

impl OpaqueTokens {
    pub(crate) fn new() -> Self {
        Self { key: process_key(), users: Cache::builder().max_capacity(OPAQUE_MAX).expire_after(ByTtl).build() }
    }

    /// The bearer of a token.
    pub(crate) async fn user(
        &self,
        token: &str,
        config: &Oidc,
        known: &Known,
        http: &HttpClient,
    ) -> Result<ProviderUser, Arc<OpaqueError>> {
        // The cache belongs to one provider's configuration, so the token alone is a sufficient key.
        let tag = keyed_tag(&self.key, &[token.as_bytes()]);
        let believed = self.users.try_get_with(tag, ask(token, config, known, http)).await?;
        Ok(believed.user)
    }
}

impl Expiry<[u8; 32], Believed> for ByTtl {
    fn expire_after_create(&self, _: &[u8; 32], believed: &Believed, _: Instant) -> Option<Duration> {
        Some(believed.ttl)
    }
}

// === impl OpaqueError ===

impl OpaqueError {
    /// Whether the caller could have done nothing about it.
    pub(crate) fn is_ours_to_solve(&self) -> bool {
        match self {
            Self::Unavailable(_) | Self::Exchange(_) | Self::NotJson | Self::NoEndpoint | Self::NoIntrospection => true,
            Self::Status(status) => status.is_server_error() || *status == StatusCode::TOO_MANY_REQUESTS,
            Self::Inactive | Self::NotForUs(_) | Self::OtherSubject | Self::NoUser(_) => false,
        }
    }
}

async fn ask(token: &str, config: &Oidc, known: &Known, http: &HttpClient) -> Result<Believed, OpaqueError> {
    let mut claimed = Claimed::nothing(config);
    let mut ttl = OPAQUE_TTL_MAX;
    let introspection = known.metadata.additional_metadata().introspection_endpoint.as_ref();
    if let Some(endpoint) = introspection {
        let answer = introspect(endpoint.as_str(), token, config, http).await?;
        ttl = ttl.min(judge(&answer, config)?);
        claimed.complete_from(&answer);
    } else if config.audience.is_some() {
        return Err(OpaqueError::NoIntrospection);
    }
    if !claimed.is_complete() {
        match known.metadata.userinfo_endpoint() {
            Some(endpoint) => {
                let answer = userinfo(endpoint.as_str(), token, http).await?;
                if !claimed.is_same_subject(&answer) {
                    return Err(OpaqueError::OtherSubject);
                }
                claimed.complete_from(&answer);
            }
            None if introspection.is_none() => return Err(OpaqueError::NoEndpoint),
            None => {}
        }
    }
    let user = claimed.into_user()?;
    Ok(Believed { user, ttl })
}

/// How long an introspected token still lives, when it is one for us.
fn judge(answer: &Value, config: &Oidc) -> Result<Duration, OpaqueError> {
    if answer.get("active") != Some(&Value::Bool(true)) {
        return Err(OpaqueError::Inactive);
    }
    if answer.get("cnf").is_some() {
        return Err(OpaqueError::NotForUs("it is bound to a key of its sender"));
    }
    if text(answer, "token_type")
        .is_some_and(|kind| !kind.eq_ignore_ascii_case("bearer") && !kind.eq_ignore_ascii_case("access_token"))
    {
        return Err(OpaqueError::NotForUs("it is not a bearer token"));
    }
    if text(answer, "iss").is_some_and(|issuer| issuer != config.issuer_url) {
        return Err(OpaqueError::NotForUs("another issuer's"));
    }
    if !is_for_us(answer, config) {
        return Err(OpaqueError::NotForUs("issued for another client or audience"));
    }
    let Some(expires_s) = answer.get("exp").and_then(Value::as_u64) else { return Ok(OPAQUE_TTL_MAX) };
    match expires_s.checked_sub(now_s()) {
        Some(left_s) if left_s > 0 => Ok(Duration::from_secs(left_s)),
        _ => Err(OpaqueError::Inactive),
    }
}

/// A token of the same provider that was issued for another application must not open this one. A configured audience must
/// be named; without one our client is enough, and so is a provider that says nothing of either.
fn is_for_us(answer: &Value, config: &Oidc) -> bool {
    let wanted = config.audience.as_deref().unwrap_or(&config.client_id);
    let audience = answer.get("aud");
    let names_wanted = match audience {
        Some(Value::Array(audiences)) => audiences.iter().any(|audience| audience.as_str() == Some(wanted)),
        Some(audience) => audience.as_str() == Some(wanted),
        None => false,
    };
    let client = text(answer, "client_id");
    let says_nothing = audience.is_none() && client.is_none();
    names_wanted || client == Some(wanted) || (config.audience.is_none() && says_nothing)
}

async fn introspect(endpoint: &str, token: &str, config: &Oidc, http: &HttpClient) -> Result<Value, OpaqueError> {
    let encoded = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let mut form = format!("token={}&token_type_hint=access_token", encoded(token));
    let mut request = Request::post(endpoint)
        .header(ACCEPT, "application/json")
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded");
    match &config.client_secret {
        Some(secret) => {
            let pair = STANDARD.encode(format!("{}:{}", encoded(&config.client_id), encoded(secret)));
            request = request.header(AUTHORIZATION, format!("Basic {pair}"));
        }
        None => form = format!("{form}&client_id={}", encoded(&config.client_id)),
    }
    let request = request.body(form.into_bytes()).map_err(|_| OpaqueError::NotJson)?;
    json(request, http).await
}

/// The provider's word on the bearer of an access token.
pub(super) async fn userinfo(endpoint: &str, token: &str, http: &HttpClient) -> Result<Value, OpaqueError> {
    let request =
        Request::get(endpoint).header(ACCEPT, "application/json").header(AUTHORIZATION, format!("Bearer {token}"));
    json(request.body(Vec::new()).map_err(|_| OpaqueError::NotJson)?, http).await
}

async fn json(request: Request<Vec<u8>>, http: &HttpClient) -> Result<Value, OpaqueError> {
    let response = http.exchange(request).await.map_err(OpaqueError::Exchange)?;
    if response.status() != StatusCode::OK {
        return Err(OpaqueError::Status(response.status()));
    }
    serde_json::from_slice(response.body()).map_err(|_| OpaqueError::NotJson)
}

#[cfg(test)]
mod tests {
    use cubegate_policy::snapshot::{AccessTokenFormat, Checked, SessionTimeouts};
    use serde_json::json;

    use super::*;

    fn config() -> Oidc {
        Oidc {
            provider_id: "p".into(),
            display_name: None,
            prefix: String::new(),
            foreign_prefixes: [].into(),
            issuer_url: "https://id.example.com".into(),
            client_id: "cubegate".into(),
            client_secret: None,
            scopes: vec!["openid".into()],
            name_claim: "sub".into(),
            attribute_claims: [].into(),
            roles_claims: Vec::new(),
            access_token_format: AccessTokenFormat::Opaque,
            audience: None,
            default_roles: Checked::Valid([].into()),
            session: SessionTimeouts::default(),
        }
    }

    #[test]
    fn only_active_bearer_tokens_for_us_count() {
        let now_s = now_s();
        for good in [
            json!({"active": true}),
            json!({"active": true, "client_id": "cubegate", "aud": "account"}),
            json!({"active": true, "client_id": "excel", "aud": ["cubegate"]}),
            json!({"active": true, "token_type": "Bearer", "iss": "https://id.example.com", "exp": now_s + 30}),
        ] {
            assert!(judge(&good, &config()).is_ok(), "{good}");
        }
        for bad in [
            json!({}),
            json!({"active": "true"}),
            json!({"active": false}),
            json!({"active": true, "client_id": "excel"}),
            json!({"active": true, "aud": "excel"}),
            json!({"active": true, "token_type": "refresh_token"}),
            json!({"active": true, "token_type": "DPoP"}),
            json!({"active": true, "cnf": {"jkt": "x"}}),
            json!({"active": true, "iss": "https://other.example.com"}),
            json!({"active": true, "exp": now_s - 1}),
        ] {
            assert!(judge(&bad, &config()).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_configured_audience_must_be_named() {
        let config = Oidc { audience: Some("api".into()), ..config() };
        for good in [
            json!({"active": true, "aud": "api", "client_id": "excel"}),
            json!({"active": true, "aud": ["account", "api"]}),
            json!({"active": true, "client_id": "api"}),
        ] {
            assert!(judge(&good, &config).is_ok(), "{good}");
        }
        for bad in [
            json!({"active": true}),
            json!({"active": true, "client_id": "cubegate"}),
            json!({"active": true, "aud": "cubegate", "client_id": "cubegate"}),
            json!({"active": true, "aud": ["account"], "client_id": "cubegate"}),
            json!({"active": true, "aud": {"api": true}}),
        ] {
            assert!(matches!(judge(&bad, &config), Err(OpaqueError::NotForUs(_))), "{bad}");
        }
    }

    #[test]
    fn the_word_counts_no_longer_than_the_token() {
        let left = judge(&json!({"active": true, "exp": now_s() + 30}), &config()).unwrap();
        assert!(left <= Duration::from_secs(30));
    }
}
