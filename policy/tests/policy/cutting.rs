//! What cuts restrict, and what happens to those that cannot be held.

use cubegate_policy::{
    attributes::Attributes,
    bind::{BoundAccess, CubeShape, HierarchyShape, ModelShape, Visibility},
    explain,
    resolve::{Caller, Refusal},
    snapshot::ColumnName,
};
use serde_json::{Value, json};

use crate::support::{Row, World, column, level, manifest, names, noon, parsed, rights, sees, tables_in_one_chain};

const PLACES: [[&str; 3]; 6] = [
    ["France", "Paris", "1"],
    ["France", "Lyon", "2"],
    ["France", "N/A", "3"],
    ["USA", "Austin", "4"],
    ["USA", "Paris", "5"],
    ["N/A", "N/A", "6"],
];

fn row([country, city, product]: [&str; 3]) -> Row {
    let values = [("Shops/Country", country), ("Shops/City", city), ("Sales/Product", product)];
    values.map(|(name, value)| (column(name), value.to_owned())).into()
}

fn seen(visibility: &Visibility) -> Vec<&'static str> {
    PLACES.into_iter().filter(|place| sees(visibility, &row(*place))).map(|[_, _, number]| number).collect()
}

/// Sales has a geography and a product; Stock has a product; Tills has the city alone, twice.
fn three_cubes() -> ModelShape {
    let hierarchy = |name: &str, levels: &[&str]| HierarchyShape {
        name: name.to_owned(),
        dimension: column(levels[0]).table,
        levels: levels.iter().map(|name| level(name)).collect(),
    };
    let reachable: std::collections::BTreeSet<ColumnName> =
        ["Shops/Country", "Shops/City", "Sales/Product"].map(column).into();
    let product = || hierarchy("product", &["Sales/Product"]);
    let sales = vec![hierarchy("geography", &["Shops/Country", "Shops/City"]), product()];
    let tills = vec![hierarchy("town", &["Shops/City"]), hierarchy("place", &["Shops/City"])];
    let cube = |name: &str, hierarchies| {
        (name.to_owned(), CubeShape { hierarchies, reachable: reachable.clone(), ..CubeShape::default() })
    };
    let tables = [("Sales".to_owned(), names(&["Product"])), ("Shops".to_owned(), names(&["Country", "City"]))].into();
    ModelShape {
        tables: tables_in_one_chain(&tables),
        cubes: [cube("Sales", sales), cube("Stock", vec![product()]), cube("Tills", tills)].into(),
    }
}

/// A role X with these cuts.
fn with_cuts(cube: &str, cuts: Value) -> World {
    let mut world = World::new();
    world.objects.restrictions.push(parsed(manifest("Restriction", "r", json!({"cube": cube, "cuts": cuts}))));
    let cubes = ["Sales", "Stock", "Tills"].map(|name| json!({"name": name, "factTable": "Sales"}));
    world
        .session(|session| session.spec.cubes = serde_json::from_value(json!(cubes)).unwrap())
        .role("x", json!({"roleName": "X", "mappedFrom": ["x"], "restrictions": ["r"]}))
}

fn bound(world: &World) -> BoundAccess {
    let compiled = world.compile();
    assert_eq!(compiled.problems, []);
    BoundAccess::bind(&compiled.snapshot.access, &three_cubes())
}

fn of_holder(bound: &BoundAccess, cube: &str) -> Result<Visibility, Refusal> {
    bound.visibility(cube, &rights(&names(&["ROLE_USER", "X"]), &Attributes::default()))
}

fn table_of_holder(bound: &BoundAccess, table: &str) -> Result<Visibility, Refusal> {
    bound.table_visibility(table, &rights(&names(&["ROLE_USER", "X"]), &Attributes::default()))
}

fn in_sales(cut: &str) -> Vec<&'static str> {
    seen(&of_holder(&bound(&with_cuts("Sales", json!([cut]))), "Sales").unwrap())
}

#[test]
fn a_point_is_a_member_with_all_below_it() {
    assert_eq!(in_sales("geography:France"), ["1", "2", "3"]);
    assert_eq!(in_sales("geography:France,Paris"), ["1"]);
    assert_eq!(in_sales("geography:__null__"), ["6"]);
    assert_eq!(in_sales("geography:France,__null__"), ["3"]);
    assert_eq!(in_sales("geography:Paris"), Vec::<&str>::new());
}

#[test]
fn a_set_is_any_of_its_paths_and_a_range_all_between_its_ends() {
    assert_eq!(in_sales("geography:France,Paris;USA"), ["1", "4", "5"]);
    assert_eq!(in_sales("geography:France,Lyon-USA,Austin"), ["1", "2", "4"]);
    assert_eq!(in_sales("geography:-France"), ["1", "2", "3"]);
    assert_eq!(in_sales("geography:G-"), ["4", "5"]);
}

#[test]
fn inversion_keeps_facts_without_a_value_out() {
    assert_eq!(in_sales("!geography:France"), ["4", "5"]);
    assert_eq!(in_sales("!geography:USA,Paris"), ["1", "2", "4"]);
    assert_eq!(in_sales("!geography:USA,Paris;France"), ["4"]);
    assert_eq!(in_sales("!geography:France,Lyon-USA,Austin"), ["5"]);
}

