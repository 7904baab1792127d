//! Sealed cookies: AES-256-GCM, one key per purpose. The newest cookie key seals; older ones that are still there open.
//!
//! ```text
//! cookie-key ──HKDF-SHA256(info = purpose)──▶ key of the purpose
//! value = base64url(nonce ‖ ciphertext ‖ tag), bound to (purpose, cookie name, scope) as additional data
//! ```
//!
//! The scope of a policy says which provider its users come from, and by which rules they are read: when either changes,
//! cookies are void.

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey},
    hkdf::{HKDF_SHA256, KeyType, Salt},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use cubegate_policy::publication::{CookieKey, CookieKeys};
use zeroize::Zeroizing;

/// What a sealed value is for. A value sealed for one purpose does not open for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Someone who has logged in.
    Session,
    /// The provider's tokens of someone who has logged in.
    Tokens,
    /// A login under way.
    Login,
    /// Where to go after a login.
    Return,
}

/// Seals and opens what browsers keep for us.
pub(crate) struct Sealer {
    newest: Keys,
    older: Vec<Keys>,
    scope: Vec<u8>,
}

/// A key for each purpose.
struct Keys {
    session: RandomizedNonceKey,
    tokens: RandomizedNonceKey,
    login: RandomizedNonceKey,
    landing: RandomizedNonceKey,
}

struct KeyLength;

// === impl Purpose ===

impl Purpose {
    fn label(self) -> &'static [u8] {
        match self {
            Self::Session => b"cubegate session cookie v1",
            Self::Tokens => b"cubegate tokens cookie v1",
            Self::Login => b"cubegate login cookie v1",
            Self::Return => b"cubegate return cookie v1",
        }
    }
}

// === impl Sealer ===

impl Sealer {
    /// Keys for each purpose, derived from those that all pods of a Session share.
    /// What is sealed within one scope opens in no other.
    pub(crate) fn new(cookie_keys: &CookieKeys, scope: Vec<u8>) -> Self {
        let mut keys = cookie_keys.iter().map(Keys::derive);
        let newest = keys.next().expect("there is always a newest key");
        Self { newest, older: keys.collect(), scope }
    }

    /// The value for the cookie of this name.
    pub(crate) fn seal(&self, purpose: Purpose, cookie_name: &str, plain: &[u8]) -> String {
        let mut sealed = plain.to_vec();
        let bound_to = Aad::from(self.bound_to(purpose, cookie_name));
        let nonce = self
            .newest
            .key(purpose)
            .seal_in_place_append_tag(bound_to, &mut sealed)
            .expect("a cookie is far shorter than what one message may be");
        URL_SAFE_NO_PAD.encode([nonce.as_ref().as_slice(), &sealed].concat())
    }

    /// What was sealed, or nothing if the value is not ours, for this purpose, in a cookie of this name.
    pub(crate) fn open(&self, purpose: Purpose, cookie_name: &str, value: &str) -> Option<Vec<u8>> {
        let bytes = URL_SAFE_NO_PAD.decode(value).ok()?;
        let (nonce, sealed) = bytes.split_at_checked(NONCE_LEN)?;
        let bound_to = self.bound_to(purpose, cookie_name);
        std::iter::once(&self.newest).chain(&self.older).find_map(|keys| {
            let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
            let mut sealed = sealed.to_vec();
            let plain = keys.key(purpose).open_in_place(nonce, Aad::from(&bound_to), &mut sealed).ok()?;
            Some(plain.to_vec())
        })
    }

    fn bound_to(&self, purpose: Purpose, cookie_name: &str) -> Vec<u8> {
        length_prefixed(&[purpose.label(), cookie_name.as_bytes(), &self.scope])
    }
}

// === impl Keys ===

impl Keys {
    fn derive(cookie_key: &CookieKey) -> Self {
        let secret = Salt::new(HKDF_SHA256, b"cubegate").extract(cookie_key);
        let key = |purpose: Purpose| {
            let mut bytes = Zeroizing::new([0; 32]);
            secret
                .expand(&[purpose.label()], KeyLength)
                .and_then(|material| material.fill(bytes.as_mut_slice()))
                .and_then(|()| RandomizedNonceKey::new(&AES_256_GCM, bytes.as_slice()))
                .expect("32 bytes are within what HKDF-SHA256 gives, and are a key of AES-256")
        };
        Self {
            session: key(Purpose::Session),
            tokens: key(Purpose::Tokens),
            login: key(Purpose::Login),
            landing: key(Purpose::Return),
        }
    }

