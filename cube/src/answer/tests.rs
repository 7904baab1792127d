//! The three ways to write an answer say the same.

use arrow_array::{
    Array, ArrayRef, BooleanArray, Date32Array, Decimal128Array, DictionaryArray, Float64Array, Int64Array,
    StringArray, TimestampMicrosecondArray, cast::AsArray, types::Int32Type,
};
use arrow_ipc::reader::StreamReader;
use arrow_schema::DataType;
use jiff::{Timestamp, ToSpan, civil::Date};
use proptest::prelude::*;
use serde_json::value::RawValue;

use super::*;

/// A column with as many rows as there are codes; a code beyond the values is null.
fn column() -> impl Strategy<Value = fn(&[Option<u32>]) -> (ColumnType, Values)> {
    let texts: fn(&[Option<u32>]) -> (ColumnType, Values) = |codes| {
        let dictionary = Dictionary::of_texts(["", "N/A", "Zoë, \"the\" \u{1F600}\r\n", "a"].into_iter());
        members(dictionary, codes)
    };
    let bools: fn(&[Option<u32>]) -> _ = |codes| members(Dictionary::of_bools(vec![false, true]), codes);
    let int64s: fn(&[Option<u32>]) -> _ = |codes| members(Dictionary::of_int64s(vec![i64::MIN, 0, i64::MAX]), codes);
    let doubles: fn(&[Option<u32>]) -> _ = |codes| members(Dictionary::of_doubles(vec![-1e290, 0.0, 0.1]), codes);
    let decimals: fn(&[Option<u32>]) -> _ = |codes| members(Dictionary::of_decimals(vec![-150, -5, 7], 10, 2), codes);
    let dates: fn(&[Option<u32>]) -> _ = |codes| {
        let dates = vec![Date::constant(-9999, 1, 1), Date::constant(1969, 12, 31), Date::constant(9999, 12, 31)];
        members(Dictionary::of_dates(dates), codes)
    };
    let timestamps: fn(&[Option<u32>]) -> _ = |codes| {
        let timestamps = [-1, 0, 1_612_137_600_000_000].map(|micros| Timestamp::from_microsecond(micros).unwrap());
        members(Dictionary::of_timestamps(timestamps.into()), codes)
    };
    let sums: fn(&[Option<u32>]) -> _ = |codes| {
        (ColumnType::Int64, Values::Int64(codes.iter().map(|code| code.map(|code| 7 - i64::from(code))).collect()))
    };
    let means: fn(&[Option<u32>]) -> _ = |codes| {
        (ColumnType::Double, Values::Double(codes.iter().map(|code| code.map(|code| f64::from(code) / 3.0)).collect()))
    };
    let wide: fn(&[Option<u32>]) -> _ = |codes| {
        let unit = |code: u32| (i128::from(code) - 2) * 12_345_678_901_234_567_890_123_456_789;
        let units = codes.iter().map(|code| code.map(unit)).collect();
        (ColumnType::Decimal { precision: 38, scale: 4 }, Values::Decimal { units, scale: 4 })
    };
    proptest::sample::select(vec![texts, bools, int64s, doubles, decimals, dates, timestamps, sums, means, wide])
}

fn members(dictionary: Dictionary, codes: &[Option<u32>]) -> (ColumnType, Values) {
    let code = |code: &Option<u32>| code.filter(|code| (*code as usize) < dictionary.len());
    let codes = codes.iter().map(code).collect();
    (dictionary.column_type(), Values::Members { dictionary: Arc::new(dictionary), codes })
}

fn answer() -> impl Strategy<Value = Answer> {
    (0..20_usize).prop_flat_map(|row_count| {
        let codes = prop::collection::vec(prop::option::of(0..5_u32), row_count);
        prop::collection::vec((column(), codes), 0..6).prop_map(move |columns| {
            let columns = columns.into_iter().enumerate().map(|(index, (make, codes))| {
                let (column_type, values) = make(&codes);
                let kind = if index % 2 == 0 { ColumnKind::Level } else { ColumnKind::Measure };
                (AnswerColumn { name: format!("Column \"{index}\""), kind, r#type: column_type }, values)
            });
            Answer::new(columns, row_count)
        })
    })
}

#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct Written<'a> {
    #[serde(borrow)]
    columns: Vec<WrittenColumn<'a>>,
    #[serde(borrow)]
    rows: Vec<Vec<&'a RawValue>>,
    policy_revision: u64,
}

#[derive(serde::Deserialize)]
struct WrittenColumn<'a> {
    name: String,
    kind: &'a str,
    r#type: &'a str,
}

