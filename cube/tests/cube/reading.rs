//! Rows as they are stored, member lists, and the picture of the tables.

use std::collections::BTreeSet;

use cubegate_cube::{Answer, Budget, MembersQuery, Model, QueryError, RowFilter, RowsQuery, Scalar, TableView, Test};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::fixture::{Built, column_names, is_in, retail, rows};

fn rows_query(query: Value) -> RowsQuery {
    serde_json::from_value(query).unwrap()
}

fn sales(built: &Built, query: Value) -> Answer {
    let table = built.model.table("Sales").unwrap();
    table.rows(&rows_query(query), &table.mask(&[]).unwrap(), &BTreeSet::new(), &Budget::default()).unwrap()
}

fn drill_through(built: &Built, query: Value) -> Result<Answer, QueryError> {
    built.cube().drill_through(&rows_query(query), &built.everything(), &Budget::default())
}

fn members(built: &Built, query: Value) -> Value {
    let query: MembersQuery = serde_json::from_value(query).unwrap();
    rows(&built.cube().members(&query, &built.everything(), &Budget::default()).unwrap())
}

#[test]
fn a_table_is_read_in_its_own_order_with_null_for_numbers_that_are_missing() {
    let built = retail().build();
    let answer = sales(&built, json!({}));
    assert_eq!(column_names(&answer), ["Sale ID", "Date", "Shop", "Product", "Quantity", "Unit price"]);
    assert_eq!(rows(&answer)[0], json!([1, "2021-01-01", "s1", "tea", 2.0, 1.5]));
    assert_eq!(rows(&answer)[3], json!([4, "2021-01-03", "s3", "tea", null, 0.2]));
    let written = answer.to_json(7);
    assert!(written.contains(r#"{"name":"Sale ID","kind":"column","type":"int64"}"#), "{written}");
}

#[test]
fn drill_through_brings_the_joined_columns_and_names_the_missing_ones() {
    let built = retail().build();
    let answer = drill_through(&built, json!({"columns": ["Sale ID", "Shops/City", "Staff"]})).unwrap();
    assert_eq!(column_names(&answer), ["Sale ID", "City", "Staff"]);
    assert_eq!(rows(&answer)[4], json!([5, "N/A", null]));
    let all = drill_through(&built, json!({})).unwrap();
    assert_eq!(column_names(&all).len(), 10);
}

#[test]
fn rows_are_chosen_by_any_column_in_reach_and_cut_by_offset_and_limit() {
    let built = retail().build();
    let ids = |query: Value| -> Vec<Value> {
        let mut query = query;
        query["columns"] = json!(["Sale ID"]);
        rows(&sales(&built, query)).as_array().unwrap().iter().map(|row| row[0].clone()).collect()
    };
    assert_eq!(ids(json!({"filter": {"column": "Shops/Country", "equals": "France"}})), [1, 2]);
    assert_eq!(ids(json!({"filter": {"column": "City", "equals": null}})), [5]);
    assert_eq!(ids(json!({"filter": {"column": "Quantity", "equals": null}})), [4]);
    assert_eq!(ids(json!({"filter": {"not": {"column": "Quantity", "atLeast": 3}}})), [1, 4]);
    assert_eq!(ids(json!({"filter": {"column": "Quantity", "between": {"from": 3, "to": "5.0"}}})), [2, 3]);
    assert_eq!(ids(json!({"filter": {"column": "Date", "greaterThan": "2021-01-01"}})), [3, 4, 5]);
    assert_eq!(ids(json!({"filter": {"column": "City", "lessThan": "Z"}})), [1, 2, 3, 4], "N/A is in no order");
    assert_eq!(ids(json!({"offset": 1, "limit": 2})), [2, 3]);
    assert_eq!(ids(json!({"filter": {"column": "Product", "in": ["tea"]}, "offset": 1})), [2, 4]);
    assert_eq!(ids(json!({"limit": 0})), Vec::<Value>::new());
    assert_eq!(ids(json!({"offset": u64::MAX})), Vec::<Value>::new());
}

#[test]
fn a_mask_hides_rows_of_tables_as_it_hides_facts_of_cubes() {
    let built = retail().build();
    let france = [vec![vec![is_in("Shops", "Country", &["France"])]]];
    let only_id = rows_query(json!({"columns": ["Sale ID"]}));
    let table = built.model.table("Sales").unwrap();
    let mask = table.mask(&france).unwrap();
    assert_eq!(rows(&table.rows(&only_id, &mask, &BTreeSet::new(), &Budget::default()).unwrap()), json!([[1], [2]]));
    let cube_mask = built.cube().mask(&france).unwrap();
    let drilled = built.cube().drill_through(&only_id, &cube_mask, &Budget::default()).unwrap();
    assert_eq!(rows(&drilled), json!([[1], [2]]));
    let shops = built.model.table("Shops").unwrap();
    let city = rows_query(json!({"columns": ["City"]}));
    let shown = shops.rows(&city, &shops.mask(&france).unwrap(), &BTreeSet::new(), &Budget::default()).unwrap();
    assert_eq!(rows(&shown), json!([["Saint-Étienne"], ["Paris"]]));
    assert!(shops.mask(&[vec![vec![is_in("Sales", "Product", &["tea"])]]]).is_err(), "no join leads back");
    assert_eq!(
        table.rows(&only_id, &cube_mask, &BTreeSet::new(), &Budget::default()).unwrap_err(),
        QueryError::ForeignMask
    );
}

#[test]
fn what_cannot_be_read_is_said_with_the_nearest_name() {
    let built = retail().build();
    let refusal = |query: Value| drill_through(&built, query).unwrap_err();
    assert!(refusal(json!({"columns": ["Citi"]})).to_string().contains("did you mean \"City\""));
    assert!(refusal(json!({"filter": {"column": "Citi", "equals": 1}})).to_string().contains("did you mean \"City\""));
    assert!(matches!(refusal(json!({"limit": 1_000_001})), QueryError::TooLarge(_)));
    let clauses: Vec<Value> = (0..256).map(|_| json!({"column": "City", "equals": 1})).collect();
    assert!(matches!(refusal(json!({"filter": {"or": clauses}})), QueryError::TooLarge(_)));
    for wrong in [
        json!({"column": "City"}),
        json!({"level": "City", "equals": 1}),
        json!({"column": "City", "level": "City", "equals": 1}),
        json!({"column": "City", "equals": 1, "in": []}),
        json!({"and": [], "or": []}),
        json!({"and": [{"measure": "contributors.COUNT", "equals": 1}]}),
        json!({}),
    ] {
        assert!(serde_json::from_value::<RowFilter>(wrong.clone()).is_err(), "{wrong}");
    }
}

#[test]
fn reading_stops_when_it_is_told_to() {
    let built = retail().build();
    let budget = Budget { interrupted: &|| true, ..Budget::default() };
    let stopped = built.cube().drill_through(&RowsQuery::default(), &built.everything(), &budget);
    assert_eq!(stopped.unwrap_err(), QueryError::Interrupted);
}

#[test]
fn members_are_listed_with_their_ancestors_and_found_in_whatever_case() {
    let built = retail().hierarchy("Geography", &["Country", "City"]).build();
    let level = "Geography/City";
    let all = json!([["France", "Paris"], ["France", "Saint-Étienne"], ["N/A", "N/A"], ["USA", "San Antonio"]]);
    assert_eq!(members(&built, json!({"level": level})), all);
    let found = members(&built, json!({"level": level, "search": "SA"}));
    assert_eq!(found, json!([["France", "Saint-Étienne"], ["USA", "San Antonio"]]));
    assert_eq!(members(&built, json!({"level": level, "search": "étienne"})), json!([["France", "Saint-Étienne"]]));
    assert_eq!(members(&built, json!({"level": level, "offset": 1, "limit": 1})), json!([all[1]]));
    assert_eq!(members(&built, json!({"level": "Date", "search": "01-02"})), json!([["2021-01-02"]]));
}

#[test]
fn a_member_without_a_visible_fact_is_in_no_list() {
    let built = retail().build();
    let mask = built.cube().mask(&[vec![vec![is_in("Sales", "Product", &["jam"])]]]).unwrap();
    let query = MembersQuery { level: "Shop".into(), ..MembersQuery::default() };
    let listed = built.cube().members(&query, &mask, &Budget::default()).unwrap();
    assert_eq!(rows(&listed), json!([["nowhere"], ["s3"]]));
}

#[test]
fn the_picture_of_the_tables_has_those_that_are_shown_and_the_joins_between_them() {
    let model: Model = retail().try_build().unwrap();
    let expected = "erDiagram\n  \
        \"Sales\" {\n    \
        _ int64 PK \"Sale ID\"\n    nullable date \"Date\"\n    _ string \"Shop\"\n    _ string \"Product\"\n    \
        nullable double \"Quantity\"\n    nullable double \"Unit price\"\n  }\n  \
        \"Shops\" {\n    \
        _ string PK \"Shop ID\"\n    _ string \"City\"\n    _ string \"Country\"\n    nullable int64 \"Staff\"\n  }\n  \
        \"Sales\" }o--o| \"Shops\" : \"`Shop` == `Shop ID`\"\n";
    assert_eq!(model.mermaid(model.tables().map(TableView::schema)), expected);
    let one = model.mermaid(model.table("Sales").map(TableView::schema));
    assert!(one.contains("\"Sales\" {") && !one.contains("Shops"), "{one}");
}

fn scalar() -> impl Strategy<Value = Scalar> {
    prop_oneof![
        prop::sample::select(vec!["tea", "jam", "Paris", "2021-01-02", "0.2", "x", "N/A"])
            .prop_map(|text| Scalar::Text(text.into())),
        (0..8_i64).prop_map(|number| Scalar::Number(number.into())),
        prop::sample::select(vec![1.5, 2.5])
            .prop_map(|number| Scalar::Number(serde_json::Number::from_f64(number).unwrap())),
        any::<bool>().prop_map(Scalar::Bool),
    ]
}

fn test() -> impl Strategy<Value = Test> {
    prop_oneof![
        prop::collection::vec(prop::option::of(scalar()), 0..3).prop_map(Test::In),
        (prop::option::of(scalar()), prop::option::of(scalar())).prop_map(|(from, to)| Test::Between { from, to }),
        scalar().prop_map(Test::LessThan),
        scalar().prop_map(Test::AtMost),
        scalar().prop_map(Test::GreaterThan),
        scalar().prop_map(Test::AtLeast),
    ]
}

fn filter() -> impl Strategy<Value = RowFilter> {
    let columns = vec!["Sale ID", "Date", "Product", "Quantity", "Unit price", "City", "Staff"];
    let leaf = (prop::sample::select(columns), test())
        .prop_map(|(column, test)| RowFilter::Column { column: column.into(), test });
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(RowFilter::And),
            prop::collection::vec(inner.clone(), 0..3).prop_map(RowFilter::Or),
            inner.prop_map(|filter| RowFilter::Not(Box::new(filter))),
        ]
    })
}

