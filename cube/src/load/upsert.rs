//! Which rows are kept when a later row replaces an earlier one with the same key.

use std::collections::HashMap;

use super::column::ColumnBuilder;

/// The rows that are kept: of those with the same key the last, at the place of the first.
pub(super) fn kept_rows(keys: &[&ColumnBuilder], row_count: usize) -> Vec<usize> {
    if keys.is_empty() {
        return (0..row_count).collect();
    }
    // Columns are folded into one number per row, so that any count of key columns hashes two numbers.
    let mut identities = vec![0_u64; row_count];
    for key in keys {
        let mut ids: HashMap<(u64, u64), u64> = HashMap::with_capacity(row_count);
        for (row, identity) in identities.iter_mut().enumerate() {
            let next = ids.len() as u64;
            *identity = *ids.entry((*identity, key.identity(row).unwrap_or_default())).or_insert(next);
        }
    }
    let mut kept: Vec<usize> = Vec::with_capacity(row_count);
    for (row, identity) in identities.iter().enumerate() {
        // Identities count up from 0 as keys are first seen.
        match usize::try_from(*identity).ok().and_then(|identity| kept.get_mut(identity)) {
            Some(earlier) => *earlier = row,
            None => kept.push(row),
        }
    }
    kept
}
