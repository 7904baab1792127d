//! What the holders of a role are restricted by, as their Restrictions say it.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::ClaimPath;
use crate::{cubes::CubePattern, cut::Cut, limits::VALUES_LISTED_MAX};

/// What is to hold of visible rows.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Clause {
    /// What is to hold.
    pub condition: Condition,
    /// Name of the Restriction that says so.
    pub restriction: String,
}

/// What a Restriction says in one item.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub enum Condition {
    /// Of the value of a column or level.
    Line {
        /// What it speaks of.
        subject: Subject,
        /// Whether the value must not be wanted; a missing value then fails all the same.
        negated: bool,
        /// What is wanted.
        wanted: Wanted,
    },
    /// Of the members of a hierarchy.
    Cut {
        /// In which cubes: one that is named must have the hierarchy; of several, those are concerned that have it.
        cube: CubePattern,
        /// What holds there.
        cut: Cut,
    },
}

/// What a line speaks of.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub enum Subject {
    /// A column: in every cube, and in tables.
    Column(ColumnName),
    /// A level of one cube, and nothing else.
    #[serde(rename_all = "camelCase")]
    Level {
        /// Name of the cube.
        cube: String,
        /// `Level`, or `Hierarchy/Level`.
        level: String,
    },
}

/// Values, or where the caller brings them from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub enum Wanted {
    /// These.
    Values(Values),
    /// One of the caller's values of this claim. A caller without any satisfies no clause that speaks of it.
    Claim(ClaimPath),
}

/// Values as text, to be read by the type of the column. One that the type cannot hold matches nothing, and leaves
/// nothing over where it is negated.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub enum Values {
    /// One of these. Not empty. `N/A` is the missing value of every type.
    In(BTreeSet<String>),
    /// Between these, inclusive; at least one of them is there. A missing value is not.
    Between {
        /// The smallest.
        from: Option<String>,
        /// The largest.
        to: Option<String>,
    },
}

/// A column of a table of the Session.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ColumnName {
    /// Name of the table.
    pub table: String,
    /// Name of the column.
    pub column: String,
}

// === impl ===

impl std::fmt::Display for Subject {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Column(column) => column.fmt(f),
            Self::Level { cube, level } => write!(f, "{cube}: {level}"),
        }
    }
}

impl std::fmt::Display for Values {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::In(values) => write_choice(f, values.iter().cloned()),
            Self::Between { from, to } => write_range(f, from.as_deref(), to.as_deref()),
        }
    }
}

/// As far as a person reads on.
pub(crate) fn write_choice(
    f: &mut std::fmt::Formatter<'_>,
    values: impl ExactSizeIterator<Item = String>,
) -> std::fmt::Result {
    let count = values.len();
    let listed = values.take(VALUES_LISTED_MAX).collect::<Vec<_>>().join(", ");
    match count {
        1 => f.write_str(&listed),
        0..=VALUES_LISTED_MAX => write!(f, "one of {listed}"),
        count => write!(f, "one of {listed}, {} more", count.saturating_sub(VALUES_LISTED_MAX)),
    }
}

pub(crate) fn write_range(f: &mut std::fmt::Formatter<'_>, from: Option<&str>, to: Option<&str>) -> std::fmt::Result {
    match (from, to) {
        (Some(from), Some(to)) => write!(f, "between {from} and {to}"),
        (Some(from), None) => write!(f, "at least {from}"),
        (None, Some(to)) => write!(f, "at most {to}"),
        (None, None) => f.write_str("anything"),
    }
}

impl std::fmt::Display for ColumnName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.table, self.column)
    }
}

/// A cut as it was written.
impl std::fmt::Display for Condition {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Line { subject, negated, wanted } => {
                let is = if *negated { "is not" } else { "is" };
                match wanted {
                    Wanted::Values(values) => write!(f, "{subject} {is} {values}"),
                    Wanted::Claim(claim) => write!(f, "{subject} {is} one of the caller's own: {claim}"),
                }
            }
            Self::Cut { cube, cut } => write!(f, "{cube}: {cut}"),
        }
    }
}
