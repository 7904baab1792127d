//! Keycloak: programs with its tokens, people with its forms, and the many ways in which it ends a session.
//!
//! It takes long to start, so one test goes through all of it.

use std::{fs, time::Duration};

use cubegate_tests::{
    answers,
    browser::Browser,
    http::{Credentials, Reply},
    keycloak::Keycloak,
    limits::{ENFORCED_MAX, VISIT_MAX},
    process::RunDirectory,
    provider::password_of,
    story::{self, Story},
    tools,
};
use http::Method;
use serde_json::{Value, json};
use url::Url;

use crate::session::{MAPPED, Place, Settings, UNMAPPED};

/// Seconds that access tokens live while sessions are renewed.
const ACCESS_TOKEN_S: u64 = 2;
const EXPIRED: Duration = Duration::from_secs(ACCESS_TOKEN_S + 1);
/// What a person with a real browser waits for at most.
const VISIT_STEP: Duration = Duration::from_secs(15);

#[tokio::test]
async fn keycloak_lets_programs_and_people_in_and_ends_their_sessions() {
    let story = Story::begin("Keycloak");
    let run = RunDirectory::new().unwrap();
    let keycloak = Keycloak::start(&run).await.unwrap();
    story.step("programs");
    programs_bring_tokens_that_are_verified_here(&run, &keycloak).await;
    programs_bring_tokens_that_keycloak_is_asked_about(&run, &keycloak).await;

    let place = Place::prepare(&run);
    place.write(Settings::Jwt, &keycloak.issuer());
    let told = format!("{}/logout/connect/back-channel/test", place.url);
    keycloak.set_client(&[("backchannel.logout.url", &told)]).await.unwrap();
    let _up = place.up(&run).await;
    story.step("people log in");
    people_see_what_their_roles_leave(&place, &keycloak).await;
    story.step("a session is renewed");
    a_renewed_session_has_the_roles_of_now(&place, &keycloak).await;
    story.step("logout here");
    whoever_logs_out_here_is_logged_out_there(&place, &keycloak).await;
    story.step("logout there");
    whoever_logs_out_there_is_logged_out_here(&story, &place, &keycloak).await;
    story.step("a real browser");
    a_person_with_a_real_browser(&run, &place).await;
    expect_nothing_left_of_the_browser(&run);
}

async fn programs_bring_tokens_that_are_verified_here(run: &RunDirectory, keycloak: &Keycloak) {
    let place = Place::prepare(run);
    place.write(Settings::Jwt, &keycloak.issuer());
    let _up = place.up(run).await;
    expect_tables(&place, keycloak, Settings::Jwt).await;
    let tokens = keycloak.tokens("parisian-user", Settings::Jwt.scope()).await.unwrap();
    place.ask(Credentials::Bearer(tokens.id)).await.expect(401).unwrap();
    let (signed, _) = tokens.access.rsplit_once('.').unwrap();
    place.ask(Credentials::Bearer(format!("{signed}.c2lnbmVk"))).await.expect(401).unwrap();
}

async fn programs_bring_tokens_that_keycloak_is_asked_about(run: &RunDirectory, keycloak: &Keycloak) {
    let place = Place::prepare(run);
    place.write(Settings::Story, &keycloak.issuer());
    let _up = place.up(run).await;
    expect_tables(&place, keycloak, Settings::Story).await;
    place.ask(Credentials::Bearer("no-such-token".into())).await.expect(401).unwrap();
}

async fn people_see_what_their_roles_leave(place: &Place, keycloak: &Keycloak) {
    for (user, table) in MAPPED {
        let browser = log_in(place, keycloak, user).await;
        answers::expect_cities(&place.ask(cookie_of(place, &browser)).await, table).unwrap();
    }
    let whoami = format!("{}/whoami", place.url);
    let page = keycloak.log_in(&mut Browser::default(), &whoami, UNMAPPED).await.unwrap();
    page.reply.expect(403).unwrap();
}