#[test]
fn a_dimension_with_one_hierarchy_stands_for_it_and_one_of_several_is_named() {
    assert_eq!(in_sales("Shops:USA"), ["4", "5"]);
    assert_eq!(in_sales("Shops@geography:USA"), ["4", "5"]);
    let tills = |cut: &str| seen(&of_holder(&bound(&with_cuts("Tills", json!([cut]))), "Tills").unwrap());
    assert_eq!(tills("Shops@town:Paris"), ["1", "5"]);
    assert_eq!(tills("town:Paris"), ["1", "5"]);
}

#[test]
fn every_cut_of_a_restriction_holds() {
    let both = |cuts: Value| seen(&of_holder(&bound(&with_cuts("Sales", cuts)), "Sales").unwrap());
    assert_eq!(both(json!(["geography:France", "product:1;4"])), ["1"]);
    assert_eq!(both(json!(["geography:France", "geography:USA"])), Vec::<&str>::new());
}

#[test]
fn cuts_and_lines_of_one_hierarchy_combine_by_the_rule_of_the_session() {
    let spec = json!({"cube": "Sales", "where": [{"level": "City", "equals": "Paris"}], "cuts": ["geography:France"]});
    let mut world = with_cuts("Sales", json!(["geography:USA"]))
        .role("y", json!({"roleName": "Y", "mappedFrom": ["y"], "restrictions": ["both"]}));
    world.objects.restrictions.push(parsed(manifest("Restriction", "both", spec)));
    let seen_under = |combine: Value, roles: &[&str]| {
        let mut objects = world.objects.clone();
        objects.session.spec.access.combine = serde_json::from_value(combine).unwrap();
        let bound = bound(&World { objects });
        seen(&bound.visibility("Sales", &rights(&names(roles), &Attributes::default())).unwrap())
    };
    assert_eq!(seen_under(json!("All"), &["ROLE_USER", "Y"]), ["1"]);
    assert_eq!(seen_under(json!("PerHierarchy"), &["ROLE_USER", "X", "Y"]), ["1", "4", "5"]);
    assert_eq!(seen_under(json!("All"), &["ROLE_USER", "X", "Y"]), Vec::<&str>::new());
}

#[test]
fn a_cut_of_any_cube_concerns_those_that_have_the_dimension() {
    let bound = bound(&with_cuts("*", json!(["product:1;4"])));
    assert_eq!(bound.problems(), []);
    assert_eq!(seen(&of_holder(&bound, "Sales").unwrap()), ["1", "4"]);
    assert_eq!(seen(&of_holder(&bound, "Stock").unwrap()), ["1", "4"]);
    assert_eq!(of_holder(&bound, "Tills"), Ok(Visibility::default()));
    let by_prefix = self::bound(&with_cuts("St*", json!(["product:1;4"])));
    assert_eq!(of_holder(&by_prefix, "Sales"), Ok(Visibility::default()));
    assert_eq!(seen(&of_holder(&by_prefix, "Stock").unwrap()), ["1", "4"]);
}

#[test]
fn rows_that_a_cut_hides_are_in_no_table_either() {
    let bound = bound(&with_cuts("Sales", json!(["geography:France"])));
    assert_eq!(seen(&table_of_holder(&bound, "Sales").unwrap()), ["1", "2", "3"]);
    assert_eq!(seen(&table_of_holder(&bound, "Shops").unwrap()), ["1", "2", "3"]);
    let beyond = self::bound(&with_cuts("Sales", json!(["product:1"])));
    assert!(matches!(table_of_holder(&beyond, "Shops"), Err(Refusal::BeyondReach { .. })), "no join leads back");
}

#[test]
fn a_table_shows_what_every_cube_shows_in_any_combination() {
    for combine in ["PerHierarchy", "All", "PerRole"] {
        let mut world = with_cuts("Sales", json!(["geography:France"]))
            .role("y", json!({"roleName": "Y", "mappedFrom": ["y"], "restrictions": ["stock"]}))
            .session(|session| session.spec.access.combine = serde_json::from_value(json!(combine)).unwrap());
        let stock = json!({"cube": "Stock", "cuts": ["product:1;4"]});
        world.objects.restrictions.push(parsed(manifest("Restriction", "stock", stock)));
        let visibility =
            bound(&world).table_visibility("Sales", &rights(&names(&["ROLE_USER", "X", "Y"]), &Attributes::default()));
        assert_eq!(seen(&visibility.unwrap()), ["1"], "{combine}");
    }
}

