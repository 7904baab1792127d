//! Callers without credentials, where the policy admits guests.

use cubegate_policy::{
    snapshot::{Checked, Door},
    validity::Validity,
};
use serde_json::json;

use crate::{
    client::get,
    fixture::{PASSWORD, Sidecar, basic, closed, closed_with, oidc, set, with_guests},
};

fn guests(roles: &[&str]) -> Door {
    with_guests(closed(), Checked::Valid(set(roles)))
}

/// Any issuer will do: nobody is sent there.
fn with_oidc() -> Door {
    closed_with(Some(Checked::Valid(oidc("http://127.0.0.1:1"))))
}

#[tokio::test]
async fn whoever_brings_no_credentials_is_a_guest_with_the_roles_of_guests() {
    let sidecar = Sidecar::with(guests(&["ROLE_PARIS", "ROLE_USER"])).await;
    let reply = get(sidecar.public, "/whoami", &[]).await;
    assert_eq!(
        (reply.status.as_u16(), reply.json()),
        (200, json!({"name": "guest", "roles": ["ROLE_PARIS", "ROLE_USER"]}))
    );
    let reply = get(sidecar.public, "/api", &[("cookie", "of=somebody-else")]).await;
    assert_eq!((reply.status.as_u16(), reply.header("cache-control")), (200, "private, no-cache"));
    let headers = sidecar.engine.last().headers;
    let stamped =
        ["x-cubegate-user", "x-cubegate-roles", "x-cubegate-attributes"].map(|name| headers[name].to_str().unwrap());
    assert_eq!(stamped, ["guest", "ROLE_PARIS,ROLE_USER", "[]"]);
}

#[tokio::test]
async fn whoever_brings_wrong_credentials_is_refused_and_right_ones_count() {
    let sidecar = Sidecar::with(with_guests(with_oidc(), Checked::Valid(set(&["ROLE_USER"])))).await;
    for wrong in [&basic("technical-user", "wrong"), &basic("nobody", PASSWORD), "Bearer a.b.c", "Strange scheme"] {
        let reply = get(sidecar.public, "/api", &[("authorization", wrong)]).await;
        assert!([401, 503].contains(&reply.status.as_u16()), "{wrong}: {}", reply.status);
    }
    assert_eq!(sidecar.engine.count(), 0);
    let right = basic("zoë", PASSWORD);
    let reply = get(sidecar.public, "/whoami", &[("authorization", &right)]).await;
    assert_eq!(reply.json()["name"], "zoë");
}

#[tokio::test]
async fn a_session_that_has_ended_leads_to_the_login_and_makes_nobody_a_guest() {
    let sidecar = Sidecar::with(with_guests(with_oidc(), Checked::Valid(set(&["ROLE_USER"])))).await;
    assert_eq!(get(sidecar.public, "/whoami", &[]).await.status, 200);
    let jar = [("cookie", "cubegate-session=ended")];
    let reply = get(sidecar.public, "/whoami", &jar).await;
    assert_eq!((reply.status.as_u16(), reply.header("location")), (302, "/oauth2/authorization/keycloak"));
    let script = [jar[0], ("accept", "application/json")];
    assert_eq!(get(sidecar.public, "/whoami", &script).await.status, 401);
}

#[tokio::test]
async fn the_login_is_there_for_guests_too() {
    let sidecar = Sidecar::with(with_guests(with_oidc(), Checked::Valid(set(&["ROLE_USER"])))).await;
    let reply = get(sidecar.public, "/login", &[]).await;
    assert_eq!((reply.status.as_u16(), reply.header("location")), (302, "/oauth2/authorization/keycloak"));
}

#[tokio::test]
async fn guests_whose_roles_let_nobody_in_are_asked_for_credentials_and_nobody_else_notices() {
    let right = basic("technical-user", PASSWORD);
    let mut lapsed = guests(&["ROLE_PARIS"]);
    let paris = lapsed.roles.get_mut("ROLE_PARIS").unwrap();
    paris.inherits = set(&["ROLE_USER"]);
    paris.validity =
        Validity { not_after: Some("1970-01-01T00:00:01Z".to_owned().try_into().unwrap()), not_before: None };
    for door in [
        guests(&["ROLE_PARIS"]),
        guests(&["ROLE_USER", "ROLE_BROKEN"]),
        guests(&["ROLE_USER", "ROLE_UNKNOWN"]),
        with_guests(closed(), Checked::Broken(vec!["there is no such role".to_owned()])),
        lapsed,
    ] {
        let sidecar = Sidecar::with(door).await;
        let reply = get(sidecar.public, "/api", &[]).await;
        assert_eq!(
            (reply.status.as_u16(), reply.challenges()),
            (401, vec![r#"Basic realm="retail", charset="UTF-8""#])
        );
        assert_eq!(get(sidecar.public, "/api", &[("authorization", &right)]).await.status, 200);
    }
    let sidecar = Sidecar::with(with_guests(with_oidc(), Checked::Broken(vec!["why".to_owned()]))).await;
    assert_eq!(get(sidecar.public, "/api", &[]).await.status, 302);
}

#[tokio::test]
async fn guests_read_no_metrics() {
    let sidecar = Sidecar::with(guests(&["ROLE_USER"])).await;
    assert_eq!(get(sidecar.public, "/metrics", &[]).await.status, 401);
    let right = basic("technical-user", PASSWORD);
    assert_eq!(get(sidecar.public, "/metrics", &[("authorization", &right)]).await.status, 200);
}
