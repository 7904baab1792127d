//! The smallest and the largest code of each chunk of rows, so that a filter can pass over chunks that it need not look at,
//! and which codes there are at all.

use std::ops::Range;

use rayon::prelude::*;

use super::{
    bitmap::Bitmap,
    codes::{Code, Codes, code_of, with_codes},
};
use crate::limits::CHUNK_ROWS;

/// The smallest and the largest code of each chunk, and all codes that occur.
#[derive(Debug)]
pub(crate) struct Zones {
    bounds: Vec<(u32, u32)>,
    present: Bitmap,
}

impl Zones {
    /// Of codes below `code_count`.
    pub(crate) fn of(codes: &Codes, code_count: usize) -> Self {
        let mut seen = vec![false; code_count];
        with_codes!(codes, |codes| {
            for code in codes {
                if let Some(seen) = seen.get_mut(code.index()) {
                    *seen = true;
                }
            }
            let present = Bitmap::from_fn(code_count, |code| seen.get(code) == Some(&true));
            let bounds = codes.par_chunks(CHUNK_ROWS).map(|chunk| {
                let bound = |code: Option<&_>| code.map_or(0, |code: &_| code_of(Code::index(*code)));
                (bound(chunk.iter().min()), bound(chunk.iter().max()))
            });
            Self { bounds: bounds.collect(), present }
        })
    }

    /// The fewest ranges that hold the wanted codes that occur and no other code that does. What does not occur makes no
    /// difference to them.
    pub(crate) fn ranges(&self, wanted: &Bitmap) -> Vec<Range<usize>> {
        let mut ranges: Vec<Range<usize>> = Vec::new();
        let mut is_open = false;
        for code in self.present.positions() {
            match ranges.last_mut().filter(|_| is_open && wanted.get(code)) {
                Some(range) => range.end = code + 1,
                None if wanted.get(code) => ranges.push(code..code + 1),
                None => {}
            }
            is_open = wanted.get(code);
        }
        ranges
    }

    /// Of the chunk that starts at a row.
    pub(crate) fn at(&self, start: usize) -> Option<(u32, u32)> {
        self.bounds.get(start / CHUNK_ROWS).copied()
    }
}
