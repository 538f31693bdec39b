//! How large a fleet is for a load, how it is split, and what is left of it after a loss. Pure; the split is the
//! operator's own, for a fleet that has come to rest.

use super::amount::{Cpu, Memory};
use super::nodes::Node;
use apifleet_core::policy::SpotPolicy;
use apifleet_core::spot::at_rest;
use apifleet_core::{Replicas, Rps};
use std::num::NonZeroU32;

/// So many replicas run on demand at least: the default of `spec.spot`.
pub const MIN_ON_DEMAND: u32 = 4;
/// Pods that a rollout adds to each target, as the chart has it.
const SURGE: u32 = 2;
/// No fleet may be larger.
const LARGEST: u32 = 1000;

/// What is planned for.
#[derive(Debug, Clone, PartialEq)]
pub struct Load {
    /// Requests per second of the busiest minute.
    pub peak: Rps,
    /// Requests per second of a quiet hour; not above the peak.
    pub quiet: Rps,
    /// What one replica carries well.
    pub per_replica: Rps,
    /// How many people the requests are of.
    pub users: Option<u64>,
}

/// What it is planned on.
#[derive(Debug, Clone, PartialEq)]
pub struct Ground {
    /// The nodes.
    pub node: Node,
    /// What a replica requests.
    pub pod: (Cpu, Memory),
    /// The largest share on spot, in percent.
    pub spot_percent: u8,
    /// Zones, each of which is one spot pool of this type of node.
    pub zones: NonZeroU32,
}

/// A fleet under a load.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Fleet {
    /// The load.
    pub rate: Rps,
    /// Its replicas.
    pub replicas: u32,
    /// Those on demand.
    pub on_demand: u32,
    /// Those on spot.
    pub spot: u32,
}

/// What is left of a fleet after a loss.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Left {
    /// Replicas that are lost.
    pub lost: u32,
    /// Replicas that are left.
    pub left: u32,
    /// What each of those carries then, in percent of its target; `None` where nothing is left.
    pub percent: Option<u32>,
}

/// A group of nodes: its smallest and its largest size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Group {
    /// In quiet hours.
    pub min: u32,
    /// What it must be able to reach.
    pub max: u32,
}

/// Why there is no plan.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum SizeError {
    /// The quiet hours are busier than the peak.
    #[error("--quiet-rps must not be above --peak-rps")]
    QuietAbovePeak,
    /// More replicas than a fleet may have.
    #[error(
        "this load needs {needed} replicas, and a fleet has at most {most}: let each carry more (--per-replica), or \
         split the API into several fleets",
        most = LARGEST
    )]
    TooLarge {
        /// How many.
        needed: u32,
    },
    /// A replica finds no room on a node.
    #[error(
        "no replica of {cpu} CPU and {memory} finds room on {node}, which has {left_cpu}m and {left_memory}Mi left for pods: \
         choose a larger --node, or a smaller --pod-cpu and --pod-memory"
    )]
    NoRoom {
        /// CPU of the replica.
        cpu: Cpu,
        /// Memory of the replica.
        memory: Memory,
        /// The node.
        node: String,
        /// CPU that it has left, in thousandths.
        left_cpu: u32,
        /// Memory that it has left, in MiB.
        left_memory: u32,
    },
}

// === impl Load ===

impl Load {
    /// The fleet in a quiet hour and at the peak; at least two replicas, so that one may go.
    ///
    /// # Errors
    /// Where there is no such fleet.
    pub fn fleets(&self, ground: &Ground) -> Result<(Fleet, Fleet), SizeError> {
        if self.quiet > self.peak {
            return Err(SizeError::QuietAbovePeak);
        }
        let sized = |rate: Rps| rate.carried_by(self.per_replica).get().max(2);
        let needed = sized(self.peak);
        if needed > LARGEST {
            return Err(SizeError::TooLarge { needed });
        }
        let split = |rate| self.split(ground, rate, sized(rate));
        Ok((split(self.quiet), split(self.peak)))
    }

    fn split(&self, ground: &Ground, rate: Rps, replicas: u32) -> Fleet {
        let policy = SpotPolicy::new(ground.spot_percent, Replicas::new(MIN_ON_DEMAND));
        let load = (rate, self.per_replica);
        let spot = at_rest(policy, Replicas::new(replicas), load, ground.zones.get()).get();
        Fleet { rate, replicas, on_demand: replicas - spot, spot }
    }

    /// What is left of a fleet that loses so many.
    #[must_use]
    pub fn after(&self, fleet: Fleet, lost: u32) -> Left {
        let lost = lost.min(fleet.replicas);
        let left = fleet.replicas - lost;
        let each = fleet.rate.get() * 100.0 / f64::from(left.max(1)) / self.per_replica.get();
        let percent = (left > 0).then(|| Replicas::ceil(each).get());
        Left { lost, left, percent }
    }
}

// === impl Left ===

impl Left {
    /// Whether what is left carries the load.
    #[must_use]
    pub fn is_survived(self) -> bool {
        self.percent.is_some_and(|percent| percent <= SpotPolicy::SURVIVORS_PERCENT)
    }
}

// === impl Ground ===

