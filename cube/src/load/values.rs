//! The values of one column while it is loaded: of a piece of a file, then of all pieces, then of the rows that are kept.

use std::sync::Arc;

use jiff::{Timestamp, civil::Date};

use super::{
    integers,
    table::{Coded, Column, ColumnData},
    texts::{Interner, Texts},
};
use crate::{
    storage::{
        bitmap::Bitmap,
        codes::{Codes, with_codes},
        dictionary::Dictionary,
        numbers::{Integers, Numbers, Unit, bits},
    },
    value::{ColumnType, NOT_AVAILABLE},
};

/// The values of one column.
#[derive(Debug)]
pub(super) enum Values {
    /// Each row's place among distinct texts.
    Texts {
        texts: Texts,
        places: Codes,
    },
    /// Integers, units of decimals, microseconds, and what [`integer_of_bool`] and [`integer_of_date`] make.
    Integers {
        integers: Integers,
        column_type: ColumnType,
    },
    Doubles(Numbers),
}

pub(super) fn integer_of_bool(value: bool) -> i64 {
    value.into()
}

/// In the order of dates.
#[inline]
pub(super) fn integer_of_date(date: Date) -> i64 {
    i64::from(date.year()) << 9 | i64::from(date.month()) << 5 | i64::from(date.day())
}

fn date_of_integer(integer: i64) -> Date {
    let fits = "it was made of a date";
    let part = |part: i64| i8::try_from(part).expect(fits);
    Date::new(i16::try_from(integer >> 9).expect(fits), part(integer >> 5 & 15), part(integer & 31)).expect(fits)
}

fn timestamp_of_integer(integer: i64) -> Timestamp {
    Timestamp::from_microsecond(integer).expect("it was made of a timestamp")
}

impl Values {
    /// All rows of the parts, in their order. The parts are of one type, and there is at least one.
    pub(super) fn concat(parts: Vec<Self>) -> Self {
        let row_count = parts.iter().map(Self::len).sum();
        let mut all_texts = Vec::new();
        let mut all_integers = Vec::new();
        let mut all_doubles = Vec::new();
        let mut integer_type = ColumnType::Int64;
        for part in parts {
            match part {
                Self::Texts { texts, places } => all_texts.push((texts, places)),
                Self::Integers { integers, column_type } => {
                    integer_type = column_type;
                    all_integers.push(integers);
                }
                Self::Doubles(numbers) => all_doubles.push(numbers),
            }
        }
        if !all_texts.is_empty() {
            concat_texts(all_texts, row_count)
        } else if all_doubles.is_empty() {
            Self::Integers { integers: integers::concat(all_integers), column_type: integer_type }
        } else {
            Self::Doubles(concat_doubles(all_doubles, row_count))
        }
    }

    fn len(&self) -> usize {
        match self {
            Self::Texts { places, .. } => places.len(),
            Self::Integers { integers, .. } => integers.offsets.len(),
            Self::Doubles(numbers) => numbers.len(),
        }
    }

    /// The values of these rows.
    pub(super) fn take(self, rows: &[u32]) -> Self {
        match self {
            Self::Texts { texts, places } => Self::Texts { places: places.take(rows), texts },
            Self::Integers { integers, column_type } => {
                Self::Integers { integers: integers::take(&integers, rows), column_type }
            }
            Self::Doubles(Numbers::Integers { integers, unit }) => {
                Self::Doubles(Numbers::Integers { integers: integers::take(&integers, rows), unit })
            }
            Self::Doubles(Numbers::Doubles { values, nulls, .. }) => {
                let taken = rows.iter().filter_map(|row| values.get(*row as usize)).copied().collect();
                let nulls = nulls.map(|nulls| {
                    Bitmap::from_fn(rows.len(), |place| rows.get(place).is_some_and(|row| nulls.get(*row as usize)))
                });
                Self::Doubles(Numbers::of_doubles(taken, nulls.filter(|nulls| nulls.ones() > 0)))
            }
        }
    }

    pub(super) fn into_column(self, name: String) -> Column {
        let data = match self {
            Self::Texts { texts, places } => ColumnData::Coded(coded_texts(texts, &places)),
            Self::Doubles(numbers) => ColumnData::Numbers(Arc::new(numbers)),
            Self::Integers { integers, column_type } => match column_type {
                ColumnType::Decimal { precision, scale } => numbers(integers, Unit::Decimal { precision, scale }),
                ColumnType::Bool => coded(&integers, |values| {
                    Dictionary::of_bools(values.into_iter().map(|value| value != 0).collect())
                }),
                ColumnType::Date => {
                    coded(&integers, |values| Dictionary::of_dates(values.into_iter().map(date_of_integer).collect()))
                }
                ColumnType::Timestamp => coded(&integers, |values| {
                    Dictionary::of_timestamps(values.into_iter().map(timestamp_of_integer).collect())
                }),
                ColumnType::Int64 | ColumnType::Double | ColumnType::String => numbers(integers, Unit::One),
            },
        };
        Column::new(name, data)
    }
}

fn numbers(integers: Integers, unit: Unit) -> ColumnData {
    ColumnData::Numbers(Arc::new(Numbers::Integers { integers, unit }))
}

fn coded(integers: &Integers, dictionary_of: impl FnOnce(Vec<i64>) -> Dictionary) -> ColumnData {
    let (values, codes) = integers::distinct(integers);
    ColumnData::Coded(Coded { dictionary: Arc::new(dictionary_of(values)), codes: Arc::new(codes) })
}