    fn key(&self, purpose: Purpose) -> &RandomizedNonceKey {
        match purpose {
            Purpose::Session => &self.session,
            Purpose::Tokens => &self.tokens,
            Purpose::Login => &self.login,
            Purpose::Return => &self.landing,
        }
    }
}

impl KeyType for KeyLength {
    fn len(&self) -> usize {
        32
    }
}

/// Joins parts so that no two lists of parts give the same bytes.
pub(crate) fn length_prefixed(parts: &[&[u8]]) -> Vec<u8> {
    let mut joined = Vec::with_capacity(parts.iter().map(|part| part.len() + 8).sum());
    for part in parts {
        joined.extend_from_slice(&(part.len() as u64).to_be_bytes());
        joined.extend_from_slice(part);
    }
    joined
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sealer() -> Sealer {
        Sealer::new(&CookieKeys::one([7; 32]), scope("https://id.example.com", "cubegate"))
    }

    fn scope(issuer: &str, client: &str) -> Vec<u8> {
        length_prefixed(&[issuer.as_bytes(), client.as_bytes()])
    }

    #[test]
    fn what_was_sealed_opens_again() {
        let value = sealer().seal(Purpose::Session, "a", b"plain");
        assert_eq!(sealer().open(Purpose::Session, "a", &value).unwrap(), b"plain");
    }

    #[test]
    fn a_value_does_not_open_for_another_purpose_name_scope_or_key() {
        let value = sealer().seal(Purpose::Session, "a", b"plain");
        assert_eq!(sealer().open(Purpose::Login, "a", &value), None);
        assert_eq!(sealer().open(Purpose::Return, "a", &value), None);
        assert_eq!(sealer().open(Purpose::Tokens, "a", &value), None);
        assert_eq!(sealer().open(Purpose::Session, "b", &value), None);
        for other in [
            Sealer::new(&CookieKeys::one([8; 32]), scope("https://id.example.com", "cubegate")),
            Sealer::new(&CookieKeys::one([7; 32]), scope("https://id.example.org", "cubegate")),
            Sealer::new(&CookieKeys::one([7; 32]), scope("https://id.example.com", "other")),
            Sealer::new(&CookieKeys::one([7; 32]), scope("https://id.example.comc", "ubegate")),
        ] {
            assert_eq!(other.open(Purpose::Session, "a", &value), None);
        }
    }

    #[test]
    fn an_older_key_opens_for_as_long_as_it_is_there_and_the_newest_seals() {
        let ring = |keys: &[u8]| {
            let bytes: Vec<u8> = keys.iter().flat_map(|key| [*key; 32]).collect();
            Sealer::new(&CookieKeys::from_bytes(&bytes).unwrap(), scope("https://id.example.com", "cubegate"))
        };
        let (before, value) = (ring(&[7]), sealer().seal(Purpose::Session, "a", b"plain"));
        assert_eq!(before.open(Purpose::Session, "a", &value).unwrap(), b"plain");
        assert_eq!(ring(&[8, 7]).open(Purpose::Session, "a", &value).unwrap(), b"plain");
        assert_eq!(ring(&[9, 8, 7]).open(Purpose::Session, "a", &value).unwrap(), b"plain");
        assert_eq!(ring(&[9, 8]).open(Purpose::Session, "a", &value), None);
        let after = ring(&[8, 7]).seal(Purpose::Session, "a", b"plain");
        assert_eq!(
            (before.open(Purpose::Session, "a", &after), ring(&[8]).open(Purpose::Session, "a", &after).is_some()),
            (None, true)
        );
    }

    #[test]
    fn two_seals_of_one_text_differ() {
        assert_ne!(sealer().seal(Purpose::Login, "a", b"x"), sealer().seal(Purpose::Login, "a", b"x"));
    }

    proptest! {
        #[test]
        fn any_change_of_a_sealed_value_is_noticed(plain in prop::collection::vec(any::<u8>(), 0..64), at in any::<prop::sample::Index>(), bit in 0..8u8) {
            let value = sealer().seal(Purpose::Session, "a", &plain);
            let mut bytes = URL_SAFE_NO_PAD.decode(value).unwrap();
            let index = at.index(bytes.len());
            bytes[index] ^= 1 << bit;
            prop_assert_eq!(sealer().open(Purpose::Session, "a", &URL_SAFE_NO_PAD.encode(bytes)), None);
        }

        #[test]
        fn any_text_is_refused_without_panic(value in ".{0,200}") {
            prop_assert_eq!(sealer().open(Purpose::Session, "a", &value), None);
        }
    }
}
