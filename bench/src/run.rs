//! One run.

use std::time::Instant;

use anyhow::{Context, Result};

use crate::{
    bandwidth,
    command_line::CommandLine,
    data::Data,
    ours::{self, Ours},
    queries::{Query, queries},
    restriction::{Restriction, restrictions},
    timing::{Repetition, Timing},
};

pub(crate) fn run(options: &CommandLine) -> Result<()> {
    rayon::ThreadPoolBuilder::new().num_threads(options.threads).build_global().context("cannot start threads")?;
    let data = Data::provide(&options.cache, options.scale)?;
    let bandwidth = bandwidth::read_bytes_per_s();
    println!("read bandwidth {:.1} GB/s with {} threads", bandwidth / 1e9, options.threads);
    let ours = Ours::load(&data)?;
    let facts = ours.cube().fact_count();
    println!(
        "loaded {facts} facts, {:.2} GB of CSV in {:.2} s; {:.1} bytes per fact",
        data.bytes()? as f64 / 1e9,
        ours.load.as_secs_f64(),
        ours.resident_bytes as f64 / facts as f64
    );
    for restriction in &restrictions() {
        if options.is_restriction_wanted(restriction) {
            time_restriction(options, &ours, restriction)?;
        }
    }
    Ok(())
}

fn time_restriction(options: &CommandLine, ours: &Ours, restriction: &Restriction) -> Result<()> {
    let start = Instant::now();
    let mask = ours.mask(restriction)?;
    println!(
        "\n{}: {} facts visible, mask made in {:.2} ms",
        restriction.name,
        mask.visible_count(),
        start.elapsed().as_secs_f64() * 1e3
    );
    let repetition = Repetition { warm: options.warm, counted: options.runs };
    for query in queries().iter().filter(|query| options.is_query_wanted(query)) {
        let question = match ours::question(query) {
            Ok(question) => question,
            Err(error) => {
                println!("{:10} {error:#}", query.name);
                continue;
            }
        };
        let start = Instant::now();
        let answer = match ours.answer(&question, &mask) {
            Ok(answer) => answer,
            Err(error) => {
                println!("{:10} {error:#}", query.name);
                continue;
            }
        };
        let first = start.elapsed().as_secs_f64() * 1e3;
        let rows = ours::rows(query, &answer)?.len();
        let timing = Timing::of(repetition, || ours.answer(&question, &mask))?;
        println!(
            "{:10} {:9.3} ms (min {:9.3}, first {first:9.3})  {rows} rows",
            query.name,
            timing.median_ms(),
            timing.min_ms()
        );
    }
    Ok(())
}

impl CommandLine {
    fn is_query_wanted(&self, query: &Query) -> bool {
        self.only.is_empty() || self.only.iter().any(|wanted| query.name.starts_with(wanted.as_str()))
    }

    fn is_restriction_wanted(&self, restriction: &Restriction) -> bool {
        let name = restriction.name.trim_end_matches(" %");
        self.restriction.is_empty() || self.restriction.iter().any(|wanted| name == wanted)
    }
}
