//! From identities to roles.

use cubegate_policy::{
    attributes::Attributes,
    resolve::{ANONYMOUS_USER, Caller, Grant, Refusal, Resolved, Way, decide, resolve},
};
use serde_json::json;

use crate::support::{World, names};

fn roles(resolved: Result<Resolved, Refusal>) -> Vec<String> {
    resolved.unwrap().roles.into_iter().collect()
}

#[test]
fn provider_roles_are_mapped_and_do_not_become_roles_themselves() {
    let world = World::new().restricting("FRANCE", &[("Shops/Country", &["France"])]);
    assert_eq!(roles(world.provider_user("french-user", &["FRANCE", "atoti", "other"])), ["FRANCE", "ROLE_USER"]);
    assert_eq!(world.provider_user("french-user", &["ROLE_USER", "ROLE_ADMIN"]), Err(Refusal::NoAccess));
}

#[test]
fn a_provider_user_is_mapped_by_name_too() {
    let world = World::new().role("boss", json!({"roleName": "ROLE_ADMIN", "mappedFrom": ["alice"]}));
    assert_eq!(roles(world.provider_user("alice", &[])), ["ROLE_ADMIN", "ROLE_USER"]);
}

#[test]
fn an_individual_grant_counts_for_any_way_of_authenticating() {
    let world = World::new()
        .role("extra", json!({"roleName": "EXTRA", "users": ["alice", "robot"]}))
        .technical_user("robot", json!({"roles": ["ROLE_USER"]}));
    assert_eq!(roles(world.provider_user("alice", &["atoti"])), ["EXTRA", "ROLE_USER"]);
    assert_eq!(roles(world.basic("robot")), ["EXTRA", "ROLE_USER"]);
}

#[test]
fn a_technical_user_has_the_roles_of_its_object() {
    let world = World::new().technical_user("technical-user", json!({"roles": ["ROLE_USER"]}));
    let resolved = world.basic("technical-user").unwrap();
    assert_eq!((resolved.user.as_str(), resolved.roles), ("technical-user", names(&["ROLE_USER"])));
}

#[test]
fn what_a_provider_calls_its_roles_says_nothing_of_technical_users() {
    let world = World::new().technical_user("atoti", json!({"roles": []}));
    assert_eq!(world.basic("atoti"), Err(Refusal::NoAccess));
}

#[test]
fn a_technical_user_is_no_provider_user_and_the_other_way_round() {
    let world = World::new().technical_user("robot", json!({"roles": ["ROLE_USER"]}));
    assert_eq!(world.provider_user("robot", &[]), Err(Refusal::NoAccess));
    assert_eq!(world.basic("alice"), Err(Refusal::UnknownUser { user: "alice".into() }));
}

#[test]
fn default_roles_are_only_for_a_user_who_got_no_role_any_other_way() {
    let world = World::new()
        .role("guest", json!({"roleName": "GUEST", "inherits": ["ROLE_USER"]}))
        .role("extra", json!({"roleName": "EXTRA", "mappedFrom": ["extra"]}))
        .oidc(|oidc| oidc.default_roles = vec!["GUEST".into()])
        .technical_user("robot", json!({}));
    assert_eq!(roles(world.provider_user("bob", &["unknown"])), ["GUEST", "ROLE_USER"]);
    assert_eq!(world.provider_user("bob", &["extra"]), Err(Refusal::NoAccess));
    assert_eq!(world.basic("robot"), Err(Refusal::NoAccess), "defaults are the provider's");
}

#[test]
fn inheritance_is_followed_through_three_levels() {
    let world = World::new()
        .role("a", json!({"roleName": "A", "mappedFrom": ["a"], "inherits": ["B"]}))
        .role("b", json!({"roleName": "B", "inherits": ["C"]}))
        .role("c", json!({"roleName": "C", "inherits": ["ROLE_ADMIN"]}));
    assert_eq!(roles(world.provider_user("u", &["a"])), ["A", "B", "C", "ROLE_ADMIN", "ROLE_USER"]);
}

#[test]
fn in_an_open_session_whoever_comes_is_an_administrator() {
    let world = World::new().session(|session| session.spec.authentication = None);
    let door = world.compile().snapshot.door;
    let resolved = resolve(&door, &Caller::Anonymous).unwrap();
    assert_eq!(resolved.user, ANONYMOUS_USER);
    assert_eq!(resolved.roles, names(&["ROLE_ADMIN", "ROLE_ANONYMOUS", "ROLE_USER"]));
    assert!(matches!(world.provider_user("alice", &["atoti"]), Err(Refusal::UnknownUser { .. })));
}

#[test]
fn nobody_comes_into_a_closed_session_without_credentials() {
    let world = World::new();
    assert_eq!(resolve(&world.compile().snapshot.door, &Caller::Anonymous), Err(Refusal::NoCredentials));
}

