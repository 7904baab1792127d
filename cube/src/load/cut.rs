//! Cuts bytes into records, and records into cells, without copying any.

use std::{
    ops::Range,
    slice::{ChunksExact, Iter},
};

use memchr::memchr;

/// Walks over records. Empty lines are not records.
#[derive(Debug)]
pub(super) struct Cutter<'a> {
    bytes: &'a [u8],
    at: usize,
}

/// Where a record is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) start: usize,
    /// Whether it has a quote that is opened and never closed, so that it has swallowed the rest.
    pub(super) is_unterminated: bool,
}

/// Some records of the same number of cells.
#[derive(Debug, Default)]
pub(super) struct Block {
    /// Where each record starts.
    pub(super) starts: Vec<usize>,
    /// Where each cell ends, record by record. The next cell of the record starts a byte later.
    ends: Vec<usize>,
}

/// The cells of a column, record by record.
#[derive(Debug)]
pub(super) struct ColumnCells<'a, 'b> {
    bytes: &'a [u8],
    starts: Iter<'b, usize>,
    ends: ChunksExact<'b, usize>,
    column: usize,
}

impl<'a> Cutter<'a> {
    /// Over a part of `bytes` that begins and ends between records.
    pub(super) fn new(bytes: &'a [u8], part: Range<usize>) -> Self {
        Self { bytes: bytes.get(..part.end).unwrap_or(bytes), at: part.start }
    }

    /// Where it goes on: after the line end of the last record.
    pub(super) fn position(&self) -> usize {
        self.at.min(self.bytes.len())
    }

    pub(super) fn is_done(&self) -> bool {
        self.at >= self.bytes.len()
    }

    /// Cuts the next record and adds where its cells end.
    #[inline]
    pub(super) fn next_record(&mut self, ends: &mut Vec<usize>) -> Option<Record> {
        while let Some(b'\n' | b'\r') = self.bytes.get(self.at) {
            self.at += 1;
        }
        let start = self.at;
        if start >= self.bytes.len() {
            return None;
        }
        loop {
            if self.bytes.get(self.at) == Some(&b'"') {
                let Some(closing) = closing_quote(self.bytes, self.at + 1) else {
                    self.at = self.bytes.len();
                    return Some(Record { start, is_unterminated: true });
                };
                self.at = closing + 1;
            }
            let end = cell_end(self.bytes, self.at);
            ends.push(end);
            self.at = end + 1;
            if self.bytes.get(end) != Some(&b',') {
                return Some(Record { start, is_unterminated: false });
            }
        }
    }
}

/// Where a quoted cell is closed, from behind the quote that opens it.
fn closing_quote(bytes: &[u8], mut at: usize) -> Option<usize> {
    loop {
        let quote = at + memchr(b'"', bytes.get(at..)?)?;
        if bytes.get(quote + 1) != Some(&b'"') {
            return Some(quote);
        }
        at = quote + 2;
    }
}

/// Where the comma, the line end or the end of the file is, eight bytes at a time.
#[inline]
fn cell_end(bytes: &[u8], mut at: usize) -> usize {
    while let Some(word) = bytes.get(at..).and_then(|rest| rest.first_chunk()) {
        let word = u64::from_le_bytes(*word);
        let found = zero_bytes(word ^ every_byte(b','))
            | zero_bytes(word ^ every_byte(b'\n'))
            | zero_bytes(word ^ every_byte(b'\r'));
        if found != 0 {
            return at + found.trailing_zeros() as usize / 8;
        }
        at += 8;
    }
    let rest = bytes.get(at..).unwrap_or_default();
    rest.iter().position(|byte| matches!(byte, b',' | b'\n' | b'\r')).map_or(bytes.len(), |end| at + end)
}

const fn every_byte(byte: u8) -> u64 {
    u64::from_le_bytes([byte; 8])
}

