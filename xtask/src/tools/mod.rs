//! The programs that tests run beside ours: a Kubernetes API server, OpenID providers, a browser, Prometheus, DuckDB, proxies.
//!
//! Each is pinned by a file of the checkout (`tests/tools/`, `bench/requirements.txt`), is made once, and is made again
//! when that file changes.

mod chromium;
mod debian;
mod deny;
mod duckdb;
mod go;
mod keycloak;
mod npm;
mod prometheus;
mod proxies;
mod system;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::{Args, ValueEnum};

use crate::{cache::Cache, process, workspace::Workspace};

/// `cargo xtask tools`
#[derive(Args)]
pub(crate) struct Options {
    /// Only these tools; all of them when none is named
    #[arg(value_enum)]
    tools: Vec<Tool>,
}

/// Something that tests run and that is not ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Tool {
    /// kube-apiserver and kubectl (Go; not built when `KUBEBUILDER_ASSETS` names a directory with them)
    Kubernetes,
    /// etcd (Go; not built when `KUBEBUILDER_ASSETS` names a directory with it)
    Etcd,
    /// helm (Go; not built when `CUBEGATE_HELM` names one)
    Helm,
    /// The certified OpenID provider of npm (not installed when `CUBEGATE_OIDC_PROVIDER_DIR` names a directory with it)
    OidcProvider,
    /// Keycloak (not downloaded when `CUBEGATE_KEYCLOAK_DIR` names a directory with a prepared one)
    Keycloak,
    /// Chromium (`CUBEGATE_CHROMIUM`, else the PATH, else Debian's package, unpacked but not installed)
    Chromium,
    /// playwright-core of npm (not installed when `CUBEGATE_PLAYWRIGHT_DIR` names a directory with it)
    Playwright,
    /// Prometheus (`CUBEGATE_PROMETHEUS`, else the PATH, else Debian's package, unpacked but not installed)
    Prometheus,
    /// nginx, `HAProxy`, Apache and wrk (not unpacked when `CUBEGATE_PROXIES_DIR` names a directory with them)
    Proxies,
    /// DuckDB for Python (not installed when `CUBEGATE_DUCKDB_PYTHON` names an interpreter that has it)
    Duckdb,
    /// cargo-deny (`CUBEGATE_CARGO_DENY`, else the PATH, else built)
    Deny,
    /// Programs of the operating system that make namespaces; only looked for
    System,
}

/// An environment variable by which a test finds a tool.
pub(crate) type Variable = (&'static str, PathBuf);

/// Makes the tools that are not there yet, and prints where they are.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    let tools = if options.tools.is_empty() { Tool::value_variants() } else { &options.tools };
    for (name, value) in provide(workspace, tools)? {
        println!("{name}={}", value.display());
    }
    Ok(())
}

/// Makes the tools that are not there yet, and tells how tests find them.
pub(crate) fn provide(workspace: &Workspace, tools: &[Tool]) -> Result<Vec<Variable>> {
    let cache = Cache::open()?;
    let _lock = cache.lock_tools()?;
    let mut variables: Vec<Variable> = Vec::new();
    for tool in tools {
        let variable = match tool {
            Tool::Kubernetes => assets(workspace, &cache, &go::KUBERNETES)?,
            Tool::Etcd => assets(workspace, &cache, &go::ETCD)?,
            Tool::Helm => helm(workspace, &cache)?,
            Tool::OidcProvider => npm::install(workspace, &cache, &npm::OIDC_PROVIDER)?,
            Tool::Keycloak => keycloak::keycloak(workspace, &cache)?,
            Tool::Chromium => chromium::chromium(&cache)?,
            Tool::Playwright => npm::install(workspace, &cache, &npm::PLAYWRIGHT)?,
            Tool::Prometheus => prometheus::prometheus(&cache)?,
            Tool::Proxies => proxies::proxies(&cache)?,
            Tool::Duckdb => duckdb::duckdb(workspace, &cache)?,
            Tool::Deny => deny::deny(&cache)?,
            Tool::System => {
                system::require()?;
                continue;
            }
        };
        if !variables.contains(&variable) {
            variables.push(variable);
        }
    }
    Ok(variables)
}

/// The directory in which tests look for kube-apiserver, etcd and kubectl: the user's own, else ours.
fn assets(workspace: &Workspace, cache: &Cache, module: &go::Module) -> Result<Variable> {
    const VARIABLE: &str = "KUBEBUILDER_ASSETS";
    let directory = match own(VARIABLE) {
        Some(directory) => {
            for program in module.programs {
                usable(VARIABLE, &directory.join(program))?;
            }
            directory
        }
        None => go::build(workspace, cache, module)?,
    };
    Ok((VARIABLE, directory))
}

fn helm(workspace: &Workspace, cache: &Cache) -> Result<Variable> {
    const VARIABLE: &str = "CUBEGATE_HELM";
    let program = match own(VARIABLE) {
        Some(program) => usable(VARIABLE, &program)?,
        None => go::build(workspace, cache, &go::HELM)?.join("helm"),
    };
    Ok((VARIABLE, program))
}

/// What the user chose instead of ours.
fn own(variable: &str) -> Option<PathBuf> {
    std::env::var_os(variable).filter(|value| !value.is_empty()).map(PathBuf::from)
}

/// A program that the user chose must be there: falling back to another one would test something else.
fn usable(variable: &str, program: &Path) -> Result<PathBuf> {
    process::is_program(program)
        .then(|| program.to_owned())
        .with_context(|| format!("{variable} is set, but {} is not a program; correct or unset it", program.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tool_that_the_user_chose_and_that_is_not_there_is_an_error_and_nothing_else_is_taken() {
        let error = usable("CUBEGATE_HELM", Path::new("no/such/helm")).unwrap_err().to_string();
        assert!(error.contains("CUBEGATE_HELM is set") && error.contains("no/such/helm"), "{error}");
    }
}
