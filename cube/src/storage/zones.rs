//! The smallest and the largest code of each chunk of rows, so that a filter can pass over chunks that it need not look at,
//! and which codes there are at all.

use std::{ops::Range, sync::OnceLock};

use rayon::prelude::*;

use super::{
    bitmap::Bitmap,
    codes::{Code, Codes, code_of, with_codes},
};
use crate::{limits::CHUNK_ROWS, simd::vectorized};

/// The smallest and the largest code of each chunk, and all codes that occur.
#[derive(Debug)]
pub(crate) struct Zones {
    bounds: Vec<(u32, u32)>,
    /// Made when it is first asked for.
    present: OnceLock<Bitmap>,
}

impl Zones {
    /// On all threads, so not to be made by one of the pool: see [`Codes::translated`].
    pub(crate) fn of(codes: &Codes) -> Self {
        let bounds = with_codes!(codes, |codes| codes.par_chunks(CHUNK_ROWS).map(bounds).collect());
        Self { bounds, present: OnceLock::new() }
    }

    /// The fewest ranges that hold the wanted codes that occur and no other code that does. What does not occur makes no
    /// difference to them. The codes are those that these are the zones of.
    pub(crate) fn ranges(&self, codes: &Codes, wanted: &Bitmap) -> Vec<Range<usize>> {
        let mut ranges: Vec<Range<usize>> = Vec::new();
        let mut is_open = false;
        for code in self.present(codes, wanted.len()).positions() {
            match ranges.last_mut().filter(|_| is_open && wanted.get(code)) {
                Some(range) => range.end = code + 1,
                None if wanted.get(code) => ranges.push(code..code + 1),
                None => {}
            }
            is_open = wanted.get(code);
        }
        ranges
    }

    /// The codes that occur.
    pub(crate) fn present(&self, codes: &Codes, code_count: usize) -> &Bitmap {
        self.present.get_or_init(|| {
            let mut seen = vec![false; code_count];
            with_codes!(codes, |codes| for code in codes {
                if let Some(seen) = seen.get_mut(code.index()) {
                    *seen = true;
                }
            });
            Bitmap::from_fn(code_count, |code| seen.get(code) == Some(&true))
        })
    }

    /// Of the chunk that starts at a row.
    pub(crate) fn at(&self, start: usize) -> Option<(u32, u32)> {
        self.bounds.get(start / CHUNK_ROWS).copied()
    }
}

fn bounds<T: Code>(chunk: &[T]) -> (u32, u32) {
    let Some(first) = chunk.first() else { return (0, 0) };
    let (low, high) = vectorized(
        #[inline(always)]
        || chunk.iter().fold((*first, *first), |(low, high), code| (low.min(*code), high.max(*code))),
    );
    (code_of(low.index()), code_of(high.index()))
}
