//! What a mask shows and hides.

use cubegate_cube::{MaskError, PathTest, Paths, QueryError};
use serde_json::json;

use crate::fixture::{between, by_city, cube, is_in, path_in, retail};

#[test]
fn totals_are_of_visible_facts_only() {
    let french = [vec![vec![is_in("Shops", "Country", &["France"])]]];
    let query = json!({"measures": ["Quantity.SUM"], "levels": ["City"], "totals": true});
    assert_eq!(
        retail().build().ask_masked(&french, query),
        json!([[null, 5.0], ["Paris", 3.0], ["Saint-Étienne", 2.0]])
    );
}

#[test]
fn a_mask_can_speak_of_any_column_that_the_joins_reach() {
    let retail = retail().build();
    let cities = |leaf: PathTest| retail.ask_masked(&[vec![vec![leaf]]], by_city());
    assert_eq!(cities(is_in("Shops", "Staff", &["6"])), json!([["Paris", 3.0]]));
    assert_eq!(cities(is_in("Sales", "Unit price", &["1.50"])), json!([["Paris", 3.0], ["Saint-Étienne", 2.0]]));
    assert_eq!(cities(is_in("Sales", "Date", &["2021-01-02"])), json!([["San Antonio", 5.0]]));
    assert_eq!(cities(is_in("Sales", "Date", &["yesterday"])), json!([]));
    assert_eq!(
        retail.cube().mask(&[vec![vec![is_in("Shops", "Colour", &["red"])]]]).unwrap_err(),
        MaskError::Unreachable { cube: "Cube".into(), column: is_in("Shops", "Colour", &[]).columns[0].clone() }
    );
}

#[test]
fn missing_values_and_missing_rows_are_called_not_available() {
    let retail = retail().build();
    let ids = |leaf: PathTest| {
        let query = json!({"levels": ["Sale ID"]});
        retail.ask_masked(&[vec![vec![leaf]]], query)
    };
    assert_eq!(ids(is_in("Shops", "City", &["N/A"])), json!([[5]]));
    assert_eq!(ids(is_in("Shops", "Staff", &["N/A"])), json!([[5]]));
    assert_eq!(ids(is_in("Sales", "Quantity", &["N/A", "2"])), json!([[1], [4]]));
}

#[test]
fn what_is_excluded_hides_missing_values_too_and_everything_when_it_cannot_be_read() {
    let retail = retail().build();
    let ids = |column: &str, paths: Paths| {
        let excluded = PathTest { negated: true, paths, ..is_in("Sales", column, &[]) };
        retail.ask_masked(&[vec![vec![excluded]]], json!({"levels": ["Sale ID"]}))
    };
    let one_of = |values: &[&str]| is_in("", "", values).paths;
    assert_eq!(ids("Quantity", one_of(&["N/A"])), json!([[1], [2], [3], [5]]));
    assert_eq!(ids("Quantity", one_of(&["99"])), json!([[1], [2], [3], [5]]));
    assert_eq!(ids("Quantity", one_of(&["99", "many"])), json!([]));
    assert_eq!(ids("Date", between(&[], &["2021-01-01"])), json!([[3], [4], [5]]));
    assert_eq!(ids("Date", between(&[], &["yesterday"])), json!([]));
    assert_eq!(ids("Sale ID", between(&["2"], &["10"])), json!([[1]]));
    assert_eq!(ids("Sale ID", between(&["10"], &["2"])), json!([]));
    assert_eq!(ids("Date", between(&["2021-02-01"], &["2021-01-01"])), json!([]));
}

#[test]
fn a_range_of_timestamps_that_ends_with_a_date_holds_all_of_that_day() {
    let events =
        "ID,At\n1,2021-06-29T08:00:00Z\n2,2021-06-30T00:00:00Z\n3,2021-06-30T23:59:59.5Z\n4,2021-07-01T00:00:00Z\n";
    let events = cube().table("Events", &["ID"], events).build();
    let ids = |negated: bool| {
        let paths = between(&["2021-06-30"], &["2021-06-30"]);
        let test = PathTest { negated, paths, ..is_in("Events", "At", &[]) };
        events.ask_masked(&[vec![vec![test]]], json!({"levels": ["ID"]}))
    };
    assert_eq!(ids(false), json!([[2], [3]]));
    assert_eq!(ids(true), json!([[1], [4]]));
}

const PLACE: [(&str, &str); 2] = [("Shops", "Country"), ("Shops", "City")];

