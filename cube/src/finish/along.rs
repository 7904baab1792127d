//! Measures along a level: sums up to a member, and the member before.

use super::columns::NO_CELL;
use crate::{answer::Values, request::QueryError};

/// Sums of cells in natural order with those before them that have the same identity. Nulls add nothing; as long as there is
/// nothing else, the sum is null.
pub(super) fn running_total(values: &Values, identities: &[u32]) -> Result<Values, QueryError> {
    fn sums<T: Copy>(
        values: &[Option<T>],
        identities: &[u32],
        add: impl Fn(T, T) -> Option<T>,
    ) -> Result<Vec<Option<T>>, QueryError> {
        let count = identities.iter().max().map_or(0, |max| *max as usize + 1);
        let mut sums: Vec<Option<T>> = vec![None; count];
        let sum = |(value, identity): (&Option<T>, &u32)| {
            let Some(sum) = sums.get_mut(*identity as usize) else { return Ok(None) };
            *sum = match (*sum, *value) {
                (Some(sum), Some(value)) => Some(add(sum, value).ok_or(QueryError::DoesNotFit)?),
                (sum, value) => sum.or(value),
            };
            Ok(*sum)
        };
        values.iter().zip(identities).map(sum).collect()
    }
    Ok(match values {
        Values::Int64(values) => Values::Int64(sums(values, identities, i64::checked_add)?),
        Values::Decimal { units, scale } => {
            Values::Decimal { units: sums(units, identities, i128::checked_add)?, scale: *scale }
        }
        Values::Double(values) => {
            Values::Double(sums(values, identities, |sum, value| Some(sum + value).filter(|sum| sum.is_finite()))?)
        }
        Values::Members { .. } => unreachable!("a running total is of numbers, which the model has checked"),
    })
}

/// For each node the one before it among all of these, or [`NO_CELL`].
pub(super) fn previous_nodes(nodes: &[u32]) -> Vec<u32> {
    let Some(max) = nodes.iter().max() else { return Vec::new() };
    let mut previous = vec![NO_CELL; *max as usize + 1];
    // First which nodes there are, then the last one met before each.
    for node in nodes {
        if let Some(slot) = previous.get_mut(*node as usize) {
            *slot = *node;
        }
    }
    let mut last = NO_CELL;
    for slot in &mut previous {
        let here = *slot;
        *slot = last;
        if here != NO_CELL {
            last = here;
        }
    }
    nodes.iter().map(|node| previous.get(*node as usize).copied().unwrap_or(NO_CELL)).collect()
}
