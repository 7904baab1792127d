//! Puts the rows of a day next to each other.
//!
//! Most questions are about a time. When the rows of a time lie together, a filter passes over the chunks of all others, and
//! a grouping by year finds one year in nearly every chunk. Rows of the same time stay in the order of the file.

use super::{integers::widened, values::Values};
use crate::{
    limits::CLUSTERED_ROWS_MIN,
    storage::{
        codes::code_of,
        numbers::{Integers, with_offsets},
    },
    value::ColumnType,
};

/// Times are told apart as far as this many can.
const BUCKETS: usize = 1 << u16::BITS;

/// The rows, those of which are kept if not all are, in the order of the first column of dates or timestamps. None when
/// they are in that order, or too few to matter.
pub(super) fn clustered(columns: &[Values], kept: Option<&[u32]>) -> Option<Vec<u32>> {
    let times = columns.iter().find_map(times)?;
    let row_count = kept.map_or(times.offsets.len(), <[u32]>::len);
    if row_count < CLUSTERED_ROWS_MIN {
        return None;
    }
    let buckets = buckets(times);
    let row = |place: usize| kept.map_or(Some(code_of(place)), |kept| kept.get(place).copied());
    let bucket = |row: u32| usize::from(buckets.get(row as usize).copied().unwrap_or_default());
    let rows = || (0..row_count).filter_map(row);
    if rows().map(bucket).is_sorted() {
        return None;
    }
    let mut next = starts(rows().map(bucket));
    let mut clustered = vec![0; row_count];
    for row in rows() {
        if let Some(next) = next.get_mut(bucket(row)) {
            if let Some(place) = clustered.get_mut(*next) {
                *place = row;
            }
            *next += 1;
        }
    }
    Some(clustered)
}

fn times(values: &Values) -> Option<&Integers> {
    match values {
        Values::Integers { integers, column_type: ColumnType::Date | ColumnType::Timestamp } => Some(integers),
        _ => None,
    }
}

/// The bucket of each row, later ones for later times and the last one for rows without.
fn buckets(times: &Integers) -> Vec<u16> {
    let none = u16::MAX;
    let shift = (0..u64::BITS).find(|shift| times.offset_max >> shift < none.into()).unwrap_or_default();
    let is_null = |row| times.nulls.as_ref().is_some_and(|nulls| nulls.get(row));
    let bucket = |offset: u64| u16::try_from(offset >> shift).unwrap_or(none);
    with_offsets!(&times.offsets, |offsets| {
        let of_row = |(row, offset): (usize, &_)| if is_null(row) { none } else { bucket(widened(*offset)) };
        offsets.iter().enumerate().map(of_row).collect()
    })
}

/// The place of the first row of each bucket.
fn starts(buckets: impl Iterator<Item = usize>) -> Vec<usize> {
    let mut counts = vec![0; BUCKETS];
    for bucket in buckets {
        if let Some(count) = counts.get_mut(bucket) {
            *count += 1;
        }
    }
    counts
        .into_iter()
        .scan(0, |next, count| {
            let start = *next;
            *next += count;
            Some(start)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::storage::numbers::Integers;

    fn times(times: impl Iterator<Item = Option<i64>>) -> Values {
        Values::Integers { integers: times.collect::<Integers>(), column_type: ColumnType::Timestamp }
    }

    #[test]
    fn rows_of_a_time_come_together_in_their_order_and_those_without_come_last() {
        let row_count = CLUSTERED_ROWS_MIN + 3;
        let time = |row: usize| (row % 7 != 6).then(|| 10 - i64::try_from(row % 7).unwrap());
        let clustered = clustered(&[times((0..row_count).map(time))], None).unwrap();
        let mut expected: Vec<u32> = (0..row_count).map(code_of).collect();
        expected.sort_by_key(|row| time(*row as usize).unwrap_or(i64::MAX));
        assert_eq!(clustered, expected);
    }

    #[test]
    fn rows_stay_where_they_are_when_they_are_few_or_in_order_or_have_no_time() {
        let falling = |count: usize| times((0..count).rev().map(|row| Some(i64::try_from(row).unwrap())));
        let rising = times((0..CLUSTERED_ROWS_MIN).map(|row| Some(i64::try_from(row).unwrap())));
        assert_eq!(clustered(&[falling(CLUSTERED_ROWS_MIN - 1)], None), None);
        assert_eq!(clustered(&[rising], None), None);
        assert_eq!(clustered(&[], None), None);
        assert!(clustered(&[falling(CLUSTERED_ROWS_MIN)], None).is_some());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(8))]
        #[test]
        fn all_kept_rows_are_there_once_and_times_that_are_far_apart_are_in_order(
            spread in prop_oneof![Just(3_i64), Just(1 << 15), Just(1 << 16), Just(1 << 17), Just(i64::MAX)],
            seed in any::<u64>(),
        ) {
            let number = |row: usize| (row as u64 ^ seed).wrapping_mul(0x9e37_79b9_7f4a_7c15).cast_signed();
            let time = |row: usize| Some(number(row) % spread).filter(|time| time % 5 != 4);
            let all = times((0..2 * CLUSTERED_ROWS_MIN).map(time));
            let kept: Vec<u32> = (0..2 * CLUSTERED_ROWS_MIN).step_by(2).map(code_of).collect();
            let mut clustered = clustered(&[all], Some(&kept)).unwrap();
            let bucket = |row: &u32| time(*row as usize).map_or(i64::MAX, |time| time / (spread / (1 << 14)).max(1));
            prop_assert!(clustered.windows(2).all(|pair| bucket(&pair[0]) <= bucket(&pair[1]).saturating_add(1)));
            clustered.sort_unstable();
            prop_assert_eq!(clustered, kept);
        }
    }
}
