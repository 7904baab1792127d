//! The generated data of `examples/`. The same bytes on every machine: a fixed seed, and no clock.

#[cfg(test)]
mod manifests;
mod random;
mod retail;
mod shops;

use anyhow::Result;
use clap::Args;

use crate::workspace::{GeneratedFile, Workspace, bring_up_to_date};

/// `cargo xtask examples`
#[derive(Args)]
pub(crate) struct Options {
    /// Only check that the checked-in files are what would be written
    #[arg(long)]
    check: bool,
}

/// Writes or checks the generated files.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    bring_up_to_date(workspace, &files(), options.check, "examples")
}

/// Every generated file of `examples/`.
pub(crate) fn files() -> Vec<GeneratedFile> {
    let retail = retail::generate();
    vec![
        GeneratedFile::new("examples/retail/sales.csv", retail.sales),
        GeneratedFile::new("examples/retail/shops.csv", retail.shops),
        GeneratedFile::new("examples/ten-thousand-shops/sales.csv", shops::generate()),
    ]
}
