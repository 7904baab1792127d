//! What is reported of objects that are wrong, and who is refused for it.

use cubegate_api::reference::KeyReference;
use cubegate_policy::{
    attributes::Attributes,
    bind::{BoundAccess, ModelShape},
    resolve::Refusal,
    snapshot::{Authentication, Checked, Condition, ObjectName, RoleAccess, SessionTimeouts, Values, Wanted, Ways},
};
use serde_json::json;

use crate::support::{World, client_secret_ref, column, model, names, rights};

fn retail() -> World {
    World::new()
        .restriction("paris-only", json!([{"table": "Shops", "column": "City", "equals": "Paris"}]))
        .role("paris", json!({"roleName": "ROLE_PARIS", "mappedFrom": ["paris"], "restrictions": ["paris-only"]}))
}

fn ways(world: &World) -> Ways {
    match world.compile().snapshot.door.authentication {
        Authentication::Closed(ways) => ways,
        Authentication::Open => panic!("the Session is open"),
    }
}

/// The holder of `provider_role` is refused on account of a broken role, while others come in.
fn assert_only_refuses(world: &World, provider_role: &str) {
    let refusal = world.provider_user("holder", &[provider_role, "atoti"]);
    assert!(matches!(refusal, Err(Refusal::BrokenRole { .. })), "{refusal:?}");
    assert!(world.provider_user("other", &["atoti"]).is_ok());
}

#[test]
fn a_policy_in_order_has_no_problems() {
    assert_eq!(retail().technical_user("robot", json!({"roles": ["ROLE_PARIS"]})).problems(), [""; 0]);
}

#[test]
fn all_problems_are_reported_at_once_and_in_order() {
    let world = World::new()
        .restriction("a", json!([{"table": "Shop", "column": "City", "in": []}]))
        .role("b", json!({"roleName": "B", "inherits": ["ROLE_USR"], "restrictions": ["a", "aa"]}))
        .technical_user("c", json!({"username": "c:d", "roles": ["C"]}));
    assert_eq!(
        world.problems(),
        [
            "Role/b spec.inherits[0] Unresolved: this Session has no role `ROLE_USR`; did you mean `ROLE_USER`?",
            "Role/b spec.restrictions[0] Unresolved: Restriction `a` is not valid",
            "Role/b spec.restrictions[1] Unresolved: this Session has no Restriction `aa`; did you mean `a`?",
            "Restriction/a spec.where[0].in Invalid: an empty `in` would match no row; name at least one value",
            "Restriction/a spec.where[0].table Unresolved: there is no table `Shop`; did you mean `Shops`?",
            "TechnicalUser/c spec.roles[0] Unresolved: this Session has no role `C`; the roles are `B`, `ROLE_ADMIN`, `ROLE_ANONYMOUS`, `ROLE_USER`",
            "TechnicalUser/c spec.username Invalid: a user name is not empty and has neither colons nor control characters (RFC 7617)",
        ]
    );
}

// === Restrictions ===

#[test]
fn a_restriction_on_a_table_that_does_not_exist_refuses_its_holders() {
    let world = World::new().restricting("X", &[("Shop/City", &["Paris"])]);
    assert_eq!(
        world.problems(),
        [
            "Role/x spec.restrictions[0] Unresolved: Restriction `x-only` is not valid",
            "Restriction/x-only spec.where[0].table Unresolved: there is no table `Shop`; did you mean `Shops`?",
        ]
    );
    assert_only_refuses(&world, "X");
}

#[test]
fn a_line_says_what_it_speaks_of_and_exactly_one_thing_about_it() {
    for line in [
        json!({"equals": "Paris"}),
        json!({"table": "Shops", "equals": "Paris"}),
        json!({"level": "City", "equals": "Paris"}),
        json!({"table": "Shops", "column": "City", "between": {}}),
        json!({"table": "Shops", "column": "City", "inClaim": []}),
        json!({"table": "Shops", "column": "City", "not": {}}),
        json!({"table": "Shops", "column": "City", "not": {"in": []}}),
        json!({"table": "Shops", "column": "City", "not": {"equals": "Paris"}, "equals": "Lyon"}),
        json!({"table": "Shops", "column": "City", "not": {"equals": "Paris", "inClaim": ["city"]}}),
        json!({"table": "Shops", "column": "City"}),
        json!({"table": "Shops", "column": "City", "equals": "Paris", "in": ["Lyon"]}),
        json!({"table": "Shops", "column": "City", "in": []}),
    ] {
        let world = World::new()
            .restriction("r", json!([line]))
            .role("x", json!({"roleName": "X", "mappedFrom": ["X"], "restrictions": ["r"]}));
        assert!(world.problems().iter().any(|problem| problem.starts_with("Restriction/r spec.where[0]")));
        assert_only_refuses(&world, "X");
    }
}

