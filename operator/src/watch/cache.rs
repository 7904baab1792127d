//! The objects of one watch as we know them, by name.
//!
//! ```text
//! watch ──observe──▶ ┌───────┐ ──Change──▶ which Sessions it concerns
//! our own writes ──▶ │ Cache │ ──get, all──▶ reconcile
//!        (adopt)     └───────┘
//! ```
//!
//! Our own writes enter at once, so that the next reconcile builds on them and their echo from the
//! watch is no change.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

use kube::{Resource, ResourceExt, runtime::watcher::Event};

/// The objects of one watch in one namespace.
#[derive(Debug)]
pub struct Cache<K> {
    state: RwLock<State<K>>,
}

#[derive(Debug)]
struct State<K> {
    objects: HashMap<String, Arc<K>>,
    /// Objects of a list that is still being received.
    listing: HashMap<String, Arc<K>>,
    complete: bool,
}

/// What became of one object: at least one side is there.
#[derive(Clone, Debug)]
pub struct Change<K> {
    /// The object as it was, if it was known.
    pub before: Option<Arc<K>>,
    /// The object as it is, if it still exists.
    pub after: Option<Arc<K>>,
}

impl<K> Default for Cache<K> {
    fn default() -> Self {
        let state = State { objects: HashMap::new(), listing: HashMap::new(), complete: false };
        Self { state: RwLock::new(state) }
    }
}

impl<K: Resource<DynamicType = ()>> Cache<K> {
    /// Takes in an event of the watch and says what changed.
    pub fn observe(&self, event: Event<K>) -> Vec<Change<K>> {
        let mut state = self.write();
        match event {
            Event::Init => {
                state.listing.clear();
                Vec::new()
            }
            Event::InitApply(object) => {
                state.listing.insert(object.name_any(), Arc::new(object));
                Vec::new()
            }
            Event::InitDone => state.adopt_list(),
            Event::Apply(object) => state.apply(object).into_iter().collect(),
            Event::Delete(object) => {
                let before = state.objects.remove(&object.name_any());
                before.map(|before| Change { before: Some(before), after: None }).into_iter().collect()
            }
        }
    }

    /// Takes in an object that the API server gave us in answer to a write. Only a known object is replaced:
    /// one that was deleted in the meantime must not come back.
    pub fn adopt(&self, object: K) {
        let mut state = self.write();
        let known = state.objects.get(&object.name_any()).is_some_and(|known| known.meta().uid == object.meta().uid);
        if known {
            state.apply(object);
        }
    }

    /// Takes in the answer to a write of status. Such a write leaves the generation alone: another generation means that
    /// somebody edited the object in between, and that edit must still be a change when the watch brings it.
    pub fn adopt_status(&self, object: K) {
        let edited =
            self.get(&object.name_any()).is_some_and(|known| known.meta().generation != object.meta().generation);
        if !edited {
            self.adopt(object);
        }
    }

    /// The object of that name.
    pub fn get(&self, name: &str) -> Option<Arc<K>> {
        self.read().objects.get(name).cloned()
    }

    /// All objects that pass, ordered by name.
    pub fn all(&self, pass: impl Fn(&K) -> bool) -> Vec<Arc<K>> {
        let mut found: Vec<_> = self.read().objects.values().filter(|object| pass(object)).cloned().collect();
        found.sort_by_key(|object| object.name_any());
        found
    }

    /// Whether everything has been listed at least once.
    pub fn is_complete(&self) -> bool {
        self.read().complete
    }

    fn read(&self) -> RwLockReadGuard<'_, State<K>> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, State<K>> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Resource<DynamicType = ()>> State<K> {
    fn apply(&mut self, object: K) -> Option<Change<K>> {
        let name = object.name_any();
        let before = self.objects.get(&name).cloned();
        if before.as_ref().is_some_and(|before| !is_newer(&object, &**before)) {
            return None;
        }
        let after = Arc::new(object);
        self.objects.insert(name, Arc::clone(&after));
        Some(Change { before, after: Some(after) })
    }

    fn adopt_list(&mut self) -> Vec<Change<K>> {
        let mut gone = std::mem::take(&mut self.objects);
        let mut changes = Vec::new();
        for (name, listed) in std::mem::take(&mut self.listing) {
            let before = gone.remove(&name);
            match before {
                Some(before) if !is_newer(&*listed, &*before) => drop(self.objects.insert(name, before)),
                before => {
                    self.objects.insert(name, Arc::clone(&listed));
                    changes.push(Change { before, after: Some(listed) });
                }
            }
        }
        changes.extend(gone.into_values().map(|before| Change { before: Some(before), after: None }));
        self.complete = true;
        changes
    }
}

