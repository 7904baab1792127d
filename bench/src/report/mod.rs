//! Results for people: on the terminal, as a page and as a plot.

mod console;
mod gates;
mod page;
mod plot;

use std::path::Path;

use anyhow::{Context, Result};

pub(crate) use self::console::{print_gates, print_line, print_loading, print_restriction};
use crate::results::Results;

const PAGE: &str = "bench-cube.md";
const PLOT: &str = "bench-cube.svg";

/// Writes the page and the plot.
pub(crate) fn write(results: &Results, directory: &Path) -> Result<()> {
    std::fs::create_dir_all(directory).with_context(|| format!("cannot create {}", directory.display()))?;
    for (name, content) in [(PAGE, page::page(results, PLOT)), (PLOT, plot::plot(results))] {
        let file = directory.join(name);
        std::fs::write(&file, content).with_context(|| format!("cannot write {}", file.display()))?;
        println!("wrote {}", file.display());
    }
    Ok(())
}
