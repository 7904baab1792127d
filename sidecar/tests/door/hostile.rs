//! A provider that is hostile, broken or impersonated, beyond what certification asks about (RFC 8725, 9068, 9207, 9700).

use std::time::{Duration, Instant};

use cubegate_policy::snapshot::{Checked, Oidc};
use jsonwebtoken::{Header, jwk::Jwk};
use serde_json::{Value, json};

use crate::{
    browser::Browser,
    client::{Reply, get},
    fixture::{Sidecar, closed_with, oidc, oidc_jwt},
    provider::{Fault, Grant, Provider, Signer, now_s},
};

/// More than one exchange with the provider may take.
const EXCHANGE_MAX: Duration = Duration::from_secs(7);

async fn with(config: Oidc) -> Sidecar {
    Sidecar::with(closed_with(Some(Checked::Valid(config)))).await
}

async fn with_jwt() -> (Provider, Sidecar) {
    let provider = Provider::start().await;
    let sidecar = with(oidc_jwt(&provider.issuer())).await;
    (provider, sidecar)
}

async fn with_provider() -> (Provider, Sidecar) {
    let provider = Provider::start().await;
    let sidecar = with(oidc(&provider.issuer())).await;
    (provider, sidecar)
}

async fn who_am_i(sidecar: &Sidecar, token: &str) -> Reply {
    get(sidecar.public, "/whoami", &[("authorization", &format!("Bearer {token}"))]).await
}

/// Claims of an access token in order, changed.
fn access(provider: &Provider, changes: Value) -> Value {
    let mut claims = json!({
        "preferred_username": "parisian-user",
        "scope": "openid",
        "resource_access": {"cubegate": {"roles": ["atoti", "paris"]}},
    });
    claims.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    provider.claims("api", claims)
}

#[tokio::test]
async fn times_that_are_no_times_are_refused() {
    let (provider, sidecar) = with_jwt().await;
    for changes in [
        json!({"exp": (now_s() + 300).to_string()}),
        json!({"exp": -1}),
        json!({"exp": true}),
        json!({"exp": [now_s() + 300]}),
        json!({"exp": 0}),
        json!({"nbf": "0"}),
        json!({"nbf": -1}),
        json!({"nbf": u64::MAX}),
        json!({"nbf": 1e300}),
        json!({"nbf": {}}),
    ] {
        for kind in ["JWT", "at+jwt"] {
            let token = provider.signer.sign(kind, &access(&provider, changes.clone()));
            assert_eq!(who_am_i(&sidecar, &token).await.status, 401, "{changes}");
        }
    }
}

#[tokio::test]
async fn tokens_of_other_kinds_clients_and_senders_are_no_access_tokens_for_us() {
    let (provider, sidecar) = with_jwt().await;
    for (kind, changes) in [
        ("at+jwt", json!({"cnf": {"jkt": "x"}})),
        ("JWT", json!({"cnf": {"x5t#S256": "x"}})),
        ("JWT", json!({"events": {"http://schemas.openid.net/event/backchannel-logout": {}}})),
        ("at+jwt", json!({"iss": [provider.issuer(), "https://id.example.com"]})),
        ("at+jwt", json!({"iss": [provider.issuer()]})),
        ("at+jwt", json!({"aud": ["other", "another"]})),
        ("at+jwt", json!({"aud": {"api": true}})),
        ("at+jwt", json!({"aud": ""})),
        ("at+jwt", json!({"sub": null})),
        ("at+jwt", json!({"sub": 7})),
        ("logout+jwt", json!({})),
        ("dpop+jwt", json!({})),
        ("JWE", json!({})),
        ("", json!({})),
    ] {
        let token = provider.signer.sign(kind, &access(&provider, changes.clone()));
        assert_eq!(who_am_i(&sidecar, &token).await.status, 401, "{kind} {changes}");
    }
    let id_token = provider.claims("cubegate", json!({"nonce": "n", "preferred_username": "u", "azp": "cubegate"}));
    assert_eq!(who_am_i(&sidecar, &provider.signer.sign("JWT", &id_token)).await.status, 401);
}

#[tokio::test]
async fn an_id_token_is_no_access_token_where_our_client_is_the_audience_too() {
    let provider = Provider::start().await;
    let sidecar = with(Oidc { audience: Some("cubegate".into()), ..oidc_jwt(&provider.issuer()) }).await;
    let claims = provider.claims("cubegate", json!({"preferred_username": "u", "azp": "cubegate"}));
    for more in [json!({}), json!({"nonce": "n"}), json!({"at_hash": "h"}), json!({"typ": "ID"})] {
        let mut claims = claims.clone();
        claims.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        assert_eq!(who_am_i(&sidecar, &provider.signer.sign("JWT", &claims)).await.status, 401, "{more}");
    }
}

