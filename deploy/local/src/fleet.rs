//! One fleet on a real cluster, followed event by event: what its targets want and have, and what its status says.
//!
//! `up` draws its view and its report from it; end-to-end tests hold every moment against what must never be. It reads
//! status as plain JSON, as any client would, and never writes.

mod moment;

pub use moment::{Condition, Moment, Target};

use crate::client;
use crate::error::{Error, Result};
use futures::{Stream, StreamExt};
use k8s_openapi::api::apps::v1::Deployment;
use kube::api::{ApiResource, DynamicObject, GroupVersionKind};
use kube::config::Kubeconfig;
use kube::runtime::WatchStreamExt;
use kube::runtime::watcher::{self, watcher};
use kube::{Api, Client};
use moment::{Change, Part};
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// Moments that are kept; the oldest go first. A day of ordinary scaling is a fraction of it.
const LONGEST_HISTORY: usize = 50_000;

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

impl Watch {
    /// Begins to follow a fleet with the credentials of a kubeconfig.
    pub fn start(kubeconfig: &Path, namespace: &str, fleet: &str) -> Result<Self> {
        let config = client::read(kubeconfig)?;
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
    let runtime = client::runtime().map_err(|error| error.to_string())?;
    runtime.block_on(async {
        let client = client::connect(kubeconfig).await.map_err(|error| error.to_string())?;
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

fn targets(client: Client, namespace: &str, fleet: &str) -> impl Stream<Item = Change> {
    let api: Api<Deployment> = Api::namespaced(client, namespace);
    let fleet = fleet.to_owned();
    let of_fleet = watcher::Config::default()
        .labels(&format!("app.kubernetes.io/instance={fleet}"))
        .timeout(60);
    objects(api, of_fleet).filter_map(move |deployment| {
        let part = part_of(&fleet, deployment.metadata.name.as_deref().unwrap_or_default());
        let count = |value: Option<i32>| value.and_then(|n| u32::try_from(n).ok());
        let target = Target {
            wanted: count(deployment.spec.replicas).unwrap_or_default(),
            ready: count(deployment.status.and_then(|s| s.ready_replicas)).unwrap_or_default(),
        };
        std::future::ready(part.map(|part| Change::Target(part, target)))
    })
}

/// Which part of the fleet a Deployment is, by the names that the chart gives.
fn part_of(fleet: &str, deployment: &str) -> Option<Part> {
    match deployment.strip_prefix(fleet)? {
        "" => Some(Part::OnDemand),
        "-spot" => Some(Part::Spot),
        "-placeholder" => Some(Part::Placeholders),
        "-spot-placeholder" => Some(Part::SpotPlaceholders),
        _ => None,
    }
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
    use serde_json::{Value, json};

    fn status() -> Value {
        json!({
            "observed": {"requestsPerSecond": 1490, "latencyMilliseconds": "4.5"},
            "lastDecision": {"reason": "Burst", "summary": "10 -> 20 replicas"},
            "activeSchedule": {"name": "december"},
            "spot": {"state": "Covering"},
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
        assert_eq!((&*moment.active_schedule, &*moment.spot_state), ("december", "Covering"));
        assert!(moment.has("Ready", "True", "Available"));
        assert!(!moment.has("Ready", "False", "Available"));
    }

    #[test]
    fn placeholders_are_no_replicas_of_a_target() {
        let placeholders = part_of("shop", "shop-spot-placeholder").unwrap();
        let mut moment = Moment::default();
        moment.apply(Change::Target(placeholders, Target { wanted: 5, ready: 5 }));
        assert_eq!((moment.wanted(), moment.spot_placeholders.wanted), (0, 5));
        assert_eq!(part_of("shop", "shop-api"), None);
        assert_eq!(part_of("shop", "web"), None);
    }

    #[test]
    fn an_event_that_changes_nothing_is_no_moment() {
        let shared = Shared::default();
        let target = Target { wanted: 10, ready: 9 };
        for at in [1, 2] {
            shared.record(Duration::from_secs(at), Change::Target(Part::OnDemand, target));
        }
        shared.record(Duration::from_secs(3), Change::Target(Part::Spot, target));
        let history = shared.lock().history.clone();
        assert_eq!(history.len(), 2);
        assert_eq!(history[1].wanted(), 20);
    }
}
