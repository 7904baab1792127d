//! From Parquet to tables.

use std::sync::Arc;

use cubegate_cube::{Flaw, LoadErrors, OnBadRow, Table, TableDefinition, csv, limits, parquet as file};
use parquet::{
    basic::{Compression, ZstdLevel},
    column::writer::ColumnWriter,
    data_type::{ByteArray, FixedLenByteArray, Int96},
    file::{properties::WriterProperties, writer::SerializedFileWriter},
    schema::parser::parse_message_type,
};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::fixture::{definition, shown};

/// A column of a file: its values, null where absent.
enum Column {
    Bools(Vec<Option<bool>>),
    Int32s(Vec<Option<i32>>),
    Int64s(Vec<Option<i64>>),
    Int96s(Vec<Option<[u32; 3]>>),
    Floats(Vec<Option<f32>>),
    Doubles(Vec<Option<f64>>),
    Bytes(Vec<Option<Vec<u8>>>),
    Fixed(Vec<Option<Vec<u8>>>),
}

fn texts(values: &[&str]) -> Column {
    Column::Bytes(values.iter().map(|value| Some(value.as_bytes().to_vec())).collect())
}

/// A file of a schema, as in `optional int64 x; required binary b (UTF8);`, with the columns of each row group.
fn write(schema: &str, compression: Compression, groups: &[Vec<Column>]) -> Vec<u8> {
    let schema = Arc::new(parse_message_type(&format!("message t {{ {schema} }}")).unwrap());
    let properties = Arc::new(WriterProperties::builder().set_compression(compression).build());
    let mut writer = SerializedFileWriter::new(Vec::new(), schema, properties).unwrap();
    for columns in groups {
        let mut group = writer.next_row_group().unwrap();
        for column in columns {
            let mut target = group.next_column().unwrap().unwrap();
            write_column(target.untyped(), column);
            target.close().unwrap();
        }
        group.close().unwrap();
    }
    writer.into_inner().unwrap()
}

fn write_column(writer: &mut ColumnWriter<'_>, column: &Column) {
    macro_rules! write_values {
        ($writer:expr, $values:expr, $convert:expr) => {{
            let levels: Vec<i16> = $values.iter().map(|value| value.is_some().into()).collect();
            let known: Vec<_> = $values.iter().flatten().map($convert).collect();
            $writer.write_batch(&known, Some(&levels), None).map(drop).unwrap();
        }};
    }
    match (writer, column) {
        (ColumnWriter::BoolColumnWriter(writer), Column::Bools(values)) => {
            write_values!(writer, values, |value| *value);
        }
        (ColumnWriter::Int32ColumnWriter(writer), Column::Int32s(values)) => {
            write_values!(writer, values, |value| *value);
        }
        (ColumnWriter::Int64ColumnWriter(writer), Column::Int64s(values)) => {
            write_values!(writer, values, |value| *value);
        }
        (ColumnWriter::Int96ColumnWriter(writer), Column::Int96s(values)) => {
            write_values!(writer, values, |value| Int96::from(value.to_vec()));
        }
        (ColumnWriter::FloatColumnWriter(writer), Column::Floats(values)) => {
            write_values!(writer, values, |value| *value);
        }
        (ColumnWriter::DoubleColumnWriter(writer), Column::Doubles(values)) => {
            write_values!(writer, values, |value| *value);
        }
        (ColumnWriter::ByteArrayColumnWriter(writer), Column::Bytes(values)) => {
            write_values!(writer, values, |value| ByteArray::from(value.clone()));
        }
        (ColumnWriter::FixedLenByteArrayColumnWriter(writer), Column::Fixed(values)) => {
            write_values!(writer, values, |value| FixedLenByteArray::from(value.clone()));
        }
        _ => panic!("the column is of another type than the schema says"),
    }
}

fn one_group(schema: &str, columns: Vec<Column>) -> Vec<u8> {
    write(schema, Compression::SNAPPY, &[columns])
}

fn typed(types: &[(&str, &str)]) -> TableDefinition {
    let mut table = definition("T", &[]);
    table.column_types = types.iter().map(|(name, kind)| ((*name).to_owned(), kind.parse().unwrap())).collect();
    table
}

fn mistakes(definition: &TableDefinition, bytes: Vec<u8>) -> Vec<String> {
    file::read(definition, "t.parquet", bytes).unwrap_err().errors.iter().map(ToString::to_string).collect()
}

fn read_and_show(definition: &TableDefinition, bytes: Vec<u8>, columns: &[&str]) -> Vec<(Value, Value)> {
    shown(file::read(definition, "t.parquet", bytes).unwrap(), columns)
}

