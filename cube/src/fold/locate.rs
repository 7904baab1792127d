//! From facts to the numbers of their cells.

use super::{
    plan::{Key, Step},
    rows::Rows,
};
use crate::storage::codes::{Code, code_of, with_codes};

/// The slot of each row, when cells are dense.
pub(super) fn slots(keys: &[Key<'_>], rows: &Rows<'_>, slots: &mut [u32]) {
    for (index, key) in keys.iter().enumerate() {
        let is_first = index == 0;
        with_codes!(key.leaves, |leaves| match &key.step {
            Step::Leaf if key.stride == 1 => each(leaves, rows, slots, is_first, |leaf| code_of(leaf.index())),
            Step::Leaf => {
                let stride = code_of(key.stride);
                each(leaves, rows, slots, is_first, |leaf| code_of(leaf.index()).wrapping_mul(stride));
            }
            Step::Listed(listed) => {
                each(leaves, rows, slots, is_first, |leaf| listed.get(leaf.index()).copied().unwrap_or_default());
            }
        });
    }
}

/// Writes what each row adds for the first key, adds it for the others.
#[inline]
fn each<T: Code>(leaves: &[T], rows: &Rows<'_>, slots: &mut [u32], is_first: bool, part: impl Fn(T) -> u32) {
    let mut slots = slots.iter_mut();
    if is_first {
        rows.each(leaves, |leaf| {
            if let Some(slot) = slots.next() {
                *slot = part(leaf);
            }
        });
    } else {
        rows.each(leaves, |leaf| {
            if let Some(slot) = slots.next() {
                *slot = slot.wrapping_add(part(leaf));
            }
        });
    }
}
