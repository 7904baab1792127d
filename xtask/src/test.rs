//! `cargo xtask test`: everything that a fresh machine can check, tier by tier.
//!
//! ```text
//! unit         format, tests of each crate, lints, tidiness, licences and sources of dependencies
//! duckdb       random queries, answered by the cube and by DuckDB
//! up           `cubegate up` as a process, with nothing beside it
//! attack       attacks on the sidecar by class; malformed requests beside nginx, HAProxy and Apache
//! api-server   a real kube-apiserver, etcd, kubectl, helm, Prometheus
//! idp          real OpenID providers, and a real browser
//! ```
//!
//! A tier whose tool is missing fails with the command that installs it. Nothing is skipped.

use std::{
    path::PathBuf,
    process::Command,
    time::{Duration, Instant},
};

use anyhow::{Result, bail};
use clap::{Args, ValueEnum};

use crate::{
    process::{cargo, run as run_program},
    tidy,
    tools::{self, Tool, Variable},
    workspace::Workspace,
};

/// `cargo xtask test`
#[derive(Args)]
pub(crate) struct Options {
    /// Only this tier; may be repeated. All tiers when none is named
    #[arg(long = "tier", value_enum, value_name = "TIER")]
    tiers: Vec<Tier>,
}

/// A part of the tests that can be run alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Tier {
    /// Format, the tests of each crate, lints, tidiness and what dependencies may be; needs only Rust and git
    Unit,
    /// Random queries, answered by the cube and by DuckDB; needs Python
    Duckdb,
    /// `cubegate up` as its own process; needs only Rust
    Up,
    /// Attacks on the sidecar as its own process, beside other proxies
    Attack,
    /// The operator against a real Kubernetes API server, and a real Prometheus
    ApiServer,
    /// The sidecar against real OpenID providers; needs Node.js, Java and Maven
    Idp,
}

/// How a tier ended.
struct Outcome {
    tier: Tier,
    elapsed: Duration,
    failures: Vec<String>,
}

/// One step of a tier: what it is called, and how it went.
type Step = (&'static str, Result<()>);

/// Runs the tiers one after the other, all of them even when one fails, and sums up.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    let tiers = if options.tiers.is_empty() { Tier::value_variants() } else { &options.tiers };
    let outcomes: Vec<Outcome> = tiers.iter().map(|tier| tier.run(workspace)).collect();

    println!("\nsummary");
    for outcome in &outcomes {
        println!("  {}", outcome.line());
    }
    let failed = outcomes.iter().filter(|outcome| !outcome.failures.is_empty()).count();
    if failed > 0 {
        bail!("{failed} of {} tiers failed", outcomes.len());
    }
    Ok(())
}

impl Tier {
    fn run(self, workspace: &Workspace) -> Outcome {
        println!("\n=== tier {} ===", self.name());
        let start = Instant::now();
        let steps = match self {
            Self::Unit => unit(workspace),
            Self::Duckdb => beside_duckdb(workspace),
            Self::Up => across_processes(workspace, "up", &[]),
            Self::Attack => across_processes(workspace, "attack", &[Tool::Proxies]),
            Self::ApiServer => across_processes(
                workspace,
                "api_server",
                &[Tool::System, Tool::Kubernetes, Tool::Etcd, Tool::Helm, Tool::Prometheus],
            ),
            Self::Idp => across_processes(
                workspace,
                "idp",
                &[Tool::OidcProvider, Tool::Keycloak, Tool::Chromium, Tool::Playwright],
            ),
        };
        let failures = steps
            .into_iter()
            .filter_map(|(name, result)| result.err().map(|error| format!("{name}: {error:#}")))
            .collect();
        let outcome = Outcome { tier: self, elapsed: start.elapsed(), failures };
        println!("{}", outcome.line());
        outcome
    }

    fn name(self) -> &'static str {
        match self {
            Self::Unit => "unit",
            Self::Duckdb => "duckdb",
            Self::Up => "up",
            Self::Attack => "attack",
            Self::ApiServer => "api-server",
            Self::Idp => "idp",
        }
    }
}

impl Outcome {
    fn line(&self) -> String {
        let Self { tier, elapsed, failures } = self;
        let verdict = if failures.is_empty() { "ok".to_owned() } else { format!("FAILED: {}", failures.join("; ")) };
        format!("tier {:<10} {:>5} s  {verdict}", tier.name(), elapsed.as_secs())
    }
}

fn unit(workspace: &Workspace) -> Vec<Step> {
    let clippy = ["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"];
    vec![
        ("format", run_cargo(workspace, &["fmt", "--all", "--check"])),
        ("tests", run_cargo(workspace, &["test", "--workspace", "--exclude", "cubegate-tests"])),
        ("lints", run_cargo(workspace, &clippy)),
        ("tidy", tidy::run(workspace)),
        ("dependencies", check_dependencies(workspace)),
    ]
}

/// Licences, banned crates and sources. Advisories come from a database on the network: `cargo deny check` looks there too.
fn check_dependencies(workspace: &Workspace) -> Result<()> {
    for (_, program) in tools::provide(workspace, &[Tool::Deny])? {
        let mut deny = Command::new(program);
        deny.current_dir(workspace.root()).args(["--offline", "--log-level", "error"]);
        run_program(deny.args(["check", "--hide-inclusion-graph", "licenses", "bans", "sources"]))?;
    }
    Ok(())
}

fn beside_duckdb(workspace: &Workspace) -> Vec<Step> {
    let result = tools::provide(workspace, &[Tool::Duckdb])
        .and_then(|variables| run_test_target(workspace, "duckdb", variables));
    vec![("duckdb", result)]
}

fn across_processes(workspace: &Workspace, target: &'static str, needed: &[Tool]) -> Vec<Step> {
    let result = tools::provide(workspace, needed).and_then(|mut variables| {
        variables.push(("CUBEGATE_BIN_DIR", build_programs(workspace)?));
        run_test_target(workspace, target, variables)
    });
    vec![(target, result)]
}

/// Builds the four programs and tells the directory they are in.
fn build_programs(workspace: &Workspace) -> Result<PathBuf> {
    run_cargo(workspace, &["build", "--workspace", "--exclude", "cubegate-tests", "--bins"])?;
    Ok(workspace.target_directory()?.join("debug"))
}

/// The whole workspace is selected, although one package has the target: with fewer packages Cargo would resolve
/// other features and build most dependencies a second time.
fn run_test_target(workspace: &Workspace, target: &str, variables: Vec<Variable>) -> Result<()> {
    let mut test = cargo();
    test.current_dir(workspace.root()).args(["test", "--workspace", "--test", target]).envs(variables);
    run_program(&mut test)
}

fn run_cargo(workspace: &Workspace, arguments: &[&str]) -> Result<()> {
    let mut command: Command = cargo();
    run_program(command.current_dir(workspace.root()).args(arguments))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tier_is_called_the_same_on_the_command_line_and_in_the_summary() {
        for tier in Tier::value_variants() {
            assert_eq!(tier.to_possible_value().unwrap().get_name(), tier.name());
        }
    }

    #[test]
    fn the_closing_line_of_a_failed_tier_says_every_failure() {
        let failures = vec!["format: bad".into(), "tidy: worse".into()];
        let outcome = Outcome { tier: Tier::Unit, elapsed: Duration::from_secs(3), failures };
        assert_eq!(outcome.line(), "tier unit           3 s  FAILED: format: bad; tidy: worse");
    }
}