#[test]
fn integers_of_every_width_are_int64s() {
    let bytes = one_group(
        "optional int32 a (INTEGER(8,true)); optional int32 b (INTEGER(32,false)); optional int64 c; \
         optional int64 d (UINT_64);",
        vec![
            Column::Int32s(vec![Some(-8), None]),
            Column::Int32s(vec![Some(-1), Some(1)]),
            Column::Int64s(vec![Some(i64::MIN), Some(i64::MAX)]),
            Column::Int64s(vec![Some(7), None]),
        ],
    );
    assert_eq!(
        read_and_show(&definition("T", &[]), bytes, &["a", "b", "c", "d"]),
        [
            (json!("int64"), json!([[-8, 1], ["N/A", 1]])),
            (json!("int64"), json!([[1, 1], [u32::MAX, 1]])),
            (json!("int64"), json!([[i64::MIN, 1], [i64::MAX, 1]])),
            (json!("int64"), json!([[7, 1], ["N/A", 1]])),
        ]
    );
}

#[test]
fn text_dates_timestamps_decimals_and_truth_keep_their_types() {
    let noon = 1_612_094_400_i64;
    let bytes = one_group(
        "optional binary s (UTF8); optional int32 d (DATE); optional int64 ms (TIMESTAMP(MILLIS,true)); \
         optional int64 us (TIMESTAMP(MICROS,false)); optional int64 ns (TIMESTAMP(NANOS,true)); optional int96 old; \
         optional int32 m (DECIMAL(9,2)); optional fixed_len_byte_array(8) f (DECIMAL(18,3)); optional boolean b; \
         optional float x;",
        vec![
            texts(&["é", ""]),
            Column::Int32s(vec![Some(18_658), None]),
            Column::Int64s(vec![Some(noon * 1_000 + 250), None]),
            Column::Int64s(vec![Some(noon * 1_000_000), None]),
            Column::Int64s(vec![Some(noon * 1_000_000_000), None]),
            // Noon of Julian day 2 459 246, in nanoseconds of the day.
            Column::Int96s(vec![Some([0x48a7_8000, 0x274a, 2_459_246]), None]),
            Column::Int32s(vec![Some(-1_205), None]),
            Column::Fixed(vec![Some((-12_345_i64).to_be_bytes().to_vec()), None]),
            Column::Bools(vec![Some(true), None]),
            Column::Floats(vec![Some(0.5), None]),
        ],
    );
    let one = |kind: &str, value: Value| (json!(kind), json!([[value, 1], ["N/A", 1]]));
    assert_eq!(
        read_and_show(&definition("T", &[]), bytes, &["d", "ms", "us", "ns", "old", "m", "f", "b", "x"]),
        [
            one("date", json!("2021-01-31")),
            one("timestamp", json!("2021-01-31T12:00:00.25Z")),
            one("timestamp", json!("2021-01-31T12:00:00Z")),
            one("timestamp", json!("2021-01-31T12:00:00Z")),
            one("timestamp", json!("2021-01-31T12:00:00Z")),
            one("decimal(9,2)", json!(-12.05)),
            one("decimal(18,3)", json!(-12.345)),
            one("bool", json!(true)),
            one("double", json!(0.5)),
        ]
    );
}

#[test]
fn a_given_type_is_honoured_where_every_value_has_one() {
    let bytes = || {
        one_group(
            "optional int64 i; optional binary s (UTF8); optional int32 d (DATE); optional int64 m (DECIMAL(10,2));",
            vec![
                Column::Int64s(vec![Some(3)]),
                texts(&["2021-01-31"]),
                Column::Int32s(vec![Some(0)]),
                Column::Int64s(vec![Some(150)]),
            ],
        )
    };
    let table = typed(&[("i", "double"), ("s", "date"), ("d", "timestamp"), ("m", "double")]);
    let one = |kind: &str, value: Value| (json!(kind), json!([[value, 1]]));
    assert_eq!(
        read_and_show(&table, bytes(), &["i", "s", "d", "m"]),
        [
            one("double", json!(3.0)),
            one("date", json!("2021-01-31")),
            one("timestamp", json!("1970-01-01T00:00:00Z")),
            one("double", json!(1.5)),
        ]
    );
    assert_eq!(
        mistakes(&typed(&[("i", "date"), ("s", "int64"), ("m", "int64")]), bytes()),
        [
            r#"t.parquet: column "i": is an integer in the file, which cannot be read as date"#,
            r#"t.parquet: column "m": is decimal(10,2) in the file, which cannot be read as int64"#,
        ]
    );
    assert_eq!(
        mistakes(&typed(&[("s", "int64"), ("m", "decimal(4,1)"), ("i", "decimal(1,1)")]), bytes()),
        [
            r#"t.parquet: column "i": "3" cannot be read as decimal(1,1) (row 1)"#,
            r#"t.parquet: column "s": "2021-01-31" is not an int64 (row 1)"#,
        ]
    );
}

