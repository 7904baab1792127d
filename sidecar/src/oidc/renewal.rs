//! A session outlives the access token of its login only as far as the provider agrees.
//!
//! ```text
//! session cookie ──access token not expired──▶ in
//!        │
//!        ▼
//! refresh token in the tokens cookie? ──no──▶ ended
//!        │
//!        ▼  one exchange for each refresh token; requests that bring the old one share what came of it
//! provider ──tokens──▶ claims read anew, both cookies written anew
//!    │  └──refuses, or speaks of somebody else──▶ ended
//!    └──cannot be asked──▶ in for a bounded time, then ended
//! ```

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use aws_lc_rs::hmac;
use cubegate_policy::snapshot::ClaimPath;
use http::{HeaderMap, HeaderValue};
use moka::{Expiry, future::Cache};
use tracing::{info, warn};

use crate::{
    authenticate::{
        keyed_tag, process_key,
        session::{Session, SessionCookies, Vouched, now_s},
    },
    engine::chain,
    limits::{RENEWAL_GRACE, RENEWAL_INTERVAL_MIN, RENEWAL_MEMORY, RENEWAL_RETRY_INTERVAL, RENEWALS_MAX},
    standing::Policy,
};

use super::{
    exchange::{Exchange, Given},
    tokens::Tokens,
    trusted::TrustedProvider,
};

/// A session that a request belongs to, and what its browser is to keep of it from now on.
#[derive(Clone, Debug)]
pub(crate) struct LoggedIn {
    pub(crate) session: Session,
    /// New ones, when the provider was asked again.
    tokens: Option<Tokens>,
}

/// What came of refresh tokens lately.
pub(crate) struct Renewals {
    key: hmac::Key,
    outcomes: Cache<[u8; 32], Outcome>,
}

/// What came of a refresh token.
#[derive(Clone)]
enum Outcome {
    Renewed(Arc<LoggedIn>),
    /// The provider does not vouch for the user any more.
    Refused,
    /// Nobody could tell.
    Unknown,
}

/// Asks the provider again about a session.
struct Renewal {
    session: Session,
    tokens: Tokens,
    refresh_token: String,
    policy: Arc<Policy>,
    trusted: Arc<TrustedProvider>,
}

struct ByOutcome;

/// A session from what a login has given, and its tokens.
pub(super) fn begin(given: Given, nonce: String) -> (Session, Tokens) {
    let (vouched, refresh_token, id_token, found) = vouched(given);
    if let (None, Some(until_s)) = (&refresh_token, vouched.until_s) {
        let left_s = until_s.saturating_sub(now_s());
        info!(
            user = vouched.user.name,
            left_s, "the provider gave no refresh token; the session ends with the access token"
        );
    }
    let session = Session::begin(vouched);
    let tokens = Tokens { session_id: session.id.clone(), nonce, refresh_token, id_token, found };
    (session, tokens)
}

/// The session, if the provider still vouches for it.
pub(crate) async fn current(
    session: Session,
    headers: &HeaderMap,
    policy: &Arc<Policy>,
    trusted: &Arc<TrustedProvider>,
) -> Option<LoggedIn> {
    let lapsed_s = match session.vouched.until_s {
        Some(until_s) if until_s <= now_s() => now_s() - until_s,
        Some(_) | None => return Some(LoggedIn { session, tokens: None }),
    };
    let tokens = Tokens::read(headers, trusted.session_cookies(), &session)?;
    let refresh_token = tokens.refresh_token.clone()?;
    let renewal = Renewal {
        session: session.clone(),
        tokens,
        refresh_token,
        policy: Arc::clone(policy),
        trusted: Arc::clone(trusted),
    };
    // In a task of its own: a caller who hangs up must not lose the tokens that the old ones have been exchanged for.
    match tokio::spawn(renewal.outcome()).await.unwrap_or(Outcome::Unknown) {
        Outcome::Renewed(renewed) => Some(LoggedIn::clone(&renewed)),
        Outcome::Unknown if lapsed_s < RENEWAL_GRACE.as_secs() => Some(LoggedIn { session, tokens: None }),
        Outcome::Unknown | Outcome::Refused => None,
    }
}

// === impl Renewal ===

impl Renewal {
    /// What came of the refresh token, for this request or for another that brought it.
    async fn outcome(self) -> Outcome {
        let renewals = &self.trusted.provider().renewals;
        let until = self.session.vouched.until_s.unwrap_or_default().to_be_bytes();
        let parts = [self.session.id.as_bytes(), self.refresh_token.as_bytes(), &until];
        let tag = keyed_tag(&renewals.key, &parts);
        renewals.outcomes.get_with(tag, self.exchange()).await
    }

    async fn exchange(&self) -> Outcome {
        let Self { session, tokens, refresh_token, policy, trusted } = self;
        let provider = trusted.provider();
        let user = session.vouched.user.name.as_str();
        let Ok(known) = provider.known().await else { return Outcome::Unknown };
        let Ok(exchange) = Exchange::with(provider, policy, known) else { return Outcome::Unknown };
        match exchange.refresh(refresh_token, &session.vouched.subject, &tokens.nonce, &tokens.found).await {
            Ok(given) => renewed(session, tokens, given, trusted),
            Err(error) if error.is_no_verdict() => {
                warn!(user, error = chain(&error), "failed to ask the identity provider again about a session");
                Outcome::Unknown
            }
            Err(error) => {
                info!(user, error = chain(&error), "the identity provider ended a session");
                Outcome::Refused
            }
        }
    }
}

