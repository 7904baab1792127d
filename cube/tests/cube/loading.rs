//! From bytes to tables.

use cubegate_cube::{ColumnType, Flaw, OnBadRow, TableDefinition, csv, limits};
use proptest::prelude::*;
use serde_json::json;

use crate::fixture::{cube, definition, load, shown};

fn mistakes(keys: &[&str], text: impl AsRef<[u8]>) -> Vec<String> {
    load(keys, text).unwrap_err().errors.iter().map(ToString::to_string).collect()
}

#[test]
fn a_byte_order_mark_any_line_ending_and_quoted_newlines_are_fine() {
    for text in ["\u{feff}a,b\r\nx,1\r\n\"y\r\nz\",2\r\n", "a,b\nx,1\n\n\"y\r\nz\",2", "a,b\rx,1\r\"y\r\nz\",2\r"] {
        let cube = cube().table("T", &["a"], text).build();
        assert_eq!(cube.ask(json!({"measures": ["b.SUM"], "levels": ["a"]})), json!([["x", 1], ["y\r\nz", 2]]));
    }
}

#[test]
fn a_later_row_replaces_an_earlier_one_with_the_same_key() {
    let rows = "a,b,x\n1,p,1\n2,p,2\n1,p,4\n1,q,8\n1,p,16\n";
    let sums = |keys: &[&str]| {
        cube().table("T", keys, rows).typed("x", ColumnType::Double).build().ask(json!({"measures": ["x.SUM"]}))
    };
    assert_eq!(sums(&["a", "b"]), json!([[26.0]]));
    assert_eq!(sums(&["a"]), json!([[18.0]]));
    assert_eq!(sums(&[]), json!([[31.0]]));
    assert_eq!(load(&["b"], rows).unwrap().row_count(), 2);
}