#[test]
fn columns_that_a_table_has_nothing_for_are_named_with_what_they_are() {
    let nested = "optional group point { optional double x; } optional group tags (LIST) { repeated group list { \
                  optional binary element (UTF8); } } optional group pairs (MAP) { repeated group key_value { \
                  required binary key (UTF8); optional int32 value; } } repeated int32 many; \
                  optional int32 at (TIME(MILLIS,true)); optional fixed_len_byte_array(16) id (UUID);";
    assert_eq!(
        mistakes(&definition("T", &[]), write(nested, Compression::UNCOMPRESSED, &[])),
        [
            r#"t.parquet: column "point": is a struct, and a table has nothing for that"#,
            r#"t.parquet: column "tags": is a list, and a table has nothing for that"#,
            r#"t.parquet: column "pairs": is a map, and a table has nothing for that"#,
            r#"t.parquet: column "many": is a list, and a table has nothing for that"#,
            r#"t.parquet: column "at": is a time of day, and a table has nothing for that"#,
            r#"t.parquet: column "id": is a UUID, and a table has nothing for that"#,
        ]
    );
    let wide = || {
        let value = [vec![0; 15], vec![5]].concat();
        one_group("optional fixed_len_byte_array(16) m (DECIMAL(38,1));", vec![Column::Fixed(vec![Some(value)])])
    };
    assert_eq!(
        mistakes(&definition("T", &[]), wide()),
        [
            "t.parquet: column \"m\": is decimal(38,1), which has too many digits; give the column the type decimal(18,s) or double"
        ]
    );
    assert_eq!(read_and_show(&typed(&[("m", "double")]), wide(), &["m"]), [(json!("double"), json!([[0.5, 1]]))]);
}

