//! `cargo xtask images`: container images without a container daemon.
//!
//! ```text
//! cargo build (static) ─▶ programs ─▶ image: program, roots of trust ─▶ layer ─▶ OCI archive
//! ```
//!
//! An image holds one statically linked program and nothing to run beside it: no shell, no package manager, no C library.

mod elf;
mod layout;
mod programs;
mod roots;

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Args;

use self::layout::{Image, ImageFile};
use crate::workspace::{Workspace, write};

/// Runs as nobody in particular: the number that distroless images use, which exists on no node.
const USER: &str = "65532:65532";

/// `cargo xtask images`
#[derive(Args)]
pub(crate) struct Options {
    /// Directory for the archives. Default: `images` in Cargo's target directory
    #[arg(long)]
    out: Option<PathBuf>,
    /// What image names begin with
    #[arg(long, default_value = "localhost")]
    registry: String,
    /// Tag of the images
    #[arg(long, default_value = env!("CARGO_PKG_VERSION"))]
    tag: String,
}

/// Builds the programs and writes an archive for each.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    let directory = match &options.out {
        Some(directory) => directory.clone(),
        None => workspace.target_directory()?.join("images"),
    };
    for program in programs::build(workspace)? {
        let path = directory.join(format!("{}.tar", program.name));
        let archive = image(options, program)?.archive().context("cannot put an image together")?;
        write(&path, &archive.bytes)?;
        println!("{} {} {}", path.display(), archive.name, archive.digest);
    }
    Ok(())
}

fn image(options: &Options, program: programs::Program) -> Result<Image> {
    let programs::Program { name, description, calls_strangers, binary } = program;
    elf::require_static(&binary).with_context(|| format!("{name} cannot run in an empty image"))?;
    let mut files = vec![ImageFile { path: format!("usr/bin/{name}"), mode: 0o755, content: binary }];
    if calls_strangers {
        files.push(ImageFile { path: roots::PATH.into(), mode: 0o644, content: roots::bundle().into_bytes() });
    }
    Ok(Image {
        name: format!("{}/{name}", options.registry),
        tag: options.tag.clone(),
        files,
        entrypoint: format!("/usr/bin/{name}"),
        user: USER.into(),
        description: description.into(),
    })
}