#[tokio::test]
async fn keys_that_a_token_brings_along_or_points_to_do_not_count() {
    let (provider, sidecar) = with_jwt().await;
    let evil = Signer::new("evil");
    let own: Jwk = serde_json::from_value(evil.public()).unwrap();
    let elsewhere = format!("{}/evil", provider.issuer());
    let keys = json!({"keys": [evil.public()]}).to_string();
    provider.script.lock().unwrap().faults.insert("/evil", Fault::Says(200, keys));
    for kid in [None, Some("evil".to_owned()), Some("first".to_owned()), Some("../evil".to_owned())] {
        let header = Header {
            kid,
            jwk: Some(own.clone()),
            jku: Some(elsewhere.clone()),
            x5u: Some(elsewhere.clone()),
            ..evil.header("at+jwt")
        };
        let token = evil.sign_with(header, &access(&provider, json!({})));
        assert_eq!(who_am_i(&sidecar, &token).await.status, 401);
    }
    assert_eq!(provider.asked("/evil"), 0);
}

#[tokio::test]
async fn keys_that_are_not_for_signatures_or_not_for_the_algorithm_verify_nothing() {
    let (rsa, rsa_public) = Signer::rsa("rsa");
    let ec = Signer::new("ec");
    let with = |key: &Value, changes: Value| {
        let mut key = key.clone();
        key.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        key
    };
    for (signer, published) in [
        (&ec, with(&ec.public(), json!({"use": "enc"}))),
        (&ec, with(&ec.public(), json!({"alg": "ES384"}))),
        (&ec, with(&ec.public(), json!({"alg": "RS256"}))),
        (&ec, with(&ec.public(), json!({"crv": "P-384"}))),
        (&ec, with(&ec.public(), json!({"kty": "oct", "k": "c2VjcmV0"}))),
        (&ec, with(&ec.public(), json!({"x": "AAAA"}))),
        (&rsa, with(&rsa_public, json!({"use": "enc"}))),
        (&rsa, with(&rsa_public, json!({"alg": "RS512"}))),
        (&rsa, with(&rsa_public, json!({"alg": "RSA-OAEP"}))),
        (&rsa, with(&rsa_public, json!({"e": ""}))),
        (&rsa, with(&rsa_public, json!({"kid": "other"}))),
    ] {
        let provider = Provider::start().await;
        provider.script.lock().unwrap().keys.push(published.clone());
        let bearers = self::with(oidc_jwt(&provider.issuer())).await;
        let good = provider.signer.sign("at+jwt", &access(&provider, json!({})));
        assert_eq!(who_am_i(&bearers, &good).await.status, 200, "beside {published}");
        let token = signer.sign("at+jwt", &access(&provider, json!({})));
        assert_eq!(who_am_i(&bearers, &token).await.status, 401, "{published}");
        let people = self::with(oidc(&provider.issuer())).await;
        let mut browser = Browser::open(&people, "/").await;
        let id_token = signer.sign("JWT", &browser.claims(&provider, json!({})));
        browser.granted_token(&provider, "c", id_token, "access");
        assert_eq!(browser.finish(&people).await.status, 403, "{published}");
    }
}

#[tokio::test]
async fn new_keys_under_load_cost_few_exchanges_and_nobody_their_access() {
    let (provider, sidecar) = with_jwt().await;
    let second = Signer::new("second");
    assert_eq!(who_am_i(&sidecar, &provider.signer.sign("at+jwt", &access(&provider, json!({})))).await.status, 200);
    let before = provider.asked("/jwks");
    provider.script.lock().unwrap().keys.push(second.public());
    let (good, unknown) = (&second, &Signer::new("unknown"));
    let claims = &access(&provider, json!({}));
    let calls = (0..60).map(|number| {
        let sidecar = &sidecar;
        async move {
            let is_good = number % 2 == 0;
            let token = if is_good { good } else { unknown }.sign("at+jwt", claims);
            (is_good, who_am_i(sidecar, &token).await.status.as_u16())
        }
    });
    for (is_good, status) in futures::future::join_all(calls).await {
        assert_eq!(status, if is_good { 200 } else { 401 });
    }
    let exchanges = provider.asked("/jwks") - before;
    assert!((1..=2).contains(&exchanges), "{exchanges}");
}

#[tokio::test]
async fn a_code_of_another_login_is_worth_nothing() {
    let (provider, sidecar) = with_provider().await;
    let (thief, mut victim) = (Browser::open(&sidecar, "/").await, Browser::open(&sidecar, "/").await);
    // The provider compares what PKCE has it compare.
    thief.granted(&provider, "c", json!({"preferred_username": "thief"}));
    assert_eq!(victim.finish(&sidecar).await.status, 403);
    // And one that does not, cannot know this login's nonce.
    let id_token = provider.signer.sign("JWT", &thief.claims(&provider, json!({})));
    let forgotten =
        Grant { challenge: "*".into(), id_token: Some(id_token), access_token: "access".into(), ..Grant::default() };
    provider.grant("c", forgotten);
    let mut victim = Browser::open(&sidecar, "/").await;
    let reply = victim.finish(&sidecar).await;
    assert_eq!((reply.status.as_u16(), reply.header("set-cookie")), (403, ""));
}

