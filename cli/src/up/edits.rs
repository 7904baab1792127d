//! Notices edits of a directory.

use std::path::Path;

use anyhow::Context;
use notify::{RecommendedWatcher, RecursiveMode, Watcher};
use tokio::{
    sync::mpsc,
    time::{Instant, timeout_at},
};

use crate::limits::{EDIT_DELAY_MAX, EDIT_QUIET};

/// Tells when the files of a directory have changed and then been left alone for a moment.
pub(crate) struct Edits {
    events: mpsc::Receiver<()>,
    /// Set from the first event of an edit until the edit is told: by when it is told at the latest.
    untold: Option<Instant>,
    /// Watches for as long as it lives.
    _watcher: RecommendedWatcher,
}

impl Edits {
    /// Watches the files of `directory`.
    pub(crate) fn watch(directory: &Path) -> anyhow::Result<Self> {
        // One event is as good as many: the directory is read whole.
        let (sender, events) = mpsc::channel(1);
        let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            if event.is_ok_and(|event| !event.kind.is_access()) {
                let _ = sender.try_send(());
            }
        })
        .context("failed to watch for edits")?;
        watcher
            .watch(directory, RecursiveMode::NonRecursive)
            .with_context(|| format!("failed to watch {}", directory.display()))?;
        Ok(Self { events, untold: None, _watcher: watcher })
    }

    /// Completes after the next edit. Cancel safe: an edit that was noticed is told by the next call.
    pub(crate) async fn next(&mut self) {
        let latest = if let Some(latest) = self.untold {
            latest
        } else {
            if self.events.recv().await.is_none() {
                // The watcher lives as long as `self`, so its sender does too.
                std::future::pending::<()>().await;
            }
            *self.untold.insert(Instant::now() + EDIT_DELAY_MAX)
        };
        while Instant::now() < latest {
            let quiet_at = (Instant::now() + EDIT_QUIET).min(latest);
            if timeout_at(quiet_at, self.events.recv()).await.is_err() {
                break;
            }
        }
        self.untold = None;
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    #[tokio::test]
    async fn an_edit_is_told_although_the_first_call_was_given_up() {
        let directory = tempfile::tempdir().unwrap();
        let mut edits = Edits::watch(directory.path()).unwrap();
        std::fs::write(directory.path().join("role.yaml"), "a: 1").unwrap();
        assert!(timeout(EDIT_QUIET / 2, edits.next()).await.is_err());
        timeout(Duration::from_secs(5), edits.next()).await.expect("the edit was forgotten");
    }
}
