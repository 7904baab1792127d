//! Targets that two programs could read differently.

use crate::{
    door::Door,
    policies::{self, analyst},
};

#[tokio::test]
async fn neither_a_query_nor_a_fragment_makes_a_path_public() {
    let door = Door::with(policies::closed()).await.unwrap();
    for target in [
        "/api?/login",
        "/api?x=/oauth2/authorization/idp",
        "/api?path=/whoami&skip=1",
        "/api?allow=/livez#/login",
        "/api#/login",
        "/api#?/logout",
        "/api;/login",
        "/api/login",
        "/api/oauth2/authorization/idp",
        "/login/oauth2/code",
        "/login;jsessionid=1",
        "/loginx",
        "/logout/",
        "/LOGIN",
    ] {
        assert_eq!(door.get(target, "").await.status, 401, "{target}");
    }
    assert_eq!(door.recorder.count(), 0);
}

#[tokio::test]
async fn what_is_decided_on_is_what_arrives_when_there_is_a_fragment() {
    let door = Door::with(policies::closed()).await.unwrap();
    for target in ["/api#/../internal/policy", "/api?a=b#/internal", "/api#", "/api##"] {
        assert_eq!(door.get(target, &analyst()).await.status, 200, "{target}");
    }
    let arrived = door.recorder.arrived();
    let targets: Vec<&str> = arrived.iter().map(|request| request.target.as_str()).collect();
    assert_eq!(targets, ["/api", "/api?a=b", "/api", "/api"]);
    assert_eq!(door.get("/internal#/api", &analyst()).await.status, 404);
}

#[tokio::test]
async fn a_path_with_two_readings_is_refused() {
    let door = Door::with(policies::closed()).await.unwrap();
    for path in [
        "/api/../internal/policy",
        "/api/..",
        "/./internal/policy",
        "/api/%2e%2e/internal/policy",
        "/api/%2E%2E%2Finternal%2Fpolicy",
        "/api/.%2e/internal/policy",
        "/api/..%2finternal",
        "/api/..%5cinternal",
        "/api/..\\internal",
        "//internal/policy",
        "/api//internal",
        "/%2finternal/policy",
        "/%252finternal/policy",
        "/%2569nternal/policy",
        "/api/%00",
        "/api/%0a",
        "/api/%7f",
        "/api/%c0%ae%c0%ae/internal",
        "/api/%e0%80%af",
        "/api/%u002e%u002e/internal",
    ] {
        assert_eq!(door.get(path, &analyst()).await.status, 400, "{path}");
    }
    for path in
        ["/internal/policy", "/INTERNAL/policy", "/%69nternal/policy", "/internal;a=b/policy", "/internal/policy?x"]
    {
        let status = door.get(path, &analyst()).await.status;
        assert_eq!(status, if path.starts_with("/internal;") { 200 } else { 404 }, "{path}");
    }
    let arrived = door.recorder.arrived();
    let targets: Vec<&str> = arrived.iter().map(|request| request.target.as_str()).collect();
    assert_eq!(targets, ["/internal;a=b/policy"], "a segment with a parameter is another segment, to the engine too");
}

#[tokio::test]
async fn a_target_that_is_no_uri_is_refused() {
    let mut door = Door::with(policies::closed()).await.unwrap();
    for target in
        ["/%", "/%a", "/%zz", "/%+1", "/a b", "/a\u{b}b", "*", "api", "?", "http://", "http:///api", "//", "/\u{e9}"]
    {
        let exchange =
            door.exchange(format!("GET {target} HTTP/1.1\r\nHost: door\r\n{}\r\n", analyst()).as_bytes()).await;
        assert!(exchange.answers.iter().all(|answer| answer.status == 400), "{target}: {exchange:?}");
    }
    let long = format!("/api?{}", "x".repeat(9000));
    assert_eq!(door.get(&long, &analyst()).await.status, 414);
    assert_eq!(door.recorder.count(), 0);
    door.is_well().await;
}
