//! Several providers beside each other, and the pages that people see of us.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use cubegate_policy::snapshot::{Authentication, Checked, Door, Oidc};
use serde_json::json;
use sha2::{Digest as _, Sha256};

use crate::{
    browser::Browser,
    client::{Jar, Reply, get, request, send},
    fixture::{PASSWORD, Sidecar, basic, closed_with_providers, oidc, partners},
    provider::{Fault, Provider},
};

/// Exchanges with one provider at once.
const EXCHANGES_MAX: usize = 64;

const PAGE: (&str, &str) = ("accept", "text/html");

/// The story's own provider, whose access tokens are opaque, and that of its partners.
async fn with_partners() -> (Provider, Provider, Sidecar) {
    let (own, other) = (Provider::start().await, Provider::start().await);
    let foreign_prefixes = ["partners:".to_owned()].into();
    let first = Oidc { foreign_prefixes, ..oidc(&own.issuer()) };
    let sidecar = Sidecar::with(closed_with_providers(first, [partners(&other.issuer())])).await;
    (own, other, sidecar)
}

async fn bearing(sidecar: &Sidecar, token: &str) -> Reply {
    get(sidecar.public, "/whoami", &[("authorization", &format!("Bearer {token}"))]).await
}

/// Opens a page, and logs in at one of the providers.
async fn logged_in(provider: &Provider, sidecar: &Sidecar, at: &'static str, page: &str) -> (Browser, Reply) {
    let mut jar = Jar::default();
    let reply = get(sidecar.public, page, &[PAGE]).await;
    assert_eq!((reply.status.as_u16(), reply.header("location")), (302, "/login"));
    jar.take(&reply);
    let mut browser = Browser::choose(sidecar, jar, at).await;
    assert!(browser.url.as_str().starts_with(&provider.issuer()), "{}", browser.url);
    browser.granted(provider, "c", json!({"sid": "p1"}));
    let reply = browser.finish(sidecar).await;
    (browser, reply)
}

#[tokio::test]
async fn people_choose_their_provider_and_go_on_to_the_page_that_they_wanted() {
    let (own, other, sidecar) = with_partners().await;
    for (provider, at, user, roles) in [
        (&own, "keycloak", "parisian-user", json!(["ROLE_PARIS", "ROLE_USER"])),
        (&other, "partners", "partners:parisian-user", json!(["ROLE_USER"])),
    ] {
        let (browser, reply) = logged_in(provider, &sidecar, at, "/sales?x=1").await;
        assert_eq!((reply.status.as_u16(), reply.header("location")), (302, "/sales?x=1"), "{reply:?}");
        assert_eq!(browser.asks(&sidecar, "/whoami").await.json(), json!({"name": user, "roles": roles}));
    }
}

#[tokio::test]
async fn the_choice_is_a_page_for_people_and_json_for_programs() {
    let (_own, _other, sidecar) = with_partners().await;
    let page = get(sidecar.public, "/login", &[PAGE]).await;
    let text = String::from_utf8(page.body.to_vec()).unwrap();
    assert_eq!((page.status.as_u16(), page.header("content-type")), (200, "text/html; charset=utf-8"));
    assert!(text.contains("<a href=\"/oauth2/authorization/keycloak\">keycloak</a>"), "{text}");
    let partners = "<a href=\"/oauth2/authorization/partners\">Friends &amp; &lt;partners&gt;</a>";
    assert!(text.contains(partners), "{text}");
    is_harmless(&page);

    let choices = get(sidecar.public, "/login", &[("accept", "application/json")]).await.json();
    assert_eq!(choices["providers"][1]["loginUrl"], "/oauth2/authorization/partners");
    let posted = send(sidecar.public, request("POST", "/login", &[PAGE], "")).await;
    assert_eq!(posted.status, 405);
}

