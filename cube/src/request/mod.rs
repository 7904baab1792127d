//! The query, as it is written.
//!
//! ```text
//! {"measures":[…],"levels":[…],"totals":…,"filter":…,"order":[…],"limit":…,"offset":…,"context":{…},"explain":…,"cache":…}
//! ```

use serde::{Deserialize, Serialize};

mod canonical;
pub(crate) mod context;
pub(crate) mod filter;

use context::Context;
use filter::Filter;

/// A query, as it is written.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Query {
    /// Names of measures, in the order of the columns. None: which members have a visible fact.
    pub measures: Vec<String>,
    /// Names of levels. A level brings its ancestors as columns before it. None: one row, if any fact is visible.
    pub levels: Vec<String>,
    /// Whether there is a row for the grand total and for each subtotal, before the rows it is the total of.
    pub totals: bool,
    /// Which facts to look at and which rows to keep.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filter: Option<Filter>,
    /// Order of the rows; natural where it leaves a tie. With totals, the order among the rows of one subtotal.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub order: Vec<Order>,
    /// Rows to skip, totals counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offset: Option<u64>,
    /// Rows to return at most, totals counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u64>,
    /// What the query is asked in.
    #[serde(skip_serializing_if = "Context::is_empty")]
    pub context: Context,
    /// Whether to tell how the answer is found, instead of the answer.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub explain: bool,
    /// Whether an answer that was found before will do, as long as it is the same.
    #[serde(skip_serializing_if = "Clone::clone")]
    pub cache: bool,
}

/// One criterion of order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Order {
    /// Name of a level or measure of the query, or of another measure of the cube.
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

/// Why a query has no answer. The message is meant for the caller, and tells nothing of facts that the caller may not see.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum QueryError {
    /// The query is wrong: a name that does not exist, an ambiguous one, an order by what is not in the query.
    #[error("{0}")]
    Invalid(String),
    /// A limit would be exceeded, or a sum its type.
    #[error("{0}")]
    TooLarge(String),
    /// A value of a measure is beyond its type; it is not known yet of which measure that the query names.
    #[error("a value of a measure does not fit its type")]
    DoesNotFit,
    /// Whoever asked wants no answer any more, or has waited long enough.
    #[error("the query was interrupted")]
    Interrupted,
    /// The mask was made by another cube or another snapshot: a mistake of the program.
    #[error("the mask does not belong to this cube")]
    ForeignMask,
}

impl Default for Query {
    fn default() -> Self {
        Self {
            measures: Vec::new(),
            levels: Vec::new(),
            totals: false,
            filter: None,
            order: Vec::new(),
            offset: None,
            limit: None,
            context: Context::default(),
            explain: false,
            cache: true,
        }
    }
}
