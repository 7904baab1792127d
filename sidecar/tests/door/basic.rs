//! Technical users, and what the engine gets to know of them.

use serde_json::json;

use crate::{
    client::{get, request, send},
    fixture::{PASSWORD, Sidecar, basic, closed, open},
};

#[tokio::test]
async fn a_technical_user_is_told_who_they_are() {
    let sidecar = Sidecar::with(closed()).await;
    for path in ["/whoami", "/atoti/pyapi/whoami"] {
        let reply = get(sidecar.public, path, &[("authorization", &basic("technical-user", PASSWORD))]).await;
        assert_eq!(
            (reply.status.as_u16(), reply.json()),
            (200, json!({"name": "technical-user", "roles": ["ROLE_USER"]}))
        );
        assert_eq!(reply.header("content-type"), "application/json");
    }
}

#[tokio::test]
async fn the_engine_gets_user_roles_and_revision_and_no_credentials() {
    let sidecar = Sidecar::with(closed()).await;
    let authorization = basic("zoë", PASSWORD);
    let headers = [
        ("authorization", authorization.as_str()),
        ("cookie", "a=b"),
        ("x-forwarded-for", "1.2.3.4"),
        ("x-mine", "stays"),
        ("content-type", "application/json"),
    ];
    let reply =
        send(sidecar.public, request("POST", "/api/v1/cubes/a%20b/query?x=1", &headers, r#"{"measures":[]}"#)).await;
    assert_eq!((reply.status.as_u16(), &*reply.body), (200, br#"{"measures":[]}"#.as_slice()));

    let got = sidecar.engine.last();
    let header = |name: &str| got.headers.get_all(name).iter().map(|value| value.to_str().unwrap()).collect::<Vec<_>>();
    assert_eq!(
        (got.method.as_str(), got.target.as_str(), &*got.body),
        ("POST", "/api/v1/cubes/a%20b/query?x=1", br#"{"measures":[]}"#.as_slice())
    );
    assert_eq!(header("x-cubegate-user"), ["zo%C3%AB"]);
    assert_eq!(header("x-cubegate-roles"), ["ROLE_PARIS,ROLE_USER"]);
    assert_eq!(header("x-cubegate-attributes"), [r#"[[["shops"],["S1","S2"]]]"#]);
    assert_eq!(header("x-cubegate-policy"), ["1"]);
    assert_eq!(header("x-mine"), ["stays"]);
    assert_eq!((header("x-request-id").len(), header("traceparent").len()), (1, 1));
    for gone in ["authorization", "cookie", "x-forwarded-for", "connection"] {
        assert!(header(gone).is_empty(), "{gone}");
    }
}

#[tokio::test]
async fn callers_see_the_engines_headers_but_not_ours() {
    let sidecar = Sidecar::with(closed()).await;
    let reply =
        get(sidecar.public, "/api", &[("authorization", &basic("technical-user", PASSWORD)), ("x-request-id", "abc")])
            .await;
    assert_eq!(
        (reply.header("x-from-engine"), reply.header("x-cubegate-secret"), reply.header("keep-alive")),
        ("yes", "", "")
    );
    assert_eq!(reply.header("x-request-id"), "abc");
    assert_eq!(sidecar.engine.last().headers["x-request-id"], "abc");
}

#[tokio::test]
async fn wrong_passwords_unknown_users_and_broken_ones_look_the_same() {
    let sidecar = Sidecar::with(closed()).await;
    let mut seen = Vec::new();
    for (user, password) in [("technical-user", "wrong"), ("nobody", PASSWORD), ("broken", PASSWORD)] {
        let reply = get(sidecar.public, "/whoami", &[("authorization", &basic(user, password))]).await;
        let mut problem = reply.json();
        assert!(problem["decisionId"].take().is_string());
        seen.push((reply.status.as_u16(), reply.challenges().join("|"), problem));
    }
    assert_eq!(seen[0], seen[1]);
    assert_eq!(seen[0], seen[2]);
    assert_eq!((seen[0].0, seen[0].1.as_str()), (401, r#"Basic realm="retail", charset="UTF-8""#));
}

#[tokio::test]
async fn unknown_users_cost_what_wrong_passwords_cost() {
    let sidecar = Sidecar::with(closed()).await;
    let mut elapsed = [Vec::new(), Vec::new()];
    // Another user name each time, because guesses at one name are slowed down on purpose.
    for round in 0..4 {
        for (index, user) in
            [["technical-user", "zoë", "outsider", "holder"][round], ["a", "b", "c", "d"][round]].iter().enumerate()
        {
            let started = std::time::Instant::now();
            assert_eq!(get(sidecar.public, "/whoami", &[("authorization", &basic(user, "wrong"))]).await.status, 401);
            elapsed[index].push(started.elapsed());
        }
    }
    let [known, unknown] = elapsed.map(|times| times.into_iter().min().unwrap());
    assert!(unknown * 2 > known && known * 2 > unknown, "{known:?} against {unknown:?}");
}

#[tokio::test]
async fn malformed_authorization_is_refused_with_401_in_every_scheme() {
    let sidecar = Sidecar::with(closed()).await;
    for value in [
        "Basic",
        "Basic %%%",
        "Basic bm9jb2xvbg==",
        "Basic /zpw",
        "Bearer",
        "Bearer a b",
        "Bearer abc",
        "Digest username=x",
        "Negotiate abc",
        "technical-user",
    ] {
        let reply = get(sidecar.public, "/whoami", &[("authorization", value)]).await;
        assert_eq!((reply.status.as_u16(), reply.header("content-type")), (401, "application/problem+json"), "{value}");
        assert!(!reply.challenges().is_empty());
    }
    let right = basic("technical-user", PASSWORD);
    let twice = get(sidecar.public, "/whoami", &[("authorization", &right), ("authorization", &right)]).await;
    assert_eq!(twice.status, 401, "two are ambiguous even when equal");
    assert_eq!(sidecar.engine.count(), 0);
}

#[tokio::test]
async fn the_scheme_is_case_insensitive() {
    let sidecar = Sidecar::with(closed()).await;
    let value = basic("technical-user", PASSWORD).replace("Basic", "bAsIc");
    assert_eq!(get(sidecar.public, "/whoami", &[("authorization", &value)]).await.status, 200);
}

#[tokio::test]
async fn those_without_access_and_holders_of_broken_roles_are_refused_without_the_reason() {
    let sidecar = Sidecar::with(closed()).await;
    for user in ["outsider", "holder"] {
        let reply = get(sidecar.public, "/api/v1/cubes", &[("authorization", &basic(user, PASSWORD))]).await;
        assert_eq!(reply.status, 403, "{user}");
        assert!(!String::from_utf8_lossy(&reply.body).contains("secret-name"), "{user}");
        assert!(reply.json()["decisionId"].is_string());
    }
    assert_eq!(sidecar.engine.count(), 0);
}

#[tokio::test]
async fn guessing_is_slowed_down_but_a_verified_user_is_not() {
    let sidecar = Sidecar::with(closed()).await;
    let right = basic("technical-user", PASSWORD);
    assert_eq!(get(sidecar.public, "/whoami", &[("authorization", &right)]).await.status, 200);
    let mut last = 0;
    for guess in 0..7 {
        let reply =
            get(sidecar.public, "/whoami", &[("authorization", &basic("technical-user", &format!("guess {guess}")))])
                .await;
        last = reply.status.as_u16();
        assert!(last == 401 || !reply.header("retry-after").is_empty());
    }
    assert_eq!(last, 429);
    assert_eq!(get(sidecar.public, "/whoami", &[("authorization", &right)]).await.status, 200);
}

#[tokio::test]
async fn metrics_need_credentials_and_tell_of_both_processes() {
    let sidecar = Sidecar::with(closed()).await;
    assert_eq!(get(sidecar.public, "/metrics", &[]).await.status, 401);
    let reply = get(sidecar.public, "/metrics", &[("authorization", &basic("technical-user", PASSWORD))]).await;
    let text = String::from_utf8(reply.body.to_vec()).unwrap();
    assert!(reply.header("content-type").starts_with("text/plain; version=0.0.4"));
    for line in [
        "cubegate_engine_stub 1",
        "cubegate_sidecar_policy_revision 1",
        r#"cubegate_sidecar_policy_state{state="Current"} 1"#,
        r#"cubegate_sidecar_refusals_total{reason="unauthenticated"} 1"#,
    ] {
        assert!(text.contains(line), "{line} in {text}");
    }
}

#[tokio::test]
async fn an_open_session_admits_whoever_comes_as_an_administrator() {
    let sidecar = Sidecar::with(open()).await;
    let everybody = json!({"name": "anonymousUser", "roles": ["ROLE_ADMIN", "ROLE_ANONYMOUS", "ROLE_USER"]});
    for headers in [&[][..], &[("authorization", "Basic nonsense")]] {
        let reply = get(sidecar.public, "/whoami", headers).await;
        assert_eq!((reply.status.as_u16(), reply.json()), (200, everybody.clone()));
    }
}