#[test]
fn two_lines_for_one_column_are_refused_because_they_would_intersect() {
    let world = World::new().restricting("X", &[("Shops/City", &["Paris"]), ("Shops/City", &["Lyon"])]);
    assert!(world.problems().contains(
        &"Restriction/x-only spec.where[1] Invalid: another line names `Shops/City`; write one line, with `in` for several values".into()
    ));
    assert_only_refuses(&world, "X");
}

#[test]
fn a_restriction_without_lines_is_refused_because_it_would_restrict_nothing() {
    let world = World::new().restricting("X", &[]);
    assert_only_refuses(&world, "X");
}

#[test]
fn a_restriction_that_cannot_be_read_refuses_its_holders() {
    let world = World::new()
        .restriction("r", json!([{"table": "Shops", "column": "City", "equal": "Paris"}]))
        .role("x", json!({"roleName": "X", "mappedFrom": ["X"], "restrictions": ["r"]}));
    assert!(
        world.problems().iter().any(|problem| problem.starts_with("Restriction/r spec Invalid: unknown field `equal`"))
    );
    assert_only_refuses(&world, "X");
}

#[test]
fn a_deleted_restriction_refuses_the_holders_of_its_role() {
    let mut world = retail();
    world.objects.restrictions.clear();
    assert_only_refuses(&world, "paris");
}

#[test]
fn integers_and_texts_are_values_alike() {
    let world = World::new()
        .restriction("r", json!([{"table": "Sales", "column": "Shop", "in": [7, "7", "eight"]}]))
        .role("x", json!({"roleName": "X", "restrictions": ["r"]}));
    let access = world.compile().snapshot.access;
    let Checked::Valid(RoleAccess { clauses, .. }) = &access.roles["X"] else { panic!("broken") };
    let Condition::Line { wanted, .. } = &clauses[0].condition else { panic!("no line") };
    assert_eq!(*wanted, Wanted::Values(Values::In(names(&["7", "eight"]))));
}

// === Roles ===

#[test]
fn a_circle_of_roles_is_named_and_refuses_everyone_in_it_and_above_it() {
    let world = World::new()
        .role("a", json!({"roleName": "A", "mappedFrom": ["a"], "inherits": ["B"]}))
        .role("b", json!({"roleName": "B", "mappedFrom": ["b"], "inherits": ["A"]}))
        .role("top", json!({"roleName": "TOP", "mappedFrom": ["top"], "inherits": ["A"]}))
        .role("below", json!({"roleName": "BELOW", "mappedFrom": ["below"]}));
    assert_eq!(
        world.problems(),
        [
            "Role/a spec.inherits[0] Unresolved: roles inherit each other in a circle: A → B → A",
            "Role/b spec.inherits[0] Unresolved: roles inherit each other in a circle: B → A → B",
            "Role/top spec.inherits[0] Unresolved: the inherited role `A` is not valid",
        ]
    );
    for holder in ["a", "b", "top"] {
        assert_only_refuses(&world, holder);
    }
    assert!(world.provider_user("u", &["below", "atoti"]).is_ok());
}

#[test]
fn a_role_that_inherits_itself_is_a_circle() {
    let world = World::new().role("a", json!({"roleName": "A", "mappedFrom": ["a"], "inherits": ["A"]}));
    assert_eq!(world.problems(), ["Role/a spec.inherits[0] Unresolved: roles inherit each other in a circle: A → A"]);
    assert_only_refuses(&world, "a");
}

#[test]
fn making_every_user_an_administrator_is_a_circle() {
    let world = World::new().role("all", json!({"roleName": "ROLE_USER", "inherits": ["ROLE_ADMIN"]}));
    assert!(world.problems().iter().any(|problem| problem.contains("ROLE_USER → ROLE_ADMIN → ROLE_USER")));
}

