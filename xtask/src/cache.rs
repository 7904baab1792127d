//! The cache: what takes long to make and does not belong into the checkout.
//!
//! ```text
//! cache/tools/lock               one chore at a time
//! cache/tools/stamps/NAME        digest of what NAME was made from; written last
//! cache/tools/bin/…              Go programs
//! cache/tools/oidc-provider/…    npm packages
//! cache/tools/playwright-core/…  an npm package
//! cache/tools/keycloak/…         a distribution, and its seeded database
//! cache/tools/chromium/…         unpacked Debian packages
//! cache/tools/prometheus/…       an unpacked Debian package
//! cache/tools/proxies/…          unpacked Debian packages
//! cache/tools/cargo-deny/…       a program of Cargo's registry
//! cache/tools/duckdb/…           a Python environment
//! cache/bench/…                  data and peers of the bench
//! ```

use std::{
    fs::File,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use sha2::{Digest as _, Sha256};

use crate::workspace::write;

/// The directory that outlives checkouts.
pub(crate) struct Cache {
    root: PathBuf,
}

impl Cache {
    /// `$CUBEGATE_CACHE`, else `$XDG_CACHE_HOME/cubegate`, else `~/.cache/cubegate`.
    pub(crate) fn open() -> Result<Self> {
        let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let root = variable("CUBEGATE_CACHE")
            .or_else(|| variable("XDG_CACHE_HOME").map(|cache| cache.join("cubegate")))
            .or_else(|| variable("HOME").map(|home| home.join(".cache/cubegate")))
            .context("no place for the cache: set CUBEGATE_CACHE to a directory outside the checkout")?;
        Ok(Self { root })
    }

    /// A path below the tools.
    pub(crate) fn tools(&self, relative: impl AsRef<Path>) -> PathBuf {
        self.root.join("tools").join(relative)
    }

    /// A path below what the bench keeps.
    pub(crate) fn bench(&self, relative: impl AsRef<Path>) -> PathBuf {
        self.root.join("bench").join(relative)
    }

    /// Waits until no other chore changes the tools, and keeps others away until dropped.
    pub(crate) fn lock_tools(&self) -> Result<File> {
        let path = self.tools("lock");
        std::fs::create_dir_all(self.tools("")).with_context(|| format!("cannot create {}", path.display()))?;
        let lock = File::create(&path).with_context(|| format!("cannot create {}", path.display()))?;
        lock.lock().with_context(|| format!("cannot lock {}", path.display()))?;
        Ok(lock)
    }

    /// Whether `name` was made from exactly these inputs.
    pub(crate) fn is_stamped(&self, name: &str, inputs: &Inputs) -> bool {
        std::fs::read_to_string(self.stamp(name)).is_ok_and(|found| found == inputs.digest())
    }

    /// Remembers that `name` was made from these inputs.
    pub(crate) fn set_stamp(&self, name: &str, inputs: &Inputs) -> Result<()> {
        write(&self.stamp(name), inputs.digest().as_bytes())
    }

    fn stamp(&self, name: &str) -> PathBuf {
        self.tools("stamps").join(name)
    }
}

/// What a tool is made from: files and words, in order.
#[derive(Default)]
pub(crate) struct Inputs {
    hash: Sha256,
}

impl Inputs {
    /// Adds the content of a file.
    pub(crate) fn file(self, path: &Path) -> Result<Self> {
        let content = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        Ok(self.bytes(&content))
    }

    /// Adds a word, for example a flag.
    pub(crate) fn word(self, word: &str) -> Self {
        self.bytes(word.as_bytes())
    }

    /// The length goes first, so that two inputs can never read like one.
    fn bytes(mut self, bytes: &[u8]) -> Self {
        self.hash.update(bytes.len().to_le_bytes());
        self.hash.update(bytes);
        self
    }

    fn digest(&self) -> String {
        hexadecimal(&self.hash.clone().finalize())
    }
}

/// Lower-case hexadecimal.
pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a String takes whatever is written");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_holds_only_for_the_inputs_it_was_set_for() {
        let directory = tempfile::tempdir().unwrap();
        let cache = Cache { root: directory.path().to_owned() };
        let inputs = || Inputs::default().word("one").word("two");
        assert!(!cache.is_stamped("tool", &inputs()));
        cache.set_stamp("tool", &inputs()).unwrap();
        assert!(cache.is_stamped("tool", &inputs()));
        assert!(!cache.is_stamped("tool", &Inputs::default().word("onetwo")));
        assert!(!cache.is_stamped("tool", &inputs().word("three")));
    }
}
