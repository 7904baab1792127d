//! People with browsers: authorization code flow, cookie, logout.

use std::convert::identity;

use cubegate_tests::{
    answers,
    browser::Browser,
    http::{Credentials, Reply},
    limits::ENFORCED_MAX,
    process::RunDirectory,
    provider::{email_of, password_of},
    story::Story,
    up,
};
use http::Method;
use serde_json::json;
use url::Url;

use crate::session::{MAPPED, Place, Settings, UNMAPPED};

const CALLBACK: &str = "/login/oauth2/code/test";

#[tokio::test]
async fn a_person_logs_in_asks_and_logs_out() {
    let story = Story::begin("code flow");
    let run = RunDirectory::new().unwrap();
    let (place, provider, _up) = Place::beside(&run, Settings::Story, identity).await;

    story.step("without credentials: to the login, however little the client says that it accepts");
    let mut nobody = place.connect(Credentials::None).await;
    let redirected = nobody.get("/whoami").await.unwrap().expect(302).unwrap();
    assert!(redirected.header("location").contains("/oauth2/authorization/test"), "{:?}", redirected.headers);
    story.step("but 401 for a script");
    let script = [("X-Requested-With", "XMLHttpRequest")];
    nobody.get_with("/whoami", &script).await.unwrap().expect(401).unwrap();
    nobody.query("Sales", &answers::quantity_by_city()).await.unwrap().expect(401).unwrap();

    for (user, table) in MAPPED {
        story.step(&format!("{user} logs in"));
        let browser = log_in(&place, user).await;
        let cookie = Credentials::Cookie(browser.cookie_header(&place.url).unwrap());
        answers::expect_cities(&place.ask(cookie).await, table).unwrap();
    }
    story.step("the user that is mapped to nothing");
    let mut browser = Browser::default();
    let page = browser.log_in(&format!("{}/whoami", place.url), UNMAPPED, &password_of(UNMAPPED)).await.unwrap();
    assert_eq!(page.reply.status, 403, "{:?}", page.reply);

    story.step("an edit of mappedFrom counts for the next query with the same cookie");
    let mut browser = log_in(&place, "french-user").await;
    let cookie = browser.cookie_header(&place.url).unwrap();
    let mut french = place.connect(Credentials::Cookie(cookie.clone())).await;
    up::edit(&place.directory.join("roles.yaml"), "mappedFrom: [paris]", "mappedFrom: [paris, french-user]").unwrap();
    // France and Paris are different hierarchies here: City and Country. Both hold.
    let paris = |reply: &Reply| answers::expect_cities(reply, answers::PARIS);
    let query = answers::quantity_by_city();
    story.measured("enforced after", french.query_until("Sales", &query, ENFORCED_MAX, paris).await.unwrap());

    story.step("logout");
    let url = Url::parse(&format!("{}/logout", place.url)).unwrap();
    let reply = browser.request(&Method::GET, &url, "").await.unwrap();
    assert!(reply.status.is_redirection(), "{reply:?}");
    let elsewhere = reply.header("location").to_owned();
    assert!(elsewhere.starts_with(&format!("{}/session/end", provider.issuer())), "{:?}", reply.headers);
    assert!(browser.cookie_header(&place.url).is_err(), "a cookie is left after logout");
    french.get("/whoami").await.unwrap().expect(302).unwrap();
    story.step("which the provider leads back from");
    browser.stops_before = Some("/");
    assert_eq!(browser.log_out(&elsewhere).await.unwrap().url.as_str(), format!("{}/", place.url));
}

#[tokio::test]
async fn the_cookie_is_sealed_small_and_closed_to_scripts() {
    let run = RunDirectory::new().unwrap();
    let (place, _provider, _up) = Place::beside(&run, Settings::Story, identity).await;
    let mut browser = Browser::default();
    let page =
        browser.log_in(&format!("{}/whoami", place.url), "parisian-user", &password_of("parisian-user")).await.unwrap();
    assert_eq!(page.reply.json().unwrap(), json!({"name": "parisian-user", "roles": ["ROLE_PARIS", "ROLE_USER"]}));

    for (name, bytes_max) in [("cubegate-session", 1536), ("cubegate-tokens", 4096)] {
        let start = format!("{} {name}=", place.url);
        let set = browser.set_cookies.iter().rfind(|cookie| cookie.starts_with(&start)).unwrap().to_ascii_lowercase();
        assert!(set.contains("httponly") && set.contains("samesite=lax") && set.contains("path=/"), "{set}");
        assert!(set.len() < place.url.len() + bytes_max + 100 && !set.contains("parisian-user"), "{set}");
    }

    let cookies = browser.cookie_header(&place.url).unwrap();
    let session = cookies.split("; ").find(|cookie| cookie.starts_with("cubegate-session=")).unwrap();
    let (name, value) = session.split_once('=').unwrap();
    let middle = value.len() / 2;
    let flipped = if value.as_bytes()[middle] == b'A' { 'B' } else { 'A' };
    let forged = format!("{name}={}{flipped}{}", &value[..middle], &value[middle + 1..]);
    let mut other = place.connect(Credentials::Cookie(cookies.replace(session, &forged))).await;
    other.get("/whoami").await.unwrap().expect(302).unwrap();
}