#[test]
fn an_unknown_inherited_role_refuses_the_holders() {
    let world = World::new().role("a", json!({"roleName": "A", "mappedFrom": ["a"], "inherits": ["B"]}));
    assert_only_refuses(&world, "a");
}

#[test]
fn a_broken_role_breaks_all_roles_that_inherit_it_through_any_number_of_levels() {
    let world = World::new()
        .role("a", json!({"roleName": "A", "mappedFrom": ["a"], "inherits": ["B"]}))
        .role("b", json!({"roleName": "B", "inherits": ["C"]}))
        .role("c", json!({"roleName": "C", "restrictions": ["missing"]}));
    assert_only_refuses(&world, "a");
    let access = world.compile().snapshot.access;
    let Checked::Broken(reasons) = &access.roles["A"] else { panic!("valid") };
    assert!(reasons.iter().any(|reason| reason.contains("this Session has no Restriction `missing`")), "{reasons:?}");
}

#[test]
fn role_user_and_role_admin_cannot_be_restricted() {
    for role in ["ROLE_USER", "ROLE_ADMIN"] {
        let mut world = retail();
        world.objects.roles.remove(0);
        let world =
            world.role("built-in", json!({"roleName": role, "mappedFrom": ["m"], "restrictions": ["paris-only"]}));
        let message = format!(
            "Role/built-in spec.restrictions Invalid: {role} cannot be restricted; restrict a role of your own and map or grant that to users"
        );
        assert!(world.problems().contains(&message), "{:?}", world.problems());
        assert!(matches!(world.provider_user("u", &["m"]), Err(Refusal::BrokenRole { .. })));
    }
}

#[test]
fn role_user_cannot_inherit_a_restriction_either() {
    let mut world = retail();
    world.objects.roles.remove(0);
    let world = world
        .role("user", json!({"roleName": "ROLE_USER", "mappedFrom": ["atoti"], "inherits": ["MIDDLE"]}))
        .role("middle", json!({"roleName": "MIDDLE", "inherits": ["ROLE_PARIS"]}));
    assert_eq!(
        world.problems(),
        [
            "Role/user spec.inherits[0] Invalid: ROLE_USER cannot be restricted, so it cannot inherit what `ROLE_PARIS` restricts"
        ]
    );
    assert!(world.provider_user("u", &["atoti"]).is_err());
}

#[test]
fn built_in_roles_exist_without_being_declared() {
    let mut world = World::new();
    world.objects.roles.clear();
    let snapshot = world.compile().snapshot;
    for role in ["ROLE_ADMIN", "ROLE_USER"] {
        assert!(snapshot.door.roles.contains_key(role));
        assert_eq!(snapshot.access.roles[role], Checked::Valid(RoleAccess::default()));
    }
    assert_eq!(snapshot.door.roles["ROLE_ADMIN"].inherits, names(&["ROLE_USER"]));
}

#[test]
fn two_roles_with_one_name_conflict_and_refuse_the_holders_of_both() {
    let world = World::new()
        .role("one", json!({"roleName": "X", "mappedFrom": ["x1"]}))
        .role("two", json!({"roleName": "X", "mappedFrom": ["x2"]}));
    assert_eq!(
        world.problems(),
        [
            "Role/one spec.roleName Conflict: Role/two declares the role `X` too; declare it once",
            "Role/two spec.roleName Conflict: Role/one declares the role `X` too; declare it once",
        ]
    );
    assert_only_refuses(&world, "x1");
    assert_only_refuses(&world, "x2");
}

#[test]
fn two_objects_of_one_kind_and_name_conflict() {
    let world = retail().restriction("paris-only", json!([{"table": "Shops", "column": "City", "equals": "Lyon"}]));
    assert!(world.problems().contains(
        &"Restriction/paris-only metadata.name Conflict: there are several objects Restriction/paris-only; keep one of them".into()
    ));
    assert_only_refuses(&world, "paris");
}

#[test]
fn a_role_name_that_could_not_travel_in_a_header_refuses_its_holders() {
    for name in ["A,B", "A B", "Ä", "", "A\nB", &"A".repeat(129)] {
        let world = World::new().role("x", json!({"roleName": name, "mappedFrom": ["x"]}));
        assert_eq!(world.problems().len(), 1, "{name:?}");
        assert_only_refuses(&world, "x");
    }
}