async fn a_renewed_session_has_the_roles_of_now(place: &Place, keycloak: &Keycloak) {
    keycloak.set_client(&[("access.token.lifespan", &ACCESS_TOKEN_S.to_string())]).await.unwrap();
    let mut browser = log_in(place, keycloak, "parisian-user").await;
    keycloak.set_role("parisian-user", "paris", false).await.unwrap();
    keycloak.set_role("parisian-user", "france", true).await.unwrap();
    tokio::time::sleep(EXPIRED).await;
    let renewed = browser.open(&format!("{}/whoami", place.url)).await.unwrap().reply.expect(200).unwrap();
    assert_eq!(renewed.json().unwrap(), json!({"name": "parisian-user", "roles": ["ROLE_FRANCE", "ROLE_USER"]}));
    answers::expect_cities(&place.ask(cookie_of(place, &browser)).await, answers::FRANCE).unwrap();

    keycloak.set_role("parisian-user", "france", false).await.unwrap();
    keycloak.set_role("parisian-user", "paris", true).await.unwrap();
    keycloak.set_client(&[("access.token.lifespan", "300")]).await.unwrap();
}

async fn whoever_logs_out_here_is_logged_out_there(place: &Place, keycloak: &Keycloak) {
    let mut browser = log_in(place, keycloak, "french-user").await;
    let kept = cookie_of(place, &browser);
    let logout = Url::parse(&format!("{}/logout", place.url)).unwrap();
    let reply = browser.request(&Method::GET, &logout, "").await.unwrap();
    let elsewhere = reply.header("location").to_owned();
    assert!(elsewhere.starts_with(&format!("{}/protocol/openid-connect/logout?", keycloak.issuer())), "{elsewhere}");
    place.ask(kept).await.expect(401).unwrap();

    browser.stops_before = Some("/");
    let home = browser.open(&elsewhere).await.unwrap();
    assert_eq!(home.url.as_str(), format!("{}/", place.url), "Keycloak leads back: {:?}", home.reply);
    // Keycloak has forgotten them too: there is a form to fill in.
    log_in_with(&mut browser, place, keycloak, "french-user").await;
}

async fn whoever_logs_out_there_is_logged_out_here(story: &Story, place: &Place, keycloak: &Keycloak) {
    let mut desk = log_in(place, keycloak, "parisian-user").await;
    let phone = log_in(place, keycloak, "parisian-user").await;
    let (at_desk, at_phone) = (cookie_of(place, &desk), cookie_of(place, &phone));

    keycloak.log_out(&mut desk).await.unwrap();
    story.measured("told of one session after", expect_ended(place, &at_desk).await);
    answers::expect_cities(&place.ask(at_phone.clone()).await, answers::PARIS).unwrap();

    keycloak.end_sessions("parisian-user").await.unwrap();
    story.measured("told by an administrator after", expect_ended(place, &at_phone).await);
}

