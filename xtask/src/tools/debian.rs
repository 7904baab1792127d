//! Debian packages, unpacked into the cache. Nothing is installed, and no service is started.

use std::{ffi::OsStr, path::Path, process::Command};

use anyhow::{Context, Result, bail};

use crate::process;

/// Unpacks these packages, and those that they depend on and that this machine lacks.
/// `otherwise` tells what to do on a machine that is not a Debian.
pub(super) fn unpack(packages: &[&str], directory: &Path, otherwise: &str) -> Result<()> {
    if process::find("apt-get").is_none() || process::find("dpkg-deb").is_none() {
        bail!("{} cannot be had: this is not a Debian to take packages from. {otherwise}", packages.join(", "));
    }
    let archives = tempfile::tempdir().context("cannot create a directory for downloads")?;
    std::fs::create_dir(archives.path().join("partial")).context("cannot create a directory for downloads")?;
    let mut download = Command::new("apt-get");
    // Nothing is changed on the machine, so that it needs neither its lock nor its administrator.
    download.args(["-q", "--yes", "--download-only", "--no-install-recommends", "--reinstall"]);
    download.args(["-o", "Debug::NoLocking=1", "-o"]).arg(cache_option(archives.path())).arg("install").args(packages);
    process::run(&mut download)
        .with_context(|| format!("cannot download {}. Run: sudo apt-get update", packages.join(", ")))?;

    std::fs::create_dir_all(directory).with_context(|| format!("cannot create {}", directory.display()))?;
    let downloaded = std::fs::read_dir(archives.path()).context("cannot read what apt-get downloaded")?;
    for package in downloaded.filter_map(Result::ok).map(|entry| entry.path()) {
        if package.extension() == Some(OsStr::new("deb")) {
            process::run(Command::new("dpkg-deb").arg("-x").arg(package).arg(directory))?;
        }
    }
    Ok(())
}

fn cache_option(archives: &Path) -> String {
    format!("Dir::Cache::archives={}", archives.display())
}
