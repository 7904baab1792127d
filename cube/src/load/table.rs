//! A loaded table: typed columns, one row per key.

use std::sync::{Arc, OnceLock};

use super::{integers::distinct, report::Skipped};
use crate::{
    storage::{
        bitmap::Bitmap,
        codes::{Code as _, Codes, code_of, with_codes},
        dictionary::Dictionary,
        numbers::{Integers, Numbers, Unit, unscale},
    },
    value::{Cell, ColumnType},
};

/// A loaded table: typed columns, one row per key.
#[derive(Debug)]
pub struct Table {
    pub(crate) name: String,
    pub(crate) columns: Vec<Column>,
    /// Indices of the key columns, in the order of the definition.
    pub(crate) keys: Vec<usize>,
    pub(crate) row_count: usize,
    pub(crate) skipped: Skipped,
}

/// A column of a loaded table.
#[derive(Debug)]
pub(crate) struct Column {
    pub(crate) name: String,
    pub(crate) data: ColumnData,
    /// Codes of a numeric column, made when it is first used as a level.
    coded: OnceLock<Coded>,
}

/// The values of a column.
#[derive(Debug)]
pub(crate) enum ColumnData {
    /// Text, booleans, dates and timestamps.
    Coded(Coded),
    Numbers(Arc<Numbers>),
}

/// Values as positions in a dictionary.
#[derive(Clone, Debug)]
pub(crate) struct Coded {
    pub(crate) dictionary: Arc<Dictionary>,
    pub(crate) codes: Arc<Codes>,
}

impl Table {
    /// Name of the table.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Number of rows, after later rows have replaced earlier ones with the same key.
    pub fn row_count(&self) -> usize {
        self.row_count
    }

    /// The rows of the file that were left out because something is wrong with them.
    pub fn skipped(&self) -> &Skipped {
        &self.skipped
    }

    /// Bytes held, codes included that were made when numbers were first used as a level.
    pub fn bytes(&self) -> usize {
        self.columns.iter().map(Column::bytes).sum()
    }

    pub(crate) fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }

    pub(crate) fn column_names(&self) -> impl Iterator<Item = &str> {
        self.columns.iter().map(|column| column.name.as_str())
    }

    pub(crate) fn key_names(&self) -> impl Iterator<Item = &str> {
        self.keys.iter().filter_map(|key| self.columns.get(*key)).map(|column| column.name.as_str())
    }

    pub(crate) fn is_key(&self, name: &str) -> bool {
        self.key_names().any(|key| key == name)
    }
}

impl Column {
    pub(crate) fn new(name: String, data: ColumnData) -> Self {
        Self { name, data, coded: OnceLock::new() }
    }

    pub(crate) fn column_type(&self) -> ColumnType {
        match &self.data {
            ColumnData::Coded(coded) => coded.dictionary.column_type(),
            ColumnData::Numbers(numbers) => numbers.column_type(),
        }
    }

    /// The column as codes. They are made on one thread: a thread of the pool that waits for others may be handed a query that
    /// wants these very codes.
    pub(crate) fn coded(&self) -> &Coded {
        match &self.data {
            ColumnData::Coded(coded) => coded,
            ColumnData::Numbers(numbers) => self.coded.get_or_init(|| code_numbers(numbers)),
        }
    }

    /// The numbers of a numeric column.
    pub(crate) fn numbers(&self) -> Option<&Arc<Numbers>> {
        match &self.data {
            ColumnData::Coded(_) => None,
            ColumnData::Numbers(numbers) => Some(numbers),
        }
    }

    /// The value of a row; null where a level would show `N/A`, except in a text column.
    pub(crate) fn cell(&self, row: usize) -> Cell<'_> {
        match &self.data {
            ColumnData::Numbers(numbers) => numbers.get(row),
            ColumnData::Coded(Coded { dictionary, codes }) => match codes.get(row) {
                Some(code) if code != dictionary.missing() || dictionary.column_type() == ColumnType::String => {
                    dictionary.member(code)
                }
                _ => Cell::Null,
            },
        }
    }

    /// Bytes held.
    pub(crate) fn bytes(&self) -> usize {
        let coded = |coded: &Coded| coded.dictionary.bytes() + coded.codes.bytes();
        match &self.data {
            ColumnData::Coded(data) => coded(data),
            ColumnData::Numbers(numbers) => numbers.bytes() + self.coded.get().map_or(0, coded),
        }
    }

    /// Which rows have one of these codes.
    pub(crate) fn rows_with(&self, wanted: &Bitmap) -> Bitmap {
        let Coded { codes, .. } = self.coded();
        with_codes!(&**codes, |codes| Bitmap::from_fn(codes.len(), |row| {
            codes.get(row).is_some_and(|code| wanted.get(code.index()))
        }))
    }
}

fn code_numbers(numbers: &Numbers) -> Coded {
    match numbers {
        Numbers::Integers { integers, unit } => code_integers(integers, *unit),
        Numbers::Doubles { values, nulls, .. } => code_doubles(values, nulls.as_ref()),
    }
}

fn code_integers(integers: &Integers, unit: Unit) -> Coded {
    let (values, codes) = distinct(integers);
    let dictionary = match unit {
        Unit::One => Dictionary::of_int64s(values),
        Unit::Decimal { precision, scale } => Dictionary::of_decimals(values, precision, scale),
        Unit::Binary { exponent } => {
            Dictionary::of_doubles(values.into_iter().map(|integer| unscale(integer.into(), exponent)).collect())
        }
    };
    Coded { dictionary: Arc::new(dictionary), codes: Arc::new(codes) }
}

fn code_doubles(values: &[f64], nulls: Option<&Bitmap>) -> Coded {
    let is_null = |row: usize| nulls.is_some_and(|nulls| nulls.get(row));
    let known = |(row, value): (usize, &f64)| (!is_null(row)).then_some(*value);
    let mut distinct: Vec<f64> = values.iter().enumerate().filter_map(known).collect();
    distinct.sort_unstable_by(f64::total_cmp);
    distinct.dedup_by(|a, b| f64::total_cmp(a, b).is_eq());
    let code = |entry: (usize, &f64)| {
        let position = known(entry).map(|value| distinct.partition_point(|other| other.total_cmp(&value).is_lt()));
        code_of(position.unwrap_or(distinct.len()))
    };
    let codes = Codes::collect(distinct.len() + 1, values.iter().enumerate().map(code));
    Coded { dictionary: Arc::new(Dictionary::of_doubles(distinct)), codes: Arc::new(codes) }
}
