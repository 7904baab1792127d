//! `cubegate import`: policies of other systems as our kinds.

mod names;
mod output;
pub(crate) mod slicer;

use std::process::ExitCode;

use crate::{args::ImportSource, terminal::complain};

/// Prints or writes the objects; or every mistake of the files.
pub(crate) fn import(source: &ImportSource) -> anyhow::Result<ExitCode> {
    let ImportSource::Slicer(options) = source;
    match slicer::import(options)? {
        Ok(imported) => {
            output::write(&imported, options.output.as_deref())?;
            Ok(ExitCode::SUCCESS)
        }
        Err(diagnostics) => {
            for diagnostic in diagnostics {
                complain!("{diagnostic}");
            }
            Ok(ExitCode::FAILURE)
        }
    }
}
