//! Several providers of one Session: which are let in, and as whom.

use cubegate_api::{Session, authentication::Oidc};
use cubegate_policy::{
    attributes::Attributes,
    resolve::{Caller, Refusal, Resolved, Way, decide, resolve},
    snapshot::{Authentication, Checked, Ways},
};
use serde_json::{Value, json};

use crate::support::{World, names, noon};

/// With further providers, each as the story's partners have it but for what a test changes.
fn with(further: &[Value]) -> World {
    World::new().session(|session| add(session, further)).role("user-of-partners", mapped_to_user())
}

fn mapped_to_user() -> Value {
    json!({"roleName": "GUEST", "mappedFrom": ["partners:guest"], "inherits": ["ROLE_USER"]})
}

fn add(session: &mut Session, further: &[Value]) {
    let ways = session.spec.authentication.as_mut().unwrap();
    for changes in further {
        let mut oidc = json!({
            "providerId": "partners",
            "prefix": "partners:",
            "issuerUrl": "https://id.example.org",
            "clientId": "cubegate",
            "accessTokenFormat": "jwt",
            "audience": "api",
        });
        oidc.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        oidc.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        ways.additional_oidc.push(serde_json::from_value::<Oidc>(oidc).unwrap());
    }
}

fn ways(world: &World) -> Ways {
    match world.compile().snapshot.door.authentication {
        Authentication::Closed(ways) => ways,
        Authentication::Open => panic!("the Session is closed"),
    }
}

fn partner(world: &World, name: &str, roles: &[&str]) -> Result<Resolved, Refusal> {
    let (provider_roles, attributes) = (names(roles), Attributes::none());
    let caller = Caller::ProviderUser { provider: Some("partners"), name, provider_roles: &provider_roles, attributes };
    resolve(&world.compile().snapshot.door, &caller, noon())
}

#[test]
fn users_of_a_further_provider_have_its_default_roles_and_no_others() {
    let world = with(&[json!({"defaultRoles": ["GUEST"]})]).oidc(|oidc| oidc.default_roles = vec!["ROLE_ADMIN".into()]);
    assert_eq!(world.problems(), [""; 0]);
    assert_eq!(partner(&world, "partners:bob", &[]).unwrap().rights.roles, names(&["GUEST", "ROLE_USER"]));
    assert!(world.provider_user("alice", &[]).unwrap().rights.roles.contains("ROLE_ADMIN"));
    let snapshot = world.compile().snapshot;
    let (none, nothing) = (names(&[]), Attributes::none());
    let caller = Caller::named(&snapshot.door, "partners:bob", &none, nothing);
    let grants = decide(&snapshot.door, &caller, noon()).grants;
    assert!(grants.iter().any(|grant| grant.way == Way::Default { provider: Some("partners") }), "{grants:?}");
}

#[test]
fn roles_of_a_further_provider_are_mapped_by_its_prefix() {
    let world = with(&[json!({})]);
    assert!(partner(&world, "partners:bob", &["partners:guest"]).is_ok());
    assert_eq!(partner(&world, "partners:bob", &["partners:atoti"]), Err(Refusal::NoAccess));
    let Some(Checked::Valid(first)) = ways(&world).oidc else { panic!("broken") };
    assert_eq!(first.qualified("alice").as_deref(), Some("alice"));
    assert_eq!(first.qualified("partners:bob"), None, "a name that is another's to give");
    let Checked::Valid(further) = &ways(&world).additional_oidc["partners"] else { panic!("broken") };
    assert_eq!(further.qualified("bob").as_deref(), Some("partners:bob"));
}