#[tokio::test]
async fn a_bearer_token_is_judged_by_the_issuer_that_it_names_and_by_no_other() {
    let (own, other, sidecar) = with_partners().await;
    let claims = |provider: &Provider| {
        let roles = json!({"cubegate": {"roles": ["atoti"]}});
        provider.claims("api", json!({"preferred_username": "alice", "scope": "x", "resource_access": roles}))
    };
    let token = other.signer.sign("at+jwt", &claims(&other));
    assert_eq!(bearing(&sidecar, &token).await.json()["name"], "partners:alice");
    assert_eq!(own.asked("/introspect"), 0, "nobody else gets to see the token");

    for (what, token) in [
        ("signed by another than it names", own.signer.sign("at+jwt", &claims(&other))),
        ("naming the other's issuer", other.signer.sign("at+jwt", &claims(&own))),
        ("of an issuer that nobody knows", other.signer.sign("at+jwt", &json!({"iss": "https://x.example.com"}))),
        ("opaque, and not active", "opaque".to_owned()),
    ] {
        assert_eq!(bearing(&sidecar, &token).await.status, 401, "{what}");
    }
    assert_eq!(own.asked("/introspect"), 2, "the one that names it, and the one that names nobody");
    let active = json!({"active": true, "client_id": "cubegate", "sub": "u", "preferred_username": "bob",
        "resource_access": {"cubegate": {"roles": ["atoti"]}}});
    own.script.lock().unwrap().introspection.insert("good".into(), active);
    assert_eq!(bearing(&sidecar, "good").await.json()["name"], "bob");
    assert_eq!(other.asked("/introspect"), 0, "opaque tokens are for one provider only");
}

#[tokio::test]
async fn nobody_goes_by_a_name_that_is_another_providers_to_give() {
    let (own, _other, sidecar) = with_partners().await;
    let active = json!({"active": true, "client_id": "cubegate", "sub": "u", "preferred_username": "partners:alice",
        "resource_access": {"cubegate": {"roles": ["atoti"]}}});
    own.script.lock().unwrap().introspection.insert("t".into(), active);
    assert_eq!(bearing(&sidecar, "t").await.status, 401);
}

#[tokio::test]
async fn a_login_that_began_at_one_provider_is_not_finished_at_another() {
    let (own, other, sidecar) = with_partners().await;
    let browser = Browser::choose(&sidecar, Jar::default(), "keycloak").await;
    browser.granted(&other, "c", json!({}));
    let query = format!("code=c&state={}", browser.parameter("state"));
    let reply = browser.asks(&sidecar, &format!("/login/oauth2/code/partners?{query}")).await;
    assert_eq!((reply.status.as_u16(), other.asked("/token")), (400, 0));
    browser.granted(&own, "c", json!({}));
    assert_eq!(browser.back(&sidecar, &query).await.status, 302, "the right one still takes it");
}

#[tokio::test]
async fn a_provider_that_is_down_keeps_nobody_out_but_its_own_users() {
    let own = Provider::start().await;
    let sidecar = Sidecar::with(closed_with_providers(oidc(&own.issuer()), [partners("http://127.0.0.1:1")])).await;
    let (browser, reply) = logged_in(&own, &sidecar, "keycloak", "/").await;
    assert_eq!(reply.status, 302);
    let robot = basic("technical-user", PASSWORD);
    let robot = [("authorization", robot.as_str())];
    let (begin, by_cookie, by_password) = tokio::join!(
        get(sidecar.public, "/oauth2/authorization/partners", &[PAGE]),
        browser.asks(&sidecar, "/whoami"),
        get(sidecar.public, "/whoami", &robot)
    );
    assert_eq!([begin.status.as_u16(), by_cookie.status.as_u16(), by_password.status.as_u16()], [503, 200, 200]);
    is_harmless(&begin);
}

#[tokio::test]
async fn a_logout_leads_to_the_provider_of_the_session_and_ends_no_session_of_another() {
    let (own, other, sidecar) = with_partners().await;
    let (browser, _) = logged_in(&own, &sidecar, "keycloak", "/").await;
    let (partner, _) = logged_in(&other, &sidecar, "partners", "/").await;
    let claims = json!({"jti": "j", "sid": "p1", "events": {"http://schemas.openid.net/event/backchannel-logout": {}}});
    let token = other.signer.sign("logout+jwt", &other.claims("cubegate", claims));
    let form = [("content-type", "application/x-www-form-urlencoded")];
    let same_id =
        json!({"jti": "j", "sid": "p2", "events": {"http://schemas.openid.net/event/backchannel-logout": {}}});
    let of_own = own.signer.sign("logout+jwt", &own.claims("cubegate", same_id));
    for (at, token, status) in [("keycloak", &token, 400), ("partners", &token, 200), ("keycloak", &of_own, 200)] {
        let path = format!("/logout/connect/back-channel/{at}");
        let reply = send(sidecar.public, request("POST", &path, &form, format!("logout_token={token}"))).await;
        assert_eq!(reply.status, status, "{at}");
    }
    assert_eq!(partner.asks(&sidecar, "/whoami").await.status, 302, "ended");
    assert_eq!(browser.asks(&sidecar, "/whoami").await.status, 200, "same `sid`, another provider");
    let reply = browser.asks(&sidecar, "/logout").await;
    assert!(reply.header("location").starts_with(&format!("{}/end?", own.issuer())), "{reply:?}");
}

