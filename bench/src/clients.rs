//! Many callers at once: each asks the next question as soon as it has an answer.

use std::time::{Duration, Instant};

use anyhow::Result;
use cubegate_cube::Mask;

use crate::{
    ours::{Ours, Question},
    timing::Timing,
};

/// Callers at once.
pub(crate) const CLIENTS: usize = 8;

/// All callers ask the same questions, each beginning at another one.
pub(crate) fn ours(ours: &Ours, asked: &[(Question, Mask)], seconds: u64) -> Result<Timing> {
    let end = Instant::now() + Duration::from_secs(seconds);
    let ask = |client: usize| -> Result<Vec<f64>> {
        let mut runs_ms = Vec::new();
        for (question, mask) in asked.iter().cycle().skip(client * asked.len() / CLIENTS) {
            if Instant::now() >= end {
                break;
            }
            let start = Instant::now();
            let answer = ours.answer(question, mask)?;
            runs_ms.push(start.elapsed().as_secs_f64() * 1e3);
            drop(answer);
        }
        Ok(runs_ms)
    };
    let ask = &ask;
    let runs = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..CLIENTS).map(|client| scope.spawn(move || ask(client))).collect();
        threads.into_iter().map(|thread| thread.join().expect("a caller panicked")).collect::<Result<Vec<_>>>()
    })?;
    Ok(Timing { runs_ms: runs.concat() })
}
