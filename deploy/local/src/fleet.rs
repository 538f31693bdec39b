//! One fleet on a real cluster, followed event by event: what its targets want and have, and what its status says.
//!
//! `up` draws its view and its report from it; end-to-end tests hold every moment against what must never be. It reads
//! status as plain JSON, as any client would, and never writes.

use crate::error::{Error, Result};
use futures::{Stream, StreamExt};
use k8s_openapi::api::apps::v1::Deployment;
use kube::api::{ApiResource, DynamicObject, GroupVersionKind};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::runtime::WatchStreamExt;
use kube::runtime::watcher::{self, watcher};
use kube::{Api, Client, Config};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// Moments that are kept; the oldest go first. A day of ordinary scaling is a fraction of it.
const LONGEST_HISTORY: usize = 50_000;

/// A fleet at one instant.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Moment {
    /// Since the watch began.
    pub at: Duration,
    /// The on-demand target.
    pub on_demand: Target,
    /// The spot target; zeros where there is none.
    pub spot: Target,
    /// Requests per second, as the operator sees them.
    pub seen_rps: Option<f64>,
    /// The guarded percentile of latency in milliseconds, as the operator sees it.
    pub latency_ms: Option<f64>,
    /// The one word of the last decision.
    pub reason: String,
    /// The last decision in a sentence.
    pub summary: String,
    /// Conditions by type.
    pub conditions: BTreeMap<String, Condition>,
}

/// One Deployment of a fleet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Target {
    /// `spec.replicas`.
    pub wanted: u32,
    /// `status.readyReplicas`.
    pub ready: u32,
}

/// One condition of a fleet's status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    /// `True`, `False` or `Unknown`.
    pub status: String,
    /// One CamelCase word.
    pub reason: String,
    /// A sentence for people.
    pub message: String,
}

/// Follows a fleet until it is dropped.
pub struct Watch {
    started: Instant,
    shared: Arc<Shared>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    history: Vec<Moment>,
    failure: Option<String>,
}

/// A change of one of the watched objects.
enum Change {
    Target { spot: bool, target: Target },
    Status(Value),
}

// === impl Moment ===

impl Moment {
    /// Replicas of both targets that are wanted.
    #[must_use]
    pub fn wanted(&self) -> u32 {
        self.on_demand.wanted + self.spot.wanted
    }

    /// Replicas of both targets that are Ready.
    #[must_use]
    pub fn ready(&self) -> u32 {
        self.on_demand.ready + self.spot.ready
    }

    /// Whether a condition has this status and reason.
    #[must_use]
    pub fn has(&self, condition: &str, status: &str, reason: &str) -> bool {
        self.conditions.get(condition).is_some_and(|c| c.status == status && c.reason == reason)
    }

    /// What a condition says; empty where it is not there.
    #[must_use]
    pub fn message(&self, condition: &str) -> &str {
        self.conditions.get(condition).map_or("", |condition| &condition.message)
    }

    fn apply(&mut self, change: Change) {
        match change {
            Change::Target { spot: false, target } => self.on_demand = target,
            Change::Target { spot: true, target } => self.spot = target,
            Change::Status(status) => self.read_status(&status),
        }
    }

    fn read_status(&mut self, status: &Value) {
        let text = |path: &str| {
            status.pointer(path).and_then(Value::as_str).unwrap_or_default().to_owned()
        };
        self.seen_rps = number(status.pointer("/observed/requestsPerSecond"));
        self.latency_ms = number(status.pointer("/observed/latencyMilliseconds"));
        self.reason = text("/lastDecision/reason");
        self.summary = text("/lastDecision/summary");
        let conditions = status.get("conditions").and_then(Value::as_array);
        self.conditions = conditions.into_iter().flatten().filter_map(read_condition).collect();
    }
}

/// A number, or a quantity without a suffix: the API has no floats.
fn number(value: Option<&Value>) -> Option<f64> {
    let value = value?;
    value.as_f64().or_else(|| value.as_str()?.parse().ok())
}

fn read_condition(value: &Value) -> Option<(String, Condition)> {
    let text = |key: &str| value.get(key).and_then(Value::as_str).map(ToOwned::to_owned);
    let condition =
        Condition { status: text("status")?, reason: text("reason")?, message: text("message")? };
    Some((text("type")?, condition))
}

// === impl Watch ===

impl Watch {
    /// Begins to follow a fleet with the credentials of a kubeconfig.
    pub fn start(kubeconfig: &Path, namespace: &str, fleet: &str) -> Result<Self> {
        let config = Kubeconfig::read_from(kubeconfig)
            .map_err(|error| Error::Refused(format!("cannot read the kubeconfig: {error}")))?;
        let (namespace, fleet) = (namespace.to_owned(), fleet.to_owned());
        let shared = Arc::new(Shared::default());
        let (stop, stopped) = oneshot::channel();
        let seen = Arc::clone(&shared);
        let started = Instant::now();
        let thread = std::thread::spawn(move || {
            if let Err(error) = run(&seen, started, config, (&namespace, &fleet), stopped) {
                seen.lock().failure = Some(error);
                seen.changed.notify_all();
            }
        });
        Ok(Self { started, shared, stop: Some(stop), thread: Some(thread) })
    }

    /// Since the watch began: the clock of every [`Moment`].
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// The fleet as it was last seen.
    #[must_use]
    pub fn now(&self) -> Moment {
        self.shared.lock().history.last().cloned().unwrap_or_default()
    }

    /// Every moment since the watch began, oldest first.
    #[must_use]
    pub fn history(&self) -> Vec<Moment> {
        self.shared.lock().history.clone()
    }

