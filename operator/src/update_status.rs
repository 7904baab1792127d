//! The last step of a reconcile: says on all four kinds how things stand. Writes only what differs.

use std::fmt::Debug;

use cubegate_api::{
    Session,
    condition::{ObjectStatus, PublishedPolicy, SessionStatus},
};
use cubegate_policy::snapshot::Source;
use futures::{StreamExt, stream::FuturesUnordered};
use k8s_openapi::{apimachinery::pkg::apis::meta::v1::Time, jiff::Timestamp};
use kube::{
    Api, Client, ResourceExt,
    api::{Patch, PatchParams},
};
use serde::Serialize;

use crate::{
    dereference::Members,
    metrics::Metrics,
    names::FIELD_MANAGER,
    status::{self, Told},
    watch::{
        cache::Cache,
        namespace::Namespace,
        seen::{Declared, Seen, StatusPatch},
    },
};

/// Why a status could not be written.
#[derive(Debug, thiserror::Error)]
#[error("write status of {object}")]
pub struct Error {
    object: String,
    source: Box<kube::Error>,
}

/// Writes status.
pub struct StatusWriter<'a> {
    /// The way to the API server.
    pub client: &'a Client,
    /// Where the objects are, which learn of what was written.
    pub namespace: &'a Namespace,
    /// Counts writes.
    pub metrics: &'a Metrics,
}

impl StatusWriter<'_> {
    /// Writes the status of a Session.
    pub async fn session(&self, session: &Seen<Session>, status: &SessionStatus) -> Result<(), Error> {
        self.write(&self.namespace.sessions, session, status).await
    }

    /// Writes the status of each of these objects, and goes on when one fails.
    pub async fn members(
        &self,
        members: &Members,
        tell: &(dyn Fn(&Told, Option<&str>) -> ObjectStatus + Sync),
    ) -> Result<(), Error> {
        let Members { roles, restrictions, technical_users } = members;
        let results = [
            self.each(&self.namespace.roles, roles, tell).await,
            self.each(&self.namespace.restrictions, restrictions, tell).await,
            self.each(&self.namespace.technical_users, technical_users, tell).await,
        ];
        results.into_iter().collect()
    }

    async fn each<K: Declared>(
        &self,
        cache: &Cache<Seen<K>>,
        objects: &[std::sync::Arc<Seen<K>>],
        tell: &(dyn Fn(&Told, Option<&str>) -> ObjectStatus + Sync),
    ) -> Result<(), Error> {
        let changed = objects.iter().filter_map(|object| {
            let status = tell(&told(object), object.error());
            differs(object, &status).then_some((object, status))
        });
        let writes: FuturesUnordered<_> =
            changed.map(|(object, status)| async move { self.write(cache, object, &status).await }).collect();
        writes.collect::<Vec<_>>().await.into_iter().collect()
    }

    async fn write<K: Declared, S: Serialize + Debug>(
        &self,
        cache: &Cache<Seen<K>>,
        object: &Seen<K>,
        status: &S,
    ) -> Result<(), Error> {
        if !differs(object, status) {
            return Ok(());
        }
        let api: Api<Seen<K>> = Api::namespaced(self.client.clone(), &self.namespace.name);
        let patch = Patch::Apply(StatusPatch::new(object, status));
        match api.patch_status(&object.name_any(), &PatchParams::apply(FIELD_MANAGER).force(), &patch).await {
            Ok(written) => cache.adopt_status(written),
            // It was deleted, or another one has taken its name: there is nobody to tell.
            Err(kube::Error::Api(answer)) if answer.code == 404 || answer.code == 409 => return Ok(()),
            Err(source) => {
                return Err(Error { object: object.object_name().to_string(), source: Box::new(source) });
            }
        }
        self.metrics.writes.with_label_values(&["status"]).inc();
        tracing::debug!(namespace = self.namespace.name, object = %object.object_name(), ?status, "status written");
        Ok(())
    }
}

/// What status is told of an object.
pub fn told<K: Declared>(object: &Seen<K>) -> Told {
    let source = Source { object: object.object_name(), uid: object.uid().to_owned(), generation: object.generation() };
    Told { source, carried: object.conditions() }
}

/// The policy that the status of a Session says was published.
pub fn published_policy(session: &Seen<Session>) -> Option<PublishedPolicy> {
    session.status().get("policy").cloned().and_then(|found| serde_json::from_value(found).ok())
}

/// The time, as conditions keep it.
pub fn now() -> Time {
    let seconds = Timestamp::now().as_second();
    Time(Timestamp::from_second(seconds).expect("the clock's own seconds are a time"))
}

/// Tells the objects that name a Session which does not exist.
pub fn orphans<'a>(
    session: &'a str,
    nearest: Option<&'a str>,
    now: &'a Time,
) -> impl Fn(&Told, Option<&str>) -> ObjectStatus + Sync + use<'a> {
    move |object, unreadable| status::of_orphan(object, unreadable, session, nearest, now)
}

fn differs<K: Declared, S: Serialize>(object: &Seen<K>, status: &S) -> bool {
    *object.status() != serde_json::to_value(status).expect("a status has string keys only")
}
