//! Packed integers, put together and picked from.

use crate::storage::{
    bitmap::Bitmap,
    codes::{Codes, code_of},
    numbers::{Integers, Offsets, with_offsets},
};

/// All rows of the parts, in their order.
pub(super) fn concat(parts: Vec<Integers>) -> Integers {
    if let [_] = parts.as_slice() {
        return parts.into_iter().next().expect("there is one");
    }
    let known = || parts.iter().filter(|part| has_value(part));
    let base = known().map(|part| part.base).min().unwrap_or(0);
    let shift = |part: &Integers| part.base.wrapping_sub(base).cast_unsigned();
    let offset_max = known().map(|part| shift(part) + part.offset_max).max().unwrap_or(0);
    let row_count = parts.iter().map(|part| part.offsets.len()).sum();
    let nulls = concat_nulls(parts.iter().map(|part| (part.offsets.len(), part.nulls.as_ref())), row_count);
    let mut offsets = Writer::new(offset_max, row_count);
    for part in parts {
        let shift = if has_value(&part) { shift(&part) } else { 0 };
        match &part.nulls {
            None => with_offsets!(&part.offsets, |slice| {
                offsets.extend(slice.iter().map(|offset| widened(*offset) + shift));
            }),
            Some(nulls) => with_offsets!(&part.offsets, |slice| {
                let shifted = |(row, offset)| if nulls.get(row) { 0 } else { widened(offset) + shift };
                offsets.extend(slice.iter().copied().enumerate().map(shifted));
            }),
        }
    }
    Integers { base, offsets: offsets.finish(), offset_max, nulls }
}

/// An offset of any width.
pub(super) fn widened(offset: impl Into<u64>) -> u64 {
    offset.into()
}

fn has_value(part: &Integers) -> bool {
    part.nulls.as_ref().map_or(part.offsets.len() > 0, |nulls| nulls.ones() < nulls.len())
}

/// Null rows of parts of these lengths.
pub(super) fn concat_nulls<'a>(
    parts: impl Iterator<Item = (usize, Option<&'a Bitmap>)> + Clone,
    row_count: usize,
) -> Option<Bitmap> {
    parts.clone().any(|(_, nulls)| nulls.is_some()).then(|| {
        let mut before = 0;
        let rows = parts.flat_map(|(len, nulls)| {
            let start = before;
            before += len;
            nulls.into_iter().flat_map(Bitmap::positions).map(move |row| code_of(start + row))
        });
        Bitmap::of_positions(row_count, rows)
    })
}

/// The integers of these rows, each named once.
pub(super) fn take(integers: &Integers, rows: &[u32]) -> Integers {
    if rows.len() == integers.offsets.len() && integers.nulls.is_none() {
        // They only change places, so that their bounds stay.
        return Integers { offsets: integers.offsets.take(rows), nulls: None, ..*integers };
    }
    let is_null = |row: &u32| integers.nulls.as_ref().is_some_and(|nulls| nulls.get(*row as usize));
    rows.iter().map(|row| if is_null(row) { None } else { integers.at(*row as usize) }).collect()
}

/// The distinct integers in order, and the position of each row's among them; of a null row their number.
pub(super) fn distinct(integers: &Integers) -> (Vec<i64>, Codes) {
    let rows = integers.offsets.len();
    let (offsets, codes) = match usize::try_from(integers.offset_max) {
        Ok(max) if max <= (8 * rows).max(u16::MAX.into()) => distinct_dense(integers, max + 1),
        _ => distinct_sparse(integers),
    };
    (offsets.into_iter().map(|offset| integers.base.wrapping_add_unsigned(offset)).collect(), codes)
}

/// By a table with an entry for every offset there may be.
fn distinct_dense(integers: &Integers, len: usize) -> (Vec<u64>, Codes) {
    let nulls = integers.nulls.as_ref();
    let is_null = |row: usize| nulls.is_some_and(|nulls| nulls.get(row));
    let place = |offset: u64| usize::try_from(offset).expect("the table has an entry for it");
    let mut code_by_offset = vec![0_u32; len];
    with_offsets!(&integers.offsets, |slice| {
        for (row, offset) in slice.iter().enumerate() {
            if let Some(entry) = code_by_offset.get_mut(place(widened(*offset))).filter(|_| !is_null(row)) {
                *entry = 1;
            }
        }
    });
    let mut offsets = Vec::new();
    for (offset, entry) in code_by_offset.iter_mut().enumerate().filter(|(_, entry)| **entry == 1) {
        *entry = code_of(offsets.len());
        offsets.push(offset as u64);
    }
    let code = |offset: u64| code_by_offset.get(place(offset)).copied().unwrap_or_default();
    let missing = code_of(offsets.len());
    let codes = with_offsets!(&integers.offsets, |slice| match nulls {
        None => Codes::collect(offsets.len() + 1, slice.iter().map(|offset| code(widened(*offset)))),
        Some(nulls) => {
            let code = |(row, offset)| if nulls.get(row) { missing } else { code(widened(offset)) };
            Codes::collect(offsets.len() + 1, slice.iter().copied().enumerate().map(code))
        }
    });
    (offsets, codes)
}

