//! What the sidecar decides by, and how far it may be trusted.
//!
//! ```text
//!            first policy handed over          newer one handed over
//! NoPolicy ────────────────────────▶ Current ◀──────────────────────┐
//!   503                               │  ▲ │                         │
//!                 source silent ▼─────┘  │ └─▶ Rejected (bad digest, older revision): decides by the last good one
//!                      Stale ────────────┘
//!                        │ silent for too long
//!                        ▼
//!                     Expired: 503
//! ```
//!
//! A policy that is withdrawn leads back to the beginning.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use arc_swap::ArcSwapOption;
use cubegate_policy::{
    publication::{EngineReport, ModelState, PolicyState, PublicationId, SidecarReport},
    snapshot::{Authentication, Door, Snapshot},
};

use crate::{
    answer::Refusal,
    config::{Freshness, PolicyUpdate, SourceHealth},
    cookie::CookieNames,
    oidc::{Issuers, TrustedProvider, trusted},
    seal::Sealer,
    service_accounts::ServiceAccounts,
};

/// A policy that the engine has too, with what is derived from it once.
pub(crate) struct Policy {
    update: Arc<PolicyUpdate>,
    sealer: Sealer,
    cookies: CookieNames,
    providers: Vec<Arc<TrustedProvider>>,
    service_accounts: Option<Arc<ServiceAccounts>>,
}

/// What the sidecar decides by.
pub(crate) struct Standing {
    policy: ArcSwapOption<Policy>,
    engine: ArcSwapOption<EngineReport>,
    has_refused_newer: AtomicBool,
    source: SourceHealth,
}

// === impl Policy ===

impl Policy {
    /// Derives what a policy needs. A provider whose configuration has not changed keeps what it knows.
    pub(crate) fn new(update: Arc<PolicyUpdate>, previous: Option<&Self>, issuers: &Issuers) -> Self {
        let door = &update.publication.snapshot().door;
        let previous_providers = previous.map(|previous| previous.providers.as_slice()).unwrap_or_default();
        let previous_accounts = previous.and_then(|previous| previous.service_accounts.as_ref());
        let service_accounts = ServiceAccounts::of(door, previous_accounts, issuers);
        let providers = trusted::providers(door, &update.cookie_keys, previous_providers, &issuers.http);
        let sealer = Sealer::new(&update.cookie_keys, Vec::new());
        let cookies = CookieNames::for_url(door.url.as_deref());
        Self { update, sealer, cookies, providers, service_accounts }
    }

    pub(crate) fn door(&self) -> &Door {
        &self.snapshot().door
    }

    pub(crate) fn snapshot(&self) -> &Snapshot {
        self.update.publication.snapshot()
    }

    pub(crate) fn id(&self) -> &PublicationId {
        self.update.publication.id()
    }

    pub(crate) fn update(&self) -> &PolicyUpdate {
        &self.update
    }

    /// Seals what browsers keep that no provider has a part in.
    pub(crate) fn sealer(&self) -> &Sealer {
        &self.sealer
    }

    pub(crate) fn cookies(&self) -> CookieNames {
        self.cookies
    }

    /// The identity providers whose configuration is in order, the first one first.
    pub(crate) fn providers(&self) -> &[Arc<TrustedProvider>] {
        &self.providers
    }

    /// The identity provider, where no other is configured, be it in order or not.
    pub(crate) fn only_provider(&self) -> Option<&TrustedProvider> {
        let Authentication::Closed(ways) = &self.door().authentication else { return None };
        self.providers.first().filter(|_| ways.provider_count() == 1).map(Arc::as_ref)
    }

    /// Who vouches for ServiceAccounts, when they may come in.
    pub(crate) fn service_accounts(&self) -> Option<&ServiceAccounts> {
        self.service_accounts.as_deref()
    }
}

// === impl Standing ===

impl Standing {
    pub(crate) fn new(source: SourceHealth) -> Self {
        Self {
            policy: ArcSwapOption::empty(),
            engine: ArcSwapOption::empty(),
            has_refused_newer: AtomicBool::new(false),
            source,
        }
    }

