//! What is known of the cluster's objects without asking: one cache per kind, filled by a watch, holding only the
//! few fields that decisions need. Nothing is decided or written here.
//!
//! A watch is resumed every 60 s (a dead connection is noticed after 65 s), and every ten minutes the kind is listed
//! anew and the cache replaced, so that a missed event cannot stay missed. A list that is older than what was seen is
//! refused. Caches keep their last content while the API server is away. Needs a client; started by [`crate::run`], read
//! by [`crate::engine`].

mod feed;
mod horizon;
mod key;

pub use key::Key;

use crate::error::Class;
use crate::kubernetes::Kubernetes;
use feed::Feed;
use futures::{Stream, StreamExt as _};
use horizon::Horizon;
use jiff::Timestamp;
use kube::Resource;
use kube::api::Api;
use kube::runtime::utils::Backoff;
use kube::runtime::{WatchStreamExt as _, watcher};
use serde::de::DeserializeOwned;
use std::collections::{HashMap, HashSet};
use std::fmt::Debug;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;
use tokio::sync::Notify;

/// A kind is listed anew this often; a little more or less for each, so that they do not coincide.
const RELIST_EVERY: Duration = Duration::from_mins(10);

/// What is kept of one object of a kind.
pub trait Fact: Debug + Send + Sync + Sized + 'static {
    /// The kind, as it is served.
    type Object: Resource + Clone + DeserializeOwned + Debug + Send + 'static;

    /// What is kept, and under which key it is looked up; `None` where the object is of no interest.
    fn of(object: &Self::Object) -> Option<(Key, Self)>;

    /// Whether a decision has to be made at once because of this change.
    fn is_urgent(before: Option<&Self>, after: Option<&Self>) -> bool;

    /// Takes over what only the looks before can tell, such as when something was first seen.
    fn succeed(&mut self, _before: Option<&Self>, _now: Timestamp) {}

    /// What is still to be known of an object that is gone.
    fn outlive(&self, _now: Timestamp) -> Option<Self> {
        None
    }
}

/// The facts of one kind, grouped by the key under which they are looked up.
#[derive(Debug)]
pub struct Cache<F> {
    content: RwLock<Content<F>>,
    /// Outlives every list and watch: none may take the content back.
    horizon: Arc<Horizon>,
    filled: AtomicBool,
    wake: Arc<Notify>,
    /// The keys whose changes wake the engine; `None`: all.
    attended: RwLock<Option<HashSet<Key>>>,
}

#[derive(Debug)]
struct Content<F> {
    /// Where each object is found.
    groups: HashMap<Key, Key>,
    facts: HashMap<Key, HashMap<Key, Arc<F>>>,
}

/// When a watch that failed is tried again: soon, since an API server that comes back should not wait for us.
#[derive(Debug, Default)]
struct Again {
    failures: u32,
}

// === impl Again ===

impl Iterator for Again {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        self.failures = self.failures.saturating_add(1);
        // The third wait, four seconds, is the longest.
        Some(crate::backoff::wait(Class::Transient, self.failures.min(3), crate::backoff::spread()))
    }
}

impl Backoff for Again {
    fn reset(&mut self) {
        self.failures = 0;
    }
}

// === impl Content ===

impl<F> Default for Content<F> {
    fn default() -> Self {
        Self { groups: HashMap::new(), facts: HashMap::new() }
    }
}

impl<F> Content<F> {
    fn insert(&mut self, object: Key, group: Key, fact: F) -> Option<Arc<F>> {
        let before = self.remove(&object);
        self.groups.insert(object.clone(), group.clone());
        self.facts.entry(group).or_default().insert(object, Arc::new(fact));
        before
    }

    fn remove(&mut self, object: &Key) -> Option<Arc<F>> {
        let group = self.groups.remove(object)?;
        let members = self.facts.get_mut(&group)?;
        let fact = members.remove(object);
        if members.is_empty() {
            self.facts.remove(&group);
        }
        fact
    }

    fn get(&self, object: &Key) -> Option<&F> {
        self.facts.get(self.groups.get(object)?)?.get(object).map(AsRef::as_ref)
    }
}

impl<F: Fact> Content<F> {
    /// Takes over from the content before this list what no list can tell.
    fn succeed(&mut self, before: &Self, now: Timestamp) {
        for (object, fact) in self.facts.values_mut().flatten() {
            // Nobody else has seen it yet.
            if let Some(fact) = Arc::get_mut(fact) {
                fact.succeed(before.get(object), now);
            }
        }
        for (object, group) in &before.groups {
            let gone = before.get(object).filter(|_| !self.groups.contains_key(object));
            if let Some(left) = gone.and_then(|fact| fact.outlive(now)) {
                self.insert(object.clone(), group.clone(), left);
            }
        }
    }
}

// === impl Cache ===

impl<F: Fact> Cache<F> {
    /// An empty cache that wakes the engine through `wake`.
    #[must_use]
    pub fn new(wake: Arc<Notify>) -> Self {
        let (content, attended) = (RwLock::default(), RwLock::default());
        let (horizon, filled) = (Arc::default(), AtomicBool::new(false));
        Self { content, horizon, filled, wake, attended }
    }

