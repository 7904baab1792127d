//! What can be asked of a model.

use std::collections::BTreeSet;

use serde::Serialize;

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
