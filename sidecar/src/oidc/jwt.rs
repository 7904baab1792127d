//! Bearer tokens that are JWTs: verified here, against the provider's keys.
//!
//! What makes a token an access token for us: signed with an asymmetric algorithm that fits the key named by `kid`,
//! issued by our issuer for our audience, in time — and not some other kind of token. ID tokens carry the same issuer
//! and sometimes the same audience, so they are told apart by what they say of themselves:
//!
//! | says                                                                  | verdict       |
//! |-----------------------------------------------------------------------|---------------|
//! | any other `typ` than `at+jwt` (RFC 9068) and `JWT` in the header      | refused       |
//! | `cnf`: bound to a key of its sender (RFC 7800)                        | refused       |
//! | `typ: at+jwt` in the header                                           | access token  |
//! | `nonce`, `at_hash`, `c_hash` or `s_hash`; `typ` claim other than Bearer | refused     |
//! | `events`: a security event (RFC 8417)                                 | refused       |
//! | audience is our client, and none of `scope`, `scp`, `client_id`, `cid`, `appid`, `typ: Bearer` | refused |
//! | anything else                                                         | access token  |

use std::collections::BTreeMap;

use aws_lc_rs::digest::{SHA256, digest};
use jsonwebtoken::{
    Algorithm, DecodingKey, Validation, decode, decode_header,
    jwk::{AlgorithmParameters, EllipticCurve, Jwk, PublicKeyUse},
};
use openidconnect::core::CoreJsonWebKeySet;
use serde_json::Value;

use crate::limits::CLOCK_SKEW;

use super::claims::text;

/// The keys that a provider signs with.
pub(crate) struct SigningKeys {
    by_id: BTreeMap<String, SigningKey>,
    /// Used for tokens without `kid`, when it is the only key.
    without_id: Vec<SigningKey>,
    /// SHA-256 of the set as it was published.
    digest: [u8; 32],
}

/// Who must have issued a token, and for whom.
pub(crate) struct Expected<'a> {
    pub(crate) issuer: &'a str,
    pub(crate) audience: &'a str,
    pub(crate) client_id: &'a str,
}

/// What a token says that our issuer signed for an audience, and that is in time.
#[derive(Debug)]
pub(crate) struct SignedClaims {
    /// `typ` of the header, in lower case and without `application/`.
    pub(crate) kind: Option<String>,
    pub(crate) claims: Value,
}

