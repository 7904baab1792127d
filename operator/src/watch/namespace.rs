//! Everything that is watched in one namespace.

use std::{fmt::Debug, sync::Arc};

use cubegate_api::{Restriction, Role, Session, TechnicalUser};
use k8s_openapi::{
    NamespaceResourceScope,
    api::{
        apps::v1::Deployment,
        core::v1::{ConfigMap, Pod, Secret, Service, ServiceAccount},
        rbac::v1::{Role as RbacRole, RoleBinding},
    },
};
use kube::{
    Api, Client, Resource, ResourceExt,
    core::PartialObjectMeta,
    runtime::watcher::{self, watcher},
};
use serde::de::DeserializeOwned;
use tokio::task::JoinSet;

use super::{
    cache::{Cache, Change},
    concerns, follow,
    health::Health,
    seen::Seen,
};
use crate::{
    names::{CHILDREN, SessionKey},
    queue::SharedQueue,
};

/// The caches of one namespace.
#[derive(Debug, Default)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Namespace {
    pub name: String,
    pub sessions: Cache<Seen<Session>>,
    pub roles: Cache<Seen<Role>>,
    pub restrictions: Cache<Seen<Restriction>>,
    pub technical_users: Cache<Seen<TechnicalUser>>,
    pub children: Children,
    /// Of every Secret and ConfigMap, because users refer to any of them; metadata only.
    pub secrets: Cache<PartialObjectMeta<Secret>>,
    pub config_maps: Cache<PartialObjectMeta<ConfigMap>>,
    pub pods: Cache<Pod>,
}

/// What the operator has made. The policy Secrets are not here: a policy is read when it is needed, because
/// nothing but the newest one will do and because they are large.
#[derive(Debug, Default)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Children {
    pub deployments: Cache<Deployment>,
    pub services: Cache<Service>,
    pub service_accounts: Cache<ServiceAccount>,
    pub roles: Cache<RbacRole>,
    pub role_bindings: Cache<RoleBinding>,
    pub models: Cache<ConfigMap>,
}

struct Watcher<'a> {
    client: &'a Client,
    namespace: Arc<Namespace>,
    queue: &'a SharedQueue<SessionKey>,
    health: &'a Health,
    tasks: &'a mut JoinSet<()>,
}

impl Namespace {
    /// Starts all watches of the namespace, as tasks that never end by themselves.
    pub fn watch(
        name: &str,
        client: &Client,
        queue: &SharedQueue<SessionKey>,
        health: &Health,
        tasks: &mut JoinSet<()>,
    ) -> Arc<Self> {
        let namespace = Arc::new(Self { name: name.to_owned(), ..Self::default() });
        Watcher { client, namespace: Arc::clone(&namespace), queue, health, tasks }.start();
        namespace
    }
}

impl Watcher<'_> {
    fn start(mut self) {
        self.watch("sessions", None, |n| &n.sessions, concerns::session);
        self.watch("roles", None, |n| &n.roles, concerns::member_or_unplaced);
        self.watch("restrictions", None, |n| &n.restrictions, concerns::member_or_unplaced);
        self.watch("technicalusers", None, |n| &n.technical_users, concerns::member_or_unplaced);

        let ours = Some(CHILDREN);
        self.watch("deployments", ours, |n| &n.children.deployments, |_, change| concerns::deployment(change));
        self.watch("services", ours, |n| &n.children.services, |_, change| concerns::child(change));
        self.watch("serviceaccounts", ours, |n| &n.children.service_accounts, |_, change| concerns::child(change));
        self.watch("rbac roles", ours, |n| &n.children.roles, |_, change| concerns::child(change));
        self.watch("rolebindings", ours, |n| &n.children.role_bindings, |_, change| concerns::child(change));
        self.watch("model configmaps", ours, |n| &n.children.models, |_, change| concerns::child(change));
        self.watch("pods", Some(concerns::PODS), |n| &n.pods, |_, change| concerns::pod(change));

        self.watch("secrets", None, |n| &n.secrets, concerns::secret);
        self.watch("configmaps", None, |n| &n.config_maps, concerns::config_map);
    }

    fn watch<K>(
        &mut self,
        name: &'static str,
        selector: Option<&str>,
        cache: fn(&Namespace) -> &Cache<K>,
        concerns: impl Fn(&Namespace, &Change<K>) -> Vec<String> + Send + Sync + 'static,
    ) where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
        K: DeserializeOwned + Clone + Debug + Send + Sync + 'static,
    {
        let api: Api<K> = Api::namespaced(self.client.clone(), &self.namespace.name);
        let config = selector.map_or_else(watcher::Config::default, |labels| watcher::Config::default().labels(labels));
        self.follow(name, watcher(api, config), cache, concerns);
    }

    fn follow<K>(
        &mut self,
        name: &'static str,
        events: impl futures::Stream<Item = watcher::Result<watcher::Event<K>>> + Send + 'static,
        cache: fn(&Namespace) -> &Cache<K>,
        concerns: impl Fn(&Namespace, &Change<K>) -> Vec<String> + Send + Sync + 'static,
    ) where
        K: Resource<DynamicType = ()> + Clone + Send + Sync + 'static,
    {
        let namespace = Arc::clone(&self.namespace);
        let queue = Arc::clone(self.queue);
        let watch = self.health.register(&namespace.name, name);
        self.tasks.spawn(async move {
            let on_change = |change: &Change<K>| {
                let sessions = concerns(&namespace, change);
                let name = change.after.as_ref().or(change.before.as_ref()).map(|object| object.name_any());
                tracing::trace!(watch = %watch, object = ?name, ?sessions, "change");
                for name in sessions {
                    queue.add(SessionKey { namespace: namespace.name.clone(), name });
                }
            };
            follow(events, cache(&namespace), &watch, on_change).await;
        });
    }
}
