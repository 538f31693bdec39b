//! A fleet on nodes that can be taken away: it answers as a `ReplicaSet`, a scheduler, dying nodes and the operator's
//! drains would, and checks at every step that nothing we do lowers the serving capacity before its cover is Ready.

use crate::fleet::{Fleet, at, policy, replicas};
use apifleet_core::decision::{DrainOrder, SpotState};
use apifleet_core::observation::{
    Interruption, NodeHealth, NodeId, Observation, Placeholders, PoolId, SpotNode, SpotTarget,
    TargetObservation,
};
use apifleet_core::policy::{FleetPolicy, SpotPolicy};
use apifleet_core::{Decision, Memory, decide};
use jiff::{SignedDuration, Timestamp};
use std::time::Duration;

/// How long Kubernetes takes to notice that a node does not answer.
pub(crate) const NOTICED_AFTER: SignedDuration = SignedDuration::from_secs(40);

/// A spot node.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub(crate) id: u64,
    pub(crate) pool: u64,
    pub(crate) notice: Option<(Timestamp, i64)>,
    pub(crate) died: Option<Timestamp>,
    pub(crate) tainted: bool,
    pub(crate) not_ready: bool,
    pub(crate) cordoned: bool,
    /// Pods that it has room for.
    pub(crate) room: usize,
}

/// A pod of the spot target.
#[derive(Debug, Clone, Copy)]
struct Pod {
    born: Timestamp,
    node: Option<(u64, Timestamp)>,
}

/// The fleet: demand, signals and memory are those of [`Fleet`].
#[derive(Debug, Clone)]
pub(crate) struct SpotFleet {
    pub(crate) fleet: Fleet,
    pub(crate) nodes: Vec<Node>,
    pods: Vec<Pod>,
    wanted: usize,
    /// Base pods by the instant at which they are Ready.
    base: Vec<Timestamp>,
    /// How long a pod takes to become Ready.
    pub(crate) pod_ready: SignedDuration,
    /// The most base pods that find a node.
    pub(crate) base_room: usize,
    pub(crate) critical: Option<f64>,
    /// Pods that a disruption budget lets go at a time.
    pub(crate) budget: usize,
    /// Every state, with the seconds at which it began.
    pub(crate) states: Vec<(i64, SpotState)>,
    /// Every target of the on-demand and the spot Deployment, with the seconds at which it was written.
    pub(crate) targets: Vec<(i64, u32, u32)>,
    pub(crate) placeholders: Placeholders,
    next_node: u64,
}

/// T = 50, 10..30, at most 60 % on spot, 4 on demand at least.
pub(crate) fn spot_policy() -> FleetPolicy {
    FleetPolicy { spot: Some(SpotPolicy::new(60, replicas(4))), ..policy() }
}

impl SpotFleet {
    /// A fleet on six spot nodes in so many pools, which has run at this rate for so long that nothing is left to
    /// change, at time zero.
    pub(crate) fn settled(policy: FleetPolicy, size: u32, rps: f64, pools: u64) -> Self {
        let mut fleet = Fleet::new(policy, 0);
        fleet.rps = rps;
        fleet.now = at(-1800);
        let nodes = (0..6).map(|id| Node::new(id, id % pools)).collect();
        let mut spot = Self {
            fleet,
            nodes,
            pods: Vec::new(),
            wanted: 0,
            base: vec![at(-100_000); size as usize],
            pod_ready: SignedDuration::from_secs(20),
            base_room: usize::MAX,
            critical: None,
            budget: usize::MAX,
            states: Vec::new(),
            targets: Vec::new(),
            placeholders: Placeholders::default(),
            next_node: 6,
        };
        spot.run_until(0);
        assert_eq!(spot.fleet.size(), size, "not settled: {:?}", spot.fleet.sizes);
        spot.states.clear();
        spot.targets.clear();
        spot
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.fleet.now
    }

    /// The targets that were written last.
    pub(crate) fn split(&self) -> (u32, u32) {
        (count(self.base.len()), count(self.wanted))
    }

    pub(crate) fn pods_on(&self, node: u64) -> usize {
        self.on(node).count()
    }

    fn on(&self, node: u64) -> impl Iterator<Item = &Pod> {
        self.pods.iter().filter(move |pod| pod.node.is_some_and(|(id, _)| id == node))
    }

    /// Ready pods that serve: those on dead nodes do not, whatever Kubernetes still believes.
    pub(crate) fn serving(&self) -> u32 {
        let spot = self.pods.iter().filter(|pod| {
            let dead = |id| self.nodes.iter().all(|node| node.id != id || node.died.is_some());
            pod.node.is_some_and(|(id, ready)| ready <= self.now() && !dead(id))
        });
        count(spot.count() + self.base_ready())
    }

