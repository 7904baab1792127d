//! What is wrong with the objects of a Session.

use crate::snapshot::ObjectName;

/// Something that is wrong with an object.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// The object to change.
    pub object: ObjectName,
    /// The field to change, for example `spec.where[0].table`.
    pub field: String,
    /// What it means for the object's conditions.
    pub kind: ProblemKind,
    /// A sentence that names the nearest valid thing.
    pub message: String,
}

/// What a problem means for the object's conditions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ProblemKind {
    /// The object cannot be used as it stands: `Accepted=False`.
    Invalid,
    /// Another object already has this name: `Accepted=False`.
    Conflict,
    /// Something that the object refers to is missing or invalid: `ResolvedRefs=False`.
    Unresolved,
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}: {}", self.object, self.field, self.message)
    }
}
