//! What a line of a Restriction can say, and what it then means.

use std::collections::BTreeSet;

use cubegate_policy::{
    attributes::Attributes,
    bind::{BoundAccess, CubeShape, HierarchyShape, ModelShape, Visibility},
    resolve::Refusal,
    snapshot::{Authentication, Checked, ClaimPath},
};
use serde_json::{Value, json};

use crate::support::{Row, World, column, level, model, names, noon, parsed, rights, sees, tables_in_one_chain};

fn shop(city: &str, floor: &str) -> Row {
    [(column("Shops/City"), city.to_owned()), (column("Shops/Floor"), floor.to_owned())].into()
}

fn bound(world: &World, model: &ModelShape) -> BoundAccess {
    let compiled = world.compile();
    assert_eq!(compiled.problems, []);
    BoundAccess::bind(&compiled.snapshot.access, model)
}

fn shops() -> ModelShape {
    model("Sales", &[("Shops", &["City", "Floor"])], &[&["Shops/City"], &["Shops/Floor"]])
}

fn with_lines(lines: Value) -> World {
    World::new().restriction("r", lines).role("x", json!({"roleName": "X", "mappedFrom": ["x"], "restrictions": ["r"]}))
}

fn claim(keys: &[&str], values: &[&str]) -> Attributes {
    vec![(ClaimPath(keys.iter().map(ToString::to_string).collect()), names(values))].into()
}

/// What a holder of a role with this one line on the city sees.
fn visibility(test: Value, attributes: &Attributes) -> Visibility {
    let mut line = json!({"table": "Shops", "column": "City"});
    line.as_object_mut().unwrap().extend(test.as_object().unwrap().clone());
    let roles = names(&["ROLE_USER", "X"]);
    bound(&with_lines(json!([line])), &shops()).visibility("Sales", &rights(&roles, attributes)).unwrap()
}

fn cities_seen(test: Value, attributes: &Attributes) -> Vec<&'static str> {
    let visibility = visibility(test, attributes);
    ["Lyon", "N/A", "Nice", "Paris"].into_iter().filter(|city| sees(&visibility, &shop(city, "1"))).collect()
}

fn cities(test: Value) -> Vec<&'static str> {
    cities_seen(test, &Attributes::default())
}

#[test]
fn equals_and_in_name_values_and_the_missing_one_too() {
    assert_eq!(cities(json!({"equals": "Paris"})), ["Paris"]);
    assert_eq!(cities(json!({"in": ["Paris", "N/A", "Rome"]})), ["N/A", "Paris"]);
}

#[test]
fn between_includes_both_ends_and_either_may_be_absent() {
    assert_eq!(cities(json!({"between": {"from": "Lyon", "to": "Nice"}})), ["Lyon", "Nice"]);
    assert_eq!(cities(json!({"between": {"from": "Nice"}})), ["Nice", "Paris"]);
    assert_eq!(cities(json!({"between": {"to": "Nice"}})), ["Lyon", "Nice"]);
}

#[test]
fn a_missing_value_satisfies_no_not() {
    assert_eq!(cities(json!({"not": {"equals": "Paris"}})), ["Lyon", "Nice"]);
    assert_eq!(cities(json!({"not": {"in": ["Paris", "Lyon"]}})), ["Nice"]);
    assert_eq!(cities(json!({"not": {"between": {"to": "Nice"}}})), ["Paris"]);
    assert_eq!(cities(json!({"not": {"equals": "N/A"}})), ["Lyon", "Nice", "Paris"]);
}

#[test]
fn a_claim_brings_the_callers_own_values() {
    let own = claim(&["cities"], &["Paris", "Nice"]);
    assert_eq!(cities_seen(json!({"inClaim": ["cities"]}), &own), ["Nice", "Paris"]);
    assert_eq!(cities_seen(json!({"not": {"inClaim": ["cities"]}}), &own), ["Lyon"]);
    assert_eq!(cities_seen(json!({"inClaim": ["org", "cities"]}), &claim(&["org", "cities"], &["Lyon"])), ["Lyon"]);
}

