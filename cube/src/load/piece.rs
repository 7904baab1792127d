//! Reads one piece of a file into values, block by block.
//!
//! A block is cut into cells first and then read column by column, so that each column's reader runs alone over what is
//! still in the cache.

use std::{collections::BTreeMap, ops::Range};

use super::{
    OnBadRow,
    column::{ColumnReader, ColumnShape},
    cut::{Block, Cutter},
    report::{Fault, Flaw, Mistake},
    values::Values,
};
use crate::limits::LOAD_ERRORS_MAX;

/// Records that are cut before they are read.
const BLOCK_ROWS: usize = 512;

/// What was read from a piece.
#[derive(Debug, Default)]
pub(super) struct Piece {
    /// By column.
    pub(super) values: Vec<Values>,
    pub(super) row_count: usize,
    /// The first mistakes, in the order of the file.
    pub(super) mistakes: Vec<Mistake>,
    /// Rows that were left out.
    pub(super) skipped: BTreeMap<Flaw, u64>,
    /// Where a record starts that opens a quote which is never closed.
    pub(super) unterminated: Option<usize>,
}

/// Reads the records of a piece. Stops at the limit of errors, if bad rows are errors.
pub(super) fn read_piece(bytes: &[u8], part: Range<usize>, shapes: &[ColumnShape], on_bad_row: OnBadRow) -> Piece {
    let mut cutter = Cutter::new(bytes, part);
    let mut readers: Vec<ColumnReader> = shapes.iter().map(|shape| ColumnReader::new(*shape)).collect();
    let mut piece = Piece::default();
    let mut block = Block::default();
    loop {
        block.clear();
        let mut mistakes = Vec::new();
        piece.unterminated = cut_block(&mut cutter, &mut block, shapes.len(), &mut mistakes);
        read_block(bytes, &block, &mut readers, &mut mistakes);
        if !mistakes.is_empty() {
            mistakes.sort_by_key(|mistake| (mistake.at, mistake.column));
            if on_bad_row == OnBadRow::Skip {
                piece.count_skipped(&mistakes);
                without_bad_rows(&mut block, &mistakes);
                for reader in &mut readers {
                    reader.truncate(piece.row_count);
                }
                read_block(bytes, &block, &mut readers, &mut Vec::new());
            }
            piece.mistakes.append(&mut mistakes);
            piece.mistakes.truncate(LOAD_ERRORS_MAX);
        }
        piece.row_count += block.len();
        let is_hopeless = on_bad_row == OnBadRow::Fail && piece.mistakes.len() >= LOAD_ERRORS_MAX;
        if cutter.is_done() || is_hopeless {
            piece.values = readers.into_iter().map(ColumnReader::finish).collect();
            return piece;
        }
    }
}

/// Fills the block. Tells where a record starts that has swallowed the rest.
fn cut_block(cutter: &mut Cutter<'_>, block: &mut Block, width: usize, mistakes: &mut Vec<Mistake>) -> Option<usize> {
    for _ in 0..BLOCK_ROWS {
        let (record, cut) = block.push_next(cutter, width)?;
        if record.is_unterminated {
            return Some(record.start);
        }
        if let Err(cells) = cut {
            let rule = format!("the row has {cells} cells, the header has {width}");
            let fault = Fault::of_row(Flaw::CellCount, rule);
            mistakes.push(Mistake { at: record.start, column: None, fault });
        }
    }
    None
}

fn read_block(bytes: &[u8], block: &Block, readers: &mut [ColumnReader], mistakes: &mut Vec<Mistake>) {
    for (column, reader) in readers.iter_mut().enumerate() {
        reader.read(block.cells(bytes, column), |place, fault| {
            let at = block.starts.get(place).copied().unwrap_or_default();
            mistakes.push(Mistake { at, column: Some(column), fault });
        });
    }
}

/// Leaves the rows out that have mistakes, which are in the order of the file.
fn without_bad_rows(block: &mut Block, mistakes: &[Mistake]) {
    let places: Vec<usize> =
        mistakes.iter().filter_map(|mistake| block.starts.binary_search(&mistake.at).ok()).collect();
    block.remove(&places);
}

impl Piece {
    /// A row counts once, by its first mistake.
    fn count_skipped(&mut self, mistakes: &[Mistake]) {
        for row in mistakes.chunk_by(|mistake, next| mistake.at == next.at) {
            let flaw = row.first().expect("chunks are not empty").fault.flaw;
            *self.skipped.entry(flaw).or_default() += 1;
        }
    }
}
