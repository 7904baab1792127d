//! The process: load, serve, stop.

use std::{
    future::pending,
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread::available_parallelism,
};

use cubegate_cube::CubeSchema;
use cubegate_policy::publication::EngineReport;
use tokio::net::UnixListener;
use tracing::{error, info};

use crate::{
    Config,
    http_api::router,
    limits::QUERIES_PER_CORE,
    model::{LoadedModel, Loader, ModelError, ModelSource, ModelSpec, PodFiles, until},
    state::{ModelSlot, Shared},
};

/// An engine. Clones share everything.
#[derive(Clone)]
pub struct Engine {
    shared: Arc<Shared>,
}

/// Why an engine cannot run.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The model file cannot be used.
    #[error("failed to read the model {path}")]
    Model {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The socket cannot be listened on.
    #[error("failed to listen on {path}")]
    Listen {
        /// The socket.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Serving ended unexpectedly.
    #[error("failed to serve")]
    Serve(#[source] io::Error),
}

/// Runs the engine of a pod until `shutdown` completes.
pub async fn run(config: Config, shutdown: impl Future<Output = ()> + Send + 'static) -> Result<(), RunError> {
    let engine = Engine::new();
    let listener = listen(&config.socket)?;
    let spec = read_model(&config.model)?;
    let mut tables = engine.tables(spec, PodFiles::new(config.data));
    let loading = tokio::spawn(async move {
        // Whatever goes wrong is in the log and in what the engine reports of itself.
        let _ = tables.load().await;
        loop {
            let _ = tables.refreshed().await;
        }
    });
    let served = engine.serve(listener, shutdown).await;
    loading.abort();
    served
}

impl Default for Engine {
    fn default() -> Self {
        Self::new()
    }
}

impl Engine {
    /// An engine without a model and without a policy: it answers nothing yet.
    pub fn new() -> Self {
        let cores = available_parallelism().map_or(1, usize::from);
        Self { shared: Arc::new(Shared::new(instance_id(), cores * QUERIES_PER_CORE)) }
    }

    /// The tables of a model, to be loaded into this engine and kept fresh.
    pub fn tables(&self, spec: ModelSpec, source: impl ModelSource) -> TableKeeper {
        TableKeeper { shared: Arc::clone(&self.shared), loader: Arc::new(Mutex::new(Loader::new(spec, source))) }
    }

    #[cfg(test)]
    pub(crate) fn shared(&self) -> Arc<Shared> {
        Arc::clone(&self.shared)
    }

    /// What the engine says of itself.
    pub fn report(&self) -> EngineReport {
        self.shared.report()
    }

    /// What can be asked of each cube of the loaded model, without any restriction: for tools, not for callers.
    pub fn cubes(&self) -> Vec<CubeSchema> {
        match &self.shared.current().model {
            ModelSlot::Loaded(model) => model.schemas(),
            ModelSlot::Loading | ModelSlot::Failed(_) => Vec::new(),
        }
    }

    /// Answers requests until `shutdown` completes; requests in flight are finished.
    pub async fn serve(
        &self,
        listener: UnixListener,
        shutdown: impl Future<Output = ()> + Send + 'static,
    ) -> Result<(), RunError> {
        axum::serve(listener, router(Arc::clone(&self.shared)).into_make_service())
            .with_graceful_shutdown(shutdown)
            .await
            .map_err(RunError::Serve)
    }
}

/// The tables of a model and the engine that they are for.
pub struct TableKeeper {
    shared: Arc<Shared>,
    loader: Arc<Mutex<Loader>>,
}

impl TableKeeper {
    /// Reads the tables, builds the cubes and swaps them in. When that fails, what was loaded before stays.
    pub async fn load(&mut self) -> Result<(), ModelError> {
        self.take_over(|loader| loader.load().map(Some)).await.map(drop)
    }

    /// Waits until a table is due (forever, when none is to be refreshed) and looks at it. When its source has changed, a new
    /// model is swapped in, and it is true; when the source cannot be read, what was loaded before stays. Queries that run go on
    /// with the model that they started with.
    pub async fn refreshed(&mut self) -> Result<bool, ModelError> {
        let Some(due) = self.lock().next_due() else { return pending().await };
        tokio::time::sleep(until(due)).await;
        let outcome = self.take_over(Loader::refresh).await;
        let label = match &outcome {
            Ok(true) => "refreshed",
            Ok(false) => "unchanged",
            Err(_) => "failed",
        };
        self.shared.metrics.refreshes.with_label_values(&[label]).inc();
        outcome
    }

    async fn take_over(
        &mut self,
        read: impl FnOnce(&mut Loader) -> Result<Option<LoadedModel>, ModelError> + Send + 'static,
    ) -> Result<bool, ModelError> {
        let loader = Arc::clone(&self.loader);
        let read = move || read(&mut loader.lock().unwrap_or_else(PoisonError::into_inner));
        let outcome = tokio::task::spawn_blocking(read).await;
        match outcome.unwrap_or_else(|panic| Err(ModelError::defect(&panic))) {
            Ok(Some(model)) => {
                info!(facts = model.fact_rows(), "model loaded");
                self.shared.adopt_model(model);
                Ok(true)
            }
            Ok(None) => {
                self.shared.report_fresh();
                Ok(false)
            }
            Err(failure) => {
                for line in &failure.errors {
                    error!(error = line, "model not loaded");
                }
                self.shared.report_load_failure(failure.errors.clone());
                Err(failure)
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Loader> {
        self.loader.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Listens on a socket that only this user can open, in place of one that an earlier process left.
fn listen(path: &Path) -> Result<UnixListener, RunError> {
    let failed = |source| RunError::Listen { path: path.to_owned(), source };
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
        _ => {}
    }
    let listener = UnixListener::bind(path).map_err(failed)?;
    std::fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).map_err(failed)?;
    Ok(listener)
}

fn read_model(path: &Path) -> Result<ModelSpec, RunError> {
    let failed = |source| RunError::Model { path: path.to_owned(), source };
    let bytes = std::fs::read(path).map_err(failed)?;
    serde_json::from_slice(&bytes).map_err(|error| failed(error.into()))
}

fn instance_id() -> String {
    let mut id = [0_u8; 8];
    aws_lc_rs::rand::fill(&mut id).expect("the operating system has randomness");
    format!("{:016x}", u64::from_be_bytes(id))
}
