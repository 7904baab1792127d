//! Prometheus: the user's, the machine's, or Debian's package unpacked into the cache. No service is installed or started.

use std::{path::Path, process::Command};

use anyhow::{Context, Result, bail};

use super::{Variable, own, usable};
use crate::{cache::Cache, process};

const VARIABLE: &str = "CUBEGATE_PROMETHEUS";

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
            unpack_debian_package(&directory)?;
        }
        program
    };
    // A package that was unpacked instead of installed may miss a library; find out now, with a sentence.
    process::output(Command::new(&program).arg("--version")).context(
        "prometheus does not start. Install it (on Debian: sudo apt-get install prometheus), or set CUBEGATE_PROMETHEUS to one that does",
    )?;
    Ok((VARIABLE, program))
}

fn unpack_debian_package(directory: &Path) -> Result<()> {
    if process::find("apt-get").is_none() || process::find("dpkg-deb").is_none() {
        bail!(
            "`prometheus` is not on the PATH, and this is not a Debian to take its package from. \
             Install Prometheus 2.42 or newer (https://prometheus.io/download), or set {VARIABLE} to one you have"
        );
    }
    let download = tempfile::tempdir().context("cannot create a directory for a download")?;
    process::run(Command::new("apt-get").current_dir(download.path()).args(["-q", "download", "prometheus"]))
        .context("cannot download Debian's package `prometheus`. Run: sudo apt-get update")?;
    let package = std::fs::read_dir(download.path())
        .context("cannot read what apt-get downloaded")?
        .filter_map(Result::ok)
        .map(|entry| entry.path())
        .find(|path| path.extension().is_some_and(|extension| extension == "deb"))
        .context("apt-get downloaded no package")?;
    std::fs::create_dir_all(directory).with_context(|| format!("cannot create {}", directory.display()))?;
    process::run(Command::new("dpkg-deb").arg("-x").arg(package).arg(directory))
}
