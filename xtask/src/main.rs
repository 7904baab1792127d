//! The chores of this repository, as `cargo xtask <chore>`.
//!
//! ```text
//! command line ─▶ one module per chore ─▶ files of the checkout, or of the cache outside of it
//! ```

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a chore talks to the person who started it")]

mod bench;
mod cache;
mod command_line;
mod crds;
mod examples;
mod fuzz;
mod images;
mod process;
mod python;
mod test;
mod tidy;
mod tools;
mod workspace;

use std::process::ExitCode;

use clap::Parser as _;

use crate::{command_line::CommandLine, workspace::Workspace};

fn main() -> ExitCode {
    match CommandLine::parse().chore.run(&Workspace::here()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