/// By sorting.
fn distinct_sparse(integers: &Integers) -> (Vec<u64>, Codes) {
    let is_null = |row: usize| integers.nulls.as_ref().is_some_and(|nulls| nulls.get(row));
    let rows = 0..integers.offsets.len();
    let mut offsets: Vec<u64> =
        rows.clone().filter(|row| !is_null(*row)).filter_map(|row| integers.offsets.get(row)).collect();
    offsets.sort_unstable();
    offsets.dedup();
    let code = |row: usize| match integers.offsets.get(row) {
        Some(offset) if !is_null(row) => code_of(offsets.partition_point(|known| *known < offset)),
        _ => code_of(offsets.len()),
    };
    let codes = Codes::collect(offsets.len() + 1, rows.map(code));
    (offsets, codes)
}

/// Offsets that come in parts.
enum Writer {
    U8(Vec<u8>),
    U16(Vec<u16>),
    U32(Vec<u32>),
    U64(Vec<u64>),
}

impl Writer {
    fn new(offset_max: u64, len: usize) -> Self {
        match offset_max {
            0..=0xff => Self::U8(Vec::with_capacity(len)),
            0x100..=0xffff => Self::U16(Vec::with_capacity(len)),
            0x1_0000..=0xffff_ffff => Self::U32(Vec::with_capacity(len)),
            _ => Self::U64(Vec::with_capacity(len)),
        }
    }

    fn extend(&mut self, offsets: impl Iterator<Item = u64>) {
        let fits = "an offset is at most the largest one";
        match self {
            Self::U8(written) => written.extend(offsets.map(|offset| u8::try_from(offset).expect(fits))),
            Self::U16(written) => written.extend(offsets.map(|offset| u16::try_from(offset).expect(fits))),
            Self::U32(written) => written.extend(offsets.map(|offset| u32::try_from(offset).expect(fits))),
            Self::U64(written) => written.extend(offsets),
        }
    }

    fn finish(self) -> Offsets {
        match self {
            Self::U8(written) => Offsets::Narrow(Codes::U8(written)),
            Self::U16(written) => Offsets::Narrow(Codes::U16(written)),
            Self::U32(written) => Offsets::Narrow(Codes::U32(written)),
            Self::U64(written) => Offsets::Wide(written),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn unpacked(integers: &Integers) -> Vec<Option<i64>> {
        let is_null = |row| integers.nulls.as_ref().is_some_and(|nulls| nulls.get(row));
        (0..integers.offsets.len()).map(|row| (!is_null(row)).then(|| integers.at(row).unwrap())).collect()
    }

    fn any_integers() -> impl Strategy<Value = Vec<Option<i64>>> {
        let number = prop_oneof![-300..300_i64, any::<i64>(), 1_000_000..1_000_010_i64, Just(i64::MIN), Just(i64::MAX)];
        let narrow = proptest::collection::vec(proptest::option::of(-3..300_i64), 0..20);
        prop_oneof![narrow, proptest::collection::vec(proptest::option::of(number), 0..20)]
    }

    proptest! {
        #[test]
        fn parts_put_together_are_as_if_packed_at_once(parts in proptest::collection::vec(any_integers(), 1..5)) {
            let whole: Integers = parts.iter().flatten().copied().collect();
            let joined = concat(parts.iter().map(|part| part.iter().copied().collect()).collect());
            prop_assert_eq!(unpacked(&joined), unpacked(&whole));
            prop_assert_eq!((joined.base, joined.offset_max), (whole.base, whole.offset_max));
            prop_assert_eq!(joined.offsets.bytes(), whole.offsets.bytes());
        }

        #[test]
        fn each_row_finds_its_integer_among_the_distinct_ones(values in any_integers()) {
            let (known, codes) = distinct(&values.iter().copied().collect());
            prop_assert!(known.is_sorted_by(|a, b| a < b));
            for (row, value) in values.iter().enumerate() {
                prop_assert_eq!(known.get(codes.get(row).unwrap() as usize), value.as_ref());
            }
        }

        #[test]
        fn taken_rows_keep_their_integers(values in any_integers(), step in 1..4_usize) {
            let rows: Vec<u32> = (0..values.len()).step_by(step).map(code_of).collect();
            let taken = take(&values.iter().copied().collect(), &rows);
            prop_assert_eq!(unpacked(&taken), values.iter().step_by(step).copied().collect::<Vec<_>>());
        }
    }
}