/// Facts by the numbers of their rows, of six: the fifth has no city, the sixth neither city nor country.
fn places(negated: bool, paths: Paths) -> Vec<u64> {
    let sales = "Sale,Shop\n1,a\n2,b\n3,c\n4,d\n5,e\n6,f\n";
    let shops = "Shop ID,Country,City\na,France,Lyon\nb,France,Paris\nc,USA,Austin\nd,USA,Paris\ne,France,\n";
    let built = cube().table("Sales", &["Sale"], sales).table("Shops", &["Shop ID"], shops);
    let built = built.join("Sales", "Shops", &[("Shop", "Shop ID")]).build();
    let test = PathTest { negated, paths, ..path_in(&PLACE, &[]) };
    let rows = built.ask_masked(&[vec![vec![test]]], json!({"levels": ["Sale"]}));
    rows.as_array().unwrap().iter().map(|row| row[0].as_u64().unwrap()).collect()
}

#[test]
fn a_path_stands_for_all_that_begins_with_it() {
    let places = |paths: &[&[&str]]| places(false, path_in(&PLACE, paths).paths);
    assert_eq!(places(&[&["France"]]), [1, 2, 5]);
    assert_eq!(places(&[&["France", "Paris"]]), [2]);
    assert_eq!(places(&[&["France", "Paris"], &["USA"], &["USA", "Austin"]]), [2, 3, 4]);
    assert_eq!(places(&[&["France", "N/A"]]), [5]);
    assert_eq!(places(&[&["N/A"]]), [6]);
    assert_eq!(places(&[&["France", "Paris", "Louvre"], &["Paris"]]), Vec::<u64>::new());
}

#[test]
fn a_range_of_paths_is_ordered_level_by_level_and_a_short_end_holds_all_below_it() {
    let places = |from: &[&str], to: &[&str]| places(false, between(from, to));
    assert_eq!(places(&["France", "Paris"], &["USA", "Austin"]), [2, 3]);
    assert_eq!(places(&["France", "M"], &["USA"]), [2, 3, 4]);
    assert_eq!(places(&["France"], &["France"]), [1, 2, 5], "the end does not look at the city");
    assert_eq!(places(&[], &["USA", "B"]), [1, 2, 3, 5]);
    assert_eq!(places(&["G"], &[]), [3, 4]);
    assert_eq!(places(&["USA"], &["France"]), Vec::<u64>::new());
}

#[test]
fn paths_that_are_excluded_hide_facts_that_lack_a_value_of_the_path() {
    assert_eq!(places(true, path_in(&PLACE, &[&["France", "Paris"]]).paths), [1, 3, 4]);
    assert_eq!(places(true, path_in(&PLACE, &[&["France"]]).paths), [3, 4]);
    assert_eq!(places(true, between(&["France", "Paris"], &["USA", "Austin"])), [1, 4]);
    assert_eq!(places(true, between(&["USA"], &["France"])), Vec::<u64>::new(), "what was meant is not known");
}

#[test]
fn levels_of_several_tables_make_a_path_too() {
    let retail = retail().build();
    let paths = |columns: &[(&str, &str)], negated: bool, paths: Paths| {
        let test = PathTest { negated, paths, ..path_in(columns, &[]) };
        retail.ask_masked(&[vec![vec![test]]], json!({"levels": ["Sale ID"]}))
    };
    let dated = [("Shops", "Country"), ("Sales", "Date")];
    assert_eq!(paths(&dated, false, path_in(&[], &[&["France", "2021-01-01"]]).paths), json!([[1], [2]]));
    assert_eq!(
        paths(&dated, true, path_in(&[], &[&["France", "soon"]]).paths),
        json!([]),
        "no date can be read from it"
    );
    assert_eq!(paths(&[], true, path_in(&[], &[]).paths), json!([]), "no column, no row");
}

#[test]
fn no_clause_shows_everything_and_an_empty_choice_nothing() {
    let retail = retail().build();
    assert_eq!(retail.cube().mask(&[]).unwrap().visible_count(), 5);
    assert_eq!(retail.cube().mask(&[vec![vec![]]]).unwrap().visible_count(), 5);
    assert_eq!(retail.cube().mask(&[vec![]]).unwrap().visible_count(), 0);
    assert_eq!(retail.cube().mask(&[vec![vec![is_in("Shops", "City", &[])]]]).unwrap().visible_count(), 0);
}

#[test]
fn a_mask_of_another_snapshot_is_refused() {
    let (old, new) = (retail().build(), retail().build());
    let query = serde_json::from_value(by_city()).unwrap();
    assert_eq!(new.cube().query(&query, &old.everything()).unwrap_err(), QueryError::ForeignMask);
}
