//! Spot nodes: a fixed number, each a capacity pool of its own, which are taken away together and come back later.

use super::losses;
use crate::run::Scenario;
use crate::scaler::{Pod, Target};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;
use serde::{Deserialize, Serialize};

/// The most spot nodes.
const MOST_NODES: u32 = 1000;

/// The spot nodes of a scenario.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SpotPool {
    /// The share of a fleet that is on spot where its scaler does not say, in percent.
    pub percent: u8,
    /// How many nodes. Together they have room for the share of the largest fleet.
    pub nodes: u32,
    /// Seconds from the notice that a node is taken away until it is gone: 120 at AWS; 0 for none.
    pub notice: u32,
}

impl Default for SpotPool {
    fn default() -> Self {
        Self { percent: 60, nodes: 6, notice: 120 }
    }
}

impl SpotPool {
    /// The share of a fleet.
    #[must_use]
    pub fn share(&self, size: u32) -> u32 {
        let share = u64::from(size) * u64::from(self.percent.min(100)) / 100;
        u32::try_from(share).unwrap_or(size)
    }
}

/// What can be seen of spot.
#[derive(Debug, Clone, Copy)]
pub struct SpotView<'a> {
    /// The pool.
    pub pool: SpotPool,
    /// `spec.replicas` of the spot target.
    pub wanted: u32,
    /// The nodes that are there.
    pub nodes: &'a [Node],
}

/// A spot node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Node {
    /// Tells it from every other, also from an earlier one.
    pub id: u32,
    /// Since when it has been Ready, in Unix seconds.
    pub since: i64,
    /// When the notice was given that it is taken away, in Unix seconds.
    pub notice: Option<i64>,
}

/// The nodes, and what will happen to them.
#[derive(Debug)]
pub(super) struct Nodes {
    pool: SpotPool,
    /// Pods that a node has room for.
    room: usize,
    list: Vec<Node>,
    /// What happens, in any order.
    coming: Vec<(i64, Event)>,
    /// When the next of it does.
    next: i64,
    next_id: u32,
    lag: i64,
    rng: Pcg64,
}

#[derive(Debug, Clone, Copy)]
enum Event {
    /// So many percent of the nodes get a notice; none comes in their place before this instant.
    Notice { percent: u8, back: i64 },
    /// Nodes whose notice was given then are gone.
    Gone { noticed: i64 },
    /// So many nodes come.
    Back { nodes: u32 },
}

impl Nodes {
    pub(super) fn new(pool: SpotPool, scenario: &Scenario, start: i64) -> Self {
        let pool = SpotPool { nodes: pool.nodes.clamp(1, MOST_NODES), ..pool };
        let notice = |(at, back, percent)| (at, Event::Notice { percent, back });
        let coming: Vec<_> = losses(&scenario.faults, start).map(notice).collect();
        let mut nodes = Self {
            pool,
            room: pool.share(scenario.bounds.max().get()).div_ceil(pool.nodes).max(1) as usize,
            list: Vec::new(),
            next: i64::MIN,
            coming,
            next_id: 0,
            lag: i64::from(scenario.lag.node),
            rng: Pcg64::seed_from_u64(scenario.seed ^ 0x5707),
        };
        nodes.add(pool.nodes, start - 86_400);
        nodes
    }

    pub(super) const fn pool(&self) -> SpotPool {
        self.pool
    }

    pub(super) fn list(&self) -> &[Node] {
        &self.list
    }

    pub(super) fn has(&self, id: u32) -> bool {
        self.list.iter().any(|node| node.id == id)
    }

    /// Lives on to a second; whether nodes came or went.
    pub(super) fn advance(&mut self, now: i64) -> bool {
        let mut changed = false;
        while now >= self.next {
            let first = self.coming.iter().enumerate().min_by_key(|(_, event)| event.0);
            if let Some((index, _)) = first.filter(|(_, event)| event.0 <= now) {
                let (at, event) = self.coming.remove(index);
                changed |= self.happen(at, event);
            }
            self.next = self.coming.iter().map(|event| event.0).min().unwrap_or(i64::MAX);
        }
        changed
    }

    /// Whether nodes came or went.
    fn happen(&mut self, at: i64, event: Event) -> bool {
        let before = self.list.len();
        match event {
            Event::Notice { percent, back } => {
                let nodes = self.give_notice(at, percent);
                let gone = at + i64::from(self.pool.notice);
                self.coming.push((gone, Event::Gone { noticed: at }));
                self.coming.push((back.max(gone) + self.lag, Event::Back { nodes }));
            }
            Event::Gone { noticed } => self.list.retain(|node| node.notice != Some(noticed)),
            Event::Back { nodes } => self.add(nodes, at),
        }
        self.list.len() != before
    }

    /// Takes so many percent of the nodes, rounded up, beginning with a drawn one; how many.
    fn give_notice(&mut self, at: i64, percent: u8) -> u32 {
        let all = self.pool.nodes * u32::from(percent.min(100));
        let most = all.div_ceil(100);
        let left: Vec<usize> = (0..self.list.len()).filter(|index| self.is_free(*index)).collect();
        if left.is_empty() {
            return 0;
        }
        let first = self.rng.random_range(0..left.len());
        let taken = left.iter().cycle().skip(first).take(left.len().min(most as usize));
        let mut count = 0;
        for index in taken {
            if let Some(node) = self.list.get_mut(*index) {
                node.notice = Some(at);
                count += 1;
            }
        }
        count
    }

    fn is_free(&self, index: usize) -> bool {
        self.list.get(index).is_some_and(|node| node.notice.is_none())
    }

    fn add(&mut self, nodes: u32, at: i64) {
        for _ in 0..nodes {
            self.list.push(Node { id: self.next_id, since: at, notice: None });
            self.next_id = self.next_id.saturating_add(1);
        }
    }

    /// Gives waiting pods a node: the one with the fewest pods, of those that have room and are not taken away.
    pub(super) fn place(&self, pods: &mut [Pod], now: i64, lag: u32) {
        for index in 0..pods.len() {
            let waits = |pod: &Pod| pod.target == Target::Spot { node: None };
            if !pods.get(index).is_some_and(waits) {
                continue;
            }
            let on = |id| {
                let there = |pod: &&Pod| pod.target == Target::Spot { node: Some(id) };
                pods.iter().filter(there).count()
            };
            let free = self.list.iter().filter(|node| node.notice.is_none());
            let room = free.map(|node| (on(node.id), node.id)).filter(|it| it.0 < self.room);
            let Some((_, id)) = room.min() else { return };
            if let Some(pod) = pods.get_mut(index) {
                let ready = now + i64::from(lag);
                *pod =
                    Pod { scheduled: now, ready, target: Target::Spot { node: Some(id) }, ..*pod };
            }
        }
    }
}
