//! What is known of the cluster's objects without asking: one cache per kind, filled by a watch, holding only the
//! few fields that decisions need. Nothing is decided or written here.
//!
//! A watch is resumed every 60 s (a dead connection is noticed after 65 s), and every ten minutes the kind is listed
//! anew and the cache replaced, so that a missed event cannot stay missed. Caches keep their last content while the
//! API server is away. Needs a client; started by [`crate::run`], read by [`crate::engine`].

use crate::error::Class;
use crate::kubernetes::WATCH_SECONDS;
use futures::{Stream, StreamExt as _};
use kube::api::Api;
use kube::runtime::utils::Backoff;
use kube::runtime::{WatchStreamExt as _, watcher};
use kube::{Resource, ResourceExt as _};
use serde::de::DeserializeOwned;
use std::collections::HashMap;
use std::fmt::Debug;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;
use tokio::sync::Notify;

/// A kind is listed anew this often; a little more or less for each, so that they do not coincide.
const RELIST_EVERY: Duration = Duration::from_mins(10);

/// Namespace and name of an object.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key {
    /// Namespace.
    pub namespace: String,
    /// Name.
    pub name: String,
}

/// What is kept of one object of a kind.
pub trait Fact: Debug + Send + Sync + Sized + 'static {
    /// The kind, as it is served.
    type Object: Resource + Clone + DeserializeOwned + Debug + Send + 'static;

    /// What is kept, and under which key it is looked up; `None` where the object is of no interest.
    fn of(object: &Self::Object) -> Option<(Key, Self)>;

    /// Whether a decision has to be made at once because of this change.
    fn is_urgent(before: Option<&Self>, after: Option<&Self>) -> bool;
}

/// The facts of one kind, grouped by the key under which they are looked up.
#[derive(Debug)]
pub struct Cache<F> {
    content: RwLock<Content<F>>,
    filled: AtomicBool,
    wake: Arc<Notify>,
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

// === impl Key ===

impl Key {
    /// The key of an object.
    #[must_use]
    pub fn new(namespace: impl Into<String>, name: impl Into<String>) -> Self {
        Self { namespace: namespace.into(), name: name.into() }
    }

    /// The key of an object from its metadata.
    #[must_use]
    pub fn of<K: Resource>(object: &K) -> Self {
        Self::new(object.namespace().unwrap_or_default(), object.name_any())
    }
}

impl std::fmt::Display for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
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
}

// === impl Cache ===

impl<F: Fact> Cache<F> {
    /// An empty cache that wakes the engine through `wake`.
    #[must_use]
    pub fn new(wake: Arc<Notify>) -> Self {
        Self { content: RwLock::default(), filled: AtomicBool::new(false), wake }
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

    /// Forgets everything: the kind is no longer served.
    pub fn clear(&self) {
        *self.content.write().unwrap_or_else(PoisonError::into_inner) = Content::default();
    }

    /// Keeps the cache filled until the future is dropped.
    pub async fn fill(&self, api: Api<F::Object>)
    where
        <F::Object as Resource>::DynamicType: Default + Eq + std::hash::Hash + Clone,
    {
        loop {
            let config = watcher::Config::default().timeout(WATCH_SECONDS);
            let stream = watcher(api.clone(), config).backoff(Again::default());
            let until = RELIST_EVERY.mul_f64(0.9 + crate::backoff::spread() / 5.0);
            // Running out of time is how a relist begins; the stream itself never ends.
            let _ = tokio::time::timeout(until, self.follow(stream)).await;
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

    fn replace(&self, listed: Content<F>) {
        *self.content.write().unwrap_or_else(PoisonError::into_inner) = listed;
        self.filled.store(true, Ordering::Release);
        self.wake.notify_one();
    }

    fn apply(&self, object: &F::Object) {
        let Some((group, fact)) = F::of(object) else { return self.delete(object) };
        let key = Key::of(object);
        let mut content = self.content.write().unwrap_or_else(PoisonError::into_inner);
        let before = content.remove(&key);
        let urgent = F::is_urgent(before.as_deref(), Some(&fact));
        content.insert(key, group, fact);
        drop(content);
        if urgent {
            self.wake.notify_one();
        }
    }

    fn delete(&self, object: &F::Object) {
        let before =
            self.content.write().unwrap_or_else(PoisonError::into_inner).remove(&Key::of(object));
        if before.is_some() && F::is_urgent(before.as_deref(), None) {
            self.wake.notify_one();
        }
    }
}
