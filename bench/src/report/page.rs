//! The page: what was measured, how, and what came out.

use std::fmt::Write as _;

use super::gates::{gates, geometric_mean};
use crate::{
    queries::queries,
    results::{Line, Results},
    sql::statements,
};

const EXPLANATION: &str = "\
Everybody gets the same CSV files, the same number of threads and the same questions, in one run on one machine; while one \
is timed, the others are stopped. Each peer runs in its own process, keeps everything in memory in its narrowest types \
(ENUM in DuckDB and Polars, LowCardinality in chDB, dictionary arrays in DataFusion) and answers over the star and over \
the joined table, in each way that its users would try: totals at once or in two steps, with both engines of Polars, from \
the Memory engine and from a sorted MergeTree. Only the fastest way counts. DuckDB's joined table is sorted by day, and \
its statistics are gathered.

A time is the median of the counted runs, from the call to a columnar result in memory (Arrow for the peers), after the \
same warm-up; ways that are clearly slower than another one of the same peer are not run in full. Nobody has a cache of \
results; ours is switched off. What a mask gathers of the facts it shows is kept with it: the column *first* has the cost. \
Peers need not sort; our rows are in natural order. Nothing is timed before every way of every peer has given \
exactly our rows. A restricted query is our query under a mask, and the peers' query with the condition added to its WHERE.

Customers, suppliers and parts are as many as TPC-H has. Cities, categories and brands are derived from TPC-H's data as \
the Star Schema Benchmark does, which this is not: figures compare with nothing outside of this page.";

/// The page in Markdown.
pub(super) fn page(results: &Results, plot: &str) -> String {
    let mut page = String::from("# The cube beside its peers\n\n");
    let parts = [
        "Written by `cargo xtask bench cube`; not edited by hand.".to_owned(),
        machine(results),
        format!("![Milliseconds of each query, and the ratio to the best peer]({plot})"),
        verdicts(results),
        format!("## How it is measured\n\n{EXPLANATION}"),
        loading(results),
        restrictions(results),
    ];
    for part in parts {
        let _ = write!(page, "{}\n\n", part.trim_end());
    }
    for restricted in &results.restrictions {
        let _ = writeln!(page, "{}", timings(results, &restricted.name));
    }
    let _ = write!(page, "{}\n\n{}", callers(results), questions());
    page
}

fn machine(results: &Results) -> String {
    let Results { machine, setting, .. } = results;
    let peers = results.peers.iter().map(|(name, peer)| format!("{name} {}", peer.version)).collect::<Vec<_>>();
    table(
        &["", ""],
        [
            (
                "processor",
                format!("{}; {} cores, {} of third-level cache", machine.processor, machine.cores, machine.cache),
            ),
            (
                "memory",
                format!(
                    "{} GiB; {} threads read {:.1} GB/s",
                    machine.memory_gib,
                    setting.threads,
                    results.read_bytes_per_s / 1e9
                ),
            ),
            ("system", format!("Linux {}; {}", machine.kernel, machine.compiler)),
            (
                "data",
                format!(
                    "scale {}: {} facts, {:.2} GB of CSV",
                    setting.scale,
                    setting.facts,
                    number(setting.csv_bytes) / 1e9
                ),
            ),
            (
                "run",
                format!(
                    "{}, commit {}; {} threads, {} warm and {} counted runs",
                    machine.date, machine.commit, setting.threads, setting.warm, setting.runs
                ),
            ),
            ("peers", peers.join(", ")),
        ]
        .map(|(name, value)| vec![name.to_owned(), value]),
    )
}

fn verdicts(results: &Results) -> String {
    let rows = gates(results).into_iter().map(|gate| vec![gate.verdict().trim().to_owned(), gate.rule, gate.found]);
    format!("## What holds\n\n{}", table(&["", "bound", "found"], rows))
}

fn loading(results: &Results) -> String {
    let per_fact = |bytes: u64| format!("{:.1}", number(bytes) / number(results.setting.facts as u64));
    let ours = &results.ours;
    let mut rows = vec![vec![
        "cubegate".to_owned(),
        format!("{:.0}", ours.load_ms),
        format!("{} ({} after all queries)", per_fact(ours.resident_bytes), per_fact(ours.resident_bytes_after)),
        String::new(),
        String::new(),
    ]];
    rows.extend(results.peers.iter().map(|(name, peer)| {
        vec![
            name.clone(),
            format!("{:.0}", peer.load_ms),
            per_fact(peer.resident_bytes),
            per_fact(peer.reported_bytes),
            format!("{:.0}", peer.prepare_ms),
        ]
    }));
    let header =
        ["", "star from CSV, ms", "resident bytes per fact", "by its own count", "joined table and statistics, ms"];
    format!(
        "## Loading and memory\n\nResident bytes are what the process grew by when it loaded the star, dimensions \
         included, after free memory had been given back to the system.\n\n{}",
        table(&header, rows)
    )
}

