//! How sessions end: by their user, and by the provider in the back and in the front.

use std::time::Duration;

use cubegate_policy::snapshot::Checked;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::{
    browser::Browser,
    client::{Reply, request, send},
    fixture::{Sidecar, closed_with, oidc},
    provider::{Provider, Signer, now_s},
};

const BACK: &str = "/logout/connect/back-channel/keycloak";
const FRONT: &str = "/logout/connect/front-channel/keycloak";
const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";
const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

async fn with_provider() -> (Provider, Sidecar) {
    let provider = Provider::start().await;
    let sidecar = Sidecar::with(closed_with(Some(Checked::Valid(oidc(&provider.issuer()))))).await;
    (provider, sidecar)
}

/// Someone of this subject, who came of this session at the provider.
async fn logged_in(provider: &Provider, sidecar: &Sidecar, subject: &str, sid: Option<&str>) -> Browser {
    let mut browser = Browser::open(sidecar, "/").await;
    browser.granted(provider, "c", json!({"sub": subject, "sid": sid}));
    assert_eq!(browser.finish(sidecar).await.status, 302);
    assert!(is_in(&browser, sidecar).await);
    browser
}

async fn is_in(browser: &Browser, sidecar: &Sidecar) -> bool {
    browser.asks(sidecar, "/whoami").await.status == 200
}

pub(crate) fn logout_token(provider: &Provider, kind: &str, changes: Value) -> String {
    let mut claims = json!({"jti": format!("{changes}"), "events": {EVENT: {}}});
    claims.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    provider.signer.sign(kind, &provider.claims("cubegate", claims))
}

pub(crate) async fn tell(sidecar: &Sidecar, token: &str) -> Reply {
    post(sidecar, &format!("logout_token={token}")).await
}

async fn post(sidecar: &Sidecar, form: &str) -> Reply {
    send(sidecar.public, request("POST", BACK, &[FORM], form)).await
}

#[tokio::test]
async fn the_provider_ends_one_session_of_a_user_or_all() {
    let (provider, sidecar) = with_provider().await;
    let desk = logged_in(&provider, &sidecar, "u1", Some("p1")).await;
    let phone = logged_in(&provider, &sidecar, "u1", Some("p2")).await;
    let other = logged_in(&provider, &sidecar, "u2", Some("p3")).await;
    let state = async || [is_in(&desk, &sidecar).await, is_in(&phone, &sidecar).await, is_in(&other, &sidecar).await];
    let reply = tell(&sidecar, &logout_token(&provider, "logout+jwt", json!({"sid": "p1"}))).await;
    assert_eq!((reply.status.as_u16(), reply.header("cache-control"), reply.body.len()), (200, "no-store", 0));
    assert_eq!(state().await, [false, true, true]);
    let reply = tell(&sidecar, &logout_token(&provider, "JWT", json!({"sid": null, "sub": "u1"}))).await;
    assert_eq!(reply.status, 200);
    assert_eq!(state().await, [false, false, true]);
    assert_eq!(tell(&sidecar, &logout_token(&provider, "logout+jwt", json!({"sid": "p4"}))).await.status, 200);
    assert_eq!(state().await, [false, false, true]);
    tokio::time::sleep(Duration::from_millis(1100)).await;
    let again = logged_in(&provider, &sidecar, "u1", Some("p5")).await;
    assert!(is_in(&again, &sidecar).await, "a login after the logout is another session");
}

#[tokio::test]
async fn a_session_of_which_the_provider_never_said_a_sid_ends_with_any_of_its_subject() {
    let (provider, sidecar) = with_provider().await;
    let vague = logged_in(&provider, &sidecar, "u1", None).await;
    let precise = logged_in(&provider, &sidecar, "u1", Some("p2")).await;
    assert_eq!(tell(&sidecar, &logout_token(&provider, "logout+jwt", json!({"sid": "p1"}))).await.status, 200);
    assert!(!is_in(&vague, &sidecar).await && is_in(&precise, &sidecar).await);
}

