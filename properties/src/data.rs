//! Tables, and questions about them.

use std::str;

use cubegate_cube::{OnBadRow, Query, Table, TableDefinition};

/// A query: what two of them share an answer by does not change when it is read again.
pub fn query(input: &[u8]) {
    let Ok(query) = serde_json::from_slice::<Query>(input) else { return };
    let canonical = query.canonical();
    let again: Query = serde_json::from_str(&canonical).expect("the canonical text is a query");
    assert_eq!(again.canonical(), canonical);
    let written = serde_json::to_vec(&query).expect("a query can be written");
    let again: Query = serde_json::from_slice(&written).expect("what was written is a query");
    assert_eq!(again, query);
}

/// A CSV file: it is a table or an error, the same twice, and leaving bad rows out leaves no more than there are.
pub fn csv(input: &[u8]) {
    let read = |on_bad_row| cubegate_cube::csv::read(&definition(on_bad_row), "facts.csv", input);
    check(input, read(OnBadRow::Fail).ok().as_ref(), read(OnBadRow::Skip).ok().as_ref());
}

/// A Parquet file: the same.
pub fn parquet(input: &[u8]) {
    let read = |on_bad_row| cubegate_cube::parquet::read(&definition(on_bad_row), "facts.parquet", input.to_vec());
    check(input, read(OnBadRow::Fail).ok().as_ref(), read(OnBadRow::Skip).ok().as_ref());
}

fn check(input: &[u8], whole: Option<&Table>, skipping: Option<&Table>) {
    if let Some(whole) = whole {
        let skipping = skipping.expect("a table without a bad row can be read with leave to skip");
        assert_eq!(whole.row_count(), skipping.row_count());
        assert_eq!((whole.skipped().rows(), skipping.skipped().rows()), (0, 0));
    }
    if let Some(skipping) = skipping {
        assert!(whole.is_some() || skipping.skipped().rows() > 0, "nothing was skipped, and yet it was refused");
        // A row has a line at least, and a file that does not end with one has one more.
        let is_text = str::from_utf8(input).is_ok() && !input.starts_with(b"PAR1");
        let lines = input.iter().filter(|byte| matches!(byte, b'\n' | b'\r')).count() + 1;
        assert!(!is_text || skipping.row_count() <= lines);
    }
}

fn definition(on_bad_row: OnBadRow) -> TableDefinition {
    TableDefinition { name: "Facts".into(), on_bad_row, ..TableDefinition::default() }
}
