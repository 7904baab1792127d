//! Context values: what holds for the queries of whoever they are given to.

use std::collections::BTreeMap;

use kube::KubeSchema;
use serde::{Deserialize, Serialize};

use crate::model::{Interval, Number};

/// What holds for queries: limits, and how answers are meant to be read. A cube gives it to everybody, a Role to its holders; of
/// several that give the same value, the one with the highest authority is heard, and its value is taken whole.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ContextValues {
    /// How long an answer may take, as in `30s` (the default) or `250ms`; at most `100s`. A query can ask for less.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub query_time_limit: Option<Interval>,
    /// How large the results of one query may get, in combinations of members that have a visible fact. A query can ask for
    /// less.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result_limit: Option<ResultLimit>,
    /// The currency that amounts are converted to, where a query does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub reference_currency: Option<String>,
    /// The language and country that answers are shown in, as in `fr-FR` (BCP 47).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64), regex(pattern = r"^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$"))]
    pub locale: Option<String>,
    /// How values are shown, by measure or level, as in `#,##0.00` or `yyyy-MM-dd`. Passed on to whoever shows them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 256))]
    pub formatters: BTreeMap<String, String>,
    /// What measures, levels, hierarchies and dimensions are shown as, by name. Queries use the names.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 256))]
    pub aliases: BTreeMap<String, String>,
    /// By hierarchy, the member that a query looks at when it says nothing of the hierarchy: its path from the coarsest level.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 64))]
    pub default_members: BTreeMap<String, Vec<String>>,
    /// Numbers that the expressions of measures read as `{name}`. A cube declares them; a Role gives its holders others. Each is
    /// a value of its own.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 64))]
    pub values: BTreeMap<String, Number>,
}

/// How large the results of one query may get, in combinations of members that have a visible fact.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ResultLimit {
    /// At one depth.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub intermediate: Option<i64>,
    /// At all depths that an answer needs, totals and parents included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub total: Option<i64>,
}

impl ContextValues {
    /// Whether nothing is given.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}
