//! Which context values hold for a caller with several roles.

use std::collections::BTreeSet;

use cubegate_policy::{
    bind::{BoundAccess, ModelShape},
    compile::ProblemKind,
    context::{CallerContext, ContextValues, Giver, Interval},
    resolve::Refusal,
    rights::Rights,
};
use serde_json::{Value, json};

use crate::support::{World, column, model, names, rights_with, sees};

fn retail() -> ModelShape {
    model("Sales", &[("Shops", &["City"])], &[&["Shops/City"]])
}

fn values(values: Value) -> ContextValues {
    serde_json::from_value(values).unwrap()
}

/// The rights of whoever holds these roles. `~` is before one that has lapsed.
fn valid_and_lapsed(roles: &[&str]) -> Rights {
    let (lapsed, roles): (BTreeSet<String>, BTreeSet<String>) =
        names(roles).into_iter().partition(|role| role.starts_with('~'));
    let lapsed = lapsed.iter().map(|role| role.replace('~', "")).collect();
    rights_with(roles, lapsed)
}

/// What holds for the holder of roles in a cube that gives `cube` to everybody.
fn holding(world: &World, roles: &[&str], cube: Value) -> CallerContext {
    let bound = BoundAccess::bind(&world.compile().snapshot.access, &retail());
    assert_eq!(bound.problems(), []);
    bound.context(&valid_and_lapsed(roles), &values(cube))
}

fn seconds(context: &CallerContext) -> Option<u64> {
    context.query_time_limit.as_ref().map(|given| Interval::duration(given.value).as_secs())
}

fn limits(user: &str, desk: &str, priority: i32) -> World {
    World::new()
        .role("everybody", json!({"roleName": "ROLE_ALL", "context": {"queryTimeLimit": user}}))
        .role("desk", json!({"roleName": "ROLE_DESK", "priority": priority, "context": {"queryTimeLimit": desk}}))
}

#[test]
fn the_limit_of_the_role_with_the_higher_authority_is_taken() {
    let world = limits("30s", "10s", 5);
    assert_eq!(seconds(&holding(&world, &["ROLE_ALL", "ROLE_DESK", "ROLE_USER"], json!({}))), Some(10));
    assert_eq!(seconds(&holding(&world, &["ROLE_ALL", "ROLE_USER"], json!({}))), Some(30));
    let lower = limits("30s", "10s", -5);
    assert_eq!(seconds(&holding(&lower, &["ROLE_ALL", "ROLE_DESK", "ROLE_USER"], json!({}))), Some(30));
}

#[test]
fn the_limit_of_a_role_that_has_lapsed_stays_and_gives_nothing() {
    let desk =
        |desk: &str, priority, roles: &[&str]| seconds(&holding(&limits("30s", desk, priority), roles, json!({})));
    assert_eq!(desk("10s", 5, &["ROLE_ALL", "ROLE_USER", "~ROLE_DESK"]), Some(10), "it limits");
    assert_eq!(desk("60s", 5, &["ROLE_ALL", "ROLE_USER", "~ROLE_DESK"]), Some(30), "it gives no more time");
    assert_eq!(desk("10s", -5, &["ROLE_ALL", "ROLE_USER", "~ROLE_DESK"]), Some(30), "another had the say");
    assert_eq!(desk("10s", 5, &["ROLE_USER", "~ROLE_DESK"]), Some(10));
    assert_eq!(desk("10s", 5, &["ROLE_USER", "~ROLE_ALL", "~ROLE_DESK"]), Some(10));
}

