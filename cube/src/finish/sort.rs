//! Orders rows; with totals, the rows of each total among themselves.

use std::cmp::Ordering;

use super::{Paths, roll_up::Rows};
use crate::{
    answer::Values,
    request::Direction,
    resolve::{OrderBy, Resolved},
};

struct Criteria<'a> {
    order: &'a [(OrderBy, Direction)],
    paths: &'a Paths<'a>,
    rows: &'a Rows,
    values: &'a [Values],
}

/// Orders row numbers that are in natural order, totals first.
pub(super) fn sort(resolved: &Resolved<'_>, paths: &Paths<'_>, rows: &Rows, values: &[Values], numbers: &mut [usize]) {
    if resolved.order.is_empty() {
        return;
    }
    let criteria = Criteria { order: &resolved.order, paths, rows, values };
    if resolved.totals {
        criteria.sort_siblings(numbers);
    } else {
        numbers.sort_by(|a, b| criteria.compare(*a, *b));
    }
}

impl Criteria<'_> {
    /// Rows of one depth, each followed by the rows below it.
    fn sort_siblings(&self, numbers: &mut [usize]) {
        let Some(depth) = numbers.first().map(|first| self.depth(*first)) else { return };
        let mut families: Vec<Vec<usize>> =
            numbers.chunk_by(|_, next| self.depth(*next) > depth).map(<[usize]>::to_vec).collect();
        families.sort_by(|a, b| match (a.first(), b.first()) {
            (Some(a), Some(b)) => self.compare(*a, *b),
            _ => Ordering::Equal,
        });
        for family in &mut families {
            if let Some((_, below)) = family.split_first_mut() {
                self.sort_siblings(below);
            }
        }
        for (number, sorted) in numbers.iter_mut().zip(families.into_iter().flatten()) {
            *number = sorted;
        }
    }

    fn depth(&self, row: usize) -> usize {
        self.rows.headers.get(row).map_or(0, |row| row.depth)
    }

    fn compare(&self, a: usize, b: usize) -> Ordering {
        let by_one = |(by, direction): &(OrderBy, Direction)| match by {
            OrderBy::Level(column) => {
                let member = |row| self.paths.member_of_row(self.rows, row, *column);
                nulls_last(member(a), member(b), *direction, u32::cmp)
            }
            OrderBy::Measure(measure) => match self.values.get(*measure) {
                Some(values) => values.compare(a, b, *direction),
                None => Ordering::Equal,
            },
        };
        self.order.iter().map(by_one).find(|ordering| ordering.is_ne()).unwrap_or(Ordering::Equal)
    }
}

/// Compares in a direction, nulls last both ways.
pub(crate) fn nulls_last<T>(
    a: Option<T>,
    b: Option<T>,
    direction: Direction,
    compare: impl Fn(&T, &T) -> Ordering,
) -> Ordering {
    match (a, b) {
        (Some(a), Some(b)) => match direction {
            Direction::Asc => compare(&a, &b),
            Direction::Desc => compare(&b, &a),
        },
        (a, b) => a.is_none().cmp(&b.is_none()),
    }
}
