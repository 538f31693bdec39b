//! The states of a fleet's spot capacity, and how one follows another.
//!
//! | from | when | to |
//! |---|---|---|
//! | `Normal`, `Returning` | pods are on nodes that are being taken away or do not run them | `Covering` |
//! | `Normal`, `Returning` | pods found no spot node for 90 s, twice within 30 min | `Fallback` |
//! | `Covering` | 3 nodes, or a quarter of the spot pods on 2 nodes at least, within 10 min | `Fallback` |
//! | `Covering` | those pods are gone | `Returning` |
//! | `Fallback` | its hold-down is over: 30 min, doubling to 4 h, until 6 h have been calm | `Returning` |
//! | any but `Fallback` | an override orders it | `Fallback`, until that has ended |
//! | `Returning` | its share is the full one again, and all that it allows is Ready | `Normal` |
//!
//! In `Fallback` nothing new goes to spot; what is still well there serves on, and each pod that dies is made up for on
//! demand; where an override ordered it, what is well leaves, too ([`super::leave`]). That is no trouble of spot: it counts
//! for no hold-down, and a return begins as soon as the override has ended. `Returning` begins with what is well and rises by a fifth of the full share every 5 minutes, each step
//! only when the last is Ready.

use super::memory::{INTERRUPTIONS, Interrupted, LONGEST_HOLD, STRIKES, SpotMemory, Stance};
use super::sight::{PENDING_FOR, is_doomed, is_taken, sum};
use super::{View, leave};
use crate::observation::{NodeHealth, SpotNode};
use crate::quantity::Replicas;
use crate::schedule::agenda::SpotSlots;
use jiff::{SignedDuration, Timestamp};

/// Interruptions within this time make a storm, and after so long a calm one is forgotten.
pub const STORM: SignedDuration = SignedDuration::from_mins(10);
/// After a strike nothing new goes to spot for so long.
pub const STRIKE_HOLDS: SignedDuration = SignedDuration::from_mins(5);
/// Two strikes within this time lead to a fallback.
const STRIKE_COUNTS: SignedDuration = SignedDuration::from_mins(30);
/// The share rises this often.
pub const STEP_EVERY: SignedDuration = SignedDuration::from_mins(5);
/// The first hold-down.
const HOLD: SignedDuration = SignedDuration::from_mins(30);
/// After so long a calm the hold-down is the first again.
const CALM: SignedDuration = SignedDuration::from_hours(6);
/// So many nodes are a storm.
const STORM_NODES: usize = 3;
/// A share rises by this part of the full one.
const STEPS: u8 = 5;
/// The longest chain of states that one look can lead through.
const CHAIN: usize = 4;

/// Takes what is seen into account.
pub fn advance(memory: &mut SpotMemory, view: &View) {
    let now = view.now;
    memory.since.get_or_insert(now);
    note_interruptions(&mut memory.interruptions, view);
    note_strike(memory, view);
    for _ in 0..CHAIN {
        let Some(stance) = follow(memory, view) else { break };
        if matches!(stance, Stance::Fallback { .. }) && view.no_spot.is_none() {
            memory.fallbacks = memory.fallbacks.saturating_add(1);
            memory.strikes.clear();
        }
        memory.become_(stance, now);
    }
    step(memory, view);
    leave::note(memory, view);
    match memory.stance {
        Stance::Fallback { until } if view.no_spot.is_some() && until <= now => {}
        Stance::Covering | Stance::Fallback { .. } => memory.troubled_at = Some(now),
        Stance::Normal | Stance::Returning { .. } => {
            let calm = |at: Timestamp| now.duration_since(at) >= CALM;
            if memory.troubled_at.is_none_or(calm) {
                memory.fallbacks = 0;
            }
        }
    }
}

/// The replicas that spot may have beyond those which are Ready or on their way.
#[must_use]
pub fn growth(memory: &SpotMemory, view: &View) -> Replicas {
    if is_struck(memory, view.now) || view.slots == SpotSlots::Missing {
        return Replicas::ZERO;
    }
    match memory.stance {
        Stance::Normal => view.size,
        Stance::Returning { .. } if view.may_return => {
            let parts = u64::from(view.size.get()) * u64::from(view.policy.max_percent.min(100));
            let step = parts.div_ceil(100 * u64::from(STEPS));
            Replicas::new(u32::try_from(step).unwrap_or(u32::MAX))
        }
        Stance::Returning { .. } | Stance::Covering | Stance::Fallback { .. } => Replicas::ZERO,
    }
}

/// Whether pods have found no spot node a short while ago.
#[must_use]
pub fn is_struck(memory: &SpotMemory, now: Timestamp) -> bool {
    memory.strikes.last().is_some_and(|at| now.duration_since(*at) < STRIKE_HOLDS)
}

