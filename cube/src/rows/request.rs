//! What is asked of rows, as it is written.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::request::filter::{Filter, Test};

/// Which rows and columns to read, as it is written.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct RowsQuery {
    /// Columns as `Table/Column`, or the column alone when one reachable table has it. None: of a cube all columns that it
    /// reaches, of a table its own.
    pub columns: Vec<String>,
    /// Which rows to read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filter: Option<RowFilter>,
    /// Rows to skip.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offset: Option<u64>,
    /// Rows to return at most, [`ROWS_DEFAULT`](crate::limits::ROWS_DEFAULT) when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u64>,
}

/// A condition on rows: `{"column":"City","in":["Paris","Lyon"]}` with the tests of a [`Filter`], or others joined by `and`,
/// `or` and `not`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Map<String, Value>", into = "Map<String, Value>")]
pub enum RowFilter {
    /// All of these hold. None: no condition.
    And(Vec<RowFilter>),
    /// At least one of these holds. None: nothing passes.
    Or(Vec<RowFilter>),
    /// This does not hold.
    Not(Box<RowFilter>),
    /// Of the value of a column.
    Column {
        /// Name of the column.
        column: String,
        /// What is to hold of it.
        test: Test,
    },
}

const FORMS: &str = "a filter of rows is a column with one of equals, in, between, lessThan, atMost, greaterThan and \
                     atLeast, as in {\"column\":\"City\",\"equals\":\"Paris\"}, or one of {\"and\":[…]}, {\"or\":[…]} and {\"not\":…}";

/// A column is tested as a level is, so what is written of one is read as if it were of the other.
impl TryFrom<Map<String, Value>> for RowFilter {
    type Error = String;

    fn try_from(mut written: Map<String, Value>) -> Result<Self, Self::Error> {
        let own = |error: serde_json::Error| error.to_string();
        if let Some(column) = written.remove("column") {
            if written.insert("level".to_owned(), column).is_some() {
                return Err(FORMS.to_owned());
            }
            return match serde_json::from_value(Value::Object(written)).map_err(own)? {
                Filter::Level { level, test } => Ok(Self::Column { column: level, test }),
                Filter::And(_) | Filter::Or(_) | Filter::Not(_) | Filter::Measure { .. } => Err(FORMS.to_owned()),
            };
        }
        let mut entries = written.into_iter();
        match (entries.next(), entries.next()) {
            (Some((key, value)), None) => match key.as_str() {
                "and" => serde_json::from_value(value).map(Self::And).map_err(own),
                "or" => serde_json::from_value(value).map(Self::Or).map_err(own),
                "not" => serde_json::from_value(value).map(Self::Not).map_err(own),
                _ => Err(FORMS.to_owned()),
            },
            _ => Err(FORMS.to_owned()),
        }
    }
}

impl From<RowFilter> for Map<String, Value> {
    fn from(filter: RowFilter) -> Self {
        let value = |value: Result<Value, serde_json::Error>| value.expect("a filter can be written as JSON");
        let (key, inner) = match filter {
            RowFilter::And(filters) => ("and", value(serde_json::to_value(filters))),
            RowFilter::Or(filters) => ("or", value(serde_json::to_value(filters))),
            RowFilter::Not(filter) => ("not", value(serde_json::to_value(filter))),
            RowFilter::Column { column, test } => {
                let written = value(serde_json::to_value(Filter::Level { level: column, test }));
                let Value::Object(mut written) = written else { return Self::new() };
                if let Some(column) = written.remove("level") {
                    written.insert("column".to_owned(), column);
                }
                return written;
            }
        };
        Self::from_iter([(key.to_owned(), inner)])
    }
}
