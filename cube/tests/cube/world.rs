//! The story of six countries: what the holders of a few roles see.

use cubegate_cube::PathTest;
use serde_json::{Value, json};

use crate::fixture::{Built, column_names, cube, is_in};

fn world() -> Built {
    let rows = "Continent,Country,Currency\n\
        Europe,Sweden,SEK\nAsia,Korea,KRW\nEurope,France,EUR\nAsia,Japan,JPY\nEurope,Norway,NOK\nEurope,Germany,EUR\n";
    cube()
        .table("World", &["Continent", "Country", "Currency"], rows)
        .hierarchy("Geography", &["Continent", "Country"])
        .without(&["Continent", "Country"])
        .build()
}

fn country(names: &[&str]) -> Vec<PathTest> {
    vec![is_in("World", "Country", names)]
}

fn asia() -> Vec<PathTest> {
    vec![is_in("World", "Continent", &["Asia"])]
}

fn eur() -> Vec<Vec<PathTest>> {
    vec![vec![is_in("World", "Currency", &["EUR"])]]
}

fn by_country() -> Value {
    json!({"measures": ["contributors.COUNT"], "levels": ["Country"]})
}

#[test]
fn without_a_restriction_all_countries_are_there_with_their_continent() {
    let world = world();
    let answer = world.try_ask(by_country()).unwrap();
    assert_eq!(column_names(&answer), ["Continent", "Country", "contributors.COUNT"]);
    assert_eq!(
        world.ask(by_country()),
        json!([
            ["Asia", "Japan", 1],
            ["Asia", "Korea", 1],
            ["Europe", "France", 1],
            ["Europe", "Germany", 1],
            ["Europe", "Norway", 1],
            ["Europe", "Sweden", 1]
        ])
    );
}

#[test]
fn roles_on_one_hierarchy_add_up_and_a_role_on_another_cuts() {
    let world = world();
    let see = |all_of: &[Vec<Vec<PathTest>>]| -> Vec<String> {
        let rows = world.ask_masked(all_of, by_country());
        rows.as_array().unwrap().iter().map(|row| row[1].as_str().unwrap().to_owned()).collect()
    };
    let mut geography = vec![country(&["France"])];
    assert_eq!(see(&[geography.clone()]), ["France"]);
    geography.push(country(&["Germany"]));
    assert_eq!(see(&[geography.clone()]), ["France", "Germany"]);
    geography.push(country(&["Norway", "Sweden"]));
    assert_eq!(see(&[geography.clone()]), ["France", "Germany", "Norway", "Sweden"]);
    geography.push(asia());
    assert_eq!(see(&[geography.clone()]), ["Japan", "Korea", "France", "Germany", "Norway", "Sweden"]);

    let by_currency = json!({"measures": ["contributors.COUNT"], "levels": ["Country", "Currency"]});
    assert_eq!(
        world.ask_masked(&[geography, eur()], by_currency),
        json!([["Europe", "France", "EUR", 1], ["Europe", "Germany", "EUR", 1]])
    );
}

#[test]
fn when_nothing_is_visible_the_columns_stay() {
    let world = world();
    let mask = world.cube().mask(&[vec![country(&["Norway", "Sweden"]), asia()], eur()]).unwrap();
    assert_eq!(mask.visible_count(), 0);
    for levels in [json!(["Country", "Currency"]), json!([])] {
        for totals in [true, false] {
            let query = json!({"measures": ["contributors.COUNT"], "levels": levels, "totals": totals});
            let answer = world.cube().query(&serde_json::from_value(query).unwrap(), &mask).unwrap();
            assert_eq!(answer.row_count(), 0);
            assert_eq!(answer.columns().len(), if levels == json!([]) { 1 } else { 4 });
        }
    }
}

#[test]
fn lines_of_one_role_intersect() {
    let world = world();
    let both = |name: &str| vec![vec![[asia(), country(&[name])].concat()]];
    assert_eq!(world.ask_masked(&both("Japan"), by_country()), json!([["Asia", "Japan", 1]]));
    assert_eq!(world.ask_masked(&both("France"), by_country()), json!([]));
}

#[test]
fn a_value_that_exists_nowhere_is_neutral_in_a_union() {
    let world = world();
    let restricted = vec![vec![country(&["Atlantis"]), country(&["France"])]];
    assert_eq!(world.ask_masked(&restricted, by_country()), json!([["Europe", "France", 1]]));
}
