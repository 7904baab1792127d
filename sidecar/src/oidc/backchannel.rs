//! Back-channel logout (OpenID Connect Back-Channel Logout 1.0): the provider tells us that a session there has ended.
//!
//! ```text
//! logout_token ──▶ signature, iss, aud, exp, iat ──▶ kind: typ, events, no nonce ──▶ sid or sub ──▶ jti not used before ──▶ ended
//! ```

use http::{Method, StatusCode, header::CONTENT_TYPE};
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Body;
use moka::sync::Cache;
use serde_json::Value;
use tokio::time::timeout;
use url::form_urlencoded;

use crate::{
    answer::{Answer, Refusal, empty},
    authenticate::{
        ended::{Ended, Ending},
        session::now_s,
    },
    engine::chain,
    limits::{CLOCK_SKEW, LOGOUT_BODY_BYTES_MAX, LOGOUT_BODY_TIMEOUT, LOGOUT_TOKEN_AGE_MAX, LOGOUT_TOKENS_MAX},
    screen::Screened,
    standing::Policy,
};

use super::{BearerError, claims::text, jwt::SignedClaims, login, provider::Provider};

/// What a logout token must tell of (§2.4).
const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";

/// Logout tokens that have been used here.
pub(crate) struct LogoutTokens {
    /// By issuer and id (`jti`), which is unique at its issuer.
    used: Cache<(String, String), ()>,
}

/// What a logout token that is in order says.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct LogoutToken {
    pub(super) id: String,
    pub(super) subject: Option<String>,
    pub(super) provider_session: Option<String>,
}

/// Why nothing is ended. No variant repeats the token.
#[derive(Debug, thiserror::Error)]
pub(super) enum LogoutError {
    #[error("the request is not a form with one logout_token")]
    Form,
    #[error("the form has not arrived in time")]
    Late,
    #[error("failed to verify the logout token")]
    Token(#[source] BearerError),
    #[error("the token is no logout token: {0}")]
    OtherKind(&'static str),
    #[error("the logout token names neither a session nor a subject")]
    NobodyNamed,
    #[error("the logout token is too old, or from the future")]
    NotRecent,
    #[error("the logout token has been used before")]
    Replayed,
}

// === impl LogoutTokens ===

impl LogoutTokens {
    pub(crate) fn new() -> Self {
        let remembered = LOGOUT_TOKEN_AGE_MAX + CLOCK_SKEW * 2;
        Self { used: Cache::builder().max_capacity(LOGOUT_TOKENS_MAX).time_to_live(remembered).build() }
    }

    /// `/logout/connect/back-channel/{providerId}`: ends what the provider says has ended.
    pub(crate) async fn end<B: Body<Error: std::error::Error + Send + Sync + 'static>>(
        &self,
        request: Screened<B>,
        policy: &Policy,
        provider_id: &str,
        ended: &Ended,
    ) -> Result<Answer, Refusal> {
        let provider = login::named(policy, provider_id)?.provider();
        if request.method != Method::POST {
            return Err(login::only("POST"));
        }
        let token = self.read(request, provider).await?;
        let issuer = provider.config().issuer_url.as_str();
        match (&token.provider_session, &token.subject) {
            (Some(sid), subject) => {
                ended.end(Ending::ProviderSession { issuer, sid });
                if let Some(subject) = subject {
                    ended.end(Ending::Unattributed { issuer, subject });
                }
            }
            (None, Some(subject)) => ended.end(Ending::Subject { issuer, subject }),
            (None, None) => return Err(LogoutError::NobodyNamed.into()),
        }
        Ok(empty(StatusCode::OK))
    }

    async fn read<B: Body<Error: std::error::Error + Send + Sync + 'static>>(
        &self,
        request: Screened<B>,
        provider: &Provider,
    ) -> Result<LogoutToken, LogoutError> {
        let token = logout_token(request).await?;
        let claims = provider.claims_of_logout_token(&token).await.map_err(LogoutError::Token)?;
        let token = LogoutToken::read(&claims, now_s())?;
        // A used one would end sessions that have begun since.
        let key = (provider.config().issuer_url.clone(), token.id.clone());
        let is_fresh = self.used.entry(key).or_insert(()).is_fresh();
        if is_fresh { Ok(token) } else { Err(LogoutError::Replayed) }
    }
}

/// The one `logout_token` of a form.
async fn logout_token<B: Body<Error: std::error::Error + Send + Sync + 'static>>(
    request: Screened<B>,
) -> Result<String, LogoutError> {
    let kind = request.headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()?.split(';').next());
    if !kind.is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/x-www-form-urlencoded")) {
        return Err(LogoutError::Form);
    }
    // Nobody has proven anything yet, so nobody may keep a connection busy.
    let form = timeout(LOGOUT_BODY_TIMEOUT, Limited::new(request.body, LOGOUT_BODY_BYTES_MAX).collect()).await;
    let form = form.map_err(|_| LogoutError::Late)?.map_err(|_| LogoutError::Form)?.to_bytes();
    one_logout_token(&form)
}

pub(super) fn one_logout_token(form: &[u8]) -> Result<String, LogoutError> {
    let mut tokens = form_urlencoded::parse(form).filter(|(name, _)| name == "logout_token");
    match (tokens.next(), tokens.next()) {
        (Some((_, token)), None) => Ok(token.into_owned()),
        _ => Err(LogoutError::Form),
    }
}

