//! Who may read what: the one way from a request to cubes and tables.

use std::{sync::Arc, time::Instant};

use cubegate_policy::nearest::nearest;
use http::HeaderMap;
use tracing::warn;

use crate::{
    caller::Caller,
    model::{LoadedModel, VisibleCube, VisibleTable},
    policies::Policy,
    problem::Problem,
    state::{ModelSlot, Shared},
};

/// A caller whose roles were decided by a policy that this engine has, bound to the model that it has.
pub(super) struct Admitted {
    caller: Caller,
    policy: Arc<Policy>,
    model: Arc<LoadedModel>,
}

impl Admitted {
    pub(super) fn new(shared: &Shared, headers: &HeaderMap) -> Result<Self, Problem> {
        let caller = Caller::from_headers(headers)?;
        let state = shared.current();
        let model = match &state.model {
            ModelSlot::Loading => return Err(Problem::ModelLoading),
            ModelSlot::Failed(_) => return Err(Problem::ModelFailed),
            ModelSlot::Loaded(model) => Arc::clone(model),
        };
        let policy =
            state.policies.revision(caller.revision, Instant::now()).ok_or(Problem::PolicyMissing(caller.revision))?;
        Ok(Self { policy: Arc::clone(policy), caller, model })
    }

    /// The policy that the answer is made by.
    pub(super) fn revision(&self) -> u64 {
        self.caller.revision
    }

    pub(super) fn cube(&self, name: &str) -> Result<VisibleCube, Problem> {
        let bound = self.policy.bound().ok_or(Problem::ModelLoading)?;
        if !self.model.has_cube(name) {
            let visible: Vec<_> = self.visible_cubes().collect();
            let nearest = nearest(name, visible.iter().map(VisibleCube::name));
            return Err(Problem::UnknownCube { name: name.to_owned(), nearest: nearest.map(str::to_owned) });
        }
        let visibility = bound.visibility(name, &self.caller.roles, &self.caller.attributes).map_err(|refusal| {
            warn!(user = self.caller.user, cube = name, ?refusal, "refused");
            Problem::Refused(refusal)
        })?;
        Ok(VisibleCube::new(Arc::clone(&self.model), name, visibility))
    }

    /// The cubes that do not refuse this caller.
    pub(super) fn visible_cubes(&self) -> impl Iterator<Item = VisibleCube> {
        self.model.cube_names().filter_map(|name| self.cube(name).ok())
    }

    pub(super) fn table(&self, name: &str) -> Result<VisibleTable, Problem> {
        if self.model.table(name).is_none() {
            let visible: Vec<_> = self.visible_tables().collect();
            let nearest = nearest(name, visible.iter().map(VisibleTable::name));
            return Err(Problem::UnknownTable { name: name.to_owned(), nearest: nearest.map(str::to_owned) });
        }
        self.open_table(name).map_err(|problem| {
            warn!(user = self.caller.user, table = name, ?problem, "refused");
            problem
        })
    }

    /// The tables that do not refuse this caller.
    pub(super) fn visible_tables(&self) -> impl Iterator<Item = VisibleTable> {
        self.model.table_names().filter_map(|name| self.open_table(name).ok())
    }

    /// The tables that do not refuse this caller, and the joins between them.
    pub(super) fn mermaid(&self) -> String {
        self.model.mermaid(|table| self.open_table(table).is_ok())
    }

    fn open_table(&self, name: &str) -> Result<VisibleTable, Problem> {
        let bound = self.policy.bound().ok_or(Problem::ModelLoading)?;
        let Caller { roles, attributes, .. } = &self.caller;
        let visibility = bound.table_visibility(name, roles, attributes).map_err(Problem::Refused)?;
        Ok(VisibleTable::new(Arc::clone(&self.model), name, visibility))
    }
}