/// Why a JWT is refused. No variant repeats the token.
#[derive(Debug, thiserror::Error)]
pub(crate) enum JwtError {
    #[error("the token is not a signed JWT")]
    NotAJwt(#[source] jsonwebtoken::errors::Error),
    #[error("the provider has no key of that id")]
    UnknownKey,
    #[error("failed to verify the token")]
    Invalid(#[source] jsonwebtoken::errors::Error),
    /// The library is content when our issuer is one of them.
    #[error("the token names several issuers")]
    SeveralIssuers,
    #[error("the token names no subject")]
    NoSubject,
    #[error("the token is not an access token: {0}")]
    OtherKind(&'static str),
}

#[derive(Clone)]
struct SigningKey {
    key: DecodingKey,
    algorithms: Vec<Algorithm>,
}

// === impl SigningKeys ===

impl SigningKeys {
    pub(crate) fn new(set: &CoreJsonWebKeySet) -> Self {
        let keys = serde_json::to_value(set).unwrap_or_default();
        let keys = keys.get("keys").and_then(Value::as_array).cloned().unwrap_or_default();
        Self::from_keys(keys)
    }

    /// A key of a kind that we do not know is no reason to do without the others.
    pub(crate) fn from_keys(keys: Vec<Value>) -> Self {
        let (mut by_id, mut without_id) = (BTreeMap::new(), Vec::new());
        let published = Value::Array(keys.clone()).to_string();
        for key in keys {
            let Ok(key) = serde_json::from_value::<Jwk>(key) else { continue };
            let Some(signing) = SigningKey::new(&key) else { continue };
            match key.common.key_id {
                Some(id) => drop(by_id.insert(id, signing)),
                None => without_id.push(signing),
            }
        }
        let digest = digest(&SHA256, published.as_bytes());
        let digest = digest.as_ref().try_into().expect("SHA-256 gives 32 bytes");
        Self { by_id, without_id, digest }
    }

    /// Tells this set from others.
    pub(crate) fn digest(&self) -> &[u8] {
        &self.digest
    }

    /// The claims of an access token that is in order.
    pub(crate) fn verify(&self, token: &str, expected: &Expected<'_>) -> Result<Value, JwtError> {
        let SignedClaims { kind, claims } = self.signed_claims(token, expected)?;
        if text(&claims, "sub").is_none() {
            return Err(JwtError::NoSubject);
        }
        match other_kind(kind.as_deref(), &claims, expected.client_id) {
            Some(kind) => Err(JwtError::OtherKind(kind)),
            None => Ok(claims),
        }
    }

    /// The claims of a token of any kind.
    pub(crate) fn signed_claims(&self, token: &str, expected: &Expected<'_>) -> Result<SignedClaims, JwtError> {
        let header = decode_header(token).map_err(JwtError::NotAJwt)?;
        if header.crit.is_some() || header.enc.is_some() || header.zip.is_some() {
            // RFC 7515 §4.1.11: what must be understood and is not makes the token invalid.
            return Err(JwtError::OtherKind("its header asks for an extension"));
        }
        let signing = self.find(header.kid.as_deref()).ok_or(JwtError::UnknownKey)?;
        let mut validation = Validation::new(header.alg);
        validation.algorithms.clone_from(&signing.algorithms);
        validation.leeway = CLOCK_SKEW.as_secs();
        validation.validate_nbf = true;
        validation.set_issuer(&[expected.issuer]);
        validation.set_audience(&[expected.audience]);
        validation.set_required_spec_claims(&["exp", "iss", "aud"]);
        let claims = decode::<Value>(token, &signing.key, &validation).map_err(JwtError::Invalid)?.claims;
        if text(&claims, "iss") != Some(expected.issuer) {
            return Err(JwtError::SeveralIssuers);
        }
        let kind = header.typ.map(|kind| kind.to_ascii_lowercase().trim_start_matches("application/").to_owned());
        Ok(SignedClaims { kind, claims })
    }

    fn find(&self, id: Option<&str>) -> Option<&SigningKey> {
        if let Some(id) = id {
            return self.by_id.get(id);
        }
        let mut all = self.by_id.values().chain(&self.without_id);
        all.next().filter(|_| all.next().is_none())
    }
}

// === impl SigningKey ===

impl SigningKey {
    fn new(key: &Jwk) -> Option<Self> {
        if key.common.public_key_use.as_ref().is_some_and(|use_of| *use_of != PublicKeyUse::Signature) {
            return None;
        }
        let possible = match &key.algorithm {
            AlgorithmParameters::RSA(_) => vec![
                Algorithm::RS256,
                Algorithm::RS384,
                Algorithm::RS512,
                Algorithm::PS256,
                Algorithm::PS384,
                Algorithm::PS512,
            ],
            AlgorithmParameters::EllipticCurve(parameters) if parameters.curve == EllipticCurve::P256 => {
                vec![Algorithm::ES256]
            }
            AlgorithmParameters::EllipticCurve(parameters) if parameters.curve == EllipticCurve::P384 => {
                vec![Algorithm::ES384]
            }
            AlgorithmParameters::OctetKeyPair(parameters) if parameters.curve == EllipticCurve::Ed25519 => {
                vec![Algorithm::EdDSA]
            }
            // Symmetric keys too: a provider that publishes one has lost it.
            _ => return None,
        };
        let declared = key.common.key_algorithm.map(|algorithm| algorithm.to_string());
        let is_declared =
            |algorithm: &Algorithm| declared.as_ref().is_none_or(|declared| *declared == format!("{algorithm:?}"));
        let algorithms: Vec<Algorithm> = possible.into_iter().filter(is_declared).collect();
        if algorithms.is_empty() {
            return None;
        }
        Some(Self { key: DecodingKey::from_jwk(key).ok()?, algorithms })
    }
}

/// What a verified token is when it is not an access token.
pub(super) fn other_kind(header_type: Option<&str>, claims: &Value, client_id: &str) -> Option<&'static str> {
    if !matches!(header_type, Some("at+jwt" | "jwt") | None) {
        return Some("its header says so");
    }
    if claims.get("cnf").is_some() {
        // RFC 9449 §7.2: whoever stole it could use it as if it were bound to nobody.
        return Some("it is bound to a key of its sender");
    }
    if header_type == Some("at+jwt") {
        return None;
    }
    if ["nonce", "at_hash", "c_hash", "s_hash"].iter().any(|claim| claims.get(claim).is_some()) {
        return Some("it has claims of an ID token");
    }
    if claims.get("events").is_some() {
        return Some("it tells of a security event");
    }
    let kind = text(claims, "typ");
    if kind.is_some_and(|kind| !kind.eq_ignore_ascii_case("bearer")) {
        return Some("its claim typ says so");
    }
    let is_for_client = match claims.get("aud") {
        Some(Value::String(audience)) => audience == client_id,
        Some(Value::Array(audiences)) => audiences.iter().any(|audience| audience == client_id),
        _ => false,
    };
    let speaks_of_access =
        ["scope", "scp", "client_id", "cid", "appid"].iter().any(|claim| claims.get(claim).is_some());
    if is_for_client && !speaks_of_access && kind.is_none() {
        return Some("it is for our client and says nothing of access");
    }
    None
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn id_tokens_and_others_are_told_from_access_tokens() {
        let access = json!({"aud": "cubegate", "scope": "openid"});
        for kind in [Some("at+jwt"), Some("jwt"), None] {
            assert_eq!(other_kind(kind, &access, "cubegate"), None);
        }
        for kind in ["logout+jwt", "dpop+jwt", "secevent+jwt", "token-introspection+jwt"] {
            assert!(other_kind(Some(kind), &access, "cubegate").is_some());
        }
        for id_token in [
            json!({"aud": "api", "scope": "x", "nonce": "n"}),
            json!({"aud": "api", "scope": "x", "at_hash": "h"}),
            json!({"aud": "api", "scope": "x", "typ": "ID"}),
            json!({"aud": "api", "scope": "x", "typ": "Refresh"}),
            json!({"aud": "cubegate"}),
            json!({"aud": ["cubegate", "api"], "azp": "cubegate"}),
        ] {
            assert!(other_kind(Some("jwt"), &id_token, "cubegate").is_some(), "{id_token}");
        }
        assert_eq!(other_kind(None, &json!({"aud": "api"}), "cubegate"), None);
        assert_eq!(other_kind(None, &json!({"aud": "cubegate", "typ": "Bearer"}), "cubegate"), None);
    }

    #[test]
    fn symmetric_unknown_and_encryption_keys_are_left_out() {
        let keys = SigningKeys::from_keys(vec![
            json!({"kty": "oct", "k": "c2VjcmV0", "kid": "a"}),
            json!({"kty": "XX", "kid": "b"}),
            json!({"kty": "RSA", "n": "AQAB", "e": "AQAB", "use": "enc", "kid": "c"}),
            json!("nonsense"),
        ]);
        assert!(keys.by_id.is_empty() && keys.without_id.is_empty());
    }

    #[test]
    fn headers_that_ask_for_an_extension_are_refused() {
        use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
        let expected = Expected { issuer: "i", audience: "a", client_id: "c" };
        for header in [
            json!({"alg": "ES256", "kid": "k", "crit": ["b64"], "b64": false}),
            json!({"alg": "ES256", "kid": "k", "crit": []}),
            json!({"alg": "ES256", "kid": "k", "zip": "DEF"}),
        ] {
            let token = format!("{}.e30.AAAA", URL_SAFE_NO_PAD.encode(header.to_string()));
            let refused = SigningKeys::from_keys(Vec::new()).verify(&token, &expected);
            assert!(matches!(refused, Err(JwtError::OtherKind(_) | JwtError::NotAJwt(_))), "{header}: {refused:?}");
        }
    }

    #[test]
    fn text_that_is_no_jwt_is_refused_without_panic() {
        let keys = SigningKeys::from_keys(Vec::new());
        let expected = Expected { issuer: "i", audience: "a", client_id: "c" };
        for token in ["", ".", "..", "a.b.c", "eyJhbGciOiJub25lIn0.e30.", "eyJhbGciOiJub25lIn0.e30"] {
            assert!(matches!(keys.verify(token, &expected), Err(JwtError::NotAJwt(_))), "{token}");
        }
    }
}
