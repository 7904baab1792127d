//! How long something takes, said by its runs.

use std::time::Instant;

use anyhow::Result;
use serde::{Deserialize, Serialize};

/// How often everything is run, ours and theirs alike.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Repetition {
    /// Runs that are not counted.
    pub(crate) warm: usize,
    /// Runs that are.
    pub(crate) counted: usize,
}

/// Milliseconds of the counted runs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Timing {
    pub(crate) runs_ms: Vec<f64>,
}

impl Timing {
    /// Runs it as often as told. What it makes is dropped outside of the time.
    pub(crate) fn of<T>(repetition: Repetition, mut run: impl FnMut() -> Result<T>) -> Result<Self> {
        for _ in 0..repetition.warm {
            run()?;
        }
        let mut runs_ms = Vec::with_capacity(repetition.counted);
        for _ in 0..repetition.counted {
            let start = Instant::now();
            let made = run()?;
            runs_ms.push(start.elapsed().as_secs_f64() * 1e3);
            drop(made);
        }
        Ok(Self { runs_ms })
    }

    pub(crate) fn median_ms(&self) -> f64 {
        self.quantile_ms(0.5)
    }

    pub(crate) fn min_ms(&self) -> f64 {
        self.quantile_ms(0.0)
    }

    /// The run below which this part of the runs is.
    pub(crate) fn quantile_ms(&self, part: f64) -> f64 {
        let mut sorted = self.runs_ms.clone();
        sorted.sort_unstable_by(f64::total_cmp);
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "few runs"
        )]
        let index = (part * sorted.len().saturating_sub(1) as f64).round() as usize;
        sorted.get(index).copied().unwrap_or(f64::NAN)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle_run_in_whatever_order_they_came() {
        let timing = Timing { runs_ms: vec![9.0, 1.0, 5.0] };
        assert_eq!((timing.min_ms(), timing.median_ms(), timing.quantile_ms(0.99)), (1.0, 5.0, 9.0));
    }

    #[test]
    fn warm_runs_are_not_counted() {
        let mut runs = 0;
        let mut run = || {
            runs += 1;
            Ok(())
        };
        let timing = Timing::of(Repetition { warm: 2, counted: 3 }, &mut run).unwrap();
        assert_eq!((runs, timing.runs_ms.len()), (5, 3));
    }
}