#[test]
fn objects_of_another_session_are_ignored() {
    let world = retail()
        .role("other", json!({"sessionRef": {"name": "other"}, "roleName": "ROLE_PARIS", "restrictions": ["missing"]}))
        .role("unreadable", json!({"sessionRef": {"name": "other"}, "mappedFrom": "paris"}))
        .technical_user("x", json!({"sessionRef": {"name": "other"}, "roles": ["missing"]}));
    assert_eq!(world.problems(), [""; 0]);
    assert_eq!(world.compile().snapshot, retail().compile().snapshot);
}

// === Roles that cannot be read ===

#[test]
fn the_holders_of_a_role_that_cannot_be_read_are_refused() {
    for spec in [
        json!({"roleName": "X", "mappedFrom": ["x"], "restriction": "paris-only"}),
        json!({"roleName": "X", "mappedFrom": "x"}),
        json!({"roleName": "X", "mappedFrom": "y, x"}),
        json!({"roleName": "X", "mappedFrom": [["x"]]}),
        json!({"roleName": "X", "mapedFrom": ["x"]}),
        json!({"roleName": "X", "mapped_from": ["x"]}),
        json!({"roleName": "X", "mapping": {"provider": ["x"]}}),
        json!({"roleName": ["X"], "mappedFrom": ["x"]}),
        json!({"roleName": "X", "sessionRef": "retail", "mappedFrom": ["x"]}),
        json!({"roleName": "X", "mappedFrom": ["x"], "authority": 10}),
    ] {
        let world = retail().role("broken", spec.clone());
        let refusal = world.provider_user("holder", &["x", "atoti"]);
        assert!(matches!(refusal, Err(Refusal::BrokenRole { .. })), "{spec}: {refusal:?}");
        assert!(world.provider_user("other", &["atoti", "paris"]).is_ok(), "{spec}");
    }
}

#[test]
fn an_individual_grant_of_a_role_that_cannot_be_read_is_found_too() {
    for spec in [
        json!({"roleName": "X", "users": "robot"}),
        json!({"roleName": "X", "user": ["robot"]}),
        json!({"roleName": "X", "grantedTo": ["robot"]}),
    ] {
        let world = retail().role("broken", spec.clone()).technical_user("robot", json!({"roles": ["ROLE_USER"]}));
        assert!(matches!(world.basic("robot"), Err(Refusal::BrokenRole { .. })), "{spec}");
        assert!(world.provider_user("other", &["atoti"]).is_ok(), "{spec}");
    }
}

#[test]
fn holders_that_lost_their_indentation_are_found() {
    let mut world = retail();
    let mut manifest = crate::support::manifest("Role", "broken", json!({"roleName": "X", "nonsense": true}));
    manifest["mappedFrom"] = json!(["x"]);
    world.objects.roles.push(crate::support::parsed(manifest));
    assert_only_refuses(&world, "x");
}

#[test]
fn everyone_is_refused_while_nobody_can_say_who_holds_a_role() {
    for spec in [json!(null), json!("x"), json!({"roleName": "X", "mappedFrom": [7]}), json!({"users": true})] {
        let world = retail().role("broken", spec.clone()).technical_user("robot", json!({"roles": ["ROLE_USER"]}));
        let refusal = world.provider_user("other", &["atoti"]).unwrap_err();
        assert!(refusal.to_string().contains("Role/broken cannot be read, not even who holds it"), "{spec}: {refusal}");
        assert!(world.basic("robot").is_err(), "{spec}");
    }
}

#[test]
fn a_role_that_cannot_be_read_and_names_nobody_refuses_only_those_who_name_it() {
    let world = retail()
        .role("broken", json!({"roleName": "X", "mappedFrom": null, "users": [], "nonsense": 1}))
        .technical_user("robot", json!({"roles": ["ROLE_USER", "X"]}));
    assert!(matches!(world.basic("robot"), Err(Refusal::BrokenRole { role, .. }) if role == "X"));
    assert!(world.provider_user("other", &["atoti"]).is_ok());
}

// === Technical users ===

#[test]
fn an_unknown_role_refuses_the_technical_user() {
    let world = World::new().technical_user("robot", json!({"roles": ["ROLE_USER", "ROLE_PARSI"]}));
    assert!(matches!(world.basic("robot"), Err(Refusal::BrokenUser { .. })));
}

