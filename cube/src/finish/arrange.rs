//! Puts rows in order: totals before what they are totals of, siblings by the criteria, else in natural order.

use std::cmp::Ordering;

use rayon::slice::ParallelSliceMut as _;

use super::{Depths, Row, Rows, columns::NO_CELL, evaluate::Evaluator};
use crate::{
    answer::Values,
    request::{Direction, QueryError},
    resolve::{OrderBy, Resolved},
    storage::codes::code_of,
};

/// A cell that is to be put in order.
#[derive(Clone, Copy)]
struct Item {
    /// The first key, kept here because most comparisons need no other.
    key: u128,
    /// Of the parent among its own siblings.
    place_above: u32,
    cell: u32,
}

/// The rows of the answer, cut.
pub(super) fn rows(
    resolved: &Resolved<'_>,
    depths: &Depths,
    kept: &[Vec<bool>],
    evaluator: &mut Evaluator<'_>,
) -> Result<Rows, QueryError> {
    if depths.parents.is_empty() {
        let is_kept = kept.first().map(Vec::as_slice).unwrap_or_default();
        let end = resolved.offset.saturating_add(resolved.limit);
        let keys = keys(resolved, depths, 0, evaluator)?;
        if keys.is_empty() && resolved.offset == 0 && is_kept.len() <= end && is_kept.iter().all(|kept| *kept) {
            return Ok(Rows::All);
        }
        let cells = (0..code_of(is_kept.len())).zip(is_kept).filter(|(_, kept)| **kept).map(|(cell, _)| cell);
        let cells = if keys.is_empty() { cells.collect() } else { first_in_order(cells, &keys, end) };
        return Ok(Rows::Cells(cells.into_iter().skip(resolved.offset).take(resolved.limit).collect()));
    }
    let mut order = Vec::new();
    for (index, kept) in kept.iter().enumerate() {
        let keys = keys(resolved, depths, index, evaluator)?;
        let parents = index.checked_sub(1).and_then(|above| depths.parents.get(above));
        order = in_order_of_parents(&order, parents.map(|parents| parents.as_slice()), &keys, kept.len());
        evaluator.check()?;
    }
    Ok(Rows::Mixed(interleaved(resolved, depths, kept, &order)))
}

/// Keys of the cells of a depth, one list per criterion that tells siblings apart.
fn keys(
    resolved: &Resolved<'_>,
    depths: &Depths,
    index: usize,
    evaluator: &mut Evaluator<'_>,
) -> Result<Vec<Vec<u128>>, QueryError> {
    let grouping = depths.groupings.get(index).copied().unwrap_or_default();
    let mut keys = Vec::new();
    for (by, direction) in &resolved.order {
        match by {
            OrderBy::Measure(measure) => keys.push(keys_of(&*evaluator.values(grouping, *measure)?, *direction)),
            // In a total above the column, all are null.
            OrderBy::Level(column) if *column < depths.first + index => {
                let column = resolved.columns.get(*column).expect("columns are known by their index in the query");
                let nodes = evaluator.nodes_at(grouping, column.group, column.at.level).all();
                let member = |node: &u32| key(u128::from(column.level.member(*node)), *direction);
                keys.push(nodes.iter().map(member).collect());
            }
            OrderBy::Level(_) => {}
        }
    }
    Ok(keys)
}

/// Numbers in the order of the values, nulls last.
fn keys_of(values: &Values, direction: Direction) -> Vec<u128> {
    fn of<T: Copy>(values: &[Option<T>], direction: Direction, rank: impl Fn(T) -> u128) -> Vec<u128> {
        values.iter().map(|value| value.map_or(u128::MAX, |value| key(rank(value), direction))).collect()
    }
    match values {
        Values::Members { codes, .. } => of(codes, direction, u128::from),
        Values::Int64(values) => of(values, direction, |value| (value.cast_unsigned() ^ 1 << 63).into()),
        Values::Double(values) => of(values, direction, |value| {
            let bits = value.to_bits();
            (if bits >> 63 == 0 { bits | 1 << 63 } else { !bits }).into()
        }),
        // No sum of 64-bit numbers comes near these ends, and without them no value is like null.
        Values::Decimal { units, .. } => {
            const END: i128 = 1 << 126;
            of(units, direction, |units| (units.clamp(-END, END - 1) + END).cast_unsigned())
        }
    }
}

