//! Reads one column of one row group.

use ::parquet::{
    column::reader::{ColumnReader as FileReader, ColumnReaderImpl},
    data_type::{DataType, Int96},
    file::reader::{FileReader as _, SerializedFileReader},
};
use bytes::Bytes;

use super::{
    convert::{Converted, Found, convert},
    schema::{FileColumn, FileType},
};
use crate::{
    limits::LOAD_ERRORS_MAX,
    load::{
        OnBadRow,
        column::{ColumnReader, ColumnShape},
        report::{Fault, Flaw, Mistake},
        values::Values,
    },
    storage::codes::code_of,
};

/// Values that are decoded together.
const BATCH_ROWS: usize = 4096;
/// The day of the epoch in the count of days that 96-bit timestamps use.
const JULIAN_DAY_OF_EPOCH: i64 = 2_440_588;
const NANOSECONDS_PER_DAY: i128 = 86_400_000_000_000;

/// What was read of one column of one row group.
pub(super) struct Chunk {
    pub(super) values: Values,
    /// The first mistakes, by row in the group.
    pub(super) mistakes: Vec<Mistake>,
    /// Every row that has a mistake, if such rows are left out.
    pub(super) bad_rows: Vec<(u32, Flaw)>,
}

/// Takes values one by one and keeps account of those that are wrong.
struct Sink {
    reader: ColumnReader,
    file_type: FileType,
    shape: ColumnShape,
    column: usize,
    rows: usize,
    on_bad_row: OnBadRow,
    mistakes: Vec<Mistake>,
    bad_rows: Vec<(u32, Flaw)>,
}

impl Chunk {
    pub(super) fn empty(shape: ColumnShape) -> Self {
        Self { values: ColumnReader::new(shape).finish(), mistakes: Vec::new(), bad_rows: Vec::new() }
    }

    /// Keeps only these rows.
    pub(super) fn take(self, rows: &[u32]) -> Self {
        Self { values: self.values.take(rows), ..self }
    }
}

/// Reads a column of a row group. Fails with what is wrong with its bytes.
pub(super) fn read_chunk(
    file: &SerializedFileReader<Bytes>,
    (group, column): (usize, usize),
    file_column: &FileColumn,
    shape: ColumnShape,
    row_count: usize,
    on_bad_row: OnBadRow,
) -> Result<Chunk, String> {
    let reader = file
        .get_row_group(group)
        .and_then(|group| group.get_column_reader(column))
        .map_err(|error| error.to_string())?;
    let FileColumn { file_type, is_nullable, .. } = file_column;
    let mut sink = Sink {
        reader: ColumnReader::new(shape),
        file_type: *file_type,
        shape,
        column,
        rows: 0,
        on_bad_row,
        mistakes: Vec::new(),
        bad_rows: Vec::new(),
    };
    read_values(reader, *is_nullable, &mut sink).map_err(|error| error.to_string())?;
    if sink.rows != row_count {
        return Err(format!("it has {} values, not {row_count}", sink.rows));
    }
    Ok(Chunk { values: sink.reader.finish(), mistakes: sink.mistakes, bad_rows: sink.bad_rows })
}

fn read_values(reader: FileReader, is_nullable: bool, sink: &mut Sink) -> ::parquet::errors::Result<()> {
    let file_type = sink.file_type;
    match reader {
        FileReader::BoolColumnReader(reader) => each(reader, is_nullable, sink, |value| Found::Bool(*value)),
        FileReader::Int32ColumnReader(reader) => each(reader, is_nullable, sink, |value| match file_type {
            FileType::Date => Found::Day(*value),
            FileType::Decimal { .. } => Found::Units((*value).into()),
            FileType::Integer { is_signed: false } => Found::Integer(value.cast_unsigned().into()),
            _ => Found::Integer((*value).into()),
        }),
        FileReader::Int64ColumnReader(reader) => each(reader, is_nullable, sink, |value| match file_type {
            FileType::Timestamp { per_second } => Found::Time(microseconds((*value).into(), per_second)),
            FileType::Decimal { .. } => Found::Units((*value).into()),
            FileType::Integer { is_signed: false } => Found::Integer(value.cast_unsigned().into()),
            _ => Found::Integer((*value).into()),
        }),
        FileReader::Int96ColumnReader(reader) => {
            each(reader, is_nullable, sink, |value| Found::Time(microseconds(nanoseconds(value), 1_000_000_000)))
        }
        FileReader::FloatColumnReader(reader) => {
            each(reader, is_nullable, sink, |value| Found::Double(f64::from(*value)))
        }
        FileReader::DoubleColumnReader(reader) => each(reader, is_nullable, sink, |value| Found::Double(*value)),
        FileReader::ByteArrayColumnReader(reader) => {
            each(reader, is_nullable, sink, |value| found_bytes(file_type, value.data()))
        }
        FileReader::FixedLenByteArrayColumnReader(reader) => {
            each(reader, is_nullable, sink, |value| found_bytes(file_type, value.data()))
        }
    }
}

