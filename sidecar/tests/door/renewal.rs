//! How long a session of a person lasts, and what the provider has to say about it.

use std::time::Duration;

use cubegate_policy::snapshot::{Checked, ClaimPath, Oidc, SessionTimeouts};
use serde_json::{Value, json};

use crate::{
    browser::Browser,
    client::{KeptAlive, Reply, get, request},
    fixture::{Sidecar, closed_with, oidc},
    logout::{logout_token, tell},
    provider::{Fault, Grant, Provider, Signer},
};

async fn with(config: Oidc) -> Sidecar {
    Sidecar::with(closed_with(Some(Checked::Valid(config)))).await
}

/// Someone who has logged in with an access token of two seconds and this refresh token, after these seconds. It lives for
/// more than one of them, because whole seconds are counted.
async fn lapsed(provider: &Provider, sidecar: &Sidecar, refresh_token: Option<&str>) -> Browser {
    lapsed_with(provider, sidecar, refresh_token, json!({})).await
}

/// The same with these claims in the ID token of the login.
async fn lapsed_with(provider: &Provider, sidecar: &Sidecar, refresh_token: Option<&str>, claims: Value) -> Browser {
    let mut browser = Browser::open(sidecar, "/").await;
    let id_token = provider.signer.sign("JWT", &browser.claims(provider, claims));
    let grant = Grant {
        challenge: browser.parameter("code_challenge"),
        id_token: Some(id_token),
        access_token: "access".into(),
        refresh_token: refresh_token.map(str::to_owned),
        expires_in: Some(2),
    };
    provider.grant("c", grant);
    assert_eq!(browser.finish(sidecar).await.status, 302);
    assert_eq!(browser.asks(sidecar, "/whoami").await.status, 200, "as long as the access token lives");
    tokio::time::sleep(Duration::from_millis(2100)).await;
    browser
}

async fn begun(refresh_token: Option<&str>) -> (Provider, Sidecar, Browser) {
    let provider = Provider::start().await;
    let sidecar = with(oidc(&provider.issuer())).await;
    let browser = lapsed(&provider, &sidecar, refresh_token).await;
    (provider, sidecar, browser)
}

/// Behind a refresh token: an ID token without nonce, with these claims, and the next refresh token.
fn given(provider: &Provider, changes: Value, next: Option<&str>) -> Grant {
    let mut claims = json!({
        "preferred_username": "parisian-user",
        "resource_access": {"cubegate": {"roles": ["atoti"]}},
    });
    claims.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    let id_token = provider.signer.sign("JWT", &provider.claims("cubegate", claims));
    Grant {
        id_token: Some(id_token),
        access_token: "access".into(),
        refresh_token: next.map(str::to_owned),
        ..Grant::default()
    }
}

fn redeemable(provider: &Provider, token: &str, grant: Grant) {
    provider.script.lock().unwrap().refreshes.insert(token.to_owned(), grant);
}

fn set_names(reply: &Reply) -> Vec<&str> {
    let name = |cookie: &'_ http::HeaderValue| cookie.to_str().unwrap().split('=').next().unwrap().len();
    reply.headers.get_all("set-cookie").iter().map(|cookie| &cookie.to_str().unwrap()[..name(cookie)]).collect()
}

/// `oidcc-client-test-refresh-token`
#[tokio::test]
async fn when_the_access_token_has_expired_the_user_is_read_anew() {
    let (provider, sidecar, mut browser) = begun(Some("r1")).await;
    let next = "the-next-refresh-token";
    redeemable(&provider, "r1", given(&provider, json!({}), Some(next)));
    let reply = browser.asks(&sidecar, "/whoami").await;
    assert_eq!(reply.json(), json!({"name": "parisian-user", "roles": ["ROLE_USER"]}), "no longer in Paris");
    assert_eq!(set_names(&reply), ["cubegate-session", "cubegate-tokens"]);
    assert_eq!(reply.header("cache-control"), "private, no-store");
    for cookie in reply.headers.get_all("set-cookie") {
        let cookie = cookie.to_str().unwrap();
        assert!(cookie.contains("; HttpOnly; SameSite=Lax") && !cookie.contains(next), "{cookie}");
        assert!(cookie.split(';').next().unwrap().len() <= 4096);
    }
    browser.jar.take(&reply);
    for _ in 0..3 {
        let reply = browser.asks(&sidecar, "/whoami").await;
        assert_eq!((reply.status.as_u16(), set_names(&reply).len()), (200, 0));
    }
    assert_eq!(provider.asked("/token"), 2);
}

