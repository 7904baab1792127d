//! Which crate may know which: the arrows of ARCHITECTURE.md, and the purity of the inner crates.

use std::collections::BTreeSet;

use anyhow::Result;
use serde::Deserialize;

use crate::{
    process::{cargo, output},
    workspace::Workspace,
};

/// Crate → crates of ours that it may use. `cubegate-tests` spans everything and is not listed.
const ARROWS: [(&str, &[&str]); 10] = [
    ("cubegate-api", &[]),
    ("cubegate-policy", &["cubegate-api"]),
    ("cubegate-cube", &[]),
    ("cubegate-operator", &["cubegate-api", "cubegate-policy"]),
    ("cubegate-sidecar", &["cubegate-api", "cubegate-policy"]),
    ("cubegate-engine", &["cubegate-api", "cubegate-policy", "cubegate-cube"]),
    ("cubegate", &["cubegate-api", "cubegate-policy", "cubegate-cube", "cubegate-sidecar", "cubegate-engine"]),
    ("cubegate-bench", &["cubegate-api", "cubegate-policy", "cubegate-cube"]),
    ("cubegate-properties", &["cubegate-api", "cubegate-policy", "cubegate-cube", "cubegate-sidecar", "cubegate"]),
    ("xtask", &["cubegate-api"]),
];

/// Pure crate → beginnings of the names of crates that it must not reach, however indirectly.
const PURE: [(&str, &[&str]); 3] = [
    ("cubegate-api", &["tokio", "hyper", "kube-client", "kube-runtime"]),
    ("cubegate-policy", &["tokio", "hyper", "kube-client", "kube-runtime"]),
    ("cubegate-cube", &["tokio", "hyper", "kube", "k8s-openapi", "http"]),
];

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    dependencies: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    name: String,
    /// `None` for what is compiled in, else `dev` or `build`.
    kind: Option<String>,
}

/// Each arrow that is not allowed and each impurity.
pub(super) fn complaints(workspace: &Workspace) -> Result<Vec<String>> {
    let mut complaints = forbidden_arrows(&workspace.cargo_metadata()?);
    for (package, forbidden) in PURE {
        let mut tree = cargo();
        tree.current_dir(workspace.root()).args([
            "tree",
            "--edges",
            "normal",
            "--prefix",
            "none",
            "--package",
            package,
        ]);
        complaints.extend(impurities(package, forbidden, &output(&mut tree)?));
    }
    Ok(complaints)
}

fn forbidden_arrows(metadata: &Metadata) -> Vec<String> {
    let ours: BTreeSet<&str> = metadata.packages.iter().map(|package| package.name.as_str()).collect();
    let listed = ARROWS.iter().filter_map(|(name, allowed)| {
        let package = metadata.packages.iter().find(|package| package.name == *name)?;
        Some((package, *allowed))
    });
    let forbidden = listed.flat_map(|(package, allowed)| {
        let used = package.dependencies.iter().filter(|dependency| dependency.kind.is_none());
        let wrong = used.filter(|used| ours.contains(used.name.as_str()) && !allowed.contains(&used.name.as_str()));
        wrong.map(|wrong| format!("{} must not depend on {}", package.name, wrong.name))
    });
    let unlisted =
        ours.iter().filter(|name| **name != "cubegate-tests" && ARROWS.iter().all(|(listed, _)| listed != *name));
    forbidden
        .chain(unlisted.map(|name| format!("{name} has no place among the arrows of xtask/src/tidy/arrows.rs")))
        .collect()
}

/// `tree` is what `cargo tree` prints: one `name version …` per line.
fn impurities(package: &str, forbidden: &[&str], tree: &str) -> Vec<String> {
    let reached: BTreeSet<&str> = tree.lines().filter_map(|line| line.split_whitespace().next()).collect();
    let wrong = reached.iter().filter(|name| forbidden.iter().any(|beginning| name.starts_with(beginning)));
    wrong
        .map(|name| format!("{package} is pure, but it reaches {name}; see `cargo tree -p {package} -i {name}`"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(name: &str, dependencies: &[(&str, Option<&str>)]) -> Package {
        let dependencies =
            dependencies.iter().map(|(name, kind)| Dependency { name: (*name).into(), kind: kind.map(str::to_owned) });
        Package { name: name.into(), dependencies: dependencies.collect() }
    }

    #[test]
    fn an_arrow_against_the_order_is_reported_and_one_of_tests_is_not() {
        let metadata = Metadata {
            packages: vec![
                package("cubegate-api", &[("cubegate-policy", None)]),
                package("cubegate-policy", &[("cubegate-api", None), ("cubegate-cube", Some("dev"))]),
                package("cubegate-cube", &[]),
                package("cubegate-new", &[]),
            ],
        };
        let complaints = forbidden_arrows(&metadata);
        assert_eq!(complaints.len(), 2, "{complaints:?}");
        assert_eq!(complaints[0], "cubegate-api must not depend on cubegate-policy");
        assert!(complaints[1].starts_with("cubegate-new has no place"));
    }

    #[test]
    fn a_pure_crate_that_reaches_a_runtime_is_reported_once() {
        let tree = "cubegate-cube v0.1.0 (dir)\ncsv v1.4.0\ntokio v1.53.1\ntokio v1.53.1 (*)\n";
        let complaints = impurities("cubegate-cube", &["tokio", "kube"], tree);
        assert_eq!(complaints.len(), 1, "{complaints:?}");
        assert!(complaints[0].contains("tokio"));
    }
}
