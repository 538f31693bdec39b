//! Report: tells people and the next copy of the operator what was decided and done. Needs a client. Last step of
//! [`crate::reconcile`]. What is said is built by pure functions: [`status`], [`conditions`], [`orders`], [`events`],
//! [`view`].
//!
//! A report that cannot be delivered never holds scaling up: it is tried again later, on its own.

pub mod conditions;
pub mod events;
pub mod orders;
pub mod retry;
pub mod status;
pub mod view;

use crate::apply::NodeOutcome;
use crate::caches::Key;
use crate::error::Class;
use crate::kubernetes::{CallError, Kubernetes};
use crate::lease::Leadership;
use crate::metrics::Metrics;
use crate::observe::Fleet;
use crate::plan::{Applied, Plan};
use crate::state::FleetState;
use crate::validate::{Stalled, Valid};
use apifleet_core::memory::ForeignWrite;
use apifleet_crds::ApiFleetStatus;
use events::Draft;
use jiff::Timestamp;
use orders::Told;
use retry::Retry;
use std::time::{Duration, Instant};

/// All events of a report together take no longer, nor does all that overrides are told; a reconcile has better things
/// to do.
const EVENTS_WITHIN: Duration = Duration::from_secs(2);

/// A status meets so many newer versions of its fleet before it waits for the next report.
const TRIES: usize = 3;

/// What is reported of a decision: what it was made for, what became of it, and what others did before.
type Decided<'a> = (&'a Valid, &'a Plan<Applied>, Option<ForeignWrite>);

/// Reports a decision that was applied, as far as it could be.
pub async fn report_decision(
    reporter: Reporter<'_>,
    fleet: &Fleet,
    state: &mut FleetState,
    (valid, plan, foreign): Decided<'_>,
    now: Timestamp,
) {
    let status = status::build_status(fleet.fact.generation, valid, plan, state, now);
    let mut drafts = events::of_plan(valid, plan);
    drafts.extend(
        foreign.map(|write| events::of_foreign_write(&write, events::foreign_writer(valid))),
    );
    drafts.extend(events::of_policy(&state.status, &status));
    drafts.extend(events::of_overrides(&state.status, &status));
    drafts.extend(events::of_conditions(&state.status, &status));
    drafts.extend(events::of_nodes(plan));
    let interrupted = state.newly_interrupted(&valid.observation.spot_nodes);
    if interrupted > 0 {
        reporter.metrics.interrupted(&fleet.key.namespace, &fleet.key.name, interrupted);
    }
    log(fleet, state, plan);
    log_nodes(fleet, plan);
    reporter.metrics.decided(plan.decision.reason.as_str());
    if foreign.is_some() {
        reporter.metrics.foreign_write();
    }
    reporter.metrics.show(
        &fleet.key.namespace,
        &fleet.key.name,
        &view::build_view(valid, plan, &status),
    );
    reporter.deliver(fleet, state, (status, drafts), now).await;
    reporter.tell(state, orders::news(&valid.orders, &plan.decision)).await;
}

/// Reports that a fleet is not decided.
pub async fn report_stalled(
    reporter: Reporter<'_>,
    fleet: &Fleet,
    state: &mut FleetState,
    stalled: &Stalled,
    now: Timestamp,
) {
    let status = status::build_stalled(fleet.fact.generation, stalled, state, now);
    let drafts = events::of_stall(&state.status, stalled);
    if !drafts.is_empty() {
        tracing::warn!(fleet = %fleet.key, reason = %stalled.reason, why = %stalled.message, "stalled");
    }
    let view = view::build_stalled_view(&status);
    reporter.metrics.show(&fleet.key.namespace, &fleet.key.name, &view);
    reporter.deliver(fleet, state, (status, drafts), now).await;
}

/// One line per change of the size, and per other reason for the same size.
fn log(fleet: &Fleet, state: &mut FleetState, plan: &Plan<Applied>) {
    let decision = &plan.decision;
    let before = state.logged.replace(decision.reason);
    if decision.change().is_none() && before == Some(decision.reason) {
        return;
    }
    tracing::info!(
        fleet = %fleet.key,
        from = decision.previous.get(),
        to = decision.desired.get(),
        reason = %decision.reason,
        summary = %decision.summary(),
        failure = plan.failure().map(|(_, message)| message),
        "decided"
    );
}

/// One line per node that something was done about.
fn log_nodes(fleet: &Fleet, plan: &Plan<Applied>) {
    for outcome in plan.nodes() {
        let NodeOutcome { node, taint, how, answers, removed, refused, failures: _ } = outcome;
        let how = how.as_str();
        if *answers {
            tracing::info!(fleet = %fleet.key, %node, how, "it answers again and keeps its pods");
        } else if let Some(failure) = outcome.failure() {
            tracing::warn!(fleet = %fleet.key, %node, how, removed, failure, "the drain goes on later");
        } else if taint.is_some() || *removed > 0 || *refused {
            tracing::info!(fleet = %fleet.key, %node, ?taint, how, removed, refused, "drained");
        }
    }
}

