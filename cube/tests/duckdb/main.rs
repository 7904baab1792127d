//! Random queries, answered by the cube and by DuckDB.
//!
//! ```text
//! case, query ──▶ cube ──▶ Answer ─────────────────────┐
//!       └──sql──▶ run.py in a private Python ──▶ rows ─┴─ the same members in the same order; integers and decimals equal,
//!                                                        doubles to twelve digits
//! ```
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![expect(clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::{
    io::{BufRead as _, BufReader, Write as _},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

use cubegate_cube::{Answer, Cell, ColumnKind, Query};
use proptest::{
    strategy::{Strategy, ValueTree as _},
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};
use serde_json::{Value, json};

#[path = "../cube/oracle/build.rs"]
mod build;
#[path = "../cube/oracle/cases.rs"]
#[expect(dead_code, reason = "a case is asked more than its own query")]
mod cases;
mod conditions;
#[path = "../cube/oracle/data.rs"]
#[expect(dead_code, reason = "DuckDB joins and reads by itself")]
mod data;
#[path = "../cube/oracle/exact.rs"]
#[expect(dead_code, reason = "DuckDB calculates by itself")]
mod exact;
#[path = "../cube/fixture.rs"]
#[expect(dead_code, reason = "the other tests of the cube use the rest")]
mod fixture;
mod sql;

use cases::{Case, EXACT, INEXACT};
use exact::Exact;

const PYTHON: &str = "CUBEGATE_DUCKDB_PYTHON";
/// Of each of the two tests.
const CASES: usize = 25;
const QUERIES_PER_CASE: usize = 50;
const FACTS_MAX: usize = 120;
/// Of doubles, relative to the larger one.
const TOLERANCE: f64 = 1e-12;
/// Of doubles that are differences of larger ones.
const TOLERANCE_ABSOLUTE: f64 = 1e-9;

/// DuckDB in a process of its own.
struct Duckdb {
    process: Child,
    questions: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Duckdb {
    fn start() -> Self {
        let python = std::env::var_os(PYTHON);
        let python = python.unwrap_or_else(|| panic!("{PYTHON} is not set; run `cargo xtask test --tier duckdb`"));
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/duckdb/run.py");
        let mut command = Command::new(python);
        let mut process = command.arg(script).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let questions = process.stdin.take().unwrap();
        let answers = BufReader::new(process.stdout.take().unwrap());
        Self { process, questions, answers }
    }

    fn tell(&mut self, line: &Value) {
        writeln!(self.questions, "{line}").unwrap();
        self.questions.flush().unwrap();
    }

    fn rows(&mut self, query: &str) -> Vec<Vec<Value>> {
        self.tell(&json!({"query": query}));
        let mut line = String::new();
        self.answers.read_line(&mut line).unwrap();
        assert!(!line.is_empty(), "DuckDB ended at {query}");
        let answer: Value = serde_json::from_str(&line).unwrap();
        assert!(answer["error"].is_null(), "{}\n{query}", answer["error"]);
        serde_json::from_value(answer["rows"].clone()).unwrap()
    }
}

impl Drop for Duckdb {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Measures that both sides know to the bit: of doubles of any magnitude DuckDB knows fewer digits.
fn exact_names() -> Vec<String> {
    EXACT.iter().filter(|name| !name.contains("odd") && **name != "sold×price").map(|name| (*name).to_owned()).collect()
}

fn inexact_names() -> Vec<String> {
    let names = INEXACT.iter().filter(|name| !name.contains("odd")).chain(&["sold×price"]);
    names.map(|name| (*name).to_owned()).chain(cases::derived_names()).collect()
}

/// What DuckDB is not asked: which totals are shown for rows that pass, and in which order totals are among others.
fn simplified(mut query: Value) -> Value {
    if conditions::speaks_of_measures(&query["filter"]) {
        query["totals"] = json!(false);
    }
    if query["totals"] == json!(true) {
        query["order"] = json!([]);
        query.as_object_mut().unwrap().remove("limit");
        query.as_object_mut().unwrap().remove("offset");
    }
    query
}

fn is_equal(cell: Cell<'_>, value: &Value) -> bool {
    let exact = value["exact"].as_str().map(Exact::of_digits);
    let double = value["double"].as_f64().or_else(|| exact.as_ref().map(Exact::to_double));
    match cell {
        Cell::Null => value.is_null(),
        Cell::Text("N/A") => value.is_null() || value == "N/A",
        Cell::Text(text) => value == text,
        Cell::Bool(truth) => *value == json!(truth),
        Cell::Date(date) => *value == json!(date.to_string()),
        Cell::Timestamp(timestamp) => *value == json!(timestamp.to_string()),
        Cell::Int64(number) => exact == Some(Exact::of_integer(number)),
        Cell::Decimal { units, scale } => exact.and_then(|exact| exact.units(scale)) == Some(units),
        Cell::Double(number) => double.is_some_and(|other| {
            (number - other).abs() <= TOLERANCE * number.abs().max(other.abs()) + TOLERANCE_ABSOLUTE
        }),
    }
}

/// The rows of an answer that have members in so many level columns, without the columns that are null there.
fn rows_at(answer: &Answer, depth: usize) -> Vec<Vec<Cell<'_>>> {
    let levels = answer.columns().iter().filter(|column| column.kind == ColumnKind::Level).count();
    let rows = (0..answer.row_count()).map(|row| answer.row(row));
    rows.filter(|row| row[..levels].iter().filter(|cell| **cell != Cell::Null).count() == depth)
        .map(|row| [&row[..depth], &row[levels..]].concat())
        .collect()
}

/// Compares the answers to one query; tells how they differ.
fn difference(case: &Case, query: &Value, answer: &Answer, duckdb: &mut Duckdb) -> Option<String> {
    let number =
        |name: &str, default: usize| query[name].as_u64().map_or(default, |number| usize::try_from(number).unwrap());
    let levels = sql::Builder::new(case, query).columns().len();
    let first = if query["totals"] == json!(true) { 0 } else { levels };
    for depth in first..=levels {
        let statement = sql::Builder::new(case, query).rows(depth);
        let rows = duckdb.rows(&statement);
        let expected: Vec<&Vec<Value>> =
            rows.iter().skip(number("offset", 0)).take(number("limit", usize::MAX)).collect();
        let found = rows_at(answer, depth);
        let is_row = |(cells, values): (&Vec<Cell<'_>>, &&Vec<Value>)| {
            cells.len() == values.len() && cells.iter().zip(*values).all(|(cell, value)| is_equal(*cell, value))
        };
        let differing = found.iter().zip(&expected).position(|pair| !is_row(pair));
        if found.len() != expected.len() || differing.is_some() {
            let row = differing.unwrap_or(found.len().min(expected.len()));
            return Some(format!(
                "{query}\nof {:?}\nat depth {depth}: {} rows instead of {}; row {row} is {:?} instead of {:?}\n{statement}",
                case.measures.iter().filter(|(name, _)| name.starts_with('D')).collect::<Vec<_>>(),
                found.len(),
                expected.len(),
                found.get(row),
                expected.get(row),
            ));
        }
    }
    None
}

/// Cases that follow from a seed, each with many queries.
fn compare(seed: u8) {
    let mut duckdb = Duckdb::start();
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[seed; 32]);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let mut differences = Vec::new();
    let mut rows = 0;
    for _ in 0..CASES {
        let case = cases::case(FACTS_MAX, exact_names()).new_tree(&mut runner).unwrap().current();
        duckdb.tell(&json!({"setup": sql::tables(&case)}));
        let built = build::build(&case);
        let mask = built.cube().mask(&case.mask).unwrap();
        for _ in 0..QUERIES_PER_CASE {
            let query = cases::query(&case.hierarchies, exact_names(), inexact_names());
            let query = simplified(query.new_tree(&mut runner).unwrap().current());
            let asked: Query = serde_json::from_value(query.clone()).unwrap();
            let answer = built.cube().query(&asked, &mask).unwrap();
            rows += answer.row_count();
            differences.extend(difference(&case, &query, &answer, &mut duckdb));
        }
    }
    assert!(rows > CASES * QUERIES_PER_CASE, "only {rows} rows were compared");
    assert!(differences.is_empty(), "{} differ; the first:\n{}", differences.len(), differences[0]);
}

/// Two tests, so that two processors have something to do.
#[test]
fn random_queries_have_the_answers_that_duckdb_gives() {
    compare(1);
}

#[test]
fn more_random_queries_have_the_answers_that_duckdb_gives() {
    compare(2);
}
