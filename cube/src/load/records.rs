//! Cuts a file into records, each with the line that it starts on.

use ::csv::ByteRecord;

/// The records of a file. Empty lines are not records.
pub(super) struct Records<'a> {
    reader: ::csv::Reader<&'a [u8]>,
    bytes: &'a [u8],
    /// Where lines have been counted up to.
    counted: Counted,
}

/// One record.
#[derive(Default)]
pub(super) struct Record {
    pub(super) cells: ByteRecord,
    /// Where the record starts.
    start_byte: usize,
    end_byte: usize,
}

struct Counted {
    byte: usize,
    line: u64,
}

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

impl<'a> Records<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        let bytes = bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes);
        let reader = ::csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(bytes);
        Self { reader, bytes, counted: Counted { byte: 0, line: 1 } }
    }

    /// The line that a record starts on, from 1. To be asked in the order of the file.
    pub(super) fn line(&mut self, record: &Record) -> u64 {
        let Counted { byte, line } = &mut self.counted;
        let passed = self.bytes.get(*byte..record.start_byte).unwrap_or_default();
        let ends = passed.iter().enumerate().filter(|(index, byte)| match byte {
            b'\n' => true,
            b'\r' => passed.get(index + 1) != Some(&b'\n'),
            _ => false,
        });
        *line += ends.count() as u64;
        *byte = record.start_byte.max(*byte);
        *line
    }

    /// Whether a quote that this record opens is never closed, so that it has swallowed the rest of the file.
    pub(super) fn is_unterminated(&self, record: &Record) -> bool {
        #[derive(PartialEq)]
        enum State {
            CellStart,
            Plain,
            Quoted,
            QuoteInQuoted,
        }
        if record.end_byte < self.bytes.len() {
            return false;
        }
        let rest = self.bytes.get(record.start_byte..).unwrap_or_default();
        let end = rest.iter().fold(State::CellStart, |state, byte| match (state, byte) {
            (State::Quoted, b'"') => State::QuoteInQuoted,
            (State::CellStart | State::QuoteInQuoted, b'"') | (State::Quoted, _) => State::Quoted,
            (State::CellStart | State::Plain | State::QuoteInQuoted, b',' | b'\n' | b'\r') => State::CellStart,
            (State::CellStart | State::Plain | State::QuoteInQuoted, _) => State::Plain,
        });
        end == State::Quoted
    }

    /// Replaces `record` by the next one. Tells whether there was one.
    pub(super) fn read_into(&mut self, record: &mut Record) -> bool {
        let before = self.bytes_read();
        let found = self.reader.read_byte_record(&mut record.cells);
        // The reader leaves the second half of a line ending, and empty lines, to the next record.
        let rest = self.bytes.get(before..).unwrap_or_default();
        record.start_byte = before + rest.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
        record.end_byte = self.bytes_read();
        found.expect("bytes in memory can be read, and records may differ in length")
    }

    fn bytes_read(&self) -> usize {
        usize::try_from(self.reader.position().byte()).unwrap_or(usize::MAX)
    }
}

impl Iterator for Records<'_> {
    type Item = Record;

    fn next(&mut self) -> Option<Record> {
        let mut record = Record::default();
        self.read_into(&mut record).then_some(record)
    }
}
