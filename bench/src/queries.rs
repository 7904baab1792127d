//! What is asked, told once: our JSON, the SQL of three peers and the expressions of Polars are made from this.
//!
//! | names | what |
//! |---|---|
//! | Q1.1 – Q4.3 | the thirteen queries of the Star Schema Benchmark, without their order |
//! | G… | grouping all facts into few cells |
//! | R… | roll-ups of all facts, with totals at every depth |
//! | K… | many groups |
//! | D… | distinct counts |
//! | I… | long lists of wanted members |

use serde::{Deserialize, Serialize};

/// A question.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Query {
    pub(crate) name: &'static str,
    pub(crate) family: Family,
    pub(crate) measures: Vec<Measure>,
    /// Columns that are grouped by; with totals, from the outermost.
    pub(crate) groups: Vec<&'static str>,
    /// Whether each depth of the groups has its totals, the grand total included.
    pub(crate) totals: bool,
    /// All of these hold.
    pub(crate) filter: Vec<Test>,
}

/// Queries that are judged by the same bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Family {
    /// The thirteen.
    StarSchema,
    /// All facts, few cells.
    Dense,
    /// All facts, several levels, totals.
    RollUp,
    /// Many groups.
    ManyKeys,
    /// Distinct counts.
    Distinct,
    /// Long lists.
    Lists,
}

/// A value per group.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Measure {
    Count,
    Sum(&'static str),
    /// The sum of the products of two columns.
    SumProduct(&'static str, &'static str),
    /// The sum of one column less the sum of another.
    SumDifference(&'static str, &'static str),
    DistinctCount(&'static str),
}

/// A condition on a column.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Test {
    pub(crate) column: &'static str,
    #[serde(flatten)]
    pub(crate) comparison: Comparison,
}

/// What a value is compared with.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Comparison {
    In(Vec<Value>),
    /// Both ends included.
    Between(Value, Value),
}

/// A value of a column.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum Value {
    Number(i64),
    Text(String),
}

/// Every query, in the order of the report.
pub(crate) fn queries() -> Vec<Query> {
    [star_schema(), dense(), roll_ups(), many_keys(), distinct(), lists()].concat()
}

fn star_schema() -> Vec<Query> {
    use Measure::{Sum, SumDifference, SumProduct};
    let ask = |name, measure, groups: &[&'static str], filter: Vec<Test>| Query {
        name,
        family: Family::StarSchema,
        measures: vec![measure],
        groups: groups.to_vec(),
        totals: false,
        filter,
    };
    let discounted = SumProduct("lo_extendedprice", "lo_discount");
    let revenue = Sum("lo_revenue");
    let profit = SumDifference("lo_revenue", "lo_supplycost");
    let brands = ["d_year", "p_brand"];
    let british = || ["UNITED KI1", "UNITED KI5"];
    let makers = || ["MFGR#1", "MFGR#2"];
    vec![
        ask(
            "Q1.1",
            discounted,
            &[],
            vec![is("d_year", 1993), between("lo_discount", 1, 3), between("lo_quantity", 1, 24)],
        ),
        ask(
            "Q1.2",
            discounted,
            &[],
            vec![is("d_yearmonthnum", 199_401), between("lo_discount", 4, 6), between("lo_quantity", 26, 35)],
        ),
        ask(
            "Q1.3",
            discounted,
            &[],
            vec![
                is("d_weeknuminyear", 6),
                is("d_year", 1994),
                between("lo_discount", 5, 7),
                between("lo_quantity", 26, 35),
            ],
        ),
        ask("Q2.1", revenue, &brands, vec![is("p_category", "MFGR#12"), is("s_region", "AMERICA")]),
        ask("Q2.2", revenue, &brands, vec![between("p_brand", "MFGR#2221", "MFGR#2228"), is("s_region", "ASIA")]),
        ask("Q2.3", revenue, &brands, vec![is("p_brand", "MFGR#2239"), is("s_region", "EUROPE")]),
        ask(
            "Q3.1",
            revenue,
            &["c_nation", "s_nation", "d_year"],
            vec![is("c_region", "ASIA"), is("s_region", "ASIA"), between("d_year", 1992, 1997)],
        ),
        ask(
            "Q3.2",
            revenue,
            &["c_city", "s_city", "d_year"],
            vec![is("c_nation", "UNITED STATES"), is("s_nation", "UNITED STATES"), between("d_year", 1992, 1997)],
        ),
        ask(
            "Q3.3",
            revenue,
            &["c_city", "s_city", "d_year"],
            vec![is_in("c_city", british()), is_in("s_city", british()), between("d_year", 1992, 1997)],
        ),
        ask(
            "Q3.4",
            revenue,
            &["c_city", "s_city", "d_year"],
            vec![is_in("c_city", british()), is_in("s_city", british()), is("d_yearmonth", "Dec1997")],
        ),
        ask(
            "Q4.1",
            profit,
            &["d_year", "c_nation"],
            vec![is("c_region", "AMERICA"), is("s_region", "AMERICA"), is_in("p_mfgr", makers())],
        ),
        ask(
            "Q4.2",
            profit,
            &["d_year", "s_nation", "p_category"],
            vec![
                is("c_region", "AMERICA"),
                is("s_region", "AMERICA"),
                is_in("d_year", [1997, 1998]),
                is_in("p_mfgr", makers()),
            ],
        ),
        ask(
            "Q4.3",
            profit,
            &["d_year", "s_city", "p_brand"],
            vec![
                is("c_region", "AMERICA"),
                is("s_nation", "UNITED STATES"),
                is_in("d_year", [1997, 1998]),
                is("p_category", "MFGR#14"),
            ],
        ),
    ]
}

