//! From identities to roles.

use cubegate_policy::{
    attributes::Attributes,
    resolve::{ANONYMOUS_USER, Caller, GUEST_USER, Grant, Refusal, Resolved, Way, decide, resolve},
};
use serde_json::json;

use crate::support::{World, moment, names, noon};

fn roles(resolved: Result<Resolved, Refusal>) -> Vec<String> {
    resolved.unwrap().rights.roles.into_iter().collect()
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
    assert_eq!((resolved.user.as_str(), resolved.rights.roles), ("technical-user", names(&["ROLE_USER"])));
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
    let resolved = resolve(&door, &Caller::Anonymous, noon()).unwrap();
    assert_eq!(resolved.user, ANONYMOUS_USER);
    assert_eq!(resolved.rights.roles, names(&["ROLE_ADMIN", "ROLE_ANONYMOUS", "ROLE_USER"]));
    assert!(matches!(world.provider_user("alice", &["atoti"]), Err(Refusal::UnknownUser { .. })));
}

#[test]
fn nobody_comes_into_a_closed_session_without_credentials() {
    let world = World::new();
    assert_eq!(resolve(&world.compile().snapshot.door, &Caller::Anonymous, noon()), Err(Refusal::NoCredentials));
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
        &Caller::ProviderUser {
            provider: None,
            name: "alice",
            provider_roles: &provider_roles,
            attributes: Attributes::none(),
        },
        noon(),
    );
    let ways = [
        grant("ROLE_USER", Way::Mapped("atoti")),
        grant("A", Way::Mapped("x")),
        grant("A", Way::Mapped("alice")),
        grant("A", Way::Granted),
        grant("B", Way::Inherited { from: "A" }),
    ];
    assert_eq!((&decision.grants[..], &decision.refusal), (&ways[..], &None));
    let decision = decide(&door, &Caller::TechnicalUser { username: "robot" }, noon());
    assert_eq!(decision.grants[0], grant("A", Way::TechnicalUser { object: "robot" }));
}

#[test]
fn what_was_found_of_a_refused_caller_is_told_too() {
    let world = World::new().role("x", json!({"roleName": "X", "mappedFrom": ["x"]}));
    let (door, provider_roles) = (world.compile().snapshot.door, names(&["x"]));
    let decision = decide(
        &door,
        &Caller::ProviderUser {
            provider: None,
            name: "bob",
            provider_roles: &provider_roles,
            attributes: Attributes::none(),
        },
        noon(),
    );
    assert_eq!(decision.grants, [Grant { role: "X", way: Way::Mapped("x") }]);
    assert_eq!(decision.refusal, Some(Refusal::NoAccess));
}

// === Guests ===

fn with_guests(roles: &[&str]) -> World {
    World::new().session(|session| {
        session.spec.authentication.as_mut().unwrap().guest_roles = roles.iter().map(ToString::to_string).collect();
    })
}

fn guest(world: &World) -> Result<Resolved, Refusal> {
    resolve(&world.compile().snapshot.door, &Caller::Guest, noon())
}

#[test]
fn guests_have_their_roles_and_what_comes_with_them_and_nothing_by_name() {
    let world = with_guests(&["ROLE_GUEST"])
        .role("guest", json!({"roleName": "ROLE_GUEST", "inherits": ["ROLE_USER"]}))
        .role("extra", json!({"roleName": "EXTRA", "users": ["guest"], "mappedFrom": ["guest"]}))
        .oidc(|oidc| oidc.default_roles = vec!["EXTRA".into()]);
    assert_eq!(guest(&world).unwrap().user, GUEST_USER);
    assert_eq!(roles(guest(&world)), ["ROLE_GUEST", "ROLE_USER"]);
    assert_eq!(
        roles(world.provider_user("guest", &["atoti"])),
        ["EXTRA", "ROLE_USER"],
        "a user of that name is a user"
    );
}

