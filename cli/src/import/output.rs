//! Imported objects as YAML: on standard output, or a file per kind.

use std::{fs, path::Path};

use anyhow::{Context as _, ensure};
use cubegate_api::{Restriction, Role, TechnicalUser};
use serde::Serialize;

use crate::terminal::{complain, say};

/// Objects that go beside a Session.
#[derive(Debug, PartialEq)]
pub(super) struct Imported {
    /// What the Session has to say, a line of YAML each, and why.
    pub(super) session_lines: Vec<String>,
    pub(super) roles: Vec<Role>,
    pub(super) restrictions: Vec<Restriction>,
    pub(super) technical_users: Vec<TechnicalUser>,
}

/// The first line of a file of ours, which may be written again.
const MARK: &str = "# Written by `cubegate import`.";

/// Prints the objects, or writes them into a directory.
pub(super) fn write(imported: &Imported, directory: Option<&Path>) -> anyhow::Result<()> {
    let Some(directory) = directory else {
        // Standard output may go on to `kubectl apply`, which reads no comment.
        for line in &imported.session_lines {
            complain!("the `spec` of the Session has to say {line}");
        }
        say!("{}{}", imported.head(), imported.documents()?.into_iter().map(|(_, text)| text).collect::<String>());
        return Ok(());
    };
    let files: Vec<_> = imported.documents()?.into_iter().map(|(name, text)| (directory.join(name), text)).collect();
    for (path, _) in &files {
        let is_ours = fs::read_to_string(path).map_or(true, |text| text.starts_with(MARK));
        ensure!(is_ours, "{} exists and was not written by `cubegate import`", path.display());
    }
    for (path, text) in &files {
        fs::write(path, format!("{}{text}", imported.head()))
            .with_context(|| format!("failed to write {}", path.display()))?;
    }
    Ok(())
}

impl Imported {
    fn head(&self) -> String {
        format!("{MARK} The `spec` of the Session has to say:\n#   {}\n", self.session_lines.join("\n#   "))
    }

    /// The text of each kind by the name of its file, kinds without objects left out.
    pub(super) fn documents(&self) -> anyhow::Result<Vec<(&'static str, String)>> {
        let Self { session_lines: _, roles, restrictions, technical_users } = self;
        let all = [
            ("roles.yaml", documents(roles)?),
            ("restrictions.yaml", documents(restrictions)?),
            ("technical-users.yaml", documents(technical_users)?),
        ];
        Ok(all.into_iter().filter(|(_, text)| !text.is_empty()).collect())
    }
}

fn documents<K: Serialize>(objects: &[K]) -> anyhow::Result<String> {
    let mut text = String::new();
    for object in objects {
        text.push_str("---\n");
        text.push_str(serde_saphyr::to_string(object).context("an object cannot be written as YAML")?.trim_end());
        text.push('\n');
    }
    Ok(text)
}
