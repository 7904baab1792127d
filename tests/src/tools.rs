//! Where the programs lie that the tests run. `cargo xtask test` sets all of it.

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, bail};

/// etcd, kube-apiserver or kubectl, in `KUBEBUILDER_ASSETS`.
pub fn kubernetes(program: &str) -> Result<PathBuf> {
    existing(&PathBuf::from(variable("KUBEBUILDER_ASSETS")?).join(program))
}

/// helm, in `CUBEGATE_HELM`.
pub fn helm() -> Result<PathBuf> {
    existing(Path::new(&variable("CUBEGATE_HELM")?))
}

/// prometheus, in `CUBEGATE_PROMETHEUS`.
pub fn prometheus() -> Result<PathBuf> {
    existing(Path::new(&variable("CUBEGATE_PROMETHEUS")?))
}

/// The `node_modules` with oidc-provider and jose, in `CUBEGATE_OIDC_PROVIDER_DIR`.
pub fn oidc_provider_modules() -> Result<PathBuf> {
    existing(&PathBuf::from(variable("CUBEGATE_OIDC_PROVIDER_DIR")?).join("node_modules"))
}

/// Keycloak, built and seeded, in `CUBEGATE_KEYCLOAK_DIR`.
pub fn keycloak() -> Result<PathBuf> {
    existing(Path::new(&variable("CUBEGATE_KEYCLOAK_DIR")?))
}

/// A Chromium without a window, in `CUBEGATE_CHROMIUM`.
pub fn chromium() -> Result<PathBuf> {
    existing(Path::new(&variable("CUBEGATE_CHROMIUM")?))
}

/// The `node_modules` with playwright-core, in `CUBEGATE_PLAYWRIGHT_DIR`.
pub fn playwright_modules() -> Result<PathBuf> {
    existing(&PathBuf::from(variable("CUBEGATE_PLAYWRIGHT_DIR")?).join("node_modules"))
}

/// A proxy of Debian's packages in `CUBEGATE_PROXIES_DIR`, with the libraries that were unpacked beside it.
pub fn proxy(program: &str) -> Result<Command> {
    let directory = PathBuf::from(variable("CUBEGATE_PROXIES_DIR")?);
    let mut command = mortal(&existing(&directory.join(program))?);
    command.env("LD_LIBRARY_PATH", proxy_libraries()?);
    Ok(command)
}

/// The directory with the libraries and modules of the proxies.
pub fn proxy_libraries() -> Result<PathBuf> {
    let libraries = PathBuf::from(variable("CUBEGATE_PROXIES_DIR")?).join("usr/lib");
    existing(&libraries.join(format!("{}-linux-gnu", env::consts::ARCH)))
}

/// A binary of this workspace, in `CUBEGATE_BIN_DIR`.
pub fn cubegate(binary: &str) -> Result<PathBuf> {
    existing(&PathBuf::from(variable("CUBEGATE_BIN_DIR")?).join(binary))
}

/// A program of the operating system, in `PATH`.
pub fn system(program: &str) -> Result<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path)
        .chain(["/usr/sbin".into(), "/sbin".into()])
        .map(|directory| directory.join(program))
        .find(|candidate| candidate.is_file())
        .with_context(|| format!("`{program}` is not installed; `cargo xtask tools` says what to install"))
}

/// A command that the kernel kills when the thread that starts it ends, even when nobody is left to clean up.
pub fn mortal(program: &Path) -> Command {
    // Part of util-linux; where there is none, `Process` still ends what a test leaves.
    let Ok(setpriv) = system("setpriv") else { return Command::new(program) };
    let mut command = Command::new(setpriv);
    command.args(["--pdeathsig", "KILL", "--"]).arg(program);
    command
}

/// The root of the repository.
pub fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().map(Path::to_owned).unwrap_or_default()
}

fn variable(name: &str) -> Result<String> {
    env::var(name).with_context(|| {
        format!("{name} is not set; run `cargo xtask test`, which sets it, or `cargo xtask tools` to get the tools")
    })
}

fn existing(path: &Path) -> Result<PathBuf> {
    if !path.exists() {
        bail!("{} does not exist; run `cargo xtask tools` to get it", path.display());
    }
    Ok(path.to_owned())
}
