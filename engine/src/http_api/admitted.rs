//! Who may read what: the one way from a request to cubes and tables.

use std::{sync::Arc, time::Instant};

use cubegate_policy::{bind::BoundAccess, context::ContextValues, nearest::nearest, resolve::Refusal};
use http::HeaderMap;
use tracing::warn;

use crate::{
    caller::{Caller, today},
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
        let caller = Caller::from_headers(headers, today())?;
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
        self.open_cube(name).map_err(|problem| {
            self.explained(problem, |name| {
                let visible: Vec<_> = self.visible_cubes().collect();
                let nearest = nearest(&name, visible.iter().map(VisibleCube::name)).map(str::to_owned);
                Problem::UnknownCube { name, nearest }
            })
        })
    }

    /// The cubes that do not refuse this caller.
    pub(super) fn visible_cubes(&self) -> impl Iterator<Item = VisibleCube> {
        self.model.cube_names().filter_map(|name| self.open_cube(name).ok())
    }

    pub(super) fn table(&self, name: &str) -> Result<VisibleTable, Problem> {
        self.open_table(name).map_err(|problem| {
            self.explained(problem, |name| {
                let visible: Vec<_> = self.visible_tables().collect();
                let nearest = nearest(&name, visible.iter().map(VisibleTable::name)).map(str::to_owned);
                Problem::UnknownTable { name, nearest }
            })
        })
    }

    /// The tables that do not refuse this caller.
    pub(super) fn visible_tables(&self) -> impl Iterator<Item = VisibleTable> {
        self.model.table_names().filter_map(|name| self.open_table(name).ok())
    }

    /// The tables that do not refuse this caller, and the joins between them.
    pub(super) fn mermaid(&self) -> String {
        let tables: Vec<_> = self.visible_tables().filter_map(|table| table.schema()).collect();
        self.model.mermaid(&tables)
    }

    /// What the caller is told. Something that they may not see is told as something that does not exist; a refusal is logged.
    fn explained(&self, problem: Problem, unknown: impl FnOnce(String) -> Problem) -> Problem {
        match problem {
            Problem::Refused(Refusal::UnknownCube { cube: name } | Refusal::UnknownTable { table: name }) => {
                unknown(name)
            }
            problem => {
                warn!(user = self.caller.user, ?problem, "refused");
                problem
            }
        }
    }

    fn open_cube(&self, name: &str) -> Result<VisibleCube, Problem> {
        let (bound, rights) = (self.bound()?, &self.caller.rights);
        let visibility = bound.visibility(name, rights).map_err(Problem::Refused)?;
        let context = bound.context(rights, self.model.context(name));
        Ok(VisibleCube::new(Arc::clone(&self.model), name, visibility, context))
    }

    fn open_table(&self, name: &str) -> Result<VisibleTable, Problem> {
        let (bound, rights) = (self.bound()?, &self.caller.rights);
        let visibility = bound.table_visibility(name, rights).map_err(Problem::Refused)?;
        // What cubes give to everybody is for their queries.
        let context = bound.context(rights, &ContextValues::default());
        Ok(VisibleTable::new(Arc::clone(&self.model), name, visibility, &context))
    }

    fn bound(&self) -> Result<&Arc<BoundAccess>, Problem> {
        self.policy.bound().ok_or(Problem::ModelLoading)
    }
}
