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
    simd::vectorized,
    storage::{
        bitmap::Bitmap,
        codes::{Code, Codes, code_of, with_codes},
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
    /// The leaf is a wanted one.
    Leaf {
        leaves: &'a Codes,
        zones: Option<&'a Zones>,
        wanted: Wanted,
        /// About how many of a thousand facts have a wanted leaf, as far as the leaves of facts that may be seen tell.
        permille: usize,
    },
}

#[derive(Debug)]
enum Wanted {
    /// In one of few ranges, each a first leaf and how far the last one is from it.
    Ranges(Vec<(u32, u32)>),
    /// One byte per leaf: 1 if it is wanted. And the range from the first to the last wanted one.
    Table { table: Vec<u8>, around: (u32, u32) },
}

/// More ranges than this are looked up instead of compared.
const RANGES_MAX: usize = 8;

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
        let wanted = match self.wanted.as_ref().map(|wanted| (wanted, wanted.verdict(chunk.start))) {
            Some((_, Some(false))) => return Rows::Range(chunk.start..chunk.start),
            Some((_, Some(true))) | None => None,
            Some((wanted, None)) => Some(wanted),
        };
        if self.visible.is_none() && wanted.is_none() {
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
        if let Some(wanted) = wanted {
            wanted.keep(&chunk, words);
        }
        let distances = &mut found.distances;
        let count: u32 = vectorized(
            #[inline(always)]
            || {
                let count = words.iter().map(|word| word.count_ones()).sum();
                if (1..chunk.len()).contains(&(count as usize)) {
                    write_distances(words, distances);
                }
                count
            },
        );
        if count as usize == chunk.len() {
            return Rows::Range(chunk);
        }
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
        FactFilter::All(filters) => {
            let mut tests: Vec<Test<'a>> = filters.iter().map(|filter| test(view, filter)).collect();
            // What leaves the fewest comes first, so that the others have less to look at.
            tests.sort_by_key(Test::permille);
            Test::All(tests)
        }
        FactFilter::Any(filters) => Test::Any(filters.iter().map(|filter| test(view, filter)).collect()),
        FactFilter::Not(filter) => Test::Not(Box::new(test(view, filter))),
        FactFilter::Leaves { hierarchy, wanted } => {
            let level = view.leaf_level(*hierarchy);
            let leaves = view.nodes(level);
            // Only leaves that facts of the view have decide how the others are told apart.
            let zones = view.zones(level);
            let ranges = zones.map(|zones| zones.ranges(leaves, wanted));
            let permille = zones.map_or(1000, |zones| {
                let present = zones.present(leaves, wanted.len());
                let both = present.positions().filter(|leaf| wanted.get(*leaf)).count();
                both * 1000 / present.ones().max(1)
            });
            Test::Leaf { leaves, zones, wanted: Wanted::of(wanted, ranges), permille }
        }
    }
}

impl Wanted {
    fn of(wanted: &Bitmap, ranges: Option<Vec<Range<usize>>>) -> Self {
        let first_and_reach = |range: Range<usize>| (code_of(range.start), code_of(range.len() - 1));
        match ranges {
            Some(ranges) if ranges.len() <= RANGES_MAX => {
                Self::Ranges(ranges.into_iter().map(first_and_reach).collect())
            }
            ranges => {
                let ends = ranges.as_ref().and_then(|ranges| Some((ranges.first()?.start, ranges.last()?.end)));
                let (first, end) = ends.unwrap_or((0, wanted.len()));
                let table = (0..wanted.len()).map(|leaf| u8::from(wanted.get(leaf))).collect();
                Self::Table { table, around: first_and_reach(first..end.max(first + 1)) }
            }
        }
    }
}