#[tokio::test]
async fn a_refresh_token_that_is_not_replaced_stays_in_use() {
    let (provider, sidecar, mut browser) = begun(Some("r1")).await;
    for _ in 0..2 {
        redeemable(&provider, "r1", Grant { expires_in: Some(1), ..given(&provider, json!({}), None) });
        let reply = browser.asks(&sidecar, "/whoami").await;
        assert_eq!(reply.status, 200);
        browser.jar.take(&reply);
        tokio::time::sleep(Duration::from_millis(2100)).await;
    }
    assert_eq!(provider.asked("/token"), 3);
}

#[tokio::test]
async fn requests_that_bring_the_old_token_at_once_or_late_cost_one_exchange_and_nobody_their_session() {
    let (provider, sidecar, mut browser) = begun(Some("r1")).await;
    redeemable(&provider, "r1", given(&provider, json!({}), Some("r2")));
    provider.script.lock().unwrap().delay = Duration::from_millis(100);
    let at_once = futures::future::join_all((0..20).map(|_| browser.asks(&sidecar, "/whoami"))).await;
    let late = browser.asks(&sidecar, "/whoami").await;
    for reply in at_once.iter().chain([&late]) {
        assert_eq!((reply.status.as_u16(), set_names(reply).len()), (200, 2));
    }
    assert_eq!((provider.asked("/token"), provider.script.lock().unwrap().refused_grants), (2, 0));
    browser.jar.take(&late);
    assert_eq!(browser.asks(&sidecar, "/whoami").await.status, 200);
}

#[tokio::test]
async fn whoever_hangs_up_meanwhile_keeps_their_session() {
    let (provider, sidecar, browser) = begun(Some("r1")).await;
    redeemable(&provider, "r1", given(&provider, json!({}), Some("r2")));
    provider.script.lock().unwrap().delay = Duration::from_millis(300);
    let cookie = browser.jar.header();
    let mut connection = KeptAlive::open(sidecar.public).await;
    let asked = connection.send(request("GET", "/whoami", &[("cookie", &cookie)], ""));
    assert!(tokio::time::timeout(Duration::from_millis(100), asked).await.is_err());
    drop(connection);
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(browser.asks(&sidecar, "/whoami").await.status, 200);
    assert_eq!((provider.asked("/token"), provider.script.lock().unwrap().refused_grants), (2, 0));
}

#[tokio::test]
async fn a_provider_that_refuses_ends_the_session() {
    let (provider, sidecar, browser) = begun(Some("revoked")).await;
    for _ in 0..3 {
        let reply = browser.asks(&sidecar, "/whoami").await;
        assert_eq!((reply.status.as_u16(), reply.header("location")), (302, "/oauth2/authorization/keycloak"));
    }
    let script = [("cookie", browser.jar.header()), ("x-requested-with", "XMLHttpRequest".to_owned())];
    let script = script.each_ref().map(|(name, value)| (*name, value.as_str()));
    assert_eq!(get(sidecar.public, "/whoami", &script).await.status, 401);
    assert_eq!(provider.script.lock().unwrap().refused_grants, 1, "and it is not asked again at each request");
}

/// `oidcc-client-test-refresh-token-invalid-issuer`, `oidcc-client-test-refresh-token-invalid-sub`, and what else
/// OpenID Connect Core §12.2 asks for.
#[tokio::test]
async fn an_id_token_of_a_refresh_that_is_not_of_the_same_login_ends_the_session() {
    let cases = [
        json!({"iss": "https://id.example.com"}),
        json!({"sub": "u2"}),
        json!({"sub": null}),
        json!({"aud": "other"}),
        json!({"azp": "other"}),
        json!({"nonce": "another"}),
        json!({"iat": null}),
        json!({"exp": 1}),
        json!({"preferred_username": null}),
    ];
    let ended = cases.map(|changes| async move {
        let (provider, sidecar, browser) = begun(Some("r1")).await;
        redeemable(&provider, "r1", given(&provider, changes.clone(), Some("r2")));
        provider.script.lock().unwrap().userinfo.insert("access".into(), json!({"sub": "u1"}));
        assert_eq!(browser.asks(&sidecar, "/whoami").await.status, 302, "{changes}");
    });
    futures::future::join_all(ended).await;
    let (provider, sidecar, browser) = begun(Some("r1")).await;
    let forged = Signer::new("first").sign("JWT", &browser.claims(&provider, json!({})));
    redeemable(&provider, "r1", Grant { id_token: Some(forged), access_token: "access".into(), ..Grant::default() });
    assert_eq!(browser.asks(&sidecar, "/whoami").await.status, 302, "signed by somebody else");
}