    /// The policy to decide by, or the 503 when there is none.
    pub(crate) fn policy(&self) -> Result<Arc<Policy>, Refusal> {
        let policy = self.policy.load_full();
        match (self.state(), policy) {
            (PolicyState::Current | PolicyState::Stale | PolicyState::Rejected, Some(policy)) => Ok(policy),
            (PolicyState::Expired, _) => {
                Err(Refusal::unavailable("policy-expired", "The access policy is too old to decide by")
                    .because("the source of policies has been silent for too long"))
            }
            _ => Err(Refusal::unavailable("no-policy", "There is no access policy yet").because("no policy yet")),
        }
    }

    /// The adopted policy, however old.
    pub(crate) fn adopted(&self) -> Option<Arc<Policy>> {
        self.policy.load_full()
    }

    pub(crate) fn adopt(&self, policy: Policy) {
        self.policy.store(Some(Arc::new(policy)));
        self.has_refused_newer.store(false, Ordering::Release);
    }

    /// There is no policy any more.
    pub(crate) fn withdraw(&self) {
        self.policy.store(None);
        self.has_refused_newer.store(false, Ordering::Release);
    }

    /// The newest policy that was offered is refused, or is not any more.
    pub(crate) fn refuse_newer(&self, is_refused: bool) {
        self.has_refused_newer.store(is_refused, Ordering::Release);
    }

    pub(crate) fn engine(&self) -> Option<Arc<EngineReport>> {
        self.engine.load_full()
    }

    pub(crate) fn heard_from_engine(&self, report: Option<EngineReport>) {
        self.engine.store(report.map(Arc::new));
    }

    pub(crate) fn state(&self) -> PolicyState {
        let has_refused = self.has_refused_newer.load(Ordering::Acquire) || self.source.has_defect();
        state(self.policy.load().is_some(), self.source.freshness(), has_refused)
    }

    pub(crate) fn report(&self) -> SidecarReport {
        SidecarReport {
            state: self.state(),
            policy: self.adopted().map(|policy| policy.id().clone()),
            engine: self.engine().map(|report| EngineReport::clone(&report)),
        }
    }

    /// Whether requests can be served: by a policy that the engine has too, from a model that is loaded.
    pub(crate) fn is_ready(&self) -> bool {
        let report = self.report();
        let decides = matches!(report.state, PolicyState::Current | PolicyState::Stale | PolicyState::Rejected);
        decides
            && report.engine.is_some_and(|engine| engine.policy == report.policy && engine.model == ModelState::Loaded)
    }
}

fn state(has_policy: bool, freshness: Freshness, has_refused: bool) -> PolicyState {
    match (has_policy, freshness, has_refused) {
        (false, _, _) => PolicyState::NoPolicy,
        (true, Freshness::Expired, _) => PolicyState::Expired,
        (true, _, true) => PolicyState::Rejected,
        (true, Freshness::Stale, false) => PolicyState::Stale,
        (true, Freshness::Fresh, false) => PolicyState::Current,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_that_is_too_old_does_not_decide_whatever_else_is_the_case() {
        assert_eq!(state(true, Freshness::Expired, true), PolicyState::Expired);
        assert_eq!(state(true, Freshness::Expired, false), PolicyState::Expired);
    }

    #[test]
    fn the_state_says_what_is_wrong_with_a_policy_that_still_decides() {
        assert_eq!(state(true, Freshness::Fresh, false), PolicyState::Current);
        assert_eq!(state(true, Freshness::Stale, false), PolicyState::Stale);
        assert_eq!(state(true, Freshness::Stale, true), PolicyState::Rejected);
        assert_eq!(state(true, Freshness::Fresh, true), PolicyState::Rejected);
        assert_eq!(state(false, Freshness::Fresh, true), PolicyState::NoPolicy);
    }

    #[test]
    fn without_a_policy_there_is_nothing_to_decide_by() {
        let standing = Standing::new(SourceHealth::default());
        let refusal = standing.policy().map(drop).unwrap_err();
        assert_eq!((refusal.status.as_u16(), refusal.slug), (503, "no-policy"));
        assert!(!standing.is_ready());
    }
}
