//! Identity that callers write themselves, in whatever spelling and place.

use cubegate_tests::wire;

use crate::{
    door::Door,
    policies::{self, analyst},
    smuggling::is_stamped_once,
};

#[tokio::test]
async fn no_spelling_of_our_headers_passes_the_door() {
    let door = Door::with(policies::closed()).await.unwrap();
    for name in [
        "X-Cubegate-User",
        "x-cubegate-user",
        "X-CUBEGATE-ROLES",
        "X_Cubegate_User",
        "X-Cubegate_Roles",
        "X.Cubegate.User",
        "X-Cubegate.Attributes",
        "XCubegateUser",
        "X--Cubegate--Policy",
        "-X-Cubegate-User",
        "X-Cubegate-User-",
        "x~cubegate!user",
        "X-Cube-Gate-User",
        "X-Cubegate-Policy-Missing",
        "X-Cubegate-Whatever-Comes-Next",
        "X_Request_Id",
        "trace.parent",
    ] {
        for credentials in [analyst(), String::new()] {
            let answer = door.get("/api", &format!("{credentials}{name}: admin\r\n")).await;
            assert_eq!((answer.status, answer.header("content-type")), (400, "application/problem+json"), "{name}");
        }
    }
    assert_eq!(door.recorder.count(), 0);
}

#[tokio::test]
async fn identity_arrives_once_and_in_one_spelling_and_credentials_do_not_arrive() {
    let door = Door::with(policies::closed()).await.unwrap();
    let headers = format!("{}Cookie: a=b\r\nX-Mine: stays\r\nContent-Type: text/plain\r\n", analyst());
    assert_eq!(door.get("/api", &headers).await.status, 200);
    let arrived = door.recorder.arrived();
    is_stamped_once(&arrived[0]).unwrap();
    let mut names: Vec<&str> = arrived[0].headers.iter().map(|(name, _)| name.as_str()).collect();
    names.sort_unstable();
    assert_eq!(
        names,
        [
            "content-type",
            "host",
            "traceparent",
            "x-cubegate-attributes",
            "x-cubegate-policy",
            "x-cubegate-roles",
            "x-cubegate-user",
            "x-mine",
            "x-request-id"
        ]
    );
}

#[tokio::test]
async fn naming_our_headers_in_connection_takes_none_of_them_away() {
    let door = Door::with(policies::closed()).await.unwrap();
    for named in
        ["X-Cubegate-User", "x-cubegate-roles, X-Cubegate-Policy", "X-Request-Id, traceparent, x-cubegate-attributes"]
    {
        let request = format!("GET /api HTTP/1.1\r\nHost: door\r\nConnection: close, {named}\r\n{}\r\n", analyst());
        assert_eq!(door.ask(&request).await.status, 200);
    }
    let arrived = door.recorder.arrived();
    assert_eq!(arrived.len(), 3);
    for request in &arrived {
        is_stamped_once(request).unwrap();
        assert_eq!(wire::values(&request.headers, "x-request-id").len(), 1);
        assert!(wire::values(&request.headers, "connection").is_empty());
    }
}