/// OpenID Connect Back-Channel Logout 1.0 §2.6.
#[tokio::test]
async fn whatever_is_no_logout_token_of_the_provider_for_us_ends_nothing() {
    let (provider, sidecar) = with_provider().await;
    let browser = logged_in(&provider, &sidecar, "u1", Some("p1")).await;
    let with = |changes: Value| logout_token(&provider, "logout+jwt", changes);
    let claims = provider.claims("cubegate", json!({"jti": "j", "sid": "p1", "events": {EVENT: {}}}));
    let tokens = [
        ("another issuer's", with(json!({"iss": "https://id.example.com", "sid": "p1"}))),
        ("another client's", with(json!({"aud": "other", "sid": "p1"}))),
        ("without audience", with(json!({"aud": null, "sid": "p1"}))),
        ("expired", with(json!({"exp": now_s() - 120, "sid": "p1"}))),
        ("without expiry", with(json!({"exp": null, "sid": "p1"}))),
        ("too old", with(json!({"iat": now_s() - 600, "sid": "p1"}))),
        ("of the future", with(json!({"iat": now_s() + 600, "sid": "p1"}))),
        ("without a time of issue", with(json!({"iat": null, "sid": "p1"}))),
        ("with a nonce", with(json!({"nonce": "n", "sid": "p1"}))),
        ("without events", with(json!({"events": null, "sid": "p1"}))),
        ("of another event", with(json!({"events": {"http://schemas.openid.net/event/other": {}}, "sid": "p1"}))),
        ("without an id", with(json!({"jti": null, "sid": "p1"}))),
        ("about nobody", with(json!({"sub": null, "sid": null}))),
        ("an access token", logout_token(&provider, "at+jwt", json!({"sid": "p1"}))),
        ("an ID token", provider.signer.sign("JWT", &browser.claims(&provider, json!({"sid": "p1"})))),
        ("somebody else's", Signer::new("first").sign("logout+jwt", &claims)),
        ("of an unknown key", Signer::new("unknown").sign("logout+jwt", &claims)),
        ("unsigned", format!("eyJhbGciOiJub25lIn0.{}.", with(json!({"sid": "p1"})).split('.').nth(1).unwrap())),
        ("no token", "nonsense".to_owned()),
        ("empty", String::new()),
    ];
    for (what, token) in tokens {
        let reply = tell(&sidecar, &token).await;
        assert_eq!((reply.status.as_u16(), reply.header("cache-control")), (400, "no-store"), "{what}");
        assert!(is_in(&browser, &sidecar).await, "{what}");
    }
}

#[tokio::test]
async fn a_logout_token_counts_once_and_comes_in_one_form() {
    let (provider, sidecar) = with_provider().await;
    let token = logout_token(&provider, "logout+jwt", json!({"sid": "p1"}));
    for form in [
        String::new(),
        "logout_token=".into(),
        format!("logout_token={token}&logout_token={token}"),
        format!("token={token}"),
        format!("logout_token={token}&padding={}", "x".repeat(20_000)),
    ] {
        assert_eq!(post(&sidecar, &form).await.status, 400, "{}", &form[..form.len().min(40)]);
    }
    let json = request("POST", BACK, &[("content-type", "application/json")], format!("logout_token={token}"));
    assert_eq!(send(sidecar.public, json).await.status, 400);
    assert_eq!(tell(&sidecar, &token).await.status, 200);
    assert_eq!(tell(&sidecar, &token).await.status, 400, "replayed");
    assert_eq!(send(sidecar.public, request("GET", BACK, &[], "")).await.status, 405);
    let elsewhere = request("POST", "/logout/connect/back-channel/other", &[FORM], format!("logout_token={token}"));
    assert_eq!(send(sidecar.public, elsewhere).await.status, 404);
}

#[tokio::test]
async fn a_form_that_does_not_arrive_keeps_no_connection_busy() {
    let (_provider, sidecar) = with_provider().await;
    let mut stream = TcpStream::connect(sidecar.public).await.unwrap();
    let head =
        format!("POST {BACK} HTTP/1.1\r\nHost: 127.0.0.1\r\n{}: {}\r\nContent-Length: 10\r\n\r\n", FORM.0, FORM.1);
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let closed = tokio::time::timeout(Duration::from_secs(20), stream.read_to_end(&mut answer)).await;
    assert!(closed.is_ok(), "the connection stays open");
    let answer = String::from_utf8_lossy(&answer);
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
}

