//! Random tables, joins, hierarchies, measures, restrictions and queries against an evaluator that works row by row over
//! joined values.
//!
//! ```text
//! cases ──build──▶ cube ──query──▶ Answer ─┐
//!   └──data──▶ joined facts ──evaluate──▶ rows ─┴─ equal: values to the bit, or as far apart as their roundings allow
//! ```

use std::fmt::Write as _;

use cubegate_cube::Query;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::fixture::{Built, CUBE, cube, is_in};

mod bounds;
pub(crate) mod build;
mod cases;
mod data;
mod evaluate;
mod exact;
mod filter;
mod refusals;
mod values;

use build::build;
use cases::{Case, EXACT, case};
use data::{Cell, is_visible, join};
use evaluate::{Row, evaluate};

fn is_member(expected: Option<&Cell>, found: cubegate_cube::Cell<'_>) -> bool {
    use cubegate_cube::Cell as Found;
    match (expected, found) {
        (None, Found::Null) | (Some(Cell::Missing), Found::Text("N/A")) => true,
        (Some(Cell::Text(expected)), Found::Text(found)) => expected == found,
        (Some(Cell::Text(expected)), Found::Date(found)) => *expected == found.to_string(),
        (Some(Cell::Text(expected)), Found::Timestamp(found)) => *expected == found.to_string(),
        (Some(Cell::Bool(expected)), Found::Bool(found)) => *expected == found,
        (Some(Cell::Number(expected)), Found::Int64(found)) => *expected == exact::Exact::of_integer(found),
        (Some(Cell::Number(expected)), Found::Double(found)) => *expected == exact::Exact::of_double(found),
        (Some(Cell::Number(expected)), Found::Decimal { units, scale }) => expected.units(scale) == Some(units),
        _ => false,
    }
}

fn is_row((members, values): &Row, found: &[cubegate_cube::Cell<'_>]) -> bool {
    members.len() + values.len() == found.len()
        && members.iter().zip(found).all(|(expected, found)| is_member(expected.as_ref(), *found))
        && values.iter().zip(&found[members.len()..]).all(|(expected, found)| expected.is(*found))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn answers_are_those_of_an_evaluator_that_works_row_by_row(case in case(40, EXACT.map(str::to_owned).to_vec())) {
        let built = build(&case);
        let query: Query = serde_json::from_value(case.query.clone()).unwrap();
        let mask = built.cube().mask(&case.mask).unwrap();
        let answer = built.cube().query(&query, &mask);
        prop_assert!(answer.is_ok(), "{:?}: {:?}", case.query, answer.err());
        let answer = answer.unwrap();
        let expected = evaluate(&case);
        for (index, expected) in expected.iter().enumerate() {
            let found = (index < answer.row_count()).then(|| answer.row(index));
            let is_equal = found.as_ref().is_some_and(|found| is_row(expected, found));
            prop_assert!(is_equal, "{} in row {index}: {found:?} instead of {expected:?}", case.query);
        }
        prop_assert_eq!(answer.row_count(), expected.len(), "{}: {}", case.query, answer.to_csv());
    }

    #[test]
    fn a_masked_answer_is_the_answer_over_what_is_left_when_the_rest_is_deleted(case in case(40, EXACT.map(str::to_owned).to_vec())) {
        let joined = join(&case.tables, &case.joins);
        let mut tables = case.tables.clone();
        let facts = tables["Facts"].iter().zip(&joined).filter(|(_, fact)| is_visible(fact, &case.mask));
        let visible = facts.map(|(row, _)| row.clone()).collect();
        tables.insert("Facts", visible);
        let (whole, left) = (build(&case), build(&Case { tables, ..case.clone() }));
        let query: Query = serde_json::from_value(case.query.clone()).unwrap();
        let mask = whole.cube().mask(&case.mask).unwrap();
        let masked = whole.model.cube(CUBE).unwrap().query(&query, &mask).unwrap();
        let filtered = left.cube().query(&query, &left.everything()).unwrap();
        prop_assert_eq!(masked.to_json(1), filtered.to_json(1));
        prop_assert_eq!(masked.to_csv(), filtered.to_csv());
        prop_assert!(masked.to_arrow(1) == filtered.to_arrow(1), "{}", case.query);
    }
}
