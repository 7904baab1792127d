//! The same question in SQL, over the star and over the joined table.

use std::collections::BTreeMap;

use crate::{
    queries::{Comparison, Measure, Query, Test, Value},
    schema::{FACTS, TABLES, table_of},
};

/// The joined table.
const FLAT: &str = "flat";

/// Each way to write the query, by its name. Totals can be asked for at once, or of the groups that were made before.
pub(crate) fn statements(query: &Query) -> BTreeMap<&'static str, String> {
    let star = star(query);
    let mut statements = BTreeMap::new();
    if query.totals {
        statements.insert("flat, at once", statement(query, FLAT, true));
        statements.insert("star, at once", statement(query, &star, true));
        statements.insert("flat, in two steps", totals_of(query, &statement(query, FLAT, false)));
        statements.insert("star, in two steps", totals_of(query, &statement(query, &star, false)));
    } else {
        statements.insert("flat", statement(query, FLAT, false));
        statements.insert("star", statement(query, &star, false));
    }
    statements
}

/// The facts, joined to what the query speaks of and to nothing else.
fn star(query: &Query) -> String {
    let columns = query.columns();
    let is_needed = |name: &str| columns.iter().any(|column| table_of(column).is_some_and(|table| table.name == name));
    let joins = TABLES.iter().filter(|table| is_needed(table.name));
    let joins = joins.filter_map(|table| Some((table.name, table.join?)));
    let joins = joins.map(|(name, (from, to))| format!(" JOIN {name} ON {from} = {to}"));
    std::iter::once(FACTS.to_owned()).chain(joins).collect()
}

fn statement(query: &Query, from: &str, totals: bool) -> String {
    let groups = query.groups.iter().map(|group| (*group).to_owned());
    let measures = query.measures.iter().enumerate().map(|(index, one)| format!("{} AS m{index}", measure(one)));
    let selected = groups.chain(measures).collect::<Vec<_>>().join(", ");
    let conditions: Vec<String> = query.filter.iter().map(condition).collect();
    let filter = if conditions.is_empty() { String::new() } else { format!(" WHERE {}", conditions.join(" AND ")) };
    format!("SELECT {selected} FROM {from}{filter}{}", group_by(query, totals))
}

fn totals_of(query: &Query, groups: &str) -> String {
    let names = query.groups.iter().map(|group| (*group).to_owned());
    let measures = (0..query.measures.len()).map(|index| format!("sum(m{index}) AS m{index}"));
    let selected = names.chain(measures).collect::<Vec<_>>().join(", ");
    format!("SELECT {selected} FROM ({groups}) AS cells{}", group_by(query, true))
}

fn group_by(query: &Query, totals: bool) -> String {
    match (query.groups.join(", "), totals) {
        (groups, _) if groups.is_empty() => String::new(),
        (groups, true) => format!(" GROUP BY ROLLUP ({groups})"),
        (groups, false) => format!(" GROUP BY {groups}"),
    }
}

fn measure(measure: &Measure) -> String {
    match measure {
        Measure::Count => "count(*)".to_owned(),
        Measure::Sum(column) => format!("sum({column})"),
        Measure::SumProduct(one, other) => format!("sum({one} * {other})"),
        Measure::SumDifference(one, other) => format!("sum({one} - {other})"),
        Measure::DistinctCount(column) => format!("count(DISTINCT {column})"),
    }
}

fn condition(test: &Test) -> String {
    let column = test.column;
    match &test.comparison {
        Comparison::In(values) => match values.as_slice() {
            [only] => format!("{column} = {}", literal(only)),
            several => format!("{column} IN ({})", several.iter().map(literal).collect::<Vec<_>>().join(", ")),
        },
        Comparison::Between(from, to) => format!("{column} BETWEEN {} AND {}", literal(from), literal(to)),
    }
}

fn literal(value: &Value) -> String {
    match value {
        Value::Number(number) => number.to_string(),
        Value::Text(text) => format!("'{}'", text.replace('\'', "''")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::queries::queries;

    fn named(name: &str) -> Query {
        queries().into_iter().find(|query| query.name == name).unwrap()
    }

    #[test]
    fn the_star_is_joined_only_to_what_the_query_speaks_of() {
        assert_eq!(
            statements(&named("Q2.1"))["star"],
            "SELECT d_year, p_brand, sum(lo_revenue) AS m0 FROM lineorder JOIN supplier ON lo_suppkey = s_suppkey \
             JOIN part ON lo_partkey = p_partkey JOIN dates ON lo_orderdate = d_datekey \
             WHERE p_category = 'MFGR#12' AND s_region = 'AMERICA' GROUP BY d_year, p_brand"
        );
        assert_eq!(
            statements(&named("K10k"))["star"],
            "SELECT lo_suppkey, sum(lo_revenue) AS m0, count(*) AS m1 FROM lineorder GROUP BY lo_suppkey"
        );
    }

    #[test]
    fn totals_are_asked_for_at_once_and_of_the_groups() {
        let statements = statements(&named("R1"));
        assert!(statements["flat, at once"].ends_with("FROM flat GROUP BY ROLLUP (c_region, c_nation, c_city)"));
        assert!(
            statements["flat, in two steps"].starts_with("SELECT c_region, c_nation, c_city, sum(m0) AS m0, sum(m1)")
        );
    }
}
