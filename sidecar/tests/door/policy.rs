//! Which policy decides, and when.

use std::time::{Duration, Instant, SystemTime};

use cubegate_api::Moment;
use cubegate_policy::{
    publication::ModelState,
    snapshot::{Authentication, Checked, Door},
    validity::Validity,
};
use serde_json::json;

use crate::{
    client::{KeptAlive, get, request},
    fixture::{PASSWORD, Sidecar, basic, closed, closed_with, oidc, set},
    provider::Provider,
};

/// The technical user may no longer use the application.
fn revoked() -> Door {
    let mut door = closed();
    let Authentication::Closed(ways) = &mut door.authentication else { panic!("closed is closed") };
    let Some(Checked::Valid(user)) = ways.technical_users.get_mut("technical-user") else { panic!("it is there") };
    user.roles = set(&["ROLE_PARIS"]);
    door
}

#[tokio::test]
async fn without_a_policy_nothing_is_served_but_the_process_lives() {
    let sidecar = Sidecar::bare().await;
    let reply = get(sidecar.public, "/api", &[("authorization", &basic("technical-user", PASSWORD))]).await;
    assert_eq!((reply.status.as_u16(), reply.header("retry-after")), (503, "1"));
    assert_eq!(get(sidecar.private, "/livez", &[]).await.status, 200);
    assert_eq!(get(sidecar.private, "/readyz", &[]).await.status, 503);
    assert_eq!(sidecar.report().await["state"], "NoPolicy");
}

#[tokio::test]
async fn a_policy_is_handed_to_the_engine_before_it_decides() {
    let sidecar = Sidecar::bare().await;
    sidecar.engine.seen.lock().unwrap().refuses_policies = true;
    sidecar.offer(1, closed());
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(
        get(sidecar.public, "/whoami", &[("authorization", &basic("technical-user", PASSWORD))]).await.status,
        503
    );
    sidecar.engine.seen.lock().unwrap().refuses_policies = false;
    sidecar.until(|report| report["state"] == "Current").await;
    assert_eq!(
        get(sidecar.public, "/whoami", &[("authorization", &basic("technical-user", PASSWORD))]).await.status,
        200
    );
    assert_eq!(get(sidecar.private, "/readyz", &[]).await.status, 200);
    let report = sidecar.report().await;
    assert_eq!(report["policy"], report["engine"]["policy"]);
}

#[tokio::test]
async fn a_revocation_takes_effect_at_once_on_connections_that_stay_open() {
    let sidecar = Sidecar::with(closed()).await;
    let right = basic("technical-user", PASSWORD);
    let ask = || request("GET", "/api", &[("authorization", right.as_str())], "");
    let mut connection = KeptAlive::open(sidecar.public).await;
    assert_eq!(connection.send(ask()).await.status, 200);
    let mut latencies = Vec::new();
    for revision in [2, 4, 6, 8, 10] {
        let offered = Instant::now();
        sidecar.offer(revision, revoked());
        while connection.send(ask()).await.status == 200 {
            assert!(offered.elapsed() < Duration::from_secs(1), "not enforced within a second");
        }
        latencies.push(offered.elapsed());
        sidecar.enforce(revision + 1, closed()).await;
        assert_eq!(connection.send(ask()).await.status, 200);
        assert_eq!(sidecar.engine.last().headers["x-cubegate-policy"], (revision + 1).to_string());
    }
    // The best of five, because the machine may have other work.
    assert!(latencies.iter().min().unwrap() < &Duration::from_millis(50), "{latencies:?}");
}

