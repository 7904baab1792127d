//! Measures over measures, filters on them, and that none of it knows more than the mask shows.

use std::fmt::Write as _;

use cubegate_cube::{ColumnType, MeasureDefinition, MeasureFormula, QueryError, RatesDefinition};
use proptest::{prelude::*, sample::select};
use serde_json::{Value, json};

use crate::fixture::{Built, Fixture, cube, is_in};

fn measure(name: &str, kind: MeasureFormula) -> MeasureDefinition {
    MeasureDefinition { name: name.to_owned(), kind }
}

fn expression(name: &str, text: &str) -> MeasureDefinition {
    measure(name, MeasureFormula::Expression(text.to_owned()))
}

fn share(name: &str, of: &str, hierarchy: &str) -> MeasureDefinition {
    measure(name, MeasureFormula::ShareOfParent { measure: of.to_owned(), hierarchy: hierarchy.to_owned() })
}

fn running(name: &str, of: &str, level: &str) -> MeasureDefinition {
    measure(name, MeasureFormula::RunningTotal { measure: of.to_owned(), level: level.to_owned() })
}

fn previous(name: &str, of: &str, level: &str) -> MeasureDefinition {
    measure(name, MeasureFormula::PreviousMember { measure: of.to_owned(), level: level.to_owned() })
}

fn convert(name: &str, to: &str) -> MeasureDefinition {
    let rates = RatesDefinition { table: "Rates".into(), from: "From".into(), to: "To".into(), rate: "Rate".into() };
    let (sum, currency) = ("x".to_owned(), "Currency".to_owned());
    measure(name, MeasureFormula::Convert { sum, currency, rates, to: to.to_owned() })
}

/// Sales of two years: nothing in A's February, nothing at all in March 2021.
fn sales() -> Fixture {
    let rows = "Shop,Year,Month,x\n\
        A,2021,2021-01,1\n\
        B,2021,2021-01,10\n\
        B,2021,2021-02,20\n\
        A,2021,2021-04,2\n\
        B,2021,2021-04,\n\
        A,2022,2022-01,4\n\
        B,2022,2022-01,-30\n";
    cube()
        .table("Sales", &[], rows)
        .typed("Year", ColumnType::String)
        .typed("Month", ColumnType::String)
        .hierarchy("Time", &["Year", "Month"])
        .without(&["Year", "Month"])
}

#[test]
fn an_expression_is_null_where_an_operand_is_and_where_it_divides_by_zero() {
    let cube = cube()
        .table("T", &[], "a,x,y\np,6,4\nq,6,2\nr,,2\ns,6,\nt,0,0\n")
        .measure(expression("ratio", "[x.SUM] / ([y.SUM] - 2)"))
        .measure(expression("all", "-[x.SUM] × 0.5 + [y.SUM] − 1 ÷ 4"))
        .measure(expression("inverse of a null", "1 / (1 / ([y.SUM] - 2))"))
        .build();
    let query = json!({"measures": ["ratio", "all", "inverse of a null", "contributors.COUNT"], "levels": ["a"]});
    assert_eq!(
        cube.ask(query),
        json!([
            ["p", 3.0, 0.75, 2.0, 1],
            ["q", null, -1.25, null, 1],
            ["r", null, null, null, 1],
            ["s", null, null, null, 1],
            ["t", 0.0, -0.25, -2.0, 1]
        ])
    );
    assert_eq!(cube.ask(json!({"measures": ["ratio"], "levels": ["a"]})), json!([["p", 3.0], ["t", 0.0]]));
}

#[test]
fn an_expression_beyond_all_doubles_is_null_and_there_is_one_zero() {
    let cube = cube()
        .table("T", &[], "x\n0\n")
        .measure(expression("large", "1e200 * 1e200 + [x.SUM]"))
        .measure(expression("zero", "-[x.SUM]"))
        .build();
    assert_eq!(cube.ask(json!({"measures": ["large", "zero"]})), json!([[null, 0.0]]));
    assert!(cube.try_ask(json!({"measures": ["zero"]})).unwrap().to_json(0).contains("[[0.0]]"));
}

