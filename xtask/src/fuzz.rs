//! `cargo xtask fuzz`: lets libFuzzer look for input that breaks a property.
//!
//! What it finds is in `fuzz/artifacts/`: the input goes into `fuzz/corpus/TARGET/`, where every test run replays it, and then
//! the mistake is mended.

use std::{num::NonZeroU32, process::Command};

use anyhow::{Context, Result, ensure};
use clap::Args;

use crate::{process, workspace::Workspace};

const INSTALL_CARGO_FUZZ: &str =
    "Run: rustup toolchain install nightly && cargo install --locked cargo-fuzz --version 0.13.2";
/// Memory of a target: a parser that needs more for an input of a few kilobytes is a finding.
const MEMORY_MB_MAX: u32 = 2048;
/// Length of inputs that are tried.
const INPUT_BYTES_MAX: u32 = 8192;
/// Seconds that one input may take.
const INPUT_SECONDS_MAX: u32 = 10;

/// `cargo xtask fuzz`
#[derive(Args)]
pub(crate) struct Options {
    /// Only these targets; all of them when none is named
    targets: Vec<String>,
    /// Seconds for each target
    #[arg(long, value_name = "N", default_value = "60")]
    seconds: NonZeroU32,
}

/// Runs each target for its time, to the first that finds something.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    process::require("cargo-fuzz", INSTALL_CARGO_FUZZ)?;
    let known = targets(workspace)?;
    let wanted = if options.targets.is_empty() { &known } else { &options.targets };
    for target in wanted {
        ensure!(known.contains(target), "there is no target `{target}`, only {}", known.join(", "));
    }
    for target in wanted {
        let corpus = tempfile::tempdir().context("cannot create a directory for what is found")?;
        let mut fuzz = Command::new("cargo");
        // The first directory takes what is found on the way; the seeds in the checkout stay few.
        fuzz.current_dir(workspace.root()).args(["+nightly", "fuzz", "run", target]).arg(corpus.path());
        fuzz.arg(workspace.path("fuzz/corpus").join(target)).arg("--");
        fuzz.args([
            format!("-max_total_time={}", options.seconds),
            format!("-max_len={INPUT_BYTES_MAX}"),
            format!("-timeout={INPUT_SECONDS_MAX}"),
            format!("-rss_limit_mb={MEMORY_MB_MAX}"),
            "-print_final_stats=1".to_owned(),
        ]);
        process::run(&mut fuzz).with_context(|| format!("`{target}` found something, see fuzz/artifacts/{target}"))?;
    }
    Ok(())
}

fn targets(workspace: &Workspace) -> Result<Vec<String>> {
    let directory = workspace.path("fuzz/fuzz_targets");
    let files = std::fs::read_dir(&directory).with_context(|| format!("cannot read {}", directory.display()))?;
    let names = files.filter_map(|file| file.ok()?.file_name().to_str()?.strip_suffix(".rs").map(str::to_owned));
    let mut names: Vec<String> = names.collect();
    names.sort();
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_program_of_the_directory_is_a_target() {
        let targets = targets(&Workspace::here()).unwrap();
        assert!(targets.len() >= 12 && targets.contains(&"headers".to_owned()), "{targets:?}");
    }
}
