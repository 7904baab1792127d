//! What holds for a query: the context values of its cube, and its own.

use cubegate_cube::{Context, ResultLimit};

/// Limits are the smaller of the two; what is no limit is the query's own, if it says.
pub(super) fn within(asked: &Context, of_cube: &Context) -> Context {
    Context {
        reference_currency: asked.reference_currency.clone().or_else(|| of_cube.reference_currency.clone()),
        query_time_limit: smaller(asked.query_time_limit, of_cube.query_time_limit),
        result_limit: ResultLimit {
            intermediate: smaller(asked.result_limit.intermediate, of_cube.result_limit.intermediate),
            total: smaller(asked.result_limit.total, of_cube.result_limit.total),
        },
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
    fn a_query_tightens_limits_and_chooses_its_currency() {
        let read = |value| serde_json::from_value::<Context>(value).unwrap();
        let of_cube = read(json!({"referenceCurrency": "USD", "queryTimeLimit": "30s", "resultLimit": {"total": 100}}));
        assert_eq!(within(&Context::default(), &of_cube), of_cube);
        let looser = read(json!({"queryTimeLimit": "1m", "resultLimit": {"total": 200, "intermediate": 5}}));
        let expected = json!({"referenceCurrency": "USD", "queryTimeLimit": "30s",
            "resultLimit": {"total": 100, "intermediate": 5}});
        assert_eq!(within(&looser, &of_cube), read(expected));
        let tighter = read(json!({"referenceCurrency": "EUR", "queryTimeLimit": "5s", "resultLimit": {"total": 1}}));
        assert_eq!(within(&tighter, &of_cube), tighter);
    }
}
