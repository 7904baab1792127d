//! The query, as it is written.

use serde::{Deserialize, Serialize};

/// A query, as it is written.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Query {
    /// Names of measures, in the order of the columns. None: which members have a visible fact.
    #[serde(default)]
    pub measures: Vec<String>,
    /// Names of levels. A level brings its ancestors as columns before it. None: one row.
    #[serde(default)]
    pub levels: Vec<String>,
    /// Whether there is a row for the grand total and for each subtotal, before the rows it is the total of.
    #[serde(default)]
    pub totals: bool,
    /// Which facts to look at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filter: Option<Filter>,
    /// Order of the rows; natural where it leaves a tie. With totals, the order among the rows of one subtotal.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub order: Vec<Order>,
    /// Rows to skip, totals counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offset: Option<u64>,
    /// Rows to return at most, totals counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u64>,
}

/// A condition on facts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Filter {
    /// All of these hold.
    And(Vec<Filter>),
}

/// One criterion of order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Order {
    /// Name of a level or measure of the query.
    pub by: String,
    /// Which way.
    #[serde(default)]
    pub direction: Direction,
}

/// Which way to order. Nulls are last both ways.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Direction {
    /// Smallest first.
    #[default]
    Asc,
    /// Largest first.
    Desc,
}

/// Why a query has no answer. The message is meant for the caller.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum QueryError {
    /// The query is wrong: a name that does not exist, an ambiguous one, an order by what is not in the query.
    #[error("{0}")]
    Invalid(String),
    /// A limit would be exceeded.
    #[error("{0}")]
    TooLarge(String),
    /// The mask was made by another cube or another snapshot: a mistake of the program.
    #[error("the mask does not belong to this cube")]
    ForeignMask,
}
