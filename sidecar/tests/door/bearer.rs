//! Bearer tokens, verified here or asked about.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use cubegate_policy::snapshot::{Checked, ClaimPath, Oidc};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};

use crate::{
    client::{Reply, get},
    fixture::{PASSWORD, Sidecar, basic, closed, closed_with, oidc, oidc_jwt},
    provider::{Provider, Signer, now_s},
};

async fn who_am_i(sidecar: &Sidecar, token: &str) -> Reply {
    get(sidecar.public, "/whoami", &[("authorization", &format!("Bearer {token}"))]).await
}

fn access(changes: Value) -> Value {
    let mut claims = json!({"preferred_username": "parisian-user", "scope": "openid", "resource_access": {"cubegate": {"roles": ["atoti", "paris"]}}});
    for (name, value) in changes.as_object().unwrap() {
        claims[name] = value.clone();
    }
    claims
}

async fn with_jwt() -> (Provider, Sidecar) {
    let provider = Provider::start().await;
    let sidecar = Sidecar::with(closed_with(Some(Checked::Valid(oidc_jwt(&provider.issuer()))))).await;
    (provider, sidecar)
}

async fn with_opaque() -> (Provider, Sidecar) {
    let provider = Provider::start().await;
    let sidecar = Sidecar::with(closed_with(Some(Checked::Valid(oidc(&provider.issuer()))))).await;
    (provider, sidecar)
}

fn story(changes: Value) -> Value {
    let mut claims = json!({"active": true, "sub": "u1", "client_id": "cubegate", "token_type": "Bearer"});
    for (name, value) in access(json!({})).as_object().unwrap().iter().chain(changes.as_object().unwrap()) {
        claims[name] = value.clone();
    }
    claims
}

#[tokio::test]
async fn a_signed_access_token_lets_in_with_the_roles_that_it_names() {
    let (provider, sidecar) = with_jwt().await;
    for kind in ["JWT", "at+jwt"] {
        let token = provider.signer.sign(kind, &provider.claims("api", access(json!({}))));
        let reply = who_am_i(&sidecar, &token).await;
        assert_eq!(
            (reply.status.as_u16(), reply.json()),
            (200, json!({"name": "parisian-user", "roles": ["ROLE_PARIS", "ROLE_USER"]}))
        );
    }
    let skewed = provider.claims("api", access(json!({"exp": now_s() - 30, "nbf": now_s() + 30})));
    assert_eq!(who_am_i(&sidecar, &provider.signer.sign("JWT", &skewed)).await.status, 200, "within 60 s of skew");
    let without_role = provider.claims("api", access(json!({"resource_access": {"cubegate": {"roles": ["user"]}}})));
    assert_eq!(who_am_i(&sidecar, &provider.signer.sign("JWT", &without_role)).await.status, 403);
}

