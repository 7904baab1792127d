//! Which facts of a chunk are looked at: those that the mask shows and the filter wants.
//!
//! ```text
//! mask words ─┐
//! filter: leaves compared 64 at a time ──▶ words ──and──▶ all of the chunk, or the distances of some
//! ```
//!
//! A member that does not exist is compared for like one that does, so that the time a filter takes does not tell.

use std::ops::Range;

use super::rows::Rows;
use crate::{
    aggregate::FactFilter,
    limits::CHUNK_ROWS,
    storage::{
        bitmap::Bitmap,
        codes::{Code, Codes, with_codes},
        zones::Zones,
    },
    view::View,
};

const WORDS: usize = CHUNK_ROWS / 64;

/// A bit per row of a chunk.
type Words = [u64; WORDS];

/// Chooses facts, chunk by chunk.
#[derive(Debug)]
pub(super) struct Selector<'a> {
    /// None: every fact.
    visible: Option<&'a Bitmap>,
    /// None: every fact.
    wanted: Option<Test<'a>>,
}

/// What is found of one chunk, kept between chunks for its memory.
#[derive(Debug)]
pub(super) struct Found {
    words: Box<Words>,
    distances: Vec<u16>,
}

#[derive(Debug)]
enum Test<'a> {
    All(Vec<Test<'a>>),
    Any(Vec<Test<'a>>),
    Not(Box<Test<'a>>),
    /// The leaf lies in one of few ranges, each a first leaf and how far the last one is from it.
    Ranges {
        leaves: &'a Codes,
        zones: Option<&'a Zones>,
        ranges: Vec<(u32, u32)>,
    },
    /// One byte per leaf: 1 if it is wanted.
    Table {
        leaves: &'a Codes,
        wanted: Vec<u8>,
    },
}

/// More ranges than this are looked up instead of compared.
const RANGES_MAX: usize = 4;

impl<'a> Selector<'a> {
    pub(super) fn new(view: &View<'a>, filter: &FactFilter) -> Self {
        let is_all = matches!(filter, FactFilter::All(all) if all.is_empty());
        Self { visible: view.visible(), wanted: (!is_all).then(|| test(view, filter)) }
    }

    /// Whether every fact is looked at.
    pub(super) fn is_all(&self) -> bool {
        self.visible.is_none() && self.wanted.is_none()
    }

    /// The facts of a chunk, which starts at a multiple of 64.
    pub(super) fn select<'f>(&self, chunk: Range<usize>, found: &'f mut Found) -> Rows<'f> {
        if self.visible.is_none() && self.wanted.is_none() {
            return Rows::Range(chunk);
        }
        let words = found.words.get_mut(..chunk.len().div_ceil(64)).unwrap_or_default();
        match self.visible {
            Some(visible) => {
                let visible = visible.words().get(chunk.start / 64..).unwrap_or_default();
                words.iter_mut().zip(visible).for_each(|(word, visible)| *word = *visible);
            }
            None => words.fill(u64::MAX),
        }
        if let Some(last) = words.last_mut().filter(|_| !chunk.len().is_multiple_of(64)) {
            *last &= (1 << (chunk.len() % 64)) - 1;
        }
        if let Some(wanted) = &self.wanted {
            wanted.keep(&chunk, words);
        }
        let count: u32 = words.iter().map(|word| word.count_ones()).sum();
        if count as usize == chunk.len() {
            return Rows::Range(chunk);
        }
        write_distances(words, &mut found.distances);
        Rows::Some { range: chunk, distances: found.distances.get(..count as usize).unwrap_or_default() }
    }
}

impl Found {
    pub(super) fn new() -> Self {
        // Distances are written eight at a time.
        Self { words: Box::new([0; WORDS]), distances: vec![0; CHUNK_ROWS + 8] }
    }
}