#[test]
fn of_a_role_that_has_lapsed_grants_and_what_it_hides_stay_and_choices_do_not() {
    let mut shape = retail();
    let cube = shape.cubes.get_mut("Sales").unwrap();
    cube.measures = names(&["A", "B", "C"]);
    let world = World::new()
        .role(
            "desk",
            json!({"roleName": "DESK", "priority": 1, "grantMeasures": ["A", "B"], "hide": {"measures": ["A"]},
            "context": {"locale": "fr-FR", "resultLimit": {"total": 9}}}),
        )
        .role(
            "base",
            json!({"roleName": "BASE", "grantMeasures": ["B", "C"], "hide": {"measures": ["C"]},
            "context": {"locale": "de-DE", "resultLimit": {"intermediate": 5, "total": 12}}}),
        );
    let bound = BoundAccess::bind(&world.compile().snapshot.access, &shape);
    assert_eq!(bound.problems(), []);
    let holding = |roles: &[&str], lapsed: &[&str]| {
        let rights = rights_with(names(roles), names(lapsed));
        let context = bound.context(&rights, &values(json!({})));
        let limit = context.result_limit.map(|given| (given.value.intermediate, given.value.total));
        (
            context.granted_measures.map(|given| given.value),
            context.hide.map(|given| given.value.measures),
            context.locale.map(|given| given.value),
            limit,
        )
    };
    let both = holding(&["BASE", "ROLE_USER"], &["DESK"]);
    let hidden = vec!["A".to_owned(), "C".to_owned()];
    assert_eq!(both, (Some(names(&["B"])), Some(hidden), Some("de-DE".to_owned()), Some((Some(5), Some(9)))));
    let alone = holding(&["ROLE_USER"], &["DESK"]);
    assert_eq!(alone, (Some(names(&["A", "B"])), Some(vec!["A".to_owned()]), None, Some((None, Some(9)))));
    let (of_administrator, ..) = holding(&["ROLE_ADMIN", "ROLE_USER"], &["DESK"]);
    assert_eq!(of_administrator, None);
}

#[test]
fn an_administrator_has_60_s_although_users_have_30_s() {
    let objects = World::with_user_role(json!({"priority": 9, "context": {"queryTimeLimit": "30s"}}))
        .role("admin", json!({"roleName": "ROLE_ADMIN", "priority": -9, "context": {"queryTimeLimit": "60s"}}))
        .role("desk", json!({"roleName": "ROLE_DESK", "context": {"queryTimeLimit": "10s"}}));
    assert_eq!(seconds(&holding(&objects, &["ROLE_ADMIN", "ROLE_DESK", "ROLE_USER"], json!({}))), Some(60));
    assert_eq!(seconds(&holding(&objects, &["ROLE_DESK", "ROLE_USER"], json!({}))), Some(10));
    assert_eq!(seconds(&holding(&objects, &["ROLE_USER"], json!({}))), Some(30));
}

#[test]
fn of_equal_authority_the_first_by_name_is_heard() {
    assert_eq!(seconds(&holding(&limits("7s", "9s", 0), &["ROLE_ALL", "ROLE_DESK"], json!({}))), Some(7));
}

#[test]
fn a_value_of_the_cube_is_for_those_to_whom_no_role_gives_one() {
    let world = limits("30s", "10s", 5);
    let cube = json!({"queryTimeLimit": "5s", "referenceCurrency": "EUR"});
    let context = holding(&world, &["ROLE_DESK", "ROLE_USER"], cube.clone());
    let currency = context.reference_currency.as_ref().unwrap();
    assert_eq!((seconds(&context), currency.value.as_str(), &currency.by), (Some(10), "EUR", &Giver::Cube));
    assert_eq!(seconds(&holding(&world, &["ROLE_USER"], cube)), Some(5));
}

