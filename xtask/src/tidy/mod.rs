//! `cargo xtask tidy`: rules of style that a program can check.
//!
//! ```text
//! files of the checkout ─▶ sizes · words · links · matrices ┐
//! generators            ─▶ freshness                       ─┼─▶ complaints
//! cargo's graph         ─▶ arrows · purity                 ─┘
//! ```

mod arrows;
mod links;
mod matrices;
mod sizes;
mod words;

use std::{path::PathBuf, process::Command};

use anyhow::{Result, bail};

use crate::{crds, examples, process::output, workspace::Workspace};

/// A text file of the checkout.
struct TextFile {
    /// Path from the top of the checkout.
    path: String,
    text: String,
}

impl TextFile {
    fn has_extension(&self, extension: &str) -> bool {
        self.path.rsplit_once('.').is_some_and(|(_, found)| found == extension)
    }
}

/// Prints what outgrew its bounds, and fails with every rule that is broken.
pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    let files = text_files(workspace)?;
    let mut complaints = Vec::new();
    complaints.extend(sizes::complaints(&files));
    complaints.extend(words::complaints(&files));
    complaints.extend(links::complaints(workspace, &files));
    complaints.extend(matrices::complaints(&files));
    complaints.extend(freshness(workspace)?);
    complaints.extend(arrows::complaints(workspace)?);

    for note in sizes::notes(&files) {
        println!("note: {note}");
    }
    for complaint in &complaints {
        println!("untidy: {complaint}");
    }
    if !complaints.is_empty() {
        bail!("{} rules of tidiness are broken, see above", complaints.len());
    }
    println!("tidy: {} files follow the rules", files.len());
    Ok(())
}

fn freshness(workspace: &Workspace) -> Result<Vec<String>> {
    let generated = [("crds", crds::files()?), ("examples", examples::files())];
    let complaints = generated.iter().flat_map(|(chore, files)| {
        files
            .iter()
            .filter(|file| !file.is_fresh(workspace))
            .map(move |file| format!("{} is not up to date; run `cargo xtask {chore}`", file.path.display()))
    });
    Ok(complaints.collect())
}

/// What git knows or would add, as far as it is text.
fn text_files(workspace: &Workspace) -> Result<Vec<TextFile>> {
    let mut list = Command::new("git");
    list.current_dir(workspace.root()).args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]);
    let mut paths: Vec<String> = output(&mut list)?.split_terminator('\0').map(str::to_owned).collect();
    paths.sort();
    paths.dedup();
    let readable = |path: String| {
        let bytes = std::fs::read(workspace.path(PathBuf::from(&path))).ok()?;
        String::from_utf8(bytes).ok().map(|text| TextFile { path, text })
    };
    Ok(paths.into_iter().filter_map(readable).collect())
}
