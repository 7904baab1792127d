//! The published stories, row by row.

use cubegate_policy::{
    attributes::Attributes,
    bind::{BoundAccess, ModelShape},
    resolve::Refusal,
};
use serde_json::json;

use crate::support::{Row, World, column, model, names, rights, sees};

/// One row: values of the columns, in the order in which they are named.
fn row(columns: &[&str], values: &[&str]) -> Row {
    columns.iter().map(|name| column(name)).zip(values.iter().map(ToString::to_string)).collect()
}

// === The world: six rows, hierarchy Geography = [Continent, Country], Currency alone ===

const WORLD_COLUMNS: [&str; 3] = ["World/Continent", "World/Country", "World/Currency"];
const WORLD: [[&str; 3]; 6] = [
    ["Asia", "Japan", "JPY"],
    ["Asia", "Korea", "KRW"],
    ["Europe", "France", "EUR"],
    ["Europe", "Germany", "EUR"],
    ["Europe", "Norway", "NOK"],
    ["Europe", "Sweden", "SEK"],
];
const CONTINENT: &str = "World/Continent";
const COUNTRY: &str = "World/Country";
const CURRENCY: &str = "World/Currency";

fn world() -> World {
    World::new()
        .session(|session| session.spec.tables[0].name = "World".into())
        .restricting("FRANCE", &[(COUNTRY, &["France"])])
        .restricting("GERMANY", &[(COUNTRY, &["Germany"])])
        .restricting("NORDIC", &[(COUNTRY, &["Norway", "Sweden"])])
        .restricting("ASIA", &[(CONTINENT, &["Asia"])])
        .restricting("EUR", &[(CURRENCY, &["EUR"])])
        .restricting("ATLANTIS", &[(COUNTRY, &["Atlantis"])])
}

fn world_model(hierarchies: &[&[&str]]) -> ModelShape {
    model("World", &[("World", &["Continent", "Country", "Currency"])], hierarchies)
}

fn geography_and_currency() -> ModelShape {
    world_model(&[&[CONTINENT, COUNTRY], &[CURRENCY]])
}

fn countries_in(model: &ModelShape, world: &World, roles: &[&str]) -> Result<Vec<&'static str>, Refusal> {
    let compiled = world.compile();
    assert_eq!(compiled.problems, []);
    let bound = BoundAccess::bind(&compiled.snapshot.access, model);
    assert_eq!(bound.problems(), []);
    let visibility = bound.visibility("World", &rights(&names(roles), &Attributes::default()))?;
    Ok(WORLD.iter().filter(|values| sees(&visibility, &row(&WORLD_COLUMNS, *values))).map(|values| values[1]).collect())
}

fn countries(world: &World, roles: &[&str]) -> Vec<&'static str> {
    countries_in(&geography_and_currency(), world, roles).unwrap()
}

const ALL: [&str; 6] = ["Japan", "Korea", "France", "Germany", "Norway", "Sweden"];

#[test]
fn without_a_restricting_role_all_six_rows_are_visible() {
    assert_eq!(countries(&world(), &["ROLE_USER"]), ALL);
}

#[test]
fn france_sees_france() {
    assert_eq!(countries(&world(), &["ROLE_USER", "FRANCE"]), ["France"]);
}

#[test]
fn germany_is_added_to_france() {
    assert_eq!(countries(&world(), &["ROLE_USER", "FRANCE", "GERMANY"]), ["France", "Germany"]);
}

#[test]
fn two_nordic_countries_are_added() {
    let seen = countries(&world(), &["ROLE_USER", "FRANCE", "GERMANY", "NORDIC"]);
    assert_eq!(seen, ["France", "Germany", "Norway", "Sweden"]);
}

#[test]
fn a_continent_is_added_to_countries_of_the_same_hierarchy() {
    assert_eq!(countries(&world(), &["ROLE_USER", "FRANCE", "GERMANY", "NORDIC", "ASIA"]), ALL);
}

#[test]
fn a_currency_intersects_because_it_is_another_hierarchy() {
    let seen = countries(&world(), &["ROLE_USER", "FRANCE", "GERMANY", "NORDIC", "ASIA", "EUR"]);
    assert_eq!(seen, ["France", "Germany"]);
}

#[test]
fn without_the_euro_countries_nothing_is_left() {
    assert_eq!(countries(&world(), &["ROLE_USER", "NORDIC", "ASIA", "EUR"]), Vec::<&str>::new());
}

#[test]
fn an_administrator_sees_everything_whatever_else_they_hold() {
    assert_eq!(countries(&world(), &["ROLE_USER", "ROLE_ADMIN", "FRANCE"]), ALL);
    assert_eq!(countries(&world(), &["ROLE_ADMIN", "FRANCE"]), ALL);
}

#[test]
fn france_without_role_user_is_refused() {
    assert_eq!(countries_in(&geography_and_currency(), &world(), &["FRANCE"]), Err(Refusal::NoAccess));
    assert_eq!(countries_in(&geography_and_currency(), &world(), &[]), Err(Refusal::NoAccess));
    assert_eq!(world().provider_user("someone", &["FRANCE"]), Err(Refusal::NoAccess));
}

#[test]
fn asia_and_japan_in_one_role_is_japan() {
    let world = world().restricting("BOTH", &[(CONTINENT, &["Asia"]), (COUNTRY, &["Japan"])]);
    assert_eq!(countries(&world, &["ROLE_USER", "BOTH"]), ["Japan"]);
}

