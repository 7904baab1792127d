//! What the sidecar asks on behalf of an administrator: what rights show, whoever has them. It has asked the policy already who
//! has which, and nobody but it can ask.

use std::{sync::Arc, time::Instant};

use axum::{Json, extract::State as Extract};
use cubegate_policy::{
    explain::CubeExplanation,
    publication::{CountMember, ExplainCubes, MemberCounts},
    resolve::Rights,
};
use tracing::error;

use crate::{
    inspection::{Inspection, InspectionError},
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
    working(&shared, move || {
        let all = || inspection.cubes().into_iter().map(|cube| cube.name).collect();
        let cubes: Vec<String> = cube.map_or_else(all, |cube| vec![cube]);
        cubes.iter().map(|cube| inspection.cube(cube, &rights)).collect()
    })
    .await
}

/// How many facts of a member each of several rights shows.
pub(super) async fn who_sees(
    Extract(shared): Extract<Arc<Shared>>,
    Json(asked): Json<CountMember>,
) -> Result<Json<MemberCounts>, Problem> {
    let CountMember { revision, member, rights } = asked;
    let inspection = inspection(&shared, revision)?;
    working(&shared, move || {
        let count = |rights: &Rights| inspection.facts_of_member(&member, rights);
        let facts = count(&Rights::of_administrator())?;
        Ok(MemberCounts { facts, visible: rights.iter().map(count).collect::<Result<_, _>>()? })
    })
    .await
}

fn inspection(shared: &Shared, revision: u64) -> Result<Inspection, Problem> {
    let state = shared.current();
    let ModelSlot::Loaded(model) = &state.model else { return Err(Problem::ModelLoading) };
    let policy = state.policies.revision(revision, Instant::now()).ok_or(Problem::PolicyMissing(revision))?;
    let bound = policy.bound().ok_or(Problem::ModelLoading)?;
    Ok(Inspection::of(Arc::clone(model), Arc::clone(bound)))
}

/// Waits its turn as queries do.
async fn working<T: Send + 'static>(
    shared: &Shared,
    work: impl FnOnce() -> Result<T, InspectionError> + Send + 'static,
) -> Result<Json<T>, Problem> {
    let turn = Arc::clone(&shared.turns).acquire_owned().await.map_err(|_| Problem::Busy)?;
    let worked = tokio::task::spawn_blocking(move || {
        let _turn = turn;
        work()
    });
    match worked.await {
        Ok(Ok(answer)) => Ok(Json(answer)),
        Ok(Err(InspectionError::Unknown(message))) => Err(Problem::InvalidQuery(message)),
        Ok(Err(InspectionError::Refused(refusal))) => Err(Problem::Refused(refusal)),
        Ok(Err(reason)) => {
            error!(%reason, "inspection failed");
            Err(Problem::Internal)
        }
        Err(panic) => {
            error!(error = %panic, "inspection panicked");
            Err(Problem::Internal)
        }
    }
}
