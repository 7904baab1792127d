//! People with browsers.

use cubegate_policy::snapshot::{Checked, ClaimPath, Oidc};
use serde_json::json;

use crate::{
    browser::Browser,
    client::{Jar, get, request, send},
    fixture::{Sidecar, closed_with, oidc, oidc_jwt},
    provider::{Provider, Signer, now_s},
};

async fn with_provider() -> (Provider, Sidecar) {
    let provider = Provider::start().await;
    let sidecar = Sidecar::with(closed_with(Some(Checked::Valid(oidc(&provider.issuer()))))).await;
    (provider, sidecar)
}

#[tokio::test]
async fn a_login_ends_at_the_page_that_was_asked_for() {
    let (provider, sidecar) = with_provider().await;
    let mut browser = Browser::open(&sidecar, "/sales/by%20city?x=1&y=a%2Fb").await;
    assert!(browser.url.as_str().starts_with(&format!("{}/authorize?", provider.issuer())));
    for (name, value) in [
        ("response_type", "code"),
        ("client_id", "cubegate"),
        ("code_challenge_method", "S256"),
        ("scope", "openid profile roles"),
        ("redirect_uri", "http://127.0.0.1:8080/login/oauth2/code/keycloak"),
    ] {
        assert_eq!(browser.parameter(name), value);
    }
    browser.granted(&provider, "c1", json!({}));
    let reply = browser.back(&sidecar, &format!("code=c1&state={}&session_state=x", browser.parameter("state"))).await;
    assert_eq!((reply.status.as_u16(), reply.header("location")), (302, "/sales/by%20city?x=1&y=a%2Fb"), "{reply:?}");
    let cookie = reply
        .headers
        .get_all("set-cookie")
        .iter()
        .map(|value| value.to_str().unwrap())
        .find(|value| value.starts_with("cubegate-session="))
        .unwrap();
    assert!(
        cookie.contains("; HttpOnly")
            && cookie.contains("; SameSite=Lax")
            && cookie.contains("; Path=/")
            && !cookie.contains("paris")
    );
    assert!(cookie.split(';').next().unwrap().len() <= 1536);

    browser.jar.take(&reply);
    let kept: Vec<&str> = browser.jar.0.keys().map(String::as_str).collect();
    assert_eq!(kept, ["cubegate-session", "cubegate-tokens"], "nothing of the login stays");
    let reply = get(sidecar.public, "/whoami", &[("cookie", &browser.jar.header())]).await;
    assert_eq!(reply.json(), json!({"name": "parisian-user", "roles": ["ROLE_PARIS", "ROLE_USER"]}));
    get(sidecar.public, "/api", &[("cookie", &browser.jar.header())]).await;
    assert_eq!(sidecar.engine.last().headers["x-cubegate-user"], "parisian-user");
}

#[tokio::test]
async fn each_login_gets_a_session_and_secrets_of_its_own() {
    let (provider, sidecar) = with_provider().await;
    let mut sessions = Vec::new();
    for code in ["c1", "c2"] {
        let mut browser = Browser::open(&sidecar, "/").await;
        browser.granted(&provider, code, json!({}));
        let reply = browser.back(&sidecar, &format!("code={code}&state={}", browser.parameter("state"))).await;
        browser.jar.take(&reply);
        sessions.push((
            browser.parameter("state"),
            browser.parameter("nonce"),
            browser.parameter("code_challenge"),
            browser.jar.0["cubegate-session"].clone(),
        ));
    }
    assert!(
        sessions[0].0 != sessions[1].0
            && sessions[0].1 != sessions[1].1
            && sessions[0].2 != sessions[1].2
            && sessions[0].3 != sessions[1].3
    );
}

