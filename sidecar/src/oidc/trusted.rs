//! The providers whose users are let in, and which of them a caller is a user of.
//!
//! ```text
//! cookie       ──▶ the provider under whose rules it was sealed: it opens under no other
//! bearer token ──▶ the provider that it names as issuer; of one that names none of them, the cluster if it says that it is of a
//!                  ServiceAccount, else the only provider; of several, the one with opaque tokens if it names no issuer
//! path         ──▶ the provider whose id is in it
//! ```
//!
//! No credential is tried at one provider after the other: what is wrong at its own is wrong. Nor is one shown to another while
//! its own is not configured soundly: nobody can judge it then.

use std::sync::Arc;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use cubegate_policy::{
    publication::CookieKeys,
    snapshot::{AccessTokenFormat, Authentication, Checked, ClaimPath, Door, Oidc, SERVICE_ACCOUNT_PREFIX, Ways},
};
use http::HeaderMap;
use serde_json::Value;

use crate::{
    authenticate::session::{Session, SessionCookies},
    cookie::CookieNames,
    seal::{Sealer, length_prefixed},
    service_accounts::ServiceAccounts,
};

use super::{BearerError, claims::text, http::HttpClient, provider::Provider};

/// A provider whose users are let in, and how their browsers keep what we give them.
pub(crate) struct TrustedProvider {
    provider: Arc<Provider>,
    sealer: Sealer,
    names: CookieNames,
    is_first: bool,
}

/// Who can tell whether a token is good.
pub(crate) enum Judge<'a> {
    Provider(&'a Arc<TrustedProvider>),
    ServiceAccounts(&'a ServiceAccounts),
}

/// The providers of a policy, the first one first. One whose configuration has not changed keeps what it knows.
pub(crate) fn providers(
    door: &Door,
    cookie_keys: &CookieKeys,
    previous: &[Arc<TrustedProvider>],
    http: &HttpClient,
) -> Vec<Arc<TrustedProvider>> {
    let Authentication::Closed(ways) = &door.authentication else { return Vec::new() };
    let names = CookieNames::for_url(door.url.as_deref());
    let is_first = |oidc: &Oidc| matches!(&ways.oidc, Some(Checked::Valid(first)) if std::ptr::eq(first, oidc));
    let trusted = |oidc: &Oidc| {
        let known = previous.iter().find(|known| known.config() == oidc);
        let provider = known.map_or_else(|| Provider::start(oidc.clone(), http), |known| Arc::clone(&known.provider));
        Arc::new(TrustedProvider {
            provider,
            sealer: Sealer::new(cookie_keys, cookie_scope(oidc)),
            names,
            is_first: is_first(oidc),
        })
    };
    ways.providers().map(trusted).collect()
}

/// The session that a request belongs to, and the provider that vouches for it.
pub(crate) fn session<'a>(
    headers: &HeaderMap,
    providers: &'a [Arc<TrustedProvider>],
) -> Option<(&'a Arc<TrustedProvider>, Session)> {
    providers.iter().find_map(|provider| Some((provider, Session::read(headers, provider.session_cookies())?)))
}

/// Who judges a token; nobody, when nobody here has issued it.
pub(crate) fn judge<'a>(
    ways: &Ways,
    providers: &'a [Arc<TrustedProvider>],
    service_accounts: Option<&'a ServiceAccounts>,
    token: &str,
) -> Result<Judge<'a>, BearerError> {
    let only = providers.first().filter(|_| ways.provider_count() == 1);
    if let (Some(only), None) = (only, service_accounts) {
        return Ok(Judge::Provider(only));
    }
    let claims = unverified_claims(token).unwrap_or_default();
    let (issuer, subject) = (text(&claims, "iss"), text(&claims, "sub"));
    let named = providers.iter().find(|provider| issuer == Some(&provider.config().issuer_url));
    let is_account = subject.is_some_and(|subject| subject.starts_with(SERVICE_ACCOUNT_PREFIX));
    let is_opaque =
        |provider: &&Arc<TrustedProvider>| provider.config().access_token_format == AccessTokenFormat::Opaque;
    match (named, service_accounts) {
        (Some(named), _) => Ok(Judge::Provider(named)),
        (None, Some(accounts)) if is_account => Ok(Judge::ServiceAccounts(accounts)),
        (None, _) => {
            let nameless = || providers.iter().find(is_opaque).filter(|_| issuer.is_none());
            let nobody =
                if ways.have_broken_provider() { BearerError::BrokenProvider } else { BearerError::NoProvider };
            only.or_else(nameless).map(Judge::Provider).ok_or(nobody)
        }
    }
}

