//! The smallest and the largest code of each chunk of rows, so that a filter can pass over chunks that it need not look at.

use rayon::prelude::*;

use super::codes::{Code, Codes, code_of, with_codes};
use crate::limits::CHUNK_ROWS;

/// The smallest and the largest code of each chunk.
#[derive(Debug)]
pub(crate) struct Zones(Vec<(u32, u32)>);

impl Zones {
    pub(crate) fn of(codes: &Codes) -> Self {
        with_codes!(codes, |codes| {
            let bounds = codes.par_chunks(CHUNK_ROWS).map(|chunk| {
                let bound = |code: Option<&_>| code.map_or(0, |code: &_| code_of(Code::index(*code)));
                (bound(chunk.iter().min()), bound(chunk.iter().max()))
            });
            Self(bounds.collect())
        })
    }

    /// Of the chunk that starts at a row.
    pub(crate) fn at(&self, start: usize) -> Option<(u32, u32)> {
        self.0.get(start / CHUNK_ROWS).copied()
    }
}
