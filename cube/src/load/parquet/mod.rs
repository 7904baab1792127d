//! Parquet files of flat columns.
//!
//! ```text
//! bytes ──schema──▶ what each column is ──definition──▶ what it is read as
//!                                                              │
//!                        row groups × columns ──chunk──▶ values, mistakes ──▶ Table
//! ```
//!
//! - Text that is empty or null is `N/A`, as in CSV. A key may not be null.
//! - A type that the definition gives is honoured where every value has one of that type; numbers become the nearest double,
//!   text is read as a CSV cell would be.
//! - Columns of lists, structs and maps, and of types that Cubegate has nothing for, are errors.

use std::{
    collections::BTreeMap,
    panic::{AssertUnwindSafe, catch_unwind},
};

use ::parquet::file::reader::{FileReader as _, SerializedFileReader};
use bytes::Bytes;
use rayon::prelude::*;

use super::{
    LoadErrors, OnBadRow, TableDefinition,
    assemble::{assemble, check_definition},
    column::ColumnShape,
    report::{Mistake, Place, Report, Skipped},
    table::Table,
    values::Values,
};
use crate::{
    limits::{LOAD_ERRORS_MAX, SKIPPED_ERRORS_MAX, TABLE_COLUMNS_MAX, TABLE_ROWS_MAX},
    storage::codes::code_of,
};
use chunk::{Chunk, read_chunk};
use schema::{FileColumn, read_schema};

mod chunk;
mod convert;
mod schema;

/// Reads a table from a Parquet file. The bytes are not copied.
pub fn read(definition: &TableDefinition, file_name: &str, bytes: impl Into<Bytes>) -> Result<Table, LoadErrors> {
    let mut report = Report::new(file_name);
    let (file, columns) = open(bytes.into(), &mut report)?;
    let names: Vec<String> = columns.iter().map(|column| column.name.clone()).collect();
    check_definition(definition, &names, &mut report)?;
    let shapes = column_shapes(definition, &columns, &mut report)?;

    let mut groups = read_groups(&file, &columns, &shapes, definition.on_bad_row, &mut report)?;
    let skipped = match definition.on_bad_row {
        OnBadRow::Fail => {
            report_mistakes(&groups, &names, &mut report);
            Skipped::default()
        }
        OnBadRow::Skip => skip_bad_rows(&mut groups, &names, &report),
    };
    report.check()?;

    let row_count = groups.iter().map(|group| group.row_count).sum();
    let mut values: Vec<Vec<Values>> = names.iter().map(|_| Vec::with_capacity(groups.len())).collect();
    for group in groups {
        values.iter_mut().zip(group.chunks).for_each(|(column, chunk)| column.push(chunk.values));
    }
    Ok(assemble(definition, names, values, row_count, skipped))
}

/// The rows of a row group, column by column.
struct Group {
    first_row: usize,
    row_count: usize,
    chunks: Vec<Chunk>,
}

fn open(bytes: Bytes, report: &mut Report) -> Result<(SerializedFileReader<Bytes>, Vec<FileColumn>), LoadErrors> {
    let file = guarded(|| SerializedFileReader::new(bytes).map_err(|error| error.to_string()))
        .map_err(|error| report.failure(format!("is not a Parquet file, or not all of one: {error}")))?;
    let columns = read_schema(file.metadata().file_metadata().schema_descr(), report)?;
    let row_count: i64 =
        file.metadata().row_groups().iter().map(|group| group.num_rows().max(0)).fold(0, i64::saturating_add);
    if usize::try_from(row_count).is_ok_and(|rows| rows > TABLE_ROWS_MAX) {
        return Err(report.failure(format!("the file has more than {TABLE_ROWS_MAX} rows")));
    }
    if columns.len() > TABLE_COLUMNS_MAX {
        return Err(report.failure(format!("the file has more than {TABLE_COLUMNS_MAX} columns")));
    }
    Ok((file, columns))
}

/// Decoders assert here and there that a file does not contradict itself. A damaged one does; then all that was made of it
/// is dropped, so nothing half made is left behind.
fn guarded<T>(read: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(read)).unwrap_or_else(|_| Err("its bytes contradict each other".to_owned()))
}

/// What each column is read as: the given type, or the one that the file's is like.
fn column_shapes(
    definition: &TableDefinition,
    columns: &[FileColumn],
    report: &mut Report,
) -> Result<Vec<ColumnShape>, LoadErrors> {
    let mut shapes = Vec::with_capacity(columns.len());
    for FileColumn { name, file_type, .. } in columns {
        let given = definition.column_types.get(name).copied();
        let column_type = match (given, file_type.natural_type()) {
            (Some(given), _) if file_type.can_become(given) => Ok(given),
            (Some(given), _) => Err(format!("is {file_type} in the file, which cannot be read as {given}")),
            (None, Some(natural)) => Ok(natural),
            (None, None) => Err(format!(
                "is {file_type}, which has too many digits; give the column the type decimal(18,s) or double"
            )),
        };
        match column_type {
            Ok(column_type) => shapes.push(ColumnShape { column_type, is_key: definition.keys.contains(name) }),
            Err(rule) => report.add(Place { column: Some(name), ..Place::default() }, rule),
        }
    }
    report.check()?;
    Ok(shapes)
}