#[tokio::test]
async fn a_state_works_once_and_in_its_own_browser_and_before_the_code_is_redeemed() {
    let (provider, sidecar) = with_provider().await;
    let browser = Browser::open(&sidecar, "/").await;
    browser.granted(&provider, "c1", json!({}));
    let state = browser.parameter("state");
    let stranger = get(sidecar.public, &format!("/login/oauth2/code/keycloak?code=c1&state={state}"), &[]).await;
    assert_eq!(stranger.status, 400, "another browser");
    for query in [
        String::new(),
        "code=c1".into(),
        format!("state={state}"),
        "code=c1&state=".into(),
        "code=c1&state=wrong".into(),
        format!("code=c1&state={state}&state={state}"),
        format!("code=c1&code=c1&state={state}"),
    ] {
        assert_eq!(browser.back(&sidecar, &query).await.status, 400, "{query}");
    }
    assert_eq!(provider.asked("/token"), 0, "no code is redeemed for a state that is not ours");
    assert_eq!(browser.back(&sidecar, &format!("code=c1&state={state}")).await.status, 302);
    browser.granted(&provider, "c2", json!({}));
    let replayed = browser.back(&sidecar, &format!("code=c2&state={state}")).await;
    assert_eq!((replayed.status.as_u16(), replayed.header("set-cookie")), (400, ""));
    assert_eq!(provider.asked("/token"), 1);
}

#[tokio::test]
async fn id_tokens_that_are_old_or_of_another_exchange_are_refused() {
    let (provider, sidecar) = with_provider().await;
    for (what, changes) in [
        ("expired", json!({"exp": now_s() - 120})),
        ("without expiry", json!({"exp": null})),
        ("another access token", json!({"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"})),
    ] {
        let browser = Browser::open(&sidecar, "/").await;
        browser.granted(&provider, "c", changes);
        let reply = browser.back(&sidecar, &format!("code=c&state={}", browser.parameter("state"))).await;
        assert_eq!((reply.status.as_u16(), reply.header("set-cookie")), (403, ""), "{what}");
    }
}

#[tokio::test]
async fn the_issuer_of_the_answer_counts_when_it_is_there_or_promised() {
    let provider = Provider::start().await;
    provider.script.lock().unwrap().advertised.insert("authorization_response_iss_parameter_supported", json!(true));
    let sidecar = Sidecar::with(closed_with(Some(Checked::Valid(oidc(&provider.issuer()))))).await;
    for (issuer, status) in [
        (String::new(), 400),
        ("&iss=https%3A%2F%2Fid.example.com".into(), 400),
        (format!("&iss={}", provider.issuer()), 302),
    ] {
        let browser = Browser::open(&sidecar, "/").await;
        browser.granted(&provider, "c", json!({}));
        let reply = browser.back(&sidecar, &format!("code=c&state={}{issuer}", browser.parameter("state"))).await;
        assert_eq!(reply.status, status, "{issuer}");
    }
}

/// Roles in a claim of its own besides the story's.
fn with_groups(config: Oidc) -> Oidc {
    let mut roles_claims = vec![ClaimPath(vec!["groups".into()])];
    roles_claims.extend(config.roles_claims);
    Oidc { roles_claims, ..config }
}

#[tokio::test]
async fn a_roles_claim_that_the_id_token_lacks_is_looked_for_in_userinfo() {
    let provider = Provider::start().await;
    let config = with_groups(oidc(&provider.issuer()));
    let sidecar = Sidecar::with(closed_with(Some(Checked::Valid(config)))).await;
    let restricting = json!({"sub": "u1", "resource_access": {"cubegate": {"roles": ["paris"]}}});
    provider.script.lock().unwrap().userinfo.insert("access".into(), restricting);
    let mut browser = Browser::open(&sidecar, "/").await;
    browser.granted(&provider, "c", json!({"groups": ["atoti"], "resource_access": null}));
    let reply = browser.back(&sidecar, &format!("code=c&state={}", browser.parameter("state"))).await;
    browser.jar.take(&reply);
    let who = get(sidecar.public, "/whoami", &[("cookie", &browser.jar.header())]).await;
    assert_eq!(who.json()["roles"], json!(["ROLE_PARIS", "ROLE_USER"]));
}

