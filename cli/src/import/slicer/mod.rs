//! Authorization of a Cubes slicer: `rights.json` says what identities may do, `roles.json` what roles may, and roles inherit.
//!
//! ```text
//! rights.json, roles.json ──read──▶ Rights by name ──convert──▶ Roles, Restrictions, TechnicalUsers
//! ```
//!
//! Every cut of every role holds, so the Session says `combine: All`. An identity becomes a Role that names its one user; the
//! identity `guest`, which serves whoever has none, becomes a Role for the Session's `guestRoles`.

mod convert;
#[cfg(feature = "fuzzing")]
pub(crate) mod fuzzing;
mod read;

use std::path::Path;

use anyhow::Context as _;

use self::{convert::Settings, read::Rights};
use super::output::Imported;
use crate::{args::SlicerOptions, limits::MANIFEST_BYTES_MAX, manifests::Diagnostic};

/// The objects, or what is wrong with the files.
pub(super) fn import(options: &SlicerOptions) -> anyhow::Result<Result<Imported, Vec<Diagnostic>>> {
    let SlicerOptions { rights, roles, session, order, identity_dimension, password_secret, output: _ } = options;
    let mut diagnostics = Vec::new();
    let mut read = |path: &Path| -> anyhow::Result<Rights> {
        let rights = read::read(path, &text(path)?);
        Ok(rights.unwrap_or_else(|diagnostic| {
            diagnostics.push(diagnostic);
            Rights::new()
        }))
    };
    let (identities, declared) = (read(rights)?, read(roles)?);
    if !diagnostics.is_empty() {
        return Ok(Err(diagnostics));
    }
    let settings = Settings {
        session,
        order: (*order).into(),
        identity_dimension: identity_dimension.as_deref(),
        password_secret: password_secret.as_deref(),
    };
    let in_file = |path: &Path, mistakes: Vec<String>| {
        let file = path.to_owned();
        mistakes.into_iter().map(move |message| Diagnostic { file: file.clone(), line: 1, column: None, message })
    };
    Ok(convert::convert(&identities, &declared, &settings).map_err(|convert::Mistakes { of_identities, of_roles }| {
        in_file(rights, of_identities).chain(in_file(roles, of_roles)).collect()
    }))
}

fn text(path: &Path) -> anyhow::Result<String> {
    let failed = || format!("failed to read {}", path.display());
    let size = std::fs::metadata(path).with_context(failed)?.len();
    anyhow::ensure!(size <= MANIFEST_BYTES_MAX, "{} has {size} bytes, more than {MANIFEST_BYTES_MAX}", path.display());
    std::fs::read_to_string(path).with_context(failed)
}

#[cfg(test)]
mod tests;