#[test]
fn a_value_is_taken_whole_and_never_merged() {
    let world = World::new()
        .role(
            "high",
            json!({"roleName": "HIGH", "priority": 2, "context":
            {"resultLimit": {"total": 50}, "aliases": {"City": "Town"}, "values": {"discount": "0.1"}}}),
        )
        .role(
            "low",
            json!({"roleName": "LOW", "priority": 1, "hide": {"measures": ["Quantity.MEAN"]}, "context":
            {"resultLimit": {"intermediate": 9}, "aliases": {"Quantity.SUM": "Pieces"}, "locale": "fr-FR"}}),
        );
    let context = holding(&world, &["HIGH", "LOW"], json!({"values": {"discount": "0"}}));
    let limit = context.result_limit.unwrap().value;
    assert_eq!((limit.intermediate, limit.total), (None, Some(50)));
    assert_eq!(context.aliases.unwrap().value.into_keys().collect::<Vec<_>>(), ["City"]);
    assert_eq!(context.locale.unwrap().by, Giver::Role("low".into()));
    assert_eq!(context.hide.unwrap().value.measures, ["Quantity.MEAN"]);
    assert_eq!(context.values["discount"].value.as_str(), "0.1");
}

#[test]
fn the_grant_of_the_highest_role_decides_and_none_is_needed_by_administrators() {
    let world = World::new()
        .role("sums", json!({"roleName": "SUMS", "priority": 2, "grantMeasures": ["Quantity.SUM"]}))
        .role("means", json!({"roleName": "MEANS", "priority": 1, "grantMeasures": ["Quantity.MEAN"]}))
        .role("plain", json!({"roleName": "PLAIN", "priority": 3}));
    let granted = |roles: &[&str]| holding(&world, roles, json!({})).granted_measures.map(|given| given.value);
    assert_eq!(granted(&["MEANS", "PLAIN", "SUMS"]), Some(names(&["Quantity.SUM"])));
    assert_eq!(granted(&["MEANS", "PLAIN"]), Some(names(&["Quantity.MEAN"])));
    assert_eq!(granted(&["PLAIN"]), None);
    assert_eq!(granted(&["ROLE_ADMIN", "SUMS"]), None);
}

#[test]
fn a_name_that_no_cube_has_refuses_the_holders_of_the_role_and_nobody_else() {
    for (field, spec) in [
        ("spec.grantMeasures", json!({"grantMeasures": ["Quantity.SUMM"]})),
        ("spec.hide.measures", json!({"hide": {"measures": ["Quantity.SUMM"]}})),
        ("spec.hide.hierarchies", json!({"hide": {"hierarchies": ["Shops/Citi"]}})),
        ("spec.hide.dimensions", json!({"hide": {"dimensions": ["Shop"]}})),
        ("context.formatters", json!({"context": {"formatters": {"Quantity.SUMM": "#"}}})),
        ("context.aliases", json!({"context": {"aliases": {"Citi": "Town"}}})),
        ("context.defaultMembers", json!({"context": {"defaultMembers": {"Shops/Citi": ["Paris"]}}})),
        ("context.values", json!({"context": {"values": {"discont": "1"}}})),
    ] {
        let mut spec = spec;
        spec["roleName"] = json!("ROLE_DESK");
        let world = World::new().role("desk", spec);
        let bound = BoundAccess::bind(&world.compile().snapshot.access, &retail());
        let [problem] = bound.problems() else { panic!("{field}: {:?}", bound.problems()) };
        assert_eq!(problem.object.to_string(), "Role/desk");
        assert!(problem.message.starts_with(field) && problem.message.contains("did you mean"), "{}", problem.message);
        let sees = |roles: &[&str]| bound.visibility("Sales", &valid_and_lapsed(roles));
        assert!(matches!(sees(&["ROLE_DESK", "ROLE_USER"]), Err(Refusal::BrokenRole { .. })), "{field}");
        assert!(sees(&["ROLE_USER"]).is_ok(), "{field}");
    }
}

