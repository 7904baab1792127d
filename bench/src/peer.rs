//! A peer: a process of its own that is asked one thing at a time, and stands still while somebody else is timed.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

use crate::{
    data::Data,
    queries::Query,
    rows::Rows,
    schema::TABLES,
    sql::statements,
    timing::{Repetition, Timing},
};

/// A way of answering is warmed up unless another one of the same peer was this many times as fast when it was compared.
const COLD_HOPELESS_FACTOR: f64 = 3.0;
/// A way of answering is timed in earnest unless another one of the same peer is this many times as fast, both warm.
const HOPELESS_FACTOR: f64 = 1.5;
/// Runs by which that is told.
const GLANCE_RUNS: usize = 2;

/// A peer that has loaded the star.
pub(crate) struct Peer {
    pub(crate) name: String,
    pub(crate) loaded: Loaded,
    process: Process,
    /// What the peer writes, gone when the peer is.
    scratch: PathBuf,
}

/// What a peer tells of itself once it has loaded the star.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Loaded {
    pub(crate) version: String,
    /// From the files to tables that answer.
    pub(crate) load_ms: f64,
    /// The joined table and statistics.
    pub(crate) prepare_ms: f64,
    /// What the process grew by when it loaded the star.
    pub(crate) resident_bytes: u64,
    /// What the peer itself says that the star takes.
    pub(crate) reported_bytes: u64,
}

/// The best way that a peer has for a query.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Best {
    pub(crate) form: String,
    pub(crate) timing: Timing,
}

/// A way of answering, and how long it took at first sight.
pub(crate) struct Glance {
    form: String,
    ms: f64,
}

struct Process {
    child: Child,
    requests: ChildStdin,
    responses: BufReader<ChildStdout>,
}

#[derive(Deserialize)]
struct First {
    first_ms: f64,
}

#[derive(Deserialize)]
struct Forms {
    forms: Vec<String>,
}

impl Peer {
    /// Starts a peer and lets it load the star.
    pub(crate) fn start(name: &str, python: &Path, scripts: &Path, data: &Data, threads: usize) -> Result<Self> {
        let script = scripts.join(format!("peer_{name}.py"));
        let scratch = data.directory().join(format!("scratch-{name}"));
        std::fs::create_dir_all(&scratch).with_context(|| format!("cannot create {}", scratch.display()))?;
        let mut process =
            Process::start(python, &script, threads, &scratch).with_context(|| format!("cannot start {name}"))?;
        let request = json!({"op": "load", "directory": data.directory(), "tables": TABLES, "threads": threads});
        let loaded = process.ask(&request).with_context(|| format!("{name} cannot load the star"))?;
        let peer = Self { name: name.to_owned(), loaded, process, scratch };
        peer.pause()?;
        Ok(peer)
    }

    /// Compares each way of answering with our rows, and fails on the first that differs. Tells how long each took, cold.
    pub(crate) fn check(&mut self, query: &Query, ours: &Rows) -> Result<Vec<Glance>> {
        let file = self.scratch.join("answer.txt");
        let mut glances = Vec::new();
        for form in self.forms(query)? {
            let request = json!({"op": "rows", "query": document(query), "form": form, "file": file});
            let first: First =
                self.ask(&request).with_context(|| format!("{} with {}, {form}", query.name, self.name))?;
            let text = std::fs::read_to_string(&file).context("the peer wrote no answer")?;
            let lines = text.lines().filter(|line| is_of_something(line, query));
            let rows = Rows::new(lines.map(str::to_owned).collect());
            ours.check_equal(&rows, &format!("{} with {}, {form},", query.name, self.name))?;
            glances.push(Glance { form, ms: first.first_ms });
        }
        Ok(glances)
    }