#[test]
fn expressions_are_over_any_measures_that_need_not_be_shown() {
    let cube = cube()
        .table("T", &[], "a,price\np,1.25\nq,2.75\n")
        .typed("price", ColumnType::Decimal { precision: 5, scale: 2 })
        .measure(expression("double", "[twice] + 0"))
        .measure(expression("twice", "2 * [price.SUM]"))
        .build();
    assert_eq!(cube.ask(json!({"measures": ["double"], "levels": ["a"]})), json!([["p", 2.5], ["q", 5.5]]));
    let types: Vec<ColumnType> = cube.cube().schema().measures.iter().map(|measure| measure.r#type).collect();
    let decimal = ColumnType::Decimal { precision: 38, scale: 2 };
    assert_eq!(types, [decimal, ColumnType::Double, ColumnType::Double, ColumnType::Double, ColumnType::Int64]);
}

#[test]
fn a_share_of_the_parent_is_of_the_level_above_at_each_depth() {
    let cube = sales().measure(share("share", "x.SUM", "Time")).build();
    let query = json!({"measures": ["x.SUM", "share"], "levels": ["Month"], "totals": true});
    assert_eq!(
        cube.ask(query),
        json!([
            [null, null, 7, 1.0],
            ["2021", null, 33, 33.0 / 7.0],
            ["2021", "2021-01", 11, 11.0 / 33.0],
            ["2021", "2021-02", 20, 20.0 / 33.0],
            ["2021", "2021-04", 2, 2.0 / 33.0],
            ["2022", null, -26, -26.0 / 7.0],
            ["2022", "2022-01", -26, 1.0]
        ])
    );
    // The parent of B's years is zero.
    let beside = json!({"measures": ["share"], "levels": ["Shop", "Year"]});
    assert_eq!(cube.ask(beside), json!([["A", "2021", 3.0 / 7.0], ["A", "2022", 4.0 / 7.0]]));
}

#[test]
fn where_a_row_has_no_member_of_the_hierarchy_its_share_is_one_unless_there_is_nothing() {
    let cube = sales().measure(share("share", "x.SUM", "Time")).build();
    assert_eq!(
        cube.ask(json!({"measures": ["share", "contributors.COUNT"], "levels": ["Shop"]})),
        json!([["A", 1.0, 3], ["B", 1.0, 4]])
    );
    let nothing = json!({"measures": ["share", "contributors.COUNT"], "levels": ["Shop"],
        "filter": {"and": [{"level": "Shop", "equals": "B"}, {"level": "Month", "equals": "2021-04"}]}});
    assert_eq!(cube.ask(nothing), json!([["B", null, 1]]));
}

#[test]
fn a_share_of_the_total_is_of_all_facts_that_the_filter_leaves() {
    let total = MeasureFormula::ShareOfTotal { measure: "x.SUM".into() };
    let cube = sales().measure(measure("share", total)).build();
    let query =
        |filter: Value| json!({"measures": ["share"], "levels": ["Year", "Shop"], "totals": true, "filter": filter});
    assert_eq!(
        cube.ask(query(json!({"level": "Month", "in": ["2021-01", "2021-02", "2022-01"], }))),
        json!([
            [null, null, 1.0],
            ["2021", null, 31.0 / 5.0],
            ["2021", "A", 1.0 / 5.0],
            ["2021", "B", 30.0 / 5.0],
            ["2022", null, -26.0 / 5.0],
            ["2022", "A", 4.0 / 5.0],
            ["2022", "B", -30.0 / 5.0]
        ])
    );
    assert_eq!(cube.ask(query(json!({"level": "Month", "equals": "2021-04"})))[2], json!(["2021", "A", 1.0]));
    let none = json!({"measures": ["share"], "filter": {"level": "Shop", "equals": "C"}});
    assert_eq!(cube.ask(none), json!([]));
}

#[test]
fn a_running_total_goes_on_over_ancestors_and_gaps() {
    let cube = sales().measure(running("so far", "x.SUM", "Month")).build();
    let query = json!({"measures": ["x.SUM", "so far"], "levels": ["Shop", "Month"], "totals": true});
    assert_eq!(
        cube.ask(query),
        json!([
            [null, null, null, 7, 7],
            ["A", null, null, 7, 7],
            ["A", "2021", null, 3, 3],
            ["A", "2021", "2021-01", 1, 1],
            ["A", "2021", "2021-04", 2, 3],
            ["A", "2022", null, 4, 4],
            ["A", "2022", "2022-01", 4, 7],
            ["B", null, null, 0, 0],
            ["B", "2021", null, 30, 30],
            ["B", "2021", "2021-01", 10, 10],
            ["B", "2021", "2021-02", 20, 30],
            ["B", "2021", "2021-04", null, 30],
            ["B", "2022", null, -30, -30],
            ["B", "2022", "2022-01", -30, 0]
        ])
    );
}

#[test]
fn a_running_total_keeps_other_coordinates_whatever_comes_first() {
    let cube = sales().measure(running("so far", "x.SUM", "Month")).measure(running("years", "x.SUM", "Year")).build();
    let query = json!({"measures": ["so far", "years"], "levels": ["Month", "Shop"]});
    assert_eq!(
        cube.ask(query),
        json!([
            ["2021", "2021-01", "A", 1, 3],
            ["2021", "2021-01", "B", 10, 30],
            ["2021", "2021-02", "B", 30, 30],
            ["2021", "2021-04", "A", 3, 3],
            ["2021", "2021-04", "B", 30, 30],
            ["2022", "2022-01", "A", 7, 7],
            ["2022", "2022-01", "B", 0, 0]
        ])
    );
}

#[test]
fn a_running_total_is_null_until_there_is_something_and_does_not_wrap() {
    let text = format!("d,x\n1,\n2,5\n3,{}\n", i64::MAX - 5);
    let cube = cube().table("T", &["d"], text).measure(running("so far", "x.SUM", "d")).build();
    let query = |to: u64| {
        json!({"measures": ["so far", "contributors.COUNT"], "levels": ["d"],
        "filter": {"level": "d", "atMost": to}})
    };
    assert_eq!(cube.ask(query(3)), json!([[1, null, 1], [2, 5, 1], [3, i64::MAX, 1]]));
    let text = format!("d,x\n1,1\n2,{}\n", i64::MAX);
    let cube = cube_with_running_total(text);
    assert_eq!(
        cube.try_ask(query(2)).unwrap_err(),
        QueryError::TooLarge("a value of the measure \"so far\" does not fit its type".into())
    );
}

fn cube_with_running_total(text: String) -> Built {
    cube().table("T", &["d"], text).measure(running("so far", "x.SUM", "d")).build()
}

#[test]
fn a_running_total_of_decimals_has_their_digits() {
    let cube = cube()
        .table("T", &["d"], "d,x\n1,0.10\n2,0.20\n")
        .typed("x", ColumnType::Decimal { precision: 5, scale: 2 })
        .measure(running("so far", "x.SUM", "d"))
        .build();
    let answer = cube.try_ask(json!({"measures": ["so far"], "levels": ["d"]})).unwrap();
    assert!(answer.to_json(0).contains("[[1,0.10],[2,0.30]]"), "{}", answer.to_json(0));
}

#[test]
fn the_previous_member_is_the_one_before_among_those_of_the_answer() {
    let cube = sales().measure(previous("before", "x.SUM", "Month")).build();
    let query = json!({"measures": ["x.SUM", "before"], "levels": ["Shop", "Month"]});
    assert_eq!(
        cube.ask(query),
        json!([
            ["A", "2021", "2021-01", 1, null],
            ["A", "2021", "2021-04", 2, null],
            ["A", "2022", "2022-01", 4, 2],
            ["B", "2021", "2021-01", 10, null],
            ["B", "2021", "2021-02", 20, 10],
            ["B", "2021", "2021-04", null, 20],
            ["B", "2022", "2022-01", -30, null]
        ])
    );
    let filtered = json!({"measures": ["x.SUM", "before"], "levels": ["Month"],
        "filter": {"level": "Month", "in": ["2021-01", "2021-04"]}, "totals": true});
    assert_eq!(
        cube.ask(filtered),
        json!([
            [null, null, 13, null],
            ["2021", null, 13, null],
            ["2021", "2021-01", 11, null],
            ["2021", "2021-04", 2, 11]
        ])
    );
}

#[test]
fn the_previous_member_of_a_date_measure_is_a_date() {
    let cube = cube()
        .table("T", &["k"], "k,d\n1,2021-01-05\n2,2021-01-03\n")
        .measure(measure("last", MeasureFormula::Max("d".into())))
        .measure(previous("before", "last", "k"))
        .build();
    let query = json!({"measures": ["last", "before"], "levels": ["k"]});
    assert_eq!(cube.ask(query), json!([[1, "2021-01-05", null], [2, "2021-01-03", "2021-01-05"]]));
    let late =
        json!({"measures": ["last"], "levels": ["k"], "filter": {"measure": "last", "greaterThan": "2021-01-04"}});
    assert_eq!(cube.ask(late), json!([[1, "2021-01-05"]]));
}

fn exchange() -> Fixture {
    let rows = "Shop,Currency,x\nA,USD,10\nA,EUR,5\nB,GBP,1\nC,,2\nD,CHF,\nD,USD,3\n";
    cube()
        .table("Sales", &[], rows)
        .table("Rates", &["From", "To"], "From,To,Rate\nUSD,EUR,0.5\nEUR,USD,2\nGBP,USD,1.25\nUSD,USD,1.5\nCHF,EUR,\n")
        .typed("Rate", ColumnType::Double)
        .measure(convert("amount", "EUR"))
}

#[test]
fn amounts_are_converted_to_the_currency_of_the_measure_or_of_the_query() {
    let cube = exchange().build();
    let query = |context: Value| json!({"measures": ["amount"], "levels": ["Shop"], "context": context});
    assert_eq!(cube.ask(query(json!({}))), json!([["A", 10.0], ["D", 1.5]]));
    // The table has a rate of a currency into itself, so that is what holds.
    assert_eq!(cube.ask(query(json!({"referenceCurrency": "USD"}))), json!([["A", 25.0], ["B", 1.25], ["D", 4.5]]));
    assert_eq!(cube.ask(query(json!({"referenceCurrency": "XXX"}))), json!([]));
}

#[test]
fn an_amount_in_a_currency_without_a_rate_makes_the_sum_null() {
    let cube = exchange().build();
    let of = |shops: &[&str]| {
        cube.ask(json!({"measures": ["amount", "contributors.COUNT"], "filter": {"level": "Shop", "in": shops}}))
    };
    assert_eq!(of(&["A"]), json!([[10.0, 2]]));
    assert_eq!(of(&["A", "B"]), json!([[null, 3]]));
    assert_eq!(of(&["A", "C"]), json!([[null, 3]]));
    let masked = cube.ask_masked(
        &[vec![vec![is_in("Sales", "Shop", &["A"])]]],
        json!({"measures": ["amount"], "levels": ["Shop"], "totals": true}),
    );
    assert_eq!(masked, json!([[null, 10.0], ["A", 10.0]]));
}

#[test]
fn levels_are_filtered_by_any_test_and_what_is_missing_only_by_name() {
    let cube = cube().table("T", &[], "a,d\np,2021-01-01\nq,2021-02-01\nN/A,\nr,2021-03-01\n").build();
    let members = |filter: Value| -> Vec<Value> {
        let rows = cube.ask(json!({"levels": ["a"], "filter": filter}));
        rows.as_array().unwrap().iter().map(|row| row[0].clone()).collect()
    };
    assert_eq!(members(json!({"level": "a", "between": {"from": "N", "to": "p"}})), ["p"]);
    assert_eq!(members(json!({"level": "a", "atLeast": "N/A"})), ["p", "q", "r"]);
    assert_eq!(members(json!({"level": "a", "equals": null})), ["N/A"]);
    assert_eq!(members(json!({"not": {"level": "a", "greaterThan": "p"}})), ["N/A", "p"]);
    assert_eq!(members(json!({"level": "d", "lessThan": "2021-02-01"})), ["p"]);
    assert_eq!(members(json!({"level": "d", "atMost": "2021-02-15"})), ["p", "q"]);
    assert_eq!(members(json!({"level": "d", "equals": null})), ["N/A"]);
    assert_eq!(members(json!({"level": "d", "between": {}})), ["p", "q", "r"]);
    assert_eq!(members(json!({"level": "d", "greaterThan": "soon"})), Vec::<Value>::new());
    assert_eq!(members(json!({"not": {"level": "d", "greaterThan": "soon"}})), ["N/A", "p", "q", "r"]);
    assert_eq!(members(json!({"or": []})), Vec::<Value>::new());
    assert_eq!(members(json!({"and": []})).len(), 4);
    let either = json!({"or": [{"level": "a", "equals": "q"}, {"level": "d", "atLeast": "2021-03-01"}]});
    assert_eq!(members(either), ["q", "r"]);
}

#[test]
fn numbers_are_numbers_however_they_are_written() {
    let cube = cube().table("T", &["n"], "n\n1\n2\n10\n").build();
    let members = |filter: Value| cube.ask(json!({"levels": ["n"], "filter": filter}));
    assert_eq!(members(json!({"level": "n", "atMost": 2.0})), json!([[1], [2]]));
    assert_eq!(members(json!({"level": "n", "lessThan": 2.5})), json!([[1], [2]]));
    assert_eq!(members(json!({"level": "n", "equals": 10.0})), json!([[10]]));
    assert_eq!(members(json!({"level": "n", "greaterThan": "1"})), json!([[2], [10]]));
}

#[test]
fn a_filter_on_a_measure_keeps_rows_and_their_totals_and_changes_no_value() {
    let cube = sales().build();
    let query =
        |filter: Value| json!({"measures": ["x.SUM"], "levels": ["Year", "Shop"], "totals": true, "filter": filter});
    assert_eq!(
        cube.ask(query(json!({"measure": "x.SUM", "greaterThan": 3}))),
        json!([[null, null, 7], ["2021", null, 33], ["2021", "B", 30], ["2022", null, -26], ["2022", "A", 4]])
    );
    assert_eq!(
        cube.ask(query(json!({"measure": "x.SUM", "between": {"from": 5, "to": 30}}))),
        json!([[null, null, 7], ["2021", null, 33], ["2021", "B", 30]])
    );
    assert_eq!(cube.ask(query(json!({"measure": "x.SUM", "greaterThan": 1000}))), json!([]));
    let joined = json!({"and": [{"level": "Year", "equals": "2021"}, {"measure": "x.SUM", "lessThan": 10}]});
    assert_eq!(cube.ask(query(joined)), json!([[null, null, 33], ["2021", null, 33], ["2021", "A", 3]]));
    let either = json!({"or": [{"level": "Shop", "equals": "A"}, {"measure": "x.SUM", "lessThan": 0}]});
    assert_eq!(
        cube.ask(query(either)),
        json!([
            [null, null, 7],
            ["2021", null, 33],
            ["2021", "A", 3],
            ["2022", null, -26],
            ["2022", "A", 4],
            ["2022", "B", -30]
        ])
    );
}

#[test]
fn null_passes_a_filter_on_a_measure_only_when_it_is_asked_for_or_denied_otherwise() {
    let cube = sales().build();
    let months = |filter: Value| {
        cube.ask(json!({"measures": ["contributors.COUNT"], "levels": ["Month"],
            "filter": {"and": [{"level": "Shop", "equals": "B"}, filter]}}))
    };
    assert_eq!(months(json!({"measure": "x.SUM", "equals": null})), json!([["2021", "2021-04", 1]]));
    assert_eq!(months(json!({"measure": "x.SUM", "greaterThan": 15})), json!([["2021", "2021-02", 1]]));
    assert_eq!(months(json!({"not": {"measure": "x.SUM", "greaterThan": -100}})), json!([["2021", "2021-04", 1]]));
}

#[test]
fn a_level_that_is_joined_with_a_measure_has_to_be_in_the_query() {
    let cube = sales().build();
    let filter = json!({"or": [{"level": "Shop", "equals": "A"}, {"measure": "x.SUM", "equals": 1}]});
    let refusal = cube.refusal(json!({"measures": ["x.SUM"], "levels": ["Month"], "filter": filter}));
    assert!(refusal.contains("the query has to have that level"), "{refusal}");
    let unknown = json!({"or": [{"level": "Shp", "equals": "A"}, {"measure": "x.Sum", "equals": 1}]});
    assert_eq!(
        cube.refusal(json!({"measures": ["x.SUM"], "filter": unknown})),
        r#"there is no level "Shp"; did you mean "Shop"?; there is no measure "x.Sum"; did you mean "x.SUM"?"#
    );
}

#[test]
fn rows_are_ordered_by_measures_that_are_not_shown() {
    let cube = sales().measure(running("so far", "x.SUM", "Month")).build();
    let query = json!({"measures": ["contributors.COUNT"], "levels": ["Month"],
        "order": [{"by": "so far", "direction": "desc"}, {"by": "Month"}], "limit": 3});
    assert_eq!(cube.ask(query), json!([["2021", "2021-04", 2], ["2021", "2021-02", 1], ["2021", "2021-01", 2]]));
}

#[test]
fn the_largest_rows_of_many_are_found_as_if_all_were_sorted() {
    let mut text = String::from("k,x\n");
    for key in 0..500_u32 {
        writeln!(text, "{key},{}", key * 7919 % 101).unwrap();
    }
    let cube = cube().table("T", &["k"], text).build();
    let order = json!([{"by": "x.SUM", "direction": "desc"}]);
    let all = cube.ask(json!({"measures": ["x.SUM"], "levels": ["k"], "order": order}));
    let some = cube.ask(json!({"measures": ["x.SUM"], "levels": ["k"], "order": order, "offset": 7, "limit": 20}));
    assert_eq!(some.as_array().unwrap(), &all.as_array().unwrap()[7..27]);
    assert_eq!(all[0][1], json!(100));
}

#[test]
fn a_total_that_is_null_goes_without_its_children() {
    let cube = cube().table("T", &[], "a,b,x\np,q,1\np,r,-1\n").measure(expression("inverse", "1 / [x.SUM]")).build();
    let query = json!({"measures": ["inverse"], "levels": ["a", "b"], "totals": true,
        "order": [{"by": "b", "direction": "desc"}]});
    assert_eq!(cube.ask(query), json!([["p", "r", -1.0], ["p", "q", 1.0]]));
}

#[test]
fn statistics_of_one_and_of_no_value_are_null_where_they_have_to_be() {
    let kinds = [
        ("stddev", MeasureFormula::Stddev("x".into())),
        ("variance", MeasureFormula::Variance("x".into())),
        ("stddevPopulation", MeasureFormula::StddevPopulation("x".into())),
        ("variancePopulation", MeasureFormula::VariancePopulation("x".into())),
        ("median", MeasureFormula::Median("x".into())),
        ("quantile", MeasureFormula::Quantile { column: "x".into(), q: "0.25".into() }),
        ("min", MeasureFormula::Min("x".into())),
        ("max", MeasureFormula::Max("x".into())),
        ("product", MeasureFormula::SumProduct(vec!["x".into(), "y".into()])),
    ];
    let fixture = cube().table("T", &[], "a,x,y\np,2,3\nq,1,1\nq,3,1\nq,8,\nr,,1\n");
    let fixture = kinds.iter().fold(fixture, |fixture, (name, kind)| fixture.measure(measure(name, kind.clone())));
    let distinct = MeasureFormula::DistinctCount("a".into());
    let cube = fixture.measure(measure("distinct", distinct)).build();
    let names: Vec<&str> = kinds.iter().map(|(name, _)| *name).collect();
    let rows = cube.ask(json!({"measures": names, "levels": ["a"]}));
    assert_eq!(rows[0], json!(["p", null, null, 0.0, 0.0, 2.0, 2.0, 2, 2, 6]));
    let variance = 13.0;
    assert_eq!(
        rows[1],
        json!(["q", f64::sqrt(variance), variance, f64::sqrt(26.0 / 3.0), 26.0 / 3.0, 3.0, 2.0, 1, 8, 4])
    );
    assert_eq!(rows.as_array().unwrap().len(), 2);
    assert_eq!(cube.ask(json!({"measures": ["distinct"]})), json!([[3]]));
}

#[test]
fn a_context_bounds_the_combinations_of_a_query() {
    let cube = sales().build();
    let query = |limit: Value| {
        json!({"measures": ["x.SUM"], "levels": ["Shop"], "totals": true,
        "context": {"resultLimit": limit}})
    };
    assert_eq!(cube.ask(query(json!({"intermediate": 2, "total": 3}))).as_array().unwrap().len(), 3);
    assert!(cube.refusal(query(json!({"intermediate": 1}))).contains("more than 1 combinations of members"));
    assert!(cube.refusal(query(json!({"total": 2}))).contains("at all depths together"));
}

#[test]
fn a_query_that_is_interrupted_has_no_answer() {
    let cube = sales().build();
    let budget = cubegate_cube::Budget { interrupted: &|| true, ..cubegate_cube::Budget::default() };
    let query = serde_json::from_value(json!({"measures": ["x.SUM"], "levels": ["Shop"]})).unwrap();
    assert_eq!(cube.cube().query_within(&query, &cube.everything(), &budget).unwrap_err(), QueryError::Interrupted);
}

// === Masked as if deleted ===

const COLUMNS: [(&str, ColumnType); 8] = [
    ("Region", ColumnType::String),
    ("City", ColumnType::String),
    ("Month", ColumnType::Date),
    ("Currency", ColumnType::String),
    ("x", ColumnType::Int64),
    ("y", ColumnType::Double),
    ("z", ColumnType::Decimal { precision: 9, scale: 2 }),
    ("at", ColumnType::Timestamp),
];

fn all_kinds() -> Vec<MeasureDefinition> {
    let facts = ["x", "y", "z"].into_iter().flat_map(|column| {
        let of = || column.to_owned();
        let kinds = [
            ("min", MeasureFormula::Min(of())),
            ("max", MeasureFormula::Max(of())),
            ("stddev", MeasureFormula::Stddev(of())),
            ("variance", MeasureFormula::VariancePopulation(of())),
            ("median", MeasureFormula::Median(of())),
            ("distinct", MeasureFormula::DistinctCount(of())),
            ("quantile", MeasureFormula::Quantile { column: of(), q: "0.9".into() }),
        ];
        kinds.map(|(name, kind)| measure(&format!("{column} {name}"), kind))
    });
    let mut all: Vec<MeasureDefinition> = facts.collect();
    all.extend([
        measure("product", MeasureFormula::SumProduct(vec!["x".into(), "y".into(), "z".into()])),
        measure("cities", MeasureFormula::DistinctCount("City".into())),
        measure("latest", MeasureFormula::Max("at".into())),
        expression("ratio", "[x.SUM] / [y.SUM] - [z.MEAN] * 2"),
        share("of region", "x.SUM", "Place"),
        share("ratio of region", "ratio", "Place"),
        measure("of all", MeasureFormula::ShareOfTotal { measure: "z.SUM".into() }),
        running("so far", "x.SUM", "Month"),
        running("by region", "y.SUM", "Region"),
        running("shares so far", "of region", "Place/City"),
        previous("month before", "z.SUM", "Month"),
        previous("city before", "latest", "Place/City"),
        convert("converted", "EUR"),
    ]);
    all
}

fn build(rows: &[Vec<String>]) -> Built {
    let mut text = COLUMNS.map(|(name, _)| name).join(",");
    for row in rows {
        text.push('\n');
        text.push_str(&row.join(","));
    }
    text.push('\n');
    let mut fixture = cube().table("Facts", &[], text);
    for (name, column_type) in COLUMNS {
        fixture = fixture.typed(name, column_type);
    }
    fixture = fixture
        .table("Rates", &["From", "To"], "From,To,Rate\nUSD,EUR,0.7\nGBP,EUR,1.1\nUSD,GBP,0.3\n")
        .typed("Rate", ColumnType::Double)
        .hierarchy("Place", &["Region", "City"])
        .without(&["Region", "City"]);
    all_kinds().into_iter().fold(fixture, Fixture::measure).build()
}

fn fact() -> impl Strategy<Value = Vec<String>> {
    let text = |choices: &[&'static str]| select(choices.to_vec()).prop_map(str::to_owned);
    (
        text(&["north", "south", "east", ""]),
        text(&["a", "b", "c"]),
        text(&["2021-01-01", "2021-02-01", "2021-03-01", "2021-04-01", ""]),
        text(&["EUR", "USD", "GBP", "CHF"]),
        text(&["1", "2", "-3", "7", "0", ""]),
        text(&["0.1", "0.7", "-1.5", "1e-9", "3e8", ""]),
        text(&["0.10", "12.34", "-0.01", ""]),
        text(&["2021-01-01T00:00:00Z", "2021-01-01T00:00:01Z", ""]),
    )
        .prop_map(|(region, city, month, currency, x, y, z, at)| vec![region, city, month, currency, x, y, z, at])
}

fn condition() -> impl Strategy<Value = Value> {
    let level = prop_oneof![
        select(vec!["a", "b", "zz"]).prop_map(|city| json!({"level": "City", "atLeast": city})),
        select(vec!["north", "west"]).prop_map(|region| json!({"level": "Region", "in": [region, null]})),
        Just(json!({"level": "Month", "between": {"from": "2021-02-01"}})),
        Just(json!({"level": "Month", "equals": null})),
        select(vec!["EUR", "XXX"]).prop_map(|currency| json!({"level": "Currency", "equals": currency})),
    ];
    level.prop_recursive(2, 6, 2, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..3).prop_map(|filters| json!({"or": filters})),
            inner.prop_map(|filter| json!({"not": filter})),
        ]
    })
}

