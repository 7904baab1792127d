//! Reads the cells of one column by its type.

use std::{collections::HashMap, sync::Arc};

use jiff::{Timestamp, civil::Date};

use super::table::{Coded, Column, ColumnData};
use crate::{
    limits::DOUBLE_MAGNITUDE_MAX,
    storage::{
        bitmap::Bitmap,
        codes::{Codes, code_of},
        dictionary::Dictionary,
        numbers::{Numbers, Unit},
    },
    value::{
        ColumnType, NOT_AVAILABLE, parse_bool, parse_date, parse_decimal, parse_double, parse_int64, parse_timestamp,
    },
};

/// The cells of one column so far.
#[derive(Debug)]
pub(super) enum ColumnBuilder {
    Text(Interner),
    Bool(Vec<Option<bool>>),
    Int64(Vec<Option<i64>>),
    Double(Vec<Option<f64>>),
    Decimal { units: Vec<Option<i64>>, precision: u8, scale: u8 },
    Date(Vec<Option<Date>>),
    Timestamp(Vec<Option<Timestamp>>),
}

/// Texts in the order they were first seen, and which of them each row has.
#[derive(Debug, Default)]
pub(super) struct Interner {
    ids: HashMap<Arc<str>, u32>,
    texts: Vec<Arc<str>>,
    rows: Vec<u32>,
}

impl ColumnBuilder {
    pub(super) fn new(column_type: ColumnType) -> Self {
        match column_type {
            ColumnType::String => Self::Text(Interner::default()),
            ColumnType::Bool => Self::Bool(Vec::new()),
            ColumnType::Int64 => Self::Int64(Vec::new()),
            ColumnType::Double => Self::Double(Vec::new()),
            ColumnType::Decimal { precision, scale } => Self::Decimal { units: Vec::new(), precision, scale },
            ColumnType::Date => Self::Date(Vec::new()),
            ColumnType::Timestamp => Self::Timestamp(Vec::new()),
        }
    }

    /// Adds a row. Fails with the rule that the cell breaks.
    pub(super) fn push(&mut self, cell: &str) -> Result<(), String> {
        match self {
            Self::Text(interner) => interner.push(if cell.is_empty() { NOT_AVAILABLE } else { cell }),
            Self::Bool(rows) => rows.push(read(cell, parse_bool, || "is not a bool; write true or false".to_owned())?),
            Self::Int64(rows) => rows.push(read(cell, parse_int64, || not_an_int64(cell))?),
            Self::Double(rows) => rows.push(read(cell, parse_double, || not_a_double(cell))?),
            Self::Decimal { units, precision, scale } => {
                let rule = || format!("is not a decimal({precision},{scale})");
                units.push(read(cell, |cell| parse_decimal(cell, *precision, *scale), rule)?);
            }
            Self::Timestamp(rows) => {
                rows.push(read(cell, parse_timestamp, || {
                    "is not a timestamp such as 2021-01-31T12:00:00Z".to_owned()
                })?);
            }
            Self::Date(rows) => rows.push(read(cell, parse_date, || "is not a date such as 2021-01-31".to_owned())?),
        }
        Ok(())
    }

    /// A number that two rows share exactly when they have the same value; none for null.
    pub(super) fn identity(&self, row: usize) -> Option<u64> {
        match self {
            Self::Text(interner) => interner.rows.get(row).map(|id| u64::from(*id)),
            Self::Bool(rows) => rows.get(row).copied().flatten().map(u64::from),
            Self::Int64(rows) | Self::Decimal { units: rows, .. } => {
                rows.get(row).copied().flatten().map(i64::cast_unsigned)
            }
            Self::Timestamp(rows) => {
                rows.get(row).copied().flatten().map(|timestamp| timestamp.as_microsecond().cast_unsigned())
            }
            Self::Double(rows) => rows.get(row).copied().flatten().map(f64::to_bits),
            Self::Date(rows) => rows.get(row).copied().flatten().map(|date| {
                let [y1, y2] = date.year().to_be_bytes();
                u64::from_be_bytes([0, 0, 0, 0, y1, y2, date.month().cast_unsigned(), date.day().cast_unsigned()])
            }),
        }
    }

