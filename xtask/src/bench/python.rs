//! A private Python environment with exactly the peers of `bench/requirements.txt`.

use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::{cache::Cache, python, workspace::Workspace};

/// The interpreter of the environment.
pub(super) fn environment(workspace: &Workspace, cache: &Cache) -> Result<PathBuf> {
    let requirements = std::fs::read_to_string(workspace.path(python::PEERS));
    let requirements = requirements.with_context(|| format!("cannot read {}", python::PEERS))?;
    python::environment(cache, "bench-python", &cache.bench("venv"), &python::packages(&requirements))
}
