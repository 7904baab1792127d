//! What a query may cost, and how it is stopped.

use crate::{limits::QueryLimits, request::QueryError};

/// What a query may cost, and how it is stopped.
#[derive(Clone, Copy)]
pub struct Budget<'a> {
    /// How large it may get.
    pub limits: QueryLimits,
    /// Asked every few thousand facts or rows by every thread: whether to give up.
    pub interrupted: &'a (dyn Fn() -> bool + Sync),
}

impl Budget<'_> {
    /// Fails once the query is to be given up.
    pub(crate) fn check(&self) -> Result<(), QueryError> {
        if (self.interrupted)() { Err(QueryError::Interrupted) } else { Ok(()) }
    }
}

impl Default for Budget<'_> {
    fn default() -> Self {
        Self { limits: QueryLimits::default(), interrupted: &|| false }
    }
}

impl std::fmt::Debug for Budget<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Budget").field("limits", &self.limits).finish_non_exhaustive()
    }
}
