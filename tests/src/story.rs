//! A test that tells what it is doing, step by step, with times.

use std::{
    fmt::Display,
    future::Future,
    time::{Duration, Instant},
};

use anyhow::{Result, bail};

use crate::limits::POLL;

/// Prints each step of a test with the time since its start.
#[derive(Debug)]
pub struct Story {
    started: Instant,
}

impl Story {
    /// Starts the clock.
    pub fn begin(title: &str) -> Self {
        let story = Self { started: Instant::now() };
        story.say(format_args!("== {title}"));
        story
    }

    /// Names the step that begins.
    pub fn step(&self, name: &str) {
        self.say(format_args!("-- {name}"));
    }

    /// A measurement.
    pub fn measured(&self, what: &str, value: Duration) {
        self.say(format_args!("     {what}: {:.1} ms", value.as_secs_f64() * 1000.0));
    }

    /// A remark.
    #[expect(clippy::print_stdout, reason = "the steps of a story are read on standard output")]
    pub fn say(&self, text: impl Display) {
        println!("[{:7.2} s] {text}", self.started.elapsed().as_secs_f64());
    }
}

/// Looks again and again until `look` finds something; then how long it took. An error after `limit`, with what was seen last.
pub async fn eventually<T, F>(what: &str, limit: Duration, mut look: impl FnMut() -> F) -> Result<(T, Duration)>
where
    F: Future<Output = Result<T>>,
{
    let started = Instant::now();
    loop {
        match look().await {
            Ok(found) => return Ok((found, started.elapsed())),
            Err(error) if started.elapsed() > limit => bail!("{what}: not within {limit:?}: {error:#}"),
            Err(_) => tokio::time::sleep(POLL).await,
        }
    }
}