#[test]
fn role_user_and_role_admin_can_be_granted_no_measures_or_members_directly_or_through_what_they_inherit() {
    for (role, field, spec) in [
        ("ROLE_USER", "spec.grantMeasures", json!({"grantMeasures": ["Quantity.SUM"]})),
        ("ROLE_ADMIN", "spec.grantMeasures", json!({"roleName": "ROLE_ADMIN", "grantMeasures": ["Quantity.SUM"]})),
        ("ROLE_USER", "spec.inherits[0]", json!({"inherits": ["SUMS"]})),
        ("ROLE_USER", "spec.grantMembers", json!({"grantMembers": {"Shops/City": [["Paris"]]}})),
    ] {
        let sums = json!({"roleName": "SUMS", "grantMeasures": ["Quantity.SUM"]});
        let world = match role {
            "ROLE_USER" => World::with_user_role(spec),
            _ => World::new().role("admin", spec),
        };
        let compiled = world.role("sums", sums).compile();
        let found: BTreeSet<_> =
            compiled.problems.iter().map(|problem| (problem.field.as_str(), problem.kind)).collect();
        assert_eq!(found, [(field, ProblemKind::Invalid)].into(), "{role}: {:?}", compiled.problems);
    }
}

#[test]
fn what_holds_is_told_with_who_gives_it() {
    let world = World::new().role(
        "desk",
        json!({"roleName": "DESK", "grantMeasures": ["Quantity.SUM"], "context":
        {"queryTimeLimit": "10s", "resultLimit": {"intermediate": 12}, "values": {"discount": "0.5"}}}),
    );
    let context = holding(&world, &["DESK"], json!({"referenceCurrency": "EUR"}));
    let told: Vec<String> =
        context.named().iter().map(|named| format!("{} {} {:?}", named.field, named.value, named.by)).collect();
    assert_eq!(
        told,
        [
            r#"context.queryTimeLimit 10s Role("desk")"#,
            r#"context.resultLimit 12 at one depth Role("desk")"#,
            "context.referenceCurrency EUR Cube",
            r#"grantMeasures Quantity.SUM Role("desk")"#,
            r#"context.values discount = 0.5 Role("desk")"#,
        ]
    );
}

/// Facts by city, product and number.
const FACTS: [[&str; 4]; 5] = [
    ["France", "Paris", "tea", "1"],
    ["France", "Lyon", "tea", "2"],
    ["USA", "Austin", "tea", "3"],
    ["USA", "Austin", "jam", "4"],
    ["USA", "Paris", "jam", "5"],
];

fn granted(world: &World, roles: &[&str]) -> Vec<&'static str> {
    let tables: [(&str, &[&str]); 2] = [("Shops", &["Country", "City"]), ("Sales", &["Product"])];
    let shape = model("Sales", &tables, &[&["Shops/Country", "Shops/City"], &["Sales/Product"]]);
    let bound = BoundAccess::bind(&world.compile().snapshot.access, &shape);
    assert_eq!(bound.problems(), []);
    let visibility = bound.visibility("Sales", &valid_and_lapsed(roles)).unwrap();
    let is_seen = |[country, city, product, _]: &[&str; 4]| {
        let values = [("Shops/Country", country), ("Shops/City", city), ("Sales/Product", product)];
        sees(&visibility, &values.map(|(name, value)| (column(name), (*value).to_owned())).into())
    };
    FACTS.into_iter().filter(is_seen).map(|[.., number]| number).collect()
}

#[test]
fn a_granted_path_grants_the_member_and_everything_below_paths_unite_and_hierarchies_intersect() {
    let geography = "Shops/Country-Shops/City";
    let world = |members: Value| World::new().role("desk", json!({"roleName": "DESK", "grantMembers": members}));
    let seen = |members: Value| granted(&world(members), &["DESK", "ROLE_USER"]);
    assert_eq!(seen(json!({geography: [["USA"]]})), ["3", "4", "5"]);
    assert_eq!(seen(json!({geography: [["USA", "Austin"], ["France", "Paris"]]})), ["1", "3", "4"]);
    assert_eq!(seen(json!({geography: [["USA"], ["France", "Lyon"]], "Sales/Product": [["tea"]]})), ["2", "3"]);
    assert_eq!(seen(json!({geography: [["Atlantis"]]})), Vec::<&str>::new());
    assert_eq!(granted(&world(json!({geography: [["USA"]]})), &["ROLE_USER"]).len(), FACTS.len());
    assert_eq!(granted(&world(json!({geography: [["USA"]]})), &["DESK", "ROLE_ADMIN"]).len(), FACTS.len());
}

