//! What holds for a query: the context values of its caller, and its own.

use cubegate_cube::{Context, CubeSchema, Number, ResultLimit, TimeLimit};
use cubegate_policy::context::{CallerContext, ResultLimit as DeclaredLimit};

/// The context values of a caller, as far as they concern the answers of a cube.
pub(super) fn of_caller(caller: &CallerContext, cube: &CubeSchema) -> Context {
    let limit = caller.result_limit.as_ref().map(|given| given.value).unwrap_or_default();
    let DeclaredLimit { intermediate, total } = limit;
    // A limit below zero, which the schema rejects, lets nothing through.
    let count = |limit: Option<i64>| limit.map(|limit| u64::try_from(limit).unwrap_or(0));
    // What is no number, which reading a manifest rejects, leaves the cube's own.
    let number = |(name, value): (&String, &str)| Some((name.clone(), Number::parse(value)?));
    let values = caller.values.iter().map(|(name, given)| (name, given.value.as_str()));
    let is_here = |(name, _): &(&String, _)| cube.hierarchies.iter().any(|hierarchy| hierarchy.name == **name);
    let default_members = caller.default_members.as_ref().map(|given| {
        given.value.iter().filter(is_here).map(|(hierarchy, path)| (hierarchy.clone(), path.clone())).collect()
    });
    Context {
        reference_currency: caller.reference_currency.as_ref().map(|given| given.value.clone()),
        query_time_limit: caller.query_time_limit.as_ref().map(|given| TimeLimit(given.value.duration())),
        result_limit: ResultLimit { intermediate: count(intermediate), total: count(total) },
        default_members,
        values: values.filter_map(number).collect(),
    }
}

/// Limits are the smaller of the two; what is no limit is the query's own, if it says.
pub(super) fn within(asked: &Context, caller: Context) -> Context {
    Context {
        reference_currency: asked.reference_currency.clone().or(caller.reference_currency),
        query_time_limit: smaller(asked.query_time_limit, caller.query_time_limit),
        result_limit: ResultLimit {
            intermediate: smaller(asked.result_limit.intermediate, caller.result_limit.intermediate),
            total: smaller(asked.result_limit.total, caller.result_limit.total),
        },
        default_members: asked.default_members.clone().or(caller.default_members),
        values: caller.values,
    }
}

fn smaller<T: Ord>(a: Option<T>, b: Option<T>) -> Option<T> {
    a.into_iter().chain(b).min()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_query_tightens_limits_and_chooses_what_is_no_limit() {
        let read = |value| serde_json::from_value::<Context>(value).unwrap();
        let of_caller =
            read(json!({"referenceCurrency": "USD", "queryTimeLimit": "30s", "resultLimit": {"total": 100},
            "defaultMembers": {"Geography": ["France"]}}));
        assert_eq!(within(&Context::default(), of_caller.clone()), of_caller);
        let looser = read(json!({"queryTimeLimit": "1m", "resultLimit": {"total": 200, "intermediate": 5}}));
        let expected = json!({"referenceCurrency": "USD", "queryTimeLimit": "30s",
            "resultLimit": {"total": 100, "intermediate": 5}, "defaultMembers": {"Geography": ["France"]}});
        assert_eq!(within(&looser, of_caller.clone()), read(expected));
        let tighter = read(json!({"referenceCurrency": "EUR", "queryTimeLimit": "5s", "resultLimit": {"total": 1},
            "defaultMembers": {}}));
        assert_eq!(within(&tighter, of_caller), tighter);
    }

    #[test]
    fn a_query_cannot_write_the_numbers_that_expressions_read() {
        let mistake = serde_json::from_value::<Context>(json!({"values": {"discount": 1}})).unwrap_err();
        assert!(mistake.to_string().contains("unknown field `values`"), "{mistake}");
    }
}
