//! What the newest publications of a Session were made of, to know what a pod that lags behind enforces.

use std::{collections::VecDeque, sync::Arc};

use cubegate_policy::{
    publication::{Publication, PublicationId},
    snapshot::Source,
};

use crate::limits::PUBLICATIONS_REMEMBERED_MAX;

/// The newest publications of one Session.
#[derive(Clone, Debug, Default)]
pub struct History(VecDeque<(PublicationId, Arc<[Source]>)>);

impl History {
    /// Remembers a publication.
    pub fn remember(&mut self, publication: &Publication) {
        if self.0.back().is_some_and(|(id, _)| id == publication.id()) {
            return;
        }
        if self.0.len() == PUBLICATIONS_REMEMBERED_MAX {
            self.0.pop_front();
        }
        self.0.push_back((publication.id().clone(), publication.snapshot().sources.as_slice().into()));
    }

    /// Whether the publication is known and was made of this very state of this object.
    pub fn contains(&self, id: &PublicationId, source: &Source) -> bool {
        self.0.iter().any(|(known, sources)| known == id && sources.contains(source))
    }
}