#[tokio::test]
async fn users_and_roles_begin_and_end_by_themselves_on_connections_that_stay_open() {
    let now = SystemTime::now();
    let after = |seconds| Some(Moment::of(now + Duration::from_secs(seconds)));
    let window = Validity { not_before: after(2), not_after: after(4) };
    let mut door = closed();
    door.roles.get_mut("ROLE_PARIS").unwrap().validity = window;
    let Authentication::Closed(ways) = &mut door.authentication else { panic!("closed is closed") };
    let Some(Checked::Valid(user)) = ways.technical_users.get_mut("technical-user") else { panic!("it is there") };
    user.validity = window;
    let sidecar = Sidecar::with(door).await;
    let (mut of_user, mut of_holder) = (KeptAlive::open(sidecar.public).await, KeptAlive::open(sidecar.public).await);
    let (user, holder) = (basic("technical-user", PASSWORD), basic("zoë", PASSWORD));
    let mut seen = Vec::new();
    while now.elapsed().unwrap() < Duration::from_millis(5_500) {
        let status = of_user.send(request("GET", "/api", &[("authorization", &user)], "")).await.status.as_u16();
        assert!([200, 401, 429].contains(&status), "let in, refused, or refused too often: {status}");
        let held = of_holder.send(request("GET", "/api", &[("authorization", &holder)], "")).await;
        assert_eq!(held.status, 200, "the end of a role refuses nobody by itself");
        let roles = sidecar.engine.last().headers["x-cubegate-roles"].to_str().unwrap().to_owned();
        if seen.last() != Some(&(status == 200, roles.clone())) {
            seen.push((status == 200, roles));
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let (valid, lapsed) = ("ROLE_PARIS,ROLE_USER", "ROLE_USER,~ROLE_PARIS");
    let (first, last) = (seen.first().unwrap(), seen.last().unwrap());
    assert_eq!((first, last), (&(false, lapsed.to_owned()), &(false, lapsed.to_owned())), "{seen:?}");
    assert!(seen.contains(&(true, valid.to_owned())), "{seen:?}");
}

#[tokio::test]
async fn who_is_still_being_identified_when_the_policy_changes_is_judged_by_the_new_one() {
    let provider = Provider::start().await;
    let door = closed_with(Some(Checked::Valid(oidc(&provider.issuer()))));
    let sidecar = Sidecar::with(door.clone()).await;
    assert_eq!(get(sidecar.public, "/api", &[("authorization", "Bearer unknown")]).await.status, 401);
    {
        let mut script = provider.script.lock().unwrap();
        script.delay = Duration::from_millis(500);
        let roles = json!({"cubegate": {"roles": ["atoti"]}});
        let bearer = json!({"active": true, "sub": "u1", "preferred_username": "u", "resource_access": roles});
        script.introspection.insert("good".into(), bearer);
    }
    let slow = tokio::spawn(get(sidecar.public, "/api", &[("authorization", "Bearer good")]));
    tokio::time::sleep(Duration::from_millis(100)).await;
    let mut without_mapping = door;
    without_mapping.mapped.remove("atoti");
    sidecar.enforce(2, without_mapping).await;
    assert_eq!(slow.await.unwrap().status, 403);
    assert_eq!(sidecar.engine.count(), 0);
}

#[tokio::test]
async fn a_policy_that_is_withdrawn_serves_nobody_until_there_is_one_again() {
    let sidecar = Sidecar::with(closed()).await;
    let right = basic("technical-user", PASSWORD);
    sidecar.withdraw();
    sidecar.until(|report| report["state"] == "NoPolicy").await;
    assert_eq!(get(sidecar.public, "/whoami", &[("authorization", &right)]).await.status, 503);
    sidecar.enforce(2, closed()).await;
    assert_eq!(get(sidecar.public, "/whoami", &[("authorization", &right)]).await.status, 200);
}

#[tokio::test]
async fn no_request_fails_while_policies_change() {
    let sidecar = Sidecar::with(closed()).await;
    let right = basic("technical-user", PASSWORD);
    let mut connection = KeptAlive::open(sidecar.public).await;
    for revision in 2..200 {
        sidecar.offer(revision, closed());
        let reply = connection.send(request("GET", "/api", &[("authorization", &right)], "")).await;
        assert_eq!(reply.status, 200, "{reply:?}");
    }
}

#[tokio::test]
async fn an_older_revision_and_another_text_of_the_same_are_rejected() {
    let sidecar = Sidecar::with(closed()).await;
    sidecar.enforce(5, closed()).await;
    for (revision, door) in [(4, revoked()), (5, revoked())] {
        sidecar.offer(revision, door);
        sidecar.until(|report| report["state"] == "Rejected").await;
        assert_eq!(sidecar.report().await["policy"]["revision"], 5);
        assert_eq!(
            get(sidecar.public, "/whoami", &[("authorization", &basic("technical-user", PASSWORD))]).await.status,
            200
        );
        sidecar.offer(5, closed());
        sidecar.until(|report| report["state"] == "Current").await;
    }
    assert_eq!(*sidecar.engine.seen.lock().unwrap().hand_overs, [1, 5]);
}

#[tokio::test]
async fn an_engine_that_was_restarted_is_handed_the_policy_again() {
    let mut sidecar = Sidecar::with(closed()).await;
    let right = basic("technical-user", PASSWORD);
    sidecar.engine.stop();
    sidecar.until(|report| report["engine"].is_null()).await;
    let reply = get(sidecar.public, "/api", &[("authorization", &right)]).await;
    assert_eq!(
        (reply.status.as_u16(), reply.header("retry-after"), reply.header("content-type")),
        (503, "1", "application/problem+json")
    );
    assert_eq!(
        get(sidecar.public, "/whoami", &[("authorization", &right)]).await.status,
        200,
        "the door needs no engine"
    );
    assert_eq!(get(sidecar.private, "/readyz", &[]).await.status, 503);
    sidecar.engine.restart("second");
    sidecar
        .until(|report| report["engine"]["instance"] == "second" && report["engine"]["policy"]["revision"] == 1)
        .await;
    assert_eq!(get(sidecar.public, "/api", &[("authorization", &right)]).await.status, 200);
}

#[tokio::test]
async fn an_engine_that_lacks_the_policy_gets_it_at_once() {
    let sidecar = Sidecar::with(closed()).await;
    let right = basic("technical-user", PASSWORD);
    sidecar.engine.seen.lock().unwrap().forget();
    let reply = get(sidecar.public, "/api", &[("authorization", &right)]).await;
    assert!(reply.status == 503 || reply.status == 200, "{reply:?}");
    assert_eq!(reply.header("x-cubegate-policy-missing"), "");
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(get(sidecar.public, "/api", &[("authorization", &right)]).await.status, 200);
}

#[tokio::test]
async fn probes_are_told_that_the_model_failed_but_not_what_its_tables_hold() {
    let sidecar = Sidecar::with(closed()).await;
    let error = "sales.csv, line 7: `secret` is no number";
    sidecar.engine.seen.lock().unwrap().model = ModelState::Failed(vec![error.to_owned()]);
    sidecar.until(|report| report["engine"]["model"].to_string().contains(error)).await;
    let reply = get(sidecar.private, "/readyz", &[]).await;
    assert_eq!((reply.status.as_u16(), &*reply.body), (503, b"policy Current, engine Failed\n".as_slice()));
}

#[tokio::test]
async fn told_to_stop_it_finishes_what_it_began() {
    let mut sidecar = Sidecar::with(closed()).await;
    let right = basic("technical-user", PASSWORD);
    let mut connection = KeptAlive::open(sidecar.public).await;
    assert_eq!(connection.send(request("GET", "/api", &[("authorization", &right)], "")).await.status, 200);
    sidecar.tell_to_stop();
    let ended = tokio::time::timeout(Duration::from_secs(2), &mut sidecar.task).await;
    assert!(matches!(ended, Ok(Ok(Ok(())))), "{ended:?}");
    assert!(tokio::net::TcpStream::connect(sidecar.public).await.is_err());
}

#[tokio::test]
async fn the_private_listener_has_probes_and_metrics_and_nothing_else() {
    let sidecar = Sidecar::with(closed()).await;
    let metrics = get(sidecar.private, "/metrics", &[]).await;
    assert!(String::from_utf8_lossy(&metrics.body).contains("cubegate_sidecar_policy_revision 1"));
    for path in ["/", "/whoami", "/internal/policy", "/api"] {
        assert_eq!(get(sidecar.private, path, &[]).await.status, 404, "{path}");
    }
}

#[tokio::test]
async fn what_the_engine_refuses_by_the_policy_is_refused_in_the_words_of_the_door() {
    let sidecar = Sidecar::with(closed()).await;
    let right = basic("technical-user", PASSWORD);
    let reply = get(sidecar.public, "/refused", &[("authorization", &right)]).await;
    assert_eq!((reply.status.as_u16(), reply.header("x-cubegate-refused")), (403, ""));
    let problem: serde_json::Value = serde_json::from_slice(&reply.body).unwrap();
    assert_eq!(problem["type"], "https://cubegate.dev/problems/refused");
    assert_eq!(problem["detail"], "ask whoever maintains the access policy of this Session");
    assert_eq!(problem["decisionId"].as_str().unwrap().len(), 32);
}
