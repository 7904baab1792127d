//! Prometheus: the user's, the machine's, or Debian's package unpacked into the cache.

use std::process::Command;

use anyhow::{Context, Result};

use super::{Variable, debian, own, usable};
use crate::{cache::Cache, process};

const VARIABLE: &str = "CUBEGATE_PROMETHEUS";
const OTHERWISE: &str =
    "Install Prometheus 2.42 or newer (https://prometheus.io/download), or set CUBEGATE_PROMETHEUS to one you have";

/// Finds or unpacks Prometheus.
pub(super) fn prometheus(cache: &Cache) -> Result<Variable> {
    let program = if let Some(program) = own(VARIABLE) {
        usable(VARIABLE, &program)?
    } else if let Some(program) = process::find("prometheus") {
        program
    } else {
        let directory = cache.tools("prometheus");
        let program = directory.join("usr/bin/prometheus");
        if !process::is_program(&program) {
            debian::unpack(&["prometheus"], &directory, OTHERWISE)?;
        }
        program
    };
    // A package that was unpacked instead of installed may miss a library; find out now, with a sentence.
    process::output(Command::new(&program).arg("--version")).context(
        "prometheus does not start. Install it (on Debian: sudo apt-get install prometheus), or set CUBEGATE_PROMETHEUS to one that does",
    )?;
    Ok((VARIABLE, program))
}
