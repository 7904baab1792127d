//! Everything that requests read: one immutable value, swapped whole.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use arc_swap::ArcSwap;
use cubegate_policy::publication::{AccessPublication, EngineReport, ModelState};

use tokio::sync::Semaphore;

use crate::{metrics::Metrics, model::LoadedModel, policies::Policies};

/// What the process shares between requests.
pub(crate) struct Shared {
    pub(crate) metrics: Metrics,
    /// Bounds how many queries run at once.
    pub(crate) turns: Arc<Semaphore>,
    instance: String,
    current: ArcSwap<State>,
    /// Held while a new state is made from the current one; readers never wait for it.
    writing: Mutex<()>,
}

/// What a request sees.
#[derive(Clone, Default)]
pub(crate) struct State {
    pub(crate) policies: Policies,
    pub(crate) model: ModelSlot,
    /// Why the tables could not be read the last time, while an earlier model goes on answering.
    pub(crate) stale: Vec<String>,
}

/// The model, or where it is.
#[derive(Clone, Default)]
pub(crate) enum ModelSlot {
    #[default]
    Loading,
    Loaded(Arc<LoadedModel>),
    Failed(Vec<String>),
}

impl Shared {
    pub(crate) fn new(instance: String, turns: usize) -> Self {
        Self {
            metrics: Metrics::new(),
            turns: Arc::new(Semaphore::new(turns)),
            instance,
            current: ArcSwap::default(),
            writing: Mutex::default(),
        }
    }

    /// What a request that starts now sees until it ends.
    pub(crate) fn current(&self) -> Arc<State> {
        self.current.load_full()
    }

    /// Takes over a policy.
    pub(crate) fn adopt_policy(&self, publication: AccessPublication) {
        self.change(|state| {
            let shape = if let ModelSlot::Loaded(model) = &state.model { Some(model.shape()) } else { None };
            State { policies: state.policies.with(publication, shape, Instant::now()), ..state.clone() }
        });
    }

    /// Takes over a freshly loaded model, and binds the policies to it.
    pub(crate) fn adopt_model(&self, model: LoadedModel) {
        let model = Arc::new(model);
        self.change(|state| State {
            policies: state.policies.rebound(model.shape()),
            model: ModelSlot::Loaded(model),
            stale: Vec::new(),
        });
    }

    /// Records that the tables are what their sources say.
    pub(crate) fn report_fresh(&self) {
        if !self.current().stale.is_empty() {
            self.change(|state| State { stale: Vec::new(), ..state.clone() });
        }
    }

    /// Records a failed load. A model that was loaded before stays.
    pub(crate) fn report_load_failure(&self, errors: Vec<String>) {
        self.change(|state| match &state.model {
            ModelSlot::Loaded(_) => State { stale: errors, ..state.clone() },
            ModelSlot::Loading | ModelSlot::Failed(_) => State { model: ModelSlot::Failed(errors), ..state.clone() },
        });
    }

    /// What the engine says of itself.
    pub(crate) fn report(&self) -> EngineReport {
        let state = self.current();
        let newest = state.policies.newest();
        EngineReport {
            instance: self.instance.clone(),
            policy: newest.map(|(id, _)| id.clone()),
            problems: newest.map(|(_, problems)| problems.to_vec()).unwrap_or_default(),
            model: match &state.model {
                ModelSlot::Loading => ModelState::Loading,
                ModelSlot::Loaded(_) => ModelState::Loaded,
                ModelSlot::Failed(errors) => ModelState::Failed(errors.clone()),
            },
            stale: state.stale.clone(),
        }
    }

    fn change(&self, next: impl FnOnce(&State) -> State) {
        let _writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let state = next(&self.current.load());
        self.current.store(Arc::new(state));
    }
}
