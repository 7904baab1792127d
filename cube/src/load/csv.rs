//! Comma-separated values: RFC 4180 with a header line, UTF-8, with or without byte order mark, any line ending.
//!
//! - An empty cell of text is `N/A`; of any other type it is null. A key may not be null. Quoting does not matter.
//! - Types that are not given are inferred from the first [`INFERENCE_ROWS`]; a later cell that cannot be read is an error.
//! - `NaN` and infinities are not numbers: a column that has them is text, or an error if its type is given.
//! - Empty lines are skipped. Everything else that is wrong is an error, and all errors are reported, up to a limit.

use super::{
    LoadErrors, TableDefinition,
    column::ColumnBuilder,
    infer::Inference,
    records::{Record, Records},
    report::{Place, Report},
    table::Table,
    upsert::kept_rows,
};
use crate::{
    limits::{CELL_BYTES_MAX, INFERENCE_ROWS, TABLE_COLUMNS_MAX, TABLE_ROWS_MAX},
    nearest::unknown,
    value::ColumnType,
};

/// Reads a table from a CSV file with a header line.
pub fn read(definition: &TableDefinition, file_name: &str, bytes: &[u8]) -> Result<Table, LoadErrors> {
    let mut report = Report::new(file_name);
    let mut records = Records::new(bytes);
    let header = read_header(&mut records, &mut report)?;
    check_definition(definition, &header, &mut report)?;

    let window: Vec<Record> = records.by_ref().take(INFERENCE_ROWS).collect();
    let types = column_types(definition, &header, &window);
    let mut builders: Vec<ColumnBuilder> = types.iter().map(|column_type| ColumnBuilder::new(*column_type)).collect();
    let keys = key_indices(definition, &header);
    let row_count = read_rows(window, &mut records, &header, &keys, &mut builders, &mut report);
    report.check()?;

    let key_builders: Vec<&ColumnBuilder> = keys.iter().filter_map(|key| builders.get(*key)).collect();
    let kept = kept_rows(&key_builders, row_count);
    let columns = header.into_iter().zip(builders).map(|(name, builder)| builder.finish(name, &kept)).collect();
    Ok(Table { name: definition.name.clone(), columns, keys, row_count: kept.len() })
}

fn read_header(records: &mut Records<'_>, report: &mut Report) -> Result<Vec<String>, LoadErrors> {
    let Some(record) = records.next() else {
        report.add(Place::default(), "the file is empty; it needs a header line");
        report.check()?;
        return Ok(Vec::new());
    };
    let line = Some(records.line(&record));
    if record.cells.len() > TABLE_COLUMNS_MAX {
        report.add(Place { line, ..Place::default() }, format!("the header has more than {TABLE_COLUMNS_MAX} columns"));
    }
    if records.is_unterminated(&record) {
        report.add(Place { line, ..Place::default() }, "a quote is opened and never closed");
    }
    let mut names: Vec<String> = Vec::new();
    for (index, cell) in record.cells.iter().take(TABLE_COLUMNS_MAX).enumerate() {
        let place = Place { line, value: Some(cell), ..Place::default() };
        match std::str::from_utf8(cell) {
            Err(_) => report.add(place, format!("is not valid UTF-8 (name of column {})", index + 1)),
            Ok(name) if name.trim().is_empty() => report.add(place, format!("is an empty name (column {})", index + 1)),
            Ok(name) if names.iter().any(|earlier| earlier == name) => report.add(place, "is the name of two columns"),
            Ok(name) => names.push(name.to_owned()),
        }
    }
    report.check()?;
    Ok(names)
}

/// Keys and types must be of columns that exist.
fn check_definition(definition: &TableDefinition, header: &[String], report: &mut Report) -> Result<(), LoadErrors> {
    let missing = |name: &str| unknown("column", name, header.iter().map(String::as_str));
    for (index, key) in definition.keys.iter().enumerate() {
        if !header.contains(key) {
            report.add(Place::default(), format!("keys: {}", missing(key)));
        }
        if definition.keys.iter().take(index).any(|earlier| earlier == key) {
            report.add(Place::default(), format!("keys: {key:?} is named twice"));
        }
    }
    for column in definition.column_types.keys().filter(|column| !header.contains(column)) {
        report.add(Place::default(), format!("types of columns: {}", missing(column)));
    }
    report.check()
}

fn column_types(definition: &TableDefinition, header: &[String], window: &[Record]) -> Vec<ColumnType> {
    let mut inferences = vec![Inference::new(); header.len()];
    for record in window.iter().filter(|record| record.cells.len() == header.len()) {
        for (inference, cell) in inferences.iter_mut().zip(&record.cells) {
            inference.see(std::str::from_utf8(cell).unwrap_or_default());
        }
    }
    let given = header.iter().map(|name| definition.column_types.get(name).copied());
    given.zip(&inferences).map(|(given, inference)| given.unwrap_or_else(|| inference.conclude())).collect()
}

fn key_indices(definition: &TableDefinition, header: &[String]) -> Vec<usize> {
    definition.keys.iter().filter_map(|key| header.iter().position(|name| name == key)).collect()
}

/// Fills the builders and returns the number of rows.
fn read_rows(
    window: Vec<Record>,
    records: &mut Records<'_>,
    header: &[String],
    keys: &[usize],
    builders: &mut [ColumnBuilder],
    report: &mut Report,
) -> usize {
    let mut window = window.into_iter();
    let mut record = Record::default();
    let mut row_count = 0;
    // Beyond the window one record is used again and again.
    while window.next().map(|next| record = next).is_some() || records.read_into(&mut record) {
        row_count += 1;
        if row_count > TABLE_ROWS_MAX {
            report.add(Place::default(), format!("the file has more than {TABLE_ROWS_MAX} rows"));
            return row_count;
        }
        if records.is_unterminated(&record) {
            let line = Some(records.line(&record));
            report.add(Place { line, ..Place::default() }, "a quote is opened and never closed");
            return row_count;
        }
        read_row(&record, records, header, keys, builders, report);
        if report.is_full() {
            return row_count;
        }
    }
    row_count
}

fn read_row(
    record: &Record,
    records: &mut Records<'_>,
    header: &[String],
    keys: &[usize],
    builders: &mut [ColumnBuilder],
    report: &mut Report,
) {
    if record.cells.len() != header.len() {
        let line = Some(records.line(record));
        let rule = format!("the row has {} cells, the header has {}", record.cells.len(), header.len());
        return report.add(Place { line, ..Place::default() }, rule);
    }
    for (index, ((cell, name), builder)) in record.cells.iter().zip(header).zip(builders).enumerate() {
        if let Err(rule) = read_cell(cell, keys.contains(&index), builder) {
            let place = Place { line: Some(records.line(record)), column: Some(name), value: Some(cell) };
            report.add(place, rule);
            if report.is_full() {
                return;
            }
        }
    }
}

fn read_cell(cell: &[u8], is_key: bool, builder: &mut ColumnBuilder) -> Result<(), String> {
    if cell.len() > CELL_BYTES_MAX {
        return Err(format!("has {} bytes; a cell may have {CELL_BYTES_MAX}", cell.len()));
    }
    let text = std::str::from_utf8(cell)
        .map_err(|error| format!("is not valid UTF-8 (at byte {})", error.valid_up_to() + 1))?;
    if is_key && text.is_empty() && !matches!(builder, ColumnBuilder::Text(_)) {
        return Err("is empty, and a key may not be null".to_owned());
    }
    builder.push(text)
}
