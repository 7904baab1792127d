//! Conditions of filters and restrictions as SQL that is true or false, never null.

use serde_json::Value;

use crate::{data::Kind, sql::literal};

/// The SQL of a condition, by the SQL and the kind of levels and the SQL of measures.
pub(crate) fn condition(
    filter: &Value,
    member: &dyn Fn(&str) -> (String, Kind),
    value: &dyn Fn(&str) -> String,
) -> String {
    let joined = |parts: &Value, neutral: &str, word: &str| {
        let parts = parts.as_array().unwrap().iter().map(|part| condition(part, member, value));
        let parts: Vec<String> = std::iter::once(neutral.to_owned()).chain(parts).collect();
        format!("({})", parts.join(word))
    };
    let fields = filter.as_object().unwrap();
    match fields.keys().find(|key| ["and", "or", "not"].contains(&key.as_str())).map(String::as_str) {
        Some("and") => joined(&filter["and"], "true", " AND "),
        Some("or") => joined(&filter["or"], "false", " OR "),
        Some(_) => format!("(NOT {})", condition(&filter["not"], member, value)),
        None => match (filter["level"].as_str(), filter["measure"].as_str()) {
            (Some(level), _) => {
                let (column, kind) = member(level);
                of_member(filter, &column, kind)
            }
            (None, measure) => of_value(filter, &value(measure.unwrap())),
        },
    }
}

pub(crate) fn speaks_of_measures(filter: &Value) -> bool {
    match filter {
        Value::Object(fields) => fields.contains_key("measure") || fields.values().any(speaks_of_measures),
        Value::Array(items) => items.iter().any(speaks_of_measures),
        _ => false,
    }
}

fn written(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn of_member(filter: &Value, column: &str, kind: Kind) -> String {
    let is_text = matches!(kind, Kind::Text(_));
    let missing = if is_text { format!("{column} = 'N/A'") } else { format!("{column} IS NULL") };
    // What cannot be read by the type is no bound.
    let bound = |value: &Value| {
        let text = written(value);
        match kind {
            Kind::Text(_) => Some(literal(&text)),
            Kind::Bool => text.parse::<bool>().ok().map(|value| value.to_string()),
            Kind::Int | Kind::Decimal => text.parse::<f64>().ok().map(|_| text),
            Kind::Quarter | Kind::Odd => text.parse::<f64>().ok().map(|number| format!("{number:e}")),
            Kind::Date if text.len() == "2021-01-31".len() => Some(format!("DATE {}", literal(&text))),
            Kind::Timestamp if text.ends_with('Z') => {
                Some(format!("TIMESTAMP {}", literal(text.trim_end_matches('Z'))))
            }
            Kind::Date | Kind::Timestamp => None,
        }
    };
    let equals = |value: &Value| match bound(value) {
        _ if value.is_null() || written(value) == "N/A" => missing.clone(),
        Some(bound) => format!("coalesce({column} = {bound}, false)"),
        None => "false".to_owned(),
    };
    let compare = |operator: &str, value: &Value| {
        // A date is as far as its first moment.
        let is_date = kind == Kind::Timestamp && written(value).len() == "2021-01-31".len();
        let midnight = is_date.then(|| format!("TIMESTAMP {}", literal(&written(value))));
        let bound = bound(value).or(midnight).map(|bound| format!("(NOT ({missing}) AND {column} {operator} {bound})"));
        bound.unwrap_or_else(|| "false".to_owned())
    };
    tested(filter, &equals, &compare, &format!("(NOT ({missing}))"))
}

fn of_value(filter: &Value, column: &str) -> String {
    let bound = |value: &Value| written(value).parse::<f64>().ok().map(|number| format!("{number:e}"));
    let compare = |operator: &str, value: &Value| {
        let bound = bound(value).map(|bound| format!("coalesce(CAST({column} AS DOUBLE) {operator} {bound}, false)"));
        bound.unwrap_or_else(|| "false".to_owned())
    };
    let equals = |value: &Value| if value.is_null() { format!("({column} IS NULL)") } else { compare("=", value) };
    tested(filter, &equals, &compare, &format!("({column} IS NOT NULL)"))
}

fn tested(
    filter: &Value,
    equals: &dyn Fn(&Value) -> String,
    compare: &dyn Fn(&str, &Value) -> String,
    is_known: &str,
) -> String {
    let fields = filter.as_object().unwrap().iter();
    let (name, operand) = fields.into_iter().find(|(name, _)| *name != "level" && *name != "measure").unwrap();
    match name.as_str() {
        "equals" => equals(operand),
        "in" => {
            let any = operand.as_array().unwrap().iter().map(equals);
            format!("({})", std::iter::once("false".to_owned()).chain(any).collect::<Vec<_>>().join(" OR "))
        }
        "lessThan" => compare("<", operand),
        "atMost" => compare("<=", operand),
        "greaterThan" => compare(">", operand),
        "atLeast" => compare(">=", operand),
        _ => {
            let from = operand.get("from").map(|from| compare(">=", from));
            let to = operand.get("to").map(|to| compare("<=", to));
            let bounds: Vec<String> = [Some(is_known.to_owned()), from, to].into_iter().flatten().collect();
            format!("({})", bounds.join(" AND "))
        }
    }
}
