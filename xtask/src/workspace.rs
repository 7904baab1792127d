//! Where the checkout is, and files that are made by a chore and checked in.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde::de::DeserializeOwned;

use crate::process::{cargo, output};

/// The checkout that this program was built from.
pub(crate) struct Workspace {
    root: PathBuf,
}

impl Workspace {
    /// The checkout around this crate.
    pub(crate) fn here() -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask lies in the checkout");
        Self { root: root.to_owned() }
    }

    /// A path in the checkout.
    pub(crate) fn path(&self, relative: impl AsRef<Path>) -> PathBuf {
        self.root.join(relative)
    }

    /// The checkout's top directory.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// Where Cargo puts what it builds.
    pub(crate) fn target_directory(&self) -> Result<PathBuf> {
        let metadata: serde_json::Value = self.cargo_metadata()?;
        let directory = metadata.get("target_directory").and_then(serde_json::Value::as_str);
        Ok(PathBuf::from(directory.context("cargo metadata names no target directory")?))
    }

    /// What Cargo tells of the workspace, without its dependencies.
    pub(crate) fn cargo_metadata<T: DeserializeOwned>(&self) -> Result<T> {
        let mut metadata = cargo();
        metadata.current_dir(&self.root).args(["metadata", "--format-version", "1", "--no-deps"]);
        serde_json::from_str(&output(&mut metadata)?).context("cargo metadata printed something unexpected")
    }
}

/// A checked-in file that a chore can make again.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct GeneratedFile {
    /// Path from the top of the checkout.
    pub(crate) path: PathBuf,
    /// What the file must hold.
    pub(crate) content: Vec<u8>,
}

impl GeneratedFile {
    /// A file of this content.
    pub(crate) fn new(path: impl Into<PathBuf>, content: impl Into<Vec<u8>>) -> Self {
        Self { path: path.into(), content: content.into() }
    }

    /// Whether the checkout has exactly this file.
    pub(crate) fn is_fresh(&self, workspace: &Workspace) -> bool {
        std::fs::read(workspace.path(&self.path)).is_ok_and(|found| found == self.content)
    }
}

/// Writes the files that differ, or with `check` only says which ones would be written and fails.
pub(crate) fn bring_up_to_date(workspace: &Workspace, files: &[GeneratedFile], check: bool, chore: &str) -> Result<()> {
    let stale: Vec<&GeneratedFile> = files.iter().filter(|file| !file.is_fresh(workspace)).collect();
    if check && !stale.is_empty() {
        let names: Vec<String> = stale.iter().map(|file| file.path.display().to_string()).collect();
        bail!("not up to date: {}; run `cargo xtask {chore}` and commit the result", names.join(", "));
    }
    for file in &stale {
        write(&workspace.path(&file.path), &file.content)?;
        println!("wrote {}", file.path.display());
    }
    println!("{chore}: {} files up to date", files.len());
    Ok(())
}

/// Writes a file and the directories above it.
pub(crate) fn write(path: &Path, content: &[u8]) -> Result<()> {
    if let Some(directory) = path.parent() {
        std::fs::create_dir_all(directory).with_context(|| format!("cannot create {}", directory.display()))?;
    }
    std::fs::write(path, content).with_context(|| format!("cannot write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_check_names_the_stale_files_and_writes_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let workspace = Workspace { root: directory.path().to_owned() };
        let files = [GeneratedFile::new("a/fresh", "x"), GeneratedFile::new("a/stale", "y")];
        write(&workspace.path("a/fresh"), b"x").unwrap();
        write(&workspace.path("a/stale"), b"old").unwrap();

        let error = bring_up_to_date(&workspace, &files, true, "chore").unwrap_err().to_string();
        assert!(error.contains("a/stale") && !error.contains("a/fresh"), "{error}");
        assert_eq!(std::fs::read(workspace.path("a/stale")).unwrap(), b"old");

        bring_up_to_date(&workspace, &files, false, "chore").unwrap();
        assert!(files.iter().all(|file| file.is_fresh(&workspace)));
    }
}