#[test]
fn guests_pass_the_gate_like_everybody() {
    let world = with_guests(&["ROLE_GUEST"]).role("guest", json!({"roleName": "ROLE_GUEST"}));
    assert_eq!(guest(&world), Err(Refusal::NoAccess));
    assert_eq!(guest(&World::new()), Err(Refusal::NoCredentials));
}

#[test]
fn a_wrong_role_of_guests_refuses_guests_and_nobody_else() {
    let broken = json!({"roleName": "ROLE_GUEST", "inherits": ["ROLE_USER"], "restrictions": ["missing"]});
    let missing = with_guests(&["ROLE_USER", "ROLE_GUESTS"]).role("guest", json!({"roleName": "ROLE_GUEST"}));
    assert_eq!(
        missing.problems(),
        [
            "Session/retail spec.authentication.guestRoles[1] Unresolved: this Session has no role `ROLE_GUESTS`; did you mean `ROLE_GUEST`?"
        ]
    );
    assert!(matches!(guest(&missing), Err(Refusal::BrokenGuest { .. })));
    let broken = with_guests(&["ROLE_GUEST"]).role("guest", broken);
    assert!(matches!(guest(&broken), Err(Refusal::BrokenRole { .. })));
    assert!(broken.problems().contains(
        &"Session/retail spec.authentication.guestRoles[0] Unresolved: the role `ROLE_GUEST` is not valid".to_owned()
    ));
    for world in [missing, broken] {
        assert!(world.provider_user("alice", &["atoti"]).is_ok());
    }
}

#[test]
fn guests_are_never_administrators() {
    for (given, inherits) in [("ROLE_ADMIN", "ROLE_USER"), ("BOSS", "ROLE_ADMIN")] {
        let world =
            with_guests(&["ROLE_USER", given]).role("boss", json!({"roleName": "BOSS", "inherits": [inherits]}));
        assert_eq!(
            world.problems(),
            [format!(
                "Session/retail spec.authentication.guestRoles[1] Invalid: guests cannot be administrators, but `{given}` is or comes with ROLE_ADMIN"
            )]
        );
        assert!(matches!(guest(&world), Err(Refusal::BrokenGuest { .. })));
    }
}

#[test]
fn an_open_session_has_no_guests() {
    let world = World::new().session(|session| session.spec.authentication = None);
    assert!(matches!(guest(&world), Err(Refusal::UnknownUser { .. })));
}

// === Validity ===

const MORNING: &str = "2027-01-31T11:59:59Z";
const NOON: &str = "2027-01-31T12:00:00Z";

fn valid_and_lapsed(resolved: Result<Resolved, Refusal>) -> [Vec<String>; 2] {
    let rights = resolved.unwrap().rights;
    [rights.roles, rights.lapsed].map(|roles| roles.into_iter().collect())
}

#[test]
fn a_role_is_valid_from_its_first_moment_until_its_last_one_has_passed() {
    let evening = "2027-01-31T18:00:00Z";
    let world =
        World::new().role("x", json!({"roleName": "X", "mappedFrom": ["x"], "notBefore": NOON, "notAfter": evening}));
    assert_eq!(world.problems(), Vec::<String>::new());
    for (now, is_valid) in [(MORNING, false), (NOON, true), ("2027-01-31T17:59:59.999Z", true), (evening, false)] {
        let [valid, lapsed] = valid_and_lapsed(world.provider_user_at("u", &["x", "atoti"], moment(now)));
        assert_eq!((valid.contains(&"X".to_owned()), lapsed.contains(&"X".to_owned())), (is_valid, !is_valid), "{now}");
    }
}

