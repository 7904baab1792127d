//! Conditions on facts and on rows.

use serde::{Deserialize, Deserializer, Serialize};

/// A condition: `{"level":"City","in":["Paris","Lyon"]}`, `{"measure":"Quantity.SUM","greaterThan":100}`, or others joined
/// by `and`, `or` and `not`.
///
/// Conditions on levels choose facts. One that mentions a measure keeps rows, after everything has been summed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "WrittenFilter", into = "WrittenFilter")]
pub enum Filter {
    /// All of these hold. None: no condition.
    And(Vec<Filter>),
    /// At least one of these holds. None: nothing passes.
    Or(Vec<Filter>),
    /// This does not hold.
    Not(Box<Filter>),
    /// Of the member of a level.
    Level {
        /// Name of the level, which need not be among the levels of the query.
        level: String,
        /// What is to hold of it.
        test: Test,
    },
    /// Of the value of a measure.
    Measure {
        /// Name of the measure, which need not be among the measures of the query.
        measure: String,
        /// What is to hold of it.
        test: Test,
    },
}

/// What is to hold of a member or value. Only [`Test::In`] can hold of what is missing.
#[derive(Clone, Debug, PartialEq)]
pub enum Test {
    /// It is one of these; none stands for what is missing. A value that is not there matches nothing.
    In(Vec<Option<Scalar>>),
    /// It is at least `from` and at most `to`; either may be absent.
    Between {
        /// The smallest.
        from: Option<Scalar>,
        /// The largest.
        to: Option<Scalar>,
    },
    /// It is less.
    LessThan(Scalar),
    /// It is less or equal.
    AtMost(Scalar),
    /// It is greater.
    GreaterThan(Scalar),
    /// It is greater or equal.
    AtLeast(Scalar),
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

/// A filter before it is known which of its forms it is.
#[derive(Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct WrittenFilter {
    #[serde(skip_serializing_if = "Option::is_none")]
    level: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    measure: Option<String>,
    #[expect(clippy::option_option, reason = "a null that is written out is not the same as none")]
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    equals: Option<Option<Scalar>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    r#in: Option<Vec<Option<Scalar>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    between: Option<WrittenBounds>,
    #[serde(skip_serializing_if = "Option::is_none")]
    less_than: Option<Scalar>,
    #[serde(skip_serializing_if = "Option::is_none")]
    at_most: Option<Scalar>,
    #[serde(skip_serializing_if = "Option::is_none")]
    greater_than: Option<Scalar>,
    #[serde(skip_serializing_if = "Option::is_none")]
    at_least: Option<Scalar>,
    #[serde(skip_serializing_if = "Option::is_none")]
    and: Option<Vec<Filter>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    or: Option<Vec<Filter>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    not: Option<Box<Filter>>,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct WrittenBounds {
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<Scalar>,
    #[serde(skip_serializing_if = "Option::is_none")]
    to: Option<Scalar>,
}

const FORMS: &str = "a filter is a level or a measure with one of equals, in, between, lessThan, atMost, greaterThan and \
                     atLeast, as in {\"level\":\"City\",\"equals\":\"Paris\"}, or one of {\"and\":[…]}, {\"or\":[…]} and {\"not\":…}";

fn present<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

impl TryFrom<WrittenFilter> for Filter {
    type Error = &'static str;

    fn try_from(written: WrittenFilter) -> Result<Self, Self::Error> {
        let WrittenFilter {
            level,
            measure,
            equals,
            r#in,
            between,
            less_than,
            at_most,
            greater_than,
            at_least,
            and,
            or,
            not,
        } = written;
        let tests = [
            equals.map(|value| Test::In(vec![value])),
            r#in.map(Test::In),
            between.map(|WrittenBounds { from, to }| Test::Between { from, to }),
            less_than.map(Test::LessThan),
            at_most.map(Test::AtMost),
            greater_than.map(Test::GreaterThan),
            at_least.map(Test::AtLeast),
        ];
        let mut tests = tests.into_iter().flatten();
        match (level, measure, tests.next(), tests.next(), and, or, not) {
            (Some(level), None, Some(test), None, None, None, None) => Ok(Self::Level { level, test }),
            (None, Some(measure), Some(test), None, None, None, None) => Ok(Self::Measure { measure, test }),
            (None, None, None, None, Some(filters), None, None) => Ok(Self::And(filters)),
            (None, None, None, None, None, Some(filters), None) => Ok(Self::Or(filters)),
            (None, None, None, None, None, None, Some(filter)) => Ok(Self::Not(filter)),
            _ => Err(FORMS),
        }
    }
}

impl From<Filter> for WrittenFilter {
    fn from(filter: Filter) -> Self {
        let none = Self::default();
        match filter {
            Filter::And(filters) => Self { and: Some(filters), ..none },
            Filter::Or(filters) => Self { or: Some(filters), ..none },
            Filter::Not(filter) => Self { not: Some(filter), ..none },
            Filter::Level { level, test } => Self { level: Some(level), ..test.into() },
            Filter::Measure { measure, test } => Self { measure: Some(measure), ..test.into() },
        }
    }
}

impl From<Test> for WrittenFilter {
    fn from(test: Test) -> Self {
        let none = Self::default();
        match test {
            Test::In(values) => Self { r#in: Some(values), ..none },
            Test::Between { from, to } => Self { between: Some(WrittenBounds { from, to }), ..none },
            Test::LessThan(value) => Self { less_than: Some(value), ..none },
            Test::AtMost(value) => Self { at_most: Some(value), ..none },
            Test::GreaterThan(value) => Self { greater_than: Some(value), ..none },
            Test::AtLeast(value) => Self { at_least: Some(value), ..none },
        }
    }
}

impl Scalar {
    /// The value as it would be written in a table: `1.0` is the integer that it is.
    pub(crate) fn text(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Number(number) => {
                let text = number.to_string();
                text.strip_suffix(".0").map(str::to_owned).unwrap_or(text)
            }
            Self::Bool(value) => value.to_string(),
        }
    }
}
