//! Context values of a query, and that measures which are not granted are no measures.

use std::collections::BTreeSet;

use cubegate_cube::{Budget, ColumnName, Granted, MeasureDefinition, MeasureFormula, Number, Query, RowsQuery, Scope};
use serde_json::{Value, json};

use crate::fixture::{Built, Fixture, column_names, retail, rows};

fn expression(name: &str, text: &str) -> MeasureDefinition {
    MeasureDefinition { name: name.to_owned(), kind: MeasureFormula::Expression(text.to_owned()) }
}

fn with_geography() -> Fixture {
    retail().hierarchy("Geography", &["Country", "City"]).without(&["Country", "City"])
}

/// An answer to whoever is granted these measures; or why there is none.
fn ask(built: &Built, granted: &[&str], query: Value) -> Result<Value, String> {
    let granted = Granted::Only(granted.iter().map(|name| (*name).to_owned()).collect());
    let query: Query = serde_json::from_value(query).unwrap();
    let scope = Scope { mask: &built.everything(), measures: &granted };
    built.cube().query(&query, scope).map(|answer| rows(&answer)).map_err(|error| error.to_string())
}

#[test]
fn an_expression_reads_context_values_of_the_query_or_else_of_the_cube() {
    let cube =
        retail().value("discount", "0.5").measure(expression("Net", "[Quantity.SUM] * (1 - {discount})")).build();
    assert_eq!(cube.ask(json!({"measures": ["Net"]})), json!([[8.5]]));
    let mut query: Query = serde_json::from_value(json!({"measures": ["Net"]})).unwrap();
    let of_cube = query.canonical();
    query.context.values.insert("discount".into(), Number::parse("0.25").unwrap());
    assert_ne!(query.canonical(), of_cube, "another answer is kept under another name");
    assert_eq!(rows(&cube.cube().query(&query, &cube.everything()).unwrap()), json!([[12.75]]));
}

#[test]
fn an_expression_cannot_read_a_context_value_that_the_cube_does_not_declare() {
    let cube = retail().value("discount", "0").measure(expression("Net", "[Quantity.SUM] * {discont}"));
    let mistakes = cube.mistakes();
    assert!(mistakes.len() == 1 && mistakes[0].contains("did you mean \"discount\""), "{mistakes:?}");
}

#[test]
fn a_default_member_holds_unless_the_query_speaks_of_the_hierarchy() {
    let built = with_geography().build();
    let asked = |mut query: Value, path: Value| {
        query["measures"] = json!(["Quantity.SUM"]);
        query["context"] = json!({"defaultMembers": {"Geography": path}});
        built.ask(query)
    };
    assert_eq!(asked(json!({}), json!(["France"])), json!([[5.0]]));
    assert_eq!(asked(json!({}), json!(["France", "Paris"])), json!([[3.0]]));
    assert_eq!(asked(json!({"levels": ["Product"]}), json!(["France"])), json!([["tea", 5.0]]));
    let usa = json!([["USA", 5.0]]);
    assert_eq!(
        asked(json!({"levels": ["Country"], "filter": {"level": "City", "equals": "San Antonio"}}), json!(["France"])),
        usa
    );
    assert_eq!(
        asked(json!({"filter": {"level": "Geography/City", "equals": "San Antonio"}}), json!(["France"])),
        json!([[5.0]])
    );
    for nowhere in [json!(["Atlantis"]), json!(["France", "San Antonio"]), json!(["France", "Paris", "s2"])] {
        assert_eq!(asked(json!({}), nowhere), json!([]));
    }
    assert_eq!(asked(json!({}), json!([])), json!([[17.0]]));
    let unknown = built.refusal(json!({"measures": ["Quantity.SUM"], "context": {"defaultMembers": {"Geografy": []}}}));
    assert!(unknown.contains("did you mean \"Geography\""), "{unknown}");
}