async fn a_person_with_a_real_browser(run: &RunDirectory, place: &Place) {
    let directory = run.make("visit").unwrap();
    fs::copy(tools::repository().join("tests/idp/visit.mjs"), directory.join("visit.mjs")).unwrap();
    std::os::unix::fs::symlink(tools::playwright_modules().unwrap(), directory.join("node_modules")).unwrap();
    let user = "parisian-user";
    let query = json!(["/api/v1/cubes/Sales/query", answers::quantity_by_city().to_string()]);
    let visit = json!({
        "program": tools::chromium().unwrap(),
        "application": place.url,
        "user": user,
        "password": password_of(user),
        "query": query,
        "stepMilliseconds": VISIT_STEP.as_millis(),
    });
    let mut command = tools::mortal(&tools::system("node").unwrap());
    command.current_dir(&directory).arg("visit.mjs").env("CUBEGATE_VISIT", visit.to_string());
    // What the browser writes lies here, and so tells its processes from others.
    command.env("TMPDIR", &directory).env("HOME", &directory);
    let mut process = run.start("visit", command).unwrap();
    assert!(process.wait(VISIT_MAX).await.unwrap().success(), "{}", process.stderr());
    let report: Value = serde_json::from_str(&process.stdout()).unwrap();

    for asked in ["first", "wrongPassword", "loggedOut", "again"] {
        assert_eq!(report[asked]["asksForPassword"], true, "{asked}: {report}");
    }
    let whoami = format!("{}/whoami", place.url);
    let me = json!({"name": user, "roles": ["ROLE_PARIS", "ROLE_USER"]});
    for known in ["loggedIn", "second"] {
        assert_eq!(report[known]["url"], whoami, "a login ends at the page that was asked for");
        let text = report[known]["text"].as_str().unwrap();
        assert_eq!(serde_json::from_str::<Value>(text).unwrap(), me, "{known}");
    }
    let answer = Reply {
        status: u16::try_from(report["answer"]["status"].as_u64().unwrap()).unwrap().try_into().unwrap(),
        headers: http::HeaderMap::new(),
        body: report["answer"]["text"].as_str().unwrap().to_owned().into(),
    };
    answers::expect_cities(&answer, answers::PARIS).unwrap();
    assert_eq!(report["cookiesOfScripts"], "", "scripts see a cookie");
    let cookies = report["cookies"].as_array().unwrap();
    assert!(cookies.iter().any(|cookie| cookie["name"] == "cubegate-session"), "{cookies:?}");
    assert!(cookies.iter().all(|cookie| cookie["httpOnly"] == true && cookie["sameSite"] == "Lax"), "{cookies:?}");
    let left = report["cookiesAfterwards"].as_array().unwrap();
    assert!(!left.iter().any(|name| name == "cubegate-session" || name == "cubegate-tokens"), "{left:?}");
}

/// No process that was started with a path of this run is there but Keycloak and `cubegate up`.
fn expect_nothing_left_of_the_browser(run: &RunDirectory) {
    let visit = run.path().join("visit").display().to_string();
    let processes = fs::read_dir("/proc").unwrap().flatten();
    let left: Vec<String> = processes
        .filter_map(|process| fs::read_to_string(process.path().join("cmdline")).ok())
        .filter(|command| command.contains(&visit))
        .collect();
    assert!(left.is_empty(), "{left:?}");
}

async fn expect_tables(place: &Place, keycloak: &Keycloak, settings: Settings) {
    for (user, table) in MAPPED {
        let tokens = keycloak.tokens(user, settings.scope()).await.unwrap();
        let reply = place.ask(Credentials::Bearer(tokens.access)).await;
        answers::expect_cities(&reply, table).unwrap_or_else(|error| panic!("{user}: {error:#}"));
    }
    let tokens = keycloak.tokens(UNMAPPED, settings.scope()).await.unwrap();
    place.ask(Credentials::Bearer(tokens.access)).await.expect(403).unwrap();
}

async fn expect_ended(place: &Place, cookie: &Credentials) -> Duration {
    let ended = async || place.ask(cookie.clone()).await.expect(401).map(drop);
    let ((), waited) = story::eventually("the session here has ended", ENFORCED_MAX, ended).await.unwrap();
    waited
}

async fn log_in(place: &Place, keycloak: &Keycloak, user: &str) -> Browser {
    let mut browser = Browser::default();
    log_in_with(&mut browser, place, keycloak, user).await;
    browser
}

/// A person opens a page, fills in Keycloak's form and ends where they wanted to be.
async fn log_in_with(browser: &mut Browser, place: &Place, keycloak: &Keycloak, user: &str) {
    let wanted = format!("{}/whoami", place.url);
    let page = keycloak.log_in(browser, &wanted, user).await.unwrap();
    assert_eq!(page.url.as_str(), wanted, "a login ends at the page that was asked for: {:?}", page.reply);
    assert_eq!(page.reply.json().unwrap()["name"], user);
}

fn cookie_of(place: &Place, browser: &Browser) -> Credentials {
    Credentials::Cookie(browser.cookie_header(&place.url).unwrap())
}
