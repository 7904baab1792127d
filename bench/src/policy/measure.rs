//! Each step of a policy, timed.

use std::{
    collections::BTreeMap,
    hint::black_box,
    time::{Instant, SystemTime},
};

use anyhow::{Context, Result, ensure};
use cubegate_api::Moment;
use cubegate_policy::{
    attributes::Attributes,
    bind::BoundAccess,
    compile::{Objects, compile},
    publication::{Publication, canonical_bytes, published_bytes, secret_key},
    resolve::{Caller, resolve},
    snapshot::Snapshot,
};

use super::objects::{Callers, model};
use crate::timing::{Repetition, Timing};

/// What was found.
pub(super) struct Figures {
    pub(super) compile: Timing,
    pub(super) publish: Timing,
    pub(super) read: Timing,
    pub(super) bind: Timing,
    /// One run per caller, who is there for the first time.
    pub(super) cold: Timing,
    /// One run per caller, who has just been there.
    pub(super) again: Timing,
    pub(super) snapshot_bytes: usize,
    pub(super) published_bytes: usize,
}

const STEPS: Repetition = Repetition { warm: 1, counted: 7 };

pub(super) fn measure(objects: &Objects, callers: &Callers) -> Result<Figures> {
    let compiled = compile(objects);
    ensure!(compiled.problems.is_empty(), "the policy is in order, but: {:?}", compiled.problems.first());
    let snapshot = compiled.snapshot;
    let publication = Publication::new(1, snapshot.clone());
    let secret = BTreeMap::from(publication.to_secret());
    let (cube, shape) = model();
    let read = || Publication::from_secret(|key| secret.get(key).map(Vec::as_slice)).context("cannot be read back");
    let bind = || BoundAccess::bind(&snapshot.access, &shape);
    let requests = Requests { snapshot: &snapshot, bound: bind(), cube, now: Moment::of(SystemTime::now()) };
    ensure!(requests.bound.problems().is_empty(), "the policy fits the model, but: {:?}", requests.bound.problems());
    let (cold, again) = requests.timed(callers)?;
    Ok(Figures {
        compile: Timing::of(STEPS, || Ok(compile(objects)))?,
        publish: Timing::of(STEPS, || Ok(publication.to_secret()))?,
        read: Timing::of(STEPS, || Ok(read()?.snapshot().door.roles.len()))?,
        bind: Timing::of(STEPS, || Ok(bind()))?,
        cold,
        again,
        snapshot_bytes: canonical_bytes(&snapshot).len(),
        published_bytes: published_bytes(&snapshot) + secret.get(secret_key::SHA256).map_or(0, Vec::len),
    })
}

/// What a pod does for each request.
struct Requests<'a> {
    snapshot: &'a Snapshot,
    bound: BoundAccess,
    cube: &'static str,
    now: Moment,
}

impl Requests<'_> {
    fn timed(&self, callers: &Callers) -> Result<(Timing, Timing)> {
        let technical = callers.usernames.iter().map(|username| Caller::TechnicalUser { username });
        let provided = callers.provider_users.iter().map(|(name, provider_roles)| Caller::ProviderUser {
            provider: None,
            name,
            provider_roles,
            attributes: Attributes::none(),
        });
        let (mut cold, mut again) = (Timing::default(), Timing::default());
        for caller in technical.chain(provided) {
            cold.runs_ms.push(self.once_ms(&caller)?);
            again.runs_ms.push(self.once_ms(&caller)?);
        }
        Ok((cold, again))
    }

    fn once_ms(&self, caller: &Caller<'_>) -> Result<f64> {
        let start = Instant::now();
        let resolved = resolve(&self.snapshot.door, caller, self.now)?;
        let visibility = self.bound.visibility(self.cube, &resolved.rights)?;
        let elapsed_ms = start.elapsed().as_secs_f64() * 1e3;
        ensure!(!black_box(visibility).all_of.is_empty(), "everybody here is restricted");
        Ok(elapsed_ms)
    }
}
