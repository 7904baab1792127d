//! What of a cube there is for whoever asks.

use std::collections::BTreeSet;

use crate::mask::Mask;

/// The measures that there are for whoever asks.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Granted {
    /// All of them.
    #[default]
    All,
    /// Those of these names. The others are no names at all. A measure that is there may be made of others that are not. Rows
    /// then have the columns that levels are made of, and those that these measures tell of single facts.
    Only(BTreeSet<String>),
}

/// The part of a cube that there is for whoever asks: some facts, and some measures.
#[derive(Clone, Copy, Debug)]
pub struct Scope<'a> {
    /// The facts.
    pub mask: &'a Mask,
    /// The measures.
    pub measures: &'a Granted,
}

impl Granted {
    /// Whether there is a measure of this name, if the cube has it.
    pub fn contains(&self, measure: &str) -> bool {
        match self {
            Self::All => true,
            Self::Only(names) => names.contains(measure),
        }
    }
}

/// These facts, and all measures.
impl<'a> From<&'a Mask> for Scope<'a> {
    fn from(mask: &'a Mask) -> Self {
        Self { mask, measures: &Granted::All }
    }
}
