//! A map from small numbers to small numbers that is often the identity.

/// A map from `0..len` to codes.
#[derive(Clone, Debug)]
pub(crate) enum Lookup {
    /// Every number to itself.
    Identity,
    /// Each number to its entry.
    Table(Vec<u32>),
}

impl Lookup {
    pub(crate) fn get(&self, index: u32) -> u32 {
        match self {
            Self::Identity => index,
            Self::Table(table) => {
                table.get(index as usize).copied().expect("lookups are asked only for codes of their own level")
            }
        }
    }
}