    /// The column of the rows that are kept.
    pub(super) fn finish(self, name: String, kept: &[usize]) -> Column {
        let data = match self {
            Self::Text(interner) => ColumnData::Coded(interner.finish(kept)),
            Self::Bool(rows) => ColumnData::Coded(coded(&rows, kept, Dictionary::of_bools)),
            Self::Int64(rows) => integers(&rows, kept, Unit::One),
            Self::Decimal { units, precision, scale } => integers(&units, kept, Unit::Decimal { precision, scale }),
            Self::Double(rows) => {
                let nulls = Bitmap::from_fn(kept.len(), |index| {
                    kept.get(index).and_then(|row| rows.get(*row)).is_some_and(Option::is_none)
                });
                let values = pick(&rows, kept).map(Option::unwrap_or_default).collect();
                let numbers = Numbers::of_doubles(values, (nulls.ones() > 0).then_some(nulls));
                ColumnData::Numbers(Arc::new(numbers))
            }
            Self::Timestamp(rows) => ColumnData::Coded(coded(&rows, kept, Dictionary::of_timestamps)),
            Self::Date(rows) => ColumnData::Coded(coded(&rows, kept, Dictionary::of_dates)),
        };
        Column::new(name, data)
    }
}

impl Interner {
    fn push(&mut self, text: &str) {
        let id = self.ids.get(text).copied().unwrap_or_else(|| {
            let (id, text) = (code_of(self.texts.len()), Arc::<str>::from(text));
            self.ids.insert(Arc::clone(&text), id);
            self.texts.push(text);
            id
        });
        self.rows.push(id);
    }

    fn finish(mut self, kept: &[usize]) -> Coded {
        self.push(NOT_AVAILABLE);
        let missing_row = self.rows.len() - 1;
        let mut used = vec![false; self.texts.len()];
        for id in kept.iter().chain([&missing_row]).filter_map(|row| self.rows.get(*row)) {
            if let Some(used) = used.get_mut(*id as usize) {
                *used = true;
            }
        }
        let mut order: Vec<(&str, usize)> = self
            .texts
            .iter()
            .enumerate()
            .filter(|(id, _)| used.get(*id) == Some(&true))
            .map(|(id, text)| (&**text, id))
            .collect();
        order.sort_unstable();
        let mut code_of_id = vec![0; self.texts.len()];
        for (code, (_, id)) in order.iter().enumerate() {
            if let Some(slot) = code_of_id.get_mut(*id) {
                *slot = code_of(code);
            }
        }
        let row_code =
            |row: &usize| self.rows.get(*row).and_then(|id| code_of_id.get(*id as usize)).copied().unwrap_or_default();
        let codes = Codes::collect(order.len(), kept.iter().map(row_code));
        let dictionary = Dictionary::of_texts(order.iter().map(|(text, _)| *text));
        Coded { dictionary: Arc::new(dictionary), codes: Arc::new(codes) }
    }
}

fn read<T>(cell: &str, parse: impl Fn(&str) -> Option<T>, rule: impl Fn() -> String) -> Result<Option<T>, String> {
    if cell.is_empty() { Ok(None) } else { parse(cell).map(Some).ok_or_else(rule) }
}

fn not_an_int64(cell: &str) -> String {
    if parse_double(cell).is_some() {
        return "is not an int64; give the column the type double if it has such numbers".to_owned();
    }
    "is not an int64".to_owned()
}

fn not_a_double(cell: &str) -> String {
    match cell.parse::<f64>() {
        Ok(number) if number.is_finite() && cell.bytes().any(|byte| byte.is_ascii_digit()) => {
            format!("is beyond ±{DOUBLE_MAGNITUDE_MAX:e}, the largest double accepted")
        }
        Ok(_) => "is not a finite number".to_owned(),
        Err(_) => "is not a double".to_owned(),
    }
}

fn integers(rows: &[Option<i64>], kept: &[usize], unit: Unit) -> ColumnData {
    ColumnData::Numbers(Arc::new(Numbers::Integers { integers: pick(rows, kept).collect(), unit }))
}

fn pick<'a, T: Copy>(rows: &'a [Option<T>], kept: &'a [usize]) -> impl Iterator<Item = Option<T>> + 'a {
    kept.iter().map(|row| rows.get(*row).copied().flatten())
}

fn coded<T: Copy + Ord>(rows: &[Option<T>], kept: &[usize], dictionary_of: impl Fn(Vec<T>) -> Dictionary) -> Coded {
    let mut values: Vec<T> = pick(rows, kept).flatten().collect();
    values.sort_unstable();
    values.dedup();
    let code =
        |value: Option<T>| code_of(value.and_then(|value| values.binary_search(&value).ok()).unwrap_or(values.len()));
    let codes = Codes::collect(values.len() + 1, pick(rows, kept).map(code));
    Coded { dictionary: Arc::new(dictionary_of(values)), codes: Arc::new(codes) }
}