#[test]
fn provider_users_are_unknown_once_the_provider_is_gone() {
    let world = World::new()
        .session(|session| session.spec.authentication.as_mut().unwrap().oidc = None)
        .technical_user("robot", json!({"roles": ["ROLE_USER"]}));
    assert_eq!(world.provider_user("alice", &["atoti"]), Err(Refusal::UnknownUser { user: "alice".into() }));
    assert!(world.basic("robot").is_ok());
}

#[test]
fn an_administrator_with_a_broken_role_is_refused_too() {
    let world = World::new()
        .role("x", json!({"roleName": "X", "users": ["root"], "restrictions": ["missing"]}))
        .role("admin", json!({"roleName": "ROLE_ADMIN", "users": ["root", "other"]}));
    assert!(matches!(world.provider_user("root", &[]), Err(Refusal::BrokenRole { role, .. }) if role == "X"));
    assert!(world.provider_user("other", &[]).is_ok());
}

#[test]
fn a_refusal_tells_the_log_why() {
    let world = World::new().role("x", json!({"roleName": "X", "mappedFrom": ["x"], "restrictions": ["missing"]}));
    let refusal = world.provider_user("u", &["x", "atoti"]).unwrap_err().to_string();
    assert_eq!(
        refusal,
        "role `X` is broken: Role/x: spec.restrictions[0]: this Session has no Restriction `missing`; there are no Restrictions"
    );
}

#[test]
fn every_way_to_a_role_is_told() {
    let world = World::new()
        .role("a", json!({"roleName": "A", "mappedFrom": ["x", "alice"], "users": ["alice"], "inherits": ["B"]}))
        .role("b", json!({"roleName": "B"}))
        .technical_user("robot", json!({"roles": ["A", "ROLE_USER"]}));
    let door = world.compile().snapshot.door;
    let (provider_roles, grant) = (names(&["atoti", "x"]), |role, way| Grant { role, way });
    let decision = decide(
        &door,
        &Caller::ProviderUser { name: "alice", provider_roles: &provider_roles, attributes: Attributes::none() },
    );
    let ways = [
        grant("ROLE_USER", Way::Mapped("atoti")),
        grant("A", Way::Mapped("x")),
        grant("A", Way::Mapped("alice")),
        grant("A", Way::Granted),
        grant("B", Way::Inherited { from: "A" }),
    ];
    assert_eq!((&decision.grants[..], &decision.refusal), (&ways[..], &None));
    let decision = decide(&door, &Caller::TechnicalUser { username: "robot" });
    assert_eq!(decision.grants[0], grant("A", Way::TechnicalUser { object: "robot" }));
}

#[test]
fn what_was_found_of_a_refused_caller_is_told_too() {
    let world = World::new().role("x", json!({"roleName": "X", "mappedFrom": ["x"]}));
    let (door, provider_roles) = (world.compile().snapshot.door, names(&["x"]));
    let decision = decide(
        &door,
        &Caller::ProviderUser { name: "bob", provider_roles: &provider_roles, attributes: Attributes::none() },
    );
    assert_eq!(decision.grants, [Grant { role: "X", way: Way::Mapped("x") }]);
    assert_eq!(decision.refusal, Some(Refusal::NoAccess));
}

// === Cubes ===

#[test]
fn cubes_are_named_or_matched_and_an_unknown_name_refuses_the_holders() {
    let world = |cubes: serde_json::Value| {
        let declared = json!([{"name": "Sales", "factTable": "Sales"}]);
        World::new()
            .session(|session| session.spec.cubes = serde_json::from_value(declared).unwrap())
            .role("x", json!({"roleName": "X", "mappedFrom": ["x"], "cubes": cubes}))
    };
    assert_eq!(world(json!({"allowed": ["Sales", "S*"], "denied": ["*2021"]})).problems(), Vec::<String>::new());
    for (cubes, problem) in [
        (
            json!({"denied": ["Sale"]}),
            "Role/x spec.cubes.denied[0] Unresolved: there is no cube `Sale`; did you mean `Sales`?",
        ),
        (
            json!({"allowed": ["S*s"]}),
            "Role/x spec.cubes.allowed[0] Invalid: write the name of a cube, `*`, `prefix*` or `*suffix`",
        ),
    ] {
        assert_eq!(world(cubes.clone()).problems(), [problem]);
        assert!(matches!(world(cubes).provider_user("u", &["x", "atoti"]), Err(Refusal::BrokenRole { .. })));
    }
}

#[test]
fn the_built_in_roles_hide_no_cube() {
    let world =
        World::new().role("admin", json!({"roleName": "ROLE_ADMIN", "users": ["u"], "cubes": {"denied": ["*"]}}));
    assert!(world.problems()[0].contains("ROLE_ADMIN cannot be restricted"), "{:?}", world.problems());
}
