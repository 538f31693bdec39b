//! The loop: a pass over the fleets that are due, every two seconds and whenever something changes that must be
//! followed at once. A pass reads the signals of all its fleets together, then gives each fleet to a task of its
//! own; it waits for none of them. So a fleet that is slow, fails or panics delays no other.
//!
//! While this copy does not lead, the loop only ticks: its caches stay warm. Needs a client. Started by
//! [`crate::run`].

use crate::caches::Key;
use crate::conflicts::Claims;
use crate::crew::Crew;
use crate::error::Class;
use crate::facts::{FleetFact, NodeFact};
use crate::health::Health;
use crate::observe::Fleet;
use crate::observe::prometheus::Prometheus;
use crate::observe::signals::{Asked, observe_signals};
use crate::reconcile::{Context, reconcile};
use crate::roster::{Done, Ended, Member, Roster};
use crate::state::FleetState;
use apifleet_core::observation::Readings;
use futures::FutureExt as _;
use futures::future::BoxFuture;
use jiff::Timestamp;
use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::Instant;

/// Between two regular passes.
const PERIOD: Duration = Duration::from_secs(2);
/// Between two passes that changes ask for, at least.
const CLOSEST: Duration = Duration::from_millis(300);
/// On shutdown, reconciles under way are given this long.
const GRACE: Duration = Duration::from_secs(6);

/// The loop and what it needs.
pub struct Engine {
    /// What every reconcile needs.
    pub context: Context,
    /// Where signals are read.
    pub prometheus: Prometheus,
    /// The one namespace, or all.
    pub namespace: Option<String>,
    /// Told of every turn of the loop.
    pub health: Arc<Health>,
    /// Tells of changes that must be followed at once.
    pub wake: Arc<Notify>,
}

/// When passes are made.
struct Times {
    last: Instant,
    next: Instant,
    leads: bool,
    /// Since when reconciles have been under way without a pause.
    busy: Option<Instant>,
}

// === impl Times ===

impl Default for Times {
    fn default() -> Self {
        let now = Instant::now();
        let last = now.checked_sub(PERIOD).unwrap_or(now);
        Self { last, next: now, leads: false, busy: None }
    }
}

impl Times {
    /// A pass begins; returns the time since the one before.
    fn begin(&mut self) -> Duration {
        let now = Instant::now();
        let period = now.saturating_duration_since(self.last);
        (self.last, self.next) = (now, now + PERIOD);
        period
    }

    /// The next pass is wanted sooner; passes keep a distance all the same.
    fn no_later_than(&mut self, wanted: Instant) {
        self.next = self.next.min(wanted.max(self.last + CLOSEST));
    }

    /// A fleet may want a pass of its own.
    fn follow(&mut self, alarm: Option<Instant>) {
        if let Some(alarm) = alarm {
            self.no_later_than(alarm);
        }
    }

    /// This pass has started reconciles.
    fn work(&mut self) {
        self.busy.get_or_insert(self.last);
    }

    /// Every reconcile has ended; returns how long they took together with what came before them in their pass.
    fn rest(&mut self) -> Option<Duration> {
        self.busy.take().map(|since| since.elapsed())
    }

    /// Renewals say nothing new; taking over is followed at once.
    fn lead(&mut self, leads: bool) {
        if leads != self.leads {
            self.leads = leads;
            self.no_later_than(Instant::now());
        }
    }
}

// === impl Engine ===