#[tokio::test]
async fn an_rsa_key_counts_for_rsa_algorithms_only() {
    let provider = Provider::start().await;
    let (signer, public) = Signer::rsa("rsa");
    provider.script.lock().unwrap().keys.push(public);
    let sidecar = Sidecar::with(closed_with(Some(Checked::Valid(oidc_jwt(&provider.issuer()))))).await;
    let claims = provider.claims("api", access(json!({})));
    assert_eq!(who_am_i(&sidecar, &signer.sign("at+jwt", &claims)).await.status, 200);
    let crossed = Signer::new("rsa");
    assert_eq!(
        who_am_i(&sidecar, &crossed.sign("at+jwt", &claims)).await.status,
        401,
        "ES256 under the id of an RSA key"
    );
    let mut without_id = signer.sign("at+jwt", &claims);
    without_id = format!(
        "{}.{}",
        URL_SAFE_NO_PAD.encode(r#"{"alg":"RS256","typ":"at+jwt"}"#),
        &without_id[without_id.find('.').unwrap() + 1..]
    );
    assert_eq!(who_am_i(&sidecar, &without_id).await.status, 401, "no key id, and two keys that it could be");
}

#[tokio::test]
async fn tokens_that_are_expired_foreign_or_of_another_kind_are_refused() {
    let (provider, sidecar) = with_jwt().await;
    let bad = |changes: Value| provider.signer.sign("JWT", &provider.claims("api", access(changes)));
    let tokens = [
        ("expired", bad(json!({"exp": now_s() - 120}))),
        ("without expiry", bad(json!({"exp": null}))),
        ("not yet valid", bad(json!({"nbf": now_s() + 120}))),
        ("another issuer's", bad(json!({"iss": "https://id.example.com"}))),
        ("without issuer", bad(json!({"iss": null}))),
        ("another audience's", bad(json!({"aud": "other"}))),
        ("without audience", bad(json!({"aud": null}))),
        ("an ID token by nonce", bad(json!({"nonce": "n"}))),
        ("an ID token by at_hash", bad(json!({"at_hash": "n"}))),
        ("an ID token by typ", bad(json!({"typ": "ID"}))),
        ("a refresh token", bad(json!({"typ": "Refresh"}))),
        ("a logout token", provider.signer.sign("logout+jwt", &provider.claims("api", access(json!({}))))),
        ("without a name", bad(json!({"preferred_username": 7}))),
        (
            "signed with a key of somebody else",
            Signer::new("first").sign("JWT", &provider.claims("api", access(json!({})))),
        ),
        ("signed with an unknown key", Signer::new("unknown").sign("JWT", &provider.claims("api", access(json!({}))))),
    ];
    for (what, token) in tokens {
        let reply = who_am_i(&sidecar, &token).await;
        assert_eq!((reply.status.as_u16(), reply.header("location")), (401, ""), "{what}");
        assert!(reply.challenges()[0].starts_with(r#"Bearer realm="retail", error="invalid_token""#), "{what}");
    }
    assert_eq!(sidecar.engine.count(), 0);
}

#[tokio::test]
async fn unsigned_and_tampered_tokens_are_refused() {
    let (provider, sidecar) = with_jwt().await;
    let claims = provider.claims("api", access(json!({})));
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = provider.signer.sign("JWT", &claims);
    let [header, _, signature] = signed.split('.').collect::<Vec<_>>()[..] else { panic!("a JWT has three parts") };
    let more = part(&provider.claims("api", access(json!({"preferred_username": "admin"}))));
    let key = provider.signer.public()["x"].as_str().unwrap().to_owned();
    let by_public_key = encode(
        &Header { kid: Some("first".into()), ..Header::new(Algorithm::HS256) },
        &claims,
        &EncodingKey::from_secret(key.as_bytes()),
    );
    let tokens = [
        format!("{}.{}.", part(&json!({"alg": "none"})), part(&claims)),
        format!("{}.{}.", part(&json!({"alg": "None", "kid": "first"})), part(&claims)),
        format!("{}.{}", part(&json!({"alg": "none"})), part(&claims)),
        format!("{header}.{more}.{signature}"),
        format!("{header}.{}.", part(&claims)),
        by_public_key.unwrap(),
        "opaque".to_owned(),
    ];
    for token in tokens {
        assert_eq!(who_am_i(&sidecar, &token).await.status, 401, "{token}");
    }
}

#[tokio::test]
async fn a_key_that_was_rotated_in_is_fetched_but_not_at_each_request() {
    let (provider, sidecar) = with_jwt().await;
    let token = |signer: &Signer| signer.sign("JWT", &provider.claims("api", access(json!({}))));
    assert_eq!(who_am_i(&sidecar, &token(&provider.signer)).await.status, 200);
    let before = provider.asked("/jwks");
    for _ in 0..20 {
        assert_eq!(who_am_i(&sidecar, &token(&Signer::new("unknown"))).await.status, 401);
    }
    assert!(provider.asked("/jwks") <= before + 1, "unknown keys must not drive requests to the provider");
}

#[tokio::test]
async fn an_opaque_token_is_what_introspection_says_it_is() {
    let (provider, sidecar) = with_opaque().await;
    {
        let mut script = provider.script.lock().unwrap();
        script.introspection.insert("good".into(), story(json!({})));
        script.introspection.insert("foreign".into(), story(json!({"client_id": "excel"})));
        script.introspection.insert("bound".into(), story(json!({"cnf": {"jkt": "x"}})));
        script.introspection.insert("old".into(), story(json!({"exp": now_s() - 1})));
        script
            .introspection
            .insert("roleless".into(), story(json!({"resource_access": {"cubegate": {"roles": ["user"]}}})));
    }
    for _ in 0..5 {
        let reply = who_am_i(&sidecar, "good").await;
        assert_eq!(
            (reply.status.as_u16(), reply.json()),
            (200, json!({"name": "parisian-user", "roles": ["ROLE_PARIS", "ROLE_USER"]}))
        );
    }
    assert_eq!((provider.asked("/introspect"), provider.asked("/userinfo")), (1, 0), "remembered, and complete");
    for token in ["unknown", "foreign", "bound", "old"] {
        assert_eq!(who_am_i(&sidecar, token).await.status, 401, "{token}");
    }
    assert_eq!(who_am_i(&sidecar, "roleless").await.status, 403, "provider roles that the mapping does not know");
}

#[tokio::test]
async fn what_introspection_leaves_out_comes_from_userinfo_of_the_same_subject() {
    let (provider, sidecar) = with_opaque().await;
    {
        let mut script = provider.script.lock().unwrap();
        let bare = json!({"active": true, "sub": "u1", "client_id": "cubegate"});
        for token in ["good", "crossed", "silent"] {
            script.introspection.insert(token.into(), bare.clone());
        }
        script.userinfo.insert("good".into(), story(json!({})));
        script.userinfo.insert("crossed".into(), story(json!({"sub": "u2"})));
    }
    assert_eq!(who_am_i(&sidecar, "good").await.json()["name"], "parisian-user");
    assert_eq!(who_am_i(&sidecar, "crossed").await.status, 401);
    assert_eq!(who_am_i(&sidecar, "silent").await.status, 401);
}

#[tokio::test]
async fn a_roles_claim_that_introspection_lacks_is_looked_for_in_userinfo() {
    let provider = Provider::start().await;
    let mut config = oidc(&provider.issuer());
    config.roles_claims.push(ClaimPath(vec!["groups".into()]));
    {
        let mut script = provider.script.lock().unwrap();
        let granting = story(json!({"resource_access": {"cubegate": {"roles": ["atoti"]}}}));
        script.introspection.insert("good".into(), granting.clone());
        script.introspection.insert("silent".into(), granting);
        script.userinfo.insert("good".into(), json!({"sub": "u1", "groups": ["paris"]}));
    }
    let sidecar = Sidecar::with(closed_with(Some(Checked::Valid(config)))).await;
    assert_eq!(who_am_i(&sidecar, "good").await.json()["roles"], json!(["ROLE_PARIS", "ROLE_USER"]));
    assert_eq!(who_am_i(&sidecar, "silent").await.status, 401, "what restricts cannot be known");
}

#[tokio::test]
async fn without_introspection_userinfo_decides() {
    let provider = Provider::start().await;
    provider.script.lock().unwrap().hidden.insert("introspection_endpoint");
    provider.script.lock().unwrap().userinfo.insert("good".into(), story(json!({})));
    let sidecar = Sidecar::with(closed_with(Some(Checked::Valid(oidc(&provider.issuer()))))).await;
    assert_eq!(who_am_i(&sidecar, "good").await.json()["name"], "parisian-user");
    assert_eq!(who_am_i(&sidecar, "bad").await.status, 401);
    assert_eq!(provider.asked("/introspect"), 0);
}

#[tokio::test]
async fn a_configured_audience_is_demanded_of_opaque_tokens_too() {
    for (introspects, told, status) in [(true, "api", 200), (true, "cubegate", 401), (false, "api", 503)] {
        let provider = Provider::start().await;
        {
            let mut script = provider.script.lock().unwrap();
            script.introspection.insert("token".into(), story(json!({"aud": told})));
            script.userinfo.insert("token".into(), story(json!({"aud": told})));
            if !introspects {
                script.hidden.insert("introspection_endpoint");
            }
        }
        let config = Oidc { audience: Some("api".into()), ..oidc(&provider.issuer()) };
        let sidecar = Sidecar::with(closed_with(Some(Checked::Valid(config)))).await;
        assert_eq!(who_am_i(&sidecar, "token").await.status, status, "{told}, introspection: {introspects}");
    }
}

#[tokio::test]
async fn many_callers_with_one_token_make_one_exchange() {
    let (provider, sidecar) = with_opaque().await;
    provider.script.lock().unwrap().introspection.insert("good".into(), story(json!({})));
    let replies = futures::future::join_all((0..20).map(|_| who_am_i(&sidecar, "good"))).await;
    assert!(replies.iter().all(|reply| reply.status == 200));
    assert_eq!(provider.asked("/introspect"), 1);
}

#[tokio::test]
async fn while_the_provider_is_down_basic_works_and_tokens_wait() {
    let sidecar = Sidecar::with(closed_with(Some(Checked::Valid(oidc("http://127.0.0.1:1"))))).await;
    assert_eq!(
        get(sidecar.public, "/whoami", &[("authorization", &basic("technical-user", PASSWORD))]).await.status,
        200
    );
    let reply = who_am_i(&sidecar, "token").await;
    assert_eq!((reply.status.as_u16(), reply.header("retry-after")), (503, "1"));
    let login = get(sidecar.public, "/oauth2/authorization/keycloak", &[]).await;
    assert_eq!((login.status.as_u16(), login.header("retry-after")), (503, "1"));
}

#[tokio::test]
async fn a_provider_that_comes_up_later_is_found() {
    let provider = Provider::start().await;
    let address = provider.address;
    drop(provider);
    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    let sidecar = Sidecar::with(closed_with(Some(Checked::Valid(oidc(&format!("http://{address}")))))).await;
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    let provider = Provider::start_at(address).await;
    provider.script.lock().unwrap().introspection.insert("good".into(), story(json!({})));
    assert_eq!(who_am_i(&sidecar, "good").await.status, 200);
}

#[tokio::test]
async fn without_a_provider_a_token_is_wrong_and_while_it_is_broken_nobody_knows() {
    let broken = Checked::Broken(vec!["the Secret is missing".to_owned()]);
    for (door, status) in [(closed(), 401), (closed_with(Some(broken)), 503)] {
        let sidecar = Sidecar::with(door).await;
        assert_eq!(who_am_i(&sidecar, "token").await.status, status);
    }
}
