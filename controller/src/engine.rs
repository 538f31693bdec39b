//! The loop: a pass over the fleets that are due, every two seconds and whenever something changes that must be
//! followed at once. A pass reads the signals of all its fleets together, then gives each fleet to a task of its
//! own; it waits for none of them. So a fleet that is slow, fails or panics delays no other. Where there are more fleets
//! than slots, those that something has happened to go first, and the next pass looks at the others anew.
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
use std::collections::{HashMap, VecDeque};
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

/// What the loop keeps from pass to pass.
#[derive(Default)]
struct Shift {
    roster: Roster,
    crew: Crew,
    /// Who waits for a slot, in this order, as the last pass saw them.
    waiting: VecDeque<(Key, Arc<FleetFact>, Readings)>,
    /// Who owns which Deployment.
    claims: Arc<Claims>,
    times: Times,
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
    /// Runs until `stop` is ready, then lets reconciles under way end; none that waits begins any more.
    pub async fn run(self, stop: impl Future<Output = ()>) {
        tokio::pin!(stop);
        let mut leadership = self.context.leadership.clone();
        let mut shift = Shift::default();
        loop {
            self.health.tick();
            tokio::select! {
                () = &mut stop => break,
                () = leadership.changed() => shift.times.lead(leadership.is_held()),
                () = self.wake.notified() => shift.times.no_later_than(Instant::now()),
                Some(done) = shift.crew.ended() => self.go_on(&mut shift, done),
                () = tokio::time::sleep_until(shift.times.next) => tokio::select! {
                    // Reading the signals may take seconds; being told to stop does not wait for it.
                    () = &mut stop => break,
                    () = self.turn(&mut shift) => {}
                },
            }
        }
        // The lease is handed back only afterwards, so that two copies never write at once.
        let _ = tokio::time::timeout(GRACE, shift.crew.drain()).await;
    }

    /// One turn: a pass if this copy leads.
    async fn turn(&self, shift: &mut Shift) {
        let period = shift.times.begin();
        let leads = self.context.leadership.is_held();
        self.context.metrics.set_leader(leads);
        let is_filled = self.context.cluster.is_filled();
        if is_filled {
            self.health.set_ready();
        }
        let gone = if leads && is_filled {
            let gone = self.call_roll(shift);
            self.pass(shift).await;
            if !shift.crew.is_idle() {
                shift.times.work();
            }
            gone
        } else if leads {
            Vec::new()
        } else {
            shift.waiting.clear();
            shift.roster.clear()
        };
        for fleet in gone {
            self.context.metrics.hide(&fleet.namespace, &fleet.name);
        }
        // Beginning this pass has put off the next one: what was foreseen before still comes in time.
        shift.times.follow(shift.roster.next_alarm());
        self.context.metrics.passed(shift.times.last.elapsed(), period, shift.roster.len());
    }

    /// Takes in the fleets that there are; returns those that are gone.
    fn call_roll(&self, shift: &mut Shift) -> Vec<Key> {
        let cluster = &self.context.cluster;
        let fleets = cluster.fleets_in_force();
        shift.claims = Arc::new(Claims::settle(&fleets));
        cluster.deployments.attend(shift.claims.deployments());
        let troubled = self.troubled();
        let member = |(key, fact)| self.member(key, fact, &troubled);
        let members = fleets.into_iter().map(member).collect();
        shift.roster.update(members, Instant::now())
    }

    /// Reads the signals of all fleets that are due; from then on these are the ones that wait. Those of the pass before
    /// go on meanwhile.
    async fn pass(&self, shift: &mut Shift) {
        let mut due = shift.roster.due(Instant::now());
        if !self.context.cluster.knows_nodes() {
            due.retain(|key| shift.roster.fact(key).is_none_or(|fact| !fact.has_spot()));
        }
        let asked: Vec<Asked> = due
            .iter()
            .filter_map(|key| {
                let fact = shift.roster.fact(key)?;
                let source = fact.source()?.clone();
                Some(Asked { fleet: key.clone(), source })
            })
            .collect();
        let reading = self.read(asked);
        tokio::pin!(reading);
        let readings = loop {
            tokio::select! {
                readings = &mut reading => break readings,
                Some(done) = shift.crew.ended() => self.go_on(shift, done),
            }
        };
        let seen = |key: Key| {
            let fact = shift.roster.fact(&key)?;
            let readings = readings.get(&key).copied().unwrap_or_default();
            Some((key, fact, readings))
        };
        shift.waiting = due.into_iter().filter_map(seen).collect();
        self.employ(shift);
    }

    /// A reconcile has ended: the next one begins.
    fn go_on(&self, shift: &mut Shift, done: Done) {
        let key = done.key.clone();
        self.take_back(&mut shift.roster, done);
        shift.times.follow(shift.roster.alarm_of(&key));
        self.employ(shift);
        // Once nothing is under way, the round is over.
        if shift.crew.is_idle()
            && let Some(took) = shift.times.rest()
        {
            self.context.metrics.round_ended(took);
        }
    }

    /// Starts the reconciles of those who wait, as long as there are slots.
    fn employ(&self, shift: &mut Shift) {
        while shift.crew.has_room() {
            let Some((key, fact, readings)) = shift.waiting.pop_front() else { return };
            let now = Instant::now();
            // What has changed while it waited is taken up by the pass that is under way.
            if !shift.roster.is_due(&key, &fact, now) {
                continue;
            }
            let Some((ticket, state)) = shift.roster.hand_out(&key, now) else { continue };
            let claims = Arc::clone(&shift.claims);
            let fleet = Fleet { key: key.clone(), fact, claims, readings };
            shift.crew.start(key, ticket, self.work(fleet, state));
        }
    }

    async fn read(&self, asked: Vec<Asked>) -> HashMap<Key, Readings> {
        if asked.is_empty() {
            return HashMap::new();
        }
        let (prometheus, namespace) = (self.prometheus.clone(), self.namespace.clone());
        // In a task of its own: to take in what is said of thousands of fleets holds up no reconcile.
        let reading = tokio::spawn(async move {
            observe_signals(&prometheus, namespace.as_deref(), &asked).await
        });
        reading.await.unwrap_or_default()
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
        let seen =
            |surroundings| Member { key: key.clone(), fact: Arc::clone(&fact), surroundings };
        roster.update(vec![seen(0)], Instant::now());
        roster.update(vec![seen(1)], Instant::now());
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
