//! Which rows are kept when a later row replaces an earlier one with the same key.

use std::hash::BuildHasher as _;

use foldhash::fast::RandomState;
use hashbrown::HashTable;

use super::{integers::widened, values::Values};
use crate::storage::{
    codes::{code_of, with_codes},
    numbers::{Integers, Numbers, with_offsets},
};

/// Entries per row of a table that is worth more than a hash table.
const DENSE_ENTRIES_PER_ROW: u64 = 8;
const NONE: u32 = u32::MAX;

/// A number per row, below `bound`, that two rows share exactly when they have the same key.
struct Identities {
    numbers: Vec<u64>,
    bound: u128,
}

/// The rows that are kept: of those with the same key the last, at the place of the first. None when that is all of them.
pub(super) fn kept_rows(keys: &[&Values], row_count: usize) -> Option<Vec<u32>> {
    let identities = keys.iter().map(|key| Identities::of(key)).reduce(Identities::and)?;
    let mut kept: Vec<u32> = Vec::with_capacity(row_count);
    identities.for_each_place(|row, place| match kept.get_mut(place as usize) {
        Some(earlier) => *earlier = code_of(row),
        None => kept.push(code_of(row)),
    });
    (kept.len() < row_count).then_some(kept)
}

impl Identities {
    /// Keys have no nulls, except that texts have a text for it.
    fn of(key: &Values) -> Self {
        match key {
            Values::Texts { texts, places } => Self {
                numbers: with_codes!(places, |places| places.iter().map(|place| u64::from(*place)).collect()),
                bound: texts.len() as u128,
            },
            Values::Integers { integers, .. } | Values::Doubles(Numbers::Integers { integers, .. }) => {
                let Integers { offsets, offset_max, .. } = integers;
                let numbers = with_offsets!(offsets, |offsets| offsets.iter().map(|offset| widened(*offset)).collect());
                Self { numbers, bound: u128::from(*offset_max) + 1 }
            }
            Values::Doubles(Numbers::Doubles { values, .. }) => {
                Self { numbers: values.iter().map(|value| value.to_bits()).collect(), bound: 1 << 64 }
            }
        }
    }

    /// Of both columns together, as digits of one number.
    fn and(self, other: Self) -> Self {
        let fits = |a: &Self, b: &Self| a.bound * b.bound <= 1 << 64;
        let (this, other) = if fits(&self, &other) { (self, other) } else { (self.numbered(), other.numbered()) };
        let bound = u64::try_from(other.bound).unwrap_or(u64::MAX);
        let together = |(number, digit): (&u64, &u64)| number * bound + digit;
        Self {
            numbers: this.numbers.iter().zip(&other.numbers).map(together).collect(),
            bound: this.bound * other.bound,
        }
    }

    /// Numbered from zero as they are first seen, so that there are no more numbers than rows.
    fn numbered(self) -> Self {
        let mut numbers = Vec::with_capacity(self.numbers.len());
        let mut bound = 0;
        self.for_each_place(|_, place| {
            numbers.push(u64::from(place));
            bound = bound.max(u128::from(place) + 1);
        });
        Self { numbers, bound }
    }

    /// Tells each row its place among the identities in the order they are first seen.
    fn for_each_place(&self, mut tell: impl FnMut(usize, u32)) {
        let mut count = 0;
        let mut next = || {
            count += 1;
            count - 1
        };
        if self.bound <= u128::from(DENSE_ENTRIES_PER_ROW * self.numbers.len() as u64) {
            let entries = usize::try_from(self.bound).expect("it is a small multiple of the number of rows");
            let mut places = vec![NONE; entries];
            for (row, number) in self.numbers.iter().enumerate() {
                let entry = usize::try_from(*number).ok().and_then(|number| places.get_mut(number));
                let place = entry.expect("numbers are below the bound");
                if *place == NONE {
                    *place = next();
                }
                tell(row, *place);
            }
            return;
        }
        let hasher = RandomState::default();
        let mut places: HashTable<(u64, u32)> = HashTable::with_capacity(self.numbers.len());
        for (row, number) in self.numbers.iter().enumerate() {
            let is_same = |(other, _): &(u64, u32)| other == number;
            let entry = places.entry(hasher.hash_one(number), is_same, |(number, _)| hasher.hash_one(number));
            tell(row, entry.or_insert_with(|| (*number, next())).get().1);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::value::ColumnType;

    proptest! {
        #[test]
        fn of_rows_with_the_same_key_the_last_is_kept_at_the_place_of_the_first(
            rows in proptest::collection::vec((0..3_i64, prop_oneof![0..3_i64, any::<i64>()], 0..2_i8), 0..20),
        ) {
            let integers = |pick: &dyn Fn(&(i64, i64, i8)) -> i64| Values::Integers {
                integers: rows.iter().map(|row| Some(pick(row))).collect(),
                column_type: ColumnType::Int64,
            };
            let doubles = Values::Doubles(Numbers::Doubles {
                values: rows.iter().map(|row| if row.2 == 0 { 1e-300 } else { 1e200 }).collect(),
                nulls: None,
                unit: None,
            });
            let keys = [&integers(&|row| row.0), &integers(&|row| row.1), &doubles];
            let mut expected: Vec<u32> = Vec::new();
            let mut places = BTreeMap::new();
            for (row, key) in rows.iter().enumerate() {
                let place = *places.entry(key).or_insert(expected.len());
                if place == expected.len() {
                    expected.push(0);
                }
                expected[place] = code_of(row);
            }
            prop_assert_eq!(kept_rows(&keys, rows.len()), (expected.len() < rows.len()).then_some(expected));
        }
    }

    #[test]
    fn without_keys_every_row_is_kept() {
        assert_eq!(kept_rows(&[], 3), None);
    }
}