    /// Ready pods as Kubernetes knows them: those of a node whose death has not been noticed are.
    fn seen_ready(&self) -> u32 {
        self.observe().ready().get()
    }

    fn base_ready(&self) -> usize {
        self.base.iter().take(self.base_room).filter(|ready| **ready <= self.now()).count()
    }

    /// Announces that a node will be taken away.
    pub(crate) fn interrupt(&mut self, node: u64, notice: i64) {
        let now = self.now();
        self.node(node).notice = Some((now, notice));
    }

    /// Kills a node without a word.
    pub(crate) fn kill(&mut self, node: u64) {
        let now = self.now();
        self.node(node).died = Some(now);
    }

    pub(crate) fn node(&mut self, id: u64) -> &mut Node {
        self.nodes.iter_mut().find(|node| node.id == id).unwrap()
    }

    /// A new node of a pool.
    pub(crate) fn add_node(&mut self, pool: u64) -> u64 {
        let id = self.next_node;
        self.next_node += 1;
        self.nodes.push(Node::new(id, pool));
        id
    }

    /// Pods find nodes; nodes die at the end of their notice and are forgotten some minutes later.
    fn live(&mut self) {
        let now = self.now();
        for node in &mut self.nodes {
            if let Some((at, seconds)) = node.notice
                && node.died.is_none()
                && now.duration_since(at).as_secs() >= seconds
            {
                node.died = Some(at + SignedDuration::from_secs(seconds));
            }
        }
        let gone =
            |node: &Node| node.died.is_some_and(|died| now.duration_since(died).as_secs() >= 150);
        let lost: Vec<u64> =
            self.nodes.iter().filter(|node| gone(node)).map(|node| node.id).collect();
        self.nodes.retain(|node| !lost.contains(&node.id));
        self.pods.retain(|pod| pod.node.is_none_or(|(id, _)| !lost.contains(&id)));
        self.reconcile(self.wanted);
        for index in 0..self.pods.len() {
            if self.pods[index].node.is_none() {
                let free = self.nodes.iter().filter(|node| node.takes_pods());
                let free = free
                    .map(|node| (self.pods_on(node.id), node))
                    .filter(|(pods, node)| *pods < node.room);
                let place =
                    free.min_by_key(|(pods, node)| (*pods, node.id)).map(|(_, node)| node.id);
                self.pods[index].node = place.map(|id| (id, now + self.pod_ready));
            }
        }
    }

    /// What a ReplicaSet does: adds what is missing; removes those first that have no node or are not Ready, then,
    /// to our worst, those on nodes that stay.
    fn reconcile(&mut self, wanted: usize) {
        let now = self.now();
        while self.pods.len() < wanted {
            self.pods.push(Pod { born: now, node: None });
        }
        while self.pods.len() > wanted {
            let nodes = &self.nodes;
            let stays = |id| nodes.iter().any(|node: &Node| node.id == id && node.notice.is_none());
            let rank = |pod: &Pod| match pod.node {
                None => 0,
                Some((_, ready)) if ready > now => 1,
                Some((id, _)) if stays(id) => 2,
                Some(_) => 3,
            };
            let first = (0..self.pods.len()).min_by_key(|index| rank(&self.pods[*index])).unwrap();
            self.pods.remove(first);
        }
    }

    pub(crate) fn observe(&self) -> Observation {
        let now = self.now();
        let mut seen = self.fleet.observe();
        let nodes: Vec<SpotNode> = self.nodes.iter().map(|node| self.seen_node(node)).collect();
        let ready: u32 = nodes.iter().map(|node| node.ready.get()).sum();
        seen.on_demand = target(self.base.len(), self.base_ready());
        seen.spot = SpotTarget::Present(target(self.wanted, ready as usize));
        seen.spot_nodes = nodes;
        seen.placeholders = self.placeholders;
        let waiting = self.pods.iter().filter(|pod| pod.node.is_none());
        seen.spot_pending_since = waiting.map(|pod| pod.born).collect();
        let all = seen.on_demand.ready.get() + ready;
        seen.ready_since = vec![now - SignedDuration::from_mins(10); all as usize];
        if let apifleet_core::observation::Reading::Value { value, .. } =
            &mut seen.readings.scraped_pods
        {
            *value = f64::from(all);
        }
        if let Some(value) = self.critical {
            seen.readings.critical_rate =
                apifleet_core::observation::Reading::Value { value, sampled_at: now };
        }
        seen
    }