    /// From now on only changes under these keys wake the engine.
    pub fn attend(&self, keys: HashSet<Key>) {
        *self.attended.write().unwrap_or_else(PoisonError::into_inner) = Some(keys);
    }

    fn wake(&self, key: &Key) {
        let attended = self.attended.read().unwrap_or_else(PoisonError::into_inner);
        if attended.as_ref().is_none_or(|keys| keys.contains(key)) {
            self.wake.notify_one();
        }
    }

    /// Whether the kind has been listed once. Before that, nothing may be concluded from what is missing.
    #[must_use]
    pub fn is_filled(&self) -> bool {
        self.filled.load(Ordering::Acquire)
    }

    /// What is known under a key.
    #[must_use]
    pub fn under(&self, key: &Key) -> Vec<Arc<F>> {
        let content = self.content.read().unwrap_or_else(PoisonError::into_inner);
        content.facts.get(key).map(|facts| facts.values().cloned().collect()).unwrap_or_default()
    }

    /// Everything that is known.
    #[must_use]
    pub fn all(&self) -> Vec<(Key, Arc<F>)> {
        let content = self.content.read().unwrap_or_else(PoisonError::into_inner);
        let of_group = |(group, facts): (&Key, &HashMap<Key, Arc<F>>)| {
            facts.values().map(|fact| (group.clone(), Arc::clone(fact))).collect::<Vec<_>>()
        };
        content.facts.iter().flat_map(of_group).collect()
    }

    /// The name of each object under a key, and what is known of it.
    #[must_use]
    pub fn named_under(&self, key: &Key) -> Vec<(Arc<str>, Arc<F>)> {
        let content = self.content.read().unwrap_or_else(PoisonError::into_inner);
        let named = |(object, fact): (&Key, &Arc<F>)| (Arc::clone(&object.name), Arc::clone(fact));
        content.facts.get(key).map(|facts| facts.iter().map(named).collect()).unwrap_or_default()
    }

    /// Everything that is known of what `wanted` holds for.
    #[must_use]
    pub fn filter(&self, wanted: impl Fn(&F) -> bool) -> Vec<Arc<F>> {
        let content = self.content.read().unwrap_or_else(PoisonError::into_inner);
        let facts = content.facts.values().flat_map(HashMap::values);
        facts.filter(|fact| wanted(fact)).cloned().collect()
    }

    /// Forgets what is not wanted any more.
    pub fn retain(&self, wanted: impl Fn(&Key, &F) -> bool) {
        let mut content = self.content.write().unwrap_or_else(PoisonError::into_inner);
        let Content { groups, facts } = &mut *content;
        for members in facts.values_mut() {
            members.retain(|object, fact| wanted(object, fact));
        }
        facts.retain(|_, members| !members.is_empty());
        groups.retain(|object, group| {
            facts.get(group).is_some_and(|members| members.contains_key(object))
        });
    }

    /// Forgets everything: the kind is no longer served, or may not be read any more.
    pub fn clear(&self) {
        *self.content.write().unwrap_or_else(PoisonError::into_inner) = Content::default();
        self.filled.store(false, Ordering::Release);
    }

    /// Keeps the cache filled until the future is dropped.
    pub async fn fill(&self, kubernetes: &Kubernetes, api: Api<F::Object>) {
        loop {
            let (horizon, pause) = (Arc::clone(&self.horizon), kubernetes.pause().clone());
            let events = Feed { api: api.clone(), horizon, pause }.events();
            let until = RELIST_EVERY.mul_f64(0.9 + crate::backoff::spread() / 5.0);
            // Running out of time is how a relist begins; the stream itself never ends.
            let _ =
                tokio::time::timeout(until, self.follow(events.backoff(Again::default()))).await;
        }
    }

    /// Applies the events of one watch.
    pub async fn follow(
        &self,
        stream: impl Stream<Item = watcher::Result<watcher::Event<F::Object>>>,
    ) {
        let mut listed = Content::default();
        let mut stream = std::pin::pin!(stream);
        while let Some(event) = stream.next().await {
            match event {
                Ok(watcher::Event::Init) => listed = Content::default(),
                Ok(watcher::Event::InitApply(object)) => {
                    if let Some((group, fact)) = F::of(&object) {
                        listed.insert(Key::of(&object), group, fact);
                    }
                }
                Ok(watcher::Event::InitDone) => self.replace(std::mem::take(&mut listed)),
                Ok(watcher::Event::Apply(object)) => self.apply(&object),
                Ok(watcher::Event::Delete(object)) => self.delete(&object),
                Err(error) => {
                    tracing::warn!(kind = std::any::type_name::<F>(), %error, "a watch failed and is tried again");
                }
            }
        }
    }

    fn replace(&self, mut listed: Content<F>) {
        let now = Timestamp::now();
        let mut content = self.content.write().unwrap_or_else(PoisonError::into_inner);
        listed.succeed(&content, now);
        *content = listed;
        drop(content);
        self.filled.store(true, Ordering::Release);
        self.wake.notify_one();
    }

