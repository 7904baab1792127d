//! Tables, joins and cubes of a Session.

use std::collections::BTreeMap;

use kube::KubeSchema;
use schemars::{JsonSchema, Schema};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::reference::KeyReference;

/// A table and where its rows come from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Table {
    /// Name of the table, unique in the Session.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
    /// Where the rows come from.
    pub source: Source,
    /// Columns that identify a row: a later row with the same key replaces the earlier one. Without keys duplicates stay.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    pub keys: Vec<String>,
    /// Overrides of what the loader would infer, by column.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub columns: BTreeMap<String, Column>,
}

/// What the loader is told of a column instead of inferring it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Column {
    /// Type of the column's values.
    pub r#type: ColumnType,
}

/// Type of a column's values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum ColumnType {
    /// Text.
    String,
    /// `true` or `false`.
    Bool,
    /// 64-bit signed integer.
    Int64,
    /// IEEE 754 double.
    Double,
    /// Calendar date, `2021-01-31`.
    Date,
}

/// Where the rows of a table come from. Exactly one kind of source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub enum Source {
    /// Comma-separated values with a header line (RFC 4180), UTF-8.
    Csv(CsvLocation),
}

/// Where a CSV file lies. Exactly one kind of place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(transform = exactly_one_place)]
pub enum CsvLocation {
    /// A file: absolute in a pod; for `cubegate up`, relative to the manifest's directory.
    Path(String),
    /// A key of a ConfigMap in the Session's namespace.
    ConfigMap(KeyReference),
}

/// How rows of one table find their row in another.
// YAML 1.1, which kubectl reads, takes an unquoted `on` for a boolean: `kubectl apply` sends `{"true": {…}}`. Both
// spellings are therefore the same field; without that no manifest with a join could be applied unless its author
// knew to put `on` in quotes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(transform = accept_unquoted_on)]
#[x_kube(validation = Rule::new("has(self.on) != has(self.__true__)").message("write `on`: the columns of `from` and the columns of `to` that they equal"))]
pub struct Join {
    /// Table whose rows look up.
    pub from: String,
    /// Table that is looked up. Its keys must be the columns on the right of `on`.
    pub to: String,
    /// Column of `from` → column of `to`.
    #[serde(alias = "true")]
    #[schemars(extend("minProperties" = 1))]
    pub on: BTreeMap<String, String>,
}

/// A cube: a fact table, hierarchies to slice it by and measures to aggregate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Cube {
    /// Name of the cube, unique in the Session.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
    /// Table whose rows are the facts.
    pub fact_table: String,
    /// What is made without being asked for.
    #[serde(default)]
    pub mode: Mode,
    /// Hierarchies beside those that the mode makes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 256))]
    pub hierarchies: Vec<Hierarchy>,
    /// Names of hierarchies that the mode would make and that are not wanted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 1024))]
    pub remove_hierarchies: Vec<String>,
    /// Measures beside those that the mode makes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 1024))]
    pub measures: Vec<Measure>,
}

/// What a cube has without being asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Mode {
    /// A hierarchy per non-numeric or key column, `X.SUM` and `X.MEAN` per numeric non-key column of the fact table, and `contributors.COUNT`.
    #[default]
    Auto,
    /// As `Auto`, but of the measures only `contributors.COUNT`.
    NoMeasures,
    /// Only `contributors.COUNT` and what the cube declares.
    Manual,
}

/// Levels from the coarsest to the finest, each a column.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Hierarchy {
    /// Name of the hierarchy, unique in the cube.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
    /// Columns as `Table/Column`, coarsest first. A column name alone is enough when one reachable table has it.
    #[schemars(length(min = 1, max = 16))]
    pub levels: Vec<String>,
}

/// A measure: exactly one of `sum` and `mean`, over a numeric column of the fact table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[x_kube(validation = Rule::new("has(self.sum) != has(self.mean)").message("write exactly one of `sum` and `mean`"))]
pub struct Measure {
    /// Name of the measure, unique in the cube.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
    /// Sum of this column.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sum: Option<String>,
    /// Arithmetic mean of this column.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mean: Option<String>,
}

/// Gives the schema of [`Join`] the property `true` beside `on`; a rule asks for exactly one of them.
fn accept_unquoted_on(schema: &mut Schema) {
    let on = schema.pointer("/properties/on").cloned();
    if let (Some(mut on), Some(object)) = (on, schema.as_object_mut()) {
        if let Some(on) = on.as_object_mut() {
            on.insert("description".into(), "What YAML 1.1 makes of an unquoted `on`; the same field.".into());
        }
        if let Some(properties) = object.get_mut("properties").and_then(Value::as_object_mut) {
            properties.insert("true".into(), on);
        }
        if let Some(required) = object.get_mut("required").and_then(Value::as_array_mut) {
            required.retain(|name| name != "on");
        }
    }
}

/// An alternative of schemas is rejected with its own jargon; a rule is rejected with a sentence.
fn exactly_one_place(schema: &mut Schema) {
    let Some(alternatives) = schema.remove("oneOf") else { return };
    let alternatives = alternatives.as_array().into_iter().flatten();
    let properties: Map<_, _> = alternatives
        .filter_map(|alternative| {
            let (name, property) = alternative.get("properties")?.as_object()?.iter().next()?;
            let mut property = property.clone();
            if let (Some(property), Some(description)) = (property.as_object_mut(), alternative.get("description")) {
                property.insert("description".into(), description.clone());
            }
            Some((name.clone(), property))
        })
        .collect();
    schema.insert("type".into(), "object".into());
    schema.insert("properties".into(), Value::Object(properties));
    schema.insert("additionalProperties".into(), false.into());
    schema.insert(
        "x-kubernetes-validations".into(),
        json!([{
            "rule": "has(self.path) != has(self.configMap)",
            "message": "write exactly one of `path` and `configMap`",
        }]),
    );
}