/// Reads every column of every row group.
fn read_groups(
    file: &SerializedFileReader<Bytes>,
    columns: &[FileColumn],
    shapes: &[ColumnShape],
    on_bad_row: OnBadRow,
    report: &mut Report,
) -> Result<Vec<Group>, LoadErrors> {
    let mut groups: Vec<Group> = Vec::new();
    for metadata in file.metadata().row_groups() {
        let first_row = groups.last().map_or(0, |group| group.first_row + group.row_count);
        let row_count = usize::try_from(metadata.num_rows()).unwrap_or_default();
        groups.push(Group { first_row, row_count, chunks: Vec::with_capacity(columns.len()) });
    }
    let tasks: Vec<(usize, usize, usize)> = groups
        .iter()
        .enumerate()
        .flat_map(|(index, group)| (0..columns.len()).map(move |column| (index, group.row_count, column)))
        .collect();
    let chunks: Vec<Result<Chunk, String>> = tasks
        .par_iter()
        .map(|(group, row_count, column)| {
            let shape = shapes.get(*column).expect("every column has a shape");
            let file_column = columns.get(*column).expect("tasks are of columns");
            guarded(|| read_chunk(file, (*group, *column), file_column, *shape, *row_count, on_bad_row))
                .map_err(|error| format!("row group {} cannot be read: {error}", group + 1))
        })
        .collect();
    for ((index, _, column), chunk) in tasks.into_iter().zip(chunks) {
        match chunk {
            Ok(chunk) => groups.get_mut(index).expect("tasks are of groups").chunks.push(chunk),
            Err(rule) => {
                let column = columns.get(column).map(|column| column.name.as_str());
                report.add(Place { column, ..Place::default() }, rule);
            }
        }
    }
    if groups.is_empty() {
        let chunks = shapes.iter().map(|shape| Chunk::empty(*shape)).collect();
        groups.push(Group { first_row: 0, row_count: 0, chunks });
    }
    report.check()?;
    Ok(groups)
}

/// The mistakes of a group row by row, and in a row column by column.
fn mistakes_in_order(group: &Group) -> Vec<&Mistake> {
    let mut mistakes: Vec<&Mistake> = group.chunks.iter().flat_map(|chunk| &chunk.mistakes).collect();
    mistakes.sort_by_key(|mistake| (mistake.at, mistake.column));
    mistakes
}

fn first_mistakes(groups: &[Group], count: usize) -> impl Iterator<Item = (usize, &Mistake)> {
    let of_group =
        |group| mistakes_in_order(group).into_iter().map(|mistake| (group.first_row + mistake.at + 1, mistake));
    groups.iter().flat_map(of_group).take(count)
}

fn report_mistakes(groups: &[Group], names: &[String], report: &mut Report) {
    let errors: Vec<_> = first_mistakes(groups, LOAD_ERRORS_MAX)
        .map(|(row, mistake)| report.error_in_row(row, column_name(names, mistake), mistake.fault.clone()))
        .collect();
    report.extend(errors);
}

fn column_name<'a>(names: &'a [String], mistake: &Mistake) -> Option<&'a str> {
    mistake.column.and_then(|column| names.get(column)).map(String::as_str)
}

/// Leaves out the rows that have mistakes.
fn skip_bad_rows(groups: &mut [Group], names: &[String], report: &Report) -> Skipped {
    let first = first_mistakes(groups, SKIPPED_ERRORS_MAX)
        .map(|(row, mistake)| report.error_in_row(row, column_name(names, mistake), mistake.fault.clone()))
        .collect();
    let mut rows_by_flaw = BTreeMap::new();
    for group in groups {
        let mut bad = BTreeMap::new();
        for (row, flaw) in group.chunks.iter().flat_map(|chunk| &chunk.bad_rows) {
            // Chunks are in the order of columns, and a row counts by its first mistake.
            bad.entry(*row).or_insert(*flaw);
        }
        if bad.is_empty() {
            continue;
        }
        for flaw in bad.values() {
            *rows_by_flaw.entry(*flaw).or_default() += 1;
        }
        let kept: Vec<u32> = (0..group.row_count).map(code_of).filter(|row| !bad.contains_key(row)).collect();
        group.row_count = kept.len();
        group.chunks = std::mem::take(&mut group.chunks).into_iter().map(|chunk| chunk.take(&kept)).collect();
    }
    Skipped { rows_by_flaw, first }
}
