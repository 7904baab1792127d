//! Keycloak with the users of the first story: its distribution from Maven's registry, built and seeded once.
//!
//! What a start would do each time (putting the server together, making a database, importing a realm) takes a minute. It is
//! done here, so that a test starts from a copy of the database.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, ensure};
use sha2::{Digest as _, Sha256};

use super::{Variable, own};
use crate::{
    cache::{Cache, Inputs, hexadecimal},
    process,
    workspace::Workspace,
};

const VARIABLE: &str = "CUBEGATE_KEYCLOAK_DIR";
const VERSION: &str = "26.7.3";
/// Of the archive.
const SHA256: &str = "27a6535553c3cdcd083872ba40629efafb3475e3b758e0c6f691395561dd0f1f";
/// The goal of Maven that downloads.
const DOWNLOAD: &str = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy";
const REALM: &str = "tests/tools/keycloak/realm.json";
/// Who may change the realm while a test runs.
const ADMINISTRATOR: [(&str, &str); 2] =
    [("KC_BOOTSTRAP_ADMIN_USERNAME", "admin"), ("KC_BOOTSTRAP_ADMIN_PASSWORD", "admin of a test")];
/// How the server is put together.
const BUILD: [&str; 4] = ["build", "--db=dev-file", "--cache=local", "--health-enabled=false"];
/// What must be there: the server, and its seeded database.
const PARTS: [&str; 2] = ["lib/quarkus-run.jar", "data/h2/keycloakdb.mv.db"];

const JAVA_MAJOR_MIN: u32 = 17;
const INSTALL_JAVA: &str = "Install Java 17 or newer (on Debian: sudo apt-get install default-jre-headless).";
const INSTALL_MAVEN: &str = "Install Maven (on Debian: sudo apt-get install maven).";
const INSTALL_UNZIP: &str = "Install unzip (on Debian: sudo apt-get install unzip).";

/// Prepares Keycloak unless it is prepared, and tells its directory.
pub(super) fn keycloak(workspace: &Workspace, cache: &Cache) -> Result<Variable> {
    let java = process::require("java", INSTALL_JAVA)?;
    ensure!(java_major(&process::output(Command::new(java).arg("--version"))?) >= JAVA_MAJOR_MIN, "{INSTALL_JAVA}");
    if let Some(directory) = own(VARIABLE) {
        for part in PARTS {
            let part = directory.join(part);
            ensure!(part.exists(), "{VARIABLE} is set, but {} is missing; correct or unset it", part.display());
        }
        return Ok((VARIABLE, directory));
    }

    let realm = workspace.path(REALM);
    let inputs = BUILD.iter().fold(Inputs::default(), |inputs, word| inputs.word(word));
    let inputs = inputs.word(VERSION).word(SHA256).word(&format!("{ADMINISTRATOR:?}")).file(&realm)?;
    let place = cache.tools("keycloak");
    let directory = place.join(format!("keycloak-{VERSION}"));
    if PARTS.iter().all(|part| directory.join(part).exists()) && cache.is_stamped("keycloak", &inputs) {
        return Ok((VARIABLE, directory));
    }
    if place.exists() {
        std::fs::remove_dir_all(&place).with_context(|| format!("cannot remove {}", place.display()))?;
    }
    unpack(&place)?;
    process::run(server(&directory).args(BUILD))?;
    process::run(server(&directory).envs(ADMINISTRATOR).args(["import", "--optimized", "--file"]).arg(&realm))?;
    cache.set_stamp("keycloak", &inputs)?;
    Ok((VARIABLE, directory))
}

/// Downloads the distribution and unpacks it, if it is the one that is pinned.
fn unpack(place: &Path) -> Result<()> {
    process::require("mvn", INSTALL_MAVEN)?;
    process::require("unzip", INSTALL_UNZIP)?;
    let downloads = tempfile::tempdir().context("cannot create a directory for downloads")?;
    let mut download = Command::new("mvn");
    download.args(["--quiet", "--batch-mode", DOWNLOAD]).current_dir(&downloads);
    download.arg(format!("-Dartifact=org.keycloak:keycloak-quarkus-dist:{VERSION}:zip"));
    download.arg(format!("-DoutputDirectory={}", downloads.path().display()));
    process::run(&mut download)?;

    let archive: PathBuf = downloads.path().join(format!("keycloak-quarkus-dist-{VERSION}.zip"));
    let content = std::fs::read(&archive).with_context(|| format!("cannot read {}", archive.display()))?;
    let found = hexadecimal(&Sha256::digest(&content));
    ensure!(found == SHA256, "Keycloak {VERSION} has the digest {found}, and not {SHA256}");
    process::run(Command::new("unzip").arg("-q").arg(&archive).arg("-d").arg(place))
}

/// The server's command line, without the shell script around it.
fn server(directory: &Path) -> Command {
    let mut command = Command::new("java");
    command.arg(format!("-Dkc.home.dir={}", directory.display()));
    command.arg("-Djava.util.logging.manager=org.jboss.logmanager.LogManager");
    command.arg("-cp").arg(directory.join("lib/quarkus-run.jar")).arg("io.quarkus.bootstrap.runner.QuarkusEntryPoint");
    command
}

/// `openjdk 17.0.15 2025-04-15` → 17; 0 for what is not a version.
fn java_major(version: &str) -> u32 {
    let number = version.split_whitespace().nth(1).and_then(|number| number.split('.').next());
    number.and_then(|major| major.parse().ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_major_version_of_java_is_read_from_what_it_prints() {
        assert_eq!(java_major("openjdk 17.0.15 2025-04-15\nOpenJDK Runtime Environment"), 17);
        assert_eq!(java_major("openjdk 25 2025-09-16"), 25);
        assert_eq!(java_major("what?"), 0);
    }
}