fn test<'a>(view: &View<'a>, filter: &FactFilter) -> Test<'a> {
    match filter {
        FactFilter::All(filters) => Test::All(filters.iter().map(|filter| test(view, filter)).collect()),
        FactFilter::Any(filters) => Test::Any(filters.iter().map(|filter| test(view, filter)).collect()),
        FactFilter::Not(filter) => Test::Not(Box::new(test(view, filter))),
        FactFilter::Leaves { hierarchy, wanted } => {
            let leaves = view.leaves(*hierarchy);
            // Only leaves that facts of the view have decide how the others are told apart.
            let zones = view.zones(*hierarchy);
            match zones.map(|zones| zones.ranges(wanted)).filter(|ranges| ranges.len() <= RANGES_MAX) {
                Some(ranges) => {
                    Test::Ranges { leaves, zones, ranges: ranges.into_iter().map(first_and_reach).collect() }
                }
                None => {
                    Test::Table { leaves, wanted: (0..wanted.len()).map(|leaf| u8::from(wanted.get(leaf))).collect() }
                }
            }
        }
    }
}

fn first_and_reach(range: Range<usize>) -> (u32, u32) {
    let code = crate::storage::codes::code_of;
    (code(range.start), code(range.len() - 1))
}

impl Test<'_> {
    /// Clears the bits of the rows that do not pass.
    fn keep(&self, chunk: &Range<usize>, words: &mut [u64]) {
        match self {
            Self::All(tests) => {
                for test in tests {
                    if words.iter().all(|word| *word == 0) {
                        break;
                    }
                    test.keep(chunk, words);
                }
            }
            Self::Any(tests) => {
                let mut any: Words = [0; WORDS];
                let mut one: Words = [0; WORDS];
                for test in tests {
                    let one = one.get_mut(..words.len()).unwrap_or_default();
                    one.copy_from_slice(words);
                    test.keep(chunk, one);
                    any.iter_mut().zip(one).for_each(|(any, one)| *any |= *one);
                }
                words.iter_mut().zip(&any).for_each(|(word, any)| *word &= any);
            }
            Self::Not(test) => {
                let mut one: Words = [0; WORDS];
                let one = one.get_mut(..words.len()).unwrap_or_default();
                one.copy_from_slice(words);
                test.keep(chunk, one);
                words.iter_mut().zip(one).for_each(|(word, one)| *word &= !*one);
            }
            Self::Ranges { leaves, zones, ranges } => match zones.and_then(|zones| zones.at(chunk.start)) {
                Some(bounds) if ranges.iter().all(|range| is_apart(*range, bounds)) => words.fill(0),
                Some(bounds) if ranges.iter().any(|range| is_around(*range, bounds)) => {}
                _ => with_codes!(leaves, |leaves| {
                    let leaves = leaves.get(chunk.clone()).unwrap_or_default();
                    keep_ranges(leaves, ranges, words);
                }),
            },
            Self::Table { leaves, wanted } => with_codes!(leaves, |leaves| {
                let leaves = leaves.get(chunk.clone()).unwrap_or_default();
                keep_wanted(leaves, wanted, words);
            }),
        }
    }
}

/// Whether no leaf within the bounds lies in the range.
fn is_apart((first, reach): (u32, u32), (low, high): (u32, u32)) -> bool {
    high < first || low > first + reach
}

/// Whether every leaf within the bounds lies in the range.
fn is_around((first, reach): (u32, u32), (low, high): (u32, u32)) -> bool {
    first <= low && high <= first + reach
}

fn keep_ranges<T: Code>(leaves: &[T], ranges: &[(u32, u32)], words: &mut [u64]) {
    match ranges {
        [(first, reach)] => {
            let (first, reach) = (T::narrow(*first), T::narrow(*reach));
            keep_where(leaves, words, |leaf| leaf.distance(first) <= reach);
        }
        [(first, reach), (second, reach_too)] => {
            let (first, reach) = (T::narrow(*first), T::narrow(*reach));
            let (second, reach_too) = (T::narrow(*second), T::narrow(*reach_too));
            keep_where(leaves, words, |leaf| (leaf.distance(first) <= reach) | (leaf.distance(second) <= reach_too));
        }
        ranges => {
            let ranges: Vec<(T, T)> =
                ranges.iter().map(|(first, reach)| (T::narrow(*first), T::narrow(*reach))).collect();
            keep_where(leaves, words, |leaf| {
                ranges.iter().fold(false, |is_in, (first, reach)| is_in | (leaf.distance(*first) <= *reach))
            });
        }
    }
}