impl Engine {
    /// Runs until `stop` is ready, then lets reconciles under way end.
    pub async fn run(self, stop: impl Future<Output = ()>) {
        tokio::pin!(stop);
        let mut leadership = self.context.leadership.clone();
        let (mut roster, mut crew) = (Roster::default(), Crew::default());
        let mut times = Times::default();
        loop {
            self.health.tick();
            tokio::select! {
                () = &mut stop => break,
                () = leadership.changed() => times.lead(leadership.is_held()),
                () = self.wake.notified() => times.no_later_than(Instant::now()),
                Some(done) = crew.ended() => {
                    let key = done.key.clone();
                    self.take_back(&mut roster, done);
                    times.follow(roster.alarm_of(&key));
                    self.note_rest(&crew, &mut times);
                }
                () = tokio::time::sleep_until(times.next) => tokio::select! {
                    // Reading the signals may take seconds; being told to stop does not wait for it.
                    () = &mut stop => break,
                    () = self.turn(&mut roster, &mut crew, &mut times) => {}
                },
            }
        }
        // The lease is handed back only afterwards, so that two copies never write at once.
        let _ = tokio::time::timeout(GRACE, crew.drain()).await;
    }

    /// One turn: a pass if this copy leads.
    async fn turn(&self, roster: &mut Roster, crew: &mut Crew, times: &mut Times) {
        let period = times.begin();
        let leads = self.context.leadership.is_held();
        self.context.metrics.set_leader(leads);
        let cluster = &self.context.cluster;
        if cluster.is_filled() {
            self.health.set_ready();
        }
        let gone = if leads && cluster.is_filled() {
            let fleets = cluster.fleets_in_force();
            let claims = Arc::new(Claims::settle(&fleets));
            cluster.deployments.attend(claims.deployments());
            let troubled = self.troubled();
            let member = |(key, fact)| self.member(key, fact, &troubled);
            let members = fleets.into_iter().map(member).collect();
            let gone = roster.update(members, Instant::now());
            self.pass(roster, crew, &claims).await;
            if !crew.is_idle() {
                times.work();
            }
            gone
        } else if leads {
            Vec::new()
        } else {
            roster.clear()
        };
        for fleet in gone {
            self.context.metrics.hide(&fleet.namespace, &fleet.name);
        }
        // Beginning this pass has put off the next one: what was foreseen before still comes in time.
        times.follow(roster.next_alarm());
        self.context.metrics.passed(times.last.elapsed(), period, roster.len());
    }

    /// Once nothing is under way, the round is over.
    fn note_rest(&self, crew: &Crew, times: &mut Times) {
        if crew.is_idle()
            && let Some(took) = times.rest()
        {
            self.context.metrics.round_ended(took);
        }
    }

    /// Reads the signals of all fleets that are due, and starts their reconciles.
    async fn pass(&self, roster: &mut Roster, crew: &mut Crew, claims: &Arc<Claims>) {
        let mut due = roster.due(Instant::now());
        if !self.context.cluster.knows_nodes() {
            due.retain(|key| roster.fact(key).is_none_or(|fact| !fact.has_spot()));
        }
        let asked: Vec<Asked> = due
            .iter()
            .filter_map(|key| {
                let fact = roster.fact(key)?;
                let source = fact.source()?.clone();
                Some(Asked { fleet: key.clone(), source })
            })
            .collect();
        let readings = self.read(&asked).await;
        for key in due {
            let (Some(fact), Some((ticket, state))) =
                (roster.fact(&key), roster.hand_out(&key, Instant::now()))
            else {
                continue;
            };
            let readings = readings.get(&key).copied().unwrap_or_default();
            let fleet = Fleet { key, fact, claims: Arc::clone(claims), readings };
            crew.start(fleet.key.clone(), ticket, self.work(fleet, state));
        }
    }

    async fn read(&self, asked: &[Asked]) -> HashMap<Key, Readings> {
        if asked.is_empty() {
            return HashMap::new();
        }
        observe_signals(&self.prometheus, self.namespace.as_deref(), asked).await
    }

