//! How fast this machine reads memory: the bound that no scan can beat.

use std::time::Instant;

use rayon::prelude::*;

/// Much larger than any cache.
const BUFFER_WORDS: usize = 1 << 27;
/// What one thread sums at a time.
const CHUNK_WORDS: usize = 1 << 16;
const RUNS: usize = 7;

/// Bytes per second that all threads of the pool together read, the best of some runs.
pub(crate) fn read_bytes_per_s() -> f64 {
    let buffer: Vec<u64> = (0..BUFFER_WORDS as u64).into_par_iter().collect();
    let seconds = |_| {
        let start = Instant::now();
        let sum = buffer.par_chunks(CHUNK_WORDS).map(sum).reduce(|| 0, u64::wrapping_add);
        std::hint::black_box(sum);
        start.elapsed().as_secs_f64()
    };
    let best = (0..RUNS).map(seconds).fold(f64::INFINITY, f64::min);
    #[expect(clippy::cast_precision_loss, reason = "a power of two")]
    let bytes = size_of_val(buffer.as_slice()) as f64;
    bytes / best
}

fn sum(words: &[u64]) -> u64 {
    words.iter().fold(0, |sum, word| sum.wrapping_add(*word))
}
