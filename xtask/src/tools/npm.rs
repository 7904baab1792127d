//! npm packages, exactly those of a lock file, without running their scripts.

use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::{Variable, own};
use crate::{
    cache::{Cache, Inputs},
    process,
    workspace::Workspace,
};

const VARIABLE: &str = "CUBEGATE_OIDC_PROVIDER_DIR";
const INSTALL_NODE: &str = "Install Node.js 20 or newer with npm (https://nodejs.org; on Debian 13 or newer: sudo apt-get install nodejs npm).";

/// Installs the OpenID provider unless it is there already.
pub(super) fn oidc_provider(workspace: &Workspace, cache: &Cache) -> Result<Variable> {
    if let Some(directory) = own(VARIABLE) {
        let package = directory.join("node_modules/oidc-provider/package.json");
        ensure!(package.exists(), "{VARIABLE} is set, but {} is missing; correct or unset it", package.display());
        return Ok((VARIABLE, directory));
    }
    let node = process::require("node", INSTALL_NODE)?;
    ensure!(node_major(&process::output(Command::new(node).arg("--version"))?) >= NODE_MAJOR_MIN, "{INSTALL_NODE}");

    let source = workspace.path("tests/tools/oidc-provider");
    let directory = cache.tools("oidc-provider");
    let manifests = ["package.json", "package-lock.json"];
    let mut inputs = Inputs::default();
    for manifest in manifests {
        inputs = inputs.file(&source.join(manifest))?;
    }
    let present = directory.join("node_modules/oidc-provider/package.json").exists();
    if present && cache.is_stamped("oidc-provider", &inputs) {
        return Ok((VARIABLE, directory));
    }

    process::require("npm", INSTALL_NODE)?;
    std::fs::create_dir_all(&directory).with_context(|| format!("cannot create {}", directory.display()))?;
    for manifest in manifests {
        std::fs::copy(source.join(manifest), directory.join(manifest))
            .with_context(|| format!("cannot copy {manifest} to {}", directory.display()))?;
    }
    let mut npm = Command::new("npm");
    npm.current_dir(&directory).args(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]);
    process::run(&mut npm)?;
    cache.set_stamp("oidc-provider", &inputs)?;
    Ok((VARIABLE, directory))
}

const NODE_MAJOR_MIN: u32 = 20;

/// `v20.1.2` → 20; 0 for what is not a version.
fn node_major(version: &str) -> u32 {
    let major = version.trim().trim_start_matches('v').split('.').next();
    major.and_then(|major| major.parse().ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lock_pins_packages_by_digest_and_names_no_registry() {
        let lock = Workspace::here().path("tests/tools/oidc-provider/package-lock.json");
        let lock: serde_json::Value = serde_json::from_slice(&std::fs::read(lock).unwrap()).unwrap();
        let packages = lock["packages"].as_object().unwrap();
        assert_eq!(packages["node_modules/oidc-provider"]["version"], "9.13.3");
        for (path, package) in packages.iter().filter(|(path, _)| !path.is_empty()) {
            assert!(package["integrity"].is_string(), "{path} has no digest");
            assert!(package.get("resolved").is_none(), "{path} names where it was downloaded from");
        }
    }

    #[test]
    fn the_major_version_of_node_is_read_from_what_it_prints() {
        assert_eq!(node_major("v20.20.2\n"), 20);
        assert_eq!(node_major("what?"), 0);
    }
}
