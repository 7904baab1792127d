//! The modules of the OpenID Foundation's certification of relying parties (basic, config and dynamic profiles), each
//! against a provider that misbehaves as the module's does. The comment on a test names its module.

use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};

use crate::{
    browser::Browser,
    client::{Reply, get},
    fixture::{Sidecar, closed_with, oidc},
    provider::{Fault, Provider, Signer},
};
use cubegate_policy::snapshot::{Checked, Oidc};

async fn with_provider() -> (Provider, Sidecar) {
    let provider = Provider::start().await;
    let sidecar = with(oidc(&provider.issuer())).await;
    (provider, sidecar)
}

async fn with(config: Oidc) -> Sidecar {
    Sidecar::with(closed_with(Some(Checked::Valid(config)))).await
}

/// What comes of a login whose ID token has other claims.
async fn with_claims(changes: Value) -> Reply {
    let (provider, sidecar) = with_provider().await;
    let mut browser = Browser::open(&sidecar, "/").await;
    browser.granted(&provider, "c", changes);
    browser.finish(&sidecar).await
}

/// What comes of a login whose ID token is made of its right claims in some other way.
async fn with_token(provider: &Provider, sidecar: &Sidecar, make: impl FnOnce(&Value) -> String) -> Reply {
    let mut browser = Browser::open(sidecar, "/").await;
    let token = make(&browser.claims(provider, json!({})));
    browser.granted_token(provider, "c", token, "access");
    browser.finish(sidecar).await
}

fn expect_session(reply: &Reply) {
    let sets =
        reply.headers.get_all("set-cookie").iter().any(|cookie| cookie.as_bytes().starts_with(b"cubegate-session"));
    assert!(reply.status == 302 && sets, "{reply:?}");
}

fn expect_none(reply: &Reply) {
    assert_eq!((reply.status.as_u16(), reply.header("set-cookie")), (403, ""), "{reply:?}");
}

/// The same signature but for one character in its middle.
fn tampered(token: &str) -> String {
    let at = token.rfind('.').unwrap() + 20;
    let other = if token.as_bytes()[at] == b'A' { 'B' } else { 'A' };
    format!("{}{other}{}", &token[..at], &token[at + 1..])
}

/// `oidcc-client-test`
#[tokio::test]
async fn a_login_in_order_begins_a_session() {
    expect_session(&with_claims(json!({})).await);
}

/// `oidcc-client-test-invalid-iss`
#[tokio::test]
async fn an_id_token_of_another_issuer_is_refused() {
    expect_none(&with_claims(json!({"iss": "https://id.example.com"})).await);
}

/// `oidcc-client-test-missing-sub`
#[tokio::test]
async fn an_id_token_without_a_subject_is_refused() {
    expect_none(&with_claims(json!({"sub": null})).await);
}

/// `oidcc-client-test-invalid-aud`
#[tokio::test]
async fn an_id_token_for_another_client_is_refused() {
    for changes in [
        json!({"aud": "other"}),
        json!({"aud": ["cubegate", "other"]}),
        json!({"aud": [], "azp": "cubegate"}),
        json!({"azp": "other"}),
    ] {
        expect_none(&with_claims(changes).await);
    }
}

/// `oidcc-client-test-missing-aud`
#[tokio::test]
async fn an_id_token_without_an_audience_is_refused() {
    expect_none(&with_claims(json!({"aud": null})).await);
}

/// `oidcc-client-test-missing-iat`
#[tokio::test]
async fn an_id_token_without_its_time_of_issue_is_refused() {
    expect_none(&with_claims(json!({"iat": null})).await);
}

/// `oidcc-client-test-nonce-invalid`
#[tokio::test]
async fn an_id_token_with_another_nonce_or_none_is_refused() {
    expect_none(&with_claims(json!({"nonce": "another"})).await);
    expect_none(&with_claims(json!({"nonce": null})).await);
}

/// `oidcc-client-test-kid-absent-single-jwks`
#[tokio::test]
async fn an_id_token_without_a_key_id_is_verified_by_the_only_key() {
    let (provider, sidecar) = with_provider().await;
    let signer = &provider.signer;
    let header = Header { kid: None, ..signer.header("JWT") };
    expect_session(&with_token(&provider, &sidecar, |claims| signer.sign_with(header, claims)).await);
}

