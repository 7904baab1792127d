//! The policy Secret, watched through the API.
//!
//! Only `get` and `watch` on that one name are used, so that is all that a pod's ServiceAccount needs. The watch is our own
//! loop with its own backoff: each part of it that fails begins again with `get`.

use std::{collections::BTreeMap, time::Duration};

use futures::StreamExt as _;
use k8s_openapi::api::core::v1::Secret;
use kube::{
    Api,
    api::{WatchEvent, WatchParams},
};
use tokio::time::{error::Elapsed, sleep, timeout};
use tracing::{info, warn};

use crate::{
    engine::chain,
    limits::{WATCH_RETRY_FIRST, WATCH_RETRY_MAX, WATCH_SECONDS},
};

use super::{
    Authority, Publisher,
    api_server::{ApiServer, ApiServerError},
};

/// Time beyond the agreed one after which a watch that says nothing is given up.
const WATCH_GRACE: Duration = Duration::from_secs(15);

/// One Secret, and how to get at it.
#[derive(Clone, Debug)]
pub struct SecretSource {
    /// `metadata.name`.
    pub name: String,
    /// `metadata.namespace`.
    pub namespace: String,
    /// Where it is.
    pub api_server: ApiServer,
}

#[derive(Debug, thiserror::Error)]
enum WatchError {
    #[error("failed to find the API server")]
    ApiServer(#[source] ApiServerError),
    #[error("failed to get the policy Secret")]
    Get(#[source] kube::Error),
    #[error("failed to watch the policy Secret")]
    Watch(#[source] kube::Error),
    #[error("the API server ended the watch: {0}")]
    Ended(String),
    #[error("the policy Secret is gone")]
    Gone,
    #[error("the watch has been silent for too long")]
    Silent(#[source] Elapsed),
}

/// Offers the Secret, and again whenever it has changed.
pub(super) async fn follow(source: SecretSource, publisher: Publisher) {
    let mut failures = 0;
    loop {
        let error = match source.api_server.client().await {
            Ok(client) => {
                follow_with(&Api::namespaced(client, &source.namespace), &source.name, &publisher, &mut failures).await
            }
            Err(error) => WatchError::ApiServer(error),
        };
        failures += 1;
        warn!(secret = source.name, failures, error = chain(&error), "lost the policy Secret; trying again");
        sleep(retry_pause(failures)).await;
    }
}

async fn follow_with(api: &Api<Secret>, name: &str, publisher: &Publisher, failures: &mut u32) -> WatchError {
    let secret = match api.get(name).await {
        Ok(secret) => secret,
        Err(error) => return WatchError::Get(error),
    };
    let mut version = secret.metadata.resource_version.clone().unwrap_or_default();
    info!(secret = name, version, "found the policy Secret");
    arrived(secret, publisher);
    loop {
        *failures = 0;
        if let Err(error) = watch_once(api, name, publisher, &mut version).await {
            return error;
        }
    }
}

/// One watch, to its agreed end.
async fn watch_once(
    api: &Api<Secret>,
    name: &str,
    publisher: &Publisher,
    version: &mut String,
) -> Result<(), WatchError> {
    let parameters = WatchParams::default().fields(&format!("metadata.name={name}")).timeout(WATCH_SECONDS);
    let silence = Duration::from_secs(WATCH_SECONDS.into()) + WATCH_GRACE;
    let opening = timeout(silence, api.watch(&parameters, version)).await.map_err(WatchError::Silent)?;
    let mut events = std::pin::pin!(opening.map_err(WatchError::Watch)?);
    publisher.health.reached();
    while let Some(event) = timeout(silence, events.next()).await.map_err(WatchError::Silent)? {
        match event.map_err(WatchError::Watch)? {
            WatchEvent::Added(secret) | WatchEvent::Modified(secret) => {
                *version = secret.metadata.resource_version.clone().unwrap_or_default();
                arrived(secret, publisher);
            }
            WatchEvent::Bookmark(bookmark) => version.clone_from(&bookmark.metadata.resource_version),
            WatchEvent::Deleted(_) => return Err(WatchError::Gone),
            WatchEvent::Error(status) => return Err(WatchError::Ended(format!("{} {}", status.code, status.message))),
        }
        publisher.health.reached();
    }
    publisher.health.reached();
    Ok(())
}

fn arrived(secret: Secret, publisher: &Publisher) {
    let parts: BTreeMap<String, Vec<u8>> =
        secret.data.unwrap_or_default().into_iter().map(|(key, value)| (key, value.0)).collect();
    publisher.health.reached();
    publisher.offer(&parts, Authority::Source);
}

fn retry_pause(failures: u32) -> Duration {
    WATCH_RETRY_FIRST.saturating_mul(2_u32.saturating_pow(failures.saturating_sub(1))).min(WATCH_RETRY_MAX)
}
