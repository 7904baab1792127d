//! Which Sessions a change concerns.

use std::collections::BTreeSet;

use cubegate_api::{
    Session,
    model::{FileLocation, Table},
};
use k8s_openapi::api::{
    apps::v1::Deployment,
    core::v1::{ConfigMap, Pod, Secret},
};
use kube::{Resource, ResourceExt, core::PartialObjectMeta};

use super::{
    cache::Change,
    namespace::Namespace,
    seen::{Declared, Seen},
};
use crate::names::INSTANCE;

/// Selects the pods of all Sessions.
pub const PODS: &str = "app.kubernetes.io/name=cubegate,app.kubernetes.io/component=session";

/// The Session itself. When one comes or goes, objects that name a Session that does not exist may get another
/// "did you mean".
pub fn session(namespace: &Namespace, change: &Change<Seen<Session>>) -> Vec<String> {
    let mut names = member(change);
    if change.before.is_none() != change.after.is_none() {
        names.extend(orphans(namespace));
    }
    names
}

/// A Role, Restriction or TechnicalUser: the Session that it belonged to and the one that it belongs to. What we
/// alone write (status) concerns nobody.
pub fn member<K: Declared>(change: &Change<Seen<K>>) -> Vec<String> {
    let spec = |object: &Seen<K>| (object.uid().to_owned(), object.generation());
    if let (Some(before), Some(after)) = (&change.before, &change.after)
        && spec(before) == spec(after)
        && before.meta().deletion_timestamp == after.meta().deletion_timestamp
    {
        return Vec::new();
    }
    let sides = [&change.before, &change.after];
    let names: BTreeSet<_> = sides.into_iter().flatten().map(|object| object.session_name().to_owned()).collect();
    names.into_iter().collect()
}

/// As [`member`]. An object that does not say readably which Session it belongs to counts for every one.
pub fn member_or_unplaced<K: Declared>(namespace: &Namespace, change: &Change<Seen<K>>) -> Vec<String> {
    let mut names = member(change);
    if names.iter().any(String::is_empty) {
        names.extend(namespace.sessions.all(|_| true).iter().map(|session| session.name_any()));
    }
    names
}

/// Something that we made for a Session.
pub fn child<K: Resource>(change: &Change<K>) -> Vec<String> {
    let sides = [&change.before, &change.after];
    let names: BTreeSet<_> =
        sides.into_iter().flatten().filter_map(|object| object.labels().get(INSTANCE).cloned()).collect();
    names.into_iter().collect()
}

/// A Deployment also counts how its pods come up, which concerns nobody, and says why they cannot, which does.
pub fn deployment(change: &Change<Deployment>) -> Vec<String> {
    let told = |object: &Deployment| {
        let conditions = object.status.as_ref().and_then(|status| status.conditions.clone()).unwrap_or_default();
        let conditions: Vec<_> = conditions.into_iter().map(|c| (c.type_, c.status, c.reason)).collect();
        (object.uid(), object.metadata.generation, object.labels().clone(), object.annotations().clone(), conditions)
    };
    match (&change.before, &change.after) {
        (Some(before), Some(after)) if told(before) == told(after) => Vec::new(),
        _ => child(change),
    }
}

/// A pod's heartbeat concerns nobody; what status is made from does.
pub fn pod(change: &Change<Pod>) -> Vec<String> {
    match (&change.before, &change.after) {
        (Some(before), Some(after))
            if before.status == after.status
                && before.metadata.deletion_timestamp == after.metadata.deletion_timestamp =>
        {
            Vec::new()
        }
        _ => child(change),
    }
}

/// A Secret: the Session whose policy it carries, and those that take a password, client secret or certificate from it.
pub fn secret(namespace: &Namespace, change: &Change<PartialObjectMeta<Secret>>) -> Vec<String> {
    let mut names = child(change);
    let Some(name) = name_of(change) else { return names };
    let users = namespace
        .technical_users
        .all(|user| user.readable().is_some_and(|user| user.password_secret_refs().any(|key| key.name == name)));
    names.extend(users.iter().map(|user| user.session_name().to_owned()));
    let sessions = namespace.sessions.all(|session| {
        session.readable().is_some_and(|session| {
            session.client_secret_refs().any(|key| key.name == name)
                || session.spec.tls.as_ref().is_some_and(|tls| tls.secret_name == name)
        })
    });
    names.extend(sessions.iter().map(|session| session.name_any()));
    names.dedup();
    names
}

