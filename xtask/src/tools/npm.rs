//! npm packages, exactly those of a lock file, without running their scripts.

use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::{Variable, own};
use crate::{
    cache::{Cache, Inputs},
    process,
    workspace::Workspace,
};

/// Packages that one lock file pins.
pub(super) struct Packages {
    /// The package that tests import, and the directory of its lock file below `tests/tools`.
    name: &'static str,
    variable: &'static str,
}

/// The certified OpenID provider.
pub(super) const OIDC_PROVIDER: Packages = Packages { name: "oidc-provider", variable: "CUBEGATE_OIDC_PROVIDER_DIR" };
/// What drives a browser; it brings none.
pub(super) const PLAYWRIGHT: Packages = Packages { name: "playwright-core", variable: "CUBEGATE_PLAYWRIGHT_DIR" };

const MANIFESTS: [&str; 2] = ["package.json", "package-lock.json"];
const NODE_MAJOR_MIN: u32 = 20;
const INSTALL_NODE: &str = "Install Node.js 20 or newer with npm (https://nodejs.org; on Debian 13 or newer: sudo apt-get install nodejs npm).";

/// Installs the packages unless they are there already, and tells the directory that has `node_modules`.
pub(super) fn install(
    workspace: &Workspace,
    cache: &Cache,
    &Packages { name, variable }: &Packages,
) -> Result<Variable> {
    let package = format!("node_modules/{name}/package.json");
    if let Some(directory) = own(variable) {
        let package = directory.join(&package);
        ensure!(package.exists(), "{variable} is set, but {} is missing; correct or unset it", package.display());
        return Ok((variable, directory));
    }
    let node = process::require("node", INSTALL_NODE)?;
    ensure!(node_major(&process::output(Command::new(node).arg("--version"))?) >= NODE_MAJOR_MIN, "{INSTALL_NODE}");

    let source = workspace.path("tests/tools").join(name);
    let directory = cache.tools(name);
    let mut inputs = Inputs::default();
    for manifest in MANIFESTS {
        inputs = inputs.file(&source.join(manifest))?;
    }
    if directory.join(&package).exists() && cache.is_stamped(name, &inputs) {
        return Ok((variable, directory));
    }

    process::require("npm", INSTALL_NODE)?;
    std::fs::create_dir_all(&directory).with_context(|| format!("cannot create {}", directory.display()))?;
    for manifest in MANIFESTS {
        std::fs::copy(source.join(manifest), directory.join(manifest))
            .with_context(|| format!("cannot copy {manifest} to {}", directory.display()))?;
    }
    let mut npm = Command::new("npm");
    npm.current_dir(&directory).args(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]);
    process::run(&mut npm)?;
    cache.set_stamp(name, &inputs)?;
    Ok((variable, directory))
}

/// `v20.1.2` → 20; 0 for what is not a version.
fn node_major(version: &str) -> u32 {
    let major = version.trim().trim_start_matches('v').split('.').next();
    major.and_then(|major| major.parse().ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_pins_packages_by_digest_and_names_no_registry() {
        for (Packages { name, .. }, version) in [(OIDC_PROVIDER, "9.13.3"), (PLAYWRIGHT, "1.65.1")] {
            let lock = Workspace::here().path("tests/tools").join(name).join("package-lock.json");
            let lock: serde_json::Value = serde_json::from_slice(&std::fs::read(lock).unwrap()).unwrap();
            let packages = lock["packages"].as_object().unwrap();
            assert_eq!(packages[&format!("node_modules/{name}")]["version"], version);
            for (path, package) in packages.iter().filter(|(path, _)| !path.is_empty()) {
                assert!(package["integrity"].is_string(), "{path} has no digest");
                assert!(package.get("resolved").is_none(), "{path} names where it was downloaded from");
            }
        }
    }

    #[test]
    fn the_major_version_of_node_is_read_from_what_it_prints() {
        assert_eq!(node_major("v20.20.2\n"), 20);
        assert_eq!(node_major("what?"), 0);
    }
}
