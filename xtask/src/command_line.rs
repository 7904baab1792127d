//! What can be asked for on the command line.

use anyhow::Result;
use clap::{Parser, Subcommand};

use crate::{bench, crds, examples, fuzz, images, test, tidy, tools, workspace::Workspace};

/// The chores of this repository
#[derive(Parser)]
#[command(bin_name = "cargo xtask", max_term_width = 100, disable_help_subcommand = true)]
pub(crate) struct CommandLine {
    #[command(subcommand)]
    pub(crate) chore: Chore,
}

/// A chore, with its options.
#[derive(Subcommand)]
pub(crate) enum Chore {
    /// Run the tests: all tiers, or those named with --tier
    Test(test::Options),
    /// Check the rules of style that a program can check
    Tidy,
    /// Make the programs that tests run: a Kubernetes API server, OpenID providers, a browser, Prometheus, proxies
    Tools(tools::Options),
    /// Write the definitions of the four kinds: `crds/`, and the chart's copy
    Crds(crds::Options),
    /// Build container images as OCI archives, without a container daemon
    Images(images::Options),
    /// Measure the cube or the sidecar beside named peers, or a large access policy
    Bench(bench::Options),
    /// Write the generated data of `examples/`
    Examples(examples::Options),
    /// Let libFuzzer look for input that breaks a property
    Fuzz(fuzz::Options),
}

impl Chore {
    /// Does it.
    pub(crate) fn run(&self, workspace: &Workspace) -> Result<()> {
        match self {
            Self::Test(options) => test::run(workspace, options),
            Self::Tidy => tidy::run(workspace),
            Self::Tools(options) => tools::run(workspace, options),
            Self::Crds(options) => crds::run(workspace, options),
            Self::Images(options) => images::run(workspace, options),
            Self::Bench(options) => bench::run(workspace, options),
            Self::Examples(options) => examples::run(workspace, options),
            Self::Fuzz(options) => fuzz::run(workspace, options),
        }
    }
}