#[tokio::test]
async fn a_callback_counts_once_and_only_in_the_browser_that_asked_for_it() {
    let run = RunDirectory::new().unwrap();
    let (place, _provider, _up) = Place::beside(&run, Settings::Story, identity).await;
    let mut browser = log_in(&place, "parisian-user").await;
    let callback = browser.visited.iter().rfind(|url| url.path() == CALLBACK).unwrap().clone();

    // Again in the same browser, in another browser, with another state, without any.
    expect_refusal(&browser.request(&Method::GET, &callback, "").await.unwrap());
    expect_refusal(&Browser::default().request(&Method::GET, &callback, "").await.unwrap());
    let mut forged = callback.clone();
    forged.set_query(Some("code=whatever&state=whatever"));
    expect_refusal(&browser.request(&Method::GET, &forged, "").await.unwrap());
    forged.set_query(None);
    expect_refusal(&browser.request(&Method::GET, &forged, "").await.unwrap());
    forged.set_query(Some("error=access_denied&state=whatever"));
    expect_refusal(&browser.request(&Method::GET, &forged, "").await.unwrap());

    // A login that another browser has begun, and whose code is still good, must not end here (login CSRF).
    let mut attacker = Browser::default();
    attacker.stops_before = Some(CALLBACK);
    let begin = format!("{}/oauth2/authorization/test", place.url);
    let page = attacker.log_in(&begin, "global-user", &password_of("global-user")).await.unwrap();
    assert_eq!(page.url.path(), CALLBACK);
    expect_refusal(&Browser::default().request(&Method::GET, &page.url, "").await.unwrap());
    let ended = attacker.request(&Method::GET, &page.url, "").await.unwrap();
    assert!(ended.status.is_redirection(), "in its own browser it is good: {ended:?}");
}

#[tokio::test]
async fn the_request_to_the_provider_carries_pkce_state_nonce_and_openid() {
    let run = RunDirectory::new().unwrap();
    let (place, _provider, _up) = Place::beside(&run, Settings::Older, identity).await;
    let mut nobody = place.connect(Credentials::None).await;
    let begun = nobody.get("/oauth2/authorization/test").await.unwrap().expect(302).unwrap();
    let location = Url::parse(begun.header("location")).unwrap();
    let parameter =
        |name: &str| location.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned());
    assert_eq!(parameter("code_challenge_method").as_deref(), Some("S256"));
    assert_eq!(parameter("response_type").as_deref(), Some("code"));
    assert_eq!(parameter("redirect_uri"), Some(format!("{}{CALLBACK}", place.url)));
    for unguessable in ["code_challenge", "state", "nonce"] {
        assert!(parameter(unguessable).is_some_and(|value| value.len() >= 22), "{unguessable} in {location}");
    }
    let scope = parameter("scope").unwrap();
    let mut scopes: Vec<&str> = scope.split(' ').collect();
    scopes.sort_unstable();
    assert_eq!(scopes, ["email", "openid"]);

    // The older settings in a browser: the name is the e-mail address, the roles are in one literal claim.
    let mut browser = Browser::default();
    let page =
        browser.log_in(&format!("{}/whoami", place.url), "french-user", &password_of("french-user")).await.unwrap();
    assert_eq!(
        page.reply.json().unwrap(),
        json!({"name": email_of("french-user"), "roles": ["ROLE_FRANCE", "ROLE_USER"]})
    );
}

/// A person opens a page, logs in at the provider and ends where they wanted to be.
async fn log_in(place: &Place, user: &str) -> Browser {
    let wanted = format!("{}/whoami", place.url);
    let mut browser = Browser::default();
    let page = browser.log_in(&wanted, user, &password_of(user)).await.unwrap();
    assert_eq!(page.url.as_str(), wanted, "a login ends at the page that was asked for");
    assert_eq!(page.reply.json().unwrap()["name"], user);
    browser
}

fn expect_refusal(reply: &Reply) {
    assert!(reply.status.is_client_error(), "{reply:?}");
    let sets_session = reply.headers.get_all("set-cookie").iter().any(|cookie| {
        let cookie = cookie.to_str().unwrap_or_default();
        !cookie.contains("Max-Age=0") && !cookie.contains("1970")
    });
    assert!(!sets_session, "a refused callback sets a cookie: {:?}", reply.headers);
}