#[test]
fn without_the_claim_a_line_matches_nothing_under_not_too() {
    for others in [Attributes::default(), claim(&["towns"], &["Paris"]), claim(&["org", "cities"], &["Paris"])] {
        assert_eq!(visibility(json!({"inClaim": ["cities"]}), &others), Visibility::nothing());
        assert_eq!(visibility(json!({"not": {"inClaim": ["cities"]}}), &others), Visibility::nothing());
    }
}

#[test]
fn a_callers_own_values_never_mean_the_missing_one() {
    let own = |test: Value, values: &[&str]| cities_seen(test, &claim(&["cities"], values));
    assert_eq!(own(json!({"inClaim": ["cities"]}), &["N/A", "Paris"]), ["Paris"]);
    assert_eq!(own(json!({"not": {"inClaim": ["cities"]}}), &["N/A", "Paris"]), ["Lyon", "Nice"]);
    for test in [json!({"inClaim": ["cities"]}), json!({"not": {"inClaim": ["cities"]}})] {
        assert_eq!(visibility(test, &claim(&["cities"], &["N/A"])), Visibility::nothing());
    }
}

#[test]
fn a_claim_that_is_missing_is_neutral_in_a_union() {
    let world = with_lines(json!([{"table": "Shops", "column": "City", "inClaim": ["cities"]}]))
        .restricting("Y", &[("Shops/City", &["Nice"])]);
    let bound = bound(&world, &shops());
    let seen = bound.visibility("Sales", &rights(&names(&["ROLE_USER", "X", "Y"]), &Attributes::default())).unwrap();
    assert!(sees(&seen, &shop("Nice", "1")) && !sees(&seen, &shop("Paris", "1")));
}

#[test]
fn callers_with_equal_attributes_share_a_visibility_and_others_do_not() {
    let claimed = |cities: &[&str]| visibility(json!({"inClaim": ["cities"]}), &claim(&["cities"], cities));
    assert_eq!(claimed(&["Paris"]), visibility(json!({"equals": "Paris"}), &Attributes::default()));
    assert_ne!(claimed(&["Paris"]), claimed(&["Nice"]));
}

#[test]
fn one_role_serves_ten_thousand_shops() {
    let world = with_lines(json!([{"table": "Shops", "column": "City", "inClaim": ["shop"]}]));
    let bound = bound(&world, &shops());
    let roles = names(&["ROLE_USER", "X"]);
    let mut seen = BTreeSet::new();
    for number in 0..10_000 {
        let own = format!("S{number}");
        let visibility = bound.visibility("Sales", &rights(&roles, &claim(&["shop"], &[&own]))).unwrap();
        assert!(sees(&visibility, &shop(&own, "1")) && !sees(&visibility, &shop("S", "1")));
        seen.insert(visibility);
    }
    assert_eq!(seen.len(), 10_000);
}

#[test]
fn only_attributes_that_the_policy_speaks_of_are_kept_and_asked_for() {
    let world = with_lines(json!([{"table": "Shops", "column": "City", "inClaim": ["cities"]}]))
        .restriction("unused", json!([{"table": "Shops", "column": "City", "inClaim": ["unused"]}]))
        .technical_user(
            "robot",
            json!({"roles": ["ROLE_USER", "X"], "attributes": [
                {"claim": ["cities"], "values": ["Paris", 7]},
                {"claim": ["unused"], "values": ["x"]},
                {"claim": ["secret"], "values": ["x"]},
            ]}),
        );
    assert_eq!(world.problems(), Vec::<String>::new());
    assert_eq!(world.basic("robot").unwrap().rights.attributes, claim(&["cities"], &["7", "Paris"]));
    let Authentication::Closed(ways) = world.compile().snapshot.door.authentication else { panic!("open") };
    let Some(Checked::Valid(oidc)) = ways.oidc else { panic!("broken") };
    assert_eq!(oidc.attribute_claims, [ClaimPath(vec!["cities".into()])].into());
}