    /// Waits for a moment, the present one included; fails at the deadline with what was there instead.
    pub fn wait(
        &self,
        what: &str,
        deadline: Duration,
        wanted: impl Fn(&Moment) -> bool,
    ) -> Result<Moment> {
        let end = Instant::now() + deadline;
        let mut state = self.shared.lock();
        loop {
            if let Some(failure) = &state.failure {
                return Err(Error::Refused(format!("cannot follow the fleet: {failure}")));
            }
            if let Some(moment) = state.history.last().filter(|moment| wanted(moment)) {
                return Ok(moment.clone());
            }
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                let last = state.history.last();
                let what = format!("{what}; the fleet is at {last:?}");
                return Err(Error::Timeout { what, seconds: deadline.as_secs() });
            }
            let woken = self.shared.changed.wait_timeout(state, left);
            state = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic of the thread has been reported by the runtime; there is nobody left to tell.
            drop(thread.join());
        }
    }
}

impl Shared {
    /// A panic elsewhere leaves the history as it was; it is still true.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn record(&self, at: Duration, change: Change) {
        let mut state = self.lock();
        let before = state.history.last().cloned().unwrap_or_default();
        let mut moment = before.clone();
        moment.apply(change);
        moment.at = at;
        if (Moment { at, ..before }) == moment && !state.history.is_empty() {
            return;
        }
        if state.history.len() >= LONGEST_HISTORY {
            state.history.remove(0);
        }
        state.history.push(moment);
        self.changed.notify_all();
    }
}

/// Follows both kinds of objects until `stopped`; what ends it earlier comes back as text.
fn run(
    shared: &Shared,
    started: Instant,
    kubeconfig: Kubeconfig,
    (namespace, fleet): (&str, &str),
    stopped: oneshot::Receiver<()>,
) -> Result<(), String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| error.to_string())?;
    runtime.block_on(async {
        let client = connect(kubeconfig).await.map_err(|error| error.to_string())?;
        let changes = futures::stream::select(
            targets(client.clone(), namespace, fleet),
            statuses(client, namespace, fleet),
        );
        let mut changes = std::pin::pin!(changes);
        let mut stopped = std::pin::pin!(stopped);
        loop {
            let change = tokio::select! {
                _ = &mut stopped => return Ok(()),
                change = changes.next() => change,
            };
            match change {
                Some(change) => shared.record(started.elapsed(), change),
                None => return Err("the API server ended the watch for good".to_owned()),
            }
        }
    })
}

async fn connect(kubeconfig: Kubeconfig) -> Result<Client, kube::Error> {
    let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await;
    let config = config.map_err(|error| kube::Error::Service(Box::new(error)))?;
    Client::try_from(config)
}

fn targets(client: Client, namespace: &str, fleet: &str) -> impl Stream<Item = Change> {
    let api: Api<Deployment> = Api::namespaced(client, namespace);
    let spot = format!("{fleet}-spot");
    let of_fleet = watcher::Config::default()
        .labels(&format!("app.kubernetes.io/instance={fleet}"))
        .timeout(60);
    objects(api, of_fleet).map(move |deployment| {
        let count = |value: Option<i32>| value.and_then(|n| u32::try_from(n).ok());
        let target = Target {
            wanted: count(deployment.spec.replicas).unwrap_or_default(),
            ready: count(deployment.status.and_then(|s| s.ready_replicas)).unwrap_or_default(),
        };
        let name = deployment.metadata.name;
        Change::Target { spot: name.as_deref() == Some(spot.as_str()), target }
    })
}

fn statuses(client: Client, namespace: &str, fleet: &str) -> impl Stream<Item = Change> {
    let kind = GroupVersionKind::gvk("apifleet.dev", "v1alpha1", "ApiFleet");
    let resource = ApiResource::from_gvk_with_plural(&kind, "apifleets");
    let api: Api<DynamicObject> = Api::namespaced_with(client, namespace, &resource);
    let named = watcher::Config::default().fields(&format!("metadata.name={fleet}")).timeout(60);
    objects(api, named)
        .map(|object| Change::Status(object.data.get("status").cloned().unwrap_or_default()))
}

/// Objects as they come and change. A watch that fails is begun again, with a back-off.
fn objects<K>(api: Api<K>, config: watcher::Config) -> impl Stream<Item = K>
where
    K: kube::Resource + Clone + std::fmt::Debug + serde::de::DeserializeOwned + Send + 'static,
{
    watcher(api, config).default_backoff().applied_objects().filter_map(async |object| object.ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn status() -> Value {
        json!({
            "observed": {"requestsPerSecond": 1490, "latencyMilliseconds": "4.5"},
            "lastDecision": {"reason": "Burst", "summary": "10 -> 20 replicas"},
            "conditions": [
                {"type": "Ready", "status": "True", "reason": "Available", "message": "all there"},
            ],
        })
    }

    #[test]
    fn a_status_is_read_with_its_numbers_and_conditions() {
        let mut moment = Moment::default();
        moment.apply(Change::Status(status()));
        assert_eq!(moment.seen_rps, Some(1490.0));
        assert_eq!(moment.latency_ms, Some(4.5));
        assert_eq!(moment.reason, "Burst");
        assert!(moment.has("Ready", "True", "Available"));
        assert!(!moment.has("Ready", "False", "Available"));
    }

    #[test]
    fn an_event_that_changes_nothing_is_no_moment() {
        let shared = Shared::default();
        let target = Target { wanted: 10, ready: 9 };
        for at in [1, 2] {
            shared.record(Duration::from_secs(at), Change::Target { spot: false, target });
        }
        shared.record(Duration::from_secs(3), Change::Target { spot: true, target });
        let history = shared.lock().history.clone();
        assert_eq!(history.len(), 2);
        assert_eq!(history[1].wanted(), 20);
    }
}
