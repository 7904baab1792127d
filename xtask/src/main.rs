//! The chores of this repository, as `cargo xtask <chore>`.
//!
//! ```text
//! command line ─▶ one module per chore ─▶ files of the checkout, or of the cache beside it
//! ```

#![expect(clippy::print_stdout, reason = "a chore talks to the person who started it")]

mod cache;
mod crds;
mod examples;
mod process;
mod tools;
mod workspace;

use clap::{Parser, Subcommand};

use crate::workspace::Workspace;

/// The chores of this repository.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", version, max_term_width = 100)]
struct CommandLine {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Subcommand)]
enum Chore {
    /// Make the programs that tests run: a Kubernetes API server, an OpenID provider, Prometheus
    Tools(tools::Options),
    /// Write the CustomResourceDefinitions of `crds/` and of the chart
    Crds(crds::Options),
    /// Write the generated data of `examples/`
    Examples(examples::Options),
}

fn main() -> anyhow::Result<()> {
    let workspace = Workspace::here();
    match CommandLine::parse().chore {
        Chore::Tools(options) => tools::run(&workspace, &options),
        Chore::Crds(options) => crds::run(&workspace, &options),
        Chore::Examples(options) => examples::run(&workspace, &options),
    }
}