impl Ground {
    /// How many replicas find room on a node.
    ///
    /// # Errors
    /// Where none does.
    pub fn replicas_per_node(&self) -> Result<NonZeroU32, SizeError> {
        let (cpu, memory) = self.pod;
        NonZeroU32::new(self.node.pods(cpu, memory)).ok_or_else(|| {
            let (left_cpu, left_memory) = self.node.room();
            SizeError::NoRoom { cpu, memory, node: self.node.label(), left_cpu, left_memory }
        })
    }

    /// The largest part of a fleet's spot replicas that goes with one zone.
    #[must_use]
    pub fn of_a_zone(&self, fleet: Fleet) -> u32 {
        fleet.spot.div_ceil(self.zones.get())
    }

    /// The pods that there may be at once: those of the largest size, of a rollout of every target, and one that moves
    /// from one target to the other.
    #[must_use]
    pub fn pods_at_once(&self, peak: Fleet) -> u32 {
        let (targets, moving) = if self.spot_percent > 0 { (2, 1) } else { (1, 0) };
        peak.replicas + SURGE * targets + moving
    }

    /// The groups of nodes: on demand, which must take the whole fleet when spot is gone, and spot.
    #[must_use]
    pub fn groups(
        &self,
        quiet: Fleet,
        peak: Fleet,
        per_node: NonZeroU32,
    ) -> (Group, Option<Group>) {
        let nodes = |replicas: u32| replicas.div_ceil(per_node.get());
        let on_demand = Group { min: nodes(quiet.on_demand), max: nodes(peak.replicas + SURGE) };
        let spot = Group { min: nodes(quiet.spot), max: nodes(peak.spot + SURGE) };
        (on_demand, (self.spot_percent > 0).then_some(spot))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(peak: f64, quiet: f64) -> Load {
        let rate = |rate| Rps::new(rate).unwrap();
        Load { peak: rate(peak), quiet: rate(quiet), per_replica: rate(50.0), users: None }
    }

    fn ground(spot_percent: u8, zones: u32) -> Ground {
        Ground {
            node: Node::of_type("m6i.large").unwrap(),
            pod: (Cpu::parse("1500m").unwrap(), Memory::gibibytes(2)),
            spot_percent,
            zones: NonZeroU32::new(zones).unwrap(),
        }
    }

    fn split(replicas_for: f64, zones: u32) -> (u32, u32) {
        let (_, peak) = load(replicas_for, 50.0).fleets(&ground(60, zones)).unwrap();
        (peak.on_demand, peak.spot)
    }

    /// The worked cases of the operator's split: share 60 %, 50 requests/s each, survivors at 140 %.
    #[test]
    fn a_fleet_is_split_as_the_operator_splits_it() {
        assert_eq!([1, 2, 6].map(|zones| split(1500.0, zones)), [(22, 8), (14, 16), (12, 18)]);
    }

    #[test]
    fn what_is_left_after_a_loss_carries_more_than_its_target_and_is_counted() {
        let (load, ground) = (load(1500.0, 500.0), ground(60, 3));
        let (quiet, peak) = load.fleets(&ground).unwrap();
        assert_eq!((quiet.replicas, peak.replicas, peak.spot), (10, 30, 18));
        let zone = load.after(peak, ground.of_a_zone(peak));
        assert_eq!(zone, Left { lost: 6, left: 24, percent: Some(125) });
        assert!(zone.is_survived());
        let all = load.after(peak, peak.spot);
        assert_eq!((all.left, all.percent, all.is_survived()), (12, Some(250), false));
        assert_eq!(load.after(peak, 99).percent, None, "nothing is left");
    }

    #[test]
    fn the_on_demand_group_can_take_the_whole_fleet() {
        let ground = ground(60, 3);
        let (quiet, peak) = load(1500.0, 500.0).fleets(&ground).unwrap();
        let (on_demand, spot) = ground.groups(quiet, peak, ground.replicas_per_node().unwrap());
        assert_eq!(on_demand, Group { min: 4, max: 32 });
        assert_eq!(spot, Some(Group { min: 6, max: 20 }));
        assert_eq!(ground.pods_at_once(peak), 35);
    }

    #[test]
    fn without_spot_everything_is_on_demand() {
        let ground = ground(0, 3);
        let (quiet, peak) = load(1500.0, 500.0).fleets(&ground).unwrap();
        assert_eq!((quiet.spot, peak.spot, peak.on_demand), (0, 0, 30));
        assert_eq!(ground.groups(quiet, peak, NonZeroU32::MIN).1, None);
        assert_eq!(ground.pods_at_once(peak), 32);
    }

    #[test]
    fn what_cannot_be_says_what_would_be_possible() {
        let said = |load: &Load| load.fleets(&ground(60, 3)).unwrap_err().to_string();
        assert!(said(&load(100.0, 200.0)).contains("--quiet-rps"));
        assert!(said(&load(60_000.0, 1.0)).contains("1200 replicas"));
        let small = Ground { pod: (Cpu::whole(2), Memory::gibibytes(2)), ..ground(60, 3) };
        let said = small.replicas_per_node().unwrap_err().to_string();
        assert!(said.contains("m6i.large (2 CPU, 8Gi)") && said.contains("1800m"), "{said}");
    }
}