    fn apply(&self, object: &F::Object) {
        let Some((group, mut fact)) = F::of(object) else { return self.delete(object) };
        let key = Key::of(object);
        let mut content = self.content.write().unwrap_or_else(PoisonError::into_inner);
        let before = content.remove(&key);
        fact.succeed(before.as_deref(), Timestamp::now());
        let urgent = F::is_urgent(before.as_deref(), Some(&fact));
        content.insert(key, group.clone(), fact);
        drop(content);
        if urgent {
            self.wake(&group);
        }
    }

    fn delete(&self, object: &F::Object) {
        let key = Key::of(object);
        let mut content = self.content.write().unwrap_or_else(PoisonError::into_inner);
        let group = content.groups.get(&key).cloned();
        let (Some(group), Some(before)) = (group, content.remove(&key)) else { return };
        let left = before.outlive(Timestamp::now());
        let urgent = F::is_urgent(Some(&before), left.as_ref());
        if let Some(left) = left {
            content.insert(key, group.clone(), left);
        }
        drop(content);
        if urgent {
            self.wake(&group);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::{DeploymentFact, NodeFact};
    use futures::{FutureExt as _, stream};
    use serde_json::{Value, json};

    fn cache<F: Fact>() -> Cache<F> {
        Cache::new(Arc::new(Notify::new()))
    }

    fn node(taints: &Value) -> k8s_openapi::api::core::v1::Node {
        let object =
            json!({"metadata": {"name": "spot-1", "uid": "n1"}, "spec": {"taints": taints}});
        serde_json::from_value(object).unwrap()
    }

    fn noticed() -> Value {
        json!([{"key": "karpenter.sh/disrupted", "effect": "NoSchedule"}])
    }

    async fn list<F: Fact>(cache: &Cache<F>, objects: Vec<F::Object>) {
        let listed = objects.into_iter().map(|object| Ok(watcher::Event::InitApply(object)));
        let events = std::iter::once(Ok(watcher::Event::Init)).chain(listed);
        cache.follow(stream::iter(events.chain([Ok(watcher::Event::InitDone)]))).await;
    }

    /// Whether the engine was woken since it was last asked.
    fn woken<F>(cache: &Cache<F>) -> bool {
        cache.wake.notified().now_or_never().is_some()
    }

    #[tokio::test]
    async fn what_only_earlier_looks_can_tell_survives_a_new_list() {
        let cache = cache::<NodeFact>();
        list(&cache, vec![node(&noticed())]).await;
        let first = cache.filter(|_| true)[0].interruption.unwrap();
        tokio::time::sleep(Duration::from_millis(5)).await;
        list(&cache, vec![node(&noticed())]).await;
        assert_eq!(cache.filter(|_| true)[0].interruption, Some(first));
        cache.follow(stream::iter([Ok(watcher::Event::Apply(node(&noticed())))])).await;
        assert_eq!(cache.filter(|_| true)[0].interruption, Some(first));
    }

    #[tokio::test]
    async fn a_node_that_is_gone_is_known_as_lost_whether_that_was_seen_or_found_out() {
        let cache = cache::<NodeFact>();
        list(&cache, vec![node(&json!([]))]).await;
        woken(&cache);
        cache.follow(stream::iter([Ok(watcher::Event::Delete(node(&json!([]))))])).await;
        assert!(woken(&cache));
        assert!(cache.filter(|_| true)[0].gone_at.is_some());
        list(&cache, vec![node(&json!([]))]).await;
        assert!(cache.filter(|_| true)[0].gone_at.is_none(), "it is there after all");
        list(&cache, Vec::new()).await;
        assert!(cache.filter(|_| true)[0].gone_at.is_some());
    }

    #[tokio::test]
    async fn only_what_is_attended_wakes_the_engine() {
        let cache = cache::<DeploymentFact>();
        let scaled = |name: &str, replicas: i32| {
            let object = json!({"metadata": {"name": name, "namespace": "shop", "uid": name},
                "spec": {"replicas": replicas, "selector": {}, "template": {}}});
            Ok(watcher::Event::Apply(serde_json::from_value(object).unwrap()))
        };
        cache.follow(stream::iter([scaled("api", 1)])).await;
        assert!(woken(&cache), "before it is known what matters, everything does");
        cache.attend(HashSet::from([Key::new("shop", "api")]));
        cache.follow(stream::iter([scaled("other", 1), scaled("other", 2)])).await;
        assert!(!woken(&cache));
        cache.follow(stream::iter([scaled("api", 2)])).await;
        assert!(woken(&cache));
    }

    #[tokio::test]
    async fn a_cache_that_was_cleared_knows_nothing_until_it_is_listed_anew() {
        let cache = cache::<NodeFact>();
        list(&cache, vec![node(&json!([]))]).await;
        assert!(cache.is_filled());
        cache.clear();
        assert!(!cache.is_filled() && cache.all().is_empty());
    }
}