#[tokio::test]
async fn roles_come_from_an_access_token_that_can_be_verified() {
    let provider = Provider::start().await;
    let sidecar = Sidecar::with(closed_with(Some(Checked::Valid(oidc_jwt(&provider.issuer()))))).await;
    let mut browser = Browser::open(&sidecar, "/").await;
    let id_token = provider.signer.sign(
        "JWT",
        &provider.claims("cubegate", json!({"nonce": browser.parameter("nonce"), "preferred_username": "u"})),
    );
    let access = provider.signer.sign(
        "JWT",
        &provider.claims("api", json!({"scope": "openid", "resource_access": {"cubegate": {"roles": ["atoti"]}}})),
    );
    browser.granted_token(&provider, "c", id_token, &access);
    let reply = browser.back(&sidecar, &format!("code=c&state={}", browser.parameter("state"))).await;
    browser.jar.take(&reply);
    assert_eq!(
        get(sidecar.public, "/whoami", &[("cookie", &browser.jar.header())]).await.json(),
        json!({"name": "u", "roles": ["ROLE_USER"]})
    );
    assert_eq!(provider.asked("/userinfo"), 0);
}

#[tokio::test]
async fn a_login_whose_access_token_cannot_be_read_fails_instead_of_losing_its_roles() {
    let provider = Provider::start().await;
    let config = with_groups(oidc_jwt(&provider.issuer()));
    let sidecar = Sidecar::with(closed_with(Some(Checked::Valid(config)))).await;
    let roles = json!({"scope": "openid", "resource_access": {"cubegate": {"roles": ["paris"]}}});
    let mut others = roles.clone();
    others["sub"] = json!("u2");
    for (what, access) in [
        ("no JWT", "access".to_owned()),
        ("somebody else's signature", Signer::new("first").sign("JWT", &provider.claims("api", roles.clone()))),
        ("another audience", provider.signer.sign("JWT", &provider.claims("other", roles))),
        ("another subject", provider.signer.sign("JWT", &provider.claims("api", others))),
    ] {
        provider.script.lock().unwrap().userinfo.insert(access.clone(), json!({"sub": "u1"}));
        let browser = Browser::open(&sidecar, "/").await;
        let claims = json!({"nonce": browser.parameter("nonce"), "preferred_username": "u", "groups": ["atoti"]});
        let id_token = provider.signer.sign("JWT", &provider.claims("cubegate", claims));
        browser.granted_token(&provider, "c", id_token, &access);
        let reply = browser.back(&sidecar, &format!("code=c&state={}", browser.parameter("state"))).await;
        assert_eq!((reply.status.as_u16(), reply.header("set-cookie")), (403, ""), "{what}");
    }
}

#[tokio::test]
async fn a_user_with_more_roles_than_a_cookie_holds_does_not_log_in_with_fewer() {
    let (provider, sidecar) = with_provider().await;
    let browser = Browser::open(&sidecar, "/").await;
    let mut roles: Vec<String> = (0..200).map(|number| format!("a-rather-long-role-{number}")).collect();
    roles.push("atoti".into());
    browser.granted(&provider, "c", json!({"resource_access": {"cubegate": {"roles": roles}}}));
    let reply = browser.back(&sidecar, &format!("code=c&state={}", browser.parameter("state"))).await;
    assert_eq!((reply.status.as_u16(), reply.header("set-cookie")), (403, ""));
    assert_eq!(reply.json()["type"], "https://cubegate.dev/problems/too-many-roles");
}

#[tokio::test]
async fn a_provider_that_says_no_is_believed() {
    let (provider, sidecar) = with_provider().await;
    let browser = Browser::open(&sidecar, "/").await;
    let reply = browser
        .back(
            &sidecar,
            &format!("error=access_denied&error_description=%3Cscript%3E&state={}", browser.parameter("state")),
        )
        .await;
    assert_eq!(reply.status, 403);
    assert!(!String::from_utf8_lossy(&reply.body).contains("script"));
    let browser = Browser::open(&sidecar, "/").await;
    assert_eq!(browser.back(&sidecar, &format!("code=unknown&state={}", browser.parameter("state"))).await.status, 403);
    assert_eq!(provider.script.lock().unwrap().refused_grants, 1);
}

