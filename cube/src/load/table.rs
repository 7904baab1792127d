//! A loaded table: typed columns, one row per key.

use std::{
    collections::BTreeSet,
    sync::{Arc, OnceLock},
};

use crate::{
    storage::{
        addends::Addends,
        bitmap::Bitmap,
        codes::{Codes, code_of},
        dictionary::Dictionary,
        numbers::Numbers,
    },
    value::{ColumnType, NOT_AVAILABLE, parse_double, parse_int64},
};

/// A loaded table: typed columns, one row per key.
#[derive(Debug)]
pub struct Table {
    pub(crate) name: String,
    pub(crate) columns: Vec<Column>,
    /// Indices of the key columns, in the order of the definition.
    pub(crate) keys: Vec<usize>,
    pub(crate) row_count: usize,
}

/// A column of a loaded table.
#[derive(Debug)]
pub(crate) struct Column {
    pub(crate) name: String,
    pub(crate) data: ColumnData,
    /// Codes of a numeric column, made when it is first used as a level.
    coded: OnceLock<Coded>,
    /// A numeric column prepared to be summed, made when a measure first needs it.
    addends: OnceLock<Arc<Addends>>,
}

/// The values of a column.
#[derive(Debug)]
pub(crate) enum ColumnData {
    /// Text, booleans and dates.
    Coded(Coded),
    Int64(Arc<Numbers<i64>>),
    Double(Arc<Numbers<f64>>),
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
        Self { name, data, coded: OnceLock::new(), addends: OnceLock::new() }
    }

    pub(crate) fn column_type(&self) -> ColumnType {
        match &self.data {
            ColumnData::Coded(coded) => coded.dictionary.column_type(),
            ColumnData::Int64(_) => ColumnType::Int64,
            ColumnData::Double(_) => ColumnType::Double,
        }
    }

    /// The column as codes.
    pub(crate) fn coded(&self) -> &Coded {
        match &self.data {
            ColumnData::Coded(coded) => coded,
            ColumnData::Int64(numbers) => {
                self.coded.get_or_init(|| code_numbers(numbers, i64::cmp, Dictionary::of_int64s))
            }
            ColumnData::Double(numbers) => {
                self.coded.get_or_init(|| code_numbers(numbers, f64::total_cmp, Dictionary::of_doubles))
            }
        }
    }

    /// The column prepared to be summed; none if it is not numeric.
    pub(crate) fn addends(&self) -> Option<Arc<Addends>> {
        let addends = match &self.data {
            ColumnData::Coded(_) => return None,
            ColumnData::Int64(numbers) => self.addends.get_or_init(|| Arc::new(Addends::of_int64s(numbers))),
            ColumnData::Double(numbers) => self.addends.get_or_init(|| Arc::new(Addends::of_doubles(numbers))),
        };
        Some(Arc::clone(addends))
    }

    /// Which rows have one of these values, written as text.
    pub(crate) fn rows_with(&self, values: &BTreeSet<String>) -> Bitmap {
        let missing = values.contains(NOT_AVAILABLE);
        match &self.data {
            ColumnData::Coded(Coded { dictionary, codes }) => {
                let wanted: BTreeSet<u32> = values.iter().filter_map(|value| dictionary.find(value)).collect();
                let by_code = Bitmap::from_fn(dictionary.len(), |code| wanted.contains(&code_of(code)));
                Bitmap::from_fn(codes.len(), |row| codes.get(row).is_some_and(|code| by_code.get(code as usize)))
            }
            ColumnData::Int64(numbers) => {
                let mut wanted: Vec<i64> = values.iter().filter_map(|value| parse_int64(value)).collect();
                wanted.sort_unstable();
                Bitmap::from_fn(numbers.len(), |row| {
                    numbers.get(row).map_or(missing, |number| wanted.binary_search(&number).is_ok())
                })
            }
            ColumnData::Double(numbers) => {
                let mut wanted: Vec<f64> = values.iter().filter_map(|value| parse_double(value)).collect();
                wanted.sort_unstable_by(f64::total_cmp);
                Bitmap::from_fn(numbers.len(), |row| {
                    numbers
                        .get(row)
                        .map_or(missing, |number| wanted.binary_search_by(|value| value.total_cmp(&number)).is_ok())
                })
            }
        }
    }
}

fn code_numbers<T: Copy + Default>(
    numbers: &Numbers<T>,
    compare: impl Fn(&T, &T) -> std::cmp::Ordering,
    dictionary_of: impl Fn(Vec<T>) -> Dictionary,
) -> Coded {
    let mut values: Vec<T> = numbers.iter().flatten().collect();
    values.sort_unstable_by(&compare);
    values.dedup_by(|a, b| compare(a, b).is_eq());
    let missing = values.len();
    let code = |number: Option<T>| {
        let position = number.and_then(|number| values.binary_search_by(|value| compare(value, &number)).ok());
        code_of(position.unwrap_or(missing))
    };
    let codes = Codes::collect(missing + 1, numbers.iter().map(code));
    Coded { dictionary: Arc::new(dictionary_of(values)), codes: Arc::new(codes) }
}