#[test]
fn a_technical_user_with_a_broken_role_can_prove_who_they_are_and_is_refused() {
    let world = World::new()
        .role("x", json!({"roleName": "X", "restrictions": ["missing"]}))
        .technical_user("robot", json!({"roles": ["ROLE_USER", "X"]}));
    assert!(
        world.problems().contains(&"TechnicalUser/robot spec.roles[1] Unresolved: the role `X` is not valid".into())
    );
    assert!(matches!(ways(&world).technical_users["robot"], Checked::Valid(_)));
    assert!(matches!(world.basic("robot"), Err(Refusal::BrokenRole { .. })));
}

#[test]
fn a_missing_secret_refuses_the_technical_user() {
    let mut world = World::new().technical_user("robot", json!({"roles": ["ROLE_USER"]}));
    for (hash, message) in [
        (
            Some(Err("Secret `robot-credentials` has no key `password`; did you mean `passwort`?".to_owned())),
            "did you mean `passwort`?",
        ),
        (
            Some(Ok("$argon2i$v=19$m=4096,t=3,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4".to_owned())),
            "argon2i",
        ),
        (Some(Ok("plain text".to_owned())), "cannot be read"),
        (None, "has not been read"),
    ] {
        let key = world.objects.password_hashes.keys().next().unwrap().clone();
        world.objects.password_hashes.clear();
        world.objects.password_hashes.extend(hash.map(|hash| (key.clone(), hash)));
        let problems = world.problems();
        assert!(
            problems[0].starts_with("TechnicalUser/robot spec.passwordSecretRef ") && problems[0].contains(message),
            "{problems:?}"
        );
        assert!(matches!(world.basic("robot"), Err(Refusal::BrokenUser { .. })));
        world.objects.password_hashes.insert(key, Err(String::new()));
    }
}

#[test]
fn two_technical_users_with_one_name_conflict_and_neither_comes_in() {
    let world = World::new()
        .technical_user("one", json!({"username": "robot", "roles": ["ROLE_USER"]}))
        .technical_user("two", json!({"username": "robot", "roles": ["ROLE_ADMIN"]}));
    assert_eq!(
        world.problems(),
        [
            "TechnicalUser/one spec.username Conflict: TechnicalUser/two has the user name `robot` too; give each a name of its own",
            "TechnicalUser/two spec.username Conflict: TechnicalUser/one has the user name `robot` too; give each a name of its own",
        ]
    );
    assert!(matches!(world.basic("robot"), Err(Refusal::BrokenUser { .. })));
}

#[test]
fn a_technical_user_that_cannot_be_read_is_refused_by_its_name() {
    let world = World::new().technical_user("x", json!({"username": "robot", "role": ["ROLE_USER"]}));
    assert!(matches!(world.basic("robot"), Err(Refusal::BrokenUser { .. })));
}

#[test]
fn the_password_of_before_counts_too_and_closes_its_user_when_it_is_missing() {
    let previous =
        json!({"roles": ["ROLE_USER"], "previousPasswordSecretRef": {"name": "robot-credentials", "key": "old"}});
    let mut world = World::new().technical_user("robot", previous);
    assert!(world.problems()[0].starts_with("TechnicalUser/robot spec.previousPasswordSecretRef Unresolved: "));
    assert!(matches!(world.basic("robot"), Err(Refusal::BrokenUser { .. })));
    let hash = world.objects.password_hashes.values().next().unwrap().clone();
    let reference = KeyReference { name: "robot-credentials".into(), key: "old".into() };
    world.objects.password_hashes.insert(reference, hash);
    assert!(world.problems().is_empty() && world.basic("robot").is_ok());
    let Some(Checked::Valid(user)) = ways(&world).technical_users.remove("robot") else { panic!("broken") };
    assert_eq!(user.password_hashes().count(), 2);
}

// === The provider ===

#[test]
fn a_missing_client_secret_closes_openid_connect_while_basic_lives_on() {
    for secret in [None, Some(Err("there is no Secret `retail-oidc`; did you mean `retail-oidc2`?".to_owned()))] {
        let mut world = World::new().technical_user("robot", json!({"roles": ["ROLE_USER"]}));
        world.objects.client_secrets = secret.map(|secret| (client_secret_ref(), secret)).into_iter().collect();
        assert!(
            world.problems()[0].starts_with("Session/retail spec.authentication.oidc.clientSecretRef Unresolved: ")
        );
        assert!(matches!(world.provider_user("alice", &["atoti"]), Err(Refusal::BrokenProvider { .. })));
        assert!(world.basic("robot").is_ok());
    }
}