#[tokio::test]
async fn the_nonce_of_the_login_may_come_again() {
    let (provider, sidecar, browser) = begun(Some("r1")).await;
    redeemable(&provider, "r1", given(&provider, json!({"nonce": browser.parameter("nonce")}), Some("r2")));
    assert_eq!(browser.asks(&sidecar, "/whoami").await.status, 200);
}

#[tokio::test]
async fn without_an_id_token_every_claim_must_be_found_elsewhere() {
    let roles = json!({"cubegate": {"roles": ["atoti"]}});
    for (claims, status) in [
        (json!({"sub": "u1", "preferred_username": "parisian-user", "resource_access": roles}), 200),
        (json!({"sub": "u1", "preferred_username": "parisian-user"}), 302),
        (json!({"sub": "u1", "resource_access": roles}), 302),
        (json!({"sub": "u2", "preferred_username": "parisian-user", "resource_access": roles}), 302),
    ] {
        let (provider, sidecar, browser) = begun(Some("r1")).await;
        provider.script.lock().unwrap().userinfo.insert("access".into(), claims.clone());
        redeemable(&provider, "r1", Grant { access_token: "access".into(), ..Grant::default() });
        assert_eq!(browser.asks(&sidecar, "/whoami").await.status, status, "{claims}");
    }
}

#[tokio::test]
async fn a_claim_that_the_login_found_must_be_found_again() {
    let (roles, shops) = (json!({"cubegate": {"roles": ["atoti"]}}), ClaimPath(vec!["shops".into()]));
    let towns = ClaimPath(vec!["towns".into()]);
    let cases = [
        (json!({"shops": ["S2"]}), json!({}), 200),
        (json!({"shops": []}), json!({}), 200),
        (json!({}), json!({}), 302),
        (json!({"shops": null}), json!({}), 302),
        (json!({}), json!({"shops": ["S2"]}), 200),
        (json!({"shops": ["S2"], "resource_access": null}), json!({}), 302),
        (json!({"shops": ["S2"], "resource_access": null}), json!({"resource_access": roles}), 200),
    ];
    let asked = cases.map(|(id_claims, user_info, status)| {
        let attribute_claims = [shops.clone(), towns.clone()].into();
        async move {
            let provider = Provider::start().await;
            let mut user_info = user_info;
            user_info["sub"] = json!("u1");
            provider.script.lock().unwrap().userinfo.insert("access".into(), user_info.clone());
            let sidecar = with(Oidc { attribute_claims, ..oidc(&provider.issuer()) }).await;
            let browser = lapsed_with(&provider, &sidecar, Some("r1"), json!({"shops": ["S1"]})).await;
            redeemable(&provider, "r1", given(&provider, id_claims.clone(), Some("r2")));
            let reply = browser.asks(&sidecar, "/whoami").await;
            assert_eq!(reply.status, status, "{id_claims} and {user_info}: nobody ever said anything of towns");
        }
    });
    futures::future::join_all(asked).await;
}

#[tokio::test]
async fn an_answer_that_wants_the_user_ends_the_session() {
    let ended = ["interaction_required", "login_required", "access_denied"].map(|error| async move {
        let (provider, sidecar, browser) = begun(Some("r1")).await;
        let fault = Fault::Says(400, json!({"error": error}).to_string());
        provider.script.lock().unwrap().faults.insert("/token", fault);
        assert_eq!(browser.asks(&sidecar, "/whoami").await.status, 302, "{error}");
    });
    futures::future::join_all(ended).await;
}

#[tokio::test]
async fn a_logout_that_arrives_while_the_provider_is_asked_counts() {
    let told =
        [json!({"sid": null}), json!({"sid": "p1"}), json!({"sub": null, "sid": "p2"})].map(|changes| async move {
            let (provider, sidecar, browser) = begun(Some("r1")).await;
            redeemable(&provider, "r1", given(&provider, json!({"sid": "p2"}), Some("r2")));
            let token = logout_token(&provider, "logout+jwt", changes.clone());
            provider.script.lock().unwrap().delay = Duration::from_secs(2);
            let logout = async {
                tokio::time::sleep(Duration::from_millis(500)).await;
                tell(&sidecar, &token).await
            };
            let (reply, told) = tokio::join!(browser.asks(&sidecar, "/whoami"), logout);
            assert_eq!((told.status.as_u16(), provider.asked("/token")), (200, 2));
            assert_eq!(
                (reply.status.as_u16(), set_names(&reply).contains(&"cubegate-session")),
                (302, false),
                "{changes}"
            );
        });
    futures::future::join_all(told).await;
}

