//! One run: everybody loads, then each query under each restriction is compared and timed.

use std::{collections::BTreeMap, time::Instant};

use anyhow::{Context, Result, bail};
use cubegate_cube::Mask;

use crate::{
    bandwidth,
    clients::{self, CLIENTS},
    command_line::CommandLine,
    data::Data,
    machine::Machine,
    ours::{self, Ours, Question, Widths},
    peer::Peer,
    queries::{Family, Query, queries},
    report,
    restriction::{Restriction, restrictions},
    results::{Clients, Line, OursLoaded, Restricted, Results, Setting},
    sql::statements,
    timing::{Repetition, Timing},
};

/// Everybody who answers, and what has been found out so far.
struct Run<'a> {
    options: &'a CommandLine,
    ours: Ours,
    peers: Vec<Peer>,
    widths: Widths,
    results: Results,
    /// What many callers will ask: question and mask for us, name and restricted query for peers.
    asked: Vec<((Question, Mask), (Line, Query))>,
}

/// Runs what was asked for, prints it, and writes it down.
pub(crate) fn run(options: &CommandLine) -> Result<()> {
    if let (Some(file), Some(docs)) = (&options.page_from, &options.docs) {
        return report::write(&Results::read(file)?, docs);
    }
    let mut run = Run::start(options)?;
    for restriction in restrictions().iter().filter(|restriction| options.is_restriction_wanted(restriction)) {
        run.restriction(restriction)?;
    }
    if !options.check {
        run.many_clients()?;
    }
    let results = run.finish()?;
    if options.check {
        return verdict(&results);
    }
    results.write(&options.cache.join(format!("results-sf{}.json", options.scale)))?;
    report::print_gates(&report::gates(&results));
    if let Some(docs) = options.page_directory() {
        report::write(&results, docs)?;
    }
    verdict(&results)
}

fn verdict(results: &Results) -> Result<()> {
    if results.failures.is_empty() {
        println!("every result is the same everywhere: {} compared", results.lines.len());
        return Ok(());
    }
    for (name, reason) in &results.failures {
        println!("FAILED {name}: {reason}");
    }
    bail!("{} queries had no answer or a different one", results.failures.len())
}

impl<'a> Run<'a> {
    fn start(options: &'a CommandLine) -> Result<Self> {
        rayon::ThreadPoolBuilder::new().num_threads(options.threads).build_global().context("cannot start threads")?;
        let data = Data::provide(&options.cache, options.scale)?;
        let csv_bytes = data.read_through()?;
        let ours = Ours::load(&data)?;
        // After the load: what it reads would otherwise count as if it had been there before.
        let read_bytes_per_s = bandwidth::read_bytes_per_s();
        let facts = ours.cube().fact_count();
        let peers = start_peers(options, &data)?;
        let results = Results {
            machine: Machine::here(),
            setting: Setting {
                scale: options.scale,
                facts,
                csv_bytes,
                threads: options.threads,
                warm: options.warm,
                runs: options.runs,
            },
            read_bytes_per_s,
            ours: OursLoaded {
                load_ms: ours.load.as_secs_f64() * 1e3,
                resident_bytes: ours.resident_bytes,
                resident_bytes_after: 0,
            },
            peers: peers.iter().map(|peer| (peer.name.clone(), peer.loaded.clone())).collect(),
            restrictions: Vec::new(),
            lines: Vec::new(),
            failures: Vec::new(),
            clients: None,
        };
        report::print_loading(&results);
        let widths = Widths::of(&ours)?;
        Ok(Self { options, ours, peers, widths, results, asked: Vec::new() })
    }

    fn restriction(&mut self, restriction: &Restriction) -> Result<()> {
        let start = Instant::now();
        let mask = self.ours.mask(restriction)?;
        let mask_ms = start.elapsed().as_secs_f64() * 1e3;
        let restricted = Restricted { name: restriction.name.to_owned(), visible: mask.visible_count(), mask_ms };
        report::print_restriction(&restricted);
        self.results.restrictions.push(restricted);
        for query in queries().iter().filter(|query| self.options.is_query_wanted(query)) {
            match self.query(query, restriction, &mask) {
                Ok(line) => {
                    if self.options.check {
                        println!("{:10} same everywhere, {} rows", line.query, line.rows);
                    } else {
                        report::print_line(&self.results, &line);
                    }
                    self.results.lines.push(line);
                }
                Err(error) => {
                    println!("{:10} {error:#}", query.name);
                    self.results
                        .failures
                        .push((format!("{} · {}", query.name, restriction.name), format!("{error:#}")));
                }
            }
        }
        Ok(())
    }

