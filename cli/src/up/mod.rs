//! `cubegate up`: the Sessions of a directory, served on this machine.
//!
//! ```text
//! directory ──edit──▶ manifests ──compile──▶ policy ──watch channel──▶ sidecar ──socket──▶ engine
//!                          └────── model ──────────────────load──────────────────────────────┘
//! ```
//!
//! Sidecar and engine are the code of the pods, in this process; only where policies and tables come from differs.

mod announce;
mod edits;
pub(crate) mod model;
mod running;

use std::process::ExitCode;

use anyhow::{Context, bail};
use tokio::signal::unix::{SignalKind, signal};

use crate::{args::UpOptions, manifests::Manifests, terminal::complain};
use edits::Edits;
use running::Running;

/// Serves a directory until SIGTERM or SIGINT.
pub(crate) fn up(options: &UpOptions) -> anyhow::Result<ExitCode> {
    tokio::runtime::Runtime::new().context("failed to start the runtime")?.block_on(serve(options))
}

async fn serve(options: &UpOptions) -> anyhow::Result<ExitCode> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut edits = Edits::watch(&options.directory)?;
    let mut manifests = first_manifests(options)?;
    let mut running = Running::start(options, &manifests).await?;
    let mut settling = Some(Box::pin(running.apply(&manifests).await));
    loop {
        tokio::select! {
            () = edits.next() => match Manifests::load(&options.directory, Some(&manifests)) {
                Ok(edited) => {
                    manifests = edited;
                    settling = Some(Box::pin(running.apply(&manifests).await));
                }
                Err(error) => complain!("error: {} cannot be read: {error}", options.directory.display()),
            },
            settled = wait_for(&mut settling) => {
                settling = None;
                running.settled(settled, &manifests);
            }
            _ = terminate.recv() => break,
            _ = interrupt.recv() => break,
        }
    }
    running.drain().await;
    Ok(ExitCode::SUCCESS)
}

/// Completes when there is something to wait for and it has happened.
async fn wait_for<F: Future + Unpin>(settling: &mut Option<F>) -> F::Output {
    match settling {
        Some(settling) => settling.await,
        None => std::future::pending().await,
    }
}

/// The manifests at start. A document of which not even kind and name can be read could restrict anybody, so nothing is
/// served until it can be.
fn first_manifests(options: &UpOptions) -> anyhow::Result<Manifests> {
    let directory = &options.directory;
    let manifests =
        Manifests::load(directory, None).with_context(|| format!("failed to read {}", directory.display()))?;
    if !manifests.unreadable.is_empty() {
        for diagnostic in &manifests.diagnostics {
            complain!("{diagnostic}");
        }
        bail!("nothing is served while a manifest cannot be read, because it could restrict anybody");
    }
    Ok(manifests)
}
