//! The policies that the sidecar handed over, each bound to the loaded model.

use std::{sync::Arc, time::Instant};

use cubegate_policy::{
    bind::{BindProblem, BoundAccess, ModelShape},
    publication::{AccessPublication, PublicationId},
};

use crate::limits::{POLICIES_KEPT, SUPERSEDED_AGE_MAX};

/// The newest few policies, newest first. All but the newest are there for requests that were on their way when the
/// next one came, and for no longer than such a request takes.
#[derive(Clone, Default)]
pub(crate) struct Policies(Vec<Kept>);

#[derive(Clone)]
struct Kept {
    policy: Arc<Policy>,
    superseded_at: Option<Instant>,
}

/// One policy, bound once there is a model.
pub(crate) struct Policy {
    publication: AccessPublication,
    bound: Option<Arc<BoundAccess>>,
}

impl Policies {
    /// These policies and a new one. The newest is the one handed over last, whatever its revision: which
    /// policy is in force is the sidecar's decision, not ours.
    #[must_use]
    pub(crate) fn with(&self, publication: AccessPublication, model: Option<&ModelShape>, now: Instant) -> Self {
        let newest = Policy::bind(publication, model);
        let revision = newest.revision();
        let older = self.0.iter().filter(|kept| kept.policy.revision() != revision);
        let older = older.map(|kept| Kept { superseded_at: kept.superseded_at.or(Some(now)), ..kept.clone() });
        let newest = Kept { policy: Arc::new(newest), superseded_at: None };
        Self(std::iter::once(newest).chain(older).take(POLICIES_KEPT).collect())
    }

    /// The same policies, bound to another model.
    #[must_use]
    pub(crate) fn rebound(&self, model: &ModelShape) -> Self {
        let rebound = self.0.iter().map(|kept| Kept {
            policy: Arc::new(Policy::bind(kept.policy.publication.clone(), Some(model))),
            superseded_at: kept.superseded_at,
        });
        Self(rebound.collect())
    }

    /// The policy of a revision, unless it was superseded too long ago to decide anything.
    pub(crate) fn revision(&self, revision: u64, now: Instant) -> Option<&Arc<Policy>> {
        let in_time = |at: Instant| now.saturating_duration_since(at) <= SUPERSEDED_AGE_MAX;
        let kept = self.0.iter().find(|kept| kept.policy.revision() == revision)?;
        kept.superseded_at.is_none_or(in_time).then_some(&kept.policy)
    }

    /// Identity and problems of the newest policy.
    pub(crate) fn newest(&self) -> Option<(&PublicationId, &[BindProblem])> {
        let newest = &self.0.first()?.policy;
        Some((&newest.publication.id, newest.bound.as_ref().map_or(&[][..], |bound| bound.problems())))
    }
}

impl Policy {
    /// The bound form; absent until a model is loaded.
    pub(crate) fn bound(&self) -> Option<&Arc<BoundAccess>> {
        self.bound.as_ref()
    }

    fn bind(publication: AccessPublication, model: Option<&ModelShape>) -> Self {
        let bound = model.map(|model| Arc::new(BoundAccess::bind(&publication.access, model)));
        Self { publication, bound }
    }

    fn revision(&self) -> u64 {
        self.publication.id.revision
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use cubegate_policy::snapshot::Access;

    use super::*;

    fn publication(revision: u64) -> AccessPublication {
        AccessPublication { id: PublicationId { revision, sha256: String::new() }, access: Access::default() }
    }

    #[test]
    fn a_superseded_policy_decides_only_what_was_on_its_way() {
        let start = Instant::now();
        let first = Policies::default().with(publication(1), None, start);
        let edited = start + Duration::from_mins(1);
        let both = first.with(publication(2), None, edited);
        assert!(both.revision(1, edited + SUPERSEDED_AGE_MAX).is_some());
        let late = edited + SUPERSEDED_AGE_MAX + Duration::from_millis(1);
        assert!(both.revision(1, late).is_none() && both.revision(2, late).is_some());
        let again = both.with(publication(2), None, late);
        assert!(again.revision(1, late).is_none(), "handing over once more revived an old policy");
    }
}