/// What a token says, if it is a JWT. Nobody has vouched for it yet, so it decides who is asked and nothing else.
fn unverified_claims(token: &str) -> Option<Value> {
    let mut parts = token.split('.');
    let payload = URL_SAFE_NO_PAD.decode(parts.nth(1)?).ok()?;
    if parts.count() != 1 {
        return None;
    }
    serde_json::from_slice(&payload).ok()
}

/// Who says what a cookie keeps of its user, and how it was read. Under other rules the same user may have another name or
/// more roles, so what was read by the old ones is void. Not so for attributes: one that was not read is missing, which
/// matches nothing, and edits of Roles change often which are read.
fn cookie_scope(oidc: &Oidc) -> Vec<u8> {
    let Oidc { issuer_url, client_id, prefix, name_claim, roles_claims, .. } = oidc;
    let keys = |ClaimPath(keys): &ClaimPath| joined(keys);
    let roles: Vec<Vec<u8>> = roles_claims.iter().map(keys).collect();
    joined(&[issuer_url.as_bytes(), client_id.as_bytes(), prefix.as_bytes(), name_claim.as_bytes(), &joined(&roles)])
}

fn joined(parts: &[impl AsRef<[u8]>]) -> Vec<u8> {
    length_prefixed(&parts.iter().map(AsRef::as_ref).collect::<Vec<_>>())
}

// === impl TrustedProvider ===

impl TrustedProvider {
    pub(crate) fn provider(&self) -> &Arc<Provider> {
        &self.provider
    }

    pub(crate) fn config(&self) -> &Oidc {
        self.provider.config()
    }

    /// Its id, when it is not the first one of the Session.
    pub(crate) fn further_id(&self) -> Option<&str> {
        (!self.is_first).then_some(&self.config().provider_id)
    }

    /// What it is called where people choose.
    pub(crate) fn display_name(&self) -> &str {
        let Oidc { display_name, provider_id, .. } = self.config();
        display_name.as_ref().unwrap_or(provider_id)
    }

    pub(super) fn sealer(&self) -> &Sealer {
        &self.sealer
    }

    /// How sessions of its users are kept in browsers.
    pub(crate) fn session_cookies(&self) -> SessionCookies<'_> {
        SessionCookies { sealer: &self.sealer, names: self.names, timeouts: self.config().session }
    }
}

impl std::fmt::Debug for TrustedProvider {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("TrustedProvider").field(self.config()).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn token(payload: &Value) -> String {
        format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(payload.to_string()))
    }

    #[test]
    fn what_a_token_says_is_read_of_jwts_only() {
        let claims = json!({"sub": "u", "iss": "https://id.example.com"});
        let token = token(&claims);
        assert_eq!(unverified_claims(&token), Some(claims));
        for other in ["", "opaque", "a.b", ".", "..", &format!("{token}.x"), token.rsplit_once('.').unwrap().0] {
            assert_eq!(unverified_claims(other), None, "{other}");
        }
    }

    proptest! {
        #[test]
        fn any_token_is_looked_at_without_panic(token in "[A-Za-z0-9._~+/=-]{0,80}") {
            let ways = Ways {
                realm: String::new(),
                technical_users: BTreeMap::new(),
                oidc: None,
                additional_oidc: BTreeMap::new(),
                service_accounts: None,
                client_credentials: None,
                guest_roles: None,
            };
            assert!(matches!(judge(&ways, &[], None, &token), Err(BearerError::NoProvider)));
        }
    }
}
