//! `cubegate check`: every error at once, and what is valid but hardly meant.

use std::process::ExitCode;

use anyhow::Context;

use crate::{
    args::CheckOptions,
    manifests::Manifests,
    passwords::Passwords,
    sessions,
    terminal::{complain, say},
    up::model::check as check_model,
};

/// Prints what is wrong with a directory's manifests.
pub(crate) fn check(options: &CheckOptions) -> anyhow::Result<ExitCode> {
    let manifests = Manifests::load(&options.directory, None)
        .with_context(|| format!("failed to read {}", options.directory.display()))?;
    let (mut diagnostics, mut warnings) = (manifests.diagnostics.clone(), Vec::new());
    diagnostics.extend(sessions::strays(&manifests));
    for declared in sessions::declared(&manifests, &mut Passwords::Looked) {
        let of_model = check_model(&declared, &manifests, &options.directory);
        diagnostics.extend(declared.diagnostics.into_iter().chain(of_model.errors));
        warnings.extend(declared.warnings.into_iter().chain(of_model.warnings));
    }
    for found in [&mut diagnostics, &mut warnings] {
        found.sort();
        found.dedup();
        for diagnostic in found {
            say!("{diagnostic}");
        }
    }
    complain!("{}, {}", counted(diagnostics.len(), "error"), counted(warnings.len(), "warning"));
    Ok(if diagnostics.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}
