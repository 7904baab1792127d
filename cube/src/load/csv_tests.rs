//! Reading in blocks and pieces is reading.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::value::{Cell, ColumnType};

/// What is read from a text in blocks and pieces of these sizes, or what is wrong with it.
fn read(text: &[u8], sizes: Sizes, on_bad_row: OnBadRow, typed: bool) -> Result<(Vec<String>, Skipped), LoadErrors> {
    let column_types = if typed { BTreeMap::from([("b".to_owned(), ColumnType::Int64)]) } else { BTreeMap::new() };
    let definition = TableDefinition { name: "T".to_owned(), column_types, on_bad_row, ..TableDefinition::default() };
    let table = read_in_blocks(&definition, "t.csv", text, sizes)?;
    Ok((rows(&table), table.skipped().clone()))
}

fn rows(table: &Table) -> Vec<String> {
    let cells = |row: usize| table.columns.iter().map(|column| column.cell(row)).collect::<Vec<Cell<'_>>>();
    (0..table.row_count()).map(|row| format!("{:?}", cells(row))).collect()
}

/// The rows of a file by RFC 4180, one byte after another. None when a quote is never closed.
fn naive_rows(text: &[u8]) -> Option<Vec<Result<Vec<Vec<u8>>, ()>>> {
    let mut rows = Vec::new();
    let (mut row, mut cell, mut is_bad) = (Vec::new(), Vec::new(), false);
    // Of the cell: nothing yet, unquoted, within quotes, behind the closing quote.
    let mut state = 0;
    for byte in text.iter().chain(b"\n") {
        match (state, byte) {
            (0, b'"') => state = 2,
            (2, b'"') => state = 3,
            (3, b'"') => {
                cell.push(b'"');
                state = 2;
            }
            (2, byte) => cell.push(*byte),
            (_, b',') => {
                row.push(std::mem::take(&mut cell));
                state = 0;
            }
            (0, b'\n' | b'\r') if row.is_empty() => {}
            (_, b'\n' | b'\r') => {
                row.push(std::mem::take(&mut cell));
                let row = std::mem::take(&mut row);
                rows.push(if std::mem::take(&mut is_bad) { Err(()) } else { Ok(row) });
                state = 0;
            }
            (state_before, byte) => {
                is_bad |= state_before == 3;
                state = 1;
                cell.push(*byte);
            }
        }
    }
    (state != 2).then_some(rows)
}

fn nearly_csv() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        10 => proptest::sample::select(vec![",", ",", "\n", "\n", "\r\n", "\r", "\"", "\"\"", ",\"", "\",", "\"\n", "a", "1", "-2", "é"])
            .prop_map(|text| text.as_bytes().to_vec()),
        1 => proptest::collection::vec(any::<u8>(), 1..3),
    ];
    proptest::collection::vec(piece, 0..80).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn a_file_reads_the_same_in_blocks_and_pieces_of_any_size(
        body in nearly_csv(),
        header in proptest::sample::select(vec!["a\n", "a,b\n", "a,b\r\n"]),
        typed in any::<bool>(),
        skip in any::<bool>(),
    ) {
        let text = [header.as_bytes(), &body].concat();
        let on_bad_row = if skip { OnBadRow::Skip } else { OnBadRow::Fail };
        let typed = typed && header.contains('b');
        let at_once = read(&text, SIZES, on_bad_row, typed);
        for piece in [1, 2, 3, 5, 8, 13, 64] {
            for block in [1, piece, 3 * piece, usize::MAX] {
                let sizes = Sizes { block, piece, ..SIZES };
                prop_assert_eq!(&read(&text, sizes, on_bad_row, typed), &at_once, "{:?}", sizes);
            }
        }
    }

    #[test]
    fn rows_are_those_that_a_reader_byte_by_byte_finds(body in nearly_csv(), piece in 1..40_usize, block in 1..200_usize) {
        let text = [b"a,b\n".as_slice(), &body].concat();
        let types = ["a", "b"].map(|name| (name.to_owned(), ColumnType::String)).into();
        let definition = TableDefinition { column_types: types, on_bad_row: OnBadRow::Skip, ..TableDefinition::default() };
        let read = read_in_blocks(&definition, "t.csv", text.as_slice(), Sizes { block, piece, ..SIZES });
        let Some(mut expected) = naive_rows(&text) else {
            prop_assert!(read.unwrap_err().to_string().ends_with("a quote is opened and never closed"));
            return Ok(());
        };
        let table = read.unwrap();
        let header = expected.remove(0);
        prop_assert_eq!(header, Ok(vec![b"a".to_vec(), b"b".to_vec()]));
        let bad = |row: &Result<Vec<Vec<u8>>, ()>| {
            row.as_ref().map_or(true, |row| row.len() != 2 || row.iter().any(|cell| std::str::from_utf8(cell).is_err()))
        };
        let skipped = expected.iter().filter(|row| bad(row)).count() as u64;
        prop_assert_eq!(table.skipped().rows(), skipped);
        expected.retain(|row| !bad(row));
        let text = |cell: &Vec<u8>| if cell.is_empty() { "N/A".to_owned() } else { String::from_utf8(cell.clone()).unwrap() };
        let expected: Vec<String> = expected
            .iter()
            .map(|row| {
                let cells: Vec<String> = row.as_ref().unwrap().iter().map(text).collect();
                format!("{:?}", cells.iter().map(|cell| Cell::Text(cell)).collect::<Vec<_>>())
            })
            .collect();
        prop_assert_eq!(rows(&table), expected);
    }
}

/// Gives some bytes and then fails, as a file does that is taken away.
struct Failing<'a>(&'a [u8]);

impl Read for Failing<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        if self.0.is_empty() { Err(std::io::Error::other("it is gone")) } else { self.0.read(buffer) }
    }
}

#[test]
fn a_source_that_fails_while_it_is_read_gives_no_table() {
    let definition = TableDefinition { name: "T".to_owned(), ..TableDefinition::default() };
    let error = super::read(&definition, "t.csv", Failing(b"a\n1\n2\n")).unwrap_err();
    assert_eq!(error.to_string(), "t.csv: cannot be read: it is gone");
}

#[test]
fn a_row_that_never_ends_is_given_up() {
    let endless = b"a\n1\n\"".chain(std::io::repeat(b'x'));
    let definition = TableDefinition { name: "T".to_owned(), ..TableDefinition::default() };
    let sizes = Sizes { block: 16, piece: 4, record: 1000, ..SIZES };
    let error = read_in_blocks(&definition, "t.csv", endless, sizes).unwrap_err().to_string();
    assert!(
        error.contains("within 1000 bytes from line 2 on") && error.contains("is a quote never closed?"),
        "{error}"
    );
}

#[test]
fn a_type_is_not_inferred_from_a_part_of_a_cell() {
    let definition = TableDefinition { name: "T".to_owned(), ..TableDefinition::default() };
    let text = b"a,day\n1,2021-01-13\n2,2021-01-14\n";
    for head in "a,day\n1,2021-01-13\n".len()..=text.len() {
        let sizes = Sizes { head, ..SIZES };
        let table = read_in_blocks(&definition, "t.csv", text.as_slice(), sizes).unwrap();
        assert_eq!(table.columns[1].column_type(), ColumnType::Date, "from {head} bytes");
    }
}
