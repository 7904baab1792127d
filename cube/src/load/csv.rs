//! Comma-separated values: RFC 4180 with a header line, UTF-8, with or without byte order mark, any line ending.
//!
//! - An empty cell of text is `N/A`; of any other type it is null. A key may not be null. Quoting does not matter.
//! - A quote opens a quoted cell only as its first byte; within other cells it is a character. Nothing but the end of the
//!   cell may follow the quote that closes it.
//! - Types that are not given are inferred from the first [`INFERENCE_ROWS`]; a later cell that cannot be read is an error.
//! - `NaN` and infinities are not numbers: where they stand among numbers they are errors.
//! - Empty lines are skipped. Everything else that is wrong is an error, and all errors are reported, up to a limit; or the
//!   row is left out and counted, where the definition says so.

use std::{borrow::Cow, io::Read, ops::Range};

use rayon::prelude::*;

use super::{
    LoadErrors, OnBadRow, TableDefinition,
    assemble::{assemble, check_definition},
    blocks::Blocks,
    column::{ColumnShape, unquoted},
    cut::Cutter,
    infer::Inference,
    piece::{Piece, read_piece},
    report::{Lines, LoadError, Place, Report, Skipped, line_ends},
    split::split,
    table::Table,
    values::Values,
};
use crate::limits::{
    BLOCK_BYTES, INFERENCE_BYTES, INFERENCE_ROWS, LOAD_ERRORS_MAX, PIECE_BYTES, RECORD_BYTES_MAX, SKIPPED_ERRORS_MAX,
    TABLE_COLUMNS_MAX, TABLE_ROWS_MAX,
};

/// How much is read and worked on at a time. It changes nothing of what is read.
#[derive(Clone, Copy, Debug)]
struct Sizes {
    /// Bytes in memory: enough for several pieces per thread.
    block: usize,
    /// Bytes of a piece: enough for work that is worth a thread.
    piece: usize,
    /// Bytes without the end of a row after which reading is given up.
    record: usize,
    /// Bytes from which types are inferred, if the rows that should be seen have more.
    head: usize,
}

const SIZES: Sizes = Sizes { block: BLOCK_BYTES, piece: PIECE_BYTES, record: RECORD_BYTES_MAX, head: INFERENCE_BYTES };
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
const UNTERMINATED: &str = "a quote is opened and never closed";

/// Reads a table from a CSV file with a header line, of which a few blocks are in memory at a time.
pub fn read(definition: &TableDefinition, file_name: &str, source: impl Read) -> Result<Table, LoadErrors> {
    read_in_blocks(definition, file_name, source, SIZES)
}

fn read_in_blocks(
    definition: &TableDefinition,
    file_name: &str,
    source: impl Read,
    sizes: Sizes,
) -> Result<Table, LoadErrors> {
    let mut report = Report::new(file_name);
    let mut blocks = Blocks::new(source);
    blocks.fill(sizes.head).map_err(|error| report.failure(unreadable(&error)))?;
    if blocks.next(BYTE_ORDER_MARK.len()) == BYTE_ORDER_MARK {
        blocks.pass(BYTE_ORDER_MARK.len());
    }
    let (start, is_whole) = (blocks.next(sizes.head), blocks.ends_within(sizes.head));
    let (header, body) = read_header(start, &mut report)?;
    check_definition(definition, &header, &mut report)?;
    let shapes = column_shapes(definition, &header, start, body, is_whole);
    let mut rows = RowsSoFar::new(&header, definition.on_bad_row, Lines::new(start).line(body));
    blocks.pass(body);
    read_rows(&mut blocks, &shapes, &mut rows, sizes, &report)?;
    let RowsSoFar { columns, row_count, errors, skipped, unterminated, .. } = rows;
    report.extend(errors);
    if let Some(line) = unterminated {
        report.add(Place { line: Some(line), ..Place::default() }, UNTERMINATED);
    }
    if row_count > TABLE_ROWS_MAX {
        report.add(Place::default(), format!("the file has more than {TABLE_ROWS_MAX} rows"));
    }
    report.check()?;
    Ok(assemble(definition, header, columns, row_count, skipped))
}

/// Block by block: what the last piece of a block begins, the next block ends.
fn read_rows(
    blocks: &mut Blocks<impl Read>,
    shapes: &[ColumnShape],
    rows: &mut RowsSoFar<'_>,
    sizes: Sizes,
    report: &Report,
) -> Result<(), LoadErrors> {
    let mut wanted = sizes.block;
    loop {
        blocks.fill(wanted).map_err(|error| report.failure(unreadable(&error)))?;
        let (block, is_last) = (blocks.next(wanted), blocks.ends_within(wanted));
        let mut parts = split(block, 0, sizes.piece);
        if !is_last {
            parts.pop();
        }
        let Some(end) = parts.last().map(|part| part.end) else {
            if wanted >= sizes.record {
                let rule = format!(
                    "no row ends within {} bytes from line {} on; is a quote never closed?",
                    sizes.record, rows.line
                );
                return Err(report.failure(rule));
            }
            wanted = wanted.saturating_mul(2);
            continue;
        };
        let on_bad_row = rows.on_bad_row;
        let read = |part: Range<usize>| (read_piece(block, part.clone(), shapes, on_bad_row), line_ends(block, part));
        let pieces: Vec<(Piece, u64)> = parts.into_par_iter().map(read).collect();
        rows.add(block, pieces, report);
        if is_last || rows.is_hopeless() {
            return Ok(());
        }
        blocks.pass(end);
        wanted = sizes.block;
    }
}

fn unreadable(error: &std::io::Error) -> String {
    format!("cannot be read: {error}")
}

