//! Access tokens that are JWTs and have been verified a moment ago.
//!
//! The key is a keyed hash of the whole token and of the keys that verified it, so that another token, or another set of keys,
//! is another entry. Only successes are remembered, until the token expires and for five minutes at most. The cache belongs to
//! one configuration of a provider; which roles its bearer has here is asked of the policy at each request.

use std::time::{Duration, Instant};

use aws_lc_rs::hmac;
use moka::{Expiry, sync::Cache};
use serde_json::Value;

use crate::{
    authenticate::{ProviderUser, keyed_tag, process_key, session::now_s},
    limits::{VERIFIED_TOKEN_TTL_MAX, VERIFIED_TOKENS_MAX},
};

use super::jwt::SigningKeys;

/// Bearers of tokens that have been verified.
pub(crate) struct VerifiedTokens {
    key: hmac::Key,
    bearers: Cache<[u8; 32], Bearer>,
}

/// Names a token and the keys that it is verified by.
#[derive(Clone, Copy)]
pub(crate) struct Tag([u8; 32]);

#[derive(Clone)]
struct Bearer {
    user: ProviderUser,
    ttl: Duration,
}

struct ByTtl;

// === impl VerifiedTokens ===

impl VerifiedTokens {
    pub(crate) fn new() -> Self {
        let bearers = Cache::builder().max_capacity(VERIFIED_TOKENS_MAX).expire_after(ByTtl).build();
        Self { key: process_key(), bearers }
    }

    pub(crate) fn tag(&self, token: &str, keys: &SigningKeys) -> Tag {
        Tag(keyed_tag(&self.key, &[token.as_bytes(), keys.digest()]))
    }

    pub(crate) fn bearer(&self, Tag(tag): Tag) -> Option<ProviderUser> {
        self.bearers.get(&tag).map(|bearer| bearer.user)
    }

    /// Remembers who bears a token with these claims.
    pub(crate) fn remember(&self, Tag(tag): Tag, claims: &Value, user: &ProviderUser) {
        let ttl = ttl(claims, now_s());
        if !ttl.is_zero() {
            self.bearers.insert(tag, Bearer { user: user.clone(), ttl });
        }
    }
}

impl Expiry<[u8; 32], Bearer> for ByTtl {
    fn expire_after_create(&self, _: &[u8; 32], bearer: &Bearer, _: Instant) -> Option<Duration> {
        Some(bearer.ttl)
    }
}

/// Nothing once the token has expired: the forgiven difference of clocks is for those who look at the clock each time.
fn ttl(claims: &Value, now_s: u64) -> Duration {
    let expires_s = claims.get("exp").and_then(Value::as_u64).unwrap_or_default();
    Duration::from_secs(expires_s.saturating_sub(now_s)).min(VERIFIED_TOKEN_TTL_MAX)
}

#[cfg(test)]
mod tests {
    use openidconnect::core::CoreJsonWebKeySet;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_token_is_believed_no_longer_than_it_lives_and_five_minutes_at_most() {
        for (claims, expected_s) in [
            (json!({"exp": 1030}), 30),
            (json!({"exp": 1030.5}), 0),
            (json!({"exp": 1000}), 0),
            (json!({"exp": 900}), 0),
            (json!({"exp": 1_000_000}), 300),
            (json!({}), 0),
        ] {
            assert_eq!(ttl(&claims, 1000).as_secs(), expected_s, "{claims}");
        }
    }

    #[test]
    fn another_token_or_another_set_of_keys_is_another_entry() {
        let keys = |id: &str| {
            let key = json!({"kty": "EC", "crv": "P-256", "use": "sig", "kid": id, "x": "AA", "y": "AA"});
            SigningKeys::new(&serde_json::from_value::<CoreJsonWebKeySet>(json!({"keys": [key]})).unwrap())
        };
        let verified = VerifiedTokens::new();
        let user = ProviderUser { name: "u".into(), provider_roles: [].into(), attributes: vec![].into() };
        let tag = verified.tag("token", &keys("a"));
        assert!(verified.bearer(tag).is_none());
        verified.remember(tag, &json!({"exp": now_s() + 60}), &user);
        assert_eq!(verified.bearer(verified.tag("token", &keys("a"))), Some(user));
        assert_eq!(verified.bearer(verified.tag("token", &keys("b"))), None);
        assert_eq!(verified.bearer(verified.tag("tokem", &keys("a"))), None);
        assert_eq!(VerifiedTokens::new().bearer(tag), None);
    }
}