#[tokio::test]
async fn a_further_provider_voids_no_session_of_the_first() {
    let (own, other, sidecar) = with_partners().await;
    let (browser, _) = logged_in(&own, &sidecar, "keycloak", "/").await;
    let (partner, _) = logged_in(&other, &sidecar, "partners", "/").await;
    sidecar.enforce(2, closed_with_providers(oidc(&own.issuer()), [])).await;
    assert_eq!(browser.asks(&sidecar, "/whoami").await.status, 200);
    assert_eq!(partner.asks(&sidecar, "/whoami").await.status, 302, "its provider is not trusted any more");
}

/// With the first provider's users called this.
async fn known_as(own: &Provider, sidecar: &Sidecar, name: &str, roles: &[&str]) -> Browser {
    let mut browser = Browser::choose(sidecar, Jar::default(), "keycloak").await;
    let roles = json!({"cubegate": {"roles": roles}});
    browser.granted(own, "c", json!({"preferred_username": name, "resource_access": roles}));
    assert_eq!(browser.finish(sidecar).await.status, 302);
    browser
}

#[tokio::test]
async fn a_name_that_becomes_another_providers_to_give_ends_the_sessions_that_have_it() {
    let (own, other) = (Provider::start().await, Provider::start().await);
    let sidecar = Sidecar::with(closed_with_providers(oidc(&own.issuer()), [])).await;
    let alice = known_as(&own, &sidecar, "alice", &["atoti"]).await;
    let bob = known_as(&own, &sidecar, "partners:bob", &["atoti"]).await;
    let carol = known_as(&own, &sidecar, "carol", &["atoti", "partners:paris"]).await;
    let statuses = async || {
        let mut statuses = Vec::new();
        for browser in [&alice, &bob, &carol] {
            statuses.push(browser.asks(&sidecar, "/whoami").await.status.as_u16());
        }
        statuses
    };
    assert_eq!(statuses().await, [200, 200, 200]);
    let first = Oidc { foreign_prefixes: ["partners:".to_owned()].into(), ..oidc(&own.issuer()) };
    sidecar.enforce(2, closed_with_providers(first, [partners(&other.issuer())])).await;
    assert_eq!(statuses().await, [200, 302, 302], "whoever has a name of their own stays");
}

/// With a provider beside the others that is not configured soundly.
fn with_broken(mut door: Door, id: &str) -> Door {
    let Authentication::Closed(ways) = &mut door.authentication else { panic!("it is closed") };
    ways.additional_oidc.insert(id.to_owned(), Checked::Broken(vec!["its Secret is missing".to_owned()]));
    door
}

#[tokio::test]
async fn while_a_provider_is_broken_no_token_that_may_be_of_its_users_is_shown_to_another() {
    let (own, other) = (Provider::start().await, Provider::start().await);
    let sidecar = Sidecar::with(with_broken(closed_with_providers(oidc(&own.issuer()), []), "partners")).await;
    let token = other.signer.sign("at+jwt", &other.claims("api", json!({"preferred_username": "alice"})));
    assert_eq!(bearing(&sidecar, &token).await.status, 503);
    assert_eq!(own.asked("/introspect"), 0);
    let token = own.signer.sign("at+jwt", &own.claims("api", json!({})));
    for (what, token) in [("that names its issuer", token.as_str()), ("that names nobody", "opaque")] {
        assert_eq!(bearing(&sidecar, token).await.status, 401, "{what}");
    }
    assert_eq!(own.asked("/introspect"), 2);

    let page = get(sidecar.public, "/sales", &[PAGE]).await;
    assert_eq!((page.status.as_u16(), page.header("location")), (302, "/login"));
    let choices = get(sidecar.public, "/login", &[("accept", "application/json")]).await.json();
    assert_eq!(choices["providers"].as_array().unwrap().len(), 1, "nobody is sent to another's provider unasked");

    sidecar.enforce(2, with_broken(closed_with_providers(partners(&other.issuer()), []), "opaque")).await;
    assert_eq!(bearing(&sidecar, "opaque").await.status, 503, "it may be of the one that is broken");
}

