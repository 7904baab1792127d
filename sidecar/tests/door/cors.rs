//! Scripts in pages of other origins.

use cubegate_policy::snapshot::{Checked, Door};
use http::StatusCode;

use crate::{
    browser::Browser,
    client::{Reply, get, request, send},
    fixture::{PASSWORD, Sidecar, basic, closed, closed_with, oidc},
    provider::Provider,
};

const APP: &str = "https://app.example.com";
/// As in the fixture's `url`.
const OURS: &str = "http://127.0.0.1:8080";

fn readable_by_app(mut door: Door) -> Door {
    door.edge.allowed_origins = [APP.to_owned()].into();
    door
}

async fn preflight(sidecar: &Sidecar, origin: &str) -> Reply {
    let headers = [
        ("origin", origin),
        ("access-control-request-method", "POST"),
        ("access-control-request-headers", "authorization"),
    ];
    send(sidecar.public, request("OPTIONS", "/api/v1/cubes/Sales/query", &headers, "")).await
}

fn may_read(reply: &Reply) -> Option<&str> {
    assert!(!reply.headers.contains_key("access-control-allow-credentials"), "{reply:?}");
    reply.headers.get("access-control-allow-origin").map(|origin| origin.to_str().unwrap())
}

#[tokio::test]
async fn a_browser_is_told_without_credentials_what_a_script_of_a_named_origin_may_ask() {
    let sidecar = Sidecar::with(readable_by_app(closed())).await;
    let told = preflight(&sidecar, APP).await;
    assert_eq!((told.status, may_read(&told)), (StatusCode::NO_CONTENT, Some(APP)));
    assert!(told.header("access-control-allow-headers").contains("authorization"));
    assert!(told.header("access-control-allow-methods").contains("POST"));
    assert_eq!(told.header("vary"), "origin");
    for origin in ["https://other.example.com", "null", "http://app.example.com", OURS] {
        let told = preflight(&sidecar, origin).await;
        assert_eq!((told.status, may_read(&told)), (StatusCode::UNAUTHORIZED, None), "{origin}");
    }
    assert_eq!(
        preflight(&Sidecar::with(closed()).await, APP).await.status,
        401,
        "nothing is said unless it is written"
    );
    assert_eq!(sidecar.engine.count(), 0);
}

#[tokio::test]
async fn a_script_of_a_named_origin_reads_answers_and_refusals_and_caches_know_that_others_do_not() {
    let sidecar = Sidecar::with(readable_by_app(closed())).await;
    let right = basic("technical-user", PASSWORD);
    for (authorization, status) in [(right.as_str(), 200), ("Bearer wrong", 401)] {
        for (origin, reader) in [(APP, Some(APP)), ("https://other.example.com", None)] {
            let headers = [("authorization", authorization), ("origin", origin)];
            let reply = get(sidecar.public, "/api/v1/cubes", &headers).await;
            assert_eq!((reply.status.as_u16(), may_read(&reply), reply.header("vary")), (status, reader, "origin"));
        }
    }
    let reply = get(sidecar.public, "/api/v1/cubes", &[("authorization", &right)]).await;
    assert_eq!((may_read(&reply), reply.header("vary")), (None, "origin"), "the engine has no say in it");
}

#[tokio::test]
async fn a_cookie_is_of_no_use_to_a_page_of_another_origin() {
    let provider = Provider::start().await;
    let door = readable_by_app(closed_with(Some(Checked::Valid(oidc(&provider.issuer())))));
    let sidecar = Sidecar::with(door).await;
    let browser = Browser::logged_in(&provider, &sidecar).await;
    let cookie = browser.jar.header();
    let post = async |target: &str, origin: &str| {
        let headers = [("cookie", cookie.as_str()), ("origin", origin)];
        send(sidecar.public, request("POST", target, &headers, "")).await.status.as_u16()
    };
    assert_eq!(post("/api/v1/cubes/Sales/query", OURS).await, 200);
    for origin in [APP, "https://other.example.com", "null"] {
        assert_eq!(post("/api/v1/cubes/Sales/query", origin).await, 401, "{origin}");
        post("/logout", origin).await;
    }
    assert_eq!(browser.asks(&sidecar, "/api/v1/cubes").await.status, 200, "nobody else ends the session either");
}