fn coded_texts(texts: Texts, places: &Codes) -> Coded {
    let mut is_wanted = vec![false; texts.len()];
    with_codes!(places, |places| {
        for place in places {
            if let Some(is_wanted) = is_wanted.get_mut(*place as usize) {
                *is_wanted = true;
            }
        }
    });
    // Rows that a join leaves unmatched have N/A, whether or not a row of the file has it.
    if let Some(missing) =
        texts.iter().position(|text| text == NOT_AVAILABLE).and_then(|place| is_wanted.get_mut(place))
    {
        *missing = true;
    }
    let (dictionary, code_by_place) = texts.into_dictionary(&is_wanted);
    let code = |place: usize| code_by_place.get(place).copied().unwrap_or_default();
    let codes = with_codes!(places, |places| {
        Codes::collect(dictionary.len(), places.iter().map(|place| code(*place as usize)))
    });
    Coded { dictionary: Arc::new(dictionary), codes: Arc::new(codes) }
}

/// With N/A among the texts.
fn concat_texts(parts: Vec<(Texts, Codes)>, row_count: usize) -> Values {
    let mut interner = Interner::with_capacity(parts.iter().map(|(texts, _)| texts.len()).sum());
    interner.intern(NOT_AVAILABLE);
    let translations: Vec<Vec<u32>> =
        parts.iter().map(|(texts, _)| texts.iter().map(|text| interner.intern(text)).collect()).collect();
    let mut all_places = Vec::with_capacity(row_count);
    for ((_, places), translation) in parts.into_iter().zip(translations) {
        let translate = |place: usize| translation.get(place).copied().unwrap_or_default();
        with_codes!(&places, |places| all_places.extend(places.iter().map(|place| translate(*place as usize))));
    }
    Values::Texts { places: Codes::collect(interner.len(), all_places.into_iter()), texts: interner.into_texts() }
}

/// Multiples of one unit if all parts can be.
fn concat_doubles(parts: Vec<Numbers>, row_count: usize) -> Numbers {
    let Some(exponent) = common_exponent(&parts) else {
        let nulls = integers::concat_nulls(parts.iter().map(|part| (part.len(), part.nulls())), row_count);
        let mut values = Vec::with_capacity(row_count);
        for part in parts {
            match part {
                Numbers::Doubles { values: more, .. } => values.extend(more),
                Numbers::Integers { .. } => {
                    values.extend((0..part.len()).map(|row| part.double(row).unwrap_or_default()));
                }
            }
        }
        return Numbers::of_doubles(values, nulls);
    };
    let parts = parts.into_iter().filter_map(|part| match part {
        Numbers::Integers { integers, unit: Unit::Binary { exponent: own } } => {
            Some(rescaled(integers, own - exponent))
        }
        _ => None,
    });
    Numbers::Integers { integers: integers::concat(parts.collect()), unit: Unit::Binary { exponent } }
}

/// The exponent of a unit that all parts are multiples of, if the multiples fit 62 bits.
fn common_exponent(parts: &[Numbers]) -> Option<i32> {
    let mut bounds = Vec::with_capacity(parts.len());
    for part in parts {
        let Numbers::Integers { integers, unit: Unit::Binary { exponent } } = part else { return None };
        let magnitude = magnitude_max(integers);
        // Zeros are multiples of any unit.
        if magnitude != 0 {
            bounds.push((*exponent, exponent + bits(magnitude.into())));
        }
    }
    let exponent = bounds.iter().map(|(exponent, _)| *exponent).min().unwrap_or(0);
    let top = bounds.iter().map(|(_, top)| *top).max().unwrap_or(0);
    (top - exponent <= 62).then_some(exponent)
}

fn magnitude_max(integers: &Integers) -> u64 {
    let Integers { base, offset_max, .. } = integers;
    base.unsigned_abs().max(base.wrapping_add_unsigned(*offset_max).unsigned_abs())
}

fn rescaled(integers: Integers, shift: i32) -> Integers {
    if shift == 0 || magnitude_max(&integers) == 0 {
        return integers;
    }
    let is_null = |row| integers.nulls.as_ref().is_some_and(|nulls| nulls.get(row));
    let rows = 0..integers.offsets.len();
    rows.map(|row| if is_null(row) { None } else { integers.at(row).map(|integer| integer << shift) }).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn doubles_put_together_are_what_they_were(
            parts in proptest::collection::vec(
                prop_oneof![
                    proptest::collection::vec(-1e9..1e9_f64, 0..5),
                    proptest::collection::vec((-1000..1000_i32).prop_map(f64::from), 0..5),
                    proptest::collection::vec((-1000..1000_i32).prop_map(|units| f64::from(units) / 8.0), 0..5),
                    proptest::collection::vec(Just(0.0), 0..5),
                    proptest::collection::vec((0..4_i32).prop_map(|units| f64::from(units) * 1e200), 0..5),
                ],
                1..5,
            ),
        ) {
            let whole = Numbers::of_doubles(parts.concat(), None);
            let parts = parts.iter().map(|part| Values::Doubles(Numbers::of_doubles(part.clone(), None))).collect();
            let Values::Doubles(joined) = Values::concat(parts) else { unreachable!() };
            prop_assert_eq!(matches!(joined, Numbers::Doubles { .. }), matches!(whole, Numbers::Doubles { .. }));
            for row in 0..whole.len() {
                prop_assert_eq!(joined.get(row), whole.get(row));
            }
        }
    }

    #[test]
    fn dates_keep_their_order_as_integers() {
        let dates =
            [Date::MIN, Date::constant(-1, 12, 31), Date::constant(0, 1, 1), Date::constant(2024, 2, 29), Date::MAX];
        assert!(dates.map(integer_of_date).is_sorted_by(|a, b| a < b));
        assert_eq!(dates.map(|date| date_of_integer(integer_of_date(date))), dates);
    }
}