/// What a filter says of a row that is written out.
fn naively(filter: &RowFilter, names: &[&str], row: &[Value]) -> bool {
    match filter {
        RowFilter::And(filters) => filters.iter().all(|filter| naively(filter, names, row)),
        RowFilter::Or(filters) => filters.iter().any(|filter| naively(filter, names, row)),
        RowFilter::Not(filter) => !naively(filter, names, row),
        RowFilter::Column { column, test } => {
            let value = &row[names.iter().position(|name| name == column).unwrap()];
            naively_tested(test, value)
        }
    }
}

fn naively_tested(test: &Test, value: &Value) -> bool {
    use std::cmp::Ordering;
    let is_missing = value.is_null() || value == "N/A";
    let order = |scalar: &Scalar| -> Option<Ordering> {
        let written = match scalar {
            Scalar::Text(value) => value.clone(),
            Scalar::Number(number) => number.to_string(),
            Scalar::Bool(value) => value.to_string(),
        };
        match value {
            Value::Number(number) => number.as_f64().unwrap().partial_cmp(&written.parse::<f64>().ok()?),
            // A date is compared with dates only.
            Value::String(own) if own.starts_with("2021-") && !written.starts_with("2021-") => None,
            Value::String(own) => Some(own.cmp(&written)),
            _ => None,
        }
    };
    let is = |scalar: &Scalar, wanted: &[Ordering]| !is_missing && order(scalar).is_some_and(|o| wanted.contains(&o));
    let (less, equal, greater) = (Ordering::Less, Ordering::Equal, Ordering::Greater);
    match test {
        Test::In(values) => values.iter().any(|wanted| match wanted {
            None => is_missing,
            Some(Scalar::Text(sought)) if sought == "N/A" => value == "N/A",
            Some(scalar) => is(scalar, &[equal]),
        }),
        Test::Between { from, to } => {
            !is_missing
                && from.as_ref().is_none_or(|from| is(from, &[equal, greater]))
                && to.as_ref().is_none_or(|to| is(to, &[less, equal]))
        }
        Test::LessThan(scalar) => is(scalar, &[less]),
        Test::AtMost(scalar) => is(scalar, &[less, equal]),
        Test::GreaterThan(scalar) => is(scalar, &[greater]),
        Test::AtLeast(scalar) => is(scalar, &[equal, greater]),
    }
}

proptest! {
    #[test]
    fn rows_are_those_that_the_filter_says(filter in filter()) {
        let built = retail().build();
        let everything = drill_through(&built, json!({})).unwrap();
        let names = column_names(&everything);
        let all = rows(&everything);
        let expected: Vec<&Value> =
            all.as_array().unwrap().iter().filter(|row| naively(&filter, &names, row.as_array().unwrap())).collect();
        let query = RowsQuery { filter: Some(filter), ..RowsQuery::default() };
        let found = built.cube().drill_through(&query, &built.everything(), &Budget::default()).unwrap();
        prop_assert_eq!(rows(&found), json!(expected));
    }

    #[test]
    fn a_filter_of_rows_reads_as_it_is_written(filter in filter()) {
        let written = serde_json::to_string(&filter).unwrap();
        prop_assert_eq!(serde_json::from_str::<RowFilter>(&written).unwrap(), filter);
    }
}