/// A value of an Arrow array as JSON would write it.
fn shown(array: &ArrayRef, row: usize) -> String {
    if array.is_null(row) {
        return "null".to_owned();
    }
    match array.data_type() {
        DataType::Dictionary(_, _) => {
            let texts: &DictionaryArray<Int32Type> = array.as_dictionary();
            let texts = texts.downcast_dict::<StringArray>().unwrap();
            serde_json::to_string(arrow_array::ArrayAccessor::value(&texts, row)).unwrap()
        }
        DataType::Boolean => array.as_any().downcast_ref::<BooleanArray>().unwrap().value(row).to_string(),
        DataType::Int64 => array.as_any().downcast_ref::<Int64Array>().unwrap().value(row).to_string(),
        DataType::Float64 => {
            serde_json::to_string(&array.as_any().downcast_ref::<Float64Array>().unwrap().value(row)).unwrap()
        }
        DataType::Decimal128(_, _) => array.as_any().downcast_ref::<Decimal128Array>().unwrap().value_as_string(row),
        DataType::Date32 => {
            let days = array.as_any().downcast_ref::<Date32Array>().unwrap().value(row);
            format!("\"{}\"", Date::constant(1970, 1, 1).checked_add(days.days()).unwrap())
        }
        DataType::Timestamp(_, zone) => {
            assert_eq!(zone.as_deref(), Some("UTC"));
            let micros = array.as_any().downcast_ref::<TimestampMicrosecondArray>().unwrap().value(row);
            format!("\"{}\"", Timestamp::from_microsecond(micros).unwrap())
        }
        other => panic!("{other} is no type of an answer"),
    }
}

proptest! {
    #[test]
    fn an_arrow_stream_says_what_the_json_says(answer in answer(), revision: u64) {
        let json = answer.to_json(revision);
        let json: Written<'_> = serde_json::from_str(&json).unwrap();
        let arrow = answer.to_arrow(revision);
        let mut stream = StreamReader::try_new(arrow.as_slice(), None).unwrap();
        let schema = stream.schema();
        let batch = stream.next().unwrap().unwrap();
        prop_assert!(stream.next().is_none());

        prop_assert_eq!(json.policy_revision, revision);
        prop_assert_eq!(&schema.metadata()["policyRevision"], &revision.to_string());
        prop_assert_eq!((batch.num_rows(), batch.num_columns()), (json.rows.len(), json.columns.len()));
        for (index, (field, column)) in schema.fields().iter().zip(&json.columns).enumerate() {
            prop_assert_eq!((field.name(), field.metadata()["kind"].as_str()), (&column.name, column.kind));
            for (row, written) in json.rows.iter().enumerate() {
                let mut expected = written[index].get();
                if column.r#type != "string" && expected == "\"N/A\"" {
                    expected = "null";
                }
                prop_assert_eq!(shown(batch.column(index), row), expected);
            }
        }
    }

    #[test]
    fn csv_has_the_cells_of_the_json(answer in answer()) {
        let csv = answer.to_csv();
        let json = answer.to_json(1);
        let json: Written<'_> = serde_json::from_str(&json).unwrap();
        let mut reader = ::csv::ReaderBuilder::new().has_headers(false).from_reader(csv.as_bytes());
        let records: Vec<::csv::StringRecord> = reader.records().map(Result::unwrap).collect();
        prop_assert_eq!(records.len(), json.rows.len() + 1);
        for (record, row) in records[1..].iter().zip(&json.rows) {
            for (cell, written) in record.iter().zip(row) {
                let expected = match written.get() {
                    "null" => String::new(),
                    text if text.starts_with('"') => serde_json::from_str(text).unwrap(),
                    number => number.to_owned(),
                };
                prop_assert_eq!(cell, expected);
            }
        }
    }
}

#[test]
fn a_decimal_has_exactly_the_digits_of_its_scale() {
    let values = Values::Decimal { units: vec![Some(-5), Some(150), Some(i128::MAX / 100), Some(0), None], scale: 2 };
    let column = AnswerColumn {
        name: "D".to_owned(),
        kind: ColumnKind::Measure,
        r#type: ColumnType::Decimal { precision: 38, scale: 2 },
    };
    let answer = Answer::new([(column, values)].into_iter(), 5);
    let json = answer.to_json(1);
    let rows = "\"rows\":[[-0.05],[1.50],[17014118346046923173168730371588410.57],[0.00],[null]]";
    assert!(json.contains(rows), "{json}");
}

#[test]
fn a_stream_names_no_text_that_is_not_in_the_answer() {
    let (column_type, values) = members(Dictionary::of_texts(["N/A", "Paris", "Secret"].into_iter()), &[Some(1)]);
    let column = AnswerColumn { name: "City".to_owned(), kind: ColumnKind::Level, r#type: column_type };
    let arrow = Answer::new([(column, values)].into_iter(), 1).to_arrow(1);
    let contains = |text: &str| arrow.windows(text.len()).any(|window| window == text.as_bytes());
    assert!(contains("Paris") && !contains("Secret"));
}

#[test]
fn what_is_longer_than_the_bound_is_refused_in_every_encoding() {
    let column = AnswerColumn { name: "I".to_owned(), kind: ColumnKind::Measure, r#type: ColumnType::Int64 };
    let answer = Answer::new([(column, Values::Int64(vec![Some(1); 10_000]))].into_iter(), 10_000);
    for encoding in [Encoding::Json, Encoding::Csv, Encoding::Arrow] {
        let refused = answer.encode_within(encoding, Remarks::default(), 10_000);
        assert!(matches!(refused, Err(QueryError::TooLarge(_))), "{encoding:?}");
        assert!(answer.encode_within(encoding, Remarks::default(), 200_000).is_ok(), "{encoding:?}");
    }
}
