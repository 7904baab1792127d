//! Whether the watches work: `/readyz` until all have listed once, `/livez` when one only ever fails.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use crate::{
    limits::{WATCH_FAILING_MAX, WATCH_RETRY_MAX},
    metrics::Metrics,
};

/// All watches of the process.
#[derive(Debug)]
pub struct Health {
    watches: Mutex<Vec<Arc<Watch>>>,
    metrics: Arc<Metrics>,
}

/// One watch.
#[derive(Debug)]
pub struct Watch {
    namespace: String,
    name: &'static str,
    state: Mutex<State>,
    metrics: Arc<Metrics>,
}

#[derive(Debug, Default)]
struct State {
    listed: bool,
    failing: Option<Failing>,
}

/// First and last of failures with no success between them. A healthy watch may be silent for long, so silence is
/// no failure; but one that fails is heard of again within the longest backoff.
#[derive(Clone, Copy, Debug)]
struct Failing {
    first: Instant,
    last: Instant,
}

impl Health {
    /// No watches yet.
    pub fn new(metrics: Arc<Metrics>) -> Self {
        Self { watches: Mutex::default(), metrics }
    }

    /// A watch that counts from now on.
    pub fn register(&self, namespace: &str, name: &'static str) -> Arc<Watch> {
        let metrics = Arc::clone(&self.metrics);
        let watch = Arc::new(Watch { namespace: namespace.to_owned(), name, state: Mutex::default(), metrics });
        self.watches.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(&watch));
        watch
    }

    /// The watches that have not listed yet.
    pub fn unlisted(&self) -> Vec<String> {
        self.those(|state| !state.listed)
    }

    /// The watches that have done nothing but fail for too long.
    pub fn stuck(&self, now: Instant) -> Vec<String> {
        self.those(|state| state.failing.is_some_and(|failing| failing.is_stuck(now)))
    }

    fn those(&self, pass: impl Fn(&State) -> bool) -> Vec<String> {
        let watches = self.watches.lock().unwrap_or_else(PoisonError::into_inner);
        let pass = |watch: &&Arc<Watch>| pass(&watch.state.lock().unwrap_or_else(PoisonError::into_inner));
        watches.iter().filter(pass).map(ToString::to_string).collect()
    }
}

impl Watch {
    /// An event came.
    pub fn succeeded(&self) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).failing = None;
    }

    /// A whole list came.
    pub fn listed(&self) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).listed = true;
    }

    /// The watch failed.
    pub fn failed(&self) {
        self.metrics.watch_failures.with_label_values(&[self.name]).inc();
        let now = Instant::now();
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.failing = Some(Failing::again(state.failing, now));
    }
}

impl Failing {
    fn again(earlier: Option<Self>, now: Instant) -> Self {
        let first = earlier.filter(|earlier| earlier.is_going_on(now)).map_or(now, |earlier| earlier.first);
        Self { first, last: now }
    }

    fn is_going_on(self, now: Instant) -> bool {
        now.duration_since(self.last) < 3 * WATCH_RETRY_MAX
    }

    fn is_stuck(self, now: Instant) -> bool {
        self.is_going_on(now) && self.last.duration_since(self.first) > WATCH_FAILING_MAX
    }
}

impl std::fmt::Display for Watch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} in {}", self.name, self.namespace)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_watch_is_stuck_only_after_failing_all_the_time() {
        let start = Instant::now();
        let mut failing = Failing::again(None, start);
        let mut now = start;
        while now.duration_since(start) <= WATCH_FAILING_MAX {
            assert!(!failing.is_stuck(now));
            now += WATCH_RETRY_MAX;
            failing = Failing::again(Some(failing), now);
        }
        assert!(failing.is_stuck(now));
        let silent = now + 10 * WATCH_RETRY_MAX;
        assert!(!failing.is_stuck(silent), "silence after failures means that the watch works again");
        assert!(!Failing::again(Some(failing), silent).is_stuck(silent + Duration::from_secs(1)));
    }
}
