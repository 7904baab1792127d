//! Cuts a file into pieces that begin and end between records, so that they can be read at the same time.
//!
//! A line end is the end of a record unless it is quoted, and nothing near it tells which. So each piece is walked twice, as
//! if it began between records and as if it began inside a quoted cell. Which of the two it does follows from the piece
//! before, and for the first one it is known:
//!
//! ```text
//!          if it begins   it ends
//! piece 1  between        quoted    ◀ holds: a file begins between records
//!          quoted         between
//! piece 2  between        between
//!          quoted         quoted    ◀ holds: piece 1 ends quoted
//! piece 3  between        quoted
//!          quoted         between   ◀ holds: piece 2 ends quoted
//! ```
//!
//! A piece that begins quoted leaves its first bytes, up to the next record, to the piece before.

use std::ops::Range;

use memchr::{memchr, memchr2};
use rayon::prelude::*;

/// What follows from how a piece begins.
#[derive(Clone, Copy, Debug)]
struct Walk {
    ends_quoted: bool,
    /// Where the first record that begins in the piece does.
    first_record: Option<usize>,
}

/// Pieces of about `piece_bytes`, each of whole records. Together they are everything from `start`, which is between
/// records. There is at least one.
pub(super) fn split(bytes: &[u8], start: usize, piece_bytes: usize) -> Vec<Range<usize>> {
    let pieces = split_at_line_ends(bytes, start, piece_bytes);
    let walks: Vec<[Walk; 2]> =
        pieces.par_iter().map(|piece| [walk(bytes, piece.clone(), false), walk(bytes, piece.clone(), true)]).collect();
    let mut begins_quoted = false;
    let mut starts: Vec<usize> = Vec::with_capacity(pieces.len() + 1);
    for [between, quoted] in walks {
        let walk = if begins_quoted { quoted } else { between };
        starts.extend(walk.first_record);
        begins_quoted = walk.ends_quoted;
    }
    if starts.is_empty() {
        starts.push(start);
    }
    starts.push(bytes.len());
    starts.windows(2).filter_map(|ends| Some(*ends.first()?..*ends.last()?)).collect()
}

fn split_at_line_ends(bytes: &[u8], start: usize, piece_bytes: usize) -> Vec<Range<usize>> {
    let mut pieces = Vec::new();
    let mut start = start;
    while start < bytes.len() {
        let wanted = start.saturating_add(piece_bytes.max(1) - 1).min(bytes.len());
        let rest = bytes.get(wanted..).unwrap_or_default();
        let end = memchr2(b'\n', b'\r', rest).map_or(bytes.len(), |line_end| wanted + line_end + 1);
        pieces.push(start..end);
        start = end;
    }
    pieces
}

/// Goes from quote to quote. The piece begins after a line end, and ends with one or with the file.
fn walk(bytes: &[u8], piece: Range<usize>, begins_quoted: bool) -> Walk {
    let from = |at: usize| bytes.get(at..piece.end).unwrap_or_default();
    let mut at = piece.start;
    let mut is_quoted = begins_quoted;
    let mut first_record = (!begins_quoted).then_some(piece.start);
    loop {
        let quote = memchr(b'"', from(at));
        if !is_quoted && first_record.is_none() {
            let plain = from(at).get(..quote.unwrap_or(usize::MAX)).unwrap_or_else(|| from(at));
            first_record = memchr2(b'\n', b'\r', plain).map(|line_end| at + line_end + 1);
        }
        let Some(quote) = quote.map(|quote| at + quote) else {
            return Walk { ends_quoted: is_quoted, first_record: first_record.filter(|first| *first < piece.end) };
        };
        at = quote + 1;
        if is_quoted {
            let is_doubled = bytes.get(at) == Some(&b'"');
            at += usize::from(is_doubled);
            is_quoted = is_doubled;
        } else {
            // Only the first byte of a cell opens a quote; elsewhere it is a byte like any other.
            let before = quote.checked_sub(1).and_then(|before| bytes.get(before));
            is_quoted = matches!(before, None | Some(b',' | b'\n' | b'\r'));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(text: &str, piece_bytes: usize) -> Vec<&str> {
        split(text.as_bytes(), 0, piece_bytes).into_iter().map(|piece| &text[piece]).collect()
    }

    #[test]
    fn a_piece_ends_at_the_line_end_after_its_bytes() {
        assert_eq!(pieces("a\nb\nc\nd", 2), ["a\n", "b\n", "c\n", "d"]);
        assert_eq!(pieces("a\nb\nc\nd", 3), ["a\nb\n", "c\nd"]);
        assert_eq!(pieces("", 3), [""]);
    }

    #[test]
    fn a_quoted_line_end_ends_nothing() {
        assert_eq!(pieces("a,\"x\ny\nz\"\nb\n", 2), ["a,\"x\ny\nz\"\n", "b\n"]);
        assert_eq!(pieces("\"\"\"\n\"\"\"\nb\n", 1), ["\"\"\"\n\"\"\"\n", "b\n"]);
    }

    #[test]
    fn a_quote_within_a_cell_opens_nothing() {
        assert_eq!(pieces("5\" pipe\n6\" pipe\n", 1), ["5\" pipe\n", "6\" pipe\n"]);
        assert_eq!(pieces("\"a\"b\"\nc\n", 1), ["\"a\"b\"\n", "c\n"]);
    }

    #[test]
    fn a_quote_that_is_never_closed_takes_the_rest() {
        assert_eq!(pieces("a\n\"b\nc\nd\n", 1), ["a\n", "\"b\nc\nd\n"]);
    }
}
