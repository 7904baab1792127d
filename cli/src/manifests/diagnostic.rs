//! Something wrong with a manifest, and where.

use std::{fmt, path::PathBuf};

/// One finding, as editors and CI read it: `file:line:column: message`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Diagnostic {
    /// File as the user would name it.
    pub(crate) file: PathBuf,
    /// Line, from 1.
    pub(crate) line: u64,
    /// Column, from 1, when known.
    pub(crate) column: Option<u64>,
    /// What is wrong, and what to write instead.
    pub(crate) message: String,
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file.display(), self.line)?;
        if let Some(column) = self.column {
            write!(f, ":{column}")?;
        }
        write!(f, ": {}", self.message)
    }
}
