//! From definitions to cubes.

use cubegate_cube::{ColumnName, ColumnType, MeasureDefinition, MeasureFormula, Mode, RatesDefinition};
use serde_json::json;

use crate::fixture::{Built, cube, retail};

fn hierarchies(built: &Built) -> Vec<String> {
    built
        .cube()
        .schema()
        .hierarchies
        .iter()
        .map(|hierarchy| format!("{}.{}", hierarchy.dimension, hierarchy.name))
        .collect()
}

fn measures(built: &Built) -> Vec<&str> {
    built.cube().schema().measures.iter().map(|measure| measure.name.as_str()).collect()
}

fn sum(name: &str, column: &str) -> MeasureDefinition {
    MeasureDefinition { name: name.into(), kind: MeasureFormula::Sum(column.into()) }
}

#[test]
fn auto_makes_a_hierarchy_per_text_or_key_and_two_measures_per_number() {
    let retail = retail().build();
    assert_eq!(
        hierarchies(&retail),
        ["Sales.Sale ID", "Sales.Date", "Sales.Shop", "Sales.Product", "Shops.Shop ID", "Shops.City", "Shops.Country"]
    );
    assert_eq!(
        measures(&retail),
        ["Quantity.SUM", "Quantity.MEAN", "Unit price.SUM", "Unit price.MEAN", "contributors.COUNT"]
    );
    let staff = ColumnName { table: "Shops".into(), column: "Staff".into() };
    assert!(retail.cube().schema().reachable.contains(&staff));
    assert_eq!(retail.cube().schema().hierarchies[0].levels[0].r#type, ColumnType::Int64);
    assert_eq!(retail.cube().fact_count(), 5);
    let tables: Vec<&str> = retail.model.tables().map(|table| table.schema().name.as_str()).collect();
    assert_eq!(tables, ["Sales", "Shops"]);
}

#[test]
fn the_other_modes_make_less() {
    let no_measures = retail().mode(Mode::NoMeasures).build();
    assert_eq!(measures(&no_measures), ["contributors.COUNT"]);
    assert_eq!(hierarchies(&no_measures).len(), 7);
    let manual =
        retail().mode(Mode::Manual).hierarchy("Where", &["City"]).measure(sum("Sold", "Sales/Quantity")).build();
    assert_eq!(hierarchies(&manual), ["Shops.Where"]);
    assert_eq!(measures(&manual), ["Sold", "contributors.COUNT"]);
    assert_eq!(manual.ask(json!({"measures": ["Sold"]})), json!([[17.0]]));
}

#[test]
fn what_is_declared_takes_the_place_of_what_is_automatic() {
    let mean = MeasureDefinition { name: "Quantity.SUM".into(), kind: MeasureFormula::Mean("Quantity".into()) };
    let retail =
        retail().hierarchy("City", &["Country", "City"]).without(&["Country", "Shops/Shop ID"]).measure(mean).build();
    assert_eq!(hierarchies(&retail), ["Sales.Sale ID", "Sales.Date", "Sales.Shop", "Sales.Product", "Shops.City"]);
    assert_eq!(retail.ask(json!({"measures": ["Quantity.SUM"]})), json!([[4.25]]));
}

#[test]
fn joins_are_followed_from_table_to_table() {
    let cube = cube()
        .table("Facts", &[], "Shop,x\n1,1\n2,2\n3,4\n,8\n")
        .table("Shops", &["Id"], "Id,City\n1,Paris\n2,Nowhere\n")
        .table("Cities", &["City"], "City,Country\nParis,France\n")
        .join("Shops", "Cities", &[("City", "City")])
        .join("Facts", "Shops", &[("Shop", "Id")])
        .hierarchy("Where", &["Country", "Shops/City"])
        .build();
    assert_eq!(
        cube.ask(json!({"measures": ["x.SUM"], "levels": ["Where/City"]})),
        json!([["France", "Paris", 1], ["N/A", "N/A", 12], ["N/A", "Nowhere", 2]])
    );
}

#[test]
fn a_join_on_several_columns_needs_all_of_them() {
    let cube = cube()
        .table("Facts", &[], "Year,Code,x\n2020,a,1\n2021,a,2\n2021,b,4\n")
        .table("Codes", &["Year", "Code"], "Code,Year,Label\na,2020,old\na,2021,new\n")
        .join("Facts", "Codes", &[("Year", "Year"), ("Code", "Code")])
        .build();
    assert_eq!(
        cube.ask(json!({"measures": ["x.SUM"], "levels": ["Label"]})),
        json!([["N/A", 4], ["new", 2], ["old", 1]])
    );
}

#[test]
fn every_mistake_of_a_model_is_told_at_once() {
    let mistakes = retail()
        .join("Sales", "Shop", &[("Shop", "Shop ID")])
        .join("Shops", "Sales", &[("Shop ID", "Product")])
        .hierarchy("Geography", &["Shops/Contry", "City"])
        .hierarchy("Geography", &["City", "Shops/City"])
        .hierarchy("Empty", &[])
        .without(&["Cty"])
        .measure(sum("a", "Quantty"))
        .measure(sum("b", "Staff"))
        .measure(sum("c", "Product"))
        .measure(sum("contributors.COUNT", "Quantity"))
        .mistakes();
    assert_eq!(
        mistakes,
        [
            r#"joins[Sales → Shop]: there is no table "Shop"; did you mean "Shops"?"#,
            r#"joins[Shops → Sales]: the columns on the right must be the keys of "Sales"; they are "Sale ID""#,
            r#"cubes[Cube].removeHierarchies: there is no automatic hierarchy "Cty"; did you mean "City"?"#,
            r#"cubes[Cube].hierarchies[Geography].levels: there is no column "Shops/Contry"; did you mean "Shops/Country"?"#,
            "cubes[Cube].hierarchies[Geography]: two hierarchies have this name",
            r#"cubes[Cube].hierarchies[Geography]: the column "Shops/City" is two of its levels"#,
            "cubes[Cube].hierarchies[Empty]: a hierarchy has at least one level",
            "cubes[Cube].measures[contributors.COUNT]: every cube has this measure already",
            r#"cubes[Cube].measures[a]: there is no numeric column "Quantty"; did you mean "Quantity"?"#,
            r#"cubes[Cube].measures[b]: the column "Shops/Staff" is not of the fact table "Sales", which measures are over"#,
            r#"cubes[Cube].measures[c]: the column "Product" has the type string; measures need numbers"#,
        ]
    );
}

#[test]
fn a_join_of_different_types_or_two_ways_to_a_table_are_mistakes() {
    let mistakes = cube()
        .table("Facts", &[], "a,b\n1,2\n")
        .table("Other", &["k"], "k\nx\n")
        .join("Facts", "Other", &[("a", "k")])
        .mistakes();
    assert!(mistakes[0].contains("give both columns the same type"), "{mistakes:?}");

    let round = cube()
        .table("Facts", &["a"], "a,b\nx,y\n")
        .table("Other", &["k"], "k,l\ny,x\n")
        .join("Facts", "Other", &[("b", "k")])
        .join("Other", "Facts", &[("l", "a")])
        .mistakes();
    assert_eq!(round, [r#"cubes[Cube]: the joins reach the table "Facts" in two ways; remove one of them"#]);
}

#[test]
fn a_column_of_two_tables_has_to_be_qualified() {
    let mistakes = cube()
        .table("Facts", &[], "Name,Shop\nx,s\n")
        .table("Shops", &["Shop"], "Shop,Name\ns,y\n")
        .join("Facts", "Shops", &[("Shop", "Shop")])
        .hierarchy("H", &["Name"])
        .without(&["Name"])
        .mistakes();
    assert_eq!(
        mistakes,
        [
            r#"cubes[Cube].removeHierarchies: "Name" is ambiguous; write one of "Facts/Name", "Shops/Name""#,
            r#"cubes[Cube].hierarchies[H].levels: several tables have a column "Name"; write one of "Facts/Name", "Shops/Name""#,
        ]
    );
}

fn formula(name: &str, kind: MeasureFormula) -> MeasureDefinition {
    MeasureDefinition { name: name.into(), kind }
}

fn expression(name: &str, text: &str) -> MeasureDefinition {
    formula(name, MeasureFormula::Expression(text.into()))
}

#[test]
fn every_mistake_of_a_measure_is_told_with_the_nearest_name() {
    let rates = |table: &str, rate: &str| RatesDefinition {
        table: table.into(),
        from: "Cty".into(),
        to: "Country".into(),
        rate: rate.into(),
    };
    let convert =
        |rates| MeasureFormula::Convert { sum: "Quantity".into(), currency: "Date".into(), rates, to: "EUR".into() };
    let mistakes = retail()
        .hierarchy("Geography", &["Country", "City"])
        .measure(formula("a", MeasureFormula::Max("Product".into())))
        .measure(formula("b", MeasureFormula::Quantile { column: "Quantty".into(), q: "1.5".into() }))
        .measure(formula("c", MeasureFormula::SumProduct(vec!["Quantity".into()])))
        .measure(formula("d", MeasureFormula::SumProduct(vec!["Quantity".into(), "Staff".into(), "Datum".into()])))
        .measure(expression("e", "[Quantity.SUM] +"))
        .measure(expression("f", "[Quantity.SUN] / [last]"))
        .measure(formula("last", MeasureFormula::Max("Date".into())))
        .measure(expression("g", "[last] + 1"))
        .measure(formula("h", MeasureFormula::ShareOfParent { measure: "x".into(), hierarchy: "Geografy".into() }))
        .measure(formula("i", MeasureFormula::RunningTotal { measure: "e".into(), level: "City".into() }))
        .measure(formula("j", MeasureFormula::ShareOfTotal { measure: "last".into() }))
        .measure(formula("k", convert(rates("Shop", "Staff"))))
        .measure(formula("l", convert(rates("Shops", "City"))))
        .measure(formula("m", MeasureFormula::DistinctCount("Cty".into())))
        .measure(formula("m", MeasureFormula::DistinctCount("City".into())))
        .mistakes();
    let of = |name: &str| -> Vec<&str> {
        let place = format!("cubes[Cube].measures[{name}]: ");
        mistakes.iter().filter_map(|mistake| mistake.strip_prefix(&place)).collect()
    };
    assert_eq!(
        of("a"),
        [r#"the column "Product" has the type string; the smallest and largest are of numbers and dates"#]
    );
    assert_eq!(
        of("b"),
        [
            r#"there is no numeric column "Quantty"; did you mean "Quantity"?"#,
            r#""1.5" is not a share; write a decimal number from 0 to 1, as in 0.95"#
        ]
    );
    assert_eq!(of("c"), ["a product has 2 to 4 columns; this one has 1"]);
    assert_eq!(of("d").len(), 2, "{mistakes:#?}");
    assert_eq!(of("e"), ["the expression ends where a number, a measure or a parenthesis is expected at character 17"]);
    assert_eq!(of("f"), [r#"there is no measure "Quantity.SUN"; did you mean "Quantity.SUM"?"#]);
    assert_eq!(of("g"), [r#"the measure "last" has the type date; this needs numbers"#]);
    assert!(of("h")[0].starts_with(r#"there is no measure "x""#), "{mistakes:#?}");
    assert_eq!(of("h")[1], r#"there is no hierarchy "Geografy"; did you mean "Geography"?"#);
    assert_eq!(of("i"), [r#"the level "City" is ambiguous; write one of "City/City", "Geography/City""#]);
    assert_eq!(of("j"), [r#"the measure "last" has the type date; this needs numbers"#]);
    assert_eq!(
        of("k"),
        [
            r#"the column "Date" has the type date; currencies are text"#,
            r#"there is no table "Shop"; did you mean "Shops"?"#
        ]
    );
    assert_eq!(
        of("l")[1..],
        [
            r#"there is no column of the table "Shops" "Cty"; did you mean "City"?"#,
            r#"the column "City" of "Shops" has the type string; rates are numbers"#
        ]
    );
    assert!(of("m").contains(&"two measures have this name"));
    assert_eq!(of("last"), Vec::<&str>::new());
}

#[test]
fn a_measure_that_refers_to_itself_is_told_as_a_path() {
    let mistakes = retail()
        .measure(expression("A", "[B] + [Quantity.SUM]"))
        .measure(expression("B", "2 * [C]"))
        .measure(formula("C", MeasureFormula::ShareOfTotal { measure: "A".into() }))
        .measure(expression("D", "[A] - [D]"))
        .measure(expression("E", "[Quantity.SUM]"))
        .mistakes();
    assert_eq!(
        mistakes,
        [
            "cubes[Cube].measures[A]: the measure refers to itself: A → B → C → A",
            "cubes[Cube].measures[D]: the measure refers to itself: D → D",
        ]
    );
}

#[test]
fn measures_refer_to_automatic_ones_and_to_each_other_in_any_order() {
    let retail = retail()
        .measure(expression("twice", "[basket] + [basket]"))
        .measure(expression("basket", "[Quantity.SUM] / [contributors.COUNT]"))
        .build();
    assert_eq!(retail.ask(json!({"measures": ["twice", "basket"]})), json!([[6.8, 3.4]]));
}

#[test]
fn measures_do_not_refer_to_each_other_without_end() {
    let chain = |length: usize| {
        let name = |index: usize| format!("m{index}");
        (0..length).fold(retail().measure(expression("m0", "[Quantity.SUM]")), |fixture, index| {
            fixture.measure(expression(&name(index + 1), &format!("[m{index}] + 1")))
        })
    };
    assert!(chain(62).try_build().is_ok());
    let mistakes = chain(500).mistakes();
    assert_eq!(
        mistakes,
        ["cubes[Cube].measures[m63]: the measure refers to others through more than 64 of them"],
        "{mistakes:#?}"
    );
    // The same from the other end.
    let backwards = (0..500).fold(retail().measure(expression("m500", "[Quantity.SUM]")), |fixture, index| {
        fixture.measure(expression(&format!("m{index}"), &format!("[m{}] + 1", index + 1)))
    });
    assert!(backwards.mistakes().iter().all(|mistake| mistake.contains("through more than 64 of them")));
}

#[test]
fn measures_have_the_type_of_what_they_are_made_of() {
    let retail = retail()
        .measure(formula("last", MeasureFormula::Max("Date".into())))
        .measure(formula("before", MeasureFormula::PreviousMember { measure: "last".into(), level: "City".into() }))
        .measure(formula("so far", MeasureFormula::RunningTotal { measure: "cities".into(), level: "City".into() }))
        .measure(formula("cities", MeasureFormula::DistinctCount("City".into())))
        .build();
    let types: Vec<(&str, ColumnType)> =
        retail.cube().schema().measures.iter().map(|measure| (measure.name.as_str(), measure.r#type)).collect();
    assert!(types.contains(&("last", ColumnType::Date)));
    assert!(types.contains(&("before", ColumnType::Date)));
    assert!(types.contains(&("so far", ColumnType::Int64)));
    assert!(types.contains(&("cities", ColumnType::Int64)));
    assert!(types.contains(&("Quantity.MEAN", ColumnType::Double)));
}