#[test]
fn a_measure_that_is_not_granted_is_as_unknown_as_one_that_never_existed() {
    let built = retail().build();
    let granted = ["Quantity.SUM"];
    assert_eq!(ask(&built, &granted, json!({"measures": ["Quantity.SUM"]})), Ok(json!([[17.0]])));
    let ways: [fn(&str) -> Value; 3] = [
        |measure| json!({"measures": [measure]}),
        |measure| json!({"levels": ["City"], "order": [{"by": measure}]}),
        |measure| json!({"levels": ["City"], "filter": {"measure": measure, "greaterThan": 1}}),
    ];
    for way in ways {
        for (hidden, absent) in [("Quantity.MEAN", "Quantity.LEAN"), ("contributors.COUNT", "contributors.MOUNT")] {
            let refused = ask(&built, &granted, way(hidden)).unwrap_err();
            assert_eq!(refused.replace(hidden, absent), ask(&built, &granted, way(absent)).unwrap_err());
            assert!(!refused.contains("Unit price"), "{refused}");
        }
    }
}

#[test]
fn a_granted_measure_may_be_made_of_others() {
    let built = retail().measure(expression("Basket", "[Quantity.SUM] / [contributors.COUNT]")).build();
    assert_eq!(ask(&built, &["Basket"], json!({"measures": ["Basket"]})), Ok(json!([[3.4]])));
}

#[test]
fn rows_have_the_columns_of_levels_and_those_that_granted_measures_tell() {
    let built = retail().measure(expression("Revenue", "[Quantity.SUM] * [Unit price.SUM]")).build();
    let columns = |granted: &[&str]| {
        let granted = Granted::Only(granted.iter().map(|name| (*name).to_owned()).collect());
        let scope = Scope { mask: &built.everything(), measures: &granted };
        let read = |query: Value| {
            let query: RowsQuery = serde_json::from_value(query).unwrap();
            built.cube().drill_through(&query, scope, &Budget::default())
        };
        for hidden in [json!({"columns": ["Unit price"]}), json!({"filter": {"column": "Unit price", "equals": 1.5}})] {
            let refused = read(hidden).unwrap_err().to_string();
            assert!(refused.contains("there is no column \"Unit price\""), "{refused}");
        }
        let answer = read(json!({})).unwrap();
        column_names(&answer).into_iter().map(str::to_owned).collect::<BTreeSet<_>>()
    };
    let levels = ["Sale ID", "Date", "Shop", "Product", "Shop ID", "City", "Country"].map(str::to_owned);
    assert_eq!(columns(&["Revenue"]), levels.clone().into());
    assert_eq!(columns(&["Quantity.MEAN"]), levels.into_iter().chain(["Quantity".to_owned()]).collect());
}

#[test]
fn a_measure_tells_no_column_where_no_query_can_group_single_facts() {
    let text = "Department,Salary\nA,1\nA,5\nB,2\n";
    let shown = |keys: &[&str], text: &str| {
        let built = crate::fixture::cube().table("Staff", keys, text).build();
        let granted = Granted::Only(["Salary.MEAN".to_owned()].into());
        let column = ColumnName { table: "Staff".into(), column: "Salary".into() };
        built.cube().shows_column(&column, &granted)
    };
    assert!(!shown(&[], text));
    assert!(shown(&["Id"], "Id,Department,Salary\n1,A,1\n2,A,5\n"));
}

#[test]
fn a_value_that_does_not_fit_names_no_measure_that_is_not_granted() {
    let text = format!("Id,Cost\n1,{0}\n2,{0}\n", i64::MAX);
    let built = crate::fixture::cube().table("T", &["Id"], text).measure(expression("Ratio", "[Cost.SUM] / 2")).build();
    let refused = ask(&built, &["Ratio"], json!({"measures": ["Ratio"]})).unwrap_err();
    assert_eq!(refused, "a value of the measure \"Ratio\" does not fit its type");
}
