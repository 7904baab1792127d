//! What is valid but hardly meant.

use cubegate_policy::compile::advice;
use serde_json::json;

use crate::support::{World, noon};

fn advised(world: &World) -> Vec<String> {
    let compiled = world.compile();
    let advice = advice(&world.objects, &compiled.snapshot, noon());
    advice.iter().map(|advice| format!("{} {}: {}", advice.object, advice.field, advice.message)).collect()
}

#[test]
fn a_policy_of_which_everything_is_used_gets_no_advice() {
    let world = World::new()
        .restricting("FRANCE", &[("Shops/Country", &["France"])])
        .role("base", json!({"roleName": "BASE"}))
        .role("boss", json!({"roleName": "BOSS", "users": ["alice"], "inherits": ["BASE"]}))
        .role("guest", json!({"roleName": "GUEST"}))
        .oidc(|oidc| oidc.default_roles = vec!["GUEST".into()]);
    assert_eq!(advised(&world), Vec::<String>::new());
}

#[test]
fn a_role_that_nobody_can_hold_is_told() {
    let world = World::new().role("lost", json!({"roleName": "LOST"}));
    assert_eq!(
        advised(&world),
        [
            "Role/lost spec: nobody can hold the role `LOST`: no provider role or user leads to it, and no held role inherits it"
        ]
    );
}

#[test]
fn without_a_provider_a_mapping_leads_nowhere() {
    let world = World::new()
        .session(|session| session.spec.authentication.as_mut().unwrap().oidc = None)
        .role("a", json!({"roleName": "A", "mappedFrom": ["a"]}))
        .role("b", json!({"roleName": "B", "users": ["robot"]}))
        .technical_user("robot", json!({"roles": ["ROLE_USER"]}));
    let advised = advised(&world);
    assert!(advised.len() == 1 && advised[0].starts_with("Role/a spec: nobody can hold"), "{advised:?}");
}

#[test]
fn a_restriction_that_no_role_names_is_told() {
    let world = World::new().restriction("alone", json!([{"table": "Shops", "column": "City", "equals": "Paris"}]));
    assert_eq!(
        advised(&world),
        ["Restriction/alone metadata.name: no Role names this Restriction, so it restricts nobody"]
    );
}

#[test]
fn a_role_that_cannot_be_read_may_name_any_restriction() {
    let world = World::new()
        .restriction("alone", json!([{"table": "Shops", "column": "City", "equals": "Paris"}]))
        .role("unreadable", json!({"roleName": "X", "mappedFrom": ["x"], "restriction": ["alone"]}));
    assert_eq!(advised(&world), Vec::<String>::new());
}

#[test]
fn what_is_valid_no_more_is_told_and_what_is_not_yet_is_not() {
    let world = |field: &str, moment: &str| {
        World::new()
            .role("x", json!({"roleName": "X", "mappedFrom": ["x"], field: moment}))
            .technical_user("robot", json!({"roles": ["ROLE_USER"], field: moment}))
    };
    assert_eq!(
        advised(&world("notAfter", "2027-01-01T00:00:00Z")),
        [
            "Role/x spec.notAfter: the role `X` has lapsed at 2027-01-01T00:00:00Z: it gives nothing, and still restricts its holders",
            "TechnicalUser/robot spec.notAfter: nobody comes in as `robot` since 2027-01-01T00:00:00Z",
        ]
    );
    assert_eq!(advised(&world("notAfter", "2027-02-01T00:00:00Z")), Vec::<String>::new());
    assert_eq!(advised(&world("notBefore", "2027-02-01T00:00:00Z")), Vec::<String>::new());
}

#[test]
fn guests_who_do_not_come_in_are_told() {
    let world = |guest_roles: &[&str]| {
        World::new().role("guest", json!({"roleName": "GUEST"})).session(|session| {
            let guest_roles = guest_roles.iter().map(ToString::to_string).collect();
            session.spec.authentication.as_mut().unwrap().guest_roles = guest_roles;
        })
    };
    assert_eq!(
        advised(&world(&["GUEST"])),
        [
            "Session/retail spec.authentication.guestRoles: no guest is let in: none of these roles brings ROLE_USER along"
        ]
    );
    assert_eq!(advised(&world(&["GUEST", "ROLE_USER"])), Vec::<String>::new());
}