/// `oidcc-client-test-kid-absent-multiple-jwks`
#[tokio::test]
async fn an_id_token_without_a_key_id_is_refused_where_several_keys_would_do() {
    let (provider, sidecar) = with_provider().await;
    provider.script.lock().unwrap().keys.push(Signer::new("second").public());
    let signer = &provider.signer;
    let sidecar_after = with(oidc(&provider.issuer())).await;
    drop(sidecar);
    let header = Header { kid: None, ..signer.header("JWT") };
    expect_none(&with_token(&provider, &sidecar_after, |claims| signer.sign_with(header, claims)).await);
}

/// `oidcc-client-test-idtoken-sig-rs256`
#[tokio::test]
async fn an_id_token_signed_with_rs256_is_accepted() {
    let provider = Provider::start().await;
    let (signer, public) = Signer::rsa("rsa");
    provider.script.lock().unwrap().keys.push(public);
    let sidecar = with(oidc(&provider.issuer())).await;
    expect_session(&with_token(&provider, &sidecar, |claims| signer.sign("JWT", claims)).await);
}

/// `oidcc-client-test-invalid-sig-rs256`
#[tokio::test]
async fn an_id_token_with_a_wrong_rs256_signature_is_refused() {
    let provider = Provider::start().await;
    let (signer, public) = Signer::rsa("rsa");
    provider.script.lock().unwrap().keys.push(public);
    let sidecar = with(oidc(&provider.issuer())).await;
    expect_none(&with_token(&provider, &sidecar, |claims| tampered(&signer.sign("JWT", claims))).await);
    let (stranger, _) = Signer::rsa("rsa");
    expect_none(&with_token(&provider, &sidecar, |claims| stranger.sign("JWT", claims)).await);
}

/// `oidcc-client-test-invalid-sig-es256`
#[tokio::test]
async fn an_id_token_with_a_wrong_es256_signature_is_refused() {
    let (provider, sidecar) = with_provider().await;
    expect_none(&with_token(&provider, &sidecar, |claims| tampered(&provider.signer.sign("JWT", claims))).await);
    expect_none(&with_token(&provider, &sidecar, |claims| Signer::new("first").sign("JWT", claims)).await);
}

/// `oidcc-client-test-invalid-sig-hs256`: not even a right one counts, whatever it was made with.
#[tokio::test]
async fn an_id_token_signed_with_hs256_is_refused() {
    let (provider, sidecar) = with_provider().await;
    let public = provider.signer.public();
    for secret in ["client secret", "wrong", public["x"].as_str().unwrap(), &public.to_string()] {
        for kid in [None, Some("first".to_owned())] {
            let header = Header { kid, ..Header::new(Algorithm::HS256) };
            let key = EncodingKey::from_secret(secret.as_bytes());
            let sign = |claims: &Value| encode(&header, claims, &key).unwrap();
            expect_none(&with_token(&provider, &sidecar, sign).await);
        }
    }
}

/// `oidcc-client-test-idtoken-sig-none`
#[tokio::test]
async fn an_unsigned_id_token_is_refused() {
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
    let (provider, sidecar) = with_provider().await;
    for header in [r#"{"alg":"none"}"#, r#"{"alg":"None"}"#, r#"{"alg":"nOnE","kid":"first"}"#, r#"{"kid":"first"}"#] {
        let unsigned = |claims: &Value| {
            format!("{}.{}.", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims.to_string()))
        };
        expect_none(&with_token(&provider, &sidecar, unsigned).await);
    }
}

/// `oidcc-client-test-userinfo-invalid-sub`
#[tokio::test]
async fn userinfo_about_somebody_else_or_nobody_ends_the_login() {
    let (provider, sidecar) = with_provider().await;
    for subject in [json!("u2"), json!(""), json!(7), Value::Null] {
        let claims = json!({"sub": subject, "preferred_username": "someone"});
        provider.script.lock().unwrap().userinfo.insert("access".into(), claims);
        let mut browser = Browser::open(&sidecar, "/").await;
        browser.granted(&provider, "c", json!({"preferred_username": null}));
        expect_none(&browser.finish(&sidecar).await);
    }
}

