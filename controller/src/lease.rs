//! Which copy of the operator acts: leader election on one `coordination.k8s.io` Lease.
//!
//! The holder renews every 5 s and stops acting 10 s after the start of its last successful renewal; a renewal that is
//! never answered leaves time for two more. Others take the lease when they have seen it unchanged for 15 s. Both are
//! measured on the monotonic clock of the process that measures, and the times written in the lease are never compared
//! with a clock: a wall clock that jumps makes no second leader. Every write carries the resourceVersion that was read.
//! On shutdown the lease is handed back, so that the next copy acts within two seconds.
//!
//! Written here because `kube-lease-manager` 0.13 compares wall clocks and clears an expired lease without a
//! precondition. Called by [`crate::run`]; [`Leadership`] is asked before every write.

use crate::kubernetes::{CallError, Kubernetes};
use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::{Lease as LeaseObject, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use kube::api::{Api, ObjectMeta, PostParams};
use std::future::Future;
use std::hash::{BuildHasher as _, RandomState};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;

/// A lease unchanged for so long may be taken.
pub const DURATION: Duration = Duration::from_secs(15);
/// The holder stops acting this long after its last renewal.
pub const RENEW_DEADLINE: Duration = Duration::from_secs(10);
/// The holder renews so often.
const RENEW_EVERY: Duration = Duration::from_secs(5);
/// Others look so often; the holder, too, tries again so soon after a renewal that failed.
const RETRY: Duration = Duration::from_secs(1);
/// No call about the lease takes longer: one that is never answered leaves time for others before the deadline.
const PATIENCE: Duration = Duration::from_secs(2);

/// Whether this copy may act, at this instant.
#[derive(Debug, Clone)]
pub struct Leadership(watch::Receiver<Option<Instant>>);

/// This copy's side of the election.
pub struct Candidate {
    kubernetes: Kubernetes,
    namespace: String,
    name: String,
    identity: String,
    seen: Option<Seen>,
    until: watch::Sender<Option<Instant>>,
}

/// What the lease looked like, and since when it has looked like that.
struct Seen {
    spec: LeaseSpec,
    resource_version: Option<String>,
    since: Instant,
}

// === impl Leadership ===

impl Leadership {
    /// Whether this copy may act now. Ask before every write: a process that was stopped for 20 s finds out here.
    #[must_use]
    pub fn is_held(&self) -> bool {
        self.0.borrow().is_some_and(|until| Instant::now() < until)
    }

    /// A leadership that is always held or never, for tests and for tools that run alone.
    #[must_use]
    pub fn fixed(held: bool) -> Self {
        Self::for_the_next(if held { Duration::from_hours(720) } else { Duration::ZERO })
    }

    /// A leadership that is held for so long, for tests.
    #[must_use]
    pub fn for_the_next(time: Duration) -> Self {
        // The receiver keeps the last value when the sender is gone.
        Self(watch::channel(Some(Instant::now() + time)).1)
    }

    /// Waits until the answer may have changed.
    pub async fn changed(&mut self) {
        if self.0.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

// === impl Candidate ===

impl Candidate {
    /// A candidate for the named lease; `pod` becomes unique by a suffix.
    #[must_use]
    pub fn new(
        kubernetes: Kubernetes,
        namespace: String,
        name: String,
        pod: &str,
    ) -> (Self, Leadership) {
        let (until, receiver) = watch::channel(None);
        // A server that asks for a pause is asked for the lease all the same, once a second at most.
        let kubernetes = kubernetes.regardless().with_deadline(PATIENCE);
        // Seeded anew by the standard library: two processes never share an identity, even in one pod.
        let identity = format!("{pod}_{:016x}", RandomState::new().hash_one(pod));
        (Self { kubernetes, namespace, name, identity, seen: None, until }, Leadership(receiver))
    }

    /// Takes part until `stop` is ready, then hands the lease back.
    pub async fn run(mut self, stop: impl Future<Output = ()>) {
        tokio::select! {
            // A renewal that hangs does not hold it up.
            () = stop => {}
            () = self.take_part() => {}
        }
        self.release().await;
    }

    async fn take_part(&mut self) {
        loop {
            let next = self.step().await;
            tokio::time::sleep_until(next).await;
        }
    }

    /// One renewal or one look; returns when the next is due.
    async fn step(&mut self) -> Instant {
        let started = Instant::now();
        let wait = match self.acquire_or_renew(started).await {
            Ok(true) => {
                if self.until.send_replace(Some(started + RENEW_DEADLINE)).is_none() {
                    tracing::info!(lease = %self.name, identity = %self.identity, "this copy leads");
                }
                RENEW_EVERY
            }
            Ok(false) => {
                self.lose("another copy holds the lease");
                RETRY
            }
            Err(error) => {
                tracing::warn!(lease = %self.name, %error, "the lease cannot be renewed or read");
                let held = *self.until.borrow();
                if held.is_some_and(|until| Instant::now() >= until) {
                    self.lose("the lease could not be renewed in time");
                }
                RETRY
            }
        };
        started + wait
    }

    fn lose(&self, why: &str) {
        if self.until.send_replace(None).is_some() {
            tracing::warn!(lease = %self.name, why, "this copy leads no more");
        }
    }

    async fn acquire_or_renew(&mut self, now: Instant) -> Result<bool, CallError> {
        // A holder knows the version that it wrote, so that a renewal is one call; all others look first.
        let renewing = self.until.borrow().is_some() && self.seen.is_some();
        if !renewing && !self.look().await? {
            return self.create().await;
        }
        let Some(seen) = &self.seen else { return Ok(false) };
        if !may_take(seen, &self.identity, now) {
            return Ok(false);
        }
        let lease =
            self.object(next_spec(&seen.spec, &self.identity), seen.resource_version.clone());
        // Until there is an answer nobody knows whether it was written: look again before the next try.
        self.seen = None;
        let written = {
            let api = self.api();
            self.kubernetes
                .call("write the lease", api.replace(&self.name, &PostParams::default(), &lease))
                .await
        };
        match written {
            Ok(lease) => {
                self.remember(lease);
                Ok(true)
            }
            Err(error) if error.is_conflict() => {
                // Someone wrote in between; what they wrote decides.
                self.look().await?;
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    /// Reads the lease; false where there is none.
    async fn look(&mut self) -> Result<bool, CallError> {
        let api = self.api();
        match self.kubernetes.call("read the lease", api.get(&self.name)).await {
            Ok(lease) => {
                self.remember(lease);
                Ok(true)
            }
            Err(error) if error.is_not_found() => Ok(false),
            Err(error) => Err(error),
        }
    }

    async fn create(&mut self) -> Result<bool, CallError> {
        let lease = self.object(next_spec(&LeaseSpec::default(), &self.identity), None);
        let api = self.api();
        match self
            .kubernetes
            .call("create the lease", api.create(&PostParams::default(), &lease))
            .await
        {
            Ok(lease) => {
                self.remember(lease);
                Ok(true)
            }
            Err(error) if error.is_conflict() => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn remember(&mut self, lease: LeaseObject) {
        let now = Instant::now();
        let spec = lease.spec.unwrap_or_default();
        let since = match &self.seen {
            Some(seen) if seen.spec == spec => seen.since,
            _ => now,
        };
        self.seen = Some(Seen { spec, resource_version: lease.metadata.resource_version, since });
    }

    async fn release(&mut self) {
        if self.until.send_replace(None).is_none() {
            return;
        }
        match self.hand_back().await {
            Ok(true) => tracing::info!(lease = %self.name, "handed the lease back"),
            Ok(false) => {}
            Err(error) => {
                tracing::warn!(%error, "the next copy has to wait for the lease to run out");
            }
        }
    }

    /// False where another copy holds it.
    async fn hand_back(&mut self) -> Result<bool, CallError> {
        if self.seen.is_none() {
            // A renewal was cut short, and may have been made.
            self.look().await?;
        }
        let is_ours = |seen: &Seen| seen.spec.holder_identity.as_ref() == Some(&self.identity);
        let Some(seen) = self.seen.take().filter(is_ours) else { return Ok(false) };
        let spec = LeaseSpec {
            holder_identity: Some(String::new()),
            renew_time: Some(MicroTime(Timestamp::now())),
            ..seen.spec
        };
        let lease = self.object(spec, seen.resource_version);
        let (api, params) = (self.api(), PostParams::default());
        let handing = api.replace(&self.name, &params, &lease);
        self.kubernetes.call("hand back the lease", handing).await.map(|_| true)
    }

    fn object(&self, spec: LeaseSpec, resource_version: Option<String>) -> LeaseObject {
        LeaseObject {
            metadata: ObjectMeta {
                name: Some(self.name.clone()),
                namespace: Some(self.namespace.clone()),
                resource_version,
                ..ObjectMeta::default()
            },
            spec: Some(spec),
        }
    }

    fn api(&self) -> Api<LeaseObject> {
        Api::namespaced(self.kubernetes.client().clone(), &self.namespace)
    }
}

/// Whether the lease is free, ours, or has not been renewed for as long as we have watched it.
fn may_take(seen: &Seen, identity: &str, now: Instant) -> bool {
    let holder = seen.spec.holder_identity.as_deref().unwrap_or_default();
    holder.is_empty() || holder == identity || now.saturating_duration_since(seen.since) >= DURATION
}

/// The lease as its holder writes it.
fn next_spec(before: &LeaseSpec, identity: &str) -> LeaseSpec {
    let now = MicroTime(Timestamp::now());
    let ours = before.holder_identity.as_deref() == Some(identity);
    let transitions = before.lease_transitions.unwrap_or_default();
    LeaseSpec {
        holder_identity: Some(identity.to_owned()),
        lease_duration_seconds: i32::try_from(DURATION.as_secs()).ok(),
        acquire_time: if ours { before.acquire_time.clone() } else { Some(now.clone()) },
        renew_time: Some(now),
        lease_transitions: Some(if ours { transitions } else { transitions.saturating_add(1) }),
        ..before.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(holder: &str, since: Instant) -> Seen {
        let spec = LeaseSpec { holder_identity: Some(holder.to_owned()), ..LeaseSpec::default() };
        Seen { spec, resource_version: Some("7".to_owned()), since }
    }

    #[test]
    fn a_lease_is_taken_only_when_free_ours_or_unchanged_for_its_whole_duration() {
        let now = Instant::now();
        let later = now + DURATION;
        assert!(may_take(&seen("", now), "us", now));
        assert!(may_take(&seen("us", now), "us", now));
        assert!(!may_take(&seen("them", now), "us", now));
        assert!(!may_take(
            &seen("them", now),
            "us",
            later.checked_sub(Duration::from_millis(1)).unwrap()
        ));
        assert!(may_take(&seen("them", now), "us", later));
    }

    #[test]
    fn the_holder_stops_before_anyone_else_may_start() {
        assert!(RENEW_DEADLINE + crate::kubernetes::DEADLINE <= DURATION);
        assert!(RENEW_EVERY + PATIENCE * 2 < RENEW_DEADLINE, "two tries may be lost");
    }

    #[test]
    fn only_a_change_of_holder_counts_as_a_transition() {
        let first = next_spec(&LeaseSpec::default(), "a");
        assert_eq!(first.lease_transitions, Some(1));
        let renewed = next_spec(&first, "a");
        assert_eq!(renewed.lease_transitions, Some(1));
        assert_eq!(renewed.acquire_time, first.acquire_time);
        let taken = next_spec(&renewed, "b");
        assert_eq!(taken.lease_transitions, Some(2));
        assert_eq!(taken.holder_identity.as_deref(), Some("b"));
    }

    #[test]
    fn a_fixed_leadership_answers_what_it_was_told() {
        assert!(Leadership::fixed(true).is_held());
        assert!(!Leadership::fixed(false).is_held());
    }

    #[tokio::test(start_paused = true)]
    async fn leadership_ends_by_itself_when_it_is_not_renewed() {
        let (sender, receiver) = watch::channel(Some(Instant::now() + RENEW_DEADLINE));
        let leadership = Leadership(receiver);
        assert!(leadership.is_held());
        tokio::time::advance(RENEW_DEADLINE).await;
        assert!(!leadership.is_held());
        drop(sender);
    }
}