#[test]
fn what_a_named_cube_lacks_refuses_the_holders_there_and_names_the_nearest() {
    for (cube, cut, fragment) in [
        ("Sales", "geografy:France", "did you mean `geography`?"),
        ("Sales", "Shop@geography:France", "did you mean `Shops`?"),
        ("Sales", "Shops@geo:France", "did you mean `geography`?"),
        ("Tills", "Shops:Paris", "write `Shops@town` or `Shops@place`"),
        ("Sales", "geography:a,b,c", "hierarchy `geography` has 2 levels, and a path of the cut names 3"),
    ] {
        let bound = bound(&with_cuts(cube, json!([cut])));
        let [problem] = bound.problems() else { panic!("{cut}: {:?}", bound.problems()) };
        assert_eq!((problem.object.to_string().as_str(), problem.cube.as_deref()), ("Restriction/r", Some(cube)));
        assert!(problem.message.contains(fragment), "{}", problem.message);
        assert!(matches!(of_holder(&bound, cube), Err(Refusal::BrokenRole { .. })), "{cut}");
        assert!(matches!(table_of_holder(&bound, "Sales"), Err(Refusal::BrokenRole { .. })), "{cut}");
        assert!(of_holder(&bound, "Stock").is_ok(), "{cut}");
        assert!(bound.visibility(cube, &rights(&names(&["ROLE_USER"]), &Attributes::default())).is_ok(), "{cut}");
    }
}

#[test]
fn what_no_cube_has_refuses_the_holders_everywhere() {
    for pattern in ["*", "S*"] {
        let bound = bound(&with_cuts(pattern, json!(["geografy:France"])));
        let [problem] = bound.problems() else { panic!("{:?}", bound.problems()) };
        assert_eq!(problem.cube, None);
        assert!(problem.message.contains("did you mean `geography`?"), "{}", problem.message);
        for cube in ["Sales", "Stock", "Tills"] {
            assert!(matches!(of_holder(&bound, cube), Err(Refusal::BrokenRole { .. })));
        }
    }
}

#[test]
fn a_cut_that_cannot_be_read_refuses_its_holders_and_says_where_it_is_wrong() {
    let world = with_cuts("Sales", json!(["geography:France", "geography:Saint-Étienne-Lyon"]));
    let problems = world.problems();
    assert!(
        problems[1].starts_with("Restriction/r spec.cuts[1] Invalid: character 24 of the cut: expected nothing more"),
        "{problems:?}"
    );
    assert!(matches!(world.provider_user("u", &["x", "atoti"]), Err(Refusal::BrokenRole { .. })));
}

#[test]
fn cuts_without_a_cube_or_of_an_unknown_one_or_too_many_refuse_their_holders() {
    let of = |spec: Value| {
        let mut world = with_cuts("Sales", json!([]));
        world.objects.restrictions[0] = parsed(manifest("Restriction", "r", spec));
        assert!(matches!(world.provider_user("u", &["x", "atoti"]), Err(Refusal::BrokenRole { .. })));
        world.problems()[1].clone()
    };
    assert!(
        of(json!({"cuts": ["product:1"]})).contains("spec.cuts Invalid: with `cuts`, write the name of the `cube`")
    );
    assert!(of(json!({"cube": "Sale", "cuts": ["product:1"]})).ends_with("did you mean `Sales`?"));
    assert!(of(json!({"cube": "X*", "cuts": ["product:1"]})).contains("there is no cube `X*`"));
    assert!(of(json!({"cube": "a*b", "cuts": ["product:1"]})).contains("write the name of a cube"));
    assert!(of(json!({"cube": "*", "where": [{"level": "City", "equals": "x"}]})).contains("a level of one cube"));
    assert!(of(json!({"cube": "Sales"})).contains("would restrict nothing"));
    assert!(of(json!({"cube": "Sales", "cuts": vec!["product:1"; 65]})).contains("65 cuts are more than 64"));
}

#[test]
fn callers_whose_cuts_select_the_same_share_a_visibility() {
    let of = |cut: &str| of_holder(&bound(&with_cuts("Sales", json!([cut]))), "Sales").unwrap();
    assert_eq!(of("geography:France;USA"), of("Shops@geography:USA;France;USA"));
    assert_ne!(of("geography:France;USA"), of("geography:France,USA"));
}

#[test]
fn an_explanation_shows_a_cut_as_it_was_written() {
    let world = with_cuts("*", json!([r"!product:b;a\-z"]));
    let roles = names(&["x", "atoti"]);
    let none = Attributes::default();
    let caller = Caller::ProviderUser { provider: None, name: "u", provider_roles: &roles, attributes: &none };
    let explanation = explain::caller(&world.compile().snapshot, &caller, noon(), &[]);
    let restricting = explanation.roles.iter().find(|role| role.role == "X").unwrap();
    let line = &restricting.restrictions[0].lines[0];
    assert_eq!(line.condition, r"*: !product:b;a\-z");
    assert_eq!((line.origin.field.as_str(), line.origin.item.as_deref()), ("spec.cuts", Some(r"!product:b;a\-z")));
}

#[test]
fn a_visibility_reads_as_a_sentence() {
    let of = |cut: &str| {
        let visibility = of_holder(&bound(&with_cuts("Sales", json!([cut]))), "Sales").unwrap();
        visibility.all_of.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(of("geography:France,Paris"), ["Shops/Country → Shops/City is France → Paris"]);
    assert_eq!(of("!geography:France;USA"), ["Shops/Country is not one of France, USA"]);
    assert_eq!(of("geography:-France"), ["Shops/Country is at most France"]);
}
