//! Cubegate's command line, as a library that the program and the properties of what it reads share.

#![forbid(unsafe_code)]

mod args;
mod certificate;
mod check;
mod diff;
mod explain;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
mod import;
mod limits;
mod location;
mod manifests;
mod passwords;
mod sessions;
mod subject;
mod terminal;
mod up;
mod who_sees;

use std::{io::IsTerminal, process::ExitCode};

use args::{Args, Command};
use clap::Parser;
use terminal::complain;
use tracing_subscriber::EnvFilter;

/// Exit status of what could not be done at all; 1 says that something was found.
const UNDONE: u8 = 2;

/// Does what the command line says.
pub fn main() -> ExitCode {
    let args = Args::parse();
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_env_filter(EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("error")))
        .init();
    let outcome = match args.command {
        Command::Up(options) => up::up(&options),
        Command::Check(options) => check::check(&options),
        Command::Explain(options) => explain::explain(&options),
        Command::WhoSees(options) => who_sees::who_sees(&options),
        Command::Diff(options) => diff::diff(&options),
        Command::Import(source) => import::import(&source),
    };
    outcome.unwrap_or_else(|error| {
        complain!("error: {error:#}");
        ExitCode::from(UNDONE)
    })
}
