//! Distinct texts, and which of them a text is.

use std::hash::BuildHasher as _;

use foldhash::fast::RandomState;
use hashbrown::HashTable;
use rayon::prelude::*;

use crate::storage::{codes::code_of, dictionary::Dictionary};

/// Distinct texts end to end in one buffer, in the order they were first seen.
#[derive(Debug, Default)]
pub(super) struct Texts {
    buffer: String,
    ends: Vec<usize>,
}

/// Finds the place of a text, adding it when it is new.
#[derive(Debug, Default)]
pub(super) struct Interner {
    texts: Texts,
    places: HashTable<u32>,
    hasher: RandomState,
}

impl Texts {
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &str> {
        (0..self.len()).map(|place| self.get(place))
    }

    fn get(&self, place: usize) -> &str {
        self.range(place).and_then(|range| self.buffer.get(range)).unwrap_or_default()
    }

    fn bytes(&self, place: usize) -> &[u8] {
        self.range(place).and_then(|range| self.buffer.as_bytes().get(range)).unwrap_or_default()
    }

    fn range(&self, place: usize) -> Option<std::ops::Range<usize>> {
        let end = *self.ends.get(place)?;
        Some(place.checked_sub(1).and_then(|before| self.ends.get(before)).copied().unwrap_or(0)..end)
    }

    fn push(&mut self, text: &str) {
        self.buffer.push_str(text);
        self.ends.push(self.buffer.len());
    }

    /// A dictionary of the texts that are wanted, and the code of each in it.
    pub(super) fn into_dictionary(self, is_wanted: &[bool]) -> (Dictionary, Vec<u32>) {
        let order = self.sorted(is_wanted);
        let mut codes = vec![0; self.len()];
        for (code, place) in order.iter().enumerate() {
            if let Some(slot) = codes.get_mut(*place as usize) {
                *slot = code_of(code);
            }
        }
        (Dictionary::of_texts(order.iter().map(|place| self.get(*place as usize))), codes)
    }

    /// Places of the wanted texts in the order of the texts.
    fn sorted(&self, is_wanted: &[bool]) -> Vec<u32> {
        // Most comparisons are decided by eight bytes, if these begin where the texts begin to differ.
        let skipped = self.common_prefix(is_wanted);
        let head = |place: u32| {
            let rest = self.bytes(place as usize).get(skipped..).unwrap_or_default();
            let mut head = [0; 8];
            head.iter_mut().zip(rest).for_each(|(head, byte)| *head = *byte);
            (u64::from_be_bytes(head), place)
        };
        let mut order: Vec<(u64, u32)> = wanted(is_wanted).map(head).collect();
        order.par_sort_unstable_by(|(head, place), (other_head, other)| {
            head.cmp(other_head).then_with(|| self.bytes(*place as usize).cmp(self.bytes(*other as usize)))
        });
        order.into_iter().map(|(_, place)| place).collect()
    }

    fn common_prefix(&self, is_wanted: &[bool]) -> usize {
        let mut texts = wanted(is_wanted).map(|place| self.bytes(place as usize));
        let first = texts.next().unwrap_or_default();
        texts.fold(first.len(), |len, text| {
            first.iter().zip(text).take(len).take_while(|(byte, other)| byte == other).count()
        })
    }
}

fn wanted(is_wanted: &[bool]) -> impl Iterator<Item = u32> {
    is_wanted.iter().enumerate().filter(|(_, is_wanted)| **is_wanted).map(|(place, _)| code_of(place))
}

impl Interner {
    pub(super) fn with_capacity(texts: usize) -> Self {
        Self { places: HashTable::with_capacity(texts), ..Self::default() }
    }

    pub(super) fn into_texts(self) -> Texts {
        self.texts
    }

    /// Number of distinct texts so far.
    pub(super) fn len(&self) -> usize {
        self.texts.len()
    }

    pub(super) fn intern(&mut self, text: &str) -> u32 {
        self.try_intern(text.as_bytes(), |_| Ok::<_, std::convert::Infallible>(text))
            .unwrap_or_else(|never| match never {})
    }

    /// Finds a text; one that is new is first read from its bytes.
    #[inline]
    pub(super) fn try_intern<'t, E>(
        &mut self,
        bytes: &'t [u8],
        read: impl FnOnce(&'t [u8]) -> Result<&'t str, E>,
    ) -> Result<u32, E> {
        let Self { texts, places, hasher } = self;
        let hash = hasher.hash_one(bytes);
        if let Some(place) = places.find(hash, |place| texts.bytes(*place as usize) == bytes) {
            return Ok(*place);
        }
        let text = read(bytes)?;
        let place = code_of(texts.len());
        texts.push(text);
        places.insert_unique(hash, place, |place| hasher.hash_one(texts.bytes(*place as usize)));
        Ok(place)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn wanted_texts_are_sorted_by_their_bytes(texts in proptest::collection::vec("(common)?[ab\u{0}é]{0,12}", 0..40)) {
            let mut interner = Interner::default();
            let places: Vec<u32> = texts.iter().map(|text| interner.intern(text)).collect();
            let is_wanted: Vec<bool> = (0..interner.len()).map(|place| place % 3 != 0).collect();
            let interned = interner.into_texts();
            let mut expected: Vec<&str> =
                interned.iter().zip(&is_wanted).filter(|(_, is_wanted)| **is_wanted).map(|(text, _)| text).collect();
            expected.sort_unstable();
            let sorted: Vec<&str> =
                interned.sorted(&is_wanted).into_iter().map(|place| interned.get(place as usize)).collect();
            prop_assert_eq!(sorted, expected);
            for (text, place) in texts.iter().zip(places) {
                prop_assert_eq!(interned.get(place as usize), text);
            }
        }
    }
}