fn names() -> Vec<String> {
    let automatic = ["x.SUM", "y.SUM", "z.SUM", "x.MEAN", "z.MEAN", "contributors.COUNT"].map(str::to_owned);
    automatic.into_iter().chain(all_kinds().into_iter().map(|measure| measure.name)).collect()
}

fn query() -> impl Strategy<Value = Value> {
    (
        proptest::sample::subsequence(vec!["Place/City", "Place/Region", "Month", "Currency"], 0..=3).prop_shuffle(),
        proptest::sample::subsequence(names(), 1..=8),
        any::<bool>(),
        proptest::collection::vec(condition(), 0..2),
        proptest::option::of((select(names()), -3..5_i64)),
        proptest::option::of((select(names()), any::<bool>())),
    )
        .prop_map(|(levels, measures, totals, mut filters, by_measure, order)| {
            filters.extend(by_measure.map(|(measure, bound)| json!({"measure": measure, "atLeast": bound})));
            let order: Vec<Value> = order
                .into_iter()
                .map(|(by, desc)| json!({"by": by, "direction": if desc { "desc" } else { "asc" }}))
                .collect();
            json!({"measures": measures, "levels": levels, "totals": totals, "filter": {"and": filters}, "order": order})
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn every_measure_over_visible_facts_is_the_measure_over_a_table_without_the_others(
        facts in proptest::collection::vec(fact(), 0..25),
        visible in proptest::collection::vec(select(vec!["a", "b", "c", "north"]), 0..3),
        query in query(),
    ) {
        let all_of = [vec![
            vec![is_in("Facts", "City", &visible)],
            vec![is_in("Facts", "Region", &visible)],
        ]];
        let left: Vec<Vec<String>> = facts
            .iter()
            .filter(|fact| visible.contains(&fact[0].as_str()) || visible.contains(&fact[1].as_str()))
            .cloned()
            .collect();
        prop_assert_eq!(build(&facts).ask_masked(&all_of, query.clone()), build(&left).ask(query));
    }
}