#[test]
fn asia_and_france_in_one_role_is_nothing() {
    let world = world().restricting("BOTH", &[(CONTINENT, &["Asia"]), (COUNTRY, &["France"])]);
    assert_eq!(countries(&world, &["ROLE_USER", "BOTH"]), Vec::<&str>::new());
}

#[test]
fn lines_of_several_restrictions_of_one_role_all_hold() {
    let world = world().role("both", json!({"roleName": "BOTH", "restrictions": ["asia-only", "eur-only"]}));
    assert_eq!(countries(&world, &["ROLE_USER", "BOTH"]), Vec::<&str>::new());
}

#[test]
fn two_roles_of_two_hierarchies_each_give_the_product_form() {
    let world = world()
        .restricting("ASIA_KRW", &[(CONTINENT, &["Asia"]), (CURRENCY, &["KRW"])])
        .restricting("FRANCE_EUR", &[(COUNTRY, &["France"]), (CURRENCY, &["EUR"])]);
    assert_eq!(countries(&world, &["ROLE_USER", "ASIA_KRW", "FRANCE_EUR"]), ["Korea", "France"]);
}

#[test]
fn a_role_of_one_hierarchy_does_not_lift_the_currency_of_another_role() {
    let world = world().restricting("ASIA_KRW", &[(CONTINENT, &["Asia"]), (CURRENCY, &["KRW"])]);
    assert_eq!(countries(&world, &["ROLE_USER", "ASIA_KRW", "FRANCE"]), ["Korea"]);
}

#[test]
fn a_value_that_exists_nowhere_matches_nothing_and_is_neutral_in_a_union() {
    assert_eq!(countries(&world(), &["ROLE_USER", "ATLANTIS"]), Vec::<&str>::new());
    assert_eq!(countries(&world(), &["ROLE_USER", "ATLANTIS", "FRANCE"]), ["France"]);
}

#[test]
fn a_single_level_hierarchy_kept_beside_a_multilevel_one_turns_the_union_into_an_intersection() {
    let kept = world_model(&[&[CONTINENT, COUNTRY], &[CONTINENT], &[COUNTRY], &[CURRENCY]]);
    assert_eq!(countries_in(&kept, &world(), &["ROLE_USER", "ASIA", "FRANCE"]).unwrap(), Vec::<&str>::new());
    assert_eq!(countries(&world(), &["ROLE_USER", "ASIA", "FRANCE"]), ["Japan", "Korea", "France"]);
}

#[test]
fn restricted_columns_in_no_hierarchy_intersect_each_on_its_own() {
    let none = world_model(&[]);
    assert_eq!(countries_in(&none, &world(), &["ROLE_USER", "FRANCE", "GERMANY"]).unwrap(), ["France", "Germany"]);
    assert_eq!(countries_in(&none, &world(), &["ROLE_USER", "FRANCE", "EUR"]).unwrap(), ["France"]);
    assert_eq!(countries_in(&none, &world(), &["ROLE_USER", "FRANCE", "ASIA"]).unwrap(), Vec::<&str>::new());
}

// === Retail: 13 cities in a multilevel Geography, whose single-level hierarchies are kept or not ===

const CITIES: [[&str; 2]; 13] = [
    ["United States", "Chicago"],
    ["United States", "Houston"],
    ["United States", "Los Angeles"],
    ["France", "Lyon"],
    ["France", "Marseille"],
    ["United States", "New York"],
    ["France", "Nice"],
    ["France", "Paris"],
    ["France", "Saint-Étienne"],
    ["United States", "San Antonio"],
    ["United States", "San Diego"],
    ["United States", "San Francisco"],
    ["United States", "San Jose"],
];

fn retail() -> World {
    World::new()
        .restriction("paris-only", json!([{"table": "Shops", "column": "City", "equals": "Paris"}]))
        .restriction("france-only", json!([{"table": "Shops", "column": "Country", "equals": "France"}]))
        .role("paris", json!({"roleName": "ROLE_PARIS", "mappedFrom": ["paris"], "restrictions": ["paris-only"]}))
        .role("france", json!({"roleName": "ROLE_FRANCE", "mappedFrom": ["france"], "restrictions": ["france-only"]}))
}

fn cities(user: &str, provider_roles: &[&str]) -> Result<Vec<&'static str>, Refusal> {
    let resolved = retail().provider_user(user, provider_roles)?;
    let columns = ["Shops/Country", "Shops/City"];
    let model = model("Sales", &[("Sales", &["Shop"]), ("Shops", &["Country", "City"])], &[&columns]);
    let bound = BoundAccess::bind(&retail().compile().snapshot.access, &model);
    let visibility = bound.visibility("Sales", &resolved.rights)?;
    Ok(CITIES.iter().filter(|values| sees(&visibility, &row(&columns, *values))).map(|values| values[1]).collect())
}

#[test]
fn the_global_user_sees_all_cities() {
    assert_eq!(cities("global-user", &["atoti"]).unwrap().len(), 13);
}

#[test]
fn the_french_user_sees_the_five_cities_of_france() {
    let seen = cities("french-user", &["france", "atoti"]).unwrap();
    assert_eq!(seen, ["Lyon", "Marseille", "Nice", "Paris", "Saint-Étienne"]);
}

#[test]
fn the_parisian_user_sees_paris() {
    assert_eq!(cities("parisian-user", &["paris", "atoti"]).unwrap(), ["Paris"]);
}

#[test]
fn a_user_whose_provider_role_the_mapping_does_not_know_is_refused() {
    assert_eq!(cities("global-user", &["user"]), Err(Refusal::NoAccess));
}