#[test]
fn what_the_provider_needs_to_be_safe_is_checked() {
    let world = World::new().session(|session| {
        let oidc = session.spec.authentication.as_mut().unwrap().oidc.as_mut().unwrap();
        oidc.access_token_format = cubegate_policy::snapshot::AccessTokenFormat::Jwt;
        oidc.roles_claims.push(serde_json::from_value(json!({"path": ["a"], "name": "b"})).unwrap());
        session.spec.url = None;
    });
    let fields: Vec<String> = world.compile().problems.into_iter().map(|problem| problem.field).collect();
    assert_eq!(fields, ["spec.authentication.oidc.audience", "spec.authentication.oidc.rolesClaims[1]", "spec.url"]);
    assert!(matches!(ways(&world).oidc, Some(Checked::Broken(reasons)) if reasons.len() == 3));
}

#[test]
fn timeouts_of_a_session_travel_when_they_are_not_the_usual_ones() {
    let session = |world: &World| match ways(world).oidc {
        Some(Checked::Valid(oidc)) => (oidc.session, serde_json::to_value(&oidc).unwrap().get("session").cloned()),
        _ => panic!("no provider"),
    };
    let usual = SessionTimeouts { idle_s: 1800, absolute_s: 43_200 };
    assert_eq!(session(&World::new()), (usual, None), "policies that say nothing keep their digests");
    let written = json!({"idleTimeout": "5m", "absoluteTimeout": "1h"});
    let world = World::new().oidc(|oidc| oidc.session = serde_json::from_value(written).unwrap());
    let expected = (SessionTimeouts { idle_s: 300, absolute_s: 3600 }, Some(json!({"idleS": 300, "absoluteS": 3600})));
    assert_eq!(session(&world), expected);
}

#[test]
fn openid_is_added_to_the_scopes_once() {
    let scopes = |world: &World| match ways(world).oidc {
        Some(Checked::Valid(oidc)) => oidc.scopes,
        _ => panic!("no provider"),
    };
    assert_eq!(scopes(&World::new()), ["openid", "profile", "roles"]);
    let with = World::new().oidc(|oidc| oidc.scopes = vec!["email".into(), "openid".into()]);
    assert_eq!(scopes(&with), ["email", "openid"]);
}

#[test]
fn an_unknown_default_role_refuses_only_those_who_would_get_it() {
    let world = World::new().oidc(|oidc| oidc.default_roles = vec!["ROLE_USR".into()]);
    assert_eq!(
        world.problems(),
        [
            "Session/retail spec.authentication.oidc.defaultRoles[0] Unresolved: this Session has no role `ROLE_USR`; did you mean `ROLE_USER`?"
        ]
    );
    assert!(matches!(world.provider_user("nobody", &[]), Err(Refusal::BrokenProvider { .. })));
    assert!(world.provider_user("alice", &["atoti"]).is_ok());
}

// === The Session ===

#[test]
fn parts_of_a_session_that_do_not_fit_together_are_reported() {
    let world = World::new().session(|session| {
        let mut spec = serde_json::to_value(&session.spec).unwrap();
        spec["tables"][1]["name"] = json!("Sales");
        spec["joins"] = json!([{"from": "Sales", "to": "Shop", "on": {"Shop": "Shop ID"}}, {"from": "Sales", "to": "Sales", "on": {}}]);
        spec["cubes"] = json!([
            {"name": "Sales", "factTable": "Sale", "hierarchies": [{"name": "H", "levels": ["City"]}, {"name": "H", "levels": ["City"]}]},
            {"name": "Sales", "factTable": "Sales"},
        ]);
        session.spec = serde_json::from_value(spec).unwrap();
    });
    assert_eq!(
        world.problems(),
        [
            "Session/retail spec.cubes[0].factTable Invalid: there is no table `Sale`; did you mean `Sales`?",
            "Session/retail spec.cubes[0].hierarchies[1].name Invalid: there is another hierarchy `H`; give each a name of its own",
            "Session/retail spec.cubes[1].name Invalid: there is another cube `Sales`; give each a name of its own",
            "Session/retail spec.joins[0].to Invalid: there is no table `Shop`; the tables are `Sales`",
            "Session/retail spec.joins[1].on Invalid: write at least one pair of columns, as `from column: to column`",
            "Session/retail spec.joins[1].to Invalid: table `Sales` cannot be joined to itself",
            "Session/retail spec.tables[1].name Invalid: there is another table `Sales`; give each a name of its own",
        ]
    );
}