fn keep_wanted<T: Code>(leaves: &[T], wanted: &[u8], words: &mut [u64]) {
    for (leaves, word) in leaves.chunks(64).zip(words) {
        // A lookup per row costs more than finding the few rows that are left.
        if word.count_ones() < 16 {
            let mut rest = *word;
            while rest != 0 {
                let row = rest.trailing_zeros();
                let is_wanted = leaves.get(row as usize).and_then(|leaf| wanted.get(leaf.index())) == Some(&1);
                *word &= !(u64::from(!is_wanted) << row);
                rest &= rest - 1;
            }
        } else {
            let mut bytes = [0_u8; 64];
            for (byte, leaf) in bytes.iter_mut().zip(leaves) {
                *byte = wanted.get(leaf.index()).copied().unwrap_or_default();
            }
            *word &= pack(&bytes);
        }
    }
}

/// Compares 64 leaves at a time, in a form that compilers turn into vector instructions.
#[inline]
fn keep_where<T: Code>(leaves: &[T], words: &mut [u64], is_wanted: impl Fn(T) -> bool) {
    let (blocks, rest) = leaves.as_chunks::<64>();
    let (whole, last) = words.split_at_mut(blocks.len().min(words.len()));
    for (block, word) in blocks.iter().zip(whole) {
        if *word != 0 {
            *word &= pack(&block.map(|leaf| u8::from(is_wanted(leaf))));
        }
    }
    if let Some(word) = last.first_mut() {
        let bits = rest.iter().enumerate().fold(0, |bits, (row, leaf)| bits | u64::from(is_wanted(*leaf)) << row);
        *word &= bits;
    }
}

/// 64 bytes that are 0 or 1, as bits.
#[inline]
fn pack(bytes: &[u8; 64]) -> u64 {
    /// Moves the lowest bit of byte `i` to bit `56 + i`.
    const GATHER: u64 = 0x0102_0408_1020_4080;
    let (eights, _) = bytes.as_chunks::<8>();
    eights
        .iter()
        .enumerate()
        .fold(0, |word, (index, eight)| word | (u64::from_le_bytes(*eight).wrapping_mul(GATHER) >> 56) << (8 * index))
}

/// The positions of the ones of each byte, eight of them whether or not they are all used.
static POSITIONS: [[u8; 8]; 256] = positions();

#[expect(clippy::indexing_slicing, reason = "it runs when the program is compiled")]
const fn positions() -> [[u8; 8]; 256] {
    let mut all = [[0; 8]; 256];
    let mut byte = 0;
    while byte < 256 {
        let (mut bit, mut count) = (0, 0);
        while bit < 8 {
            if byte >> bit & 1 == 1 {
                all[byte][count] = bit;
                count += 1;
            }
            bit += 1;
        }
        byte += 1;
    }
    all
}

/// Writes where the ones are; what follows them in `distances` is of no meaning.
fn write_distances(words: &[u64], distances: &mut [u16]) {
    let mut written = 0;
    for (start, word) in (0_u16..).step_by(64).zip(words) {
        if word.count_ones() < 8 {
            let mut rest = *word;
            while rest != 0 {
                if let Some(distance) = distances.get_mut(written) {
                    *distance = start + u16::try_from(rest.trailing_zeros()).unwrap_or_default();
                }
                written += 1;
                rest &= rest - 1;
            }
            continue;
        }
        for (first, byte) in (start..).step_by(8).zip(word.to_le_bytes()) {
            let places = POSITIONS.get(usize::from(byte)).copied().unwrap_or_default();
            if let Some(eight) = distances.get_mut(written..written + 8) {
                eight.iter_mut().zip(places).for_each(|(distance, place)| *distance = first + u16::from(place));
            }
            written += byte.count_ones() as usize;
        }
    }
}
