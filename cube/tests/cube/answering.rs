//! Queries and their answers.

use cubegate_cube::{Budget, ColumnType, Query, QueryError, limits::QueryLimits};
use serde_json::json;

use crate::fixture::{by_city, column_names, cube, is_in, retail, rows};

#[test]
fn members_are_ordered_by_code_point_and_missing_shops_are_kept() {
    assert_eq!(
        retail().build().ask(by_city()),
        json!([["N/A", 7.0], ["Paris", 3.0], ["Saint-Étienne", 2.0], ["San Antonio", 5.0]])
    );
}

#[test]
fn numbers_and_dates_are_ordered_as_such_with_the_missing_last() {
    let cube = cube().table("T", &["n"], "n,d,b,x\n10,2021-02-01,true,1\n9,1999-12-31,false,1\n-1,,,1\n").build();
    assert_eq!(cube.ask(json!({"levels": ["n"]})), json!([[-1], [9], [10]]));
    assert_eq!(cube.ask(json!({"levels": ["d"]})), json!([["1999-12-31"], ["2021-02-01"], ["N/A"]]));
    assert_eq!(cube.ask(json!({"levels": ["b"]})), json!([[false], [true], ["N/A"]]));
}

#[test]
fn the_json_of_an_answer_is_as_documented() {
    let query =
        json!({"measures": ["Quantity.SUM", "contributors.COUNT"], "levels": ["City"], "limit": 1, "offset": 1});
    assert_eq!(
        retail().build().try_ask(query).unwrap().to_json(12),
        concat!(
            r#"{"columns":[{"name":"City","kind":"level","type":"string"},"#,
            r#"{"name":"Quantity.SUM","kind":"measure","type":"double"},"#,
            r#"{"name":"contributors.COUNT","kind":"measure","type":"int64"}],"#,
            r#""rows":[["Paris",3.0,1]],"policyRevision":12}"#
        )
    );
}

#[test]
fn the_csv_of_an_answer_quotes_what_needs_it_and_leaves_null_empty() {
    let cube =
        cube().table("T", &[], "a,x\n\"say \"\"hi\"\", you\",1.5\nplain,\n").typed("x", ColumnType::Double).build();
    let members = cube.try_ask(json!({"levels": ["a"], "totals": true, "limit": 2})).unwrap();
    assert_eq!(members.to_csv(), "a\r\n\"\"\r\nplain\r\n");
    let query = json!({"measures": ["x.SUM", "contributors.COUNT"], "levels": ["a"], "totals": true});
    assert_eq!(
        cube.try_ask(query).unwrap().to_csv(),
        "a,x.SUM,contributors.COUNT\r\n,1.5,2\r\nplain,,1\r\n\"say \"\"hi\"\", you\",1.5,1\r\n"
    );
}

#[test]
fn sums_and_means_ignore_nulls_and_rows_without_any_value_are_dropped() {
    let retail = retail().build();
    let query = json!({"measures": ["Quantity.SUM", "Quantity.MEAN"], "levels": ["Product", "Sale ID"]});
    assert_eq!(
        retail.ask(query),
        json!([["jam", 3, 5.0, 5.0], ["jam", 5, 7.0, 7.0], ["tea", 1, 2.0, 2.0], ["tea", 2, 3.0, 3.0]])
    );
    let query = json!({"measures": ["Quantity.SUM", "Quantity.MEAN", "contributors.COUNT"]});
    assert_eq!(retail.ask(query), json!([[17.0, 4.25, 5]]));
}