fn renewed(session: &Session, tokens: &Tokens, given: Given, trusted: &TrustedProvider) -> Outcome {
    let (mut vouched, refresh_token, id_token, found) = vouched(given);
    let provider_session = session.vouched.provider_session.clone();
    vouched.provider_session = vouched.provider_session.or(provider_session);
    let tokens = Tokens {
        // RFC 6749 §6: a provider that gives no new refresh token leaves the old one valid.
        refresh_token: refresh_token.or_else(|| tokens.refresh_token.clone()),
        id_token: id_token.or_else(|| tokens.id_token.clone()),
        found,
        ..tokens.clone()
    };
    let session = session.vouched_anew(vouched);
    if session.write(trusted.session_cookies()).is_none() {
        info!(user = session.vouched.user.name, "the user has too many roles or attributes by now for a cookie");
        return Outcome::Refused;
    }
    Outcome::Renewed(Arc::new(LoggedIn { session, tokens: Some(tokens) }))
}

fn vouched(given: Given) -> (Vouched, Option<String>, Option<String>, Vec<ClaimPath>) {
    let Given { user, subject, provider_session, expires_in, refresh_token, id_token, found } = given;
    let until_s = expires_in.map(|left| now_s().saturating_add(left.max(RENEWAL_INTERVAL_MIN).as_secs()));
    (Vouched { user, subject, provider_session, until_s }, refresh_token, id_token, found)
}

// === impl LoggedIn ===

impl LoggedIn {
    /// What the browser is to keep from now on. Once the provider was asked again its old refresh token may be worth
    /// nothing, so the new one must reach the browser whatever else comes of the request.
    pub(crate) fn set_cookies(&self, cookies: SessionCookies<'_>) -> Vec<HeaderValue> {
        match &self.tokens {
            None => self.session.renewal(cookies).into_iter().collect(),
            Some(tokens) => self.session.write(cookies).into_iter().chain([tokens.write(cookies)]).collect(),
        }
    }
}

// === impl Renewals ===

impl Renewals {
    pub(crate) fn new() -> Self {
        let outcomes = Cache::builder().max_capacity(RENEWALS_MAX).expire_after(ByOutcome).build();
        Self { key: process_key(), outcomes }
    }
}

impl Expiry<[u8; 32], Outcome> for ByOutcome {
    fn expire_after_create(&self, _: &[u8; 32], outcome: &Outcome, _: Instant) -> Option<Duration> {
        Some(match outcome {
            Outcome::Renewed(_) | Outcome::Refused => RENEWAL_MEMORY,
            Outcome::Unknown => RENEWAL_RETRY_INTERVAL,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use cubegate_policy::{
        publication::{CookieKeys, Publication},
        snapshot::{
            Access, AccessTokenFormat, Authentication, Checked, Door, Edge, Oidc, SessionTimeouts, Snapshot, Ways,
        },
    };
    use http::header::COOKIE;

    use super::*;
    use crate::{
        authenticate::ProviderUser,
        config::PolicyUpdate,
        oidc::{HttpClient, Issuers},
    };

    /// Nobody listens at the issuer.
    fn policy() -> Arc<Policy> {
        let oidc = Oidc {
            provider_id: "p".into(),
            display_name: None,
            prefix: String::new(),
            foreign_prefixes: [].into(),
            issuer_url: "http://127.0.0.1:1".into(),
            client_id: "cubegate".into(),
            client_secret: None,
            scopes: vec!["openid".into()],
            name_claim: "sub".into(),
            roles_claims: Vec::new(),
            attribute_claims: [].into(),
            access_token_format: AccessTokenFormat::Opaque,
            audience: None,
            default_roles: Checked::Valid([].into()),
            session: SessionTimeouts::default(),
        };
        let ways = Ways {
            realm: "retail".into(),
            technical_users: BTreeMap::new(),
            oidc: Some(Checked::Valid(oidc)),
            additional_oidc: BTreeMap::new(),
            service_accounts: None,
            client_credentials: None,
            guest_roles: None,
        };
        let door = Door {
            url: Some("http://127.0.0.1:8080".into()),
            edge: Edge::default(),
            authentication: Authentication::Closed(ways),
            mapped: BTreeMap::new(),
            granted: BTreeMap::new(),
            roles: BTreeMap::new(),
        };
        let snapshot = Snapshot { session: "retail".into(), sources: Vec::new(), door, access: Access::default() };
        let update = PolicyUpdate { publication: Publication::new(1, snapshot), cookie_keys: CookieKeys::one([7; 32]) };
        Arc::new(Policy::new(Arc::new(update), None, &Issuers { http: HttpClient::new(), api_server: None }))
    }

    async fn is_in_after(policy: &Arc<Policy>, lapsed_s: u64) -> bool {
        let user = ProviderUser { name: "u".into(), provider_roles: [].into(), attributes: vec![].into() };
        let until_s = Some(now_s() - lapsed_s);
        let session = Session::begin(Vouched { user, subject: "u".into(), provider_session: None, until_s });
        let (session_id, nonce) = (session.id.clone(), "n".to_owned());
        let tokens = Tokens { session_id, nonce, refresh_token: Some("r".into()), id_token: None, found: Vec::new() };
        let cookie = tokens.write(policy.providers()[0].session_cookies());
        let headers = HeaderMap::from_iter([(COOKIE, cookie)]);
        current(session, &headers, policy, &policy.providers()[0]).await.is_some()
    }

    #[tokio::test]
    async fn while_the_provider_is_down_a_session_lives_on_for_a_bounded_time() {
        let policy = policy();
        let grace_s = RENEWAL_GRACE.as_secs();
        let ages = [0, grace_s - 10, grace_s, 10 * grace_s];
        let is_in = futures::future::join_all(ages.map(|lapsed_s| is_in_after(&policy, lapsed_s))).await;
        assert_eq!(is_in, [true, true, false, false]);
    }
}
