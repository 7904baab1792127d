//! What can be asked of a model.

use std::{collections::BTreeSet, fmt::Write as _};

use serde::Serialize;

use super::definition::JoinDefinition;
use crate::value::{ColumnName, ColumnType};

/// A table and its columns.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TableSchema {
    /// Name of the table.
    pub name: String,
    /// Columns in the order of the file.
    pub columns: Vec<ColumnSchema>,
    /// Names of the columns that identify a row.
    pub keys: Vec<String>,
}

/// A column of a table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ColumnSchema {
    /// Name of the column.
    pub name: String,
    /// Type of its values.
    pub r#type: ColumnType,
}

/// What can be asked of a cube.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CubeSchema {
    /// Name of the cube.
    pub name: String,
    /// The hierarchies, in the order of the tables and columns that they come from, declared ones last.
    pub hierarchies: Vec<HierarchySchema>,
    /// The measures; `contributors.COUNT` is the last one.
    pub measures: Vec<MeasureSchema>,
    /// All columns of the fact table and of the tables joined to it: what a mask can speak of.
    #[serde(skip)]
    pub reachable: BTreeSet<ColumnName>,
}

/// A hierarchy of a cube.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct HierarchySchema {
    /// Name of the hierarchy, unique in the cube.
    pub name: String,
    /// The table of its first level.
    pub dimension: String,
    /// Levels from the coarsest to the finest.
    pub levels: Vec<LevelSchema>,
}

/// A level of a hierarchy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LevelSchema {
    /// Name of the level, unique in the hierarchy.
    pub name: String,
    /// The column that its members come from.
    pub column: ColumnName,
    /// Type of its members.
    pub r#type: ColumnType,
}

/// A measure of a cube.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MeasureSchema {
    /// Name of the measure, unique in the cube.
    pub name: String,
    /// Type of its values.
    pub r#type: ColumnType,
}

/// The tables and the joins between them as a Mermaid `erDiagram`: `_ type PK "Column"` and `nullable type "Column"`.
///
/// Mermaid wants a type and a name of each attribute and knows no quotes there, so the name is the comment.
pub(super) fn mermaid<'a>(tables: impl Iterator<Item = &'a TableSchema>, joins: &[JoinDefinition]) -> String {
    let mut diagram = String::from("erDiagram\n");
    let mut shown = BTreeSet::new();
    for table in tables {
        shown.extend(table.columns.iter().map(|column| (&table.name, &column.name)));
        let attributes: String = table.columns.iter().map(|column| attribute(table, column)).collect();
        write!(diagram, "  \"{}\" {{\n{attributes}  }}\n", quotable(&table.name)).expect("a string takes all text");
    }
    for JoinDefinition { from, to, on } in joins {
        if on.iter().all(|(left, right)| shown.contains(&(from, left)) && shown.contains(&(to, right))) {
            let pair = |(from, to): (&String, &String)| format!("`{}` == `{}`", quotable(from), quotable(to));
            let pairs: Vec<String> = on.iter().map(pair).collect();
            let (from, to, pairs) = (quotable(from), quotable(to), pairs.join(" & "));
            writeln!(diagram, "  \"{from}\" }}o--o| \"{to}\" : \"{pairs}\"").expect("a string takes all text");
        }
    }
    diagram
}

fn attribute(table: &TableSchema, column: &ColumnSchema) -> String {
    let is_key = table.keys.contains(&column.name);
    // Text has a word for what is missing, and a key is never missing.
    let nullable = if is_key || column.r#type == ColumnType::String { "_" } else { "nullable" };
    let key = if is_key { " PK" } else { "" };
    let type_name = match column.r#type {
        ColumnType::Decimal { precision, scale } => format!("decimal_{precision}_{scale}"),
        other => other.to_string(),
    };
    format!("    {nullable} {type_name}{key} \"{}\"\n", quotable(&column.name))
}

/// Mermaid has no escape for what ends a quoted name, or a line.
fn quotable(name: &str) -> String {
    let replaced = |character: char| match character {
        '"' | '`' => '\'',
        '%' | '\\' => '_',
        other if other.is_control() => ' ',
        other => other,
    };
    name.chars().map(replaced).collect()
}
