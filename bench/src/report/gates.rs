//! The bounds that the cube is held to, and whether a run kept them.

use crate::{
    queries::Family,
    results::{Line, Results},
};

const RATIO_MIN: f64 = 2.0;
const RATIO_MEAN_MIN: f64 = 5.0;
const ROLL_UP_RATIO_MIN: f64 = 10.0;
const BANDWIDTH_PART_MIN: f64 = 0.6;
/// What may be noise when two runs of ours are compared.
const NOISE_FACTOR: f64 = 1.05;

/// A bound.
pub(crate) struct Gate {
    pub(crate) rule: String,
    /// None: there is nothing to judge it by in this run.
    pub(crate) holds: Option<bool>,
    /// The figures, those that fail above all.
    pub(crate) found: String,
}

impl Gate {
    pub(crate) fn verdict(&self) -> &'static str {
        match self.holds {
            Some(true) => "holds",
            Some(false) => "FAILS",
            None => "-    ",
        }
    }
}

/// Every bound, judged by this run.
pub(crate) fn gates(results: &Results) -> Vec<Gate> {
    let all = results.lines.iter();
    let roll_ups = all.clone().filter(|line| line.family == Family::RollUp && !line.is_restricted());
    let million = all.clone().filter(|line| line.query.starts_with("K1M"));
    vec![
        least_ratio("every query", RATIO_MIN, all.clone()),
        mean_ratio("all queries, unrestricted", all.clone().filter(|line| !line.is_restricted())),
        mean_ratio("all queries under all restrictions", all.clone()),
        least_ratio("unfiltered roll-ups", ROLL_UP_RATIO_MIN, roll_ups),
        least_ratio("a million groups", RATIO_MIN, million),
        bandwidth(results),
        restricted(results),
        load(results),
        bytes(results),
        clients(results),
        same_everywhere(results),
    ]
}

fn least_ratio<'a>(what: &str, bound: f64, lines: impl Iterator<Item = &'a Line>) -> Gate {
    let ratios: Vec<(String, f64)> = lines.filter_map(|line| Some((line.title(), line.ratio()?))).collect();
    let mut below: Vec<&(String, f64)> = ratios.iter().filter(|(_, ratio)| *ratio < bound).collect();
    below.sort_by(|a, b| a.1.total_cmp(&b.1));
    let least = ratios.iter().map(|(_, ratio)| *ratio).fold(f64::INFINITY, f64::min);
    let found = if ratios.is_empty() {
        String::new()
    } else if below.is_empty() {
        format!("at least {least:.1}× in {} measurements", ratios.len())
    } else {
        let list = below.iter().map(|(name, ratio)| format!("{name} {ratio:.2}×")).collect::<Vec<_>>().join(", ");
        format!("{} of {} are below: {list}", below.len(), ratios.len())
    };
    let holds = (!ratios.is_empty()).then_some(below.is_empty());
    Gate { rule: format!("{what}: ≥ {bound}× the best peer"), holds, found }
}

fn mean_ratio<'a>(what: &str, lines: impl Iterator<Item = &'a Line>) -> Gate {
    let mean = geometric_mean(lines.filter_map(Line::ratio));
    let found = mean.map_or_else(String::new, |mean| format!("{mean:.2}×"));
    Gate {
        rule: format!("geometric mean over {what}: ≥ {RATIO_MEAN_MIN}× the best peer"),
        holds: mean.map(|mean| mean >= RATIO_MEAN_MIN),
        found,
    }
}

pub(super) fn geometric_mean(ratios: impl Iterator<Item = f64>) -> Option<f64> {
    let logarithms: Vec<f64> = ratios.map(f64::ln).collect();
    #[expect(clippy::cast_precision_loss, reason = "few queries")]
    let count = logarithms.len() as f64;
    (!logarithms.is_empty()).then(|| (logarithms.iter().sum::<f64>() / count).exp())
}