#[tokio::test]
async fn while_the_provider_cannot_be_asked_a_session_lives_on_and_asks_seldom() {
    let (provider, sidecar, browser) = begun(Some("r1")).await;
    for fault in [
        Fault::Says(503, "<html>".into()),
        Fault::Says(500, json!({"error": "server_error"}).to_string()),
        Fault::Says(401, json!({"error": "invalid_client"}).to_string()),
    ] {
        provider.script.lock().unwrap().faults.insert("/token", fault);
        for _ in 0..5 {
            let reply = browser.asks(&sidecar, "/whoami").await;
            assert_eq!((reply.status.as_u16(), set_names(&reply).len()), (200, 0));
        }
    }
    assert_eq!(provider.asked("/token"), 2, "for the login, and once since");
}

#[tokio::test]
async fn without_a_refresh_token_or_with_one_too_large_to_keep_a_session_ends_with_its_access_token() {
    let large = "r".repeat(4000);
    for refresh_token in [None, Some(large.as_str())] {
        let (provider, sidecar, browser) = begun(refresh_token).await;
        assert_eq!(browser.asks(&sidecar, "/whoami").await.status, 302);
        assert_eq!(provider.asked("/token"), 1);
    }
}

#[tokio::test]
async fn tokens_of_another_session_are_worth_nothing() {
    let (provider, sidecar, mut browser) = begun(Some("r1")).await;
    let other = lapsed(&provider, &sidecar, Some("r2")).await;
    for token in ["r1", "r2"] {
        redeemable(&provider, token, given(&provider, json!({}), None));
    }
    let own = browser.jar.0.insert("cubegate-tokens".into(), other.jar.0["cubegate-tokens"].clone()).unwrap();
    assert_eq!(browser.asks(&sidecar, "/whoami").await.status, 302);
    browser.jar.0.insert("cubegate-tokens".into(), browser.jar.0["cubegate-session"].clone());
    assert_eq!(browser.asks(&sidecar, "/whoami").await.status, 302);
    browser.jar.0.insert("cubegate-tokens".into(), own);
    assert_eq!(browser.asks(&sidecar, "/whoami").await.status, 200);
}

#[tokio::test]
async fn whoever_is_refused_by_the_policy_gets_the_new_tokens_too() {
    let (provider, sidecar, mut browser) = begun(Some("r1")).await;
    let nobody = json!({"resource_access": {"cubegate": {"roles": []}}});
    redeemable(&provider, "r1", given(&provider, nobody, Some("r2")));
    let reply = browser.asks(&sidecar, "/api").await;
    assert_eq!((reply.status.as_u16(), set_names(&reply)), (403, vec!["cubegate-session", "cubegate-tokens"]));
    browser.jar.take(&reply);
    assert_eq!(browser.asks(&sidecar, "/api").await.status, 403);
    assert_eq!(provider.asked("/token"), 2);
}

#[tokio::test]
async fn sessions_end_as_early_as_the_session_object_says() {
    let provider = Provider::start().await;
    for (session, is_kept_alive_by_use) in [
        (SessionTimeouts { idle_s: 3, absolute_s: 600 }, true),
        (SessionTimeouts { idle_s: 600, absolute_s: 2 }, false),
    ] {
        let sidecar = with(Oidc { session, ..oidc(&provider.issuer()) }).await;
        let mut browser = Browser::logged_in(&provider, &sidecar).await;
        for _ in 0..3 {
            tokio::time::sleep(Duration::from_secs(1)).await;
            let reply = browser.asks(&sidecar, "/whoami").await;
            browser.jar.take(&reply);
        }
        let status = browser.asks(&sidecar, "/whoami").await.status;
        assert_eq!(status == 200, is_kept_alive_by_use, "{session:?}");
        tokio::time::sleep(Duration::from_millis(3100)).await;
        assert_eq!(browser.asks(&sidecar, "/whoami").await.status, 302, "{session:?}");
    }
}
