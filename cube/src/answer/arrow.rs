//! An Arrow IPC stream: a schema, one record batch, and the texts that occur in it.
//!
//! ```text
//! string      Dictionary<Int32, Utf8>        decimal     Decimal128(38, scale)
//! bool        Boolean                        date        Date32
//! int64       Int64                          timestamp   Timestamp(µs, UTC)
//! double      Float64
//! ```
//!
//! A dictionary holds the texts of the answer and no others: those of the column would name members that the caller may
//! not see. Arrow has no `N/A` in a column of dates, so there it is null.

use std::{
    collections::HashMap,
    sync::{Arc, LazyLock},
};

use arrow_array::{
    ArrayRef, BooleanArray, Date32Array, Decimal128Array, DictionaryArray, Float64Array, Int32Array, Int64Array,
    RecordBatch, RecordBatchOptions, StringArray, TimestampMicrosecondArray, types::Int32Type,
};
use arrow_ipc::writer::StreamWriter;
use arrow_schema::{DataType, Field, Schema, TimeUnit};
use jiff::civil::Date;

use super::{Answer, AnswerColumn, ColumnKind, Remarks, Values, at, too_long};
use crate::{
    request::QueryError,
    storage::dictionary::Dictionary,
    value::{Cell, ColumnType},
};

/// Digits of any decimal: those of a sum.
const DECIMAL_PRECISION: u8 = 38;

static UTC: LazyLock<Arc<str>> = LazyLock::new(|| Arc::from("UTC"));

pub(super) fn encode(answer: &Answer, remarks: Remarks<'_>, bytes_max: usize) -> Result<Vec<u8>, QueryError> {
    let schema = Arc::new(schema(answer, remarks));
    let arrays = answer.columns.iter().zip(&answer.values).map(|(column, values)| array(column, values));
    let arrays = arrays.collect::<Option<Vec<ArrayRef>>>().ok_or_else(|| too_long(bytes_max))?;
    let options = RecordBatchOptions::new().with_row_count(Some(answer.row_count));
    let batch = RecordBatch::try_new_with_options(Arc::clone(&schema), arrays, &options)
        .expect("arrays are made by the types of the schema, all of one length");
    if batch.get_array_memory_size() > bytes_max {
        return Err(too_long(bytes_max));
    }
    let mut out = Vec::new();
    let written = StreamWriter::try_new(&mut out, &schema).and_then(|mut writer| {
        writer.write(&batch)?;
        writer.finish()
    });
    written.expect("writing to memory does not fail");
    Ok(out)
}

fn schema(answer: &Answer, remarks: Remarks<'_>) -> Schema {
    let field = |column: &AnswerColumn| {
        let kind = match column.kind {
            ColumnKind::Level => "level",
            ColumnKind::Measure => "measure",
            ColumnKind::Column => "column",
        };
        let metadata = [("kind", kind.to_owned()), ("type", column.r#type.to_string())];
        let metadata: HashMap<String, String> =
            metadata.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
        Field::new(&column.name, data_type(column.r#type), true).with_metadata(metadata)
    };
    let fields: Vec<Field> = answer.columns.iter().map(field).collect();
    let revision = ("policyRevision".to_owned(), remarks.policy_revision.to_string());
    let explanation = remarks.explanation.map(|explanation| ("explain".to_owned(), explanation.to_string()));
    Schema::new_with_metadata(fields, std::iter::once(revision).chain(explanation).collect::<HashMap<_, _>>())
}

fn data_type(column_type: ColumnType) -> DataType {
    match column_type {
        ColumnType::String => DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8)),
        ColumnType::Bool => DataType::Boolean,
        ColumnType::Int64 => DataType::Int64,
        ColumnType::Double => DataType::Float64,
        ColumnType::Decimal { scale, .. } => DataType::Decimal128(DECIMAL_PRECISION, scale.cast_signed()),
        ColumnType::Date => DataType::Date32,
        ColumnType::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, Some(Arc::clone(&UTC))),
    }
}

/// None when the texts are longer than an Arrow array of texts can be.
fn array(column: &AnswerColumn, values: &Values) -> Option<ArrayRef> {
    Some(match (values, column.r#type) {
        (Values::Members { dictionary, codes }, ColumnType::String) => texts(dictionary, codes)?,
        (Values::Members { dictionary, codes }, column_type) => members(dictionary, codes, column_type),
        (Values::Int64(values), _) => Arc::new(values.iter().copied().collect::<Int64Array>()),
        (Values::Double(values), _) => Arc::new(values.iter().copied().collect::<Float64Array>()),
        (Values::Decimal { units, scale }, _) => decimals(units.iter().copied(), *scale),
    })
}

/// Keys are given in the order in which texts first occur.
fn texts(dictionary: &Dictionary, codes: &[Option<u32>]) -> Option<ArrayRef> {
    // By code: one more than its key, zero as long as it has none.
    let mut key_after_code = vec![0_i32; dictionary.len()];
    let mut used: Vec<&str> = Vec::new();
    let mut bytes = 0;
    let mut key = |code: u32| {
        let slot = key_after_code.get_mut(code as usize)?;
        if *slot == 0 {
            let Cell::Text(text) = dictionary.member(code) else { return None };
            bytes += text.len();
            used.push(text);
            *slot = i32::try_from(used.len()).expect("an answer has fewer rows than keys can number");
        }
        Some(*slot - 1)
    };
    let keys: Int32Array = codes.iter().map(|code| code.and_then(&mut key)).collect();
    i32::try_from(bytes).ok()?;
    let texts = Arc::new(StringArray::from_iter_values(used));
    let array = DictionaryArray::<Int32Type>::try_new(keys, texts).expect("keys number the texts");
    Some(Arc::new(array))
}

/// Members of a type other than text; the missing one is null.
fn members(dictionary: &Dictionary, codes: &[Option<u32>], column_type: ColumnType) -> ArrayRef {
    let cells = (0..codes.len()).map(|row| at(codes, row).map_or(Cell::Null, |code| dictionary.member(code)));
    /// The values of the cells of one kind, null where a cell is of another.
    macro_rules! values {
        ($cell:pat => $value:expr) => {
            cells.map(|cell| if let $cell = cell { Some($value) } else { None })
        };
    }
    match column_type {
        ColumnType::Bool => Arc::new(values!(Cell::Bool(value) => value).collect::<BooleanArray>()),
        ColumnType::Int64 | ColumnType::String => {
            Arc::new(values!(Cell::Int64(number) => number).collect::<Int64Array>())
        }
        ColumnType::Double => Arc::new(values!(Cell::Double(number) => number).collect::<Float64Array>()),
        ColumnType::Decimal { scale, .. } => decimals(values!(Cell::Decimal { units, .. } => units), scale),
        ColumnType::Date => Arc::new(values!(Cell::Date(date) => days(date)).collect::<Date32Array>()),
        ColumnType::Timestamp => {
            let microseconds = values!(Cell::Timestamp(timestamp) => timestamp.as_microsecond());
            Arc::new(microseconds.collect::<TimestampMicrosecondArray>().with_timezone(Arc::clone(&UTC)))
        }
    }
}

fn decimals(units: impl Iterator<Item = Option<i128>>, scale: u8) -> ArrayRef {
    let array: Decimal128Array = units.collect();
    let array = array.with_precision_and_scale(DECIMAL_PRECISION, scale.cast_signed());
    Arc::new(array.expect("a scale is below the digits of a sum"))
}

/// Days since the epoch.
fn days(date: Date) -> i32 {
    (date - Date::constant(1970, 1, 1)).get_days()
}
