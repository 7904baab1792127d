//! Which Sessions to reconcile, and when.
//!
//! ```text
//! add ─────────▶ due ──next──▶ running ──done──▶ (settled: forgotten)
//! done(again) ──▶ │              │
//!                 └── add while running interrupts the run: newer changes go first
//! ```
//!
//! A key is in `due` at most once and runs at most once at a time.

use std::{
    collections::{BTreeSet, HashMap},
    hash::{BuildHasher, Hash, RandomState},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    sync::{Notify, watch},
    time::Instant,
};

use crate::limits::{EVENT_SETTLE, RETRY_MAX, RETRY_MIN};

/// A queue of keys.
#[derive(Debug)]
pub struct Queue<K> {
    state: Mutex<State<K>>,
    wake: Notify,
}

#[derive(Debug)]
struct State<K> {
    due: BTreeSet<(Instant, K)>,
    due_at: HashMap<K, Instant>,
    running: HashMap<K, watch::Sender<bool>>,
    attempts: HashMap<K, u32>,
}

/// A key to work on. It is not handed out again before it has been given back with [`Queue::done`].
#[derive(Debug)]
pub struct Work<K> {
    /// The key.
    pub key: K,
    /// Tells that newer changes wait.
    pub interrupt: Interrupt,
}

/// Tells a run that newer changes of its key wait.
#[derive(Clone, Debug)]
pub struct Interrupt(watch::Receiver<bool>);

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing is left to do until something changes.
    Settled,
    /// Look again soon, later each time.
    Again,
}

impl<K> Default for Queue<K> {
    fn default() -> Self {
        let state =
            State { due: BTreeSet::new(), due_at: HashMap::new(), running: HashMap::new(), attempts: HashMap::new() };
        Self { state: Mutex::new(state), wake: Notify::new() }
    }
}

impl<K: Clone + Ord + Hash> Queue<K> {
    /// Something about this key changed.
    pub fn add(&self, key: K) {
        let mut state = self.lock();
        if let Some(running) = state.running.get(&key) {
            running.send_replace(true);
        }
        state.schedule(key, Instant::now() + EVENT_SETTLE);
        drop(state);
        self.wake.notify_one();
    }

    /// The next key that is due. Only one task may call this at a time.
    pub async fn next(&self) -> Work<K> {
        loop {
            let wait = match self.lock().take(Instant::now()) {
                Ok(work) => return work,
                Err(wait) => wait,
            };
            tokio::select! {
                () = self.wake.notified() => {}
                () = sleep_until(wait) => {}
            }
        }
    }

    /// Gives a key back.
    pub fn done(&self, key: &K, outcome: Outcome) {
        let mut state = self.lock();
        state.running.remove(key);
        match outcome {
            Outcome::Settled => drop(state.attempts.remove(key)),
            Outcome::Again => {
                let attempts = state.attempts.entry(key.clone()).or_default();
                *attempts += 1;
                let delay = backoff(*attempts, RETRY_MIN, RETRY_MAX);
                state.schedule(key.clone(), Instant::now() + delay);
            }
        }
        drop(state);
        self.wake.notify_one();
    }

    /// Keys that wait.
    pub fn depth(&self) -> usize {
        self.lock().due.len()
    }

    fn lock(&self) -> MutexGuard<'_, State<K>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Clone + Ord + Hash> State<K> {
    /// The earlier of two times wins.
    fn schedule(&mut self, key: K, at: Instant) {
        match self.due_at.get(&key) {
            Some(&known) if known <= at => return,
            Some(&known) => drop(self.due.remove(&(known, key.clone()))),
            None => {}
        }
        self.due_at.insert(key.clone(), at);
        self.due.insert((at, key));
    }

    /// The first key that is due and not running; or when to look again.
    fn take(&mut self, now: Instant) -> Result<Work<K>, Option<Instant>> {
        let Some(entry) = self.due.iter().find(|(_, key)| !self.running.contains_key(key)).cloned() else {
            return Err(None);
        };
        if entry.0 > now {
            return Err(Some(entry.0));
        }
        self.due.remove(&entry);
        let (_, key) = entry;
        self.due_at.remove(&key);
        let (sender, receiver) = watch::channel(false);
        self.running.insert(key.clone(), sender);
        Ok(Work { key, interrupt: Interrupt(receiver) })
    }
}

impl Interrupt {
    /// Whether newer changes wait.
    pub fn is_raised(&self) -> bool {
        *self.0.borrow()
    }

    /// Resolves when newer changes wait; never, when the run ends first.
    pub async fn raised(&mut self) {
        if self.0.wait_for(|raised| *raised).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

async fn sleep_until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}

/// Exponential from `min` to `max`, less up to a fifth at random, so that what failed together does not come back together.
pub fn backoff(failures: u32, min: Duration, max: Duration) -> Duration {
    let full = min.saturating_mul(1 << failures.saturating_sub(1).min(20)).min(max);
    let random = u32::try_from(RandomState::new().hash_one(0_u8) % 200).unwrap_or_default();
    full.saturating_sub(full * random / 1000)
}

/// A queue that watches and workers share.
pub type SharedQueue<K> = Arc<Queue<K>>;

#[cfg(test)]
mod tests {
    use super::*;

    async fn soon(queue: &Queue<&'static str>) -> Option<Work<&'static str>> {
        tokio::time::timeout(Duration::from_millis(100), queue.next()).await.ok()
    }

    #[tokio::test(start_paused = true)]
    async fn changes_that_come_together_are_one_run() {
        let queue = Queue::default();
        queue.add("retail");
        queue.add("retail");
        assert_eq!(soon(&queue).await.unwrap().key, "retail");
        queue.done(&"retail", Outcome::Settled);
        assert!(soon(&queue).await.is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn a_key_never_runs_twice_at_a_time_and_a_change_interrupts_its_run() {
        let queue = Queue::default();
        queue.add("retail");
        let mut work = soon(&queue).await.unwrap();
        assert!(!work.interrupt.is_raised());
        queue.add("retail");
        work.interrupt.raised().await;
        assert!(soon(&queue).await.is_none(), "it is still running");
        queue.add("world");
        assert_eq!(soon(&queue).await.unwrap().key, "world", "others do not wait for it");
        queue.done(&"retail", Outcome::Settled);
        assert_eq!(soon(&queue).await.unwrap().key, "retail");
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_not_done_comes_back_later_each_time_and_a_change_does_not_wait() {
        let queue = Queue::default();
        queue.add("retail");
        let start = Instant::now();
        for _ in 0..4 {
            let work = queue.next().await;
            queue.done(&work.key, Outcome::Again);
        }
        let waited = start.elapsed();
        assert!(waited > 5 * RETRY_MIN && waited < 8 * RETRY_MIN, "{waited:?}");
        queue.add("retail");
        assert!(soon(&queue).await.is_some());
    }

    #[test]
    fn a_backoff_stays_within_its_bounds() {
        for failures in [1, 2, 10, 40, u32::MAX] {
            let delay = backoff(failures, RETRY_MIN, RETRY_MAX);
            assert!(delay >= RETRY_MIN * 4 / 5 && delay <= RETRY_MAX, "{failures}: {delay:?}");
        }
    }
}