    /// One fleet's reconcile, as it is given to the crew.
    fn work(&self, fleet: Fleet, state: Option<Box<FleetState>>) -> BoxFuture<'static, Ended> {
        let context = self.context.clone();
        async move {
            let mut state = match state {
                Some(state) => state,
                None => match FleetState::load(&context.kubernetes, &fleet.key).await {
                    Ok(state) if state.uid == fleet.fact.uid => Box::new(state),
                    // Another fleet of the same name: the cache will show it.
                    Ok(_) => return Ended::Without(Class::Transient),
                    Err(error) => {
                        tracing::warn!(fleet = %fleet.key, %error, "the fleet's status cannot be read");
                        return Ended::Without(error.class());
                    }
                },
            };
            // On its own, since it is large.
            let result = Box::pin(reconcile(&context, &fleet, &mut state, Timestamp::now())).await;
            let result = result.map_err(|error| {
                tracing::warn!(fleet = %fleet.key, class = error.class().as_str(), %error, "tried again later");
                error.class()
            });
            Ended::With(state, result)
        }
        .boxed()
    }

    fn take_back(&self, roster: &mut Roster, done: Done) {
        let metrics = &self.context.metrics;
        match &done.ended {
            Ended::With(_, Err(class)) | Ended::Without(class) => metrics.reconcile_failed(*class),
            Ended::With(_, Ok(_)) => {}
        }
        if matches!(done.ended, Ended::Without(Class::Bug)) {
            metrics.panicked();
        }
        if !roster.has(&done.key) {
            // It went away while it was reconciled, which has shown it once more.
            metrics.hide(&done.key.namespace, &done.key.name);
        }
        roster.take_back(done, Instant::now(), Timestamp::now());
    }

    /// The nodes that are being taken away or do not answer, in a fixed order.
    fn troubled(&self) -> Vec<Arc<NodeFact>> {
        let mut nodes = self.context.cluster.nodes.filter(NodeFact::is_troubled);
        nodes.sort_by_key(|node| node.id);
        nodes
    }

    /// A fleet with a digest of what it must follow at once: its policy, its overrides, its targets' replicas and other
    /// owners, and the spot nodes that are in trouble.
    fn member(&self, key: Key, fact: Arc<FleetFact>, troubled: &[Arc<NodeFact>]) -> Member {
        let cluster = &self.context.cluster;
        let mut digest = DefaultHasher::new();
        fact.policy.hash(&mut digest);
        let orders = cluster.orders.under(&key);
        let mut orders: Vec<_> =
            orders.iter().map(|order| (&order.uid, order.generation)).collect();
        orders.sort_unstable();
        orders.hash(&mut digest);
        for name in &fact.claims {
            let deployment = Key::new(&key.namespace, name);
            for found in cluster.deployments.under(&deployment) {
                (&found.uid, found.replicas).hash(&mut digest);
            }
            cluster
                .autoscaler_of(&deployment)
                .map(|conflict| conflict.message(&deployment))
                .hash(&mut digest);
        }
        for node in troubled.iter().filter(|node| fact.is_spot(&node.labels)) {
            (node.id, node.urgency()).hash(&mut digest);
        }
        Member { key, fact, surroundings: digest.finish() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_pass_that_begins_puts_off_no_alarm() {
        let (key, fact) = crate::facts::tests::fleet("api", "2026-12-01T00:00:00Z", &["api"]);
        let (mut roster, mut times) = (Roster::default(), Times::default());
        roster.update(vec![Member { key, fact, surroundings: 0 }], Instant::now());
        times.begin();
        assert_eq!(times.next, Instant::now() + PERIOD);
        times.follow(roster.next_alarm());
        assert_eq!(times.next, Instant::now() + CLOSEST, "the alarm, at a distance from this pass");
    }

    #[tokio::test(start_paused = true)]
    async fn a_round_lasts_from_its_pass_until_nothing_is_under_way_however_many_passes_come() {
        let mut times = Times::default();
        assert_eq!(times.rest(), None, "nothing has begun");
        times.begin();
        tokio::time::advance(Duration::from_secs(1)).await;
        times.work();
        tokio::time::advance(PERIOD).await;
        times.begin();
        times.work();
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(times.rest(), Some(Duration::from_secs(2) + PERIOD));
        assert_eq!(times.rest(), None);
    }
}
