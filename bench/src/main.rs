//! Three benches: the cube against named peers, the sidecar against other proxies (`door`), and a large access policy by
//! itself (`policy`).
//!
//! The cube: the same data, the same queries, the same number of threads, in one run.
//!
//! ```text
//! tpchgen ──data──▶ CSV files ──┬── ours ──────────────────────┐
//!                               └── peers (a process each) ────┴─▶ equal? ──▶ timings ──report──▶ page, plot
//! ```
//!
//! Nothing is timed before its result has been found equal to ours.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a bench talks to the person who started it")]

mod bandwidth;
mod clients;
mod command_line;
mod data;
mod door;
mod machine;
mod memory;
mod ours;
mod peer;
mod policy;
mod queries;
mod report;
mod restriction;
mod results;
mod rows;
mod run;
mod schema;
mod sql;
mod timing;

use std::process::ExitCode;

use clap::Parser as _;

use crate::command_line::{Bench, Subject};

/// Large queries take and give back tens of megabytes; the system's allocator would hand them back to the kernel each time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let outcome = match Bench::parse().subject {
        Subject::Cube(options) => run::run(&options),
        Subject::Sidecar(options) => door::run(&options),
        Subject::Policy(scale) => policy::run(scale),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
