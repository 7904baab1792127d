//! What holds whatever providers, and those who say that they are one, send.

use std::str;

use serde_json::{Value, json};

use super::{
    backchannel::{LogoutToken, one_logout_token},
    jwt::{Expected, SignedClaims, SigningKeys, other_kind},
};

/// When the tokens below are read, in seconds since 1970.
const NOW_S: u64 = 1_800_000_000;
/// The key of RFC 7515, appendix A.3: its private half has signed nothing of ours.
const KEY: &str = r#"{"kty":"EC","crv":"P-256","kid":"k","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}"#;

/// A token, or its claims: without the provider's signature nothing is valid, and no claims make an ID token an access token.
pub fn jwt(input: &[u8]) {
    let Ok(text) = str::from_utf8(input) else { return };
    let key = serde_json::from_str(KEY).expect("the key is JSON");
    let expected = Expected { issuer: "https://id.example.com", audience: "api", client_id: "cubegate" };
    assert!(SigningKeys::from_keys(vec![key]).verify(text, &expected).is_err(), "nobody has signed it");
    let Ok(claims) = serde_json::from_str::<Value>(text) else { return };
    for header_type in [None, Some("jwt"), Some("at+jwt"), Some("logout+jwt")] {
        let is_access = other_kind(header_type, &claims, "cubegate").is_none();
        assert!(!is_access || claims.get("cnf").is_none(), "it is bound to a key");
        assert!(!is_access || header_type != Some("logout+jwt"));
        let is_of_id = ["nonce", "at_hash", "c_hash", "events"].iter().any(|claim| claims.get(claim).is_some());
        assert!(!is_access || header_type == Some("at+jwt") || !is_of_id, "it is another kind of token");
    }
}

/// A form: it has its one logout token, or none is taken.
pub fn logout_form(input: &[u8]) {
    let tokens: Vec<String> = url::form_urlencoded::parse(input)
        .filter(|(name, _)| name == "logout_token")
        .map(|(_, token)| token.into_owned())
        .collect();
    let taken = one_logout_token(input).ok();
    assert_eq!(taken.as_ref(), tokens.first().filter(|_| tokens.len() == 1));
}

/// Claims of a token that the provider has signed: those that end somebody's session say whose, lately, and nothing else.
pub fn logout_token(input: &[u8]) {
    let Ok(claims) = serde_json::from_slice::<Value>(input) else { return };
    let kind = claims.get("typ").and_then(Value::as_str).map(str::to_owned);
    let signed = SignedClaims { kind, claims };
    let Ok(token) = LogoutToken::read(&signed, NOW_S) else { return };
    let claims = &signed.claims;
    assert!(claims.get("nonce").is_none(), "an ID token ends nothing");
    let issued_s = claims.get("iat").and_then(Value::as_u64).expect("it says when it was made");
    assert!(issued_s.abs_diff(NOW_S) <= 300, "{issued_s} is not about {NOW_S}");
    let said = |name: &str| claims.get(name).cloned();
    let read = |text: &Option<String>| text.as_ref().map(|text| json!(text));
    assert_eq!((said("sub"), said("sid")), (read(&token.subject), read(&token.provider_session)));
    assert!(token.subject.is_some() || token.provider_session.is_some(), "it names nobody");
    assert!(!token.id.is_empty(), "it could be used twice");
}
