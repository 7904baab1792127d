//! DuckDB in a private Python environment, of the version that the bench compares with.

use anyhow::{Context, Result};

use super::{Variable, own, usable};
use crate::{cache::Cache, python, workspace::Workspace};

const VARIABLE: &str = "CUBEGATE_DUCKDB_PYTHON";

/// An interpreter that has DuckDB.
pub(super) fn duckdb(workspace: &Workspace, cache: &Cache) -> Result<Variable> {
    if let Some(python) = own(VARIABLE) {
        return Ok((VARIABLE, usable(VARIABLE, &python)?));
    }
    let requirements = std::fs::read_to_string(workspace.path(python::PEERS));
    let requirements = requirements.with_context(|| format!("cannot read {}", python::PEERS))?;
    let package = python::packages(&requirements).into_iter().find(|package| package.starts_with("duckdb=="));
    let package = package.with_context(|| format!("{} does not pin duckdb", python::PEERS))?;
    let python = python::environment(cache, "duckdb", &cache.tools("duckdb"), &[package])?;
    Ok((VARIABLE, python))
}
