//! Paths of members as the codes that rows have.

use std::{cmp::Ordering, collections::BTreeSet, ops::Range};

use super::{PathTest, Paths};
use crate::storage::{bitmap::Bitmap, codes::code_of, dictionary::Dictionary};

/// What a test wants, in the codes of the columns.
pub(super) enum CodedPaths {
    /// Ordered, and none of them begins with another.
    In(Vec<Vec<u32>>),
    /// By column the codes that a bound stands for: smaller ones are before it, larger ones behind. An empty bound is none.
    Between { from: Vec<Range<u32>>, to: Vec<Range<u32>> },
}

impl CodedPaths {
    /// None: what is meant is not known, so nothing passes, whether or not the test is negated.
    pub(super) fn new(
        PathTest { columns: _, negated, paths }: &PathTest,
        dictionaries: &[&Dictionary],
    ) -> Option<Self> {
        match paths {
            Paths::In(paths) if *negated && !paths.iter().all(|path| can_hold(dictionaries, path)) => None,
            Paths::In(paths) => Some(Self::In(coded(dictionaries, paths))),
            Paths::Between { from, to } => {
                // From a larger to a smaller path there is nothing, and nothing to exclude.
                if compare(dictionaries, from, to) == Some(Ordering::Greater) {
                    return None;
                }
                Some(Self::Between { from: bound(dictionaries, from)?, to: bound(dictionaries, to)? })
            }
        }
    }

    /// Whether a path is wanted, given the codes of missing values.
    pub(super) fn hold(&self, path: &[u32], missing: &[u32]) -> bool {
        match self {
            Self::In(wanted) => {
                // As none begins with another, only the last one that is not behind the path can be its beginning.
                let behind = wanted.partition_point(|wanted| wanted.as_slice() <= path);
                behind.checked_sub(1).and_then(|last| wanted.get(last)).is_some_and(|wanted| path.starts_with(wanted))
            }
            Self::Between { from, to } => {
                lies_on(Ordering::Greater, from, path, missing) && lies_on(Ordering::Less, to, path, missing)
            }
        }
    }

    /// The codes that are wanted of the only column.
    pub(super) fn of_one_column(&self, dictionary: &Dictionary) -> Bitmap {
        let code_count = dictionary.len();
        match self {
            Self::In(paths) => Bitmap::of_positions(code_count, paths.iter().filter_map(|path| path.first().copied())),
            Self::Between { .. } => {
                let missing = [dictionary.missing()];
                Bitmap::from_fn(code_count, |code| self.hold(&[code_of(code)], &missing))
            }
        }
    }
}

fn can_hold(dictionaries: &[&Dictionary], path: &[String]) -> bool {
    path.len() <= dictionaries.len()
        && path.iter().zip(dictionaries).all(|(member, dictionary)| dictionary.can_hold(member))
}

/// The paths that some row could have.
fn coded(dictionaries: &[&Dictionary], paths: &BTreeSet<Vec<String>>) -> Vec<Vec<u32>> {
    let found = |path: &Vec<String>| {
        let found = path.iter().zip(dictionaries).map(|(member, dictionary)| dictionary.find(member));
        found.collect::<Option<Vec<u32>>>().filter(|found| found.len() == path.len())
    };
    let mut coded: Vec<Vec<u32>> = paths.iter().filter_map(found).collect();
    coded.sort_unstable();
    coded.dedup_by(|next, kept| next.starts_with(kept));
    coded
}

/// Which of two bounds is larger, as far as both go; none when a value cannot be read by the type.
fn compare(dictionaries: &[&Dictionary], from: &[String], to: &[String]) -> Option<Ordering> {
    let mut members = from.iter().zip(to).zip(dictionaries).map(|((from, to), of)| of.compare(from, to));
    members.find(|order| *order != Some(Ordering::Equal)).unwrap_or(Some(Ordering::Equal))
}

/// None when a value cannot be read by the type, or there is no column for it.
fn bound(dictionaries: &[&Dictionary], path: &[String]) -> Option<Vec<Range<u32>>> {
    let codes = path.iter().zip(dictionaries).map(|(member, of)| of.between(Some(member), Some(&of.through(member))));
    codes.collect::<Option<Vec<_>>>().filter(|codes| codes.len() == path.len())
}

/// Whether a path is on this side of a bound, or is what the bound stands for. A missing value is on neither side.
fn lies_on(side: Ordering, bound: &[Range<u32>], path: &[u32], missing: &[u32]) -> bool {
    for ((bound, code), missing) in bound.iter().zip(path).zip(missing) {
        if code == missing {
            return false;
        }
        if *code < bound.start {
            return side == Ordering::Less;
        }
        if *code >= bound.end {
            return side == Ordering::Greater;
        }
    }
    true
}
