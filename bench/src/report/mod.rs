//! Results for people: on the terminal, as a page and as a plot.

mod console;
mod gates;
mod page;
mod plot;

use std::path::Path;

use anyhow::{Context, Result};

pub(crate) use self::{
    console::{print_gates, print_line, print_loading, print_restriction},
    gates::{Gate, gates},
};
use crate::results::Results;

const PAGE: &str = "bench-cube.md";
const PLOT: &str = "bench-cube.svg";

/// Writes the page and the plot.
pub(crate) fn write(results: &Results, directory: &Path) -> Result<()> {
    std::fs::create_dir_all(directory).with_context(|| format!("cannot create {}", directory.display()))?;
    for (name, content) in [(PAGE, page::page(results, PLOT)), (PLOT, plot::plot(results))] {
        let file = directory.join(name);
        std::fs::write(&file, content).with_context(|| format!("cannot write {}", file.display()))?;
        println!("wrote {}", file.display());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::{
        machine::Machine,
        peer::{Best, Loaded},
        queries::Family,
        results::{Clients, Line, OursLoaded, Restricted, Setting},
        timing::Timing,
    };

    fn once(ms: f64) -> Timing {
        Timing { runs_ms: vec![ms] }
    }

    fn line(query: &str, restriction: &str, ours_ms: f64, theirs_ms: f64) -> Line {
        let best = Best { form: "flat".to_owned(), timing: once(theirs_ms) };
        Line {
            query: query.to_owned(),
            family: Family::StarSchema,
            restriction: restriction.to_owned(),
            rows: 1,
            bytes_per_fact: 8,
            first_ms: ours_ms,
            ours: once(ours_ms),
            peers: BTreeMap::from([("duckdb".to_owned(), best)]),
        }
    }

    fn restricted(name: &str) -> Restricted {
        Restricted { name: name.to_owned(), visible: 1, mask_ms: 1.0 }
    }

    /// Q1 is 10 times as fast as the peer, Q2 as fast, and slower when restricted.
    fn results() -> Results {
        let duckdb =
            Loaded { version: "2".to_owned(), load_ms: 5.0, prepare_ms: 1.0, resident_bytes: 90, reported_bytes: 80 };
        Results {
            machine: Machine::here(),
            setting: Setting { scale: 1.0, facts: 1000, csv_bytes: 100, threads: 2, warm: 3, runs: 7 },
            read_bytes_per_s: 1e9,
            ours: OursLoaded { load_ms: 4.0, resident_bytes: 50, resident_bytes_after: 60 },
            peers: BTreeMap::from([("duckdb".to_owned(), duckdb)]),
            restrictions: vec![restricted("all"), restricted("1 %")],
            lines: vec![line("Q1", "all", 1.0, 10.0), line("Q2", "all", 2.0, 2.0), line("Q2", "1 %", 3.0, 9.0)],
            failures: Vec::new(),
            clients: Some(Clients { count: 8, seconds: 1, ours: once(1.0), duckdb: Some(once(2.0)) }),
        }
    }

    #[test]
    fn a_bound_that_is_missed_is_shown_with_the_figures_that_miss_it() {
        let page = page::page(&results(), PLOT);
        assert!(page.contains("| FAILS | every query: ≥ 2× the best peer | 1 of 3 are below: Q2 1.00× |"), "{page}");
        assert!(page.contains("| 1 of 1 are slower: Q2 · 1 % 1.50× |"), "{page}");
        assert!(page.contains("| holds | loading CSV: at least as fast as DuckDB | 4 ms, DuckDB 5 ms |"), "{page}");
    }

    #[test]
    fn a_query_without_an_answer_fails_the_run() {
        let failures = vec![("Q3 · all".to_owned(), "differs".to_owned())];
        let page = page::page(&Results { failures, ..results() }, PLOT);
        let rule = "| FAILS | every query answered, with the same rows by everybody | Q3 · all |";
        assert!(page.contains(rule), "{page}");
    }

    #[test]
    fn each_row_of_a_table_has_the_cells_of_its_header() {
        let page = page::page(&results(), PLOT);
        let tables = page.split("\n\n").filter(|part| part.starts_with('|'));
        for table in tables {
            let widths: Vec<usize> = table.lines().map(|line| line.matches(" |").count()).collect();
            assert!(widths.windows(2).all(|pair| pair.first() == pair.last()), "{table}");
        }
    }

    #[test]
    fn the_plot_has_a_label_per_query_and_a_dot_per_figure() {
        let plot = plot::plot(&results());
        assert!(plot.starts_with("<svg") && plot.ends_with("</svg>\n"));
        assert!(plot.contains(">Q1</text>") && plot.contains(">Q2</text>"));
        // A dot for each time and ratio, and for each entry of the two legends.
        assert_eq!(plot.matches("<circle").count(), 4 + 3 + 2 + 2);
    }
}
