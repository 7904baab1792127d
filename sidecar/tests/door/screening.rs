//! What is refused at first sight.

use crate::{
    client::{get, raw, request, send},
    fixture::{PASSWORD, Sidecar, basic, closed},
};

#[tokio::test]
async fn headers_that_look_like_ours_are_refused_in_every_spelling() {
    let sidecar = Sidecar::with(closed()).await;
    let right = basic("technical-user", PASSWORD);
    for name in [
        "X-Cubegate-User",
        "x-cubegate-roles",
        "X_Cubegate_Roles",
        "X.Cubegate.Policy",
        "XCubegateUser",
        "X-Cubegate_Roles",
        "x-CUBEGATE-new",
        "X_Request_Id",
    ] {
        for path in ["/whoami", "/api", "/login", "/metrics"] {
            let reply = get(sidecar.public, path, &[("authorization", &right), (name, "ROLE_ADMIN")]).await;
            assert_eq!(
                (reply.status.as_u16(), reply.header("content-type")),
                (400, "application/problem+json"),
                "{name} {path}"
            );
        }
    }
    let repeated = [("authorization", right.as_str()), ("x-cubegate-user", "a"), ("x-cubegate-user", "b")];
    assert_eq!(get(sidecar.public, "/api", &repeated).await.status, 400);
    assert_eq!(sidecar.engine.count(), 0);
}

#[tokio::test]
async fn naming_our_headers_in_connection_does_not_remove_them() {
    let sidecar = Sidecar::with(closed()).await;
    let right = basic("technical-user", PASSWORD);
    let headers = [
        ("authorization", right.as_str()),
        ("connection", "keep-alive, X-Cubegate-User, X-Cubegate-Roles, x-hop"),
        ("x-hop", "1"),
    ];
    assert_eq!(get(sidecar.public, "/api", &headers).await.status, 200);
    let got = sidecar.engine.last().headers;
    assert_eq!(
        (got["x-cubegate-user"].to_str().unwrap(), got["x-cubegate-roles"].to_str().unwrap()),
        ("technical-user", "ROLE_USER")
    );
    assert!(!got.contains_key("x-hop"));
}

#[tokio::test]
async fn naming_authorization_in_connection_gains_nothing() {
    let sidecar = Sidecar::with(closed()).await;
    let headers = [("authorization", "Basic wrong"), ("connection", "authorization")];
    assert_eq!(get(sidecar.public, "/api", &headers).await.status, 401);
    assert_eq!(sidecar.engine.count(), 0);
}

#[tokio::test]
async fn internal_and_ambiguous_paths_do_not_reach_the_engine() {
    let sidecar = Sidecar::with(closed()).await;
    let right = basic("technical-user", PASSWORD);
    for (path, status) in [
        ("/internal/policy", 404),
        ("/internal", 404),
        ("/INTERNAL/policy", 404),
        ("/%69nternal/policy", 404),
        ("/api/../internal/policy", 400),
        ("/api/%2e%2e/internal/policy", 400),
        ("//internal/policy", 400),
        ("/./internal/policy", 400),
        ("/api%2f..%2finternal", 400),
        ("/api\\internal", 400),
        ("/api/%00", 400),
        ("/%2569nternal/policy", 400),
        ("/%zz", 400),
    ] {
        let answer = raw(
            sidecar.public,
            &format!("GET {path} HTTP/1.1\r\nHost: a\r\nAuthorization: {right}\r\nConnection: close\r\n\r\n"),
        )
        .await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{path}: {answer}");
    }
    assert_eq!(
        send(sidecar.public, request("PUT", "/internal/policy", &[("authorization", &right)], "{}")).await.status,
        404
    );
    assert_eq!((sidecar.engine.count(), sidecar.engine.seen.lock().unwrap().hand_overs.clone()), (0, vec![1]));
}

