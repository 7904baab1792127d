//! The policies that the sidecar handed over, each bound to the loaded model.

use std::sync::Arc;

use cubegate_policy::{
    bind::{BindProblem, BoundAccess, ModelShape},
    publication::{AccessPublication, PublicationId},
};

use crate::limits::POLICIES_KEPT;

/// The newest few policies, newest first.
#[derive(Clone, Default)]
pub(crate) struct Policies(Vec<Arc<Policy>>);

/// One policy, bound once there is a model.
pub(crate) struct Policy {
    publication: AccessPublication,
    bound: Option<BoundAccess>,
}

impl Policies {
    /// These policies and a new one. The newest is the one handed over last, whatever its revision: which
    /// policy is in force is the sidecar's decision, not ours.
    #[must_use]
    pub(crate) fn with(&self, publication: AccessPublication, model: Option<&ModelShape>) -> Self {
        let newest = Arc::new(Policy::bind(publication, model));
        let older = self.0.iter().filter(|policy| policy.publication.id.revision != newest.publication.id.revision);
        Self(std::iter::once(Arc::clone(&newest)).chain(older.cloned()).take(POLICIES_KEPT).collect())
    }

    /// The same policies, bound to another model.
    #[must_use]
    pub(crate) fn rebound(&self, model: &ModelShape) -> Self {
        Self(self.0.iter().map(|policy| Arc::new(Policy::bind(policy.publication.clone(), Some(model)))).collect())
    }

    /// The policy of a revision.
    pub(crate) fn revision(&self, revision: u64) -> Option<&Arc<Policy>> {
        self.0.iter().find(|policy| policy.publication.id.revision == revision)
    }

    /// Identity and problems of the newest policy.
    pub(crate) fn newest(&self) -> Option<(&PublicationId, &[BindProblem])> {
        let newest = self.0.first()?;
        Some((&newest.publication.id, newest.bound.as_ref().map_or(&[][..], BoundAccess::problems)))
    }
}

impl Policy {
    /// The bound form; absent until a model is loaded.
    pub(crate) fn bound(&self) -> Option<&BoundAccess> {
        self.bound.as_ref()
    }

    fn bind(publication: AccessPublication, model: Option<&ModelShape>) -> Self {
        let bound = model.map(|model| BoundAccess::bind(&publication.access, model));
        Self { publication, bound }
    }
}