#[test]
fn the_url_loses_its_trailing_slash_and_the_realm_is_the_sessions_name() {
    let snapshot = World::new().compile().snapshot;
    assert_eq!(snapshot.door.url.as_deref(), Some("https://retail.example.com"));
    assert_eq!(ways(&World::new()).realm, "retail");
}

// === Binding ===

fn bound(world: &World, model: &ModelShape) -> BoundAccess {
    BoundAccess::bind(&world.compile().snapshot.access, model)
}

#[test]
fn an_unknown_column_makes_all_cubes_refuse_the_holders_and_nobody_else() {
    let world = World::new().restricting("X", &[("Shops/Citi", &["Paris"]), ("Shops/Country", &["France"])]);
    let bound = bound(&world, &model("Sales", &[("Sales", &["Shop"]), ("Shops", &["City", "Country"])], &[]));
    let [problem] = bound.problems() else { panic!("{:?}", bound.problems()) };
    assert_eq!(
        problem.object,
        ObjectName { kind: cubegate_policy::snapshot::Kind::Restriction, name: "x-only".into() }
    );
    assert_eq!(problem.cube, None);
    assert_eq!(problem.message, "table `Shops` has no column `Citi`; did you mean `City`?");
    assert!(matches!(
        bound.visibility("Sales", &rights(&names(&["ROLE_USER", "X"]), &Attributes::default())),
        Err(Refusal::BrokenRole { .. })
    ));
    assert!(bound.visibility("Sales", &rights(&names(&["ROLE_USER"]), &Attributes::default())).is_ok());
}

#[test]
fn a_column_that_no_join_reaches_makes_that_cube_refuse_the_holders_and_no_other() {
    let world = World::new().restricting("X", &[("Shops/City", &["Paris"])]);
    let mut shape = model("Sales", &[("Sales", &["Shop"]), ("Shops", &["City"])], &[&["Shops/City"]]);
    let mut alone = shape.cubes["Sales"].clone();
    alone.reachable.remove(&column("Shops/City"));
    shape.cubes.insert("Alone".into(), alone);
    let bound = bound(&world, &shape);
    let [problem] = bound.problems() else { panic!("{:?}", bound.problems()) };
    assert_eq!(problem.cube.as_deref(), Some("Alone"));
    assert_eq!(
        problem.message,
        "cube `Alone` cannot restrict `Shops/City`: no join leads from its fact table to `Shops`"
    );
    assert!(bound.visibility("Alone", &rights(&names(&["ROLE_USER", "X"]), &Attributes::default())).is_err());
    assert!(bound.visibility("Sales", &rights(&names(&["ROLE_USER", "X"]), &Attributes::default())).is_ok());
    assert!(bound.visibility("Alone", &rights(&names(&["ROLE_USER"]), &Attributes::default())).is_ok());
}

#[test]
fn a_role_that_the_policy_does_not_know_is_refused() {
    let bound = bound(&World::new(), &model("Sales", &[("Sales", &["Shop"])], &[]));
    assert!(matches!(
        bound.visibility("Sales", &rights(&names(&["ROLE_USER", "GHOST"]), &Attributes::default())),
        Err(Refusal::BrokenRole { .. })
    ));
    assert!(matches!(
        bound.visibility("Sale", &rights(&names(&["ROLE_USER"]), &Attributes::default())),
        Err(Refusal::UnknownCube { .. })
    ));
}

#[test]
fn an_anonymous_administrator_sees_everything() {
    let world = World::new().session(|session| session.spec.authentication = None);
    let bound = bound(&world, &model("Sales", &[("Sales", &["Shop"])], &[]));
    let roles = names(&["ROLE_ADMIN", "ROLE_ANONYMOUS", "ROLE_USER"]);
    assert_eq!(bound.visibility("Sales", &rights(&roles, &Attributes::default())).unwrap().all_of, []);
}