#[test]
fn granted_members_hold_beside_restrictions_and_the_highest_role_decides_them() {
    let world = World::new()
        .restricting("TEA", &[("Sales/Product", &["tea"])])
        .role("usa", json!({"roleName": "USA", "priority": 1, "grantMembers": {"Shops/Country-Shops/City": [["USA"]]}}))
        .role("paris", json!({"roleName": "LYON", "grantMembers": {"Shops/Country-Shops/City": [["France", "Lyon"]]}}));
    assert_eq!(granted(&world, &["LYON", "ROLE_USER"]), ["2"]);
    assert_eq!(granted(&world, &["LYON", "ROLE_USER", "USA"]), ["3", "4", "5"]);
    assert_eq!(granted(&world, &["ROLE_USER", "TEA", "USA"]), ["3"]);
}

#[test]
fn members_granted_by_a_role_that_has_lapsed_stay_the_only_ones_and_are_granted_no_more() {
    let geography = "Shops/Country-Shops/City";
    let world = World::new()
        .role("usa", json!({"roleName": "USA", "priority": 1, "grantMembers": {geography: [["USA"]]}}))
        .role("tea", json!({"roleName": "TEA", "grantMembers": {"Sales/Product": [["tea"]]}}));
    assert_eq!(granted(&world, &["ROLE_USER", "~USA"]), ["3", "4", "5"]);
    assert_eq!(granted(&world, &["ROLE_USER", "TEA", "USA"]), ["3", "4", "5"]);
    assert_eq!(granted(&world, &["ROLE_USER", "TEA", "~USA"]), ["3"]);
    assert_eq!(granted(&world, &["ROLE_USER", "USA", "~TEA"]), ["3", "4", "5"]);
}

#[test]
fn granted_members_that_cannot_be_held_refuse_the_holders() {
    for (members, said) in [
        (json!({"Shops/Citi": [["Paris"]]}), "no cube has a hierarchy `Shops/Citi`"),
        (json!({"Shops/City": [["Paris", "s1"]]}), "has 1 levels, and a path names 2 members"),
    ] {
        let world = World::new().role("desk", json!({"roleName": "DESK", "grantMembers": members}));
        let bound = BoundAccess::bind(&world.compile().snapshot.access, &retail());
        assert!(bound.problems().iter().all(|problem| problem.message.contains(said)), "{:?}", bound.problems());
        let refused = bound.visibility("Sales", &valid_and_lapsed(&["DESK", "ROLE_USER"]));
        assert!(matches!(refused, Err(Refusal::BrokenRole { .. })), "{said}: {refused:?}");
        assert!(bound.visibility("Sales", &valid_and_lapsed(&["ROLE_USER"])).is_ok());
    }
    for empty in [json!({"Shops/City": []}), json!({"Shops/City": [[]]})] {
        let world = World::new().role("desk", json!({"roleName": "DESK", "grantMembers": empty}));
        let problems = world.compile().problems;
        assert!(problems.iter().any(|problem| problem.field == "spec.grantMembers.Shops/City"), "{problems:?}");
    }
}

#[test]
fn numbers_of_a_role_that_has_lapsed_stay_because_a_policy_may_hide_by_them() {
    let world = World::new()
        .role("desk", json!({"roleName": "DESK", "context": {"values": {"discount": "0"}}}))
        .role("base", json!({"roleName": "BASE", "priority": 1}));
    let number = |roles: &[&str]| {
        let context = holding(&world, roles, json!({"values": {"discount": "1"}}));
        context.values["discount"].value.as_str().to_owned()
    };
    assert_eq!(number(&["DESK", "ROLE_USER"]), "0");
    assert_eq!(number(&["~DESK", "ROLE_USER"]), "0");
    assert_eq!(number(&["BASE", "ROLE_USER"]), "1");
}
