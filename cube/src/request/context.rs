//! What a query is asked in: a currency, default members, numbers that measures read, and limits that can only tighten those that hold anyway.

use std::{
    collections::BTreeMap,
    hash::{Hash, Hasher},
    str::FromStr,
    time::Duration,
};

use serde::{Deserialize, Serialize};

use crate::{limits::QueryLimits, value::parse_double};

/// What a query is asked in.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Context {
    /// The currency that amounts are converted to, instead of the one that the measure names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reference_currency: Option<String>,
    /// How long the answer may take.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub query_time_limit: Option<TimeLimit>,
    /// How large the answer may get.
    #[serde(skip_serializing_if = "ResultLimit::is_empty")]
    pub result_limit: ResultLimit,
    /// By hierarchy, the member that the query looks at when it neither groups by the hierarchy nor filters it: its path from the
    /// coarsest level.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_members: Option<BTreeMap<String, Vec<String>>>,
    /// Numbers that expressions read, instead of those of the cube. Whoever asks cannot write them: a policy gives them.
    #[serde(skip_deserializing, skip_serializing_if = "BTreeMap::is_empty")]
    pub values: BTreeMap<String, Number>,
}

/// A finite number.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Number(f64);

/// How large the results of a query may get, in combinations of members that have a visible fact.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct ResultLimit {
    /// At one depth.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub intermediate: Option<u64>,
    /// At all depths that the answer needs, totals and parents included.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total: Option<u64>,
}

/// A duration, written as in `5s`, `250ms` or `1m`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TimeLimit(pub Duration);

const MILLIS_OF_UNITS: [(&str, u64); 4] = [("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000)];

impl Number {
    /// Reads a decimal number, as in `-0.25`; none when it is none, or beyond all doubles.
    pub fn parse(text: &str) -> Option<Self> {
        // There is one zero, as for `Eq` and `Hash`.
        parse_double(text).map(|number| Self(number + 0.0))
    }

    pub(crate) fn get(self) -> f64 {
        self.0
    }
}

impl Eq for Number {}

impl Hash for Number {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.to_bits().hash(state);
    }
}

impl Context {
    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The limits, where this context asks for less.
    pub(crate) fn tighten(&self, limits: QueryLimits) -> QueryLimits {
        QueryLimits { cells_max: at_most(limits.cells_max, self.result_limit.intermediate), ..limits }
    }
}

impl ResultLimit {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Combinations at all depths, where this asks for less.
    pub(crate) fn total_max(&self, max: usize) -> usize {
        at_most(max, self.total)
    }
}

fn at_most(max: usize, asked: Option<u64>) -> usize {
    asked.and_then(|asked| usize::try_from(asked).ok()).map_or(max, |asked| asked.min(max))
}

impl FromStr for TimeLimit {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let split = text.find(|character: char| !character.is_ascii_digit()).unwrap_or(text.len());
        let (number, unit) = text.split_at(split);
        let millis = MILLIS_OF_UNITS
            .iter()
            .find(|(name, _)| *name == unit)
            .and_then(|(_, millis)| number.parse::<u64>().ok()?.checked_mul(*millis));
        let wrong = || format!("{text:?} is not a duration; write a whole number and ms, s, m or h, as in 250ms");
        Ok(Self(Duration::from_millis(millis.ok_or_else(wrong)?)))
    }
}

impl TryFrom<String> for TimeLimit {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl std::fmt::Display for TimeLimit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let millis = self.0.as_millis();
        let (unit, size) = MILLIS_OF_UNITS
            .into_iter()
            .rev()
            .find(|(_, size)| millis >= u128::from(*size) && millis.is_multiple_of(u128::from(*size)))
            .unwrap_or(("ms", 1));
        write!(f, "{}{unit}", millis / u128::from(size))
    }
}

impl From<TimeLimit> for String {
    fn from(limit: TimeLimit) -> Self {
        limit.to_string()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_time_limit_is_read_as_it_is_written(millis in 0..10_000_000_u64) {
            let limit = TimeLimit(Duration::from_millis(millis));
            prop_assert_eq!(limit.to_string().parse::<TimeLimit>(), Ok(limit));
        }

        #[test]
        fn any_text_is_a_time_limit_or_a_mistake(text in ".{0,12}") {
            if let Ok(limit) = text.parse::<TimeLimit>() {
                prop_assert_eq!(limit.to_string().parse::<TimeLimit>(), Ok(limit));
            }
        }
    }

    #[test]
    fn a_time_limit_has_a_unit() {
        let millis = |text: &str| text.parse::<TimeLimit>().map(|limit| limit.0.as_millis());
        assert_eq!(millis("250ms"), Ok(250));
        assert_eq!(millis("5s"), Ok(5000));
        assert_eq!(millis("1m"), Ok(60_000));
        for wrong in ["5", "s", "-5s", "5 s", "1.5s", "99999999999999999999s", "99999999999999999h", ""] {
            assert!(millis(wrong).unwrap_err().contains("as in 250ms"), "{wrong}");
        }
    }

    #[test]
    fn a_context_only_tightens() {
        let context =
            |intermediate, total| Context { result_limit: ResultLimit { intermediate, total }, ..Context::default() };
        let limits = QueryLimits::default();
        assert_eq!(context(None, None).tighten(limits), limits);
        assert_eq!(context(Some(u64::MAX), Some(u64::MAX)).tighten(limits), limits);
        assert_eq!(context(Some(12), Some(20)).tighten(limits), QueryLimits { cells_max: 12, ..limits });
        assert_eq!(context(None, Some(20)).result_limit.total_max(30), 20);
        assert_eq!(context(None, None).result_limit.total_max(30), 30);
    }
}
