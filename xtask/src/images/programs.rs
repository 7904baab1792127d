//! The programs of the images, linked so that they need nothing from the file system.

use anyhow::{Context, Result};

use crate::{
    process::{cargo, run},
    workspace::Workspace,
};

/// A program for an image.
pub(super) struct Program {
    pub(super) name: &'static str,
    pub(super) description: &'static str,
    /// Whether it makes TLS connections to servers outside of the cluster, and so needs public roots of trust.
    pub(super) calls_strangers: bool,
    pub(super) binary: Vec<u8>,
}

/// The profile of shipped programs, and the directory that Cargo builds it into.
const PROFILE: &str = "dist";

/// Name, description, and whether it calls strangers. The operator trusts the cluster's own certificate authority only;
/// the sidecar calls identity providers.
const PROGRAMS: [(&str, &str, bool); 3] = [
    ("cubegate-operator", "Turns Sessions into pods", false),
    ("cubegate-sidecar", "The door of a Session's pod", true),
    ("cubegate-engine", "Serves the cubes of a Session", false),
];

/// glibc rather than musl: every Rust toolchain for Linux has this target, and its allocator stands many threads. Since
/// glibc 2.34 a static program resolves names from files and DNS by itself.
fn target() -> String {
    format!("{}-unknown-linux-gnu", std::env::consts::ARCH)
}

/// Builds the programs as they are shipped.
pub(super) fn build(workspace: &Workspace) -> Result<Vec<Program>> {
    let target = target();
    let mut command = cargo();
    command.current_dir(workspace.root()).args(["build", "--profile", PROFILE, "--bins", "--target", &target]);
    for (name, _, _) in PROGRAMS {
        command.args(["--package", name]);
    }
    run(command.env("CARGO_ENCODED_RUSTFLAGS", encoded_rustflags(workspace)?))?;

    let directory = workspace.target_directory()?.join(&target).join(PROFILE);
    let read = |(name, description, calls_strangers): (&'static str, &'static str, bool)| {
        let path = directory.join(name);
        let binary = std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        Ok(Program { name, description, calls_strangers, binary })
    };
    PROGRAMS.into_iter().map(read).collect()
}

/// Static, and without the paths of the machine that builds. Because the target is named, build scripts and procedural
/// macros are built without these flags. Cargo splits at the unit separator, so that a path may hold spaces.
fn encoded_rustflags(workspace: &Workspace) -> Result<String> {
    let cargo_home =
        std::env::var("CARGO_HOME").or_else(|_| std::env::var("HOME").map(|home| format!("{home}/.cargo")));
    let cargo_home = cargo_home.context("cannot tell where Cargo keeps sources: set HOME or CARGO_HOME")?;
    let flags = [
        "-Ctarget-feature=+crt-static".to_owned(),
        format!("--remap-path-prefix={cargo_home}=/cargo"),
        format!("--remap-path-prefix={}=/cubegate", workspace.root().display()),
    ];
    Ok(flags.join("\u{1f}"))
}
