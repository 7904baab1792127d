//! cargo-deny, which holds the dependencies to `deny.toml`: the user's, the machine's, or one that is built into the cache.

use std::{path::PathBuf, process::Command};

use anyhow::Result;

use super::{Variable, own, usable};
use crate::{
    cache::{Cache, Inputs},
    process::{self, cargo},
};

const VARIABLE: &str = "CUBEGATE_CARGO_DENY";
const VERSION: &str = "0.20.2";

/// Finds or builds cargo-deny.
pub(super) fn deny(cache: &Cache) -> Result<Variable> {
    let program = match (own(VARIABLE), process::find("cargo-deny")) {
        (Some(program), _) => usable(VARIABLE, &program)?,
        (None, Some(program)) => program,
        (None, None) => install(cache)?,
    };
    Ok((VARIABLE, program))
}

fn install(cache: &Cache) -> Result<PathBuf> {
    let root = cache.tools("cargo-deny");
    let program = root.join("bin/cargo-deny");
    let inputs = Inputs::default().word(VERSION);
    if !process::is_program(&program) || !cache.is_stamped("cargo-deny", &inputs) {
        let mut install: Command = cargo();
        install.args(["install", "--quiet", "--locked", "--force", "cargo-deny", "--version", VERSION, "--root"]);
        process::run(install.arg(&root))?;
        cache.set_stamp("cargo-deny", &inputs)?;
    }
    Ok(program)
}
