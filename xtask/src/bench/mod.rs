//! `cargo xtask bench`: the cube and the sidecar against named peers, each in one run on one machine; a large access policy by
//! itself.
//!
//! ```text
//! bench/requirements.txt ──python──▶ a private environment ─┐
//! bench/ ──cargo build --release──▶ cubegate-bench ─────────┴─▶ cube: figures, docs/bench-cube.{md,svg}
//! Debian's packages ──unpack──▶ proxies, wrk ───────────────────▶ sidecar: figures, docs/bench-sidecar.md
//!                                         └───────────────────▶ policy: medians, p99, which gates hold
//! ```

mod python;

use std::{path::Path, process::Command};

use anyhow::Result;
use clap::{Args, Subcommand};

use crate::{
    cache::Cache,
    process::{cargo, run as run_program},
    tools::{self, Tool},
    workspace::Workspace,
};

/// `cargo xtask bench`
#[derive(Args)]
pub(crate) struct Options {
    #[command(subcommand)]
    subject: Subject,
}

/// What is measured.
#[derive(Subcommand)]
enum Subject {
    /// The cube beside its peers; `cube --help` lists the options
    #[command(disable_help_flag = true)]
    Cube {
        /// Options of the bench
        #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "OPTIONS")]
        options: Vec<String>,
    },
    /// The sidecar beside nginx, `HAProxy`, and Apache with `mod_auth_openidc`; `sidecar --help` lists the options
    #[command(disable_help_flag = true)]
    Sidecar {
        /// Options of the bench
        #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "OPTIONS")]
        options: Vec<String>,
    },
    /// A policy of 10 000 users, 1 000 roles and 1 000 restrictions; `policy --help` lists the options
    #[command(disable_help_flag = true)]
    Policy {
        /// Options of the bench
        #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "OPTIONS")]
        options: Vec<String>,
    },
}

/// Prepares everything and runs the bench with the options it was given.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    match &options.subject {
        Subject::Cube { options } => cube(workspace, options),
        Subject::Sidecar { options } => sidecar(workspace, options),
        Subject::Policy { options } => run_program(program(workspace, "policy")?.args(options)),
    }
}

fn cube(workspace: &Workspace, options: &[String]) -> Result<()> {
    let cache = Cache::open()?;
    let needs_peers = !options.iter().any(|option| matches!(option.as_str(), "--no-peers" | "--page-from" | "--help"));
    let python = needs_peers.then(|| python::environment(workspace, &cache)).transpose()?;
    let directory = |name: &str, path: &Path| [name.to_owned(), path.display().to_string()];
    let mut bench = program(workspace, "cube")?;
    bench.args(options);
    bench.args(directory("--cache", &cache.bench("")));
    bench.args(directory("--docs", &workspace.path("docs")));
    if let Some(python) = python {
        bench.args(directory("--scripts", &workspace.path("bench/peers"))).args(directory("--python", &python));
    }
    run_program(&mut bench)
}

fn sidecar(workspace: &Workspace, options: &[String]) -> Result<()> {
    let proxies = tools::provide(workspace, &[Tool::Proxies])?;
    run_program(cargo().current_dir(workspace.root()).args(["build", "--release", "--package", "cubegate-sidecar"]))?;
    let mut bench = program(workspace, "sidecar")?;
    bench.args(options).arg("--docs").arg(workspace.path("docs"));
    bench.arg("--sidecar").arg(workspace.target_directory()?.join("release/cubegate-sidecar"));
    for (_, directory) in proxies {
        bench.arg("--proxies").arg(directory);
    }
    run_program(&mut bench)
}

/// The bench of a subject, built.
fn program(workspace: &Workspace, subject: &str) -> Result<Command> {
    run_program(cargo().current_dir(workspace.root()).args(["build", "--release", "--package", "cubegate-bench"]))?;
    let mut program = Command::new(workspace.target_directory()?.join("release/cubegate-bench"));
    program.current_dir(workspace.root()).arg(subject);
    Ok(program)
}