#[tokio::test]
async fn an_answer_that_names_an_issuer_twice_or_another_one_redeems_no_code() {
    let (provider, sidecar) = with_provider().await;
    let own = url::form_urlencoded::byte_serialize(provider.issuer().as_bytes()).collect::<String>();
    for issuer in [
        "https%3A%2F%2Fid.example.com".to_owned(),
        format!("{own}%2F"),
        format!("{own}&iss={own}"),
        format!("{own}&iss=https%3A%2F%2Fid.example.com"),
        String::new(),
    ] {
        let browser = Browser::open(&sidecar, "/").await;
        browser.granted(&provider, "c", json!({}));
        let query = format!("code=c&state={}&iss={issuer}", browser.parameter("state"));
        let reply = browser.back(&sidecar, &query).await;
        assert_eq!((reply.status.as_u16(), reply.header("set-cookie")), (400, ""), "{issuer}");
    }
    assert_eq!(provider.asked("/token"), 0);
}

#[tokio::test]
async fn an_access_token_of_another_type_is_not_used() {
    let (provider, sidecar) = with_provider().await;
    for kind in ["DPoP", "mac", "N_A", ""] {
        provider.script.lock().unwrap().token_type = Some(kind);
        let mut browser = Browser::open(&sidecar, "/").await;
        browser.granted(&provider, "c", json!({"preferred_username": null}));
        assert_eq!(browser.finish(&sidecar).await.status, 403, "{kind}");
    }
    assert_eq!(provider.asked("/userinfo"), 0);
}

#[tokio::test]
async fn redirects_of_the_provider_are_not_followed() {
    let (provider, sidecar) = with_provider().await;
    for status in [301, 302, 303, 307, 308] {
        for path in ["/token", "/userinfo", "/introspect"] {
            let elsewhere = format!("{}/evil", provider.issuer());
            provider.script.lock().unwrap().faults = [(path, Fault::Redirect(status, elsewhere))].into();
            let mut browser = Browser::open(&sidecar, "/").await;
            browser.granted(&provider, "c", json!({"preferred_username": null}));
            let reply = browser.finish(&sidecar).await;
            assert!(reply.status != 302 && reply.header("set-cookie").is_empty(), "{path} {status}: {reply:?}");
            assert_ne!(who_am_i(&sidecar, &format!("token-{status}")).await.status, 200, "{path} {status}");
        }
    }
    for path in ["/.well-known/openid-configuration", "/jwks"] {
        let elsewhere = format!("{}/evil", provider.issuer());
        provider.script.lock().unwrap().faults = [(path, Fault::Redirect(302, elsewhere))].into();
        let sidecar = with(oidc(&provider.issuer())).await;
        assert_eq!(get(sidecar.public, "/oauth2/authorization/keycloak", &[]).await.status, 503, "{path}");
    }
    assert_eq!(provider.asked("/evil"), 0);
}

#[tokio::test]
async fn answers_without_end_and_answers_that_stall_are_given_up() {
    let faults = [Fault::Endless, Fault::Stalls];
    let cases = faults.iter().flat_map(|fault| ["/token", "/userinfo", "/introspect"].map(|path| (path, fault)));
    let given_up = cases.map(|(path, fault)| async move {
        let (provider, sidecar) = with_provider().await;
        provider.script.lock().unwrap().faults = [(path, fault.clone())].into();
        let mut browser = Browser::open(&sidecar, "/").await;
        browser.granted(&provider, "c", json!({"preferred_username": null}));
        let started = Instant::now();
        let (reply, bearer) = tokio::join!(browser.finish(&sidecar), who_am_i(&sidecar, "token"));
        assert!(started.elapsed() < EXCHANGE_MAX, "{path} {fault:?}: {:?}", started.elapsed());
        assert!(reply.header("set-cookie").is_empty() && reply.status.as_u16() >= 400, "{path} {fault:?}: {reply:?}");
        assert!([401, 503].contains(&bearer.status.as_u16()), "{path} {fault:?}: {bearer:?}");
    });
    futures::future::join_all(given_up).await;
}

#[tokio::test]
async fn metadata_and_keys_without_end_are_no_provider() {
    let deep = "[".repeat(100_000);
    let faults = [Fault::Endless, Fault::Says(200, deep), Fault::Says(200, "null".into())];
    let paths = ["/.well-known/openid-configuration", "/jwks"];
    let cases = faults.iter().flat_map(|fault| paths.map(|path| (path, fault)));
    let refused = cases.map(|(path, fault)| async move {
        let provider = Provider::start().await;
        provider.script.lock().unwrap().faults = [(path, fault.clone())].into();
        let sidecar = with(oidc(&provider.issuer())).await;
        assert_eq!(get(sidecar.public, "/oauth2/authorization/keycloak", &[]).await.status, 503, "{path}");
    });
    futures::future::join_all(refused).await;
}
