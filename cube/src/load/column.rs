//! Reads the cells of one column by its type.

use std::borrow::Cow;

use jiff::Timestamp;
use memchr::memchr;

use super::{
    report::{Fault, Flaw},
    texts::Interner,
    values::{Values, integer_of_bool, integer_of_date},
};
use crate::{
    limits::{CELL_BYTES_MAX, DOUBLE_MAGNITUDE_MAX},
    storage::{
        bitmap::Bitmap,
        codes::{Codes, code_of},
        numbers::{Integers, Numbers},
    },
    value::{
        ColumnType, NOT_AVAILABLE, parse_bool, parse_date, parse_decimal, parse_double, parse_int64, parse_timestamp,
    },
};

/// What is known of a column before its cells are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ColumnShape {
    pub(super) column_type: ColumnType,
    pub(super) is_key: bool,
}

/// The cells of one column so far.
#[derive(Debug)]
pub(super) struct ColumnReader {
    shape: ColumnShape,
    cells: Cells,
}

#[derive(Debug)]
enum Cells {
    Texts { interner: Interner, places: Vec<u32> },
    Integers(Rows<i64>),
    Doubles(Rows<f64>),
}

/// Values, with a default where null.
#[derive(Debug, Default)]
struct Rows<T> {
    values: Vec<T>,
    null_rows: Vec<u32>,
}

impl ColumnReader {
    pub(super) fn new(shape: ColumnShape) -> Self {
        let cells = match shape.column_type {
            ColumnType::String => Cells::Texts { interner: Interner::default(), places: Vec::new() },
            ColumnType::Double => Cells::Doubles(Rows::default()),
            ColumnType::Bool
            | ColumnType::Int64
            | ColumnType::Decimal { .. }
            | ColumnType::Date
            | ColumnType::Timestamp => Cells::Integers(Rows::default()),
        };
        Self { shape, cells }
    }

    /// Adds a row per cell, as it is written. A cell that cannot be read is reported and holds its row's place.
    pub(super) fn read<'a>(&mut self, cells: impl Iterator<Item = &'a [u8]>, report: impl FnMut(usize, Fault)) {
        let Self { shape, cells: read } = self;
        match (read, shape.column_type) {
            (Cells::Texts { interner, places }, _) => read_texts(cells, interner, places, report),
            (Cells::Doubles(rows), _) => rows.read(*shape, cells, |cell| parse_double(cell), report),
            (Cells::Integers(rows), ColumnType::Bool) => {
                rows.read(*shape, cells, |cell| parse_bool(cell).map(integer_of_bool), report);
            }
            (Cells::Integers(rows), ColumnType::Date) => {
                rows.read(*shape, cells, |cell| parse_date(cell).map(integer_of_date), report);
            }
            (Cells::Integers(rows), ColumnType::Timestamp) => {
                rows.read(*shape, cells, |cell| parse_timestamp(cell).map(Timestamp::as_microsecond), report);
            }
            (Cells::Integers(rows), ColumnType::Decimal { precision, scale }) => {
                rows.read(*shape, cells, |cell| parse_decimal(cell, precision, scale), report);
            }
            (Cells::Integers(rows), ColumnType::Int64 | ColumnType::Double | ColumnType::String) => {
                rows.read(*shape, cells, |cell| parse_int64(cell), report);
            }
        }
    }

    /// Adds a row without a value, which a key must not have; the row holds its place all the same.
    pub(super) fn push_null(&mut self) -> Result<(), Fault> {
        self.push_filler();
        let may_be_null = !self.shape.is_key || self.shape.column_type == ColumnType::String;
        if may_be_null { Ok(()) } else { Err(null_key(b"")) }
    }

    /// Holds the place of a row.
    pub(super) fn push_filler(&mut self) {
        match &mut self.cells {
            Cells::Texts { interner, places } => places.push(interner.intern(NOT_AVAILABLE)),
            Cells::Integers(rows) => rows.push(None),
            Cells::Doubles(rows) => rows.push(None),
        }
    }

    /// Adds a row to a column of anything that is held as integers.
    pub(super) fn push_integer(&mut self, value: i64) {
        if let Cells::Integers(rows) = &mut self.cells {
            rows.push(Some(value));
        }
    }

    pub(super) fn push_double(&mut self, value: f64) {
        if let Cells::Doubles(rows) = &mut self.cells {
            rows.push(Some(value));
        }
    }

    /// Adds a row from its text, as it is: quotes are characters. Holds the place of one that cannot be read.
    pub(super) fn push_text(&mut self, text: &[u8]) -> Result<(), Fault> {
        let mut pushed = Ok(());
        match &mut self.cells {
            Cells::Texts { interner, places } => {
                let text = if text.is_empty() { NOT_AVAILABLE.as_bytes() } else { text };
                let place = interner.try_intern(text, valid_text);
                places.push(place.unwrap_or_else(|fault| {
                    pushed = Err(fault);
                    0
                }));
            }
            _ if text.first() == Some(&b'"') => {
                self.push_filler();
                pushed = valid_text(text).and_then(|text| Err(unreadable(self.shape.column_type, text)));
            }
            _ => self.read(std::iter::once(text), |_, fault| pushed = Err(fault)),
        }
        pushed
    }

    /// Forgets the rows from `len` on.
    pub(super) fn truncate(&mut self, len: usize) {
        match &mut self.cells {
            Cells::Texts { places, .. } => places.truncate(len),
            Cells::Integers(rows) => rows.truncate(len),
            Cells::Doubles(rows) => rows.truncate(len),
        }
    }

    pub(super) fn finish(self) -> Values {
        let column_type = self.shape.column_type;
        match self.cells {
            Cells::Texts { interner, places } => {
                let places = Codes::collect(interner.len(), places.into_iter());
                Values::Texts { texts: interner.into_texts(), places }
            }
            Cells::Integers(rows) => {
                let nulls = rows.nulls();
                Values::Integers { integers: Integers::pack(&rows.values, nulls), column_type }
            }
            Cells::Doubles(rows) => {
                let nulls = rows.nulls();
                Values::Doubles(Numbers::of_doubles(rows.values, nulls))
            }
        }
    }
}

