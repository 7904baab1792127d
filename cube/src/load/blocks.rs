//! The bytes of a file, a block at a time: a file may be larger than what should be in memory of it.

use std::io::{self, Read};

/// What has been read of a file and is still needed.
pub(super) struct Blocks<R> {
    source: R,
    bytes: Vec<u8>,
    is_at_end: bool,
}

impl<R: Read> Blocks<R> {
    pub(super) fn new(source: R) -> Self {
        Self { source, bytes: Vec::new(), is_at_end: false }
    }

    /// Reads until there are this many bytes, or until the file ends.
    pub(super) fn fill(&mut self, wanted: usize) -> io::Result<()> {
        let Some(missing) = wanted.checked_sub(self.bytes.len()).filter(|missing| *missing > 0) else { return Ok(()) };
        if self.is_at_end {
            return Ok(());
        }
        self.bytes.reserve_exact(missing);
        let read = self.source.by_ref().take(missing as u64).read_to_end(&mut self.bytes)?;
        self.is_at_end = read < missing;
        Ok(())
    }

    /// The next bytes, at most so many.
    pub(super) fn next(&self, count: usize) -> &[u8] {
        self.bytes.get(..count).unwrap_or(&self.bytes)
    }

    /// Whether the file ends with the next bytes.
    pub(super) fn ends_within(&self, count: usize) -> bool {
        self.is_at_end && self.bytes.len() <= count
    }

    /// Goes on behind this many bytes.
    pub(super) fn pass(&mut self, count: usize) {
        self.bytes.drain(..count.min(self.bytes.len()));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_byte_comes_once_and_in_order(
            bytes in proptest::collection::vec(any::<u8>(), 0..40),
            steps in proptest::collection::vec((0..9_usize, 0..9_usize), 0..20),
        ) {
            let mut blocks = Blocks::new(bytes.as_slice());
            let mut passed = 0;
            for (wanted, count) in steps {
                blocks.fill(wanted).unwrap();
                let rest = bytes.get(passed..).unwrap();
                prop_assert_eq!(blocks.next(wanted), &rest[..wanted.min(rest.len())]);
                prop_assert!(!blocks.ends_within(wanted) || rest.len() <= wanted);
                let count = count.min(blocks.next(wanted).len());
                blocks.pass(count);
                passed += count;
            }
            blocks.fill(bytes.len() + 1).unwrap();
            prop_assert!(blocks.ends_within(bytes.len()));
            prop_assert_eq!(blocks.next(usize::MAX), bytes.get(passed..).unwrap());
        }
    }
}
