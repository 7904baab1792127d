//! The chores of this repository, as `cargo xtask <chore>`.
//!
//! ```text
//! command line ─▶ one module per chore ─▶ files of the checkout, or of the cache beside it
//! ```

#![expect(clippy::print_stdout, reason = "a chore talks to the person who started it")]

mod examples;
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
    /// Write the generated data of `examples/`
    Examples(examples::Options),
}

fn main() -> anyhow::Result<()> {
    let workspace = Workspace::here();
    match CommandLine::parse().chore {
        Chore::Examples(options) => examples::run(&workspace, &options),
    }
}