#[test]
fn a_provider_that_is_wrong_denies_its_own_users_and_nobody_else() {
    for (changes, field) in [
        (json!({"prefix": null}), "prefix"),
        (json!({"audience": null}), "audience"),
        (json!({"issuerUrl": "https://id.example.com/realms/retail"}), "issuerUrl"),
        (json!({"accessTokenFormat": "opaque"}), "accessTokenFormat"),
        (json!({"clientSecretRef": {"name": "none", "key": "k"}}), "clientSecretRef"),
    ] {
        let world = with(&[changes]);
        let problems = world.compile().problems;
        let fields: Vec<&str> = problems.iter().map(|problem| problem.field.as_str()).collect();
        assert_eq!(fields, [format!("spec.authentication.additionalOidc[0].{field}")]);
        assert!(matches!(partner(&world, "partners:bob", &[]), Err(Refusal::BrokenProvider { .. })), "{field}");
        assert!(world.provider_user("alice", &["atoti"]).is_ok(), "{field}");
    }
}

#[test]
fn of_two_providers_of_one_id_the_first_stays() {
    let world = with(&[json!({}), json!({"issuerUrl": "https://id.example.net"})]);
    let problems = world.problems();
    assert!(problems[0].starts_with("Session/retail spec.authentication.additionalOidc[1].providerId Conflict: "));
    let Checked::Valid(kept) = &ways(&world).additional_oidc["partners"] else { panic!("broken") };
    assert_eq!(kept.issuer_url, "https://id.example.org");
}

#[test]
fn a_service_account_has_the_roles_that_name_it_and_no_others() {
    let account = "system:serviceaccount:monitoring:prometheus";
    let accounts = || serde_json::from_value(json!({"audience": "retail"})).unwrap();
    let closed = World::new()
        .role("scraper", json!({"users": [account], "mappedFrom": ["scraper"], "inherits": ["ROLE_USER"]}))
        .role("other", json!({"mappedFrom": [account]}))
        .oidc(|oidc| oidc.default_roles = vec!["ROLE_ADMIN".into()]);
    let door = |world: &World| world.compile().snapshot.door;
    let come = |world: &World, name: &str| resolve(&door(world), &Caller::ServiceAccount { name }, noon());
    assert!(matches!(come(&closed, account), Err(Refusal::UnknownUser { .. })), "none are let in");

    let world = closed.session(|session| {
        session.spec.authentication.as_mut().unwrap().service_accounts = Some(accounts());
    });
    assert_eq!(world.problems(), [""; 0]);
    assert_eq!(come(&world, account).unwrap().rights.roles, names(&["scraper", "ROLE_USER"]));
    assert_eq!(come(&world, "system:serviceaccount:monitoring:other"), Err(Refusal::NoAccess));
    let (door, none) = (door(&world), names(&[]));
    let named = Caller::named(&door, account, &none, Attributes::none());
    assert!(matches!(named, Caller::ServiceAccount { .. }), "{named:?}");
    let Some(Checked::Valid(oidc)) = ways(&world).oidc else { panic!("broken") };
    assert_eq!(oidc.qualified(account), None, "no provider gives such a name");
}

#[test]
fn clients_come_by_a_provider_that_exists() {
    let world = |provider_id: Option<&str>| {
        with(&[json!({})]).session(|session| {
            let basic = session.spec.authentication.as_mut().unwrap().basic.as_mut().unwrap();
            let clients = json!({"providerId": provider_id, "scopes": ["roles"]});
            basic.client_credentials = Some(serde_json::from_value(clients).unwrap());
        })
    };
    for (written, meant) in [(None, "keycloak"), (Some("partners"), "partners")] {
        let Some(Checked::Valid(clients)) = ways(&world(written)).client_credentials else { panic!("broken") };
        assert_eq!(clients.provider_id, meant);
    }
    let broken = world(Some("partner"));
    let problem = "Session/retail spec.authentication.basic.clientCredentials.providerId Unresolved: this Session has no provider `partner`; did you mean `partners`?";
    assert_eq!(broken.problems(), [problem]);
    assert!(matches!(ways(&broken).client_credentials, Some(Checked::Broken(_))));
}