#[tokio::test]
async fn cookies_that_were_tampered_with_or_moved_are_no_session() {
    let (provider, sidecar) = with_provider().await;
    let mut browser = Browser::open(&sidecar, "/").await;
    let slot = browser
        .jar
        .0
        .iter()
        .find(|(name, _)| name.starts_with("cubegate-login-"))
        .map(|(_, value)| value.clone())
        .unwrap();
    browser.granted(&provider, "c", json!({}));
    let reply = browser.back(&sidecar, &format!("code=c&state={}", browser.parameter("state"))).await;
    browser.jar.take(&reply);
    let session = browser.jar.0["cubegate-session"].clone();
    let flipped = format!("{}{}", if session.starts_with('A') { "B" } else { "A" }, &session[1..]);
    for cookie in [
        format!("cubegate-session={flipped}"),
        format!("cubegate-session={}", &session[..session.len() - 2]),
        format!("cubegate-session={slot}"),
        format!("cubegate-return={session}"),
        format!("Cubegate-Session={session}"),
        format!("__Host-cubegate-session={session}"),
        "cubegate-session=".into(),
    ] {
        let reply = get(sidecar.public, "/whoami", &[("cookie", &cookie)]).await;
        assert_eq!(
            (reply.status.as_u16(), reply.header("location")),
            (302, "/oauth2/authorization/keycloak"),
            "{cookie}"
        );
    }
    let among_others = format!("cubegate-session={flipped}; a=b; cubegate-session={session}");
    assert_eq!(get(sidecar.public, "/whoami", &[("cookie", &among_others)]).await.status, 200);
    let with_wrong = [("cookie", browser.jar.header()), ("authorization", "Bearer wrong".to_owned())];
    let with_wrong: Vec<_> = with_wrong.iter().map(|(name, value)| (*name, value.as_str())).collect();
    assert_eq!(
        get(sidecar.public, "/whoami", &with_wrong).await.status,
        401,
        "a cookie does not make good for a wrong token"
    );
}

#[tokio::test]
async fn a_session_ends_with_the_provider_that_it_came_from() {
    let (provider, sidecar) = with_provider().await;
    let browser = Browser::logged_in(&provider, &sidecar).await;
    let cookie = browser.jar.header();
    assert_eq!(get(sidecar.public, "/whoami", &[("cookie", &cookie)]).await.status, 200);
    let mut other = oidc(&provider.issuer());
    other.client_id = "another-client".into();
    sidecar.enforce(2, closed_with(Some(Checked::Valid(other)))).await;
    assert_eq!(get(sidecar.public, "/whoami", &[("cookie", &cookie)]).await.status, 302);
    sidecar.enforce(3, closed_with(None)).await;
    assert_eq!(get(sidecar.public, "/whoami", &[("cookie", &cookie)]).await.status, 401);
}

#[tokio::test]
async fn a_session_ends_with_the_rules_by_which_its_user_was_read() {
    let (provider, sidecar) = with_provider().await;
    let browser = Browser::logged_in(&provider, &sidecar).await;
    let cookie = browser.jar.header();
    let config = || oidc(&provider.issuer());
    let path = |keys: &[&str]| ClaimPath(keys.iter().map(|key| (*key).to_owned()).collect());
    let edits = [
        Oidc { name_claim: "email".into(), ..config() },
        with_groups(config()),
        Oidc { roles_claims: vec![path(&["resource_access", "cubegate"]), path(&["roles"])], ..config() },
    ];
    for (edited, revision) in edits.into_iter().zip((2..).step_by(2)) {
        sidecar.enforce(revision, closed_with(Some(Checked::Valid(edited)))).await;
        assert_eq!(get(sidecar.public, "/whoami", &[("cookie", &cookie)]).await.status, 302, "edit {revision}");
        sidecar.enforce(revision + 1, closed_with(Some(Checked::Valid(config())))).await;
        assert_eq!(get(sidecar.public, "/whoami", &[("cookie", &cookie)]).await.status, 200);
    }
}