#[test]
fn empty_cells_are_not_available_or_null_but_not_in_a_numeric_key() {
    let cube = cube().table("T", &["a"], "a,x,y\n,1,\nb,,2\n").build();
    assert_eq!(
        cube.ask(json!({"measures": ["x.SUM", "y.SUM"], "levels": ["a"]})),
        json!([["N/A", 1, null], ["b", null, 2]])
    );
    assert_eq!(
        mistakes(&["k"], "k,x\n1,1\n,2\n"),
        [r#"table.csv:3: column "k": "" is empty, and a key may not be null"#]
    );
}

#[test]
fn a_table_without_rows_is_a_table() {
    let cube = cube().table("T", &[], "a,x\n").typed("x", ColumnType::Double).build();
    assert_eq!(
        cube.ask(json!({"measures": ["x.SUM", "contributors.COUNT"], "levels": ["a"], "totals": true})),
        json!([])
    );
}

#[test]
fn errors_name_file_line_column_value_and_rule() {
    let mut table = definition("T", &[]);
    table.column_types =
        [("i", ColumnType::Int64), ("d", ColumnType::Double), ("t", ColumnType::Date), ("b", ColumnType::Bool)]
            .map(|(name, column_type)| (name.to_owned(), column_type))
            .into();
    let text =
        "i,d,t,b\r\n1,1.5,2021-01-31,true\r\n\r\n1.5,x,2021-02-30,yes\r\n1,NaN,,\r\n1,1e300,,\r\n\"1\n\",,,\r\n1,2\r\n";
    let errors = csv::read(&table, "data/t.csv", text.as_bytes()).unwrap_err();
    assert!(!errors.more);
    assert_eq!(
        errors.to_string().lines().collect::<Vec<_>>(),
        [
            r#"data/t.csv:4: column "i": "1.5" is not an int64; give the column the type double if it has such numbers"#,
            r#"data/t.csv:4: column "d": "x" is not a double"#,
            r#"data/t.csv:4: column "t": "2021-02-30" is not a date such as 2021-01-31"#,
            r#"data/t.csv:4: column "b": "yes" is not a bool; write true or false"#,
            r#"data/t.csv:5: column "d": "NaN" is not a finite number"#,
            r#"data/t.csv:6: column "d": "1e300" is beyond ±1e290, the largest double accepted"#,
            r#"data/t.csv:7: column "i": "1\n" is not an int64"#,
            "data/t.csv:9: the row has 2 cells, the header has 4",
        ]
    );
}

#[test]
fn a_cell_beyond_the_inferred_type_is_an_error() {
    let mut text = String::from("x\n");
    for _ in 0..limits::INFERENCE_ROWS {
        text.push_str("1\n");
    }
    assert_eq!(load(&[], &text).unwrap().row_count(), limits::INFERENCE_ROWS);
    text.push_str("abc\n");
    assert_eq!(mistakes(&[], &text), [r#"table.csv:10002: column "x": "abc" is not an int64"#]);
}

#[test]
fn a_bad_header_is_told_whole() {
    assert_eq!(mistakes(&[], ""), ["table.csv: the file is empty; it needs a header line"]);
    assert_eq!(
        mistakes(&[], b"a,,a,b\xff\n1,2,3,4\n"),
        [
            r#"table.csv:1: "" is an empty name (column 2)"#,
            r#"table.csv:1: "a" is the name of two columns"#,
            "table.csv:1: \"b\u{fffd}\" is not valid UTF-8 (name of column 4)",
        ]
    );
    assert_eq!(
        mistakes(&["Sale Id", "Sale Id"], "Sale ID,x\n1,2\n"),
        [
            r#"table.csv: keys: there is no column "Sale Id"; did you mean "Sale ID"?"#,
            r#"table.csv: keys: there is no column "Sale Id"; did you mean "Sale ID"?"#,
            r#"table.csv: keys: "Sale Id" is named twice"#,
        ]
    );
}

#[test]
fn a_type_is_of_a_column_that_exists() {
    let mut table = definition("T", &[]);
    table.column_types.insert("pirce".to_owned(), ColumnType::Double);
    assert_eq!(
        csv::read(&table, "t.csv", b"price\n1\n".as_slice()).unwrap_err().to_string(),
        r#"t.csv: types of columns: there is no column "pirce"; did you mean "price"?"#
    );
}

#[test]
fn bytes_that_are_not_text_and_cells_that_are_too_long_are_errors() {
    let errors =
        mistakes(&[], [b"a,b\nx,\xff\xfe\n".as_slice(), &vec![b'y'; limits::CELL_BYTES_MAX + 1], b",z\n"].concat());
    assert_eq!(errors[0], "table.csv:2: column \"b\": \"\u{fffd}\u{fffd}\" is not valid UTF-8 (at byte 1)");
    assert!(errors[1].ends_with("has 1048577 bytes; a cell may have 1048576"), "{errors:?}");
    assert!(errors[1].len() < 300);
}

#[test]
fn a_quote_that_is_never_closed_swallows_nothing_in_silence() {
    assert_eq!(mistakes(&[], "a,b\n1,\"x\n2,y\n3,z\n"), ["table.csv:2: a quote is opened and never closed"]);
    assert_eq!(mistakes(&[], "a,b\n1,2\n3,\"x\n"), ["table.csv:3: a quote is opened and never closed"]);
    assert_eq!(mistakes(&[], "\"a,b\n1,2\n"), ["table.csv:1: a quote is opened and never closed"]);
    assert!(load(&[], "a,b\n1,\"x\"\"\"\n").is_ok());
    assert!(load(&[], "a,b\n1,5\" pipe\n").is_ok());
}

#[test]
fn nothing_may_follow_the_quote_that_closes_a_cell() {
    assert_eq!(
        mistakes(&[], "a,b\n\"x\"y,1\nz,\"1\" \n"),
        [
            r#"table.csv:2: column "a": "\"x\"y" has text after its closing quote"#,
            r#"table.csv:3: column "b": "\"1\" " has text after its closing quote"#,
        ]
    );
    assert_eq!(mistakes(&[], "\"a\"b,c\n"), [r#"table.csv:1: "\"a\"b" has text after its closing quote"#]);
}

#[test]
fn a_number_that_is_not_finite_is_an_error_among_numbers_and_a_word_among_words() {
    assert_eq!(mistakes(&[], "x\n1.5\nNaN\n"), [r#"table.csv:3: column "x": "NaN" is not a finite number"#]);
    assert_eq!(mistakes(&[], "x\n1\n-inf\n"), [r#"table.csv:3: column "x": "-inf" is not a finite number"#]);
    let cube = cube().table("T", &[], "x\nNan\nInf\n").build();
    assert_eq!(cube.ask(json!({"levels": ["x"]})), json!([["Inf"], ["Nan"]]));
}

#[test]
fn an_integer_beyond_64_bits_is_a_double_if_the_column_is() {
    let text = "x\n9223372036854775808\n";
    let sum = |kind| {
        let mut table = definition("T", &[]);
        table.column_types.insert("x".to_owned(), kind);
        csv::read(&table, "t.csv", text.as_bytes()).map(|table| table.row_count()).map_err(|errors| errors.to_string())
    };
    assert_eq!(sum(ColumnType::Double), Ok(1));
    assert_eq!(
        sum(ColumnType::Int64).unwrap_err(),
        r#"t.csv:2: column "x": "9223372036854775808" is not an int64; give the column the type double if it has such numbers"#
    );
}

/// Reads a table that leaves bad rows out.
fn skipping(keys: &[&str]) -> TableDefinition {
    TableDefinition {
        on_bad_row: OnBadRow::Skip,
        column_types: [("k", ColumnType::Int64), ("x", ColumnType::Double)]
            .map(|(name, kind)| (name.to_owned(), kind))
            .into(),
        ..definition("T", keys)
    }
}

#[test]
fn bad_rows_are_left_out_and_counted_by_what_is_wrong_with_them() {
    let text = b"k,x,s\n1,1.5,a\nx,NaN,b\n2,NaN,c\n,1,d\n3,1\n4,1e300,e\n5,1,\"f\"f\n6,1,\xff\n1,2.5,g\n7,,\n";
    let table = csv::read(&skipping(&["k"]), "t.csv", text.as_slice()).unwrap();
    assert_eq!(table.row_count(), 2);
    let skipped = table.skipped();
    assert_eq!(
        skipped.rows_by_flaw.iter().map(|(flaw, rows)| (*flaw, *rows)).collect::<Vec<_>>(),
        [
            (Flaw::CellCount, 1),
            (Flaw::Quoting, 1),
            (Flaw::Encoding, 1),
            (Flaw::NullKey, 1),
            (Flaw::Type, 1),
            (Flaw::NotFinite, 1),
            (Flaw::OutOfRange, 1),
        ]
    );
    assert_eq!(skipped.rows(), 7);
    assert_eq!(skipped.first[0].to_string(), r#"t.csv:3: column "k": "x" is not an int64"#);
}

#[test]
fn the_first_few_skipped_rows_are_told_and_all_are_counted() {
    let text = format!("k,x\n{}1,1\n", "a,1\n".repeat(100_000));
    let table = csv::read(&skipping(&[]), "t.csv", text.as_bytes()).unwrap();
    assert_eq!((table.row_count(), table.skipped().rows()), (1, 100_000));
    assert_eq!(table.skipped().first.len(), limits::SKIPPED_ERRORS_MAX);
}

#[test]
fn what_makes_the_rest_of_a_file_unreadable_is_not_skipped() {
    let errors = csv::read(&skipping(&[]), "t.csv", b"k,x\na,1\n2,\"1\n3,1\n".as_slice()).unwrap_err();
    assert_eq!(errors.to_string(), "t.csv:3: a quote is opened and never closed");
}

#[test]
fn values_of_skipped_and_replaced_rows_are_no_members() {
    let mut table = skipping(&["k"]);
    table.name = "T".to_owned();
    let text = b"k,x,s\n1,1,old\n2,oops,bad\n1,2,new\n";
    let table = csv::read(&table, "t.csv", text.as_slice()).unwrap();
    let members = shown(table, &["s"]);
    assert_eq!(members, [(json!("string"), json!([["new", 1]]))]);
}

#[test]
fn reading_stops_at_the_limit_of_errors() {
    let text = format!("a,b\n{}", "1\n".repeat(1000));
    let errors = load(&[], text).unwrap_err();
    assert_eq!((errors.errors.len(), errors.more), (limits::LOAD_ERRORS_MAX, true));
}

/// Bytes that are often nearly CSV.
fn nearly_csv() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        8 => proptest::sample::select(vec![",", "\n", "\r\n", "\"", "\"\"", "a", "b", "1", "-2.5", "2021-01-31", "true", "\r", "é"])
            .prop_map(|text| text.as_bytes().to_vec()),
        1 => proptest::collection::vec(any::<u8>(), 1..4),
    ];
    proptest::collection::vec(piece, 0..60).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn no_bytes_make_the_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200), key in any::<bool>()) {
        read_anything(&bytes, key)?;
    }

    #[test]
    fn nearly_valid_files_are_read_or_refused_with_a_place(bytes in nearly_csv(), key in any::<bool>()) {
        read_anything(&bytes, key)?;
        read_anything(&[b"a,b\n".as_slice(), &bytes].concat(), key)?;
    }

    #[test]
    fn what_is_written_is_what_is_read(cells in proptest::collection::vec("[a-z\",\r\n é]{1,6}", 1..30)) {
        let quoted: Vec<String> = cells.iter().map(|cell| format!("\"{}\"", cell.replace('"', "\"\""))).collect();
        let built = cube().table("T", &[], format!("a\r\n{}\r\n", quoted.join("\r\n"))).build();
        let mut expected = cells.clone();
        expected.sort();
        expected.dedup();
        let rows = built.ask(json!({"levels": ["a"]}));
        let read: Vec<&str> = rows.as_array().unwrap().iter().map(|row| row[0].as_str().unwrap()).collect();
        prop_assert_eq!(read, expected);
        prop_assert_eq!(built.cube().fact_count(), cells.len());
    }
}

fn read_anything(bytes: &[u8], key: bool) -> Result<(), TestCaseError> {
    let keys: &[&str] = if key { &["a"] } else { &[] };
    let lines = bytes.iter().filter(|byte| matches!(byte, b'\n' | b'\r')).count() + 1;
    match load(keys, bytes) {
        Ok(table) => prop_assert!(table.row_count() < lines),
        Err(errors) => {
            prop_assert!(!errors.errors.is_empty());
            let last = errors.errors.iter().filter_map(|error| error.line).max().unwrap_or(1);
            prop_assert!(usize::try_from(last).unwrap() <= lines);
        }
    }
    Ok(())
}