fn dense() -> Vec<Query> {
    use Measure::{Count, Sum};
    let ask = |name, measures: &[Measure], groups: &[&'static str]| Query {
        name,
        family: Family::Dense,
        measures: measures.to_vec(),
        groups: groups.to_vec(),
        totals: false,
        filter: Vec::new(),
    };
    vec![
        ask("G1", &[Sum("lo_revenue")], &["d_year"]),
        ask("G2", &[Sum("lo_quantity"), Sum("lo_extendedprice"), Count], &["lo_shipmode", "lo_orderpriority"]),
        ask("G3", &[Sum("lo_revenue"), Sum("lo_supplycost")], &["c_nation", "s_nation", "d_year"]),
        ask("G4", &[Sum("lo_revenue")], &["p_brand", "d_year"]),
    ]
}

fn roll_ups() -> Vec<Query> {
    use Measure::{Count, Sum};
    let ask = |name, measures: &[Measure], groups: &[&'static str]| Query {
        name,
        family: Family::RollUp,
        measures: measures.to_vec(),
        groups: groups.to_vec(),
        totals: true,
        filter: Vec::new(),
    };
    vec![
        ask("R1", &[Sum("lo_revenue"), Count], &["c_region", "c_nation", "c_city"]),
        ask("R2", &[Sum("lo_revenue"), Sum("lo_supplycost")], &["p_mfgr", "p_category", "p_brand", "d_year"]),
        ask(
            "R3",
            &[Sum("lo_revenue"), Sum("lo_quantity"), Count],
            &["c_region", "c_nation", "s_region", "s_nation", "d_year"],
        ),
        ask("R4", &[Sum("lo_revenue")], &["d_year", "d_yearmonthnum", "d_datekey"]),
    ]
}

fn many_keys() -> Vec<Query> {
    use Measure::{Count, Sum};
    let ask = |name, measures: &[Measure], groups: &[&'static str]| Query {
        name,
        family: Family::ManyKeys,
        measures: measures.to_vec(),
        groups: groups.to_vec(),
        totals: false,
        filter: Vec::new(),
    };
    vec![
        ask("K10k", &[Sum("lo_revenue"), Count], &["lo_suppkey"]),
        ask("K100k", &[Sum("lo_revenue"), Sum("lo_quantity")], &["lo_custkey"]),
        ask("K1M", &[Sum("lo_revenue")], &["lo_partkey", "d_year"]),
        ask("K1M order", &[Sum("lo_revenue"), Count], &["lo_orderkey"]),
    ]
}