/// Whether this is another object of the same name, or a later state of the same object. Versions of one kind grow
/// as decimal numbers; what is not one counts as newer.
fn is_newer<K: Resource>(object: &K, known: &K) -> bool {
    let version = |object: &K| object.meta().resource_version.as_deref().and_then(|text| text.parse::<u64>().ok());
    object.meta().uid != known.meta().uid
        || version(object).zip(version(known)).is_none_or(|(object, known)| object > known)
}

#[cfg(test)]
mod tests {
    use k8s_openapi::{api::core::v1::ConfigMap, apimachinery::pkg::apis::meta::v1::ObjectMeta};

    use super::*;

    fn object(name: &str, uid: &str, version: u64) -> ConfigMap {
        let metadata = ObjectMeta {
            name: Some(name.into()),
            uid: Some(uid.into()),
            resource_version: Some(version.to_string()),
            ..ObjectMeta::default()
        };
        ConfigMap { metadata, ..ConfigMap::default() }
    }

    fn versions(cache: &Cache<ConfigMap>) -> Vec<(String, String)> {
        cache.all(|_| true).iter().map(|o| (o.name_any(), o.resource_version().unwrap())).collect()
    }

    fn listed(cache: &Cache<ConfigMap>, objects: Vec<ConfigMap>) -> usize {
        cache.observe(Event::Init);
        for object in objects {
            cache.observe(Event::InitApply(object));
        }
        cache.observe(Event::InitDone).len()
    }

    #[test]
    fn nothing_of_a_list_shows_before_it_is_complete() {
        let cache = Cache::default();
        cache.observe(Event::Init);
        cache.observe(Event::InitApply(object("a", "1", 1)));
        assert!(!cache.is_complete() && cache.get("a").is_none());
        assert_eq!(cache.observe(Event::InitDone).len(), 1);
        assert!(cache.is_complete() && cache.get("a").is_some());
    }

    #[test]
    fn a_repeated_list_reports_what_came_changed_or_went_and_nothing_else() {
        let cache = Cache::default();
        assert_eq!(listed(&cache, vec![object("a", "1", 1), object("b", "2", 2)]), 2);
        assert_eq!(listed(&cache, vec![object("a", "1", 1), object("c", "3", 3)]), 2);
        assert_eq!(versions(&cache), [("a".into(), "1".into()), ("c".into(), "3".into())]);
    }

    #[test]
    fn the_echo_of_our_own_write_is_no_change() {
        let cache = Cache::default();
        listed(&cache, vec![object("a", "1", 9)]);
        cache.adopt(object("a", "1", 10));
        assert!(cache.observe(Event::Apply(object("a", "1", 10))).is_empty());
        assert_eq!(cache.observe(Event::Apply(object("a", "1", 11))).len(), 1);
    }

    #[test]
    fn an_edit_that_our_write_of_status_overtook_is_still_a_change() {
        let generation = |object: ConfigMap, generation| {
            let metadata = ObjectMeta { generation: Some(generation), ..object.metadata };
            ConfigMap { metadata, ..object }
        };
        let cache = Cache::default();
        listed(&cache, vec![generation(object("a", "1", 1), 1)]);
        cache.adopt_status(generation(object("a", "1", 3), 2));
        let edit = cache.observe(Event::Apply(generation(object("a", "1", 2), 2)));
        let echo = cache.observe(Event::Apply(generation(object("a", "1", 3), 2)));
        assert_eq!(edit.len() + echo.len(), 2);
        cache.adopt_status(generation(object("a", "1", 4), 2));
        assert!(cache.observe(Event::Apply(generation(object("a", "1", 4), 2))).is_empty());
    }

    #[test]
    fn an_older_state_never_replaces_a_newer_one() {
        let cache = Cache::default();
        listed(&cache, vec![object("a", "1", 10)]);
        assert!(cache.observe(Event::Apply(object("a", "1", 9))).is_empty());
        assert_eq!(listed(&cache, vec![object("a", "1", 9)]), 0);
        assert_eq!(versions(&cache), [("a".into(), "10".into())]);
    }

    #[test]
    fn our_own_write_does_not_bring_back_what_was_deleted() {
        let cache = Cache::default();
        listed(&cache, vec![object("a", "1", 1), object("b", "2", 1)]);
        cache.observe(Event::Delete(object("a", "1", 2)));
        cache.adopt(object("a", "1", 3));
        cache.adopt(object("b", "another", 3));
        assert_eq!(versions(&cache), [("b".into(), "1".into())]);
    }
}