    /// Times each way of answering that is not hopeless, and tells the best.
    pub(crate) fn time(&mut self, query: &Query, cold: Vec<Glance>, repetition: Repetition) -> Result<Best> {
        let glance = Repetition { counted: GLANCE_RUNS, ..repetition };
        let mut warm = Vec::new();
        for Glance { form, .. } in promising(cold, COLD_HOPELESS_FACTOR) {
            let ms = self.time_form(query, &form, glance)?.min_ms();
            warm.push(Glance { form, ms });
        }
        let mut bests = Vec::new();
        for Glance { form, .. } in promising(warm, HOPELESS_FACTOR) {
            let timing = self.time_form(query, &form, Repetition { warm: 1, ..repetition })?;
            bests.push(Best { form, timing });
        }
        let best = bests.into_iter().min_by(|a, b| a.timing.median_ms().total_cmp(&b.timing.median_ms()));
        best.with_context(|| format!("{} has no way to answer {}", self.name, query.name))
    }

    /// Many callers at once for some seconds.
    pub(crate) fn clients(&mut self, statements: &[String], clients: usize, seconds: u64) -> Result<Timing> {
        self.ask(&json!({"op": "clients", "asked": statements, "clients": clients, "seconds": seconds}))
    }

    fn forms(&mut self, query: &Query) -> Result<Vec<String>> {
        Ok(self.ask::<Forms>(&json!({"op": "forms", "query": document(query)}))?.forms)
    }

    fn time_form(&mut self, query: &Query, form: &str, repetition: Repetition) -> Result<Timing> {
        let Repetition { warm, counted } = repetition;
        self.ask(&json!({"op": "time", "query": document(query), "form": form, "warm": warm, "runs": counted}))
    }

    fn ask<T: DeserializeOwned>(&mut self, request: &Value) -> Result<T> {
        self.process.signal(Signal::CONT)?;
        let answer = self.process.ask(request).with_context(|| self.name.clone());
        self.pause()?;
        answer
    }

    fn pause(&self) -> Result<()> {
        self.process.signal(Signal::STOP)
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.process.end();
        let _ = std::fs::remove_dir_all(&self.scratch);
    }
}

impl Process {
    fn start(python: &Path, script: &Path, threads: usize, scratch: &Path) -> Result<Self> {
        let mut command = Command::new(python);
        command.arg(script).arg(threads.to_string()).env("PYTHONDONTWRITEBYTECODE", "1").env("TMPDIR", scratch);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let requests = child.stdin.take().context("no standard input")?;
        let responses = BufReader::new(child.stdout.take().context("no standard output")?);
        Ok(Self { child, requests, responses })
    }

    fn ask<T: DeserializeOwned>(&mut self, request: &Value) -> Result<T> {
        writeln!(self.requests, "{request}").context("the peer has ended")?;
        self.requests.flush()?;
        let mut line = String::new();
        if self.responses.read_line(&mut line)? == 0 {
            bail!("the peer has ended");
        }
        let answer: Value = serde_json::from_str(&line).with_context(|| format!("not an answer: {line}"))?;
        if let Some(error) = answer.get("error") {
            bail!("{}", error.as_str().unwrap_or("it failed"));
        }
        Ok(serde_json::from_value(answer)?)
    }

    fn end(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    fn signal(&self, signal: Signal) -> Result<()> {
        kill_process(Pid::from_child(&self.child), signal).context("the peer has ended")
    }
}

impl Drop for Process {
    /// Ends the peer, whatever it is doing.
    fn drop(&mut self) {
        self.end();
    }
}

/// Those that are not much slower than the fastest.
fn promising(glances: Vec<Glance>, factor: f64) -> impl Iterator<Item = Glance> {
    let fastest_ms = glances.iter().map(|glance| glance.ms).fold(f64::INFINITY, f64::min);
    glances.into_iter().filter(move |glance| glance.ms <= fastest_ms * factor)
}

/// Whether a row has a value. Ours has no row where there is no fact; in SQL that is a row of nulls and zeros.
fn is_of_something(line: &str, query: &Query) -> bool {
    line.split('\t').skip(query.groups.len()).any(|cell| cell != Rows::NULL && cell != "0")
}

/// A query as peers read it.
fn document(query: &Query) -> Value {
    let mut document = serde_json::to_value(query).expect("a query can be written");
    if let Some(document) = document.as_object_mut() {
        document.insert("sql".to_owned(), json!(statements(query)));
        document.insert("columns".to_owned(), json!(query.columns()));
    }
    document
}
