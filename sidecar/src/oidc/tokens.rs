//! The tokens cookie: what it takes to ask the provider again about someone who has logged in, sealed.
//!
//! Sealed like the session cookie, for a purpose of its own, and worth nothing beside another session.

use cubegate_policy::snapshot::ClaimPath;
use http::{HeaderMap, HeaderValue};
use serde::{Deserialize, Serialize};
use tracing::warn;

use crate::{
    authenticate::session::{Session, SessionCookies},
    cookie,
    limits::{COOKIE_CANDIDATES_MAX, TOKENS_COOKIE_BYTES_MAX},
    seal::Purpose,
};

/// The provider's tokens of a session. Field names are short because browsers send this along with each request.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Tokens {
    /// Id of the session that they belong to.
    #[serde(rename = "i")]
    pub(super) session_id: String,
    /// Nonce of the login.
    #[serde(rename = "n")]
    pub(super) nonce: String,
    #[serde(rename = "r", default, skip_serializing_if = "Option::is_none")]
    pub(super) refresh_token: Option<String>,
    /// The ID token, which a logout hints with.
    #[serde(rename = "h", default, skip_serializing_if = "Option::is_none")]
    pub(super) id_token: Option<String>,
    /// Claims that the provider said something at, and must again.
    #[serde(rename = "c")]
    pub(super) found: Vec<ClaimPath>,
}

// === impl Tokens ===

impl Tokens {
    /// The tokens of this session, if the browser has them.
    pub(crate) fn read(headers: &HeaderMap, cookies: SessionCookies<'_>, session: &Session) -> Option<Self> {
        let name = cookies.names.tokens();
        cookie::values(headers, &name)
            .take(COOKIE_CANDIDATES_MAX)
            .filter_map(|value| cookies.sealer.open(Purpose::Tokens, &name, value))
            .filter_map(|plain| serde_json::from_slice::<Self>(&plain).ok())
            .find(|tokens| tokens.session_id == session.id)
    }

    /// `Set-Cookie`. What does not fit is left out: the ID token first, and then a session ends with its access token.
    pub(crate) fn write(&self, cookies: SessionCookies<'_>) -> HeaderValue {
        let name = cookies.names.tokens();
        let without_hint = Self { id_token: None, ..self.clone() };
        for tokens in [self, &without_hint] {
            if tokens.refresh_token.is_none() && tokens.id_token.is_none() {
                continue;
            }
            let plain = serde_json::to_vec(tokens).expect("tokens have string keys only, so they always serialise");
            let value = cookies.sealer.seal(Purpose::Tokens, &name, &plain);
            if name.len() + value.len() <= TOKENS_COOKIE_BYTES_MAX {
                return cookies.names.set(&name, &value, std::time::Duration::from_secs(cookies.timeouts.absolute_s));
            }
        }
        if self.refresh_token.is_some() {
            warn!("the refresh token is too large for a cookie; the session ends with its access token");
        }
        cookies.names.clear(&name)
    }
}

impl std::fmt::Debug for Tokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tokens").field("session_id", &self.session_id).finish_non_exhaustive()
    }
}
