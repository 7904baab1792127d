//! Bearer tokens that have been verified a moment ago.

use cubegate_policy::snapshot::{Checked, ClaimPath, Oidc};
use serde_json::json;

use crate::{
    client::get,
    fixture::{Sidecar, closed_with, oidc_jwt, set},
    provider::{Provider, Signer},
};

async fn with_jwt() -> (Provider, Sidecar, String) {
    let provider = Provider::start().await;
    let sidecar = Sidecar::with(closed_with(Some(Checked::Valid(oidc_jwt(&provider.issuer()))))).await;
    let claims = json!({
        "preferred_username": "parisian-user",
        "scope": "openid",
        "groups": ["atoti"],
        "resource_access": {"cubegate": {"roles": ["atoti", "paris"]}},
    });
    let token = provider.signer.sign("at+jwt", &provider.claims("api", claims));
    for _ in 0..3 {
        assert_eq!(roles(&sidecar, &token).await, ["ROLE_PARIS", "ROLE_USER"]);
    }
    (provider, sidecar, token)
}

/// The bearer's roles; or the status of the refusal.
async fn roles(sidecar: &Sidecar, token: &str) -> Vec<String> {
    let reply = get(sidecar.public, "/whoami", &[("authorization", &format!("Bearer {token}"))]).await;
    if reply.status != 200 {
        return vec![reply.status.as_str().to_owned()];
    }
    serde_json::from_value(reply.json()["roles"].clone()).unwrap()
}

#[tokio::test]
async fn it_ends_with_the_key_that_it_was_verified_by() {
    let (provider, sidecar, token) = with_jwt().await;
    provider.script.lock().unwrap().keys = vec![Signer::new("second").public()];
    let unknown = Signer::new("unknown").sign("at+jwt", &provider.claims("api", json!({"preferred_username": "u"})));
    assert_eq!(roles(&sidecar, &unknown).await, ["401"], "which has the keys read again");
    assert_eq!(roles(&sidecar, &token).await, ["401"]);
}

#[tokio::test]
async fn a_change_of_one_character_is_another_token() {
    let (_provider, sidecar, token) = with_jwt().await;
    for at in [10, token.find('.').unwrap() + 10, token.rfind('.').unwrap() + 10] {
        let other = if token.as_bytes()[at] == b'A' { "B" } else { "A" };
        let changed = format!("{}{other}{}", &token[..at], &token[at + 1..]);
        assert_eq!(roles(&sidecar, &changed).await, ["401"], "{at}");
    }
    assert_eq!(roles(&sidecar, &token).await, ["ROLE_PARIS", "ROLE_USER"]);
}

#[tokio::test]
async fn what_its_bearer_may_do_is_asked_of_the_policy_each_time() {
    let (provider, sidecar, token) = with_jwt().await;
    let mut door = closed_with(Some(Checked::Valid(oidc_jwt(&provider.issuer()))));
    door.mapped.remove("paris");
    sidecar.enforce(2, door.clone()).await;
    assert_eq!(roles(&sidecar, &token).await, ["ROLE_USER"]);
    door.mapped.insert("atoti".into(), set(&["ROLE_PARIS"]));
    sidecar.enforce(3, door).await;
    assert_eq!(roles(&sidecar, &token).await, ["403"]);
}

#[tokio::test]
async fn who_its_bearer_is_is_read_anew_by_other_rules() {
    let (provider, sidecar, token) = with_jwt().await;
    let config = |changes: fn(&mut Oidc)| {
        let mut config = oidc_jwt(&provider.issuer());
        changes(&mut config);
        closed_with(Some(Checked::Valid(config)))
    };
    sidecar.enforce(2, config(|config| config.roles_claims = vec![ClaimPath(vec!["groups".into()])])).await;
    assert_eq!(roles(&sidecar, &token).await, ["ROLE_USER"]);
    sidecar.enforce(3, config(|config| config.audience = Some("other".into()))).await;
    assert_eq!(roles(&sidecar, &token).await, ["401"]);
}
