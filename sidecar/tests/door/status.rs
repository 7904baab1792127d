//! How callers without credentials are answered.

use cubegate_policy::snapshot::Checked;

use crate::{
    client::{get, request, send},
    fixture::{Sidecar, closed, closed_with, oidc},
};

const HTML: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";

/// Any issuer will do: nobody is sent there.
async fn with_oidc() -> Sidecar {
    Sidecar::with(closed_with(Some(Checked::Valid(oidc("http://127.0.0.1:1"))))).await
}

#[tokio::test]
async fn under_openid_connect_those_who_navigate_are_sent_to_the_login() {
    let sidecar = with_oidc().await;
    let cases: [&[(&str, &str)]; 5] = [
        &[],
        &[("accept", "*/*")],
        &[("accept", HTML)],
        &[("accept", HTML), ("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "document")],
        &[("accept", "text/plain")],
    ];
    for headers in cases {
        for method in ["GET", "HEAD"] {
            let reply = send(sidecar.public, request(method, "/whoami", headers, "")).await;
            assert_eq!(
                (reply.status.as_u16(), reply.header("location")),
                (302, "/oauth2/authorization/keycloak"),
                "{method} {headers:?}"
            );
            assert!(reply.challenges().is_empty());
        }
    }
}

#[tokio::test]
async fn under_openid_connect_programs_get_401_with_both_challenges() {
    let sidecar = with_oidc().await;
    let cases: [(&str, &[(&str, &str)]); 6] = [
        ("POST", &[]),
        ("DELETE", &[("accept", HTML)]),
        ("GET", &[("accept", "application/json")]),
        ("GET", &[("accept", "application/json, */*;q=0.1")]),
        ("GET", &[("connection", "upgrade"), ("upgrade", "websocket")]),
        ("GET", &[("accept", "application/vnd.apache.arrow.stream")]),
    ];
    for (method, headers) in cases {
        let reply = send(sidecar.public, request(method, "/api", headers, "")).await;
        assert_eq!(
            (reply.status.as_u16(), reply.header("content-type")),
            (401, "application/problem+json"),
            "{method} {headers:?}"
        );
        assert_eq!(reply.challenges(), [r#"Bearer realm="retail""#, r#"Basic realm="retail", charset="UTF-8""#]);
        if method != "HEAD" {
            let problem = reply.json();
            assert!(problem["type"].is_string() && problem["title"].is_string() && problem["decisionId"].is_string());
            assert_eq!(problem["status"], 401);
        }
    }
    assert_eq!(get(sidecar.public, "/favicon.ico", &[("accept", HTML)]).await.status, 401);
    assert_eq!(get(sidecar.public, "/api?access_token=abc", &[]).await.status, 401);
}

#[tokio::test]
async fn scripts_are_told_where_to_log_in_without_a_dialog() {
    let sidecar = with_oidc().await;
    let cases: [&[(&str, &str)]; 4] = [
        &[("x-requested-with", "XMLHttpRequest")],
        &[("x-requested-with", "XMLHttpRequest"), ("accept", HTML)],
        &[("sec-fetch-mode", "cors"), ("sec-fetch-dest", "empty"), ("accept", "*/*")],
        &[("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "iframe"), ("accept", HTML)],
    ];
    for headers in cases {
        let reply = get(sidecar.public, "/api", headers).await;
        assert_eq!((reply.status.as_u16(), reply.json()["login_url"].as_str()), (401, Some("/login")), "{headers:?}");
        assert_eq!(reply.challenges(), [r#"Cubegate realm="retail""#]);
    }
}

#[tokio::test]
async fn any_wrong_authorization_is_401_and_never_a_redirect() {
    let sidecar = with_oidc().await;
    for value in ["Basic bm9ib2R5OngK", "Basic dTpw", "Basic", "Bearer", "Digest x", "x"] {
        for accept in [HTML, "*/*", "application/json"] {
            let reply = get(sidecar.public, "/whoami", &[("authorization", value), ("accept", accept)]).await;
            assert_eq!((reply.status.as_u16(), reply.header("location")), (401, ""), "{value} {accept}");
            assert!(reply.challenges()[0].contains(r#"error="invalid_token""#));
        }
    }
}

#[tokio::test]
async fn without_openid_connect_everybody_gets_401_with_basic() {
    let sidecar = Sidecar::with(closed()).await;
    for accept in [HTML, "*/*", "application/json"] {
        let reply = get(sidecar.public, "/whoami", &[("accept", accept)]).await;
        assert_eq!((reply.status.as_u16(), reply.header("location")), (401, ""));
        assert_eq!(reply.challenges(), [r#"Basic realm="retail", charset="UTF-8""#]);
    }
}

#[tokio::test]
async fn grpc_clients_get_a_status_that_they_understand() {
    let sidecar = with_oidc().await;
    let reply =
        send(sidecar.public, request("POST", "/some.Service/Method", &[("content-type", "application/grpc")], ""))
            .await;
    assert_eq!(
        (reply.status.as_u16(), reply.header("grpc-status"), reply.header("content-type")),
        (200, "16", "application/grpc")
    );
    assert_eq!(sidecar.engine.count(), 0);
}

#[tokio::test]
async fn a_broken_provider_leaves_basic_and_is_not_treated_as_absent() {
    let sidecar = Sidecar::with(closed_with(Some(Checked::Broken(vec!["the Secret is missing".into()])))).await;
    assert_eq!(get(sidecar.public, "/oauth2/authorization/keycloak", &[]).await.status, 404);
    assert_eq!(get(sidecar.public, "/whoami", &[("authorization", "Bearer x")]).await.status, 503);
    let basic = crate::fixture::basic("technical-user", crate::fixture::PASSWORD);
    assert_eq!(get(sidecar.public, "/whoami", &[("authorization", &basic)]).await.status, 200);
    assert_eq!(sidecar.engine.count(), 0);
}
