//! `cubegate check`: every error at once.

use std::process::ExitCode;

use anyhow::Context;

use crate::{
    args::CheckOptions,
    manifests::Manifests,
    passwords::Passwords,
    sessions,
    terminal::{complain, say},
};

/// Prints what is wrong with a directory's manifests.
pub(crate) fn check(options: &CheckOptions) -> anyhow::Result<ExitCode> {
    let manifests = Manifests::load(&options.directory, None)
        .with_context(|| format!("failed to read {}", options.directory.display()))?;
    let mut diagnostics = manifests.diagnostics.clone();
    diagnostics.extend(sessions::strays(&manifests));
    for declared in sessions::declared(&manifests, &mut Passwords::default()) {
        diagnostics.extend(crate::up::model::check(&declared, &manifests, &options.directory));
        diagnostics.extend(declared.diagnostics);
    }
    diagnostics.sort();
    diagnostics.dedup();
    for diagnostic in &diagnostics {
        say!("{diagnostic}");
    }
    let count = diagnostics.len();
    complain!("{count} {}", if count == 1 { "error" } else { "errors" });
    Ok(if count == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