#[tokio::test]
async fn what_callers_say_of_where_they_came_from_is_neither_believed_nor_passed_on() {
    let door = Door::with(policies::closed_with(Some(policies::oidc_out_of_reach()))).await.unwrap();
    let hearsay = [
        "Forwarded: for=127.0.0.1;proto=https;host=elsewhere.example",
        "X-Forwarded-For: 127.0.0.1",
        "X_Forwarded_For: 127.0.0.1",
        "X-Forwarded-Host: elsewhere.example",
        "X-Forwarded-Proto: https",
        "X-Forwarded-Prefix: //elsewhere.example",
        "X-Forwarded-Uri: /livez",
        "X.Forwarded.Uri: /livez",
        "X-Forwarded-Method: OPTIONS",
        "X-Forwarded-User: admin",
        "X-Forwarded-Client-Cert: Subject=\"CN=admin\"",
        "X-Original-URL: /livez",
        "X-Original-Method: OPTIONS",
        "X-Rewrite-URL: /livez",
        "X-Real-IP: 127.0.0.1",
        "True-Client-IP: 127.0.0.1",
        "Client-IP: 127.0.0.1",
        "X-Client-IP: 127.0.0.1",
        "X-Cluster-Client-IP: 127.0.0.1",
        "CF-Connecting-IP: 127.0.0.1",
        "CF_Connecting_IP: 127.0.0.1",
        "Via: 1.1 elsewhere.example",
        "X-Envoy-Original-Path: /livez",
        "X-HTTP-Method-Override: OPTIONS",
        "Proxy: http://elsewhere.example",
    ]
    .map(|line| format!("{line}\r\n"))
    .concat();
    let refused = door.get("/api", &format!("{hearsay}Accept: application/json\r\n")).await;
    assert_eq!(refused.status, 401);
    let redirected = door.get("/api", &hearsay).await;
    assert_eq!((redirected.status, redirected.header("location")), (302, "/oauth2/authorization/idp"));
    assert!(!redirected.header("set-cookie").contains("Secure"), "the scheme is the policy's, not the caller's");

    assert_eq!(door.get("/api", &format!("{}{hearsay}", analyst())).await.status, 200);
    let arrived = door.recorder.arrived();
    let text = format!("{:?}", arrived[0].headers);
    for said in ["elsewhere", "127.0.0.1", "livez", "OPTIONS", "admin"] {
        assert!(!text.contains(said), "{said} in {text}");
    }
}

#[tokio::test]
async fn identities_of_other_systems_are_no_way_in() {
    let door = Door::with(policies::closed()).await.unwrap();
    for line in [
        "Remote-User: admin",
        "X-Remote-User: admin",
        "X-Auth-Request-User: admin",
        "X-Forwarded-User: admin",
        "X-WebAuth-User: admin",
        "X-SSL-Client-CN: admin",
        "SSL_CLIENT_S_DN_CN: admin",
        "X-Forwarded-Client-Cert: By=spiffe://a;Subject=\"CN=admin\"",
        "Proxy-Authorization: Basic YWRtaW46eA==",
    ] {
        assert_eq!(door.get("/api", &format!("{line}\r\n")).await.status, 401, "{line}");
    }
    assert_eq!(door.recorder.count(), 0);
}

#[tokio::test]
async fn no_user_agent_and_no_host_opens_anything() {
    let door = Door::with(policies::closed()).await.unwrap();
    for agent in ["GoogleHC/1.0", "kube-probe/1.35", "ELB-HealthChecker/2.0", "Prometheus/3.0", "curl/8", ""] {
        assert_eq!(door.get("/metrics", &format!("User-Agent: {agent}\r\n")).await.status, 401, "{agent}");
    }
    for host in ["localhost", "LOCALHOST", "127.0.0.1:8081", "engine", "retail.example.com", "RETAIL.example.com."] {
        for path in ["/api", "/livez", "/readyz", "/policy"] {
            let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
            assert_eq!(door.ask(&request).await.status, 401, "{host} {path}");
        }
    }
    assert_eq!(door.recorder.count(), 0);
}

#[tokio::test]
async fn without_an_identity_nothing_is_passed_on_whatever_the_method() {
    let door = Door::with(policies::closed_with(Some(policies::oidc_out_of_reach()))).await.unwrap();
    let preflight = "Origin: https://elsewhere.example\r\nAccess-Control-Request-Method: POST\r\nAccess-Control-Request-Headers: x-cubegate-user\r\n";
    for method in ["OPTIONS", "HEAD", "GET", "POST", "PUT", "PATCH", "DELETE", "PROPFIND", "FROBNICATE"] {
        for path in
            ["/api", "/", "/favicon.ico", "/robots.txt", "/.well-known/security.txt", "/login/", "/static/app.js"]
        {
            let request = format!("{method} {path} HTTP/1.1\r\nHost: door\r\nConnection: close\r\n{preflight}\r\n");
            let answer = door.ask(&request).await;
            assert!([401, 302].contains(&answer.status), "{method} {path}: {answer:?}");
            assert!(wire::values(&answer.headers, "access-control-allow-origin").is_empty());
        }
    }
    assert_eq!(door.recorder.count(), 0);
}