#[tokio::test]
async fn a_logout_outlives_changes_of_the_policy() {
    let (provider, sidecar) = with_provider().await;
    let browser = logged_in(&provider, &sidecar, "u1", Some("p1")).await;
    assert_eq!(tell(&sidecar, &logout_token(&provider, "logout+jwt", json!({"sid": "p1"}))).await.status, 200);
    let mut config = oidc(&provider.issuer());
    config.scopes.push("email".into());
    sidecar.enforce(2, closed_with(Some(Checked::Valid(config)))).await;
    assert!(!is_in(&browser, &sidecar).await);
}

#[tokio::test]
async fn a_frame_of_the_provider_ends_the_session_of_its_browser_only() {
    let (provider, sidecar) = with_provider().await;
    let mut browser = logged_in(&provider, &sidecar, "u1", Some("p1")).await;
    let other = logged_in(&provider, &sidecar, "u1", Some("p1")).await;
    let own = url::form_urlencoded::byte_serialize(provider.issuer().as_bytes()).collect::<String>();
    for (query, status) in [
        (String::new(), 400),
        (format!("iss={own}"), 400),
        ("sid=p1".into(), 400),
        (format!("iss={own}&sid=p1&sid=p1"), 400),
        (format!("iss={own}&sid=p2"), 200),
        ("iss=https%3A%2F%2Fid.example.com&sid=p1".into(), 200),
    ] {
        let reply = browser.asks(&sidecar, &format!("{FRONT}?{query}")).await;
        assert_eq!((reply.status.as_u16(), reply.header("set-cookie")), (status, ""), "{query}");
    }
    let meant = format!("{FRONT}?iss={own}&sid=p1");
    let stranger = crate::client::get(sidecar.public, &meant, &[]).await;
    assert_eq!((stranger.status.as_u16(), stranger.header("set-cookie")), (200, ""), "without our cookie");
    assert!(is_in(&browser, &sidecar).await && is_in(&other, &sidecar).await);
    let before = browser.jar.clone();
    let reply = browser.asks(&sidecar, &meant).await;
    assert_eq!((reply.status.as_u16(), reply.header("cache-control")), (200, "no-store"));
    browser.jar.take(&reply);
    assert!(browser.jar.0.is_empty());
    browser.jar = before;
    assert!(!is_in(&browser, &sidecar).await, "a copy of its cookie is worth nothing either");
    assert!(is_in(&other, &sidecar).await);
}

#[tokio::test]
async fn logging_out_ends_the_session_here_and_at_the_provider() {
    let (provider, sidecar) = with_provider().await;
    for (method, status) in [("GET", 302), ("POST", 303)] {
        let mut browser = Browser::open(&sidecar, "/").await;
        let id_token = provider.signer.sign("JWT", &browser.claims(&provider, json!({})));
        browser.granted_token(&provider, "c", id_token.clone(), "access");
        browser.finish(&sidecar).await;
        let cookie = browser.jar.header();
        let reply = send(sidecar.public, request(method, "/logout", &[("cookie", &cookie)], "")).await;
        assert_eq!(reply.status, status);
        let home = "post_logout_redirect_uri=http%3A%2F%2F127.0.0.1%3A8080%2F";
        let end = format!("{}/end?client_id=cubegate&{home}&id_token_hint={id_token}", provider.issuer());
        assert_eq!(reply.header("location"), end);
        assert!(!is_in(&browser, &sidecar).await, "a copy of the cookie is worth nothing");
        browser.jar.take(&reply);
        assert!(browser.jar.0.is_empty(), "{:?}", browser.jar);
    }
}

#[tokio::test]
async fn scripts_and_strangers_log_out_without_a_detour() {
    let (provider, sidecar) = with_provider().await;
    let browser = Browser::logged_in(&provider, &sidecar).await;
    let headers = [("cookie", browser.jar.header()), ("x-requested-with", "XMLHttpRequest".to_owned())];
    let headers = headers.each_ref().map(|(name, value)| (*name, value.as_str()));
    let script = send(sidecar.public, request("POST", "/logout", &headers, "")).await;
    assert_eq!((script.status.as_u16(), script.header("location")), (204, ""));
    assert_eq!(
        crate::client::get(sidecar.public, "/logout", &[]).await.header("location"),
        "/",
        "nobody was logged in"
    );
    assert_eq!(send(sidecar.public, request("DELETE", "/logout", &[], "")).await.status, 405);
}