/// `oidcc-client-test-scope-userinfo-claims`
#[tokio::test]
async fn what_the_id_token_leaves_out_comes_from_userinfo() {
    let (provider, sidecar) = with_provider().await;
    let claims = json!({"sub": "u1", "preferred_username": "from userinfo", "resource_access": {"cubegate": {"roles": ["atoti"]}}});
    provider.script.lock().unwrap().userinfo.insert("access".into(), claims);
    let mut browser = Browser::open(&sidecar, "/").await;
    browser.granted(&provider, "c", json!({"preferred_username": null, "resource_access": null}));
    expect_session(&browser.finish(&sidecar).await);
    let who = browser.asks(&sidecar, "/whoami").await.json();
    assert_eq!(who, json!({"name": "from userinfo", "roles": ["ROLE_USER"]}));
}

/// `oidcc-client-test-userinfo-signed`: asked for as JSON, so a signed one was not asked for.
#[tokio::test]
async fn userinfo_that_is_no_json_ends_the_login() {
    let (provider, sidecar) = with_provider().await;
    let claims = json!({"sub": "u1", "preferred_username": "someone"});
    let signed = provider.signer.sign("JWT", &provider.claims("cubegate", claims));
    provider.script.lock().unwrap().faults.insert("/userinfo", Fault::Says(200, signed));
    let mut browser = Browser::open(&sidecar, "/").await;
    browser.granted(&provider, "c", json!({"preferred_username": null}));
    let reply = browser.finish(&sidecar).await;
    assert_eq!((reply.status.as_u16(), reply.header("set-cookie")), (503, ""));
}

/// `oidcc-client-test-client-secret-basic`
#[tokio::test]
async fn the_client_proves_itself_with_its_secret_as_basic_credentials() {
    let provider = Provider::start().await;
    for (secret, status) in [("client secret", 302), ("client+secret", 403), ("wrong", 403)] {
        let sidecar = with(Oidc { client_secret: Some(secret.into()), ..oidc(&provider.issuer()) }).await;
        let mut browser = Browser::open(&sidecar, "/").await;
        browser.granted(&provider, "c", json!({}));
        assert_eq!(browser.finish(&sidecar).await.status, status, "{secret}");
    }
}

/// `oidcc-client-test-discovery-issuer-mismatch`
#[tokio::test]
async fn a_provider_whose_metadata_name_another_issuer_is_not_believed() {
    let provider = Provider::start().await;
    let slashed = format!("{}/", provider.issuer());
    for other in ["https://id.example.com", slashed.as_str(), ""] {
        provider.script.lock().unwrap().advertised.insert("issuer", json!(other));
        let sidecar = with(oidc(&provider.issuer())).await;
        let reply = get(sidecar.public, "/oauth2/authorization/keycloak", &[]).await;
        assert_eq!((reply.status.as_u16(), reply.header("location")), (503, ""), "{other}");
    }
}

/// `oidcc-client-test-discovery-jwks-uri-keys`
#[tokio::test]
async fn keys_are_those_at_the_advertised_address() {
    let provider = Provider::start().await;
    let keys = json!({"keys": [provider.signer.public()]}).to_string();
    {
        let mut script = provider.script.lock().unwrap();
        script.advertised.insert("jwks_uri", json!(format!("{}/elsewhere/keys", provider.issuer())));
        script.faults.insert("/elsewhere/keys", Fault::Says(200, keys));
        script.keys = vec![Signer::new("first").public()];
    }
    let sidecar = with(oidc(&provider.issuer())).await;
    expect_session(&with_token(&provider, &sidecar, |claims| provider.signer.sign("JWT", claims)).await);
    assert_eq!(provider.asked("/jwks"), 0);
}

/// `oidcc-client-test-signing-key-rotation`
#[tokio::test]
async fn a_key_that_replaced_another_is_found() {
    let (provider, sidecar) = with_provider().await;
    expect_session(&with_token(&provider, &sidecar, |claims| provider.signer.sign("JWT", claims)).await);
    let second = Signer::new("second");
    provider.script.lock().unwrap().keys = vec![second.public()];
    expect_session(&with_token(&provider, &sidecar, |claims| second.sign("JWT", claims)).await);
    expect_none(&with_token(&provider, &sidecar, |claims| provider.signer.sign("JWT", claims)).await);
}

/// `oidcc-client-test-signing-key-rotation-just-before-signing`
#[tokio::test]
async fn a_key_that_came_while_a_person_was_logging_in_is_found() {
    let (provider, sidecar) = with_provider().await;
    let second = Signer::new("second");
    let rotate_and_sign = |claims: &Value| {
        provider.script.lock().unwrap().keys.push(second.public());
        second.sign("JWT", claims)
    };
    expect_session(&with_token(&provider, &sidecar, rotate_and_sign).await);
}
