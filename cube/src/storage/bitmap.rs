//! A bit per row, in words of 64.

/// A bit per row. The bits of the last word beyond the length are zero.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Bitmap {
    words: Vec<u64>,
    len: usize,
}

impl Bitmap {
    pub(crate) fn filled(len: usize, bit: bool) -> Self {
        let mut bitmap = Self { words: vec![if bit { u64::MAX } else { 0 }; len.div_ceil(64)], len };
        bitmap.clear_tail();
        bitmap
    }

    pub(crate) fn from_fn(len: usize, bit: impl Fn(usize) -> bool) -> Self {
        let word = |index: usize| {
            (index * 64..len.min(index * 64 + 64))
                .enumerate()
                .fold(0, |word, (shift, row)| word | u64::from(bit(row)) << shift)
        };
        Self { words: (0..len.div_ceil(64)).map(word).collect(), len }
    }

    /// Ones at these positions.
    pub(crate) fn of_positions(len: usize, positions: impl Iterator<Item = u32>) -> Self {
        let mut bitmap = Self::filled(len, false);
        for position in positions {
            bitmap.set_range(position as usize..position as usize + 1);
        }
        bitmap
    }

    /// Where the ones are, in order.
    pub(crate) fn positions(&self) -> impl Iterator<Item = usize> + '_ {
        self.words.iter().enumerate().flat_map(|(index, word)| {
            let mut rest = *word;
            std::iter::from_fn(move || {
                let shift = (rest != 0).then(|| rest.trailing_zeros() as usize)?;
                rest &= rest - 1;
                Some(index * 64 + shift)
            })
        })
    }

    pub(crate) fn push(&mut self, bit: bool) {
        if self.len.is_multiple_of(64) {
            self.words.push(0);
        }
        if let Some(word) = self.words.last_mut() {
            *word |= u64::from(bit) << (self.len % 64);
        }
        self.len += 1;
    }

    pub(crate) fn get(&self, row: usize) -> bool {
        self.words.get(row / 64).is_some_and(|word| word >> (row % 64) & 1 == 1)
    }

    /// Sets a range, cut at the length.
    pub(crate) fn set_range(&mut self, rows: std::ops::Range<usize>) {
        let (start, end) = (rows.start, rows.end.min(self.len));
        let mut row = start;
        while row < end {
            let (index, shift) = (row / 64, row % 64);
            let count = (64 - shift).min(end - row);
            if let Some(word) = self.words.get_mut(index) {
                *word |= (u64::MAX >> (64 - count)) << shift;
            }
            row += count;
        }
    }

    pub(crate) fn and(&mut self, other: &Self) {
        for (word, other) in self.words.iter_mut().zip(&other.words) {
            *word &= other;
        }
    }

    pub(crate) fn or(&mut self, other: &Self) {
        for (word, other) in self.words.iter_mut().zip(&other.words) {
            *word |= other;
        }
    }

    pub(crate) fn ones(&self) -> usize {
        self.words.iter().map(|word| word.count_ones() as usize).sum()
    }

    /// Bytes held.
    pub(crate) fn bytes(&self) -> usize {
        size_of_val(self.words.as_slice())
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn words(&self) -> &[u64] {
        &self.words
    }

    fn clear_tail(&mut self) {
        if let (Some(last), tail @ 1..) = (self.words.last_mut(), self.len % 64) {
            *last &= (1 << tail) - 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_beyond_the_length_are_never_counted() {
        for len in [0, 1, 63, 64, 65, 200] {
            assert_eq!(Bitmap::filled(len, true).ones(), len);
            let mut pushed = Bitmap::default();
            (0..len).for_each(|row| pushed.push(row % 3 == 0));
            assert_eq!(pushed, Bitmap::from_fn(len, |row| row % 3 == 0));
            let mut ranged = Bitmap::filled(len, false);
            ranged.set_range(0..len + 10);
            assert_eq!(ranged, Bitmap::filled(len, true));
        }
    }
}
