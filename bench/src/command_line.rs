//! What can be asked for on the command line.

use std::path::{Path, PathBuf};

use clap::{Args, Parser, Subcommand};

use crate::{door::DoorOptions, policy::Scale, queries::Query, restriction::Restriction};

/// Measures Cubegate
#[derive(Debug, Parser)]
#[command(max_term_width = 100)]
pub(crate) struct Bench {
    #[command(subcommand)]
    pub(crate) subject: Subject,
}

/// What is measured.
#[derive(Debug, Subcommand)]
pub(crate) enum Subject {
    /// The cube against named peers
    Cube(Box<CommandLine>),
    /// The sidecar against other proxies
    Sidecar(DoorOptions),
    /// A large access policy: compiled, published, decided by
    Policy(Scale),
}

/// The cube against named peers
#[derive(Debug, Args)]
pub(crate) struct CommandLine {
    /// Scale of the data: 1 has 6 million facts
    #[arg(long, default_value_t = 1.0)]
    pub(crate) scale: f64,
    /// Only queries whose name begins so; may be repeated
    #[arg(long, value_name = "QUERY")]
    pub(crate) only: Vec<String>,
    /// Only restrictions of this name (all, 80, 20, 1); may be repeated
    #[arg(long, value_name = "PERCENT")]
    pub(crate) restriction: Vec<String>,
    /// Peers to run beside us
    #[arg(long, value_delimiter = ',', default_value = "duckdb,chdb,polars,datafusion")]
    pub(crate) peers: Vec<String>,
    /// Run alone
    #[arg(long)]
    pub(crate) no_peers: bool,
    /// Threads of everybody
    #[arg(long, default_value_t = 2)]
    pub(crate) threads: usize,
    /// Counted runs of each query
    #[arg(long, default_value_t = 7)]
    pub(crate) runs: usize,
    /// Runs before those that count
    #[arg(long, default_value_t = 3)]
    pub(crate) warm: usize,
    /// Only compare results with those of the peers, and fail on a difference
    #[arg(long)]
    pub(crate) check: bool,
    /// Seconds of the closed loop with many clients; 0 leaves it out
    #[arg(long, default_value_t = 5)]
    pub(crate) clients_seconds: u64,
    /// Take the peers' figures from the result file of an earlier run
    #[arg(long, value_name = "FILE")]
    pub(crate) peers_from: Option<PathBuf>,
    /// Run nothing: write page and plot anew from the result file of an earlier run
    #[arg(long, value_name = "FILE")]
    pub(crate) page_from: Option<PathBuf>,
    /// Write the page and the plot into this directory, after a whole run at scale 1
    #[arg(long, value_name = "DIRECTORY")]
    pub(crate) docs: Option<PathBuf>,
    /// Where data, Python environment and results are kept
    #[arg(long, value_name = "DIRECTORY")]
    pub(crate) cache: PathBuf,
    /// Python with the peers installed
    #[arg(long, value_name = "PROGRAM")]
    pub(crate) python: Option<PathBuf>,
    /// Scripts of the peers
    #[arg(long, value_name = "DIRECTORY")]
    pub(crate) scripts: Option<PathBuf>,
}

/// The scale of the published page.
const PUBLISHED_SCALE: f64 = 1.0;
const PUBLISHED_PEERS: usize = 4;

impl CommandLine {
    /// Where a whole run is published: every query and restriction, beside all peers, in one run.
    pub(crate) fn page_directory(&self) -> Option<&Path> {
        let is_whole = self.only.is_empty() && self.restriction.is_empty();
        let has_peers = !self.no_peers && self.peers_from.is_none() && self.peers.len() == PUBLISHED_PEERS;
        let is_timed = !self.check && self.clients_seconds > 0;
        let is_published = is_whole && has_peers && is_timed && (self.scale - PUBLISHED_SCALE).abs() < f64::EPSILON;
        self.docs.as_deref().filter(|_| is_published)
    }

    pub(crate) fn is_query_wanted(&self, query: &Query) -> bool {
        self.only.is_empty() || self.only.iter().any(|wanted| query.name.starts_with(wanted.as_str()))
    }

    pub(crate) fn is_restriction_wanted(&self, restriction: &Restriction) -> bool {
        let name = restriction.name.trim_end_matches(" %");
        self.restriction.is_empty() || self.restriction.iter().any(|wanted| name == wanted)
    }
}
