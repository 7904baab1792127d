//! From definitions to cubes.

use cubegate_cube::{ColumnName, ColumnType, MeasureDefinition, MeasureFormula, Mode};
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
