//! Queries that are too large, too deep or interrupted: an error and never part of an answer.

use std::sync::atomic::{AtomicUsize, Ordering};

use cubegate_cube::{
    Budget, Filter, MeasureDefinition, MeasureFormula, Query, QueryError, Scalar, Test,
    limits::{QueryLimits, SUM_PRODUCT_COLUMNS_MAX},
};
use serde_json::{Value, json};

use crate::fixture::{Built, cube, is_in};

fn query(value: &Value) -> Query {
    serde_json::from_value(value.clone()).unwrap()
}

/// Facts with three members of one level for each of the other, and a measure of each kind that needs other groupings.
fn many(rows: u32) -> Built {
    let text = (0..rows)
        .fold(String::from("a,b,x\n"), |text, row| text + &format!("a{},b{},{}\n", row / 3 % 100, row % 300, row % 11));
    let measure = |name: &str, kind| MeasureDefinition { name: name.to_owned(), kind };
    let of = || "x.SUM".to_owned();
    cube()
        .table("Facts", &[], text)
        .hierarchy("H", &["a", "b"])
        .measure(measure("median", MeasureFormula::Median("x".to_owned())))
        .measure(measure("share", MeasureFormula::ShareOfParent { measure: of(), hierarchy: "H".to_owned() }))
        .measure(measure("running", MeasureFormula::RunningTotal { measure: of(), level: "H/a".to_owned() }))
        .measure(measure("before", MeasureFormula::PreviousMember { measure: of(), level: "H/b".to_owned() }))
        .build()
}

fn everything() -> Value {
    json!({
        "measures": ["x.SUM", "median", "share", "running", "before"],
        "levels": ["H/b"],
        "totals": true,
        "filter": {"and": [{"level": "H/a", "atLeast": "a1"}, {"measure": "x.SUM", "atLeast": 0}]},
        "order": [{"by": "x.SUM"}],
    })
}

#[test]
fn a_query_that_is_interrupted_at_any_moment_has_no_answer_and_the_next_one_has_it_whole() {
    let built = many(200_000);
    let (query, mask) = (query(&everything()), built.everything());
    let within = |last: usize| {
        let asked = AtomicUsize::new(0);
        let interrupted = || asked.fetch_add(1, Ordering::Relaxed) >= last;
        let answer =
            built.cube().query_within(&query, &mask, &Budget { interrupted: &interrupted, ..Budget::default() });
        (answer.map(|answer| answer.to_json(1)), asked.load(Ordering::Relaxed))
    };
    let (expected, times) = within(usize::MAX);
    assert!(times >= 200_000 / (1 << 16), "asked {times} times for several morsels and what follows them");
    for last in 0..times.min(50) {
        assert_eq!(within(last).0, Err(QueryError::Interrupted), "at the {last}th of {times} times");
    }
    assert_eq!(within(usize::MAX).0, expected);
}

#[test]
fn combinations_beyond_a_budget_are_refused_by_what_is_visible_at_all_depths() {
    let built = many(3000);
    let query = query(&json!({"measures": ["x.SUM"], "levels": ["H/b"], "totals": true}));
    let within = |mask, cells_max| {
        let limits = QueryLimits { cells_max, ..QueryLimits::default() };
        built
            .cube()
            .query_within(&query, mask, &Budget { limits, ..Budget::default() })
            .map(|answer| answer.row_count())
    };
    let all = built.everything();
    assert_eq!(within(&all, 300), Ok(401));
    assert!(matches!(within(&all, 299), Err(QueryError::TooLarge(_))));
    let few = built.cube().mask(&[vec![vec![is_in("Facts", "a", &["a7"])]]]).unwrap();
    assert_eq!(within(&few, 3), Ok(5));
    assert!(matches!(within(&few, 2), Err(QueryError::TooLarge(_))));
    let in_total = |total| {
        let mut query = query.clone();
        query.context.result_limit.total = Some(total);
        built.cube().query(&query, &few).map(|answer| answer.row_count())
    };
    assert_eq!(in_total(5), Ok(5));
    assert!(matches!(in_total(4), Err(QueryError::TooLarge(_))));
}

