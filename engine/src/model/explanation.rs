//! How an answer came about: `{"stages":[{"name","ms"}],"factsVisible","factsMatched","cells","rows","cache":{"mask","result"}}`.
//!
//! It counts nothing but what the caller may see. An answer that was kept had no scan, so it says nothing of facts and cells.

use std::time::Instant;

use cubegate_cube::Stage;
use serde_json::{Map, Value, json};

/// Told stage by stage.
pub(super) struct Explanation {
    stages: Vec<Value>,
    counts: Map<String, Value>,
    /// When the last stage ended.
    since: Instant,
}

impl Explanation {
    pub(super) fn new(started: Instant) -> Self {
        Self { stages: Vec::new(), counts: Map::new(), since: started }
    }

    /// A stage has ended.
    pub(super) fn stage(&mut self, name: &str) {
        let now = Instant::now();
        let milliseconds = ((now - self.since).as_secs_f64() * 1e6).round() / 1e3;
        self.stages.push(json!({"name": name, "ms": milliseconds}));
        self.since = now;
    }

    /// A stage of the cube has ended.
    pub(super) fn watch(&mut self, stage: Stage) {
        match stage {
            Stage::Resolved => self.stage("resolve"),
            Stage::Scanned { facts_matched, cells } => {
                self.stage("scan");
                self.say("factsMatched", facts_matched);
                self.say("cells", cells);
            }
            Stage::Finished { rows } => {
                self.stage("finish");
                self.say("rows", rows);
            }
        }
    }

    pub(super) fn say(&mut self, what: &str, count: impl Into<Value>) {
        self.counts.insert(what.to_owned(), count.into());
    }

    pub(super) fn finish(mut self, cache: &Value) -> Value {
        self.counts.insert("stages".to_owned(), self.stages.into());
        self.counts.insert("cache".to_owned(), cache.clone());
        Value::Object(self.counts)
    }
}