/// What has been read of the rows.
struct RowsSoFar<'a> {
    header: &'a [String],
    on_bad_row: OnBadRow,
    /// Where the next block begins, from 1.
    line: u64,
    /// By column, piece by piece.
    columns: Vec<Vec<Values>>,
    row_count: usize,
    /// What is wrong, where that may not be skipped.
    errors: Vec<LoadError>,
    skipped: Skipped,
    /// Where a record starts that opens a quote which is never closed.
    unterminated: Option<u64>,
}

impl<'a> RowsSoFar<'a> {
    fn new(header: &'a [String], on_bad_row: OnBadRow, line: u64) -> Self {
        Self {
            header,
            on_bad_row,
            line,
            columns: header.iter().map(|_| Vec::new()).collect(),
            row_count: 0,
            errors: Vec::new(),
            skipped: Skipped::default(),
            unterminated: None,
        }
    }

    /// Adds the pieces of a block, each with the number of its line ends.
    fn add(&mut self, block: &[u8], pieces: Vec<(Piece, u64)>, report: &Report) {
        let mut lines = Lines::from(block, self.line);
        for (Piece { values, row_count, mistakes, skipped, unterminated }, line_ends) in pieces {
            self.line += line_ends;
            self.row_count += row_count;
            self.columns.iter_mut().zip(values).for_each(|(column, values)| column.push(values));
            let (kept, kept_max) = match self.on_bad_row {
                OnBadRow::Fail => (&mut self.errors, LOAD_ERRORS_MAX),
                OnBadRow::Skip => (&mut self.skipped.first, SKIPPED_ERRORS_MAX),
            };
            for mistake in mistakes.into_iter().take(kept_max.saturating_sub(kept.len())) {
                let column = mistake.column.and_then(|column| self.header.get(column)).map(String::as_str);
                kept.push(report.error(Some(lines.line(mistake.at)), column, mistake.fault));
            }
            for (flaw, rows) in skipped {
                *self.skipped.rows_by_flaw.entry(flaw).or_default() += rows;
            }
            self.unterminated = self.unterminated.or_else(|| unterminated.map(|start| lines.line(start)));
        }
    }

    fn is_hopeless(&self) -> bool {
        self.errors.len() >= LOAD_ERRORS_MAX || self.row_count > TABLE_ROWS_MAX
    }
}

/// The names of the columns, and where the rows begin.
fn read_header(bytes: &[u8], report: &mut Report) -> Result<(Vec<String>, usize), LoadErrors> {
    let mut cutter = Cutter::new(bytes, 0..bytes.len());
    let mut ends = Vec::new();
    let Some(record) = cutter.next_record(&mut ends) else {
        report.add(Place::default(), "the file is empty; it needs a header line");
        report.check()?;
        return Ok((Vec::new(), 0));
    };
    let line = Some(Lines::new(bytes).line(record.start));
    if ends.len() > TABLE_COLUMNS_MAX {
        report.add(Place { line, ..Place::default() }, format!("the header has more than {TABLE_COLUMNS_MAX} columns"));
    }
    if record.is_unterminated {
        report.add(Place { line, ..Place::default() }, UNTERMINATED);
    }
    let mut names: Vec<String> = Vec::new();
    let mut start = record.start;
    for (index, end) in ends.into_iter().take(TABLE_COLUMNS_MAX).enumerate() {
        let cell = bytes.get(start..end).unwrap_or_default();
        start = end + 1;
        let cell = match unquoted(cell) {
            Ok(cell) => cell,
            Err(fault) => {
                let error = report.error(line, None, fault);
                report.extend([error]);
                continue;
            }
        };
        let place = Place { line, value: Some(&cell), ..Place::default() };
        match std::str::from_utf8(&cell) {
            Err(_) => report.add(place, format!("is not valid UTF-8 (name of column {})", index + 1)),
            Ok(name) if name.trim().is_empty() => report.add(place, format!("is an empty name (column {})", index + 1)),
            Ok(name) if names.iter().any(|earlier| earlier == name) => report.add(place, "is the name of two columns"),
            Ok(name) => names.push(name.to_owned()),
        }
    }
    report.check()?;
    Ok((names, cutter.position()))
}

/// The type of each column: the given one, or what its first cells look like, in bytes that are the whole file or its beginning.
fn column_shapes(
    definition: &TableDefinition,
    header: &[String],
    bytes: &[u8],
    body: usize,
    is_whole: bool,
) -> Vec<ColumnShape> {
    let mut cutter = Cutter::new(bytes, body..bytes.len());
    let mut inferences = vec![Inference::new(); header.len()];
    let mut ends = Vec::new();
    for _ in 0..INFERENCE_ROWS {
        ends.clear();
        let Some(record) = cutter.next_record(&mut ends).filter(|record| !record.is_unterminated) else { break };
        // What ends with the bytes may go on in the file.
        if ends.last() == Some(&bytes.len()) && !is_whole {
            break;
        }
        if ends.len() == header.len() {
            let mut start = record.start;
            for (inference, end) in inferences.iter_mut().zip(&ends) {
                let cell = unquoted(bytes.get(start..*end).unwrap_or_default()).unwrap_or(Cow::Borrowed(b""));
                start = end + 1;
                inference.see(std::str::from_utf8(&cell).unwrap_or_default());
            }
        }
    }
    let shape = |(name, inference): (&String, &Inference)| ColumnShape {
        column_type: definition.column_types.get(name).copied().unwrap_or_else(|| inference.conclude()),
        is_key: definition.keys.contains(name),
    };
    header.iter().zip(&inferences).map(shape).collect()
}

#[cfg(test)]
#[path = "csv_tests.rs"]
mod tests;