/// What is needed to deliver a report.
#[derive(Clone, Copy)]
pub struct Reporter<'a> {
    /// Where it is delivered.
    pub kubernetes: &'a Kubernetes,
    /// Whether this copy may.
    pub leadership: &'a Leadership,
    /// The operator's own metrics.
    pub metrics: &'a Metrics,
    /// This copy's name, for events.
    pub instance: &'a str,
}

impl Reporter<'_> {
    /// Writes the status where it is due, then publishes events: the status is what the next copy starts from.
    pub async fn deliver(
        &self,
        fleet: &Fleet,
        state: &mut FleetState,
        (next, drafts): (ApiFleetStatus, Vec<Draft>),
        now: Timestamp,
    ) {
        if !self.leadership.is_held() {
            return;
        }
        if state.report_retry.is_due(Instant::now()) && status::is_due(state, &next, now) {
            self.write(&fleet.key, state, next, now).await;
        }
        let publish = async {
            for draft in drafts {
                if !self.leadership.is_held() {
                    return;
                }
                if state.may_say(draft.fingerprint(), Instant::now()) {
                    self.publish(fleet, &draft, now).await;
                }
            }
        };
        if tokio::time::timeout(EVENTS_WITHIN, publish).await.is_err() {
            tracing::warn!(fleet = %fleet.key, "events are lost: the API server did not take them in time");
        }
    }

    /// Tells overrides what became of them. Who cannot be told now is told with a later report.
    async fn tell(&self, state: &mut FleetState, mut news: Vec<Told>) {
        news.retain(|told| !state.has_told(&told.uid, told.verdict));
        if news.is_empty() || !state.tell_retry.is_due(Instant::now()) {
            return;
        }
        let told = tokio::time::timeout(EVENTS_WITHIN, self.tell_each(state, news)).await;
        // Out of time is a failure like any other.
        match told.unwrap_or(Err(Class::Transient)) {
            Ok(()) => state.tell_retry = Retry::default(),
            Err(class) => state.tell_retry.fail(class, Instant::now()),
        }
    }

    /// Tells one after the other, until one cannot be told for a reason that the next would meet, too.
    async fn tell_each(&self, state: &mut FleetState, news: Vec<Told>) -> Result<(), Class> {
        let mut result = Ok(());
        for Told { key, uid, verdict, patch } in news {
            if !self.leadership.is_held() || result == Err(Class::Transient) {
                break;
            }
            match self.kubernetes.patch_override_status(&key, &patch).await {
                Ok(()) => state.note_told(uid, verdict),
                // Gone, or another version than the cache shows.
                Err(error) if error.is_not_found() || error.is_conflict() => {}
                Err(error) => {
                    tracing::warn!(fleet_override = %key, %error, "its status is written later");
                    result = Err(error.class());
                }
            }
        }
        result
    }

    async fn publish(&self, fleet: &Fleet, draft: &Draft, now: Timestamp) {
        let event = events::build_event(draft, &fleet.key, &fleet.fact.uid, self.instance, now);
        if let Err(error) = self.kubernetes.create_event(&event).await {
            // Events are a courtesy: the same is in status, metrics and this log.
            tracing::warn!(fleet = %fleet.key, reason = %draft.reason, %error, "an event is lost");
        }
    }

    async fn write(&self, key: &Key, state: &mut FleetState, next: ApiFleetStatus, now: Timestamp) {
        match self.put(key, state, &next).await {
            Ok(false) => {}
            Ok(true) => state.note_reported(next, now),
            Err(error) => {
                state.report_retry.fail(error.class(), Instant::now());
                self.metrics.reconcile_failed(error.class());
                tracing::warn!(fleet = %key, %error, "the status is not written and tried again");
            }
        }
    }

    /// Writes a status on the version that is known, or on the one that is there; whether it was written. Not if this copy does
    /// not lead any more: what the next one has written since stays.
    async fn put(
        &self,
        key: &Key,
        state: &mut FleetState,
        next: &ApiFleetStatus,
    ) -> Result<bool, CallError> {
        for _ in 0..TRIES {
            if state.version.is_none() && !state.look_again(self.kubernetes, key).await? {
                return Ok(false);
            }
            // Taken out: if the answer is lost, nobody knows the version that is there.
            let Some(version) = state.version.take().filter(|_| self.leadership.is_held()) else {
                return Ok(false);
            };
            let patch =
                status::build_patch((state.uid.as_str(), version.as_str()), &state.status, next);
            match self.kubernetes.patch_status(&key.namespace, &key.name, &patch).await {
                // Somebody has edited the fleet since, or it is another of its name.
                Err(error) if error.is_conflict() => {}
                Err(error) => return Err(error),
                Ok(made) => {
                    state.version = made;
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }
}