fn found_bytes(file_type: FileType, bytes: &[u8]) -> Found<'_> {
    match file_type {
        FileType::Decimal { .. } => Found::Units(big_endian(bytes)),
        _ => Found::Text(bytes),
    }
}

/// A number in two's complement. Wider ones than 128 bits are as good as the largest, which no column has room for.
fn big_endian(bytes: &[u8]) -> i128 {
    let sign = if bytes.first().is_some_and(|first| *first >= 0x80) { 0xff } else { 0 };
    let spare = bytes.len().saturating_sub(16);
    if bytes.iter().take(spare).any(|byte| *byte != sign) {
        return i128::MAX;
    }
    let mut wide = [sign; 16];
    wide.iter_mut().rev().zip(bytes.iter().rev()).for_each(|(wide, byte)| *wide = *byte);
    i128::from_be_bytes(wide)
}

fn nanoseconds(value: &Int96) -> i128 {
    let [low, high, day] = value.data() else { return i128::MAX };
    let days = i64::from(day.cast_signed()) - JULIAN_DAY_OF_EPOCH;
    i128::from(days) * NANOSECONDS_PER_DAY + (i128::from(*high) << 32) + i128::from(*low)
}

fn microseconds(value: i128, per_second: i64) -> Option<i64> {
    let numerator = value.checked_mul(1_000_000)?;
    let denominator = i128::from(per_second);
    (numerator % denominator == 0).then(|| i64::try_from(numerator / denominator).ok()).flatten()
}

/// Decodes batch by batch.
fn each<T: DataType>(
    mut reader: ColumnReaderImpl<T>,
    is_nullable: bool,
    sink: &mut Sink,
    found: impl for<'a> Fn(&'a T::T) -> Found<'a>,
) -> ::parquet::errors::Result<()> {
    let (mut values, mut levels) = (Vec::with_capacity(BATCH_ROWS), Vec::new());
    loop {
        values.clear();
        levels.clear();
        let (records, _, _) = reader.read_records(BATCH_ROWS, is_nullable.then_some(&mut levels), None, &mut values)?;
        if records == 0 {
            return Ok(());
        }
        let mut values = values.iter();
        if is_nullable {
            for level in &levels {
                sink.push(if *level == 0 { None } else { values.next().map(&found) });
            }
        } else {
            values.for_each(|value| sink.push(Some(found(value))));
        }
    }
}

impl Sink {
    fn push(&mut self, found: Option<Found<'_>>) {
        let Self { file_type, shape, .. } = *self;
        let pushed = match found.map(|found| convert(found, file_type, shape.column_type)) {
            None => self.reader.push_null(),
            Some(Ok(Converted::Integer(value))) => {
                self.reader.push_integer(value);
                Ok(())
            }
            Some(Ok(Converted::Double(value))) => {
                self.reader.push_double(value);
                Ok(())
            }
            Some(Ok(Converted::Text(text))) => self.reader.push_text(&text),
            Some(Err(fault)) => {
                self.reader.push_filler();
                Err(fault)
            }
        };
        let row = self.rows;
        self.rows += 1;
        if let Err(fault) = pushed {
            self.add_mistake(row, fault);
        }
    }

    fn add_mistake(&mut self, row: usize, fault: Fault) {
        if self.on_bad_row == OnBadRow::Skip {
            self.bad_rows.push((code_of(row), fault.flaw));
        }
        if self.mistakes.len() < LOAD_ERRORS_MAX {
            self.mistakes.push(Mistake { at: row, column: Some(self.column), fault });
        }
    }
}
