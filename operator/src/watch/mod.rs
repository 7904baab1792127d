//! What the operator sees of the cluster.
//!
//! ```text
//! API server ──watch──▶ follow (one task, one backoff) ──▶ Cache ──Change──▶ concerns ──▶ Queue of Sessions
//! ```
//!
//! Every watch is a task of its own with a backoff of its own: where triggers are merged into one stream first,
//! one watch that keeps failing holds up all the others.

pub mod cache;
pub mod concerns;
pub mod health;
pub mod namespace;
pub mod seen;

use futures::{Stream, StreamExt, pin_mut};
use kube::{
    Resource,
    runtime::watcher::{self, Event},
};

use self::{
    cache::{Cache, Change},
    health::Watch,
};
use crate::{
    limits::{WATCH_RETRY_MAX, WATCH_RETRY_MIN},
    queue::backoff,
};

/// Keeps a cache in step with a watch, for good. Not polling the stream after an error is the backoff.
pub async fn follow<K: Resource<DynamicType = ()>>(
    events: impl Stream<Item = watcher::Result<Event<K>>>,
    cache: &Cache<K>,
    watch: &Watch,
    on_change: impl Fn(&Change<K>),
) {
    pin_mut!(events);
    let mut failures = 0;
    while let Some(event) = events.next().await {
        match event {
            Ok(mut event) => {
                failures = 0;
                watch.succeeded();
                strip(&mut event);
                let listed = matches!(event, Event::InitDone);
                for change in cache.observe(event) {
                    on_change(&change);
                }
                if listed {
                    watch.listed();
                }
            }
            Err(error) => {
                failures += 1;
                watch.failed();
                let delay = backoff(failures, WATCH_RETRY_MIN, WATCH_RETRY_MAX);
                tracing::warn!(watch = %watch, error = %error, ?delay, "watch failed; trying again");
                tokio::time::sleep(delay).await;
            }
        }
    }
}

/// Drops what is large and never read.
fn strip<K: Resource>(event: &mut Event<K>) {
    if let Event::Apply(object) | Event::InitApply(object) | Event::Delete(object) = event {
        object.meta_mut().managed_fields = None;
    }
}
