//! What a mask shows and hides.

use cubegate_cube::{ColumnTest, MaskError, QueryError, Values};
use serde_json::json;

use crate::fixture::{by_city, cube, is_in, retail};

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
    let cities = |leaf: ColumnTest| retail.ask_masked(&[vec![vec![leaf]]], by_city());
    assert_eq!(cities(is_in("Shops", "Staff", &["6"])), json!([["Paris", 3.0]]));
    assert_eq!(cities(is_in("Sales", "Unit price", &["1.50"])), json!([["Paris", 3.0], ["Saint-Étienne", 2.0]]));
    assert_eq!(cities(is_in("Sales", "Date", &["2021-01-02"])), json!([["San Antonio", 5.0]]));
    assert_eq!(cities(is_in("Sales", "Date", &["yesterday"])), json!([]));
    assert_eq!(
        retail.cube().mask(&[vec![vec![is_in("Shops", "Colour", &["red"])]]]).unwrap_err(),
        MaskError::Unreachable { cube: "Cube".into(), column: is_in("Shops", "Colour", &[]).column }
    );
}

#[test]
fn missing_values_and_missing_rows_are_called_not_available() {
    let retail = retail().build();
    let ids = |leaf: ColumnTest| {
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
    let ids = |column: &str, values: Values| {
        let excluded = ColumnTest { negated: true, values, ..is_in("Sales", column, &[]) };
        retail.ask_masked(&[vec![vec![excluded]]], json!({"levels": ["Sale ID"]}))
    };
    let one_of = |values: &[&str]| Values::In(values.iter().map(|value| (*value).to_owned()).collect());
    assert_eq!(ids("Quantity", one_of(&["N/A"])), json!([[1], [2], [3], [5]]));
    assert_eq!(ids("Quantity", one_of(&["99"])), json!([[1], [2], [3], [5]]));
    assert_eq!(ids("Quantity", one_of(&["99", "many"])), json!([]));
    let until = |to: &str| Values::Between { from: None, to: Some(to.to_owned()) };
    assert_eq!(ids("Date", until("2021-01-01")), json!([[3], [4], [5]]));
    assert_eq!(ids("Date", until("yesterday")), json!([]));
    let between = |from: &str, to: &str| Values::Between { from: Some(from.to_owned()), to: Some(to.to_owned()) };
    assert_eq!(ids("Sale ID", between("2", "10")), json!([[1]]));
    assert_eq!(ids("Sale ID", between("10", "2")), json!([]));
    assert_eq!(ids("Date", between("2021-02-01", "2021-01-01")), json!([]));
}

#[test]
fn a_range_of_timestamps_that_ends_with_a_date_holds_all_of_that_day() {
    let events =
        "ID,At\n1,2021-06-29T08:00:00Z\n2,2021-06-30T00:00:00Z\n3,2021-06-30T23:59:59.5Z\n4,2021-07-01T00:00:00Z\n";
    let events = cube().table("Events", &["ID"], events).build();
    let ids = |negated: bool| {
        let values = Values::Between { from: Some("2021-06-30".to_owned()), to: Some("2021-06-30".to_owned()) };
        let test = ColumnTest { negated, values, ..is_in("Events", "At", &[]) };
        events.ask_masked(&[vec![vec![test]]], json!({"levels": ["ID"]}))
    };
    assert_eq!(ids(false), json!([[2], [3]]));
    assert_eq!(ids(true), json!([[1], [4]]));
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
