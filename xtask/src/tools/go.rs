//! Go programs, built from the modules that `tests/tools/*/go.mod` pin.

use std::{path::PathBuf, process::Command};

use anyhow::{Context, Result};

use crate::{
    cache::{Cache, Inputs},
    process,
    workspace::Workspace,
};

/// A module that declares programs with `tool` directives.
pub(super) struct Module {
    /// Directory below `tests/tools`.
    directory: &'static str,
    /// Module whose version the programs report.
    versioned_by: &'static str,
    /// Variables that the linker sets: `(package.variable, value)`, where `{version}`, `{major}` and `{minor}` stand for that version.
    variables: &'static [(&'static str, &'static str)],
    /// Program → package.
    packages: &'static [(&'static str, &'static str)],
    /// Names of the programs.
    pub(super) programs: &'static [&'static str],
}

pub(super) const KUBERNETES: Module = Module {
    directory: "kubernetes",
    versioned_by: "k8s.io/kubernetes",
    // Without them an API server believes that it is v0.0.0 and refuses what newer versions brought.
    variables: &[
        ("k8s.io/component-base/version.gitVersion", "{version}"),
        ("k8s.io/component-base/version.gitMajor", "{major}"),
        ("k8s.io/component-base/version.gitMinor", "{minor}"),
        ("k8s.io/component-base/version.gitCommit", "unknown"),
        ("k8s.io/component-base/version.gitTreeState", "clean"),
        ("k8s.io/component-base/version.buildDate", "1970-01-01T00:00:00Z"),
        ("k8s.io/client-go/pkg/version.gitVersion", "{version}"),
        ("k8s.io/client-go/pkg/version.gitMajor", "{major}"),
        ("k8s.io/client-go/pkg/version.gitMinor", "{minor}"),
        ("k8s.io/client-go/pkg/version.gitCommit", "unknown"),
        ("k8s.io/client-go/pkg/version.gitTreeState", "clean"),
        ("k8s.io/client-go/pkg/version.buildDate", "1970-01-01T00:00:00Z"),
    ],
    packages: &[
        ("kube-apiserver", "k8s.io/kubernetes/cmd/kube-apiserver"),
        ("kubectl", "k8s.io/kubernetes/cmd/kubectl"),
    ],
    programs: &["kube-apiserver", "kubectl"],
};

pub(super) const ETCD: Module = Module {
    directory: "etcd",
    versioned_by: "go.etcd.io/etcd/server/v3",
    variables: &[],
    packages: &[("etcd", "go.etcd.io/etcd/server/v3")],
    programs: &["etcd"],
};

pub(super) const HELM: Module = Module {
    directory: "helm",
    versioned_by: "helm.sh/helm/v3",
    // The cluster that charts are rendered for when none is asked; without them, a years-old one.
    variables: &[
        ("helm.sh/helm/v3/internal/version.version", "{version}"),
        ("helm.sh/helm/v3/pkg/chartutil.k8sVersionMajor", "1"),
        ("helm.sh/helm/v3/pkg/chartutil.k8sVersionMinor", "35"),
        ("helm.sh/helm/v3/pkg/lint/rules.k8sVersionMajor", "1"),
        ("helm.sh/helm/v3/pkg/lint/rules.k8sVersionMinor", "35"),
    ],
    packages: &[("helm", "helm.sh/helm/v3/cmd/helm")],
    programs: &["helm"],
};

const INSTALL_GO: &str = "Install Go 1.26 or newer (https://go.dev/doc/install), or set KUBEBUILDER_ASSETS and CUBEGATE_HELM to programs you have.";

/// Builds the module's programs, unless they are there already, and tells their directory.
pub(super) fn build(workspace: &Workspace, cache: &Cache, module: &Module) -> Result<PathBuf> {
    let source = workspace.path("tests/tools").join(module.directory);
    let output = cache.tools("bin");
    let inputs = Inputs::default()
        .file(&source.join("go.mod"))?
        .file(&source.join("go.sum"))?
        .word(&format!("{:?}", module.variables))
        .word(&format!("{:?}", module.packages));
    let present = module.programs.iter().all(|program| process::is_program(&output.join(program)));
    if present && cache.is_stamped(module.directory, &inputs) {
        return Ok(output);
    }

    process::require("go", INSTALL_GO)?;
    std::fs::create_dir_all(&output).with_context(|| format!("cannot create {}", output.display()))?;
    let go = || {
        let mut go = Command::new("go");
        // GOFLAGS and a workspace of the user's would build something else than what is pinned.
        go.current_dir(&source).env("CGO_ENABLED", "0").env("GOFLAGS", "").env("GOWORK", "off");
        go
    };
    let version = process::output(go().args(["list", "-m", "-f", "{{.Version}}", module.versioned_by]))?;
    let linker_flags = linker_flags(module, version.trim());
    for (program, package) in module.packages {
        let mut command = go();
        command.args(["build", "-mod=readonly", "-trimpath", "-buildvcs=false", "-ldflags", &linker_flags, "-o"]);
        process::run(command.arg(output.join(program)).arg(package))?;
    }
    cache.set_stamp(module.directory, &inputs)?;
    Ok(output)
}

fn linker_flags(module: &Module, version: &str) -> String {
    let mut numbers = version.trim_start_matches('v').split('.');
    let (major, minor) = (numbers.next().unwrap_or_default(), numbers.next().unwrap_or_default());
    let values = module.variables.iter().map(|(variable, value)| {
        let value = value.replace("{version}", version).replace("{major}", major).replace("{minor}", minor);
        format!(" -X {variable}={value}")
    });
    std::iter::once("-s -w".to_owned()).chain(values).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_program_has_its_package_among_the_module_s_pinned_tools() {
        for module in [&KUBERNETES, &ETCD, &HELM] {
            let go_mod = Workspace::here().path("tests/tools").join(module.directory).join("go.mod");
            let go_mod = std::fs::read_to_string(go_mod).unwrap();
            let names: Vec<&str> = module.packages.iter().map(|(program, _)| *program).collect();
            assert_eq!(names, module.programs);
            for (_, package) in module.packages {
                assert!(go_mod.lines().any(|line| line.trim_start_matches("tool ").trim() == *package), "{package}");
            }
        }
    }

    #[test]
    fn kubernetes_is_told_its_version() {
        let flags = linker_flags(&KUBERNETES, "v1.35.4");
        assert!(flags.contains(" -X k8s.io/component-base/version.gitVersion=v1.35.4 "), "{flags}");
        assert!(flags.contains(" -X k8s.io/client-go/pkg/version.gitMinor=35 "), "{flags}");
        assert_eq!(linker_flags(&ETCD, "v3.6.16"), "-s -w");
    }
}
