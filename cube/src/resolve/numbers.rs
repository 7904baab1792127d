//! Tests of values of measures: numbers as they are, dates by their place among the dates of their column.

use std::cmp::Ordering;

use super::filter::Members;
use crate::{
    answer::Values,
    request::filter::{Scalar, Test},
    storage::numbers::ratio,
    value::parse_double,
};

/// What is to hold of a value. Null passes only when it is asked for.
#[derive(Clone, Debug)]
pub(crate) struct NumberTest {
    /// For what is not a number.
    written: Test,
    numbers: Numbers,
}

#[derive(Clone, Debug)]
enum Numbers {
    OneOf(Vec<Bound>),
    /// Whether the bounds themselves pass, too.
    Within {
        from: Option<(Bound, bool)>,
        to: Option<(Bound, bool)>,
    },
    /// The test speaks of something that is no number.
    Nothing,
}

/// A number, also without rounding where it has few enough digits.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Bound {
    double: f64,
    /// Units of `10^-scale`.
    exact: Option<(i128, u8)>,
}

/// Digits of a number that is compared without rounding; with those of a value they fit 128 bits, or else they are rounded.
const EXACT_DIGITS_MAX: usize = 36;

impl NumberTest {
    pub(super) fn new(test: &Test) -> Self {
        let within = |from: Option<(&Scalar, bool)>, to: Option<(&Scalar, bool)>| {
            let bound = |end: Option<(&Scalar, bool)>| match end {
                Some((scalar, inclusive)) => Bound::read(scalar).map(|bound| Some((bound, inclusive))),
                None => Some(None),
            };
            match (bound(from), bound(to)) {
                (Some(from), Some(to)) => Numbers::Within { from, to },
                _ => Numbers::Nothing,
            }
        };
        let numbers = match test {
            Test::In(values) => Numbers::OneOf(values.iter().flatten().filter_map(Bound::read).collect()),
            Test::Between { from, to } => {
                within(from.as_ref().map(|from| (from, true)), to.as_ref().map(|to| (to, true)))
            }
            Test::LessThan(value) => within(None, Some((value, false))),
            Test::AtMost(value) => within(None, Some((value, true))),
            Test::GreaterThan(value) => within(Some((value, false)), None),
            Test::AtLeast(value) => within(Some((value, true)), None),
        };
        Self { written: test.clone(), numbers }
    }

    /// Whether each value passes.
    pub(crate) fn passing(&self, values: &Values) -> Vec<bool> {
        let null = matches!(&self.written, Test::In(values) if values.contains(&None));
        match values {
            Values::Members { dictionary, codes } => {
                let members = Members::passing(&self.written, dictionary);
                each(codes, null, |code| members.contains(code))
            }
            Values::Int64(values) => each(values, null, |value| self.holds(|bound| bound.compare(value.into(), 0))),
            Values::Decimal { units, scale } => {
                each(units, null, |units| self.holds(|bound| bound.compare(units, *scale)))
            }
            Values::Double(values) => each(values, null, |value| {
                self.holds(|bound| value.partial_cmp(&bound.double).unwrap_or(Ordering::Greater))
            }),
        }
    }

    /// Whether a number passes that compares to bounds like this.
    fn holds(&self, compare: impl Fn(&Bound) -> Ordering) -> bool {
        match &self.numbers {
            Numbers::OneOf(bounds) => bounds.iter().any(|bound| compare(bound).is_eq()),
            Numbers::Within { from, to } => {
                let is_within = |end: &Option<(Bound, bool)>, beyond: Ordering| {
                    end.as_ref().is_none_or(|(bound, inclusive)| match compare(bound) {
                        Ordering::Equal => *inclusive,
                        other => other != beyond,
                    })
                };
                is_within(from, Ordering::Less) && is_within(to, Ordering::Greater)
            }
            Numbers::Nothing => false,
        }
    }
}

fn each<T: Copy>(values: &[Option<T>], null: bool, passes: impl Fn(T) -> bool) -> Vec<bool> {
    values.iter().map(|value| value.map_or(null, &passes)).collect()
}