impl Test<'_> {
    /// What the bounds of a chunk tell of all of its rows.
    fn verdict(&self, chunk_start: usize) -> Option<bool> {
        match self {
            Self::All(tests) => {
                let mut verdicts = tests.iter().map(|test| test.verdict(chunk_start));
                let all = verdicts.try_fold(Some(true), |all, verdict| match verdict {
                    Some(false) => Err(()),
                    verdict => Ok(all.and(verdict)),
                });
                all.unwrap_or(Some(false))
            }
            Self::Any(_) => None,
            Self::Not(test) => test.verdict(chunk_start).map(|verdict| !verdict),
            Self::Leaf { zones, wanted, .. } => {
                let bounds = zones.and_then(|zones| zones.at(chunk_start))?;
                match wanted {
                    Wanted::Ranges(ranges) if ranges.iter().all(|range| is_apart(*range, bounds)) => Some(false),
                    Wanted::Ranges(ranges) if ranges.iter().any(|range| is_around(*range, bounds)) => Some(true),
                    Wanted::Table { around, .. } if is_apart(*around, bounds) => Some(false),
                    Wanted::Ranges(_) | Wanted::Table { .. } => None,
                }
            }
        }
    }

    /// About how many of a thousand rows pass, as far as the leaves tell.
    fn permille(&self) -> usize {
        match self {
            Self::All(tests) => tests.iter().map(Self::permille).min().unwrap_or(1000),
            Self::Any(tests) => tests.iter().map(Self::permille).sum::<usize>().min(1000),
            Self::Not(test) => 1000 - test.permille(),
            Self::Leaf { permille, .. } => *permille,
        }
    }

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
            Self::Leaf { leaves, wanted, .. } => match self.verdict(chunk.start) {
                Some(true) => {}
                Some(false) => words.fill(0),
                None => with_codes!(leaves, |leaves| {
                    let leaves = leaves.get(chunk.clone()).unwrap_or_default();
                    match wanted {
                        Wanted::Ranges(ranges) => keep_ranges(leaves, ranges, words),
                        Wanted::Table { table, .. } => keep_wanted(leaves, table, words),
                    }
                }),
            },
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
    match ranges.len() {
        0 => words.fill(0),
        1 => keep_in::<1, T>(leaves, ranges, words),
        2 => keep_in::<2, T>(leaves, ranges, words),
        3..=4 => keep_in::<4, T>(leaves, ranges, words),
        _ => keep_in::<RANGES_MAX, T>(leaves, ranges, words),
    }
}

/// With at most `COUNT` ranges, and at least one.
fn keep_in<const COUNT: usize, T: Code>(leaves: &[T], ranges: &[(u32, u32)], words: &mut [u64]) {
    let mut ranges = ranges.iter().map(|(first, reach)| (T::narrow(*first), T::narrow(*reach)));
    let first = ranges.next().unwrap_or((T::narrow(0), T::narrow(0)));
    // A range that is there already makes no difference.
    let ranges: [(T, T); COUNT] = std::array::from_fn(|_| ranges.next().unwrap_or(first));
    keep_where(
        leaves,
        words,
        #[inline(always)]
        |leaf| {
            let mut is_in = false;
            for (first, reach) in ranges {
                is_in |= leaf.distance(first) <= reach;
            }
            is_in
        },
    );
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
            let mut bytes = [0_u8; 64];
            for (byte, leaf) in bytes.iter_mut().zip(block) {
                *byte = u8::from(is_wanted(*leaf));
            }
            *word &= pack(&bytes);
        }
    }
    if let Some(word) = last.first_mut() {
        let bits = rest.iter().enumerate().fold(0, |bits, (row, leaf)| bits | u64::from(is_wanted(*leaf)) << row);
        *word &= bits;
    }
}

/// 64 bytes that are 0 or 1, as bits.
#[inline(always)]
fn pack(bytes: &[u8; 64]) -> u64 {
    /// Moves the lowest bit of byte `i` to bit `56 + i`.
    const GATHER: u64 = 0x0102_0408_1020_4080;
    let mut word = 0;
    for (index, eight) in bytes.as_chunks::<8>().0.iter().enumerate() {
        word |= (u64::from_le_bytes(*eight).wrapping_mul(GATHER) >> 56) << (8 * index);
    }
    word
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
#[inline(always)]
#[expect(clippy::inline_always, reason = "it is to take part in vector instructions")]
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
