//! What is wrong with a file, and where.

use std::{collections::BTreeMap, fmt, ops::Range};

use memchr::memchr2_iter;

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

/// Rows that were left out of a table because something is wrong with them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Skipped {
    /// How many, by what is wrong with the first bad cell of the row.
    pub rows_by_flaw: BTreeMap<Flaw, u64>,
    /// What is wrong with the first few of them.
    pub first: Vec<LoadError>,
}

/// What can be wrong with a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Flaw {
    /// It has more or fewer cells than the header.
    CellCount,
    /// A quoted cell does not end with its closing quote.
    Quoting,
    /// A cell is too long.
    TooLong,
    /// A cell is not UTF-8.
    Encoding,
    /// A key is null.
    NullKey,
    /// A cell cannot be read by the type of its column.
    Type,
    /// A number is NaN or infinite.
    NotFinite,
    /// A number is too large.
    OutOfRange,
}

/// What is wrong with a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) flaw: Flaw,
    value: Option<String>,
    rule: String,
}

/// What is wrong with a value, and where in the file its row starts.
#[derive(Clone, Debug)]
pub(super) struct Mistake {
    pub(super) at: usize,
    pub(super) column: Option<usize>,
    pub(super) fault: Fault,
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

/// Counts lines up to places that are asked for in the order of the file.
#[derive(Debug)]
pub(super) struct Lines<'a> {
    bytes: &'a [u8],
    at: usize,
    line: u64,
}

impl Skipped {
    /// How many rows were skipped.
    pub fn rows(&self) -> u64 {
        self.rows_by_flaw.values().sum()
    }
}

impl Fault {
    pub(super) fn new(flaw: Flaw, value: impl AsRef<[u8]>, rule: impl Into<String>) -> Self {
        Self { flaw, value: Some(quoted(value.as_ref())), rule: rule.into() }
    }

    /// Of the row as a whole.
    pub(super) fn of_row(flaw: Flaw, rule: impl Into<String>) -> Self {
        Self { flaw, value: None, rule: rule.into() }
    }
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

    /// A fault in a row that starts on a line, if the file has lines.
    pub(super) fn error(&self, line: Option<u64>, column: Option<&str>, fault: Fault) -> LoadError {
        let Fault { flaw: _, value, rule } = fault;
        LoadError { file: self.file.clone(), line, column: column.map(str::to_owned), value, rule }
    }

    /// A fault in a row of a file without lines, counted from 1.
    pub(super) fn error_in_row(&self, row: usize, column: Option<&str>, fault: Fault) -> LoadError {
        let error = self.error(None, column, fault);
        LoadError { rule: format!("{} (row {row})", error.rule), ..error }
    }

    /// What is wrong with the file as a whole, so that nothing else can be known of it.
    pub(super) fn failure(&self, rule: impl Into<String>) -> LoadErrors {
        let error = self.error(None, None, Fault { flaw: Flaw::Type, value: None, rule: rule.into() });
        LoadErrors { errors: vec![error], more: false }
    }

    pub(super) fn extend(&mut self, errors: impl IntoIterator<Item = LoadError>) {
        self.errors.extend(errors);
    }

    /// Fails if anything was added.
    pub(super) fn check(&mut self) -> Result<(), LoadErrors> {
        if self.errors.is_empty() {
            return Ok(());
        }
        let more = self.errors.len() >= LOAD_ERRORS_MAX;
        let mut errors = std::mem::take(&mut self.errors);
        errors.truncate(LOAD_ERRORS_MAX);
        Err(LoadErrors { errors, more })
    }
}

impl<'a> Lines<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self::from(bytes, 1)
    }

    /// Of bytes that begin on this line.
    pub(super) fn from(bytes: &'a [u8], line: u64) -> Self {
        Self { bytes, at: 0, line }
    }

    /// The line of a byte, from 1.
    pub(super) fn line(&mut self, at: usize) -> u64 {
        self.line += line_ends(self.bytes, self.at..at);
        self.at = at.max(self.at);
        self.line
    }
}

/// How many lines end in a part of the bytes. A carriage return and a line feed are one line end, with the line feed.
pub(super) fn line_ends(bytes: &[u8], part: Range<usize>) -> u64 {
    let passed = bytes.get(part.clone()).unwrap_or_default();
    let ends = memchr2_iter(b'\n', b'\r', passed).filter(|index| {
        let index = part.start + index;
        bytes.get(index) == Some(&b'\n') || bytes.get(index + 1) != Some(&b'\n')
    });
    ends.count() as u64
}

/// The start of a value, readable whatever its bytes.
fn quoted(value: &[u8]) -> String {
    let text = String::from_utf8_lossy(value.get(..QUOTED_BYTES_MAX).unwrap_or(value)).into_owned();
    if value.len() > QUOTED_BYTES_MAX { text + "…" } else { text }
}

impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::CellCount => "wrong number of cells",
            Self::Quoting => "text after a closing quote",
            Self::TooLong => "cell too long",
            Self::Encoding => "not UTF-8",
            Self::NullKey => "empty key",
            Self::Type => "not of the column's type",
            Self::NotFinite => "not a finite number",
            Self::OutOfRange => "number too large",
        })
    }
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