impl<T: Default> Rows<T> {
    #[inline]
    fn read<'a>(
        &mut self,
        shape: ColumnShape,
        cells: impl Iterator<Item = &'a [u8]>,
        parse: impl Fn(&[u8]) -> Option<T>,
        mut report: impl FnMut(usize, Fault),
    ) {
        for (index, cell) in cells.enumerate() {
            let is_plain = cell.first() != Some(&b'"') && cell.len() <= CELL_BYTES_MAX;
            let value = match parse(cell) {
                Some(value) if is_plain => Some(value),
                _ => read_slowly(shape, cell, &parse).unwrap_or_else(|fault| {
                    report(index, fault);
                    None
                }),
            };
            self.push(value);
        }
    }

    #[inline]
    fn push(&mut self, value: Option<T>) {
        if value.is_none() {
            self.null_rows.push(code_of(self.values.len()));
        }
        self.values.push(value.unwrap_or_default());
    }

    fn truncate(&mut self, len: usize) {
        self.values.truncate(len);
        while self.null_rows.pop_if(|row| *row as usize >= len).is_some() {}
    }

    fn nulls(&self) -> Option<Bitmap> {
        let rows = self.null_rows.iter().copied();
        (!self.null_rows.is_empty()).then(|| Bitmap::of_positions(self.values.len(), rows))
    }
}

fn read_texts<'a>(
    cells: impl Iterator<Item = &'a [u8]>,
    interner: &mut Interner,
    places: &mut Vec<u32>,
    mut report: impl FnMut(usize, Fault),
) {
    for (index, cell) in cells.enumerate() {
        let place = match cell.first() {
            Some(b'"') => unquoted(cell).and_then(|cell| match &*cell {
                b"" => Ok(interner.intern(NOT_AVAILABLE)),
                cell => interner.try_intern(cell, valid_text),
            }),
            Some(_) => interner.try_intern(cell, valid_text),
            None => Ok(interner.intern(NOT_AVAILABLE)),
        };
        places.push(place.unwrap_or_else(|fault| {
            report(index, fault);
            0
        }));
    }
}