    fn seen_node(&self, node: &Node) -> SpotNode {
        let now = self.now();
        let since = node.died.map(|died| died + NOTICED_AFTER).filter(|since| *since <= now);
        let health = match since {
            Some(since) => NodeHealth::Unreachable { since },
            None if node.not_ready => NodeHealth::NotReady,
            None if node.cordoned => NodeHealth::Unschedulable,
            None => NodeHealth::Ready,
        };
        let runs = since.is_none() && !node.not_ready;
        let ready =
            self.on(node.id).filter(|pod| runs && pod.node.is_some_and(|(_, ready)| ready <= now));
        SpotNode {
            id: NodeId(node.id),
            pool: PoolId(node.pool),
            health,
            interruption: node.notice.map(|(at, seconds)| Interruption {
                at,
                notice: Duration::from_secs(seconds.unsigned_abs()),
            }),
            tainted_by_us: node.tainted,
            pods: replicas(count(self.on(node.id).count())),
            ready: replicas(count(ready.count())),
        }
    }

    /// Decides now, and does nothing about it.
    pub(crate) fn decide_only(&self) -> (Decision, Memory) {
        decide(&self.fleet.policy, &self.observe(), &self.fleet.memory, self.now())
    }

    /// Decides now and carries it out: the targets first, then the drains.
    pub(crate) fn decide(&mut self) -> Decision {
        self.live();
        let before = self.seen_ready();
        let (decision, memory) = self.decide_only();
        self.fleet.memory = memory;
        let seconds = self.fleet.seconds();
        let size = decision.desired.get();
        if self.fleet.sizes.last().is_none_or(|(_, last)| *last != size) {
            self.fleet.sizes.push((seconds, size));
        }
        let ready_at = self.now() + self.pod_ready;
        if let Some(base) = decision.placement.on_demand {
            // Those that are not Ready go first: they came last.
            self.base.resize(base.get() as usize, ready_at);
        }
        if let Some(spot) = decision.placement.spot {
            self.wanted = spot.get() as usize;
            self.reconcile(self.wanted);
        }
        let told = (seconds, count(self.base.len()), count(self.wanted));
        if self.targets.last().is_none_or(|last| (last.1, last.2) != (told.1, told.2)) {
            self.targets.push(told);
        }
        if let Some(spot) = decision.spot
            && self.states.last().is_none_or(|(_, state)| *state != spot.state)
        {
            self.states.push((seconds, spot.state));
        }
        let forced = self.drain(&decision);
        let after = self.seen_ready();
        assert!(
            after + forced >= before.min(size),
            "{before} served, {after} do, {forced} had to go: {decision:?}"
        );
        decision
    }

    /// Carries the drains out; how many serving pods had to go because their node's time was up.
    fn drain(&mut self, decision: &Decision) -> u32 {
        let now = self.now();
        let mut forced = 0;
        for drain in &decision.drains {
            let id = drain.node.0;
            let serving = self.seen_ready();
            let (most, budget) = match drain.order {
                DrainOrder::Undo => {
                    self.node(id).tainted = false;
                    continue;
                }
                DrainOrder::Taint => (0, 0),
                DrainOrder::Evict(most) => (most.get() as usize, self.budget),
                DrainOrder::Delete | DrainOrder::ForceDelete => (usize::MAX, usize::MAX),
            };
            self.node(id).tainted = true;
            let mut left = most.min(budget);
            for unready_first in [true, false] {
                self.pods.retain(|pod| {
                    let goes = left > 0
                        && pod
                            .node
                            .is_some_and(|(on, ready)| on == id && (!unready_first || ready > now));
                    left -= usize::from(goes);
                    !goes
                });
            }
            let late = self.node(id).notice.is_some_and(|(at, seconds)| {
                now.duration_since(at).as_secs() >= (seconds - 45).max(8)
            });
            if late || drain.order == DrainOrder::ForceDelete {
                forced += serving - self.seen_ready();
            }
        }
        self.reconcile(self.wanted);
        forced
    }

    /// Decides every two seconds and whenever the last decision said so, until the instant; decides there, too.
    pub(crate) fn run_until(&mut self, seconds: i64) -> Decision {
        loop {
            let decision = self.decide();
            if self.now() >= at(seconds) {
                return decision;
            }
            let period = self.now() + SignedDuration::from_secs(2);
            let next = decision.next.map_or(period, |next| next.at.min(period));
            self.fleet.now = next.min(at(seconds));
        }
    }
}

impl Node {
    fn new(id: u64, pool: u64) -> Self {
        Self {
            id,
            pool,
            notice: None,
            died: None,
            tainted: false,
            not_ready: false,
            cordoned: false,
            room: 10,
        }
    }

    fn takes_pods(&self) -> bool {
        let Self { notice, died, tainted, not_ready, cordoned, .. } = self;
        notice.is_none() && died.is_none() && !tainted && !not_ready && !cordoned
    }
}

fn target(wanted: usize, ready: usize) -> TargetObservation {
    TargetObservation {
        wanted: Some(replicas(count(wanted))),
        ready: replicas(count(ready)),
        ..TargetObservation::default()
    }
}

fn count(pods: usize) -> u32 {
    u32::try_from(pods).unwrap()
}
