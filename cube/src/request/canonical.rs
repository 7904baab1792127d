//! One text for all ways to write a query that has the same answer: what answers are kept by.

use super::{
    Query,
    context::Context,
    filter::{Filter, Scalar, Test},
};
use crate::value::NOT_AVAILABLE;

impl Query {
    /// A text that two queries share only when they have the same answer. Whether answers may be reused, whether they are
    /// explained and how long they may take makes no difference to it.
    pub fn canonical(&self) -> String {
        let Self { measures, levels, totals, filter, order, offset, limit, context, explain: _, cache: _ } = self;
        let query = Self {
            measures: measures.clone(),
            levels: levels.clone(),
            totals: *totals,
            filter: filter.as_ref().map(canonical).filter(|filter| *filter != Filter::And(Vec::new())),
            order: order.clone(),
            offset: offset.filter(|offset| *offset > 0),
            limit: *limit,
            context: Context { query_time_limit: None, ..context.clone() },
            explain: false,
            cache: true,
        };
        text(&query)
    }
}

fn canonical(filter: &Filter) -> Filter {
    match filter {
        Filter::And(filters) => joined(filters, Filter::And, |filter| match filter {
            Filter::And(filters) => Ok(filters),
            other => Err(other),
        }),
        Filter::Or(filters) => one_condition(joined(filters, Filter::Or, |filter| match filter {
            Filter::Or(filters) => Ok(filters),
            other => Err(other),
        })),
        Filter::Not(filter) => match canonical(filter) {
            Filter::Not(filter) => one_condition(*filter),
            other => Filter::Not(Box::new(other)),
        },
        Filter::Level { level, test } => Filter::Level { level: level.clone(), test: test_of_member(test) },
        Filter::Measure { measure, test } => Filter::Measure { measure: measure.clone(), test: sorted(test.clone()) },
    }
}

/// A conjunction that was no conjunct of its own stays one condition: if it speaks of measures, all of it is tested on rows,
/// while the conjuncts of a conjunction choose facts where they can.
fn one_condition(filter: Filter) -> Filter {
    match filter {
        Filter::And(_) if mentions_measure(&filter) => Filter::Or(vec![filter]),
        other => other,
    }
}

fn mentions_measure(filter: &Filter) -> bool {
    match filter {
        Filter::And(filters) | Filter::Or(filters) => filters.iter().any(mentions_measure),
        Filter::Not(filter) => mentions_measure(filter),
        Filter::Level { .. } => false,
        Filter::Measure { .. } => true,
    }
}

/// Joins of the same kind become one; order and repetition make no difference; a join of one filter is that filter.
fn joined(
    filters: &[Filter],
    join: impl Fn(Vec<Filter>) -> Filter,
    unjoin: impl Fn(Filter) -> Result<Vec<Filter>, Filter>,
) -> Filter {
    let mut parts: Vec<Filter> =
        filters.iter().flat_map(|filter| unjoin(canonical(filter)).unwrap_or_else(|other| vec![other])).collect();
    parts.sort_by_cached_key(text);
    parts.dedup();
    match parts.pop() {
        Some(only) if parts.is_empty() => only,
        Some(last) => {
            parts.push(last);
            join(parts)
        }
        None => join(parts),
    }
}

/// A member is read from its text, and what is missing has a name.
fn test_of_member(test: &Test) -> Test {
    let named = |value: &Scalar| Scalar::Text(value.text());
    sorted(match test {
        Test::In(values) => {
            let missing = || Scalar::Text(NOT_AVAILABLE.to_owned());
            Test::In(values.iter().map(|value| Some(value.as_ref().map_or_else(missing, named))).collect())
        }
        Test::Between { from, to } => Test::Between { from: from.as_ref().map(named), to: to.as_ref().map(named) },
        Test::LessThan(value) => Test::LessThan(named(value)),
        Test::AtMost(value) => Test::AtMost(named(value)),
        Test::GreaterThan(value) => Test::GreaterThan(named(value)),
        Test::AtLeast(value) => Test::AtLeast(named(value)),
    })
}

fn sorted(test: Test) -> Test {
    match test {
        Test::In(mut values) => {
            values.sort_by_cached_key(text);
            values.dedup();
            Test::In(values)
        }
        other => other,
    }
}

fn text(part: &impl serde::Serialize) -> String {
    serde_json::to_string(part).expect("texts and finite numbers can be written as JSON")
}

#[cfg(test)]
mod tests {
    use proptest::{prelude::*, sample::select};
    use serde_json::{Value, json};

    use super::*;

    fn scalar() -> impl Strategy<Value = Scalar> {
        prop_oneof![
            "[a-c\"é]{0,2}".prop_map(Scalar::Text),
            any::<i64>().prop_map(|number| Scalar::Number(number.into())),
            (-1000..1000_i32).prop_map(|quarters| {
                Scalar::Number(serde_json::Number::from_f64(f64::from(quarters) / 4.0).unwrap())
            }),
            any::<bool>().prop_map(Scalar::Bool),
        ]
    }

