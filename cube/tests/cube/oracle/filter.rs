//! Which facts a filter wants and which rows it keeps.

use std::cmp::Ordering;

use serde_json::Value;

use super::{
    cases::Case,
    data::{Cell, Joined, Kind, is, kind_of},
    evaluate::{find_level, speaks_of_measures},
    exact::Exact,
    values::Val,
};

/// Whether the conditions that choose facts hold.
pub(crate) fn is_wanted(case: &Case, filter: &Value, fact: &Joined) -> bool {
    let holds = |condition: &Value| {
        let (_, _, column) = find_level(case, condition["level"].as_str().unwrap());
        member_passes(condition, kind_of(column), &fact[&column])
    };
    conjuncts(filter).iter().filter(|part| !speaks_of_measures(part)).all(|part| passes(part, &holds))
}

/// Whether the conditions that keep rows hold, by the values of measures and the members of levels.
pub(crate) fn is_kept(filter: &Value, value: &dyn Fn(&str) -> Val, member: &dyn Fn(&str) -> (Kind, Cell)) -> bool {
    let holds = |condition: &Value| match (condition["level"].as_str(), condition["measure"].as_str()) {
        (Some(level), _) => {
            let (kind, cell) = member(level);
            member_passes(condition, kind, &cell)
        }
        (None, name) => value_passes(condition, &value(name.unwrap())),
    };
    conjuncts(filter).iter().filter(|part| speaks_of_measures(part)).all(|part| passes(part, &holds))
}

fn conjuncts(filter: &Value) -> Vec<&Value> {
    match &filter["and"] {
        _ if filter.is_null() => Vec::new(),
        Value::Array(all) => all.iter().flat_map(conjuncts).collect(),
        _ => vec![filter],
    }
}

fn passes(filter: &Value, holds: &dyn Fn(&Value) -> bool) -> bool {
    let each = |name: &str| filter[name].as_array().unwrap().clone();
    let fields = filter.as_object().unwrap();
    match fields.keys().find(|key| ["and", "or", "not"].contains(&key.as_str())).map(String::as_str) {
        Some("and") => each("and").iter().all(|part| passes(part, holds)),
        Some("or") => each("or").iter().any(|part| passes(part, holds)),
        Some(_) => !passes(&filter["not"], holds),
        None => holds(filter),
    }
}

/// The test of a condition, and what it is compared with.
fn test(condition: &Value) -> (&str, &Value) {
    let fields = condition.as_object().unwrap().iter();
    let mut tests = fields.filter(|(name, _)| *name != "level" && *name != "measure");
    let (name, value) = tests.next().unwrap();
    (name, value)
}

fn written(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn member_passes(condition: &Value, kind: Kind, cell: &Cell) -> bool {
    let is_missing = *cell == Cell::Missing || *cell == Cell::Text("N/A".to_owned());
    let equals = |value: &Value| if value.is_null() { is_missing } else { is(kind, cell, &written(value)) };
    compared(test(condition), &equals, &|bound| {
        let written = written(bound);
        // A date is as far as its first moment.
        let midnight = || kind.parse(&format!("{written}T00:00:00Z")).filter(|_| Kind::Date.parse(&written).is_some());
        let bound = kind.parse(&written).or_else(midnight)?;
        (!is_missing).then(|| cell.cmp(&bound))
    })
    .unwrap_or(!is_missing)
}

fn value_passes(condition: &Value, value: &Val) -> bool {
    let compare = |bound: &Value| {
        let written = written(bound);
        let double: f64 = written.parse().ok()?;
        let is_plain = !matches!(value, Val::Double { .. }) && !written.contains(['e', 'E']);
        let bound = if is_plain { Exact::of_digits(&written) } else { Exact::of_double(double) };
        Some(value.number()?.cmp(&bound))
    };
    let equals =
        |bound: &Value| if bound.is_null() { value.is_null() } else { compare(bound).is_some_and(Ordering::is_eq) };
    compared(test(condition), &equals, &compare).unwrap_or(!value.is_null())
}

/// Whether a test holds; none for one without any bound, which only what is missing does not pass.
fn compared(
    (name, operand): (&str, &Value),
    equals: &dyn Fn(&Value) -> bool,
    compare: &dyn Fn(&Value) -> Option<Ordering>,
) -> Option<bool> {
    Some(match name {
        "equals" => equals(operand),
        "in" => operand.as_array().unwrap().iter().any(equals),
        "lessThan" => compare(operand).is_some_and(Ordering::is_lt),
        "atMost" => compare(operand).is_some_and(Ordering::is_le),
        "greaterThan" => compare(operand).is_some_and(Ordering::is_gt),
        "atLeast" => compare(operand).is_some_and(Ordering::is_ge),
        _ => {
            let (from, to) = (operand.get("from"), operand.get("to"));
            if from.is_none() && to.is_none() {
                return None;
            }
            from.is_none_or(|from| compare(from).is_some_and(Ordering::is_ge))
                && to.is_none_or(|to| compare(to).is_some_and(Ordering::is_le))
        }
    })
}