fn distinct() -> Vec<Query> {
    use Measure::DistinctCount;
    let ask = |name, column, groups: &[&'static str], filter| Query {
        name,
        family: Family::Distinct,
        measures: vec![DistinctCount(column)],
        groups: groups.to_vec(),
        totals: false,
        filter,
    };
    vec![
        ask("D1", "lo_custkey", &["d_year"], Vec::new()),
        ask("D2", "lo_orderkey", &["s_nation"], Vec::new()),
        ask("D3", "lo_partkey", &["c_region"], vec![is("p_mfgr", "MFGR#3")]),
    ]
}

fn lists() -> Vec<Query> {
    use Measure::Sum;
    let ask = |name, groups: &[&'static str], filter| Query {
        name,
        family: Family::Lists,
        measures: vec![Sum("lo_revenue")],
        groups: groups.to_vec(),
        totals: false,
        filter,
    };
    let brands = (1..=5).flat_map(|maker| (0..8).map(move |brand| format!("MFGR#{maker}{maker}{:02}", brand * 5 + 1)));
    let cities = ["UNITED ST", "CHINA    ", "FRANCE   ", "BRAZIL   "];
    let cities = cities.iter().flat_map(|nation| (0..10).map(move |digit| format!("{nation}{digit}")));
    let suppliers = (0..100).map(|index| index * 97 + 1);
    vec![
        ask("I1", &["d_year"], vec![is_in("p_brand", brands)]),
        ask("I2", &["s_nation", "d_year"], vec![is_in("c_city", cities)]),
        ask("I3", &["c_nation"], vec![is_in("lo_suppkey", suppliers)]),
    ]
}

fn is(column: &'static str, value: impl Into<Value>) -> Test {
    is_in(column, [value])
}

/// The value of a column is one of these.
pub(crate) fn is_in<V: Into<Value>>(column: &'static str, values: impl IntoIterator<Item = V>) -> Test {
    Test { column, comparison: Comparison::In(values.into_iter().map(Into::into).collect()) }
}

fn between(column: &'static str, from: impl Into<Value>, to: impl Into<Value>) -> Test {
    Test { column, comparison: Comparison::Between(from.into(), to.into()) }
}

impl Query {
    /// The columns that it reads, each once.
    pub(crate) fn columns(&self) -> Vec<&'static str> {
        let measured = self.measures.iter().flat_map(Measure::columns);
        let tested = self.filter.iter().map(|test| test.column);
        let mut columns: Vec<&'static str> = self.groups.iter().copied().chain(tested).chain(measured).collect();
        columns.sort_unstable();
        columns.dedup();
        columns
    }

    /// The same, of the facts that satisfy one more condition.
    pub(crate) fn restricted(&self, test: Option<&Test>) -> Self {
        let mut query = self.clone();
        query.filter.extend(test.cloned());
        query
    }
}

impl Measure {
    /// The columns that it is over.
    pub(crate) fn columns(&self) -> Vec<&'static str> {
        match self {
            Self::Count => Vec::new(),
            Self::Sum(column) | Self::DistinctCount(column) => vec![column],
            Self::SumProduct(one, other) | Self::SumDifference(one, other) => vec![one, other],
        }
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Number(number)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl std::fmt::Display for Value {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Number(number) => number.fmt(f),
            Self::Text(text) => text.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::schema::table_of;

    #[test]
    fn queries_have_names_of_their_own_and_ask_for_columns_that_exist() {
        let queries = queries();
        let names: BTreeSet<&str> = queries.iter().map(|query| query.name).collect();
        assert_eq!(names.len(), queries.len());
        for query in &queries {
            for column in query.columns() {
                assert!(table_of(column).is_some(), "{}: {column}", query.name);
            }
        }
    }
}