/// A ConfigMap: the Sessions that load data from it. Models have a watch of their own.
pub fn config_map(namespace: &Namespace, change: &Change<PartialObjectMeta<ConfigMap>>) -> Vec<String> {
    let Some(name) = name_of(change) else { return Vec::new() };
    let sessions = namespace.sessions.all(|session| {
        session
            .readable()
            .is_some_and(|session| session.spec.tables.iter().any(|table| data_name(table) == Some(&name)))
    });
    sessions.iter().map(|session| session.name_any()).collect()
}

/// Names of Sessions that objects refer to and that do not exist.
fn orphans(namespace: &Namespace) -> BTreeSet<String> {
    let mut named: BTreeSet<String> = BTreeSet::new();
    named.extend(namespace.roles.all(|_| true).iter().map(|object| object.session_name().to_owned()));
    named.extend(namespace.restrictions.all(|_| true).iter().map(|object| object.session_name().to_owned()));
    named.extend(namespace.technical_users.all(|_| true).iter().map(|object| object.session_name().to_owned()));
    named.retain(|name| namespace.sessions.get(name).is_none());
    named
}

fn name_of<K: Resource>(change: &Change<K>) -> Option<String> {
    change.after.as_ref().or(change.before.as_ref()).map(|object| object.name_any())
}

fn data_name(table: &Table) -> Option<&String> {
    match table.source.location() {
        FileLocation::ConfigMap(reference) => Some(&reference.name),
        FileLocation::Path(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use cubegate_api::Role;
    use kube::runtime::watcher::Event;
    use serde_json::json;

    use super::*;

    fn role(session: &str, generation: i64) -> Seen<Role> {
        let metadata =
            json!({"name": "paris", "uid": "u", "generation": generation, "resourceVersion": generation.to_string()});
        serde_json::from_value(json!({"metadata": metadata, "spec": {"sessionRef": {"name": session}}})).unwrap()
    }

    fn change<K>(before: Option<K>, after: Option<K>) -> Change<K> {
        Change { before: before.map(Arc::new), after: after.map(Arc::new) }
    }

    #[test]
    fn a_role_that_moves_concerns_both_sessions() {
        assert_eq!(member(&change(Some(role("retail", 1)), Some(role("world", 2)))), ["retail", "world"]);
        assert_eq!(member(&change(None, Some(role("retail", 1)))), ["retail"]);
        assert_eq!(member(&change(Some(role("retail", 1)), None)), ["retail"]);
    }

    #[test]
    fn a_change_of_status_concerns_nobody() {
        assert!(member(&change(Some(role("retail", 1)), Some(role("retail", 1)))).is_empty());
    }

    #[test]
    fn a_session_that_comes_concerns_the_objects_that_name_none() {
        let namespace = Namespace::default();
        namespace.roles.observe(Event::Apply(role("retial", 1)));
        let session: Seen<Session> =
            serde_json::from_value(json!({"metadata": {"name": "retail", "uid": "s"}})).unwrap();
        assert_eq!(super::session(&namespace, &change(None, Some(session))), ["retail", "retial"]);
    }
    #[test]
    fn an_object_that_belongs_to_no_session_readably_concerns_all() {
        let namespace = Namespace::default();
        let session: Seen<Session> =
            serde_json::from_value(json!({"metadata": {"name": "retail", "uid": "s"}})).unwrap();
        namespace.sessions.observe(Event::Apply(session));
        let unplaced: Seen<Role> = serde_json::from_value(
            json!({"metadata": {"name": "paris", "uid": "u"}, "spec": {"sessionRef": "retail"}}),
        )
        .unwrap();
        assert_eq!(member_or_unplaced(&namespace, &change(None, Some(unplaced))), ["", "retail"]);
        assert_eq!(member_or_unplaced(&namespace, &change(None, Some(role("other", 1)))), ["other"]);
    }
}
