//! What was found out, for people: on the terminal, as gates, and as a page.

use std::{fmt::Write as _, path::Path, time::Duration};

use anyhow::{Context, Result};

use super::{
    Figures,
    load::Load,
    servers::{APACHE_COOKIE, BASIC, BEARER, COOKIE, DIRECT, NGINX},
    sizes::{HELD, Sizes},
};
use crate::report::Gate;

const PAGE: &str = "bench-sidecar.md";
const NGINX_RATIO_MIN: f64 = 1.0;
const APACHE_RATIO_MIN: f64 = 1.6;
const BASIC_RATIO_MIN: f64 = 0.95;
const ADDED_US_MAX: f64 = 40.0;
const IDLE_BYTES_MAX: u64 = 12 << 20;
const HELD_BYTES_MAX: u64 = 64 << 20;
const STREAM_RATIO_MIN: f64 = 0.95;
const READY_MAX: Duration = Duration::from_millis(50);

pub(crate) fn print(figures: &Figures) {
    println!("\n{}", table(figures));
    println!("{}", sizes(&figures.sizes));
}

/// The bounds that the sidecar is held to.
pub(crate) fn gates(figures: &Figures) -> Vec<Gate> {
    let Sizes { ready, idle_bytes, held_bytes, streamed_bytes: _, direct_s, through_s } = &figures.sizes;
    let mut gates = Vec::new();
    for ours in [COOKIE, BEARER] {
        gates.push(ratio(figures, ours, NGINX, NGINX_RATIO_MIN));
        gates.push(ratio(figures, ours, APACHE_COOKIE, APACHE_RATIO_MIN));
        gates.push(added(figures, ours));
    }
    gates.push(ratio(figures, BASIC, BEARER, BASIC_RATIO_MIN));
    gates.push(at_most("resident when idle", *idle_bytes, IDLE_BYTES_MAX));
    gates.push(at_most(&format!("resident with {HELD} connections"), *held_bytes, HELD_BYTES_MAX));
    let stream_ratio = direct_s / through_s;
    gates.push(Gate {
        rule: format!("1 GiB streamed at least {STREAM_RATIO_MIN}× as fast as directly"),
        holds: Some(stream_ratio >= STREAM_RATIO_MIN),
        found: format!("{stream_ratio:.2}×: {through_s:.2} s, directly {direct_s:.2} s"),
    });
    gates.push(Gate {
        rule: format!("ready in at most {} ms while the provider is down", READY_MAX.as_millis()),
        holds: Some(*ready <= READY_MAX),
        found: format!("{} ms", ready.as_millis()),
    });
    gates
}

pub(crate) fn write(figures: &Figures, gates: &[Gate], directory: &Path) -> Result<()> {
    let file = directory.join(PAGE);
    std::fs::write(&file, page(figures, gates)).with_context(|| format!("cannot write {}", file.display()))?;
    println!("wrote {}", file.display());
    Ok(())
}

fn page(figures: &Figures, gates: &[Gate]) -> String {
    let Figures { machine, seconds, rounds, versions, loads: _, sizes: measured } = figures;
    let mut page = format!(
        "# The sidecar beside other proxies\n\n\
         Written by `cargo xtask bench sidecar`; not to be edited. One backend (nginx, 1 KiB answers) on one machine, one run: \
         {rounds} rounds in turns, {seconds} s each, medians. wrk with one thread puts on the load; it, the backend and the \
         proxy share the cores. Everybody reaches the backend through a Unix socket, keeps connections to it, and writes \
         an access log (ours: the audit log) that is thrown away; HAProxy writes none.\n\n\
         {}, {} cores, {} GiB, Linux {}, {}; commit {}, {}.\n\n",
        machine.processor,
        machine.cores,
        machine.memory_gib,
        machine.kernel,
        machine.compiler,
        machine.commit,
        machine.date
    );
    for (name, version) in versions {
        let _ = writeln!(page, "- {name}: {version}");
    }
    let _ =
        write!(page, "\n{}\n{}\n## Bounds\n\n| | bound | found |\n|---|---|---|\n", table(figures), sizes(measured));
    for gate in gates {
        let _ = writeln!(page, "| {} | {} | {} |", gate.verdict().trim(), gate.rule, gate.found);
    }
    page
}

fn table(figures: &Figures) -> String {
    let mut table = String::from(
        "| | requests/s, c=1 | p50 µs | p99 µs | added p50 µs | requests/s, c=32 | p50 µs | p99 µs | core ms per 1000 |\n\
         |---|---:|---:|---:|---:|---:|---:|---:|---:|\n",
    );
    for (name, [one, many]) in &figures.loads {
        let added = figures.of(DIRECT).map_or(f64::NAN, |[direct, _]| one.p50_us - direct.p50_us);
        let _ = writeln!(
            table,
            "| {name} | {:.0} | {:.0} | {:.0} | {added:.0} | {:.0} | {:.0} | {:.0} | {:.1} |",
            one.requests_per_s,
            one.p50_us,
            one.p99_us,
            many.requests_per_s,
            many.p50_us,
            many.p99_us,
            many.cpu_ms_per_1000
        );
    }
    table
}

fn sizes(sizes: &Sizes) -> String {
    let Sizes { ready, idle_bytes, held_bytes, streamed_bytes, direct_s, through_s } = sizes;
    format!(
        "Ready after {} ms with the provider down. Resident: {} idle, {} after streaming 1 GiB, {} with {HELD} connections. \
         1 GiB: {through_s:.2} s, directly {direct_s:.2} s.\n",
        ready.as_millis(),
        mib(*idle_bytes),
        mib(*streamed_bytes),
        mib(*held_bytes)
    )
}

fn ratio(figures: &Figures, ours: &str, theirs: &str, least: f64) -> Gate {
    let rate = |name: &str| figures.of(name).map(|[_, many]: &[Load; 2]| many.requests_per_s);
    let ratio = rate(ours).zip(rate(theirs)).map(|(ours, theirs)| ours / theirs);
    Gate {
        rule: format!("{ours}: at least {least}× the requests/s of {theirs}"),
        holds: ratio.map(|ratio| ratio >= least),
        found: ratio.map_or_else(|| "not measured".to_owned(), |ratio| format!("{ratio:.2}×")),
    }
}

fn added(figures: &Figures, ours: &str) -> Gate {
    let median = |name: &str| figures.of(name).map(|[one, _]: &[Load; 2]| one.p50_us);
    let added = median(ours).zip(median(DIRECT)).map(|(ours, direct)| ours - direct);
    Gate {
        rule: format!("{ours}: at most {ADDED_US_MAX} µs added to the median at c=1"),
        holds: added.map(|added| added <= ADDED_US_MAX),
        found: added.map_or_else(|| "not measured".to_owned(), |added| format!("{added:.0} µs")),
    }
}

fn at_most(what: &str, found: u64, bound: u64) -> Gate {
    Gate { rule: format!("{what}: at most {}", mib(bound)), holds: Some(found <= bound), found: mib(found) }
}

fn mib(bytes: u64) -> String {
    format!("{:.1} MiB", f64::from(u32::try_from(bytes >> 10).unwrap_or(u32::MAX)) / 1024.0)
}