/// Reads a cell that is quoted, empty, or wrong, and says what is wrong.
#[cold]
fn read_slowly<T>(shape: ColumnShape, cell: &[u8], parse: impl Fn(&[u8]) -> Option<T>) -> Result<Option<T>, Fault> {
    let cell = unquoted(cell)?;
    let text = valid_text(&cell)?;
    if text.is_empty() {
        return if shape.is_key { Err(null_key(&cell)) } else { Ok(None) };
    }
    match parse(&cell) {
        Some(value) => Ok(Some(value)),
        None => Err(unreadable(shape.column_type, text)),
    }
}

/// A cell without its quotes.
pub(super) fn unquoted(cell: &[u8]) -> Result<Cow<'_, [u8]>, Fault> {
    let Some(rest) = cell.strip_prefix(b"\"") else { return Ok(cell.into()) };
    let ends_wrongly = || Fault::new(Flaw::Quoting, cell, "has text after its closing quote");
    let inner = rest.strip_suffix(b"\"").ok_or_else(ends_wrongly)?;
    if memchr(b'"', inner).is_none() {
        return Ok(inner.into());
    }
    let mut pairs = 0;
    let mut rest = inner;
    while let Some(quote) = memchr(b'"', rest) {
        rest = rest.get(quote + 1..).and_then(|rest| rest.strip_prefix(b"\"")).ok_or_else(ends_wrongly)?;
        pairs += 1;
    }
    // Before anything is copied.
    if inner.len() - pairs > CELL_BYTES_MAX {
        return Err(too_long(inner, inner.len() - pairs));
    }
    let mut is_second = false;
    let is_kept = |byte: &u8| {
        is_second = *byte == b'"' && !is_second;
        !is_second
    };
    Ok(inner.iter().copied().filter(is_kept).collect())
}

fn valid_text(cell: &[u8]) -> Result<&str, Fault> {
    if cell.len() > CELL_BYTES_MAX {
        return Err(too_long(cell, cell.len()));
    }
    std::str::from_utf8(cell).map_err(|error| {
        Fault::new(Flaw::Encoding, cell, format!("is not valid UTF-8 (at byte {})", error.valid_up_to() + 1))
    })
}

fn too_long(cell: &[u8], len: usize) -> Fault {
    Fault::new(Flaw::TooLong, cell, format!("has {len} bytes; a cell may have {CELL_BYTES_MAX}"))
}

/// What a key must not be.
pub(super) fn null_key(cell: &[u8]) -> Fault {
    Fault::new(Flaw::NullKey, cell, "is empty, and a key may not be null")
}

/// Why a cell cannot be read by its type.
fn unreadable(column_type: ColumnType, cell: &str) -> Fault {
    let rule = match column_type {
        ColumnType::Int64 if parse_double(cell).is_some() => {
            "is not an int64; give the column the type double if it has such numbers"
        }
        ColumnType::Int64 => "is not an int64",
        ColumnType::Bool => "is not a bool; write true or false",
        ColumnType::Date => "is not a date such as 2021-01-31",
        ColumnType::Timestamp => "is not a timestamp such as 2021-01-31T12:00:00Z",
        ColumnType::Double => return not_a_double(cell),
        ColumnType::Decimal { .. } => return Fault::new(Flaw::Type, cell, format!("is not a {column_type}")),
        ColumnType::String => "is not text",
    };
    Fault::new(Flaw::Type, cell, rule)
}

fn not_a_double(cell: &str) -> Fault {
    match cell.parse::<f64>() {
        Ok(number) if number.is_finite() && cell.bytes().any(|byte| byte.is_ascii_digit()) => {
            let rule = format!("is beyond ±{DOUBLE_MAGNITUDE_MAX:e}, the largest double accepted");
            Fault::new(Flaw::OutOfRange, cell, rule)
        }
        Ok(_) => Fault::new(Flaw::NotFinite, cell, "is not a finite number"),
        Err(_) => Fault::new(Flaw::Type, cell, "is not a double"),
    }
}