fn restrictions(results: &Results) -> String {
    let rows = results.restrictions.iter().map(|restricted| {
        let lines = || results.lines.iter().filter(|line| line.restriction == restricted.name);
        let first = lines().map(|line| line.first_ms / line.ours.median_ms());
        let mean = |ratios: Option<f64>| ratios.map_or_else(String::new, |mean| format!("{mean:.1}×"));
        vec![
            restricted.name.clone(),
            restricted.visible.to_string(),
            format!("{:.2}", restricted.mask_ms),
            mean(geometric_mean(first)),
            mean(geometric_mean(lines().filter_map(Line::ratio))),
        ]
    });
    let header = [
        "customers seen",
        "facts seen",
        "making the mask, ms",
        "first asking, as a multiple of later ones",
        "geometric mean of the ratios",
    ];
    format!(
        "## Restrictions\n\nRoles that see the customers of some nations or cities. The first time that a query is asked \
         is not among the counted runs; without a restriction it includes coding the hierarchies.\n\n{}",
        table(&header, rows)
    )
}

fn timings(results: &Results, restriction: &str) -> String {
    let peers: Vec<&str> = results.peers.keys().map(String::as_str).collect();
    let is_restricted = restriction != "all";
    let mut header = vec!["query", "rows", "first", "ours"];
    header.extend(&peers);
    header.extend(["best way", "ratio"]);
    let last: &[&str] = if is_restricted { &["of unrestricted"] } else { &["M facts/s/core", "% of bandwidth"] };
    header.extend(last);
    let rows = results.lines.iter().filter(|line| line.restriction == restriction).map(|line| {
        let mut row = vec![
            line.query.clone(),
            line.rows.to_string(),
            milliseconds(line.first_ms),
            milliseconds(line.ours.median_ms()),
        ];
        let best = line.best_peer().map(|(name, _)| name);
        let form = best.and_then(|name| line.peers.get(name)).map(|best| best.form.clone());
        row.extend(peers.iter().map(|peer| {
            let time = line.peers.get(*peer).map_or_else(String::new, |best| milliseconds(best.timing.median_ms()));
            if best == Some(*peer) { format!("**{time}**") } else { time }
        }));
        row.push(form.unwrap_or_default());
        row.push(line.ratio().map_or_else(String::new, |ratio| format!("{ratio:.1}×")));
        if is_restricted {
            let unrestricted = results.line(&line.query, "all").map(|unrestricted| unrestricted.ours.median_ms());
            row.push(unrestricted.map_or_else(String::new, |ms| format!("{:.2}×", line.ours.median_ms() / ms)));
        } else {
            row.push(format!("{:.0}", results.facts_per_core_s(line) / 1e6));
            row.push(format!("{:.0}", results.bandwidth_part(line) * 100.0));
        }
        row
    });
    let title = if is_restricted { format!("seeing {restriction}") } else { "unrestricted".to_owned() };
    let note = if is_restricted {
        ""
    } else {
        "The bandwidth counts each column that the query speaks of once, at the width it is held in, for every fact: above \
         100 % parts of it were skipped.\n\n"
    };
    format!("## Milliseconds, {title}\n\n{note}{}", table(&header, rows))
}

fn callers(results: &Results) -> String {
    let Some(clients) = &results.clients else { return String::new() };
    let rows = [("cubegate", Some(&clients.ours)), ("DuckDB", clients.duckdb.as_ref())];
    let rows = rows.into_iter().filter_map(|(name, timing)| {
        let timing = timing?;
        #[expect(clippy::cast_precision_loss, reason = "few answers and seconds")]
        let rate = timing.runs_ms.len() as f64 / clients.seconds as f64;
        let quantiles = [0.5, 0.9, 0.99].map(|part| milliseconds(timing.quantile_ms(part)));
        Some([vec![name.to_owned(), format!("{rate:.0}")], quantiles.to_vec()].concat())
    });
    format!(
        "## {} callers at once\n\nEach asks the next question as soon as it has an answer, for {} s: all queries but those \
         with many groups, under all restrictions.\n\n{}",
        clients.count,
        clients.seconds,
        table(&["", "answers per second", "p50, ms", "p90, ms", "p99, ms"], rows)
    )
}

fn questions() -> String {
    let rows = queries().into_iter().map(|query| {
        let statements = statements(&query);
        let flat = statements.get("flat").or_else(|| statements.get("flat, at once")).cloned().unwrap_or_default();
        vec![query.name.to_owned(), format!("`{flat}`")]
    });
    format!(
        "## The questions\n\nOver the joined table; `flat` holds a row per fact.\n\n{}",
        table(&["query", "SQL"], rows)
    )
}

fn table(header: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
    let names: Vec<String> = header.iter().map(|name| (*name).to_owned()).collect();
    let rule: Vec<String> = header.iter().map(|_| "---".to_owned()).collect();
    let rows = rows.into_iter().map(|row| line(&row));
    [line(&names), line(&rule)].into_iter().chain(rows).collect()
}

/// Three significant digits are enough for any ratio of interest.
fn milliseconds(time: f64) -> String {
    match time {
        time if time < 1.0 => format!("{time:.3}"),
        time if time < 10.0 => format!("{time:.2}"),
        time if time < 100.0 => format!("{time:.1}"),
        time => format!("{time:.0}"),
    }
}

#[expect(clippy::cast_precision_loss, reason = "bytes and facts of one machine")]
fn number(count: u64) -> f64 {
    count as f64
}
