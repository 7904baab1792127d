//! The distinct values of a column in natural order: a value is stored once, rows hold its position.
//!
//! Every dictionary has a code for the missing value, whether or not a row has it: `N/A` of texts, at its place in the
//! order; of other types a last code that shows as `N/A`. So rows that a join leaves unmatched always have a code.

use jiff::civil::Date;

use crate::value::{Cell, ColumnType, NOT_AVAILABLE, parse_bool, parse_date, parse_double, parse_int64};

/// The distinct values of a column in natural order.
#[derive(Debug)]
pub(crate) struct Dictionary {
    values: Values,
    missing: u32,
}

#[derive(Debug)]
enum Values {
    Text(Texts),
    Bool(Vec<bool>),
    Int64(Vec<i64>),
    Double(Vec<f64>),
    Date(Vec<Date>),
}

/// Texts end to end in one buffer.
#[derive(Debug, Default)]
struct Texts {
    buffer: String,
    ends: Vec<usize>,
}

impl Dictionary {
    /// From distinct texts in order, `N/A` among them.
    pub(crate) fn of_texts<'a>(texts: impl Iterator<Item = &'a str>) -> Self {
        let mut values = Texts::default();
        texts.for_each(|text| values.push(text));
        let missing = values.find(NOT_AVAILABLE).expect("the caller puts N/A among the texts");
        Self { values: Values::Text(values), missing }
    }

    pub(crate) fn of_bools(values: Vec<bool>) -> Self {
        Self::with_last_missing(values.len(), Values::Bool(values))
    }

    pub(crate) fn of_int64s(values: Vec<i64>) -> Self {
        Self::with_last_missing(values.len(), Values::Int64(values))
    }

    pub(crate) fn of_doubles(values: Vec<f64>) -> Self {
        Self::with_last_missing(values.len(), Values::Double(values))
    }

    pub(crate) fn of_dates(values: Vec<Date>) -> Self {
        Self::with_last_missing(values.len(), Values::Date(values))
    }

    fn with_last_missing(len: usize, values: Values) -> Self {
        Self { values, missing: u32::try_from(len).expect("there are fewer distinct values than row numbers") }
    }

    /// Number of codes, the missing one included.
    pub(crate) fn len(&self) -> usize {
        match &self.values {
            Values::Text(texts) => texts.ends.len(),
            Values::Bool(_) | Values::Int64(_) | Values::Double(_) | Values::Date(_) => self.missing as usize + 1,
        }
    }

    /// Code of the missing value.
    pub(crate) fn missing(&self) -> u32 {
        self.missing
    }

    pub(crate) fn column_type(&self) -> ColumnType {
        match &self.values {
            Values::Text(_) => ColumnType::String,
            Values::Bool(_) => ColumnType::Bool,
            Values::Int64(_) => ColumnType::Int64,
            Values::Double(_) => ColumnType::Double,
            Values::Date(_) => ColumnType::Date,
        }
    }

    /// The member of that code; `N/A` for the missing one, of whatever type.
    pub(crate) fn member(&self, code: u32) -> Cell<'_> {
        let index = code as usize;
        let value = match &self.values {
            Values::Text(texts) => texts.get(index).map(Cell::Text),
            Values::Bool(values) => values.get(index).map(|value| Cell::Bool(*value)),
            Values::Int64(values) => values.get(index).map(|value| Cell::Int64(*value)),
            Values::Double(values) => values.get(index).map(|value| Cell::Double(*value)),
            Values::Date(values) => values.get(index).map(|value| Cell::Date(*value)),
        };
        value.unwrap_or(Cell::Text(NOT_AVAILABLE))
    }

    /// The code of a value written as text; none when it cannot be read by the type or is not there.
    pub(crate) fn find(&self, text: &str) -> Option<u32> {
        match &self.values {
            Values::Text(texts) => texts.find(text),
            _ if text == NOT_AVAILABLE => Some(self.missing),
            Values::Bool(values) => position(values.binary_search(&parse_bool(text)?)),
            Values::Int64(values) => position(values.binary_search(&parse_int64(text)?)),
            Values::Double(values) => {
                let wanted = parse_double(text)?;
                position(values.binary_search_by(|value| value.total_cmp(&wanted)))
            }
            Values::Date(values) => position(values.binary_search(&parse_date(text)?)),
        }
    }
}

impl Dictionary {
    /// For each code here, the code of the same value there. Missing values other than the text `N/A` are not equal.
    pub(crate) fn translate(&self, there: &Self) -> Vec<Option<u32>> {
        let find = |code: u32| match (self.member(code), &there.values) {
            (Cell::Text(text), Values::Text(texts)) => texts.find(text),
            (Cell::Bool(value), Values::Bool(values)) => position(values.binary_search(&value)),
            (Cell::Int64(value), Values::Int64(values)) => position(values.binary_search(&value)),
            (Cell::Double(value), Values::Double(values)) => {
                position(values.binary_search_by(|there| there.total_cmp(&value)))
            }
            (Cell::Date(value), Values::Date(values)) => position(values.binary_search(&value)),
            _ => None,
        };
        (0..self.len()).map(|code| find(u32::try_from(code).ok()?)).collect()
    }
}

fn position(found: Result<usize, usize>) -> Option<u32> {
    u32::try_from(found.ok()?).ok()
}

impl Texts {
    fn push(&mut self, text: &str) {
        self.buffer.push_str(text);
        self.ends.push(self.buffer.len());
    }

    fn get(&self, index: usize) -> Option<&str> {
        let end = *self.ends.get(index)?;
        let start = index.checked_sub(1).and_then(|before| self.ends.get(before)).copied().unwrap_or(0);
        self.buffer.get(start..end)
    }

    fn find(&self, text: &str) -> Option<u32> {
        let (mut low, mut high) = (0, self.ends.len());
        while low < high {
            let middle = low.midpoint(high);
            match self.get(middle)?.cmp(text) {
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Greater => high = middle,
                std::cmp::Ordering::Equal => return u32::try_from(middle).ok(),
            }
        }
        None
    }
}