impl Bound {
    fn read(scalar: &Scalar) -> Option<Self> {
        let text = scalar.text();
        Some(Self { double: parse_double(&text)?, exact: exact(&text) })
    }

    /// How a number of units compares to this one.
    fn compare(&self, units: i128, scale: u8) -> Ordering {
        let exactly = self.exact.and_then(|(bound, bound_scale)| {
            let common = scale.max(bound_scale);
            let scaled = |units: i128, scale: u8| units.checked_mul(10_i128.checked_pow((common - scale).into())?);
            Some(scaled(units, scale)?.cmp(&scaled(bound, bound_scale)?))
        });
        exactly.unwrap_or_else(|| {
            ratio(units, 10_i128.pow(scale.into())).partial_cmp(&self.double).unwrap_or(Ordering::Greater)
        })
    }
}

/// Units and scale of digits with an optional point.
fn exact(text: &str) -> Option<(i128, u8)> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let is_short = whole.len() + fraction.len() <= EXACT_DIGITS_MAX;
    let is_plain = is_short && fraction.bytes().all(|byte| byte.is_ascii_digit());
    let digits = is_plain.then(|| format!("{whole}{fraction}"))?;
    Some((digits.parse().ok()?, u8::try_from(fraction.len()).ok()?))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::request::filter::Filter;

    fn test(test: &serde_json::Value) -> NumberTest {
        let mut filter = test.clone();
        filter["measure"] = json!("m");
        match serde_json::from_value(filter).unwrap() {
            Filter::Measure { test, .. } => NumberTest::new(&test),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn null_passes_only_when_asked_for() {
        let values = Values::Int64(vec![Some(1), None, Some(3)]);
        let passing = |written: serde_json::Value| test(&written).passing(&values);
        assert_eq!(passing(json!({"equals": null})), [false, true, false]);
        assert_eq!(passing(json!({"in": [3, null]})), [false, true, true]);
        assert_eq!(passing(json!({"lessThan": 3})), [true, false, false]);
        assert_eq!(passing(json!({"atMost": 3})), [true, false, true]);
        assert_eq!(passing(json!({"greaterThan": 1.0})), [false, false, true]);
        assert_eq!(passing(json!({"atLeast": "1"})), [true, false, true]);
        assert_eq!(passing(json!({"between": {"from": 0.5, "to": 2}})), [true, false, false]);
        assert_eq!(passing(json!({"between": {}})), [true, false, true]);
        assert_eq!(passing(json!({"lessThan": "many"})), [false, false, false]);
    }

    #[test]
    fn integers_and_decimals_are_compared_without_rounding() {
        let large = Values::Int64(vec![Some(9_007_199_254_740_992), Some(9_007_199_254_740_993)]);
        assert_eq!(test(&json!({"equals": 9_007_199_254_740_993_i64})).passing(&large), [false, true]);
        let decimals = Values::Decimal { units: vec![Some(10), Some(11)], scale: 2 };
        assert_eq!(test(&json!({"atMost": 0.1})).passing(&decimals), [true, false]);
        assert_eq!(test(&json!({"greaterThan": "0.1000000001"})).passing(&decimals), [false, true]);
        assert_eq!(test(&json!({"lessThan": 1e30})).passing(&decimals), [true, true]);
    }

    proptest! {
        #[test]
        fn doubles_and_units_compare_alike(units in -1000..1000_i64, bound in -1000..1000_i64) {
            let written = json!({"lessThan": f64::from(i32::try_from(bound).unwrap()) / 4.0});
            let decimals = Values::Decimal { units: vec![Some(i128::from(units) * 25)], scale: 2 };
            let doubles = Values::Double(vec![Some(f64::from(i32::try_from(units).unwrap()) / 4.0)]);
            prop_assert_eq!(test(&written).passing(&decimals), vec![units < bound]);
            prop_assert_eq!(test(&written).passing(&doubles), vec![units < bound]);
        }
    }
}
