//! What the sidecar asks on behalf of an administrator: what rights show, whoever has them. It has asked the policy already who
//! has which, and nobody but it can ask.

use std::{sync::Arc, time::Instant};

use axum::{Json, extract::State as Extract};
use cubegate_policy::{
    explain::CubeExplanation,
    publication::{CountMember, ExplainCubes, MemberCounts},
    rights::Rights,
};
use tracing::error;

use crate::{
    caller::today,
    inspection::{Inspection, InspectionError},
    limits::{QUERY_TIME_DEFAULT, QUERY_WAIT_MAX},
    problem::Problem,
    state::{ModelSlot, Shared},
};

/// What rights show of each cube, or of one.
pub(super) async fn explain(
    Extract(shared): Extract<Arc<Shared>>,
    Json(asked): Json<ExplainCubes>,
) -> Result<Json<Vec<CubeExplanation>>, Problem> {
    let ExplainCubes { revision, rights, cube } = asked;
    let inspection = inspection(&shared, revision)?;
    working(&shared, inspection, move |inspection| inspection.explain(cube.as_deref(), &rights)).await
}

/// How many facts of a member each of several rights shows.
pub(super) async fn who_sees(
    Extract(shared): Extract<Arc<Shared>>,
    Json(asked): Json<CountMember>,
) -> Result<Json<MemberCounts>, Problem> {
    let CountMember { revision, member, rights } = asked;
    let inspection = inspection(&shared, revision)?;
    working(&shared, inspection, move |inspection| {
        let count = |rights: &Rights| inspection.facts_of_member(&member, rights);
        let facts = count(&Rights::of_administrator(today()))?;
        Ok(MemberCounts { facts, visible: rights.iter().map(count).collect::<Result<_, _>>()? })
    })
    .await
}

fn inspection(shared: &Shared, revision: u64) -> Result<Inspection, Problem> {
    let (state, now) = (shared.current(), Instant::now());
    let ModelSlot::Loaded(model) = &state.model else { return Err(Problem::ModelLoading) };
    let policy = state.policies.revision(revision, now).ok_or(Problem::PolicyMissing(revision))?;
    let bound = policy.bound().ok_or(Problem::ModelLoading)?;
    Ok(Inspection::of(Arc::clone(model), Arc::clone(bound), now + QUERY_TIME_DEFAULT))
}

/// Waits its turn as queries do, and takes no longer than they may.
async fn working<T: Send + 'static>(
    shared: &Shared,
    inspection: Inspection,
    work: impl FnOnce(&Inspection) -> Result<T, InspectionError> + Send + 'static,
) -> Result<Json<T>, Problem> {
    let turn = Arc::clone(&shared.turns).acquire_owned();
    let turn = tokio::time::timeout(QUERY_WAIT_MAX, turn).await.map_err(|_| Problem::Busy)?;
    let worked = tokio::task::spawn_blocking(move || {
        let _turn = turn;
        work(&inspection).map_err(|error| (error, inspection.is_late()))
    });
    match worked.await {
        Ok(Ok(answer)) => Ok(Json(answer)),
        Ok(Err((_, true))) => Err(Problem::QueryTimeout(QUERY_TIME_DEFAULT)),
        Ok(Err((InspectionError::Unknown(message), false))) => Err(Problem::InvalidQuery(message)),
        Ok(Err((InspectionError::Refused(refusal), false))) => Err(Problem::Refused(refusal)),
        Ok(Err((reason, false))) => {
            error!(%reason, "inspection failed");
            Err(Problem::Internal)
        }
        Err(panic) => {
            error!(error = %panic, "inspection panicked");
            Err(Problem::Internal)
        }
    }
}