fn bandwidth(results: &Results) -> Gate {
    let dense = results.lines.iter().filter(|line| line.family == Family::Dense && !line.is_restricted());
    let parts: Vec<(String, f64)> = dense.map(|line| (line.title(), results.bandwidth_part(line))).collect();
    let list = parts.iter().map(|(name, part)| format!("{name} {:.0} %", part * 100.0)).collect::<Vec<_>>();
    Gate {
        rule: format!("dense groups: ≥ {:.0} % of the read bandwidth", BANDWIDTH_PART_MIN * 100.0),
        holds: (!parts.is_empty()).then(|| parts.iter().all(|(_, part)| *part >= BANDWIDTH_PART_MIN)),
        found: list.join(", "),
    }
}

fn restricted(results: &Results) -> Gate {
    let mut count = 0;
    let mut slower = Vec::new();
    for line in results.lines.iter().filter(|line| line.is_restricted()) {
        let Some(unrestricted) = results.line(&line.query, "all") else { continue };
        count += 1;
        let factor = line.ours.median_ms() / unrestricted.ours.median_ms();
        if factor > NOISE_FACTOR {
            slower.push(format!("{} {factor:.2}×", line.title()));
        }
    }
    let found = if slower.is_empty() {
        format!("none of {count} is slower")
    } else {
        format!("{} of {count} are slower: {}", slower.len(), slower.join(", "))
    };
    Gate {
        rule: "restricted never slower than unrestricted (5 % allowed for noise)".to_owned(),
        holds: (count > 0).then_some(slower.is_empty()),
        found: if count > 0 { found } else { String::new() },
    }
}

fn load(results: &Results) -> Gate {
    let duckdb_ms = results.peers.get("duckdb").map(|peer| peer.load_ms);
    let ours_ms = results.ours.load_ms;
    Gate {
        rule: "loading CSV: at least as fast as DuckDB".to_owned(),
        holds: duckdb_ms.map(|duckdb_ms| ours_ms <= duckdb_ms),
        found: duckdb_ms.map_or_else(String::new, |duckdb_ms| format!("{ours_ms:.0} ms, DuckDB {duckdb_ms:.0} ms")),
    }
}

fn bytes(results: &Results) -> Gate {
    #[expect(clippy::cast_precision_loss, reason = "bytes and facts of one machine")]
    let per_fact = |bytes: u64| bytes as f64 / results.setting.facts as f64;
    let ours = &results.ours;
    let duckdb = results.peers.get("duckdb");
    Gate {
        rule: "bytes per fact, dimensions included: no more than DuckDB's tables in memory".to_owned(),
        holds: duckdb.map(|duckdb| ours.resident_bytes_after <= duckdb.resident_bytes),
        found: duckdb.map_or_else(String::new, |duckdb| {
            format!(
                "{:.1} loaded and {:.1} after all queries, DuckDB {:.1} (by its own count {:.1})",
                per_fact(ours.resident_bytes),
                per_fact(ours.resident_bytes_after),
                per_fact(duckdb.resident_bytes),
                per_fact(duckdb.reported_bytes)
            )
        }),
    }
}

fn clients(results: &Results) -> Gate {
    let clients = results.clients.as_ref();
    let count = clients.map_or(0, |clients| clients.count);
    let found = clients.and_then(|clients| {
        let duckdb = clients.duckdb.as_ref()?;
        Some(format!("{:.1} ms, DuckDB {:.1} ms", clients.ours.quantile_ms(0.99), duckdb.quantile_ms(0.99)))
    });
    Gate {
        rule: format!("p99 under {count} callers at once, printed beside DuckDB's"),
        holds: found.is_some().then_some(true),
        found: found.unwrap_or_default(),
    }
}

fn same_everywhere(results: &Results) -> Gate {
    let names: Vec<&str> = results.failures.iter().map(|(name, _)| name.as_str()).collect();
    let compared = !results.peers.is_empty();
    Gate {
        rule: "every query answered, with the same rows by everybody".to_owned(),
        holds: (compared || !names.is_empty()).then_some(names.is_empty()),
        found: if names.is_empty() { format!("{} compared", results.lines.len()) } else { names.join(", ") },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_geometric_mean_of_nothing_is_none() {
        assert_eq!(geometric_mean(std::iter::empty()), None);
        let mean = geometric_mean([1.0, 100.0].into_iter()).unwrap();
        assert!((mean - 10.0).abs() < 1e-9);
    }
}
