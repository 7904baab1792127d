//! How the sessions of people go on and end, with the provider's word for it.

use std::{
    convert::identity,
    time::{Duration, Instant},
};

use cubegate_tests::{
    answers,
    browser::Browser,
    http::Credentials,
    limits::ENFORCED_MAX,
    process::RunDirectory,
    provider::password_of,
    story::{self, Story},
};
use serde_json::json;

use crate::session::{Place, Settings};

/// Seconds that access tokens live here.
const ACCESS_TOKEN_S: u64 = 2;
/// From the return of a provider until it has been asked again about a session.
const ASKED_AGAIN_MAX: Duration = Duration::from_secs(20);
/// Until one has expired for certain.
const EXPIRED: Duration = Duration::from_secs(ACCESS_TOKEN_S + 2);

#[tokio::test]
async fn a_session_goes_on_as_whoever_the_provider_says_and_ends_when_it_says_so() {
    let story = Story::begin("refresh");
    let run = RunDirectory::new().unwrap();
    let (place, mut provider, _up) =
        Place::beside(&run, Settings::Story, |provider| provider.with_short_access_tokens(ACCESS_TOKEN_S)).await;
    let mut browser = log_in(&place, "parisian-user").await;
    let whoami = format!("{}/whoami", place.url);

    story.step("new roles count as soon as the access token has expired");
    provider.give_roles("parisian-user", &["france", "atoti"]).await.unwrap();
    tokio::time::sleep(EXPIRED).await;
    let page = browser.open(&whoami).await.unwrap();
    let expected = json!({"name": "parisian-user", "roles": ["ROLE_FRANCE", "ROLE_USER"]});
    assert_eq!(page.reply.expect(200).unwrap().json().unwrap(), expected);
    let cookie = Credentials::Cookie(browser.cookie_header(&place.url).unwrap());
    answers::expect_cities(&place.ask(cookie).await, answers::FRANCE).unwrap();

    story.step("and again, with the refresh token that replaced the first");
    tokio::time::sleep(EXPIRED).await;
    browser.open(&whoami).await.unwrap().reply.expect(200).unwrap();

    story.step("many requests at once log nobody out");
    tokio::time::sleep(EXPIRED).await;
    let cookie = browser.cookie_header(&place.url).unwrap();
    let ask = || place.ask(Credentials::Cookie(cookie.clone()));
    let (first, second, third, fourth) = tokio::join!(ask(), ask(), ask(), ask());
    for reply in [first, second, third, fourth] {
        answers::expect_cities(&reply, answers::FRANCE).unwrap();
    }
    browser.open(&whoami).await.unwrap().reply.expect(200).unwrap();

    story.step("while the provider is down it lives on");
    tokio::time::sleep(EXPIRED).await;
    provider.stop();
    browser.open(&whoami).await.unwrap().reply.expect(200).unwrap();

    story.step("a provider that knows nothing of it ends it");
    provider.start().await.unwrap();
    browser.stops_before = Some("/oauth2/authorization/test");
    let started = Instant::now();
    while browser.open(&whoami).await.unwrap().reply.status == 200 {
        assert!(started.elapsed() < ASKED_AGAIN_MAX, "the session goes on");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    story.measured("ended after", started.elapsed());
}

#[tokio::test]
async fn whoever_logs_out_at_the_provider_is_logged_out_here() {
    let story = Story::begin("back-channel logout");
    let run = RunDirectory::new().unwrap();
    let (place, provider, _up) = Place::beside(&run, Settings::Story, identity).await;
    let mut desk = log_in(&place, "parisian-user").await;
    let phone = log_in(&place, "parisian-user").await;
    let cookie_of = |browser: &Browser| Credentials::Cookie(browser.cookie_header(&place.url).unwrap());
    let kept = cookie_of(&desk);

    story.step("a logout at the provider, in one of two browsers");
    desk.log_out(&format!("{}/session/end", provider.issuer())).await.unwrap();
    let ((), waited) = story::eventually("the session here has ended", ENFORCED_MAX, || async {
        place.ask(kept.clone()).await.expect(401).map(drop)
    })
    .await
    .unwrap();
    story.measured("ended after", waited);

    story.step("the other browser is not concerned");
    answers::expect_cities(&place.ask(cookie_of(&phone)).await, answers::PARIS).unwrap();
}

async fn log_in(place: &Place, user: &str) -> Browser {
    let mut browser = Browser::default();
    let page = browser.log_in(&format!("{}/whoami", place.url), user, &password_of(user)).await.unwrap();
    page.reply.expect(200).unwrap();
    browser
}