    /// Nothing is timed before all have given the same rows.
    fn query(&mut self, query: &Query, restriction: &Restriction, mask: &Mask) -> Result<Line> {
        let question = ours::question(query)?;
        let start = Instant::now();
        let answer = self.ours.answer(&question, mask)?;
        let first_ms = start.elapsed().as_secs_f64() * 1e3;
        let rows = ours::rows(query, &answer)?;
        drop(answer);

        let restricted = query.restricted(restriction.test.as_ref());
        let glances = self.peers.iter_mut().map(|peer| peer.check(&restricted, &rows));
        let glances = glances.collect::<Result<Vec<_>>>()?;
        let mut line = Line {
            query: query.name.to_owned(),
            family: query.family,
            restriction: restriction.name.to_owned(),
            rows: rows.len(),
            bytes_per_fact: self.widths.bytes_per_fact(query),
            first_ms,
            ours: Timing::default(),
            peers: BTreeMap::new(),
        };
        if self.options.check {
            return Ok(line);
        }
        drop(rows);
        let repetition = Repetition { warm: self.options.warm, counted: self.options.runs };
        line.ours = Timing::of(repetition, || self.ours.answer(&question, mask))?;
        for (peer, cold) in self.peers.iter_mut().zip(glances) {
            line.peers.insert(peer.name.clone(), peer.time(&restricted, cold, repetition)?);
        }
        if query.family != Family::ManyKeys {
            self.asked.push(((question, mask.clone()), (line.clone(), restricted)));
        }
        Ok(line)
    }

    fn many_clients(&mut self) -> Result<()> {
        let seconds = self.options.clients_seconds;
        if seconds == 0 || self.asked.is_empty() {
            return Ok(());
        }
        let (asked, theirs): (Vec<_>, Vec<_>) = std::mem::take(&mut self.asked).into_iter().unzip();
        let ours = clients::ours(&self.ours, &asked, seconds)?;
        let duckdb = match self.peers.iter_mut().find(|peer| peer.name == "duckdb") {
            Some(peer) => {
                let best = |(line, query): &(Line, Query)| {
                    let form = &line.peers.get(&peer.name)?.form;
                    statements(query).remove(form.as_str())
                };
                let statements: Vec<String> = theirs.iter().filter_map(best).collect();
                Some(peer.clients(&statements, CLIENTS, seconds)?)
            }
            None => None,
        };
        self.results.clients = Some(Clients { count: CLIENTS, seconds, ours, duckdb });
        Ok(())
    }

    fn finish(mut self) -> Result<Results> {
        self.results.ours.resident_bytes_after = self.ours.resident_bytes_now()?;
        if let Some(file) = &self.options.peers_from {
            take_peers_from(&mut self.results, Results::read(file)?);
        }
        Ok(self.results)
    }
}

fn start_peers(options: &CommandLine, data: &Data) -> Result<Vec<Peer>> {
    if options.no_peers || options.peers_from.is_some() {
        return Ok(Vec::new());
    }
    let python = options.python.as_ref().context("peers need --python, a Python that has them")?;
    let scripts = options.scripts.as_ref().context("peers need --scripts, the directory of their scripts")?;
    options.peers.iter().map(|name| Peer::start(name, python, scripts, data, options.threads)).collect()
}

/// Figures of an earlier run beside ours of now: good for looking, not for publishing.
fn take_peers_from(results: &mut Results, earlier: Results) {
    for line in &mut results.lines {
        if let Some(found) = earlier.line(&line.query, &line.restriction) {
            line.peers.clone_from(&found.peers);
        }
    }
    results.peers = earlier.peers;
}