#[test]
fn totals_come_before_what_they_are_totals_of() {
    let retail = retail().hierarchy("Geography", &["Country", "City"]).without(&["City", "Country"]).build();
    let query = json!({"measures": ["contributors.COUNT"], "levels": ["City", "Product"], "totals": true});
    assert_eq!(
        retail.ask(query),
        json!([
            [null, null, null, 5],
            ["France", null, null, 2],
            ["France", "Paris", null, 1],
            ["France", "Paris", "tea", 1],
            ["France", "Saint-Étienne", null, 1],
            ["France", "Saint-Étienne", "tea", 1],
            ["N/A", null, null, 1],
            ["N/A", "N/A", null, 1],
            ["N/A", "N/A", "jam", 1],
            ["USA", null, null, 2],
            ["USA", "San Antonio", null, 2],
            ["USA", "San Antonio", "jam", 1],
            ["USA", "San Antonio", "tea", 1]
        ])
    );
}

#[test]
fn order_sorts_rows_and_with_totals_siblings() {
    let retail = retail().hierarchy("Geography", &["Country", "City"]).without(&["City", "Country"]).build();
    let order = json!([{"by": "Quantity.SUM", "direction": "desc"}]);
    let flat = json!({"measures": ["Quantity.SUM"], "levels": ["City"], "order": order});
    assert_eq!(
        retail.ask(flat),
        json!([
            ["N/A", "N/A", 7.0],
            ["USA", "San Antonio", 5.0],
            ["France", "Paris", 3.0],
            ["France", "Saint-Étienne", 2.0]
        ])
    );
    let order = json!([{"by": "Country", "direction": "desc"}, {"by": "Quantity.SUM"}]);
    let nested = json!({"measures": ["Quantity.SUM"], "levels": ["City"], "order": order, "totals": true, "limit": 7});
    assert_eq!(
        retail.ask(nested),
        json!([
            [null, null, 17.0],
            ["USA", null, 5.0],
            ["USA", "San Antonio", 5.0],
            ["N/A", null, 7.0],
            ["N/A", "N/A", 7.0],
            ["France", null, 5.0],
            ["France", "Saint-Étienne", 2.0]
        ])
    );
}

