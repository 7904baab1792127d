//! Clients of a provider that come with a name and a password.

use std::time::Duration;

use cubegate_policy::snapshot::{Authentication, Checked, ClientCredentials, Door};
use serde_json::json;

use crate::{
    client::{Reply, get},
    fixture::{PASSWORD, Sidecar, basic, closed_with_providers, oidc_jwt, partners},
    provider::Provider,
};

/// Failures that cost no wait.
const FAILURES_FREE_MAX: usize = 5;
/// Exchanges of clients at once.
const EXCHANGES_MAX: usize = 16;

/// With the clients of the provider of this id.
fn with_clients(mut door: Door, provider_id: &str) -> Door {
    let Authentication::Closed(ways) = &mut door.authentication else { panic!("it is closed") };
    let (provider_id, scopes) = (provider_id.to_owned(), vec!["roles".to_owned()]);
    ways.client_credentials = Some(Checked::Valid(ClientCredentials { provider_id, scopes, resource: None }));
    door
}

/// A provider with the client `report`, whose tokens have these roles.
async fn provider(audience: &str) -> Provider {
    let provider = Provider::start().await;
    let claims = json!({"preferred_username": "service-account-report", "client_id": "report",
        "resource_access": {"cubegate": {"roles": ["atoti"]}}});
    let token = provider.signer.sign("at+jwt", &provider.claims(audience, claims));
    provider.script.lock().unwrap().clients.insert(basic("report", "s%3Acret"), token);
    provider
}

async fn as_user(sidecar: &Sidecar, user: &str, password: &str) -> Reply {
    get(sidecar.public, "/whoami", &[("authorization", &basic(user, password))]).await
}

#[tokio::test]
async fn a_client_comes_in_by_its_id_and_secret_which_are_exchanged_once() {
    let provider = provider("api").await;
    let sidecar =
        Sidecar::with(with_clients(closed_with_providers(oidc_jwt(&provider.issuer()), []), "keycloak")).await;
    let replies = futures::future::join_all((0..8).map(|_| as_user(&sidecar, "report", "s:cret"))).await;
    for reply in replies {
        assert_eq!(reply.json(), json!({"name": "service-account-report", "roles": ["ROLE_USER"]}), "{reply:?}");
    }
    assert_eq!(provider.asked("/token"), 1);
    assert_eq!(as_user(&sidecar, "technical-user", PASSWORD).await.status, 200);
    assert_eq!(as_user(&sidecar, "technical-user", "wrong").await.status, 401);
    assert_eq!(provider.asked("/token"), 1, "the passwords of TechnicalUsers are nobody else's business");
}

#[tokio::test]
async fn a_client_that_is_refused_is_throttled_and_whoever_was_let_in_stays() {
    let provider = provider("api").await;
    let sidecar =
        Sidecar::with(with_clients(closed_with_providers(oidc_jwt(&provider.issuer()), []), "keycloak")).await;
    assert_eq!(as_user(&sidecar, "report", "s:cret").await.status, 200);
    let mut last = 0;
    for _ in 0..8 {
        last = as_user(&sidecar, "report", "guess").await.status.as_u16();
    }
    assert_eq!(last, 429);
    assert!(provider.asked("/token") <= 6, "guesses are not passed on for ever");
    assert_eq!(as_user(&sidecar, "report", "s:cret").await.status, 200);
}

#[tokio::test]
async fn secrets_that_are_guessed_at_once_are_passed_on_no_more_often_than_one_after_the_other() {
    let provider = provider("api").await;
    let sidecar =
        Sidecar::with(with_clients(closed_with_providers(oidc_jwt(&provider.issuer()), []), "keycloak")).await;
    provider.script.lock().unwrap().delay = Duration::from_millis(20);
    let guesses = ["first", "second"].map(|wave| (0..60).map(move |number| format!("{wave} {number}")));
    for wave in guesses {
        let replies = wave.map(async |guess| as_user(&sidecar, "report", &guess).await.status.as_u16());
        let statuses = futures::future::join_all(replies).await;
        assert!(statuses.iter().all(|status| [401, 429, 503].contains(status)), "{statuses:?}");
    }
    let asked = provider.asked("/token");
    assert!((1..=FAILURES_FREE_MAX + EXCHANGES_MAX).contains(&asked), "{asked}");
}

#[tokio::test]
async fn a_token_that_is_not_for_us_lets_no_client_in() {
    let provider = provider("somebody-else").await;
    let sidecar =
        Sidecar::with(with_clients(closed_with_providers(oidc_jwt(&provider.issuer()), []), "keycloak")).await;
    assert_eq!(as_user(&sidecar, "report", "s:cret").await.status, 401);
}

#[tokio::test]
async fn clients_are_those_of_the_provider_that_is_named_and_unverifiable_while_it_is_down() {
    let (own, other) = (Provider::start().await, provider("api").await);
    let door = with_clients(closed_with_providers(oidc_jwt(&own.issuer()), [partners(&other.issuer())]), "partners");
    let sidecar = Sidecar::with(door.clone()).await;
    let reply = as_user(&sidecar, "report", "s:cret").await;
    assert_eq!((reply.status.as_u16(), own.asked("/token")), (200, 0));
    assert_eq!(reply.json()["name"], "partners:service-account-report");
    let down = Sidecar::with(with_clients(closed_with_providers(oidc_jwt("http://127.0.0.1:1"), []), "keycloak")).await;
    let (client, technical) = tokio::join!(as_user(&down, "report", "s:cret"), as_user(&down, "zoë", PASSWORD));
    assert_eq!([client.status.as_u16(), technical.status.as_u16()], [503, 200]);
}
