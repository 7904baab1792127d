//! Restriction: which rows the holders of a role may see.

use kube::{CustomResource, KubeSchema};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use crate::{condition::ObjectStatus, reference::SessionReference};

/// Which rows the holders of a Role may see: every line of `where` and every one of the `cuts` must hold.
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
    doc = "Which rows the holders of a Role may see: every line of `where` and every one of the `cuts` must hold.",
    printcolumn(name = "Session", type_ = "string", json_path = ".spec.sessionRef.name"),
    printcolumn(
        name = "Programmed",
        type_ = "string",
        json_path = ".status.conditions[?(@.type=='Programmed')].status"
    ),
    printcolumn(name = "Reason", type_ = "string", json_path = ".status.conditions[?(@.type=='Programmed')].reason"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    validation = Rule::new("has(self.spec.where) || has(self.spec.cuts)").message("write at least one line below `where`, or at least one of `cuts`"),
    validation = Rule::new("!has(self.spec.where) || (has(self.spec.cube) ? self.spec.where.all(line, has(line.level)) : self.spec.where.all(line, !has(line.level)))").message("with `cube` every line names a `level`, without it `table` and `column`"),
    validation = Rule::new("!has(self.spec.where) || !has(self.spec.cube) || !self.spec.cube.contains('*')").message("a line names a level of one cube; write its name, or `cuts` for several"),
    validation = Rule::new("!has(self.spec.cuts) || has(self.spec.cube)").message("with `cuts`, write the name of the `cube`, or `*` for any that has the dimension")
)]
pub struct RestrictionSpec {
    /// The Session that this restriction belongs to.
    pub session_ref: SessionReference,
    /// Name of a cube. The lines then name levels of that cube instead of columns; other cubes and all tables stay
    /// untouched. For `cuts` it may also be `*`, `prefix*` or `*suffix`: the cuts then hold in each of these cubes that has
    /// the dimension.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub cube: Option<String>,
    /// Conditions. All of them hold (AND); write one line per column or level.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(min = 1, max = 64))]
    #[x_kube(validation = Rule::new("self.all(a, !has(a.table) || !has(a.column) || self.exists_one(b, has(b.table) && has(b.column) && a.table == b.table && a.column == b.column))")
        .message("two lines name the same column; write one line per column, with `in` for several values"))]
    #[x_kube(validation = Rule::new("self.all(a, !has(a.level) || self.exists_one(b, has(b.level) && a.level == b.level))")
        .message("two lines name the same level; write one line per level, with `in` for several values"))]
    pub r#where: Vec<Condition>,
    /// Conditions on hierarchies of the cube, as `dimension:path` or `dimension@hierarchy:path`. All of them hold (AND).
    ///
    /// The dimension is a hierarchy, or a table whose hierarchies are meant; one that has a single hierarchy needs no
    /// `@hierarchy`. A path is `France` or `France,Paris`, from the coarsest level, and stands for all below it; `a;b` is a set
    /// of paths; `from-to`, `from-` and `-to` are ranges that include their ends. A `!` in front inverts; facts without a
    /// value at a level that the cut names stay out. `__null__` is the missing value. A `\` stands before each of
    /// `| : , ; - ! \` in a name or member. Tables that the cube uses show no row that a cut hides.
    ///
    /// In a hierarchy of dates, or of whole numbers called Year, Quarter (1 to 4), Month (1 to 12) and Day (1 to 31), a path may
    /// be a day that moves, in UTC: `today`, `yesterday`, `tomorrow`, `90daysago`, `2monthsforward`, or the first day of a period as in `lastmonth`
    /// and `next2weeks`. `90daysago-today` is a window that moves with the day, without an edit.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(min = 1, max = 64), inner(length(min = 3, max = 16_384)))]
    pub cuts: Vec<String>,
}

/// One condition on one column, or on one level of a cube: exactly one of `equals`, `in`, `between`, `inClaim` and `not`.
///
/// Values are read by the type of the column; one that it cannot hold matches nothing, under `not` too. A missing value
/// satisfies `equals: N/A` and `in: [N/A]`, and nothing else; no `not` ever.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[x_kube(validation = Rule::new("[has(self.equals), has(self.__in__), has(self.between), has(self.inClaim), has(self.not)].exists_one(kind, kind)")
    .message("write exactly one of `equals`, `in`, `between`, `inClaim` and `not`"))]
#[x_kube(validation = Rule::new("has(self.table) == has(self.column) && has(self.table) != has(self.level)")
    .message("write `table` and `column`, or with `cube` a `level`"))]
pub struct Condition {
    /// Table of the Session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub table: Option<String>,
    /// Column of that table.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub column: Option<String>,
    /// Level of the cube: `City`, or `Geography/City` where several hierarchies have a level of that name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 507))]
    pub level: Option<String>,
    /// The one value that rows must have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub equals: Option<Scalar>,
    /// The values of which rows must have one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 4096))]
    pub r#in: Option<Vec<Scalar>>,
    /// The range that values must lie in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub between: Option<Between>,
    /// An attribute of the caller, of whose values rows must have one: the way to a claim of the provider's tokens,
    /// outermost key first, or to an attribute of a TechnicalUser. Text and integers count, alone or in an array. For a
    /// caller who has no such attribute the line matches nothing, under `not` too. `N/A` is no value of an attribute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 16))]
    pub in_claim: Option<Vec<String>>,
    /// What rows must not have. A missing value never satisfies it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not: Option<Negated>,
}

/// What rows must not have: exactly one of `equals`, `in`, `between` and `inClaim`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[x_kube(validation = Rule::new("[has(self.equals), has(self.__in__), has(self.between), has(self.inClaim)].exists_one(kind, kind)")
    .message("below `not`, write exactly one of `equals`, `in`, `between` and `inClaim`"))]
pub struct Negated {
    /// The one value that rows must not have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub equals: Option<Scalar>,
    /// The values of which rows must have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 4096))]
    pub r#in: Option<Vec<Scalar>>,
    /// The range that values must not lie in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub between: Option<Between>,
    /// An attribute of the caller, of whose values rows must have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 16))]
    pub in_claim: Option<Vec<String>>,
}

/// A range, both ends included; one of them may be absent. A missing value lies in no range.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[x_kube(validation = Rule::new("has(self.from) || has(self.to)").message("write `from`, `to` or both"))]
pub struct Between {
    /// The smallest value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Scalar>,
    /// The largest value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<Scalar>,
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