/// Rows of the largest integer.
fn largest(rows: usize) -> Built {
    let row = format!("a,{0},{0},{0},{0}\n", i64::MAX);
    let text = format!("part,x,y,z,w\nb,1,1,1,1\n{}", row.repeat(rows));
    let product =
        |columns: &[&str]| MeasureFormula::SumProduct(columns.iter().map(|name| (*name).to_owned()).collect());
    let measure = |name: &str, kind| MeasureDefinition { name: name.to_owned(), kind };
    cube()
        .table("Facts", &[], text)
        .measure(measure("two", product(&["x", "y"])))
        .measure(measure("most", product(&["x", "y", "z", "w"][..SUM_PRODUCT_COLUMNS_MAX])))
        .measure(measure("ratio", MeasureFormula::Expression("[x.SUM] / [y.SUM]".to_owned())))
        .build()
}

#[test]
fn sums_beyond_64_bits_are_refused_and_never_wrap() {
    let hidden = [vec![vec![is_in("Facts", "part", &["b"])]]];
    for rows in [1, 2, 3, 8, 100] {
        let built = largest(rows);
        for measure in ["x.SUM", "two", "most", "ratio"] {
            let asked = json!({"measures": [measure], "levels": ["part"]});
            let fits = rows == 1 && matches!(measure, "x.SUM" | "ratio");
            match built.try_ask(asked.clone()) {
                Ok(answer) => assert!(fits, "{measure} of {rows} rows is {}", answer.to_csv()),
                Err(error) => assert!(!fits && matches!(error, QueryError::TooLarge(_)), "{measure}: {error}"),
            }
            // What would not fit is not visible.
            assert_eq!(built.ask_masked(&hidden, asked)[0][0], json!("b"));
        }
        assert_eq!(built.ask(json!({"measures": ["x.MEAN"]})).as_array().unwrap().len(), 1);
    }
}

fn nested(depth: usize) -> String {
    let inner = r#"{"level":"part","equals":"b"}"#;
    let (before, after) = (r#"{"not":"#.repeat(depth), "}".repeat(depth));
    format!(r#"{{"measures":["x.SUM"],"filter":{before}{inner}{after}}}"#)
}

#[test]
fn a_filter_may_be_nested_so_deep_and_no_deeper() {
    let built = largest(1);
    let ask = |depth| {
        let query: Query = serde_json::from_str(&nested(depth)).map_err(|error| error.to_string())?;
        let answer = built.cube().query(&query, &built.everything()).map_err(|error| error.to_string())?;
        Ok::<String, String>(answer.to_csv())
    };
    assert_eq!(ask(0), ask(30));
    assert!(ask(40).unwrap_err().contains("nested more than"));
    for depth in [200, 10_000, 1_000_000] {
        assert!(ask(depth).unwrap_err().contains("recursion limit"), "{depth} deep");
    }
}

#[test]
fn a_filter_may_list_any_number_of_values_once_or_again() {
    let built = many(3000);
    let value = |number: u32| Some(Scalar::Text(format!("b{number}")));
    let values = (0..400_000).map(|number| value(number % 200_000)).chain([None]).collect();
    let filter = Filter::Level { level: "H/b".to_owned(), test: Test::In(values) };
    let measures = vec!["contributors.COUNT".to_owned()];
    let ask = |filter| {
        let query = Query { filter: Some(filter), measures: measures.clone(), ..Query::default() };
        built.cube().query(&query, &built.everything()).unwrap().to_csv()
    };
    assert_eq!(ask(filter.clone()), "contributors.COUNT\r\n3000\r\n");
    let other = Filter::Not(Box::new(filter));
    assert_eq!(ask(other), "contributors.COUNT\r\n");
}