#[tokio::test]
async fn a_provider_that_does_not_answer_holds_up_no_exchange_with_another() {
    let (own, other, sidecar) = with_partners().await;
    own.script.lock().unwrap().faults.insert("/introspect", Fault::Stalls);
    let public = sidecar.public;
    let stuck = (0..EXCHANGES_MAX).map(|number| async move {
        get(public, "/whoami", &[("authorization", &format!("Bearer opaque-{number}"))]).await
    });
    let stuck = tokio::spawn(futures::future::join_all(stuck));
    while own.asked("/introspect") < EXCHANGES_MAX {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let login = logged_in(&other, &sidecar, "partners", "/");
    let (_, reply) = tokio::time::timeout(Duration::from_secs(2), login).await.unwrap();
    assert_eq!(reply.status, 302);
    stuck.abort();
}

#[tokio::test]
async fn people_are_told_on_a_page_and_programs_by_a_problem() {
    let (own, _other, sidecar) = with_partners().await;
    let mut browser = Browser::choose(&sidecar, Jar::default(), "keycloak").await;
    browser.granted(&own, "c", json!({"resource_access": {"cubegate": {"roles": []}}}));
    browser.finish(&sidecar).await;
    let cookie = browser.jar.header();
    let page = get(sidecar.public, "/", &[PAGE, ("cookie", &cookie)]).await;
    let text = String::from_utf8(page.body.to_vec()).unwrap();
    assert_eq!(page.status, 403);
    assert!(text.contains("<a href=\"/logout\">"), "whoever is nobody here can come back as another: {text}");
    is_harmless(&page);
    let problem = get(sidecar.public, "/", &[("accept", "application/json"), ("cookie", &cookie)]).await;
    assert_eq!((problem.status.as_u16(), problem.header("content-type")), (403, "application/problem+json"));

    let failed = get(sidecar.public, "/login/oauth2/code/keycloak?code=c&state=s", &[PAGE]).await;
    assert!(failed.status == 400 && String::from_utf8_lossy(&failed.body).contains("<a href=\"/login\">"));
    own.script.lock().unwrap().hidden.insert("end_session_endpoint");
    sidecar.enforce(2, closed_with_providers(Oidc { client_id: "again".into(), ..oidc(&own.issuer()) }, [])).await;
    let signed_out = get(sidecar.public, "/logout", &[PAGE, ("cookie", &cookie)]).await;
    assert!(signed_out.status == 200 && String::from_utf8_lossy(&signed_out.body).contains("You are signed out"));
    is_harmless(&signed_out);
}

/// A page that runs nothing, loads nothing, is in no frame and no cache, and can be read aloud.
fn is_harmless(page: &Reply) {
    let text = std::str::from_utf8(&page.body).unwrap();
    let (_, style) = text.split_once("<style>").unwrap();
    let (style, rest) = style.split_once("</style>").unwrap();
    let hash = STANDARD.encode(Sha256::digest(style));
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{hash}'; form-action 'none'; frame-ancestors 'none'; base-uri 'none'"
    );
    assert_eq!(page.header("content-security-policy"), policy);
    for (name, value) in
        [("x-frame-options", "DENY"), ("cache-control", "no-store"), ("x-content-type-options", "nosniff")]
    {
        assert_eq!(page.header(name), value);
    }
    assert!(text.starts_with("<!doctype html><html lang=\"en\">") && text.contains("<title>"), "{text}");
    assert!(rest.contains("<main><h1>") && !text.contains("<script") && !rest.contains("style="), "{text}");
}