#[test]
fn attributes_that_say_nothing_or_too_much_close_their_user() {
    let many: Vec<String> = (0..4096).map(|shop| format!("shop {shop}")).collect();
    for attributes in [
        json!([{"claim": ["cities"], "values": []}]),
        json!([{"claim": [], "values": ["x"]}]),
        json!([{"claim": ["cities"], "values": ["x"]}, {"claim": ["cities"], "values": ["y"]}]),
        json!([{"claim": ["cities"], "values": many}]),
    ] {
        let world = with_lines(json!([{"table": "Shops", "column": "City", "inClaim": ["cities"]}]))
            .technical_user("robot", json!({"roles": ["ROLE_USER"], "attributes": attributes}));
        assert!(world.problems()[0].starts_with("TechnicalUser/robot spec.attributes"), "{:?}", world.problems());
        assert!(matches!(world.basic("robot"), Err(Refusal::BrokenUser { .. })));
    }
}

#[test]
fn who_has_more_attributes_than_can_travel_is_refused() {
    let many: Vec<String> = (0..4096).map(|shop| format!("shop {shop}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let door = World::new().compile().snapshot.door;
    let (provider_roles, attributes) = (names(&["atoti"]), claim(&["shops"], &many));
    let caller = cubegate_policy::resolve::Caller::ProviderUser {
        provider: None,
        name: "u",
        provider_roles: &provider_roles,
        attributes: &attributes,
    };
    assert_eq!(cubegate_policy::resolve::resolve(&door, &caller, noon()), Err(Refusal::TooManyAttributes));
}

// === Levels of a cube ===

fn with_cube(cube: &str, lines: Value) -> World {
    let spec = json!({"cube": cube, "where": lines});
    let mut world = World::new();
    world.objects.restrictions.push(parsed(crate::support::manifest("Restriction", "r", spec)));
    let cubes = json!([{"name": "Sales", "factTable": "Sales"}, {"name": "Stock", "factTable": "Sales"}]);
    world
        .session(|session| session.spec.cubes = serde_json::from_value(cubes).unwrap())
        .role("x", json!({"roleName": "X", "mappedFrom": ["x"], "restrictions": ["r"]}))
}

/// Two cubes on one table; the first has the city in two hierarchies.
fn two_cubes() -> ModelShape {
    let tables = [("Shops".to_owned(), names(&["City", "Floor"]))].into();
    let hierarchy = |name: &str, levels: &[&str]| HierarchyShape {
        name: name.to_owned(),
        dimension: "Shops".to_owned(),
        levels: levels.iter().map(|name| level(name)).collect(),
    };
    let reachable: BTreeSet<_> = [column("Shops/City"), column("Shops/Floor")].into();
    let cube = |hierarchies| CubeShape { hierarchies, reachable: reachable.clone(), ..CubeShape::default() };
    let sales = cube(vec![hierarchy("Place", &["Shops/City", "Shops/Floor"]), hierarchy("Town", &["Shops/City"])]);
    let stock = cube(vec![hierarchy("Town", &["Shops/City"])]);
    ModelShape {
        tables: tables_in_one_chain(&tables),
        cubes: [("Sales".to_owned(), sales), ("Stock".to_owned(), stock)].into(),
    }
}

#[test]
fn a_level_of_a_cube_restricts_that_cube_and_neither_others_nor_tables() {
    let bound = bound(&with_cube("Sales", json!([{"level": "Town/City", "equals": "Paris"}])), &two_cubes());
    assert_eq!(bound.problems(), []);
    let (roles, none) = (names(&["ROLE_USER", "X"]), Attributes::default());
    let in_sales = bound.visibility("Sales", &rights(&roles, &none)).unwrap();
    assert!(sees(&in_sales, &shop("Paris", "1")) && !sees(&in_sales, &shop("Nice", "1")));
    assert_eq!(bound.visibility("Stock", &rights(&roles, &none)), Ok(Visibility::default()));
    assert_eq!(bound.table_visibility("Shops", &rights(&roles, &none)), Ok(Visibility::default()));
}

#[test]
fn a_table_is_unknown_to_whom_any_cube_that_uses_it_is_hidden() {
    let (none, unknown) = (Attributes::default(), Refusal::UnknownTable { table: "Shops".to_owned() });
    for (cubes, expected) in [
        (json!({}), Ok(Visibility::default())),
        (json!({"allowed": ["Sales", "Stock"]}), Ok(Visibility::default())),
        (json!({"denied": ["Sales"]}), Err(unknown.clone())),
        (json!({"allowed": ["Sales"]}), Err(unknown.clone())),
        (json!({"denied": ["*"]}), Err(unknown)),
    ] {
        let world = with_cube("Sales", json!([{"level": "Town/City", "equals": "Paris"}]))
            .role("y", json!({"roleName": "Y", "mappedFrom": ["y"], "cubes": cubes}));
        let bound = bound(&world, &two_cubes());
        assert_eq!(bound.table_visibility("Shops", &rights(&names(&["ROLE_USER", "Y"]), &none)), expected, "{cubes}");
        let administrator = names(&["ROLE_ADMIN", "ROLE_USER", "Y"]);
        assert_eq!(bound.table_visibility("Shops", &rights(&administrator, &none)), Ok(Visibility::default()));
    }
}

#[test]
fn a_level_restricts_its_own_hierarchy_where_its_column_would_restrict_all() {
    let world = with_cube("Sales", json!([{"level": "Place/City", "equals": "Paris"}]));
    let by_level = world.restricting("Y", &[("Shops/Floor", &["1"])]);
    let seen = |world: &World| {
        let bound = bound(world, &two_cubes());
        let visibility =
            bound.visibility("Sales", &rights(&names(&["ROLE_USER", "X", "Y"]), &Attributes::default())).unwrap();
        [sees(&visibility, &shop("Paris", "2")), sees(&visibility, &shop("Nice", "1"))]
    };
    assert_eq!(seen(&by_level), [true, true], "one hierarchy: either is enough");
    let by_column = with_lines(json!([{"table": "Shops", "column": "City", "equals": "Paris"}]))
        .restricting("Y", &[("Shops/Floor", &["1"])]);
    assert_eq!(seen(&by_column), [true, false], "the column restricts the other hierarchy too");
}

#[test]
fn an_unknown_or_ambiguous_level_refuses_the_holders_in_that_cube_and_names_the_nearest() {
    for (level, hint) in [("Citi", "did you mean `City`?"), ("City", "write `Place/City` or `Town/City`")] {
        let bound = bound(&with_cube("Sales", json!([{"level": level, "equals": "Paris"}])), &two_cubes());
        let [problem] = bound.problems() else { panic!("{:?}", bound.problems()) };
        assert_eq!((problem.object.to_string().as_str(), problem.cube.as_deref()), ("Restriction/r", Some("Sales")));
        assert!(problem.message.contains(hint), "{}", problem.message);
        let (roles, none) = (names(&["ROLE_USER", "X"]), Attributes::default());
        assert!(matches!(bound.visibility("Sales", &rights(&roles, &none)), Err(Refusal::BrokenRole { .. })));
        assert!(bound.visibility("Stock", &rights(&roles, &none)).is_ok());
        assert!(bound.visibility("Sales", &rights(&names(&["ROLE_USER"]), &none)).is_ok());
    }
}

#[test]
fn an_unknown_cube_refuses_the_holders_and_names_the_nearest() {
    let world = with_cube("Sale", json!([{"level": "City", "equals": "Paris"}]));
    assert_eq!(
        world.problems(),
        [
            "Role/x spec.restrictions[0] Unresolved: Restriction `r` is not valid",
            "Restriction/r spec.cube Unresolved: there is no cube `Sale`; did you mean `Sales`?",
        ]
    );
    assert!(matches!(world.provider_user("u", &["x", "atoti"]), Err(Refusal::BrokenRole { .. })));
}

#[test]
fn with_a_cube_lines_name_levels_and_without_one_columns() {
    for world in [
        with_cube("Sales", json!([{"table": "Shops", "column": "City", "equals": "Paris"}])),
        with_lines(json!([{"level": "City", "equals": "Paris"}])),
    ] {
        assert!(
            world.problems()[1].starts_with("Restriction/r spec.where[0] Invalid: write"),
            "{:?}",
            world.problems()
        );
    }
}
