//! Private Python environments, each with exactly the packages that a file of the checkout pins.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::Result;

use crate::{
    cache::{Cache, Inputs},
    process,
};

/// What the cube is compared with, a package a line.
pub(crate) const PEERS: &str = "bench/requirements.txt";
const INSTALL_PYTHON: &str = "Install Python 3.11 or newer with venv (on Debian: sudo apt-get install python3-venv).";

/// The interpreter of an environment with these packages, as in `duckdb==2.0.0`. It is made anew when they have changed.
pub(crate) fn environment(cache: &Cache, stamp: &str, directory: &Path, packages: &[&str]) -> Result<PathBuf> {
    let python = directory.join("bin/python");
    let inputs = packages.iter().fold(Inputs::default(), |inputs, package| inputs.word(package));
    if process::is_program(&python) && cache.is_stamped(stamp, &inputs) {
        return Ok(python);
    }
    let system_python = process::require("python3", INSTALL_PYTHON)?;
    let mut venv = Command::new(system_python);
    process::run(venv.args(["-m", "venv", "--clear"]).arg(directory)).map_err(|error| error.context(INSTALL_PYTHON))?;
    let mut pip = Command::new(&python);
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--only-binary", ":all:"]);
    process::run(pip.args(packages))?;
    cache.set_stamp(stamp, &inputs)?;
    Ok(python)
}

/// The packages of a requirements file, without its comments.
pub(crate) fn packages(requirements: &str) -> Vec<&str> {
    requirements.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_requirements_file_names_a_package_a_line() {
        assert_eq!(packages("# why\n\nduckdb==2.0.0\nnumpy==2.4.6\n"), ["duckdb==2.0.0", "numpy==2.4.6"]);
    }
}