#[tokio::test]
async fn what_is_decided_on_is_what_the_engine_gets_when_there_is_a_fragment() {
    let sidecar = Sidecar::with(closed()).await;
    let right = basic("technical-user", PASSWORD);
    let answer = raw(
        sidecar.public,
        &format!(
            "GET /api#/../internal/policy HTTP/1.1\r\nHost: a\r\nAuthorization: {right}\r\nConnection: close\r\n\r\n"
        ),
    )
    .await;
    assert!(
        answer.starts_with("HTTP/1.1 400 ")
            || (answer.starts_with("HTTP/1.1 200 ") && sidecar.engine.last().target == "/api"),
        "{answer}"
    );
}

#[tokio::test]
async fn framing_tricks_are_refused_and_the_connection_is_closed() {
    let sidecar = Sidecar::with(closed()).await;
    let right = basic("technical-user", PASSWORD);
    for framing in [
        "Content-Length: 5\r\nContent-Length: 6\r\n",
        "Content-Length: +5\r\n",
        "Transfer-Encoding: chunked, identity\r\n",
        "Transfer-Encoding: xchunked\r\n",
        "Host: b\r\n",
    ] {
        let smuggled = "0\r\n\r\nGET /internal/policy HTTP/1.1\r\nHost: a\r\n\r\n";
        let answer = raw(sidecar.public, &format!("POST /api HTTP/1.1\r\nHost: a\r\nAuthorization: {right}\r\n{framing}Connection: close\r\n\r\n{smuggled}")).await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{framing:?}: {answer}");
        assert_eq!(answer.matches("HTTP/1.1").count(), 1, "{framing:?}: {answer}");
    }
    assert_eq!(sidecar.engine.count(), 0);
}

#[tokio::test]
async fn methods_that_tunnel_or_echo_are_not_served() {
    let sidecar = Sidecar::with(closed()).await;
    let right = basic("technical-user", PASSWORD);
    let trace = raw(
        sidecar.public,
        &format!("TRACE /api HTTP/1.1\r\nHost: a\r\nAuthorization: {right}\r\nConnection: close\r\n\r\n"),
    )
    .await;
    assert!(trace.starts_with("HTTP/1.1 405 "), "{trace}");
    let connect = raw(
        sidecar.public,
        &format!("CONNECT engine:80 HTTP/1.1\r\nHost: a\r\nAuthorization: {right}\r\nConnection: close\r\n\r\n"),
    )
    .await;
    assert!(connect.starts_with("HTTP/1.1 405 "), "{connect}");
    assert_eq!(sidecar.engine.count(), 0);
}

#[tokio::test]
async fn heads_and_bodies_beyond_the_limits_are_refused() {
    let sidecar = Sidecar::with(closed()).await;
    let right = basic("technical-user", PASSWORD);
    let long = "x".repeat(9000);
    assert_eq!(get(sidecar.public, &format!("/api?{long}"), &[("authorization", &right)]).await.status, 414);
    let huge = "x".repeat(70_000);
    let answer =
        raw(sidecar.public, &format!("GET /api HTTP/1.1\r\nHost: a\r\nX-A: {huge}\r\nConnection: close\r\n\r\n")).await;
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 431 "), "{answer}");
    let answer = raw(sidecar.public, &format!("POST /api HTTP/1.1\r\nHost: a\r\nAuthorization: {right}\r\nContent-Length: 999999999\r\nConnection: close\r\n\r\n")).await;
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    assert_eq!(sidecar.engine.count(), 0);
}

#[tokio::test]
async fn http2_with_prior_knowledge_is_served_by_the_same_rules() {
    use bytes::Bytes;
    use http_body_util::Empty;
    use hyper_util::rt::{TokioExecutor, TokioIo};
    let sidecar = Sidecar::with(closed()).await;
    let stream = tokio::net::TcpStream::connect(sidecar.public).await.unwrap();
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    for (name, status) in [("x-mine", 200), ("x_cubegate_user", 400)] {
        let request = http::Request::get(format!("http://{}/api", sidecar.public))
            .header("authorization", basic("technical-user", PASSWORD))
            .header(name, "1")
            .body(Empty::<Bytes>::new())
            .unwrap();
        assert_eq!(sender.send_request(request).await.unwrap().status(), status);
    }
    assert_eq!(sidecar.engine.last().headers["x-cubegate-user"], "technical-user");
}
