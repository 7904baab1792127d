//! Tables, joins and cubes of a Session.

use std::collections::BTreeMap;

use kube::KubeSchema;
use schemars::{JsonSchema, Schema};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::{context::ContextValues, reference::KeyReference};

mod measure;
mod text;

pub use measure::{Conversion, Measure, OfHierarchy, OfLevel, OfMeasure, Quantile, Rates};
pub use text::{ColumnType, Interval, Number, TextError};

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
    /// What a row that cannot be read does.
    #[serde(default, skip_serializing_if = "is_default")]
    pub on_bad_row: OnBadRow,
    /// How often to look whether the source has changed, as in `30s`, `5m` or `1h`; at least a second. A changed source is
    /// read again, and queries see the new rows at once and whole; when it cannot be read, they go on seeing the old ones.
    /// Left out, the source is read once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refresh: Option<Interval>,
}

/// What a row that cannot be read does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum OnBadRow {
    /// The table is not loaded.
    #[default]
    Fail,
    /// The row is left out and counted.
    Skip,
}

/// What the loader is told of a column instead of inferring it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Column {
    /// Type of the column's values.
    pub r#type: ColumnType,
}

/// Where the rows of a table come from. Exactly one kind of source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(transform = exactly_one)]
pub enum Source {
    /// Comma-separated values with a header line (RFC 4180), UTF-8.
    Csv(FileLocation),
    /// Apache Parquet, flat columns.
    Parquet(FileLocation),
}

/// Where a file lies. Exactly one kind of place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(transform = exactly_one)]
pub enum FileLocation {
    /// A file: absolute in a pod; for `cubegate up`, relative to the manifest's directory.
    Path(String),
    /// A key of a ConfigMap in the Session's namespace.
    ConfigMap(KeyReference),
}

impl Source {
    /// The name of the field.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Csv(_) => "csv",
            Self::Parquet(_) => "parquet",
        }
    }

    /// The file.
    pub fn location(&self) -> &FileLocation {
        match self {
            Self::Csv(location) | Self::Parquet(location) => location,
        }
    }
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
    /// What holds for every query of the cube, where no role of the caller says otherwise.
    #[serde(default, skip_serializing_if = "is_default")]
    pub context: ContextValues,
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
fn exactly_one(schema: &mut Schema) {
    let Some(alternatives) = schema.remove("oneOf") else { return };
    let alternatives = alternatives.as_array().into_iter().flatten();
    let properties: Vec<(String, Value)> = alternatives
        .filter_map(|alternative| {
            let (name, property) = alternative.get("properties")?.as_object()?.iter().next()?;
            let mut property = property.clone();
            if let (Some(property), Some(description)) = (property.as_object_mut(), alternative.get("description")) {
                property.insert("description".into(), description.clone());
            }
            Some((name.clone(), property))
        })
        .collect();
    let there: Vec<String> = properties.iter().map(|(name, _)| format!("has(self.{name})")).collect();
    let names: Vec<String> = properties.iter().map(|(name, _)| format!("`{name}`")).collect();
    schema.insert("type".into(), "object".into());
    schema.insert("properties".into(), Value::Object(Map::from_iter(properties)));
    schema.insert("additionalProperties".into(), false.into());
    schema.insert(
        "x-kubernetes-validations".into(),
        json!([{
            "rule": there.join(" != "),
            "message": format!("write exactly one of {}", names.join(" and ")),
        }]),
    );
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}
