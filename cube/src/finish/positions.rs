//! Finds cells among others by their nodes.

use std::borrow::Cow;

use super::columns::NO_CELL;
use crate::{limits::DENSE_CELLS_MAX, storage::codes::code_of};

/// The nodes of cells in one group: those that are looked among, and those that are looked for. [`NO_CELL`] is no node.
pub(super) struct Column<'a> {
    pub(super) node_count: usize,
    pub(super) among: &'a [u32],
    pub(super) wanted: Cow<'a, [u32]>,
}

/// Stands for "no such cell" among numbers of cells.
const NO_NUMBER: u64 = u64::MAX;

/// Where each wanted cell is among cells in natural order, or [`NO_CELL`].
pub(super) fn find(columns: &[Column<'_>], among_count: usize, wanted_count: usize) -> Vec<u32> {
    let (among, wanted, count) = numbered(columns, among_count, wanted_count);
    match usize::try_from(count) {
        Ok(count) if count <= DENSE_CELLS_MAX => {
            let mut table = vec![NO_CELL; count];
            for (position, number) in among.iter().enumerate() {
                if let Some(slot) = slot(&mut table, *number) {
                    *slot = code_of(position);
                }
            }
            wanted.iter().map(|number| at(&table, *number).unwrap_or(NO_CELL)).collect()
        }
        _ => find_sorted(&among, &wanted),
    }
}

/// A number per cell, equal for cells that have the same nodes in all columns, below the number of cells.
pub(super) fn identify(columns: &[Column<'_>], count: usize) -> Vec<u32> {
    let (_, numbers, number_count) = numbered(columns, 0, count);
    match usize::try_from(number_count) {
        Ok(number_count) if number_count <= DENSE_CELLS_MAX => {
            let mut next = 0;
            let mut table = vec![NO_CELL; number_count];
            let mut identify = |number: &u64| {
                let Some(slot) = slot(&mut table, *number) else { return NO_CELL };
                if *slot == NO_CELL {
                    *slot = next;
                    next += 1;
                }
                *slot
            };
            numbers.iter().map(&mut identify).collect()
        }
        _ => {
            let mut distinct = numbers.clone();
            distinct.sort_unstable();
            distinct.dedup();
            find_sorted(&distinct, &numbers)
        }
    }
}

/// Neighbours are usually at the same or the next place.
fn find_sorted(among: &[u64], wanted: &[u64]) -> Vec<u32> {
    let mut last = 0;
    let mut find = |number: &u64| {
        let near = (last..=last + 1).find(|place| among.get(*place) == Some(number));
        match near.or_else(|| among.binary_search(number).ok()) {
            Some(place) => {
                last = place;
                code_of(place)
            }
            None => NO_CELL,
        }
    };
    wanted.iter().map(&mut find).collect()
}

/// A number per cell in the order of their nodes, and one more than the largest.
fn numbered(columns: &[Column<'_>], among_count: usize, wanted_count: usize) -> (Vec<u64>, Vec<u64>, u64) {
    let (mut among, mut wanted) = (vec![0_u64; among_count], vec![0_u64; wanted_count]);
    let mut count: u64 = 1;
    for Column { node_count, among: nodes, wanted: wanted_nodes } in columns {
        let node_count = (*node_count as u64).max(1);
        if count.checked_mul(node_count).is_none() {
            count = compress(&mut among, &mut wanted);
        }
        count = count.saturating_mul(node_count);
        let append = |(number, node): (&mut u64, &u32)| {
            let is_there = *number != NO_NUMBER && *node != NO_CELL;
            *number = if is_there { *number * node_count + u64::from(*node) } else { NO_NUMBER };
        };
        among.iter_mut().zip(*nodes).for_each(append);
        wanted.iter_mut().zip(wanted_nodes.iter()).for_each(append);
    }
    (among, wanted, count)
}

/// Replaces numbers by their rank among all of them.
fn compress(among: &mut [u64], wanted: &mut [u64]) -> u64 {
    let mut distinct: Vec<u64> =
        among.iter().chain(wanted.iter()).copied().filter(|number| *number != NO_NUMBER).collect();
    distinct.sort_unstable();
    distinct.dedup();
    for number in among.iter_mut().chain(wanted.iter_mut()).filter(|number| **number != NO_NUMBER) {
        *number = distinct.partition_point(|other| *other < *number) as u64;
    }
    distinct.len() as u64
}

fn slot(table: &mut [u32], number: u64) -> Option<&mut u32> {
    table.get_mut(usize::try_from(number).ok()?)
}

fn at(table: &[u32], number: u64) -> Option<u32> {
    table.get(usize::try_from(number).ok()?).copied()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_cell_is_found_where_its_nodes_are(
            among in proptest::collection::btree_set([0..4_u32, 0..4, 0..4], 0..20),
            wanted in proptest::collection::vec([0..4_u32, 0..4, 0..4], 0..20),
            node_count in proptest::sample::select(vec![4_usize, 1 << 20, 1 << 30, 1 << 40]),
        ) {
            let among: Vec<[u32; 3]> = among.into_iter().collect();
            let column = |cells: &[[u32; 3]], part: usize| cells.iter().map(|cell| cell[part]).collect::<Vec<u32>>();
            let among_nodes = [0, 1, 2].map(|part| column(&among, part));
            let columns: Vec<Column<'_>> = among_nodes.iter().enumerate().map(|(part, nodes)| Column {
                node_count,
                among: nodes,
                wanted: Cow::Owned(column(&wanted, part)),
            }).collect();
            let expected: Vec<u32> = wanted.iter().map(|cell| among.binary_search(cell).map_or(NO_CELL, code_of)).collect();
            prop_assert_eq!(find(&columns, among.len(), wanted.len()), expected);

            let identities = identify(&columns, wanted.len());
            let distinct: BTreeSet<_> = wanted.iter().collect();
            prop_assert!(identities.iter().all(|identity| (*identity as usize) < distinct.len()));
            for (a, one) in wanted.iter().enumerate() {
                for (b, other) in wanted.iter().enumerate() {
                    prop_assert_eq!(one == other, identities[a] == identities[b]);
                }
            }
        }
    }
}