/// The high bit of the first zero byte is set, and no bit before it.
const fn zero_bytes(word: u64) -> u64 {
    word.wrapping_sub(every_byte(1)) & !word & every_byte(0x80)
}

impl Block {
    pub(super) fn clear(&mut self) {
        self.starts.clear();
        self.ends.clear();
    }

    pub(super) fn len(&self) -> usize {
        self.starts.len()
    }

    /// Adds the next record if it has `width` cells; otherwise tells how many it has.
    #[inline]
    pub(super) fn push_next(&mut self, cutter: &mut Cutter<'_>, width: usize) -> Option<(Record, Result<(), usize>)> {
        let before = self.ends.len();
        let record = cutter.next_record(&mut self.ends)?;
        let cells = self.ends.len() - before;
        if cells == width && !record.is_unterminated {
            self.starts.push(record.start);
            return Some((record, Ok(())));
        }
        self.ends.truncate(before);
        Some((record, Err(cells)))
    }

    /// The cells of a column as they are written, quotes and all.
    pub(super) fn cells<'a, 'b>(&'b self, bytes: &'a [u8], column: usize) -> ColumnCells<'a, 'b> {
        let width = self.ends.len() / self.starts.len().max(1);
        ColumnCells { bytes, starts: self.starts.iter(), ends: self.ends.chunks_exact(width.max(1)), column }
    }

    /// Leaves out the records at these places, given in order.
    pub(super) fn remove(&mut self, places: &[usize]) {
        let width = self.ends.len() / self.starts.len().max(1);
        let is_kept = |place: usize| places.binary_search(&place).is_err();
        let mut place = 0;
        self.ends.retain(|_| {
            place += 1;
            is_kept((place - 1) / width)
        });
        let mut place = 0;
        self.starts.retain(|_| {
            place += 1;
            is_kept(place - 1)
        });
    }
}

impl<'a> Iterator for ColumnCells<'a, '_> {
    type Item = &'a [u8];

    // Every reader of columns has a loop of its own around this.
    #[inline]
    fn next(&mut self) -> Option<&'a [u8]> {
        let (start, ends) = (self.starts.next()?, self.ends.next()?);
        let start = self.column.checked_sub(1).and_then(|before| ends.get(before)).map_or(*start, |end| end + 1);
        let end = ends.get(self.column)?;
        Some(self.bytes.get(start..*end).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn records(text: &str) -> Vec<Vec<&str>> {
        let mut cutter = Cutter::new(text.as_bytes(), 0..text.len());
        let mut records = Vec::new();
        let mut ends = Vec::new();
        while let Some(Record { mut start, .. }) = cutter.next_record(&mut ends) {
            let cut = |end| {
                let cell = &text[start..end];
                start = end + 1;
                cell
            };
            records.push(ends.drain(..).map(cut).collect());
        }
        records
    }

    #[test]
    fn cells_end_at_commas_and_records_at_any_line_end() {
        assert_eq!(
            records("a,b\r\nc,\rlonger than a word,d\n\n,"),
            [["a", "b"], ["c", ""], ["longer than a word", "d"], ["", ""]]
        );
    }

    #[test]
    fn a_quoted_cell_ends_behind_its_closing_quote() {
        assert_eq!(
            records("\"a,b\",c\n\"x\n\"\"y\"\"\",5\" pipe"),
            [["\"a,b\"", "c"], ["\"x\n\"\"y\"\"\"", "5\" pipe"]]
        );
    }

    #[test]
    fn a_quote_that_is_never_closed_is_told() {
        let text = b"a\nb,\"c\n";
        let mut cutter = Cutter::new(text, 0..text.len());
        let mut ends = Vec::new();
        assert_eq!(cutter.next_record(&mut ends), Some(Record { start: 0, is_unterminated: false }));
        assert_eq!(cutter.next_record(&mut ends), Some(Record { start: 2, is_unterminated: true }));
        assert_eq!(cutter.next_record(&mut ends), None);
    }
}
