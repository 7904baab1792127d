//! One measurement: wrk against one target, and the processor time that its processes take meanwhile.

use std::{collections::BTreeMap, fmt, process::Command};

use anyhow::{Context, Result, ensure};

use super::{DoorOptions, servers::Target};

/// Requests per second, latencies, and what they cost.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Load {
    pub(crate) requests_per_s: f64,
    pub(crate) p50_us: f64,
    pub(crate) p99_us: f64,
    /// Milliseconds of one core per thousand requests; the backend and wrk apart.
    pub(crate) cpu_ms_per_1000: f64,
}

/// Ticks of the kernel's accounting per second: what Linux shows to programs, whatever it counts by.
const TICKS_PER_S: f64 = 100.0;

/// Puts a load on a target. Every answer must be a good one.
pub(crate) fn run(options: &DoorOptions, target: &Target, connections: usize) -> Result<Load> {
    let before = ticks(&target.processes);
    let mut wrk = Command::new(options.proxies.join("usr/bin/wrk"));
    wrk.env("LD_LIBRARY_PATH", super::proxies::libraries(options)).args(["--threads", "1", "--latency"]);
    wrk.args(["--connections", &connections.to_string(), "--duration", &format!("{}s", options.seconds)]);
    if let Some(header) = &target.header {
        wrk.args(["--header", header]);
    }
    let output = wrk.arg(&target.url).output().context("cannot start wrk")?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    ensure!(output.status.success(), "wrk failed: {text}{}", String::from_utf8_lossy(&output.stderr));
    ensure!(
        !text.contains("Non-2xx") && !text.contains("Socket errors"),
        "{}: not every answer is good: {text}",
        target.name
    );
    let spent_s = (ticks(&target.processes) - before) / TICKS_PER_S;
    read(&text, spent_s).with_context(|| format!("wrk printed something unexpected: {text}"))
}

fn read(text: &str, spent_s: f64) -> Option<Load> {
    let field = |name: &str| text.lines().find_map(|line| line.trim().strip_prefix(name)).map(str::trim);
    let requests: f64 = text.lines().find_map(|line| line.trim().split_once(" requests in"))?.0.parse().ok()?;
    Some(Load {
        requests_per_s: field("Requests/sec:")?.parse().ok()?,
        p50_us: microseconds(field("50%")?)?,
        p99_us: microseconds(field("99%")?)?,
        cpu_ms_per_1000: spent_s * 1e6 / requests,
    })
}

/// `83.00us`, `1.20ms` or `1.00s`.
fn microseconds(text: &str) -> Option<f64> {
    let (number, factor) = match text.strip_suffix("us").map(|number| (number, 1.0)) {
        Some(found) => found,
        None => text
            .strip_suffix("ms")
            .map(|number| (number, 1e3))
            .or(text.strip_suffix('s').map(|number| (number, 1e6)))?,
    };
    Some(number.parse::<f64>().ok()? * factor)
}

/// Ticks that these processes and those that they started have taken.
fn ticks(processes: &[u32]) -> f64 {
    let mut all = BTreeMap::new();
    for entry in std::fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Some(id) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
        let Ok(stat) = std::fs::read_to_string(entry.path().join("stat")) else { continue };
        // What comes after the name, which is in brackets and may hold anything.
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
        let number = |index: usize| fields.get(index).and_then(|field| field.parse::<u32>().ok()).unwrap_or_default();
        all.insert(id, (number(1), f64::from(number(11)) + f64::from(number(12))));
    }
    let is_ours = |id: u32| {
        let mut next = Some(id);
        // A process has few ancestors.
        for _ in 0..8 {
            let Some(id) = next else { return false };
            if processes.contains(&id) {
                return true;
            }
            next = all.get(&id).map(|(parent, _)| *parent);
        }
        false
    };
    all.iter().filter(|(id, _)| is_ours(**id)).map(|(_, (_, ticks))| ticks).sum()
}

// === impl Load ===

impl Load {
    /// Of each figure the median.
    pub(crate) fn median(loads: &[Self]) -> Self {
        let of = |figure: fn(&Self) -> f64| {
            let mut figures: Vec<f64> = loads.iter().map(figure).collect();
            figures.sort_unstable_by(f64::total_cmp);
            figures.get(figures.len() / 2).copied().unwrap_or(f64::NAN)
        };
        Self {
            requests_per_s: of(|load| load.requests_per_s),
            p50_us: of(|load| load.p50_us),
            p99_us: of(|load| load.p99_us),
            cpu_ms_per_1000: of(|load| load.cpu_ms_per_1000),
        }
    }
}

impl fmt::Display for Load {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { requests_per_s, p50_us, p99_us, cpu_ms_per_1000 } = self;
        write!(
            f,
            "{requests_per_s:8.0} requests/s, p50 {p50_us:6.0} µs, p99 {p99_us:6.0} µs, {cpu_ms_per_1000:5.1} ms of a core per 1000"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_wrk_prints_is_read() {
        let text = "  Latency Distribution\n     50%   83.00us\n     75%    1.00ms\n     90%    1.10ms\n     99%    1.20ms\n  \
                    20000 requests in 2.00s, 3.00MB read\nRequests/sec:  10000.50\nTransfer/sec:      1.00MB\n";
        let load = read(text, 1.0).unwrap();
        assert_eq!(
            (load.requests_per_s, load.p50_us, load.p99_us, load.cpu_ms_per_1000),
            (10000.5, 83.0, 1200.0, 50.0)
        );
        assert!(read("nothing", 1.0).is_none());
    }

    #[test]
    fn the_median_is_of_each_figure_by_itself() {
        let load = |requests_per_s, p50_us| Load { requests_per_s, p50_us, ..Load::default() };
        let median = Load::median(&[load(1.0, 30.0), load(3.0, 10.0), load(2.0, 20.0)]);
        assert_eq!((median.requests_per_s, median.p50_us), (2.0, 20.0));
    }
}
