//! A private Python environment with exactly the peers of `bench/requirements.txt`.

use std::{path::PathBuf, process::Command};

use anyhow::Result;

use crate::{
    cache::{Cache, Inputs},
    process,
    workspace::Workspace,
};

const STAMP: &str = "bench-python";
const INSTALL_PYTHON: &str = "Install Python 3.11 or newer with venv (on Debian: sudo apt-get install python3-venv).";

/// The interpreter of the environment, which is made anew when the requirements have changed.
pub(super) fn environment(workspace: &Workspace, cache: &Cache) -> Result<PathBuf> {
    let directory = cache.bench("venv");
    let python = directory.join("bin/python");
    let requirements = workspace.path("bench/requirements.txt");
    let inputs = Inputs::default().file(&requirements)?;
    if process::is_program(&python) && cache.is_stamped(STAMP, &inputs) {
        return Ok(python);
    }
    let system_python = process::require("python3", INSTALL_PYTHON)?;
    process::run(Command::new(system_python).args(["-m", "venv", "--clear"]).arg(&directory))?;
    let mut pip = Command::new(&python);
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--only-binary", ":all:"]);
    process::run(pip.arg("--requirement").arg(&requirements))?;
    cache.set_stamp(STAMP, &inputs)?;
    Ok(python)
}
