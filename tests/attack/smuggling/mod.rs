//! Requests that two programs could take apart differently, each sent raw, with a well-formed one behind it.
//!
//! Whatever a row is, what came through is whole requests of the caller whom the sidecar knows, each stamped once and
//! answered once, at paths that the row spelt out as requests. Beyond that each row says what comes of it.

mod bodies;
mod heads;
mod lengths;
mod peers;
mod table;

use std::collections::BTreeSet;

use cubegate_tests::{
    recorder::NUMBER,
    wire::{self, WireRequest},
};
use futures::{StreamExt as _, stream};

use crate::{
    door::{Door, Exchange},
    policies,
};

use table::{Expected, Row, Section};

/// Rows under way at once.
const ROWS_AT_ONCE: usize = 16;
/// Fewer would leave out what is known.
const ROWS_MIN: usize = 150;

/// A row with the path that is its own.
struct Case {
    path: String,
    rule: &'static str,
    row: Row,
}

/// What happened to one row.
struct Observed {
    path: String,
    exchange: Exchange,
    arrived: Vec<WireRequest>,
}

fn cases() -> Vec<Case> {
    let sections = [heads::sections(), lengths::sections(), bodies::sections()].into_iter().flatten();
    let rows = sections.flat_map(|Section { rule, rows }| rows.into_iter().map(move |row| (rule, row)));
    rows.enumerate().map(|(index, (rule, row))| Case { path: format!("/row-{index}"), rule, row }).collect()
}

#[test]
fn there_are_many_rows_and_no_two_are_called_the_same() {
    let cases = cases();
    let names: BTreeSet<(&str, &str)> = cases.iter().map(|case| (case.rule, case.row.name)).collect();
    assert_eq!(names.len(), cases.len());
    assert!(cases.len() >= ROWS_MIN, "{} rows", cases.len());
}

#[tokio::test]
async fn of_every_malformed_request_nothing_comes_through_and_of_every_other_exactly_itself() {
    let mut door = Door::with(policies::closed()).await.unwrap();
    // From here on the password is known, and no row waits for its hash.
    assert_eq!(door.get("/warm", &policies::analyst()).await.status, 200);
    let cases = cases();
    let exchanges = stream::iter(&cases).map(|case| {
        let door = &door;
        async move { (case, door.exchange(&case.row.bytes(&case.path)).await) }
    });
    let exchanges: Vec<(&Case, Exchange)> = exchanges.buffer_unordered(ROWS_AT_ONCE).collect().await;

    let (arrived, malformed) = {
        let seen = door.recorder.seen();
        (seen.arrived.clone(), seen.malformed.clone())
    };
    assert!(malformed.is_empty(), "the engine was sent what has two readings: {malformed:?}");
    let mut failures = Vec::new();
    for (Case { path, rule, row }, exchange) in exchanges {
        let of_row = arrived.iter().filter(|request| is_at(&request.target, path)).cloned().collect();
        let observed = Observed { path: path.clone(), exchange, arrived: of_row };
        if let Err(reason) = observed.check(&arrived, row.expected) {
            failures.push(format!("{rule}: {}: {reason}\n    {:?}", row.name, observed.exchange));
        }
    }
    assert!(failures.is_empty(), "{} rows:\n{}", failures.len(), failures.join("\n"));
    let is_nobodys = |request: &&WireRequest| {
        request.target != "/warm" && !cases.iter().any(|case| is_at(&request.target, &case.path))
    };
    let nobodys: Vec<&WireRequest> = arrived.iter().filter(is_nobodys).collect();
    assert!(nobodys.is_empty(), "no row sent these as requests: {nobodys:?}");
    door.is_well().await;
}

// === impl Observed ===

impl Observed {
    fn check(&self, all: &[WireRequest], expected: Expected) -> Result<(), String> {
        for request in &self.arrived {
            is_stamped_once(request)?;
        }
        self.is_answered_once_each(all)?;
        let arrived: Vec<(&str, &str)> = self
            .arrived
            .iter()
            .map(|request| {
                let target = request.target.split('?').next().unwrap_or_default();
                (target.strip_prefix(&self.path).unwrap_or(target), std::str::from_utf8(&request.body).unwrap_or("?"))
            })
            .collect();
        let wanted = match expected {
            Expected::Refused => vec![],
            Expected::Denied => vec![("/marker", "")],
            Expected::Passed(body) => vec![("", body), ("/marker", "")],
            Expected::PassedLast(body) => vec![("", body)],
            Expected::PassedTwice => vec![
                ("", if arrived.first().is_some_and(|(_, body)| *body == "hello") { "hello" } else { "" }),
                ("/second", ""),
                ("/marker", ""),
            ],
        };
        if arrived != wanted {
            return Err(format!("expected {wanted:?}, but {arrived:?} came through"));
        }
        let refusals = self.exchange.answers.iter().filter(|answer| answer.status >= 400).count();
        match expected {
            Expected::Denied if refusals != 1 => Err(format!("{refusals} refusals")),
            _ => Ok(()),
        }
    }

    /// The answers that carry a number are those to what came through, in order.
    fn is_answered_once_each(&self, all: &[WireRequest]) -> Result<(), String> {
        let answered: Vec<&WireRequest> = self
            .exchange
            .answers
            .iter()
            .filter_map(|answer| {
                wire::values(&answer.headers, NUMBER).first().and_then(|number| number.parse::<usize>().ok())
            })
            .filter_map(|number| all.get(number))
            .collect();
        if answered == self.arrived.iter().collect::<Vec<_>>() {
            return Ok(());
        }
        Err(format!(
            "answers to {:?}, but {:?} came through",
            targets(&answered),
            targets(&self.arrived.iter().collect::<Vec<_>>())
        ))
    }
}

fn targets<'a>(requests: &[&'a WireRequest]) -> Vec<&'a str> {
    requests.iter().map(|request| request.target.as_str()).collect()
}

/// Whether a target is the path itself, or below it.
fn is_at(target: &str, path: &str) -> bool {
    target.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '?']))
}

/// Each identity header is there once and says who `analyst` is; nothing else looks like one.
pub(crate) fn is_stamped_once(request: &WireRequest) -> Result<(), String> {
    let expected = [
        ("x-cubegate-user", "analyst"),
        ("x-cubegate-roles", "ROLE_USER"),
        ("x-cubegate-attributes", "[]"),
        ("x-cubegate-policy", "1"),
    ];
    for (name, value) in expected {
        if wire::values(&request.headers, name) != [value] {
            return Err(format!("{name} is {:?}", wire::values(&request.headers, name)));
        }
    }
    let folded = |name: &str| name.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
    let ours = request.headers.iter().filter(|(name, _)| folded(name).starts_with("xcubegate")).count();
    if ours == expected.len() { Ok(()) } else { Err(format!("{ours} headers of ours: {:?}", request.headers)) }
}