#[test]
fn keys_and_types_are_of_columns_that_the_file_has() {
    let bytes = || one_group("optional int64 shop;", vec![Column::Int64s(vec![Some(1)])]);
    assert_eq!(
        mistakes(&definition("T", &["shpo"]), bytes()),
        [r#"t.parquet: keys: there is no column "shpo"; did you mean "shop"?"#]
    );
    assert_eq!(
        mistakes(&typed(&[("Shop", "int64")]), bytes()),
        [r#"t.parquet: types of columns: there is no column "Shop"; did you mean "shop"?"#]
    );
}

fn with_bad_rows() -> Vec<u8> {
    let column = |values: [f64; 2]| Column::Doubles(values.into_iter().map(Some).collect());
    let groups = [
        vec![Column::Int64s(vec![Some(1), None]), column([f64::NAN, 1.0]), texts(&["a", "b"])],
        vec![
            Column::Int64s(vec![Some(3), Some(4)]),
            column([2.0, 1e300]),
            Column::Bytes(vec![Some(b"c".to_vec()), Some(b"\xff".to_vec())]),
        ],
    ];
    write(
        "optional int64 k; optional double x; optional binary s (UTF8);",
        Compression::ZSTD(ZstdLevel::default()),
        &groups,
    )
}

#[test]
fn bad_values_are_told_with_their_row() {
    assert_eq!(
        mistakes(&definition("T", &["k"]), with_bad_rows()),
        [
            r#"t.parquet: column "x": "NaN" is not a finite number (row 1)"#,
            r#"t.parquet: column "k": "" is empty, and a key may not be null (row 2)"#,
            r#"t.parquet: column "x": "1e300" is beyond ±1e290, the largest double accepted (row 4)"#,
            "t.parquet: column \"s\": \"\u{fffd}\" is not valid UTF-8 (at byte 1) (row 4)",
        ]
    );
}

#[test]
fn bad_rows_are_left_out_and_counted() {
    let table = TableDefinition { on_bad_row: OnBadRow::Skip, ..definition("T", &["k"]) };
    let table = file::read(&table, "t.parquet", with_bad_rows()).unwrap();
    assert_eq!(table.row_count(), 1);
    let skipped = table.skipped();
    let by_flaw: Vec<(Flaw, u64)> = skipped.rows_by_flaw.clone().into_iter().collect();
    assert_eq!(by_flaw, [(Flaw::NullKey, 1), (Flaw::NotFinite, 1), (Flaw::OutOfRange, 1)]);
    assert_eq!(skipped.first.len(), 4);
    assert_eq!(shown(table, &["s"]), [(json!("string"), json!([["c", 1]]))]);
}

#[test]
fn later_rows_replace_earlier_ones_across_row_groups() {
    let group =
        |keys: Vec<i64>, names: &[&str]| vec![Column::Int64s(keys.into_iter().map(Some).collect()), texts(names)];
    let bytes = write(
        "optional int64 k; optional binary s (UTF8);",
        Compression::SNAPPY,
        &[group(vec![1, 2], &["a", "b"]), group(vec![1, 3], &["c", "d"])],
    );
    let table = file::read(&definition("T", &["k"]), "t.parquet", bytes).unwrap();
    assert_eq!(table.row_count(), 3);
    assert_eq!(shown(table, &["s"]), [(json!("string"), json!([["b", 1], ["c", 1], ["d", 1]]))]);
}

#[test]
fn a_file_without_rows_is_a_table() {
    let table =
        file::read(&definition("T", &[]), "t.parquet", write("optional int64 x;", Compression::SNAPPY, &[])).unwrap();
    assert_eq!(table.row_count(), 0);
}

#[test]
fn what_is_not_parquet_is_told() {
    for bytes in [b"".to_vec(), b"a,b\n1,2\n".to_vec(), b"PAR1PAR1".to_vec()] {
        let errors = mistakes(&definition("T", &[]), bytes);
        assert!(errors[0].starts_with("t.parquet: is not a Parquet file, or not all of one: "), "{errors:?}");
    }
}

fn sample() -> Vec<u8> {
    let names: Vec<String> = (0..300).map(|row| format!("name {}", row % 7)).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let columns = || {
        vec![
            Column::Int64s((0..300).map(|row| (row % 5 != 0).then_some(row)).collect()),
            texts(&names),
            Column::Doubles((0..300).map(|row| Some(f64::from(row) / 4.0)).collect()),
        ]
    };
    let schema = "optional int64 i; optional binary s (UTF8); optional double x;";
    write(schema, Compression::SNAPPY, &[columns(), columns()])
}

fn refused_or_read(bytes: Vec<u8>) -> Result<Table, LoadErrors> {
    let read = file::read(&definition("T", &[]), "t.parquet", bytes);
    if let Err(errors) = &read {
        assert!(!errors.errors.is_empty() && errors.errors.len() <= limits::LOAD_ERRORS_MAX);
    }
    read
}

proptest! {
    #[test]
    fn a_file_that_is_cut_off_is_refused(keep in any::<prop::sample::Index>()) {
        let bytes = sample();
        let keep = keep.index(bytes.len());
        prop_assert!(refused_or_read(bytes[..keep].to_vec()).is_err());
    }

    #[test]
    fn a_damaged_file_is_refused_or_read(changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8)) {
        let mut bytes = sample();
        for (index, byte) in changes {
            let len = bytes.len();
            bytes[index.index(len)] = byte;
        }
        if let Ok(table) = refused_or_read(bytes) {
            prop_assert!(table.row_count() <= limits::TABLE_ROWS_MAX);
        }
    }

    #[test]
    fn csv_and_parquet_of_the_same_data_are_the_same_table(
        data in proptest::collection::vec((any::<i64>(), "[a-c\",\n é]{0,3}", -1e9..1e9_f64, -30_000..30_000_i32, any::<bool>()), 1..40),
        null_every in 2..5_usize,
    ) {
        let known = |row: usize| !row.is_multiple_of(null_every);
        let date = |days: i32| jiff::civil::date(1970, 1, 1) + jiff::ToSpan::days(days);
        let mut text = "i,s,x,d,b\n".to_owned();
        for (row, (i, s, x, d, b)) in data.iter().enumerate() {
            let s = s.replace('"', "\"\"");
            let line = if known(row) { format!("{i},\"{s}\",{x},{},{b}\n", date(*d)) } else { ",,,,\n".to_owned() };
            text.push_str(&line);
        }
        macro_rules! column {
            ($kind:ident, $field:tt, $convert:expr) => {
                Column::$kind(data.iter().enumerate().map(|(row, data)| known(row).then(|| $convert(data.$field.clone()))).collect())
            };
        }
        let bytes = one_group(
            "optional int64 i; optional binary s (UTF8); optional double x; optional int32 d (DATE); optional boolean b;",
            vec![
                column!(Int64s, 0, |value| value),
                column!(Bytes, 1, String::into_bytes),
                column!(Doubles, 2, |value| value),
                column!(Int32s, 3, |value| value),
                column!(Bools, 4, |value| value),
            ],
        );
        let types = [("i", "int64"), ("s", "string"), ("x", "double"), ("d", "date"), ("b", "bool")];
        let from_csv = csv::read(&typed(&types), "t.csv", text.as_bytes()).unwrap();
        let from_parquet = file::read(&typed(&types), "t.parquet", bytes).unwrap();
        prop_assert_eq!(shown(from_csv, &["i", "s", "x", "d", "b"]), shown(from_parquet, &["i", "s", "x", "d", "b"]));
    }
}
