//! What is wrong with a file, and where.

use std::fmt;

use crate::limits::{LOAD_ERRORS_MAX, QUOTED_BYTES_MAX};

/// Everything wrong with one file, up to [`LOAD_ERRORS_MAX`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct LoadErrors {
    /// The errors, in the order of the file. At least one.
    pub errors: Vec<LoadError>,
    /// Whether reading stopped at the limit, so that there may be more.
    pub more: bool,
}

/// One thing wrong with a file, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct LoadError {
    /// The file.
    pub file: String,
    /// Line in the file, from 1, where the row starts; absent when the file as a whole is meant.
    pub line: Option<u64>,
    /// Name of the column.
    pub column: Option<String>,
    /// The value found, cut when long.
    pub value: Option<String>,
    /// What is wrong, as a sentence without the fields above.
    pub rule: String,
}

/// Collects errors up to the limit.
#[derive(Debug)]
pub(super) struct Report {
    file: String,
    errors: Vec<LoadError>,
}

/// Where in a file an error is.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Place<'a> {
    pub(super) line: Option<u64>,
    pub(super) column: Option<&'a str>,
    pub(super) value: Option<&'a [u8]>,
}

impl Report {
    pub(super) fn new(file: &str) -> Self {
        Self { file: file.to_owned(), errors: Vec::new() }
    }

    pub(super) fn add(&mut self, place: Place<'_>, rule: impl Into<String>) {
        let Place { line, column, value } = place;
        self.errors.push(LoadError {
            file: self.file.clone(),
            line,
            column: column.map(str::to_owned),
            value: value.map(quoted),
            rule: rule.into(),
        });
    }

    pub(super) fn is_full(&self) -> bool {
        self.errors.len() >= LOAD_ERRORS_MAX
    }

    /// Fails if anything was added.
    pub(super) fn check(&mut self) -> Result<(), LoadErrors> {
        if self.errors.is_empty() {
            return Ok(());
        }
        let more = self.is_full();
        let mut errors = std::mem::take(&mut self.errors);
        errors.truncate(LOAD_ERRORS_MAX);
        Err(LoadErrors { errors, more })
    }
}

/// The start of a value, readable whatever its bytes.
fn quoted(value: &[u8]) -> String {
    let text = String::from_utf8_lossy(value.get(..QUOTED_BYTES_MAX).unwrap_or(value)).into_owned();
    if value.len() > QUOTED_BYTES_MAX { text + "…" } else { text }
}

impl fmt::Display for LoadErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, error) in self.errors.iter().enumerate() {
            let separator = if index == 0 { "" } else { "\n" };
            write!(f, "{separator}{error}")?;
        }
        if self.more { write!(f, "\n(there may be more: reading stopped here)") } else { Ok(()) }
    }
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, line, column, value, rule } = self;
        f.write_str(file)?;
        if let Some(line) = line {
            write!(f, ":{line}")?;
        }
        if let Some(column) = column {
            write!(f, ": column {column:?}")?;
        }
        match value {
            Some(value) => write!(f, ": {value:?} {rule}"),
            None => write!(f, ": {rule}"),
        }
    }
}