fn key(rank: u128, direction: Direction) -> u128 {
    match direction {
        Direction::Asc => rank,
        Direction::Desc => (u128::MAX >> 1) - rank,
    }
}

fn compare(keys: &[Vec<u128>], a: &Item, b: &Item) -> Ordering {
    let by_key = |keys: &Vec<u128>| keys.get(a.cell as usize).cmp(&keys.get(b.cell as usize));
    (a.place_above, a.key)
        .cmp(&(b.place_above, b.key))
        .then_with(|| keys.iter().skip(1).map(by_key).find(|ordering| ordering.is_ne()).unwrap_or(Ordering::Equal))
        .then_with(|| a.cell.cmp(&b.cell))
}

fn item(keys: &[Vec<u128>], place_above: u32, cell: u32) -> Item {
    let key = keys.first().and_then(|keys| keys.get(cell as usize)).copied().unwrap_or_default();
    Item { key, place_above, cell }
}

/// The first cells in order.
fn first_in_order(cells: impl Iterator<Item = u32>, keys: &[Vec<u128>], count: usize) -> Vec<u32> {
    let mut items: Vec<Item> = cells.map(|cell| item(keys, 0, cell)).collect();
    if count < items.len() {
        items.select_nth_unstable_by(count, |a, b| compare(keys, a, b));
        items.truncate(count);
    }
    items.par_sort_unstable_by(|a, b| compare(keys, a, b));
    items.into_iter().map(|item| item.cell).collect()
}

/// All cells of a depth: in the order of their parents, and then by the keys.
fn in_order_of_parents(order_above: &[u32], parents: Option<&[u32]>, keys: &[Vec<u128>], count: usize) -> Vec<u32> {
    if keys.is_empty() && order_above.is_sorted() {
        return (0..code_of(count)).collect();
    }
    let mut place_above = vec![0; order_above.len()];
    for (place, cell) in (0_u32..).zip(order_above) {
        if let Some(slot) = place_above.get_mut(*cell as usize) {
            *slot = place;
        }
    }
    let place = |cell: u32| place_above.get(*parents?.get(cell as usize)? as usize).copied();
    let mut items: Vec<Item> =
        (0..code_of(count)).map(|cell| item(keys, place(cell).unwrap_or_default(), cell)).collect();
    items.par_sort_unstable_by(|a, b| compare(keys, a, b));
    items.into_iter().map(|item| item.cell).collect()
}

/// Every cell after those above it, as the deepest ones come.
fn interleaved(resolved: &Resolved<'_>, depths: &Depths, kept: &[Vec<bool>], deepest: &[u32]) -> Vec<Row> {
    let end = resolved.offset.saturating_add(resolved.limit);
    let mut rows = Vec::new();
    let mut seen = 0;
    let mut open = vec![NO_CELL; depths.groupings.len()];
    for cell in deepest {
        if seen >= end {
            break;
        }
        // From the deepest cell up to the first one that is still open.
        let mut current = *cell;
        let mut opened = 0;
        for index in (0..open.len()).rev() {
            match open.get_mut(index) {
                Some(open) if *open != current => *open = current,
                _ => {
                    opened = index + 1;
                    break;
                }
            }
            let parents = index.checked_sub(1).and_then(|above| depths.parents.get(above));
            current = parents.and_then(|parents| parents.get(current as usize)).copied().unwrap_or(NO_CELL);
        }
        for (index, cell) in open.iter().enumerate().skip(opened) {
            if kept.get(index).and_then(|kept| kept.get(*cell as usize)).is_some_and(|kept| *kept) {
                if (resolved.offset..end).contains(&seen) {
                    rows.push(Row { grouping: code_of(index), cell: *cell });
                }
                seen += 1;
            }
        }
    }
    rows
}
