//! Keeps the sidecar and its engine on one policy.
//!
//! ```text
//! offered ──not older──▶ PUT to the engine ──200──▶ adopted
//!    └──older, or the same revision with another digest──▶ refused: the last good one stays
//! withdrawn (`None` after a policy) ──▶ nobody is served until there is one again
//! ```
//!
//! The engine is looked at every quarter of a second; one that was restarted is handed the adopted policy again.

use std::sync::Arc;

use cubegate_policy::publication::{EngineReport, PublicationId};
use tokio::{
    sync::{Notify, watch},
    time::{MissedTickBehavior, interval, sleep},
};
use tracing::{info, warn};

use crate::{
    config::PolicyUpdate,
    engine::{Engine, EngineError, chain},
    limits::{ENGINE_CHECK_INTERVAL, HAND_OVER_RETRY_INTERVAL},
    oidc::Issuers,
    standing::{Policy, Standing},
};

/// Keeps the sidecar and its engine on one policy.
pub(crate) struct Adopter {
    pub(crate) engine: Engine,
    pub(crate) standing: Arc<Standing>,
    pub(crate) issuers: Issuers,
    /// Rung when the engine says that it lacks a policy that it was handed.
    pub(crate) policy_missing: Arc<Notify>,
}

/// What is to be done with an offered policy.
#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    Adopt,
    Known,
    Older,
    Contradicts,
}

// === impl Adopter ===

impl Adopter {
    /// Works until it is dropped.
    pub(crate) async fn run(self, mut policies: watch::Receiver<Option<Arc<PolicyUpdate>>>) {
        let mut look = interval(ENGINE_CHECK_INTERVAL);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut is_source_open = true;
        let mut pending = policies.borrow_and_update().clone();
        let mut failures: u64 = 0;
        loop {
            if let Some(offered) = pending.take() {
                failures = match self.consider(Arc::clone(&offered)).await {
                    Ok(()) => 0,
                    Err(error) => {
                        if failures == 0 {
                            warn!(policy = ?offered.publication.id(), error = chain(&error), "failed to hand a policy to the engine; trying on");
                        }
                        pending = Some(offered);
                        failures + 1
                    }
                };
            }
            tokio::select! {
                changed = policies.changed(), if is_source_open => match changed {
                    Ok(()) => {
                        pending.clone_from(&policies.borrow_and_update());
                        if pending.is_none() {
                            warn!("the policy was withdrawn");
                            self.standing.withdraw();
                        }
                    }
                    Err(_) => is_source_open = false,
                },
                () = sleep(HAND_OVER_RETRY_INTERVAL), if pending.is_some() => {}
                () = self.policy_missing.notified() => self.look_after_engine(true).await,
                _ = look.tick() => self.look_after_engine(false).await,
            }
        }
    }

    /// Adopts what was offered if it is newer and the engine takes it; fails only when it should be tried again.
    async fn consider(&self, offered: Arc<PolicyUpdate>) -> Result<(), EngineError> {
        let adopted = self.standing.adopted();
        let verdict = judge(offered.publication.id(), adopted.as_ref().map(|policy| policy.id()));
        match verdict {
            Verdict::Adopt => {
                self.hand_over(&offered).await?;
                self.adopt(offered, adopted.as_deref());
            }
            Verdict::Known => {
                self.standing.refuse_newer(false);
                if adopted.as_ref().is_some_and(|policy| policy.update().cookie_keys != offered.cookie_keys) {
                    self.adopt(offered, adopted.as_deref());
                }
            }
            Verdict::Older | Verdict::Contradicts => {
                warn!(offered = ?offered.publication.id(), ?verdict, "refused a policy; the last good one stays");
                self.standing.refuse_newer(true);
            }
        }
        Ok(())
    }

    fn adopt(&self, offered: Arc<PolicyUpdate>, previous: Option<&Policy>) {
        let policy = Policy::new(offered, previous, &self.issuers);
        info!(revision = policy.id().revision, sha256 = policy.id().sha256, "adopted a policy");
        self.standing.adopt(policy);
    }

    async fn hand_over(&self, update: &PolicyUpdate) -> Result<(), EngineError> {
        let report = self.engine.hand_over(&update.publication.access()).await?;
        self.standing.heard_from_engine(Some(report));
        Ok(())
    }

    /// Hands the adopted policy to an engine that does not have it (any more).
    async fn look_after_engine(&self, is_policy_missing: bool) {
        let known = self.standing.engine();
        let report = match self.engine.report().await {
            Ok(report) => report,
            Err(error) => {
                if known.is_some() {
                    warn!(error = chain(&error), "lost the engine");
                }
                self.standing.heard_from_engine(None);
                return;
            }
        };
        let Some(adopted) = self.standing.adopted() else {
            self.standing.heard_from_engine(Some(report));
            return;
        };
        if is_policy_missing || lacks(&report, known.as_deref(), adopted.id()) {
            info!(instance = report.instance, "the engine lacks the policy; handing it over again");
            if let Err(error) = self.hand_over(adopted.update()).await {
                warn!(error = chain(&error), "failed to hand the policy to the engine again");
            }
        } else {
            self.standing.heard_from_engine(Some(report));
        }
    }
}

fn judge(offered: &PublicationId, adopted: Option<&PublicationId>) -> Verdict {
    match adopted {
        Some(adopted) if offered == adopted => Verdict::Known,
        Some(adopted) if offered.revision == adopted.revision => Verdict::Contradicts,
        Some(adopted) if offered.revision < adopted.revision => Verdict::Older,
        Some(_) | None => Verdict::Adopt,
    }
}

fn lacks(report: &EngineReport, known: Option<&EngineReport>, adopted: &PublicationId) -> bool {
    let is_restarted = known.is_some_and(|known| known.instance != report.instance);
    is_restarted || report.policy.as_ref() != Some(adopted)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(revision: u64, sha256: &str) -> PublicationId {
        PublicationId { revision, sha256: sha256.into() }
    }

    #[test]
    fn only_newer_revisions_are_adopted() {
        assert_eq!(judge(&id(1, "a"), None), Verdict::Adopt);
        assert_eq!(judge(&id(2, "b"), Some(&id(1, "a"))), Verdict::Adopt);
        assert_eq!(judge(&id(2, "b"), Some(&id(2, "b"))), Verdict::Known);
        assert_eq!(judge(&id(2, "c"), Some(&id(2, "b"))), Verdict::Contradicts);
        assert_eq!(judge(&id(1, "a"), Some(&id(2, "b"))), Verdict::Older);
    }
}
