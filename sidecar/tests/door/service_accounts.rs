//! ServiceAccounts of Kubernetes, whose tokens are those of a public issuer here; `tests/api-server` has an API server's.

use cubegate_policy::snapshot::{Authentication, Door, ServiceAccounts};
use serde_json::{Value, json};

use crate::{
    client::{Reply, get},
    fixture::{PASSWORD, Sidecar, basic, closed, closed_with_providers, oidc, set},
    provider::{Provider, Signer, now_s},
};

const ACCOUNT: &str = "system:serviceaccount:monitoring:prometheus";

fn with_accounts(mut door: Door, issuer: &str) -> Door {
    let Authentication::Closed(ways) = &mut door.authentication else { panic!("it is closed") };
    ways.service_accounts = Some(ServiceAccounts { audience: "retail".into(), issuer_url: Some(issuer.to_owned()) });
    door.granted.insert(ACCOUNT.to_owned(), set(&["ROLE_USER"]));
    door
}

fn claims(cluster: &Provider, changes: Value) -> Value {
    let mut all = json!({
        "sub": ACCOUNT,
        "aud": ["retail"],
        "kubernetes.io": {"namespace": "monitoring", "serviceaccount": {"name": "prometheus", "uid": "1"}},
    });
    all.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    cluster.claims("retail", all)
}

async fn bearing(sidecar: &Sidecar, token: &str) -> Reply {
    get(sidecar.public, "/whoami", &[("authorization", &format!("Bearer {token}"))]).await
}

#[tokio::test]
async fn a_pod_comes_in_by_its_token_with_the_roles_that_name_it() {
    let cluster = Provider::start().await;
    // As an API server has it, which logs nobody in.
    cluster.script.lock().unwrap().hidden.extend(["authorization_endpoint", "token_endpoint", "userinfo_endpoint"]);
    let sidecar = Sidecar::with(with_accounts(closed(), &cluster.issuer())).await;
    let token = cluster.signer.sign("JWT", &claims(&cluster, json!({"roles": ["paris"]})));
    for _ in 0..3 {
        let reply = bearing(&sidecar, &token).await;
        assert_eq!(reply.json(), json!({"name": ACCOUNT, "roles": ["ROLE_USER"]}), "{reply:?}");
    }
    assert_eq!(cluster.asked("/jwks"), 1);
    let challenged = get(sidecar.public, "/whoami", &[("accept", "application/json")]).await;
    assert_eq!(challenged.challenges().len(), 2, "Bearer is a way in too");
}

#[tokio::test]
async fn tokens_that_are_not_of_an_account_of_this_cluster_for_us_are_refused() {
    let cluster = Provider::start().await;
    let sidecar = Sidecar::with(with_accounts(closed(), &cluster.issuer())).await;
    let other = "system:serviceaccount:monitoring:other";
    for (what, changes, status) in [
        ("for another audience", json!({"aud": ["https://kubernetes.default.svc"]}), 401),
        ("of another issuer", json!({"iss": "https://kubernetes.default.svc"}), 401),
        ("expired", json!({"exp": now_s() - 120}), 401),
        ("without an end", json!({"exp": null}), 401),
        ("whose parts disagree", json!({"sub": other}), 401),
        ("of no account", json!({"sub": "prometheus"}), 401),
        (
            "of an account that has no role",
            json!({"sub": other, "kubernetes.io": {"namespace": "monitoring", "serviceaccount": {"name": "other"}}}),
            403,
        ),
    ] {
        let token = cluster.signer.sign("JWT", &claims(&cluster, changes));
        assert_eq!(bearing(&sidecar, &token).await.status, status, "{what}");
    }
    let forged = Signer::new("first").sign("JWT", &claims(&cluster, json!({})));
    assert_eq!(bearing(&sidecar, &forged).await.status, 401);
}

#[tokio::test]
async fn accounts_come_in_beside_the_users_of_a_provider_and_while_their_cluster_is_down() {
    let (provider, cluster) = (Provider::start().await, Provider::start().await);
    let door = closed_with_providers(oidc(&provider.issuer()), []);
    let sidecar = Sidecar::with(with_accounts(door.clone(), &cluster.issuer())).await;
    let signed = |changes: Value| cluster.signer.sign("JWT", &claims(&cluster, changes));
    let (first, second) = (signed(json!({})), signed(json!({"jti": "2"})));
    assert_eq!(bearing(&sidecar, &first).await.status, 200);
    assert_eq!(provider.asked("/introspect"), 0, "the provider does not get to see it");
    let issuer = cluster.issuer();
    drop(cluster);
    assert_eq!(bearing(&sidecar, &second).await.status, 200, "its keys are known");
    assert_eq!(bearing(&sidecar, "opaque").await.status, 401);
    assert_eq!(provider.asked("/introspect"), 1);

    let late = Sidecar::with(with_accounts(door, &issuer)).await;
    let robot = basic("technical-user", PASSWORD);
    let robot = [("authorization", robot.as_str())];
    let (unverifiable, by_password) = tokio::join!(bearing(&late, &first), get(late.public, "/whoami", &robot));
    assert_eq!([unverifiable.status.as_u16(), by_password.status.as_u16()], [503, 200]);
}