/// The state that follows at once, if any.
fn follow(memory: &SpotMemory, view: &View) -> Option<Stance> {
    let now = view.now;
    let is_losing = view.sight.doomed > Replicas::ZERO;
    if view.no_spot.is_some() {
        let leaves = !matches!(memory.stance, Stance::Fallback { .. });
        return leaves.then_some(Stance::Fallback { until: now });
    }
    match memory.stance {
        Stance::Normal | Stance::Returning { .. } if is_losing => Some(Stance::Covering),
        Stance::Normal | Stance::Returning { .. } if memory.strikes.len() >= STRIKES => {
            Some(fallback(memory, now))
        }
        Stance::Covering if is_storm(memory, view) => Some(fallback(memory, now)),
        Stance::Covering if !is_losing => Some(returning(view)),
        Stance::Fallback { until } if !is_losing && now >= until => Some(returning(view)),
        Stance::Returning { share_percent, .. } if is_back(share_percent, view) => {
            Some(Stance::Normal)
        }
        Stance::Normal | Stance::Covering | Stance::Fallback { .. } | Stance::Returning { .. } => {
            None
        }
    }
}

fn fallback(memory: &SpotMemory, now: Timestamp) -> Stance {
    let doublings = u32::try_from(memory.fallbacks).unwrap_or(0).min(8);
    let hold = HOLD.saturating_mul(1 << doublings).min(LONGEST_HOLD);
    Stance::Fallback { until: now.saturating_add(hold).unwrap_or(now) }
}

/// Whether the whole share has been reached step by step and stands. All that fewer nodes allow is not enough: the
/// next node that comes would be filled at once.
fn is_back(share_percent: u8, view: &View) -> bool {
    share_percent >= view.policy.max_percent.min(100) && view.sight.healthy >= view.full()
}

fn returning(view: &View) -> Stance {
    Stance::Returning { share_percent: view.healthy_percent(), stepped_at: view.now }
}

/// Raises the share of `Returning` when it is time and the last step is Ready.
fn step(memory: &mut SpotMemory, view: &View) {
    let struck = is_struck(memory, view.now);
    let Stance::Returning { share_percent, stepped_at } = &mut memory.stance else { return };
    let full = view.policy.max_percent.min(100);
    let is_ready = view.sight.healthy >= view.allowed(*share_percent);
    let is_due = view.now.duration_since(*stepped_at) >= STEP_EVERY;
    if view.may_return && is_due && is_ready && !struck && *share_percent < full {
        *share_percent = share_percent.saturating_add(full.div_ceil(STEPS)).min(full);
        *stepped_at = view.now;
    }
}

/// Whether so much was taken away lately that more is to be feared.
fn is_storm(memory: &SpotMemory, view: &View) -> bool {
    let lately = |node: &&Interrupted| {
        node.pods > Replicas::ZERO && view.now.duration_since(node.at) < STORM
    };
    let nodes = memory.interruptions.iter().filter(lately);
    let count = nodes.clone().count();
    let lost = sum(nodes.map(|node| node.pods));
    let all = lost.plus(view.sight.healthy);
    let is_quarter = u64::from(lost.get()) * 4 >= u64::from(all.get());
    count >= STORM_NODES || (count >= 2 && is_quarter)
}

/// Remembers nodes that are being taken away, and those with our taint until they have been well for long enough.
fn note_interruptions(known: &mut Vec<Interrupted>, view: &View) {
    let now = view.now;
    for node in &view.seen.spot_nodes {
        // The taint alone tells of a loss that was another fleet's, or is forgotten: it counts for no storm.
        let pods = if is_taken(node) { node.pods } else { Replicas::ZERO };
        let place = known.iter_mut().find(|other| other.node == node.id);
        match place {
            Some(other) if is_taken(node) || (node.tainted_by_us && !is_well(node)) => {
                other.last = now;
                other.pods = other.pods.max(pods);
            }
            None if is_taken(node) || node.tainted_by_us => {
                let (at, last) = (now, now);
                known.push(Interrupted { node: node.id, at, last, pods });
            }
            Some(_) | None => {}
        }
    }
    known.retain(|node| now.duration_since(node.last) < STORM);
    // Nodes that carried nothing of the fleet are forgotten first.
    known.sort_by_key(|node| node.pods > Replicas::ZERO);
    let surplus = known.len().saturating_sub(INTERRUPTIONS);
    known.drain(..surplus);
}

/// Whether a node runs its pods and takes new ones.
#[must_use]
pub fn is_well(node: &SpotNode) -> bool {
    !is_doomed(node) && node.health == NodeHealth::Ready
}

/// A strike: a pod has found no spot node in time. One that waits on counts again only after the hold.
fn note_strike(memory: &mut SpotMemory, view: &View) {
    let now = view.now;
    memory.strikes.retain(|at| now.duration_since(*at) < STRIKE_COUNTS);
    let counts = match memory.stance {
        Stance::Normal | Stance::Returning { .. } => {
            view.sight.doomed == Replicas::ZERO && view.slots != SpotSlots::Coming
        }
        Stance::Covering | Stance::Fallback { .. } => false,
    };
    let waits = |since: &Timestamp| now.duration_since(*since) >= PENDING_FOR;
    if counts && !is_struck(memory, now) && view.seen.spot_pending_since.iter().any(waits) {
        memory.strikes.push(now);
        memory.troubled_at = Some(now);
    }
}