    fn test() -> impl Strategy<Value = Test> {
        let optional = || proptest::option::of(scalar());
        prop_oneof![
            proptest::collection::vec(optional(), 0..3).prop_map(Test::In),
            (optional(), optional()).prop_map(|(from, to)| Test::Between { from, to }),
            scalar().prop_map(Test::LessThan),
            scalar().prop_map(Test::AtMost),
            scalar().prop_map(Test::GreaterThan),
            scalar().prop_map(Test::AtLeast),
        ]
    }

    fn filter() -> impl Strategy<Value = Filter> {
        let leaf = (any::<bool>(), select(vec!["a", "b"]), test()).prop_map(|(is_level, name, test)| {
            let name = name.to_owned();
            if is_level { Filter::Level { level: name, test } } else { Filter::Measure { measure: name, test } }
        });
        leaf.prop_recursive(3, 12, 3, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..3).prop_map(Filter::And),
                proptest::collection::vec(inner.clone(), 0..3).prop_map(Filter::Or),
                inner.prop_map(|filter| Filter::Not(Box::new(filter))),
            ]
        })
    }

    proptest! {
        #[test]
        fn a_filter_is_read_as_it_is_written(filter in filter()) {
            let written = serde_json::to_string(&filter).unwrap();
            prop_assert_eq!(serde_json::from_str::<Filter>(&written).unwrap(), filter);
        }

        #[test]
        fn any_text_is_a_query_or_a_mistake(text in r#"\{("(filter|level|in|not|or|measures)":|[\[\]{},]|null|"a"|1){0,8}\}"#) {
            if let Ok(query) = serde_json::from_str::<Query>(&text) {
                let again: Query = serde_json::from_str(&serde_json::to_string(&query).unwrap()).unwrap();
                prop_assert_eq!(again, query);
            }
        }

        #[test]
        fn the_canonical_text_is_a_query_with_the_same_canonical_text(filter in filter()) {
            let canonical = Query { filter: Some(filter), ..Query::default() }.canonical();
            let again: Query = serde_json::from_str(&canonical).unwrap();
            prop_assert_eq!(again.canonical(), canonical);
        }
    }

    fn of(query: Value) -> String {
        serde_json::from_value::<Query>(query).unwrap().canonical()
    }

    #[test]
    fn order_of_conditions_and_values_makes_no_difference() {
        let a = json!({"level": "City", "in": ["Paris", null, "Lyon", "Paris"]});
        let b = json!({"level": "Year", "equals": 2021});
        let other_a = json!({"level": "City", "in": ["Lyon", "N/A", "Paris"]});
        let other_b = json!({"and": [{"level": "Year", "in": ["2021"]}]});
        assert_eq!(of(json!({"filter": {"and": [a, b]}})), of(json!({"filter": {"and": [other_b, other_a]}})));
        assert_eq!(of(json!({"filter": {"and": []}, "offset": 0})), of(json!({})));
        assert_ne!(of(json!({"filter": {"or": []}})), of(json!({})));
        assert_eq!(
            of(json!({"filter": {"not": {"not": {"level": "a", "atMost": 1}}}})),
            of(json!({"filter": {"level": "a", "atMost": "1"}}))
        );
    }

    #[test]
    fn what_changes_the_answer_changes_the_text() {
        let queries = [
            json!({}),
            json!({"measures": ["a"]}),
            json!({"levels": ["a"]}),
            json!({"totals": true}),
            json!({"limit": 0}),
            json!({"offset": 1}),
            json!({"order": [{"by": "a"}]}),
            json!({"context": {"referenceCurrency": "EUR"}}),
            json!({"context": {"resultLimit": {"total": 1}}}),
            json!({"filter": {"measure": "a", "equals": 1}}),
            json!({"filter": {"measure": "a", "equals": "1"}}),
        ];
        let texts: std::collections::BTreeSet<String> = queries.iter().cloned().map(of).collect();
        assert_eq!(texts.len(), queries.len());
        assert_eq!(of(json!({"cache": false, "explain": true, "context": {"queryTimeLimit": "5s"}})), of(json!({})));
    }

    #[test]
    fn a_condition_on_rows_is_not_one_on_facts() {
        let both = json!({"and": [{"level": "City", "in": ["Paris"]}, {"measure": "Sold", "greaterThan": 1}]});
        let key = |filter: Value| {
            let query: Query = serde_json::from_value(json!({"measures": ["Sold"], "filter": filter})).unwrap();
            query.canonical()
        };
        assert_ne!(key(both.clone()), key(json!({"or": [both.clone()]})));
        assert_ne!(key(both.clone()), key(json!({"not": {"not": both.clone()}})));
        assert_eq!(key(json!({"or": [both.clone()]})), key(json!({"not": {"not": both}})));
    }
}