#[test]
fn nulls_are_last_in_both_directions() {
    let retail = retail().build();
    let ids = |direction: &str| {
        let order = json!([{"by": "Quantity.SUM", "direction": direction}]);
        let query = json!({"measures": ["Quantity.SUM", "contributors.COUNT"], "levels": ["Sale ID"], "order": order});
        let rows = retail.ask(query);
        rows.as_array().unwrap().iter().map(|row| row[0].as_i64().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(ids("asc"), [1, 2, 3, 5, 4]);
    assert_eq!(ids("desc"), [5, 3, 2, 1, 4]);
}

#[test]
fn a_filter_takes_any_level_and_values_by_its_type() {
    let retail = retail().build();
    let count = |filter: serde_json::Value| {
        let rows = retail.ask(json!({"measures": ["contributors.COUNT"], "filter": filter}));
        rows.get(0).map_or(0, |row| row[0].as_i64().unwrap())
    };
    assert_eq!(count(json!({"level": "Country", "equals": "France"})), 2);
    assert_eq!(count(json!({"level": "City", "in": ["Paris", "San Antonio", "Atlantis"]})), 3);
    assert_eq!(count(json!({"level": "Sale ID", "in": [1, "2", true, 9]})), 2);
    assert_eq!(count(json!({"level": "Date", "equals": "2021-01-03"})), 2);
    assert_eq!(count(json!({"level": "Date", "equals": "someday"})), 0);
    assert_eq!(count(json!({"level": "City", "equals": "N/A"})), 1);
    assert_eq!(count(json!({"level": "City", "in": []})), 0);
    assert_eq!(count(json!({"and": []})), 5);
    let both =
        json!({"and": [{"level": "Country", "equals": "USA"}, {"and": [{"level": "Product", "equals": "tea"}]}]});
    assert_eq!(count(both), 1);
}

#[test]
fn a_filter_on_a_level_finds_its_member_under_every_parent() {
    let text = "Country,City,x\nFrance,Paris,1\nUSA,Paris,2\nUSA,Austin,4\n";
    let cube = cube().table("T", &[], text).hierarchy("G", &["Country", "City"]).without(&["Country", "City"]).build();
    let query = json!({"measures": ["x.SUM"], "levels": ["Country"], "filter": {"level": "City", "equals": "Paris"}});
    assert_eq!(cube.ask(query), json!([["France", 1], ["USA", 2]]));
    assert_eq!(
        cube.ask(json!({"measures": ["x.SUM"], "levels": ["City"]})),
        json!([["France", "Paris", 1], ["USA", "Austin", 4], ["USA", "Paris", 2]])
    );
}

#[test]
fn a_hierarchy_is_grouped_once_where_it_is_first_named() {
    let retail = retail().hierarchy("Geography", &["Country", "City"]).without(&["City", "Country"]).build();
    let query = json!({"measures": ["contributors.COUNT"], "levels": ["Country", "Product", "Geography/City"]});
    assert_eq!(column_names(&retail.try_ask(query).unwrap()), ["Country", "City", "Product", "contributors.COUNT"]);
}

#[test]
fn ambiguous_levels_must_be_qualified_and_are_named_apart() {
    let retail = retail().hierarchy("Geography", &["Country", "City"]).build();
    assert_eq!(
        retail.refusal(by_city()),
        r#"the level "City" is ambiguous; write one of "City/City", "Geography/City""#
    );
    let query = json!({"measures": ["Quantity.SUM"], "levels": ["City/City", "Geography/City"]});
    let answer = retail.try_ask(query).unwrap();
    assert_eq!(column_names(&answer), ["City/City", "Country", "Geography/City", "Quantity.SUM"]);
    assert_eq!(rows(&answer)[1], json!(["Paris", "France", "Paris", 3.0]));
}

#[test]
fn columns_of_the_same_name_in_two_tables_make_two_hierarchies() {
    let cube = cube()
        .table("Sales", &[], "Shop,Name,x\ns1,first,1\n")
        .table("Shops", &["Shop"], "Shop,Name\ns1,corner\n")
        .join("Sales", "Shops", &[("Shop", "Shop")])
        .hierarchy("Names", &["Shops/Name", "Sales/Name"])
        .build();
    let names: Vec<&str> = cube.cube().schema().hierarchies.iter().map(|hierarchy| hierarchy.name.as_str()).collect();
    assert_eq!(names, ["Sales/Shop", "Sales/Name", "Shops/Shop", "Shops/Name", "Names"]);
    let answer = cube.try_ask(json!({"levels": ["Shops/Name", "Sales/Name"]})).unwrap();
    assert_eq!(column_names(&answer), ["Shops/Name", "Sales/Name"]);
    assert_eq!(rows(&answer), json!([["corner", "first"]]));
    let answer = cube.try_ask(json!({"levels": ["Names/Sales/Name"]})).unwrap();
    assert_eq!(column_names(&answer), ["Shops/Name", "Sales/Name"]);
}

#[test]
fn every_mistake_of_a_query_is_told_at_once_with_the_nearest_name() {
    let query =
        json!({"measures": ["quantity.sum"], "levels": ["Ctiy"], "filter": {"level": "Contry", "equals": "France"}});
    assert_eq!(
        retail().build().refusal(query),
        "there is no level \"Ctiy\"; did you mean \"City\"?; \
         there is no measure \"quantity.sum\"; did you mean \"Quantity.SUM\"?; \
         there is no level \"Contry\"; did you mean \"Country\"?"
    );
    assert!(retail().build().refusal(json!({})).contains("asks for nothing"));
    let order = json!({"measures": ["Quantity.SUM"], "levels": ["City"], "order": [{"by": "Country"}]});
    assert!(retail().build().refusal(order).contains(r#"no level of the query or measure "Country""#));
}

#[test]
fn a_query_of_the_wrong_shape_is_refused_with_the_right_shape() {
    let mistake = |text: &str| serde_json::from_str::<Query>(text).unwrap_err().to_string();
    assert!(mistake(r#"{"measure":[]}"#).contains("unknown field `measure`, expected one of `measures`"));
    assert!(mistake(r#"{"filter":{"level":"City"}}"#).contains("a filter is"));
    assert!(mistake(r#"{"filter":{"level":"City","equals":1,"in":[1]}}"#).contains("a filter is"));
    assert!(mistake(r#"{"filter":{"level":"City","measure":"x","equals":1}}"#).contains("a filter is"));
    assert!(
        mistake(r#"{"filter":{"level":"City","lessThen":1}}"#).contains("unknown field `lessThen`, expected one of")
    );
    assert!(
        mistake(r#"{"filter":{"level":"a","between":{"form":1}}}"#).contains("unknown field `form`, expected `from`")
    );
    assert!(mistake(r#"{"context":{"queryTimeLimit":"5"}}"#).contains("as in 250ms"));
    assert!(mistake(r#"{"filter":{"level":"City","equals":["Paris"]}}"#).contains("a string, a number or a boolean"));
    assert!(mistake(r#"{"order":[{"by":"City","direction":"up"}]}"#).contains("`asc` or `desc`"));
}

#[test]
fn a_query_can_be_written_back() {
    let written =
        r#"{"measures":["m"],"levels":[],"totals":false,"filter":{"and":[{"level":"a","in":["x",1,true]}]},"limit":3}"#;
    let query: Query = serde_json::from_str(written).unwrap();
    assert_eq!(serde_json::to_string(&query).unwrap(), written);
}

#[test]
fn sums_of_integers_stay_integers_until_they_leave_64_bits() {
    let text = format!("a,x\np,{max}\nq,{max}\nq,{min}\nr,1\n", max = i64::MAX, min = i64::MIN);
    let cube = cube().table("T", &[], text).build();
    let by_a = json!({"measures": ["x.SUM"], "levels": ["a"]});
    assert_eq!(cube.ask(by_a), json!([["p", i64::MAX], ["q", -1], ["r", 1]]));
    let over =
        json!({"measures": ["x.SUM"], "levels": ["a"], "filter": {"level": "a", "in": ["p", "r"]}, "totals": true});
    assert_eq!(cube.refusal(over), r#"a value of the measure "x.SUM" does not fit its type"#);
}

#[test]
fn too_large_a_query_is_refused_whole() {
    let cube = cube().table("T", &[], "a,x\np,1\n").build();
    assert!(cube.refusal(json!({"measures": vec!["x.SUM"; 300]})).contains("it may have 256"));
    let clauses = vec![json!({"level": "a", "equals": "p"}); 300];
    assert!(cube.refusal(json!({"measures": ["x.SUM"], "filter": {"and": clauses}})).contains("more than 256 clauses"));
}

#[test]
fn limits_count_what_is_visible_and_nothing_else() {
    let retail = retail().build();
    let french = retail.cube().mask(&[vec![vec![is_in("Shops", "Country", &["France"])]]]).unwrap();
    let query: Query =
        serde_json::from_value(json!({"measures": ["Quantity.SUM"], "levels": ["City"], "totals": true})).unwrap();
    let ask = |limits, mask| {
        retail
            .cube()
            .query_within(&query, mask, &Budget { limits, ..Budget::default() })
            .map(|answer| answer.row_count())
    };
    let limits = |cells_max, accumulators_max, rows_max| QueryLimits { cells_max, accumulators_max, rows_max };
    assert_eq!(ask(limits(2, 4, 3), &french), Ok(3));
    for (too_small, word) in
        [(limits(1, 4, 3), "combinations"), (limits(2, 3, 3), "intermediate values"), (limits(2, 4, 2), "rows")]
    {
        let refusal = ask(too_small, &french).unwrap_err();
        assert!(matches!(&refusal, QueryError::TooLarge(message) if message.contains(word)), "{refusal}");
    }
    assert!(ask(limits(2, 4, 3), &retail.everything()).is_err());
}
