//! Answers that were given before.
//!
//! An answer depends on the cube, the query, and which facts and measures there are, and on the snapshot, with which this cache lives and dies. Who
//! asked makes no difference, so no user and no role is part of the key.

use std::sync::Arc;

use cubegate_cube::{Answer, Granted};
use cubegate_policy::bind::{Paths, Visibility};
use moka::sync::Cache;

use crate::{
    limits::{RESULT_CACHE_ANSWER_BYTES_MAX, RESULT_CACHE_BYTES_MAX},
    problem::Problem,
};

/// What an answer depends on.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct AnswerKey {
    pub(super) cube: String,
    /// As [`Query::canonical`](cubegate_cube::Query::canonical) writes it.
    pub(super) query: String,
    pub(super) visibility: Visibility,
    pub(super) granted: Granted,
}

/// Whether an answer was kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kept {
    Hit,
    Miss,
    /// The query did not want one that was kept.
    Bypass,
}

/// Bounded by bytes.
pub(super) struct Answers(Cache<AnswerKey, Arc<Answer>>);

impl Answers {
    pub(super) fn new() -> Self {
        let bytes = |key: &AnswerKey, answer: &Arc<Answer>| {
            let bytes = answer.bytes()
                + key.query.len()
                + key.cube.len()
                + visibility_bytes(&key.visibility)
                + granted_bytes(&key.granted);
            u32::try_from(bytes).unwrap_or(u32::MAX)
        };
        Self(Cache::builder().weigher(bytes).max_capacity(RESULT_CACHE_BYTES_MAX).build())
    }

    /// The answer that was kept, or else a new one.
    pub(super) fn answer(
        &self,
        key: AnswerKey,
        may_be_kept: bool,
        compute: impl FnOnce() -> Result<Answer, Problem>,
    ) -> Result<(Arc<Answer>, Kept), Problem> {
        if !may_be_kept {
            return Ok((Arc::new(compute()?), Kept::Bypass));
        }
        if let Some(kept) = self.0.get(&key) {
            return Ok((kept, Kept::Hit));
        }
        let answer = Arc::new(compute()?);
        if answer.bytes() <= RESULT_CACHE_ANSWER_BYTES_MAX {
            self.0.insert(key, Arc::clone(&answer));
        }
        Ok((answer, Kept::Miss))
    }
}

/// Bytes of the names of measures, each with what a set needs to hold it.
fn granted_bytes(granted: &Granted) -> usize {
    match granted {
        Granted::All => 0,
        Granted::Only(names) => names.iter().map(|name| name.len() + 2 * size_of::<String>()).sum(),
    }
}

/// Bytes of the text of a visibility, which may list thousands of values.
pub(super) fn visibility_bytes(visibility: &Visibility) -> usize {
    let tests = visibility.all_of.iter().flat_map(|any_of| &any_of.0).flat_map(|conjunction| conjunction.0.iter());
    tests.map(|test| text_bytes(&test.paths)).sum()
}

fn text_bytes(paths: &Paths) -> usize {
    match paths {
        Paths::In(paths) => paths.iter().flatten().map(String::len).sum(),
        Paths::Between { from, to } => from.iter().chain(to).map(String::len).sum(),
    }
}

impl Kept {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Hit => "hit",
            Self::Miss => "miss",
            Self::Bypass => "bypass",
        }
    }
}
