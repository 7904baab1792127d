//! Restriction: which rows the holders of a role may see.

use kube::{CustomResource, KubeSchema};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use crate::{condition::ObjectStatus, reference::SessionReference};

/// Which rows the holders of a Role may see: every line of `where` must hold.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, CustomResource, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[kube(
    group = "cubegate.dev",
    version = "v1alpha1",
    kind = "Restriction",
    plural = "restrictions",
    shortname = "cgrestriction",
    category = "cubegate",
    namespaced,
    status = "ObjectStatus",
    derive = "PartialEq",
    cel,
    doc = "Which rows the holders of a Role may see: every line of `where` must hold.",
    printcolumn(name = "Session", type_ = "string", json_path = ".spec.sessionRef.name"),
    printcolumn(
        name = "Programmed",
        type_ = "string",
        json_path = ".status.conditions[?(@.type=='Programmed')].status"
    ),
    printcolumn(name = "Reason", type_ = "string", json_path = ".status.conditions[?(@.type=='Programmed')].reason"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
pub struct RestrictionSpec {
    /// The Session that this restriction belongs to.
    pub session_ref: SessionReference,
    /// Conditions on columns. All of them hold (AND); write one line per column.
    #[schemars(length(min = 1, max = 64))]
    #[x_kube(validation = Rule::new("self.all(a, self.exists_one(b, a.table == b.table && a.column == b.column))")
        .message("two lines name the same column; write one line per column, with `in` for several values"))]
    pub r#where: Vec<Condition>,
}

/// One condition on one column: exactly one of `equals` and `in`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[x_kube(validation = Rule::new("has(self.equals) != has(self.__in__)").message("write exactly one of `equals` and `in`"))]
pub struct Condition {
    /// Table of the Session.
    #[schemars(length(min = 1, max = 253))]
    pub table: String,
    /// Column of that table.
    #[schemars(length(min = 1, max = 253))]
    pub column: String,
    /// The one value that rows must have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub equals: Option<Scalar>,
    /// The values of which rows must have one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 4096))]
    pub r#in: Option<Vec<Scalar>>,
}

/// A value as manifests write it: text, or an integer. Anything else is written as text, in quotes
/// (`"1.5"`, `"true"`, `"2021-01-01"`), and read by the type of the column it is compared with.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(untagged, expecting = "text or an integer; write other values in quotes, for example \"1.5\" or \"true\"")]
pub enum Scalar {
    /// An integer.
    Integer(i64),
    /// Text, to be read by the type of the column.
    Text(String),
}

impl Scalar {
    /// The value as text, as it would stand in a CSV cell.
    pub fn to_text(&self) -> String {
        match self {
            Self::Integer(value) => value.to_string(),
            Self::Text(text) => text.clone(),
        }
    }
}

impl JsonSchema for Scalar {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Scalar".into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "x-kubernetes-int-or-string": true })
    }
}
