//! What is wrong with the objects of a Session.

use std::collections::{BTreeMap, BTreeSet};

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

/// All problems found so far. Each stage adds to them; none stops at the first.
#[derive(Debug, Default)]
pub(super) struct Problems(BTreeMap<ObjectName, BTreeSet<Problem>>);

impl Problems {
    /// Adds a problem and returns it as a reason for a refusal.
    pub(super) fn report(
        &mut self,
        object: &ObjectName,
        kind: ProblemKind,
        field: impl Into<String>,
        message: impl Into<String>,
    ) -> String {
        let problem = Problem { object: object.clone(), field: field.into(), kind, message: message.into() };
        let reason = problem.to_string();
        self.0.entry(object.clone()).or_default().insert(problem);
        reason
    }

    /// What is wrong with one object, as reasons for a refusal.
    pub(super) fn reasons(&self, object: &ObjectName) -> BTreeSet<String> {
        self.0.get(object).into_iter().flatten().map(ToString::to_string).collect()
    }

    pub(super) fn into_ordered(self) -> Vec<Problem> {
        self.0.into_values().flatten().collect()
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}: {}", self.object, self.field, self.message)
    }
}
