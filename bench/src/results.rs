//! What a run found out. The page, the plot and the verdicts are made from this and from nothing else.

use std::{collections::BTreeMap, path::Path};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use crate::{
    machine::Machine,
    peer::{Best, Loaded},
    queries::Family,
    timing::Timing,
};

/// One run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Results {
    pub(crate) machine: Machine,
    pub(crate) setting: Setting,
    /// Bytes per second that all threads together read.
    pub(crate) read_bytes_per_s: f64,
    pub(crate) ours: OursLoaded,
    pub(crate) peers: BTreeMap<String, Loaded>,
    pub(crate) restrictions: Vec<Restricted>,
    pub(crate) lines: Vec<Line>,
    /// What could not be asked or answered, or was answered differently: name and reason.
    pub(crate) failures: Vec<(String, String)>,
    pub(crate) clients: Option<Clients>,
}

/// What was run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Setting {
    pub(crate) scale: f64,
    pub(crate) facts: usize,
    pub(crate) csv_bytes: u64,
    pub(crate) threads: usize,
    pub(crate) warm: usize,
    pub(crate) runs: usize,
}

/// Our cube, once loaded.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct OursLoaded {
    pub(crate) load_ms: f64,
    /// After loading.
    pub(crate) resident_bytes: u64,
    /// After all queries, with what they had made lazily.
    pub(crate) resident_bytes_after: u64,
}

/// A restriction, and what it costs when it is first met.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Restricted {
    pub(crate) name: String,
    pub(crate) visible: usize,
    pub(crate) mask_ms: f64,
}

/// A query under a restriction.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Line {
    pub(crate) query: String,
    pub(crate) family: Family,
    pub(crate) restriction: String,
    pub(crate) rows: usize,
    /// Bytes that we read of each fact if we look at all.
    pub(crate) bytes_per_fact: usize,
    /// The first time that this query was asked under this restriction.
    pub(crate) first_ms: f64,
    pub(crate) ours: Timing,
    pub(crate) peers: BTreeMap<String, Best>,
}

/// Many callers at once.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Clients {
    pub(crate) count: usize,
    pub(crate) seconds: u64,
    pub(crate) ours: Timing,
    pub(crate) duckdb: Option<Timing>,
}

impl Line {
    /// The fastest peer and its milliseconds.
    pub(crate) fn best_peer(&self) -> Option<(&str, f64)> {
        let medians = self.peers.iter().map(|(name, best)| (name.as_str(), best.timing.median_ms()));
        medians.min_by(|a, b| a.1.total_cmp(&b.1))
    }

    /// How many times as long the fastest peer takes.
    pub(crate) fn ratio(&self) -> Option<f64> {
        Some(self.best_peer()?.1 / self.ours.median_ms())
    }

    /// The name, with the restriction if there is one.
    pub(crate) fn title(&self) -> String {
        if self.is_restricted() { format!("{} · {}", self.query, self.restriction) } else { self.query.clone() }
    }

    pub(crate) fn is_restricted(&self) -> bool {
        self.restriction != "all"
    }
}

impl Results {
    /// The part of the read bandwidth that a query used, as if it read each column once.
    pub(crate) fn bandwidth_part(&self, line: &Line) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "bytes of one machine")]
        let bytes = (line.bytes_per_fact * self.setting.facts) as f64;
        bytes / (line.ours.median_ms() / 1e3) / self.read_bytes_per_s
    }

    /// Facts per second and core.
    pub(crate) fn facts_per_core_s(&self, line: &Line) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "facts of one machine")]
        let (facts, threads) = (self.setting.facts as f64, self.setting.threads as f64);
        facts / (line.ours.median_ms() / 1e3) / threads
    }

    /// The same query under another restriction.
    pub(crate) fn line(&self, query: &str, restriction: &str) -> Option<&Line> {
        self.lines.iter().find(|line| line.query == query && line.restriction == restriction)
    }

    pub(crate) fn read(file: &Path) -> Result<Self> {
        let text = std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
        serde_json::from_slice(&text).with_context(|| format!("{} holds no results", file.display()))
    }

    pub(crate) fn write(&self, file: &Path) -> Result<()> {
        let text = serde_json::to_vec_pretty(self)?;
        std::fs::write(file, text).with_context(|| format!("cannot write {}", file.display()))
    }
}