// === impl LogoutToken ===

impl LogoutToken {
    /// §2.6, beyond what every token of the provider must be.
    pub(super) fn read(SignedClaims { kind, claims }: &SignedClaims, now_s: u64) -> Result<Self, LogoutError> {
        if !matches!(kind.as_deref(), Some("logout+jwt" | "jwt") | None) {
            return Err(LogoutError::OtherKind("its header says so"));
        }
        if claims.get("nonce").is_some() {
            return Err(LogoutError::OtherKind("it has a nonce, as ID tokens have"));
        }
        if !claims.get("events").and_then(|events| events.get(EVENT)).is_some_and(Value::is_object) {
            return Err(LogoutError::OtherKind("it does not tell of a logout"));
        }
        let issued_s = claims.get("iat").and_then(Value::as_u64).ok_or(LogoutError::NotRecent)?;
        let skew_s = CLOCK_SKEW.as_secs();
        if issued_s > now_s + skew_s || issued_s + LOGOUT_TOKEN_AGE_MAX.as_secs() + skew_s < now_s {
            return Err(LogoutError::NotRecent);
        }
        let claim = |name| text(claims, name).filter(|text| !text.is_empty()).map(str::to_owned);
        let id = claim("jti").ok_or(LogoutError::OtherKind("it has no id"))?;
        let (subject, provider_session) = (claim("sub"), claim("sid"));
        // One that is there and cannot be read may be the one that matters.
        let is_unreadable = |name: &str, read: &Option<String>| claims.get(name).is_some() && read.is_none();
        if (subject.is_none() && provider_session.is_none())
            || is_unreadable("sub", &subject)
            || is_unreadable("sid", &provider_session)
        {
            return Err(LogoutError::NobodyNamed);
        }
        Ok(Self { id, subject, provider_session })
    }
}

// === impl LogoutError ===

impl From<LogoutError> for Refusal {
    fn from(error: LogoutError) -> Self {
        let refusal = match &error {
            LogoutError::Token(error) if error.is_ours_to_solve() => {
                Self::unavailable("identity-provider-unavailable", "The identity provider cannot be reached")
            }
            LogoutError::Late => Self::new(
                StatusCode::REQUEST_TIMEOUT,
                "body-late",
                "The body has not arrived in time",
                "send the whole form at once",
            ),
            _ => Self::new(
                StatusCode::BAD_REQUEST,
                "logout-token",
                "The logout token does not count",
                "see OpenID Connect Back-Channel Logout 1.0, section 2.6",
            ),
        };
        refusal.because(chain(&error))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    const NOW_S: u64 = 1_800_000_000;

    fn read(changes: &Value) -> Result<LogoutToken, LogoutError> {
        let mut claims = json!({"iat": NOW_S, "jti": "j", "sub": "u1", "sid": "p1", "events": {EVENT: {}}});
        for (name, value) in changes.as_object().unwrap() {
            if value.is_null() {
                claims.as_object_mut().unwrap().remove(name);
            } else {
                claims[name] = value.clone();
            }
        }
        LogoutToken::read(&SignedClaims { kind: Some("logout+jwt".into()), claims }, NOW_S)
    }

    #[test]
    fn a_logout_token_names_a_session_a_subject_or_both() {
        for (changes, subject, provider_session) in [
            (json!({}), Some("u1"), Some("p1")),
            (json!({"sid": null}), Some("u1"), None),
            (json!({"sub": null}), None, Some("p1")),
        ] {
            let token = read(&changes).unwrap();
            assert_eq!((token.subject.as_deref(), token.provider_session.as_deref()), (subject, provider_session));
        }
    }

    #[test]
    fn whatever_is_no_recent_word_of_a_logout_is_refused() {
        for changes in [
            json!({"sub": null, "sid": null}),
            json!({"sub": "", "sid": null}),
            json!({"sub": 7}),
            json!({"sid": ["p1"]}),
            json!({"nonce": "n"}),
            json!({"nonce": ""}),
            json!({"events": null}),
            json!({"events": {}}),
            json!({"events": EVENT}),
            json!({"events": [EVENT]}),
            json!({"events": {EVENT: true}}),
            json!({"events": {"http://schemas.openid.net/event/other": {}}}),
            json!({"jti": null}),
            json!({"jti": ""}),
            json!({"iat": null}),
            json!({"iat": "1800000000"}),
            json!({"iat": -1}),
            json!({"iat": NOW_S + 61}),
            json!({"iat": NOW_S - 200}),
            json!({"iat": u64::MAX}),
        ] {
            assert!(read(&changes).is_err(), "{changes}");
        }
    }

    proptest! {
        #[test]
        fn claims_of_any_kind_are_read_without_panic(iat in any::<u64>(), text in ".{0,8}", number in any::<i64>()) {
            for value in [json!(iat), json!(text), json!(number), json!([text]), json!({EVENT: {&text: number}})] {
                for name in ["iat", "jti", "sub", "sid", "events", "nonce"] {
                    let _ = read(&json!({name: value}));
                }
            }
        }
    }
}
