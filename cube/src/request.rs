//! The query, as it is written.

use serde::{Deserialize, Serialize};

/// A query, as it is written.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Query {
    /// Names of measures, in the order of the columns. None: which members have a visible fact.
    #[serde(default)]
    pub measures: Vec<String>,
    /// Names of levels. A level brings its ancestors as columns before it. None: one row, if any fact is visible.
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

/// A condition on facts: `{"level":"City","equals":"Paris"}`, `{"level":"City","in":["Paris","Lyon"]}` or `{"and":[…]}`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "WrittenFilter", into = "WrittenFilter")]
pub enum Filter {
    /// All of these hold. None: no condition.
    And(Vec<Filter>),
    /// The member of a level is one of these. A value that is no member matches nothing.
    In {
        /// Name of the level, which need not be among the levels of the query.
        level: String,
        /// The members.
        values: Vec<Scalar>,
    },
}

/// A value in a filter, read by the type of the level: a date is text, and a number may be.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged, expecting = "a string, a number or a boolean")]
pub enum Scalar {
    /// Text.
    Text(String),
    /// A number.
    Number(serde_json::Number),
    /// A truth value.
    Bool(bool),
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
    /// The mask was made by another cube or another snapshot: a mistake of the program.
    #[error("the mask does not belong to this cube")]
    ForeignMask,
}

/// A filter before it is known which of its forms it is.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct WrittenFilter {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    level: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    equals: Option<Scalar>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    r#in: Option<Vec<Scalar>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    and: Option<Vec<Filter>>,
}

impl TryFrom<WrittenFilter> for Filter {
    type Error = &'static str;

    fn try_from(written: WrittenFilter) -> Result<Self, Self::Error> {
        match written {
            WrittenFilter { level: None, equals: None, r#in: None, and: Some(filters) } => Ok(Self::And(filters)),
            WrittenFilter { level: Some(level), equals: Some(value), r#in: None, and: None } => {
                Ok(Self::In { level, values: vec![value] })
            }
            WrittenFilter { level: Some(level), equals: None, r#in: Some(values), and: None } => {
                Ok(Self::In { level, values })
            }
            _ => Err("a filter is {\"level\":…,\"equals\":…}, {\"level\":…,\"in\":[…]} or {\"and\":[…]}"),
        }
    }
}

impl From<Filter> for WrittenFilter {
    fn from(filter: Filter) -> Self {
        match filter {
            Filter::And(filters) => Self { level: None, equals: None, r#in: None, and: Some(filters) },
            Filter::In { level, values } => Self { level: Some(level), equals: None, r#in: Some(values), and: None },
        }
    }
}

impl Scalar {
    /// The value as it would be written in a table.
    pub(crate) fn text(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Number(number) => number.to_string(),
            Self::Bool(value) => value.to_string(),
        }
    }
}
