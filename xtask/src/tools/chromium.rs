//! A Chromium without a window: the user's, the machine's, or Debian's package unpacked into the cache.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result};

use super::{Variable, debian, own, usable};
use crate::{cache::Cache, process, workspace::write};

const VARIABLE: &str = "CUBEGATE_CHROMIUM";
const PACKAGE: &str = "chromium-headless-shell";
/// As the machine may call it.
const PROGRAMS: [&str; 3] = ["chromium-headless-shell", "chromium", "google-chrome"];
const OTHERWISE: &str = "Install Chromium (https://www.chromium.org/getting-involved/download-chromium), or set CUBEGATE_CHROMIUM to one you have";

/// Finds or unpacks Chromium.
pub(super) fn chromium(cache: &Cache) -> Result<Variable> {
    let program = if let Some(program) = own(VARIABLE) {
        usable(VARIABLE, &program)?
    } else if let Some(program) = PROGRAMS.into_iter().find_map(process::find) {
        program
    } else {
        let directory = cache.tools("chromium");
        let program = directory.join("chromium");
        if !process::is_program(&program) {
            debian::unpack(&[PACKAGE], &directory, OTHERWISE)?;
            write_starter(&directory, &program)?;
        }
        program
    };
    // A package that was unpacked instead of installed may miss a library; find out now, with a sentence.
    process::output(Command::new(&program).arg("--version")).with_context(|| {
        format!("Chromium does not start. Install it (on Debian: sudo apt-get install {PACKAGE}), or set {VARIABLE} to one that does")
    })?;
    Ok((VARIABLE, program))
}

/// What is unpacked looks for its libraries where it would have been installed.
fn write_starter(directory: &Path, program: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    let libraries = directory.join(format!("usr/lib/{}-linux-gnu", std::env::consts::ARCH));
    let searched = [libraries.clone(), libraries.join("pulseaudio")];
    let searched: OsString = std::env::join_paths(searched).context("a path of the cache has a colon")?;
    let binary: PathBuf = directory.join("usr/lib/chromium").join(PACKAGE);
    let script = format!(
        "#!/bin/sh\nexport LD_LIBRARY_PATH='{}'\nexec '{}' \"$@\"\n",
        searched.to_string_lossy(),
        binary.display()
    );
    write(program, script.as_bytes())?;
    std::fs::set_permissions(program, std::fs::Permissions::from_mode(0o755))
        .with_context(|| format!("cannot make {} a program", program.display()))
}