/// Breaking or mending one Role adds or removes claims that restrictions speak of.
#[tokio::test]
async fn a_session_outlives_edits_of_the_claims_that_restrictions_speak_of() {
    let (provider, sidecar) = with_provider().await;
    let config = |claims: &[&str]| Oidc {
        attribute_claims: claims.iter().map(|claim| ClaimPath(vec![(*claim).to_owned()])).collect(),
        ..oidc(&provider.issuer())
    };
    let door = |claims: &[&str]| closed_with(Some(Checked::Valid(config(claims))));
    sidecar.enforce(2, door(&["shops"])).await;
    let mut browser = Browser::open(&sidecar, "/").await;
    browser.granted(&provider, "c", json!({"shops": ["S1"], "towns": ["T1"]}));
    provider.script.lock().unwrap().userinfo.insert("access".into(), json!({"sub": "u1"}));
    let reply = browser.back(&sidecar, &format!("code=c&state={}", browser.parameter("state"))).await;
    browser.jar.take(&reply);
    let cookie = browser.jar.header();
    let edits: [&[&str]; 4] = [&["shops"], &[], &["shops"], &["shops", "towns"]];
    for (revision, claims) in (3..).zip(edits) {
        sidecar.enforce(revision, door(claims)).await;
        assert_eq!(get(sidecar.public, "/api", &[("cookie", &cookie)]).await.status, 200, "{claims:?}");
        let headers = sidecar.engine.last().headers;
        assert_eq!(headers["x-cubegate-policy"], revision.to_string());
        // A claim that was not asked for at login is no attribute, and an attribute that is missing matches nothing.
        assert_eq!(headers["x-cubegate-attributes"], r#"[[["shops"],["S1"]]]"#, "{claims:?}");
    }
}

#[tokio::test]
async fn a_login_never_leads_elsewhere() {
    let (provider, sidecar) = with_provider().await;
    for page in ["/?next=https://evil.example", "/a?https://evil.example/"] {
        let browser = Browser::open(&sidecar, page).await;
        browser.granted(&provider, "c", json!({}));
        let reply = browser.back(&sidecar, &format!("code=c&state={}", browser.parameter("state"))).await;
        assert_eq!(reply.header("location"), page);
    }
    let absolute = get(sidecar.public, "http://evil.example/page", &[("host", "evil.example")]).await;
    let mut jar = Jar::default();
    jar.take(&absolute);
    assert_eq!(absolute.header("location"), "/oauth2/authorization/keycloak");
    for path in ["//evil.example", "/\\evil.example"] {
        assert_eq!(
            crate::client::raw(sidecar.public, &format!("GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"))
                .await
                .get(9..12),
            Some("400")
        );
    }
}

#[tokio::test]
async fn cookies_of_an_https_session_are_bound_to_its_host() {
    let provider = Provider::start().await;
    let mut door = closed_with(Some(Checked::Valid(oidc(&provider.issuer()))));
    door.url = Some("https://retail.example.com/".into());
    let sidecar = Sidecar::with(door).await;
    let mut cookies =
        get(sidecar.public, "/", &[]).await.headers.get_all("set-cookie").iter().cloned().collect::<Vec<_>>();
    let reply = get(sidecar.public, "/oauth2/authorization/keycloak", &[]).await;
    cookies.extend(reply.headers.get_all("set-cookie").iter().cloned());
    assert_eq!(cookies.len(), 3);
    for cookie in &cookies {
        let cookie = cookie.to_str().unwrap();
        assert!(
            cookie.starts_with("__Host-cubegate-")
                && cookie.ends_with("; Path=/; Max-Age=600; HttpOnly; SameSite=Lax; Secure")
                || cookie.contains("Max-Age=0"),
            "{cookie}"
        );
    }
    assert!(
        reply
            .header("location")
            .contains("redirect_uri=https%3A%2F%2Fretail.example.com%2Flogin%2Foauth2%2Fcode%2Fkeycloak")
    );
}

#[tokio::test]
async fn login_paths_of_unknown_providers_are_not_there() {
    let (_provider, sidecar) = with_provider().await;
    for path in
        ["/oauth2/authorization/other", "/login/oauth2/code/other?code=c&state=s", "/oauth2/authorization/KEYCLOAK"]
    {
        assert_eq!(get(sidecar.public, path, &[]).await.status, 404, "{path}");
    }
    assert_eq!(get(sidecar.public, "/login", &[]).await.header("location"), "/oauth2/authorization/keycloak");
    assert_eq!(send(sidecar.public, request("POST", "/login", &[], "")).await.status, 303);
    assert_eq!(
        send(sidecar.public, request("POST", "/login/oauth2/code/keycloak?code=c&state=s", &[], "")).await.status,
        405
    );
    let sidecar = Sidecar::with(closed_with(None)).await;
    assert_eq!(get(sidecar.public, "/login", &[]).await.status, 404);
}
