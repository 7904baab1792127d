//! Comma-separated values: RFC 4180 with a header line, UTF-8, with or without byte order mark, any line ending.
//!
//! - An empty cell of text is `N/A`; of any other type it is null. A key may not be null. Quoting does not matter.
//! - A quote opens a quoted cell only as its first byte; within other cells it is a character. Nothing but the end of the
//!   cell may follow the quote that closes it.
//! - Types that are not given are inferred from the first [`INFERENCE_ROWS`]; a later cell that cannot be read is an error.
//! - `NaN` and infinities are not numbers: where they stand among numbers they are errors.
//! - Empty lines are skipped. Everything else that is wrong is an error, and all errors are reported, up to a limit; or the
//!   row is left out and counted, where the definition says so.

use std::{borrow::Cow, collections::BTreeMap};

use rayon::prelude::*;

use super::{
    LoadErrors, OnBadRow, TableDefinition,
    assemble::{assemble, check_definition},
    column::{ColumnShape, unquoted},
    cut::Cutter,
    infer::Inference,
    piece::{Piece, read_piece},
    report::{Lines, LoadError, Mistake, Place, Report, Skipped},
    split::split,
    table::Table,
};
use crate::limits::{INFERENCE_ROWS, LOAD_ERRORS_MAX, SKIPPED_ERRORS_MAX, TABLE_COLUMNS_MAX, TABLE_ROWS_MAX};

/// Bytes of a piece: enough for work that is worth a thread, few enough that every thread gets several pieces.
const PIECE_BYTES: usize = 4 << 20;
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
const UNTERMINATED: &str = "a quote is opened and never closed";

/// Reads a table from a CSV file with a header line.
pub fn read(definition: &TableDefinition, file_name: &str, bytes: &[u8]) -> Result<Table, LoadErrors> {
    read_in_pieces(definition, file_name, bytes, PIECE_BYTES)
}

/// The size of the pieces changes nothing but the time it takes.
fn read_in_pieces(
    definition: &TableDefinition,
    file_name: &str,
    bytes: &[u8],
    piece_bytes: usize,
) -> Result<Table, LoadErrors> {
    let bytes = bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes);
    let mut report = Report::new(file_name);
    let (header, body) = read_header(bytes, &mut report)?;
    check_definition(definition, &header, &mut report)?;

    let shapes = column_shapes(definition, &header, bytes, body);
    let pieces: Vec<Piece> = split(bytes, body, piece_bytes)
        .into_par_iter()
        .map(|part| read_piece(bytes, part, &shapes, definition.on_bad_row))
        .collect();
    let skipped = check_rows(definition, &header, bytes, &pieces, &mut report)?;

    let row_count = pieces.iter().map(|piece| piece.row_count).sum();
    let mut columns: Vec<Vec<_>> = header.iter().map(|_| Vec::with_capacity(pieces.len())).collect();
    for values in pieces.into_iter().map(|piece| piece.values) {
        columns.iter_mut().zip(values).for_each(|(column, values)| column.push(values));
    }
    Ok(assemble(definition, header, columns, row_count, skipped))
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

/// The type of each column: the given one, or what its first cells look like.
fn column_shapes(definition: &TableDefinition, header: &[String], bytes: &[u8], body: usize) -> Vec<ColumnShape> {
    let mut cutter = Cutter::new(bytes, body..bytes.len());
    let mut inferences = vec![Inference::new(); header.len()];
    let mut ends = Vec::new();
    for _ in 0..INFERENCE_ROWS {
        ends.clear();
        let Some(record) = cutter.next_record(&mut ends).filter(|record| !record.is_unterminated) else { break };
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

/// Fails if anything is wrong that may not be skipped, and tells what was skipped.
fn check_rows(
    definition: &TableDefinition,
    header: &[String],
    bytes: &[u8],
    pieces: &[Piece],
    report: &mut Report,
) -> Result<Skipped, LoadErrors> {
    let mut lines = Lines::new(bytes);
    let mut first_mistakes = |count: usize| -> Vec<LoadError> {
        let mistakes = pieces.iter().flat_map(|piece| &piece.mistakes).take(count);
        let error = |mistake: &Mistake| {
            let column = mistake.column.and_then(|column| header.get(column)).map(String::as_str);
            report.error(Some(lines.line(mistake.at)), column, mistake.fault.clone())
        };
        mistakes.map(error).collect()
    };
    let skipped = match definition.on_bad_row {
        OnBadRow::Fail => {
            let mistakes = first_mistakes(LOAD_ERRORS_MAX);
            report.extend(mistakes);
            Skipped::default()
        }
        OnBadRow::Skip => {
            let mut rows_by_flaw = BTreeMap::new();
            for (flaw, rows) in pieces.iter().flat_map(|piece| &piece.skipped) {
                *rows_by_flaw.entry(*flaw).or_default() += rows;
            }
            Skipped { rows_by_flaw, first: first_mistakes(SKIPPED_ERRORS_MAX) }
        }
    };
    if let Some(start) = pieces.iter().find_map(|piece| piece.unterminated) {
        report.add(Place { line: Some(lines.line(start)), ..Place::default() }, UNTERMINATED);
    }
    if pieces.iter().map(|piece| piece.row_count).sum::<usize>() > TABLE_ROWS_MAX {
        report.add(Place::default(), format!("the file has more than {TABLE_ROWS_MAX} rows"));
    }
    report.check()?;
    Ok(skipped)
}

#[cfg(test)]
#[path = "csv_tests.rs"]
mod tests;