#[test]
fn what_comes_with_a_lapsed_role_has_lapsed_unless_it_comes_another_way() {
    let world = World::new()
        .role("a", json!({"roleName": "A", "mappedFrom": ["a"], "inherits": ["B"], "notAfter": NOON}))
        .role("b", json!({"roleName": "B", "inherits": ["C"]}))
        .role("c", json!({"roleName": "C"}))
        .role("d", json!({"roleName": "D", "mappedFrom": ["d"], "inherits": ["C"]}));
    assert_eq!(valid_and_lapsed(world.provider_user("u", &["a", "atoti"])), [vec!["ROLE_USER"], vec!["A", "B", "C"]]);
    let both = valid_and_lapsed(world.provider_user("u", &["a", "atoti", "d"]));
    assert_eq!(both, [vec!["C", "D", "ROLE_USER"], vec!["A", "B"]]);
}

#[test]
fn a_lapsed_role_lets_nobody_in_and_is_no_reason_for_default_roles() {
    let world = World::new()
        .role("desk", json!({"roleName": "DESK", "mappedFrom": ["desk"], "inherits": ["ROLE_USER"], "notAfter": NOON}))
        .role("admin", json!({"roleName": "ROLE_ADMIN", "users": ["root"], "notBefore": "2027-02-01T00:00:00Z"}))
        .oidc(|oidc| oidc.default_roles = vec!["ROLE_USER".into()]);
    assert_eq!(world.provider_user("u", &["desk"]), Err(Refusal::NoAccess));
    assert_eq!(world.provider_user("root", &[]), Err(Refusal::NoAccess));
    assert!(world.provider_user_at("u", &["desk"], moment(MORNING)).is_ok());
}

#[test]
fn a_lapsed_role_that_is_broken_refuses_its_holders_all_the_same() {
    let world = World::new()
        .role("x", json!({"roleName": "X", "mappedFrom": ["x"], "restrictions": ["missing"], "notAfter": NOON}));
    assert!(matches!(world.provider_user("u", &["x", "atoti"]), Err(Refusal::BrokenRole { .. })));
}

#[test]
fn a_technical_user_outside_of_their_validity_is_unknown() {
    let world = World::new()
        .technical_user("late", json!({"roles": ["ROLE_USER"], "notAfter": NOON}))
        .technical_user("early", json!({"roles": ["ROLE_USER"], "notBefore": "2027-02-01T00:00:00Z"}))
        .technical_user("now", json!({"roles": ["ROLE_USER"], "notBefore": NOON, "notAfter": "2027-02-01T00:00:00Z"}));
    for user in ["late", "early"] {
        assert!(matches!(world.basic(user), Err(Refusal::LapsedUser { .. })), "{user}");
    }
    assert!(world.basic("now").is_ok());
}

#[test]
fn a_window_that_ends_before_it_begins_breaks_its_object_and_nothing_else() {
    let reversed = json!({"roles": ["ROLE_USER"], "notBefore": NOON, "notAfter": MORNING});
    let world = World::new()
        .role("x", json!({"roleName": "X", "mappedFrom": ["x"], "notBefore": NOON, "notAfter": NOON}))
        .technical_user("robot", reversed);
    let said = "`notAfter` is later than `notBefore`: there is no moment in between otherwise";
    assert_eq!(
        world.problems(),
        [format!("Role/x spec.notAfter Invalid: {said}"), format!("TechnicalUser/robot spec.notAfter Invalid: {said}")]
    );
    assert!(matches!(world.provider_user("u", &["x", "atoti"]), Err(Refusal::BrokenRole { .. })));
    assert!(matches!(world.basic("robot"), Err(Refusal::BrokenUser { .. })));
    assert!(world.provider_user("u", &["atoti"]).is_ok());
}

#[test]
fn a_moment_that_cannot_be_read_refuses_the_holders_whom_the_role_names() {
    let world = World::new().role("x", json!({"roleName": "X", "mappedFrom": ["x"], "notAfter": "tomorrow"}));
    assert!(matches!(world.provider_user("u", &["x", "atoti"]), Err(Refusal::BrokenRole { .. })));
    assert!(world.provider_user("tomorrow", &["atoti"]).is_ok());
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
