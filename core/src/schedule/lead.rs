//! When the pre-warm of a window begins: as long before it as nodes and pods have been measured to take.

use super::Schedule;
use crate::observation::Startup;
use crate::policy::FleetPolicy;
use crate::window::signed;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The most measurements of a kind that are remembered.
const LIMIT: usize = 32;
/// With fewer nothing is said about them.
const NEEDED: usize = 5;
/// A lead that has not been measured yet.
const UNMEASURED: Duration = Duration::from_mins(5);
/// What pods get beside the time that they were measured to take.
const MARGIN: Duration = Duration::from_mins(1);
/// The bounds of a measured lead.
const SHORTEST: Duration = Duration::from_mins(1);
const LONGEST: Duration = Duration::from_mins(30);
/// A given lead or ramp counts for no more: so no pre-warm begins more than two days before its window.
const LONGEST_GIVEN: Duration = Duration::from_hours(12);
/// Nodes get so much more than their lead, or as long as the ramp takes.
const NODES_AHEAD: Duration = Duration::from_mins(5);

/// How long the fleet's pods and nodes have taken to become Ready.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Learned {
    /// Pods.
    #[serde(default, skip_serializing_if = "Measured::is_empty")]
    pub pods: Measured,
    /// Nodes.
    #[serde(default, skip_serializing_if = "Measured::is_empty")]
    pub nodes: Measured,
}

/// The latest measurements of one kind.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Measured {
    /// What became Ready later than this has not been counted yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) until: Option<Timestamp>,
    /// Whole seconds, rounded up, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) seconds: Vec<i32>,
}

/// How long before its window the last replica is asked for, and nodes before replicas.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Leads {
    /// Of the pods.
    pub pods: Duration,
    /// Of the nodes; `None` where nobody makes them ahead of pods.
    pub nodes: Option<Duration>,
}

/// The instants of a pre-warm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PreWarm {
    /// Nodes are asked for.
    pub nodes_from: Timestamp,
    /// The floor begins to climb.
    pub ramp_from: Timestamp,
    /// The floor is asked for in full.
    pub ramp_complete: Timestamp,
}

impl Learned {
    /// Learns what was not learned before.
    pub(crate) fn learn(&mut self, pods: &[Startup], nodes: &[Startup], now: Timestamp) {
        self.pods.learn(pods, now);
        self.nodes.learn(nodes, now);
    }

    /// The instants in it.
    pub(crate) fn instants(&mut self) -> impl Iterator<Item = &mut Timestamp> {
        self.pods.until.iter_mut().chain(&mut self.nodes.until)
    }

    pub(crate) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// What comes back from a status may have been edited.
    pub(crate) fn bound(&mut self) {
        self.pods.seconds.truncate(LIMIT);
        self.nodes.seconds.truncate(LIMIT);
    }
}

impl Measured {
    /// The time that 95 of 100 took at most; `None` with fewer than five measurements.
    #[must_use]
    pub fn p95(&self) -> Option<Duration> {
        let mut sorted = self.seconds.clone();
        sorted.sort_unstable();
        let rank = (sorted.len() * 95).div_ceil(100);
        let seconds = rank.checked_sub(1).and_then(|index| sorted.get(index))?;
        let seconds = u64::try_from(*seconds).unwrap_or_default();
        (sorted.len() >= NEEDED).then_some(Duration::from_secs(seconds))
    }

    fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// What is told again is known by its instant. What is from the future will be told again.
    fn learn(&mut self, startups: &[Startup], now: Timestamp) {
        let known = self.until;
        let is_new = |at: Timestamp| at <= now && known.is_none_or(|known| at > known);
        for Startup { at, took } in startups.iter().filter(|startup| is_new(startup.at)) {
            let seconds = took.as_secs().saturating_add(u64::from(took.subsec_nanos() > 0));
            self.seconds.push(i32::try_from(seconds).unwrap_or(i32::MAX));
            self.until = self.until.max(Some(*at));
        }
        self.seconds.drain(..self.seconds.len().saturating_sub(LIMIT));
    }
}

impl Leads {
    /// The leads of a schedule, as far as they are known now.
    ///
    /// Nodes have one wherever placeholders are wanted: those are there for nodes to be made ahead of pods, and
    /// whether one is needed is known only once they have been asked for.
    #[must_use]
    pub fn of(schedule: &Schedule, policy: &FleetPolicy, learned: &Learned) -> Self {
        let measured = |p95: Option<Duration>, margin| {
            p95.map_or(UNMEASURED, |p95| (p95 + margin).clamp(SHORTEST, LONGEST))
        };
        Self {
            pods: schedule.lead.unwrap_or_else(|| measured(learned.pods.p95(), MARGIN)),
            nodes: policy.asks_for_nodes().then(|| measured(learned.nodes.p95(), Duration::ZERO)),
        }
    }
}

impl PreWarm {
    /// The pre-warm of a window that opens at `start`.
    #[must_use]
    pub fn before(start: Timestamp, leads: Leads, ramp: Duration) -> Self {
        let ramp = ramp.min(LONGEST_GIVEN);
        let ramp_complete = earlier(start, leads.pods.min(LONGEST_GIVEN));
        let ramp_from = earlier(ramp_complete, ramp);
        let ahead = leads.nodes.map_or(Duration::ZERO, |lead| lead + ramp.min(NODES_AHEAD));
        Self { nodes_from: earlier(ramp_from, ahead), ramp_from, ramp_complete }
    }
}

fn earlier(at: Timestamp, by: Duration) -> Timestamp {
    at.saturating_sub(signed(by)).unwrap_or(Timestamp::MIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn started(second: i64, took: u64) -> Startup {
        Startup { at: at(second), took: Duration::from_secs(took) }
    }

    #[test]
    fn five_measurements_are_needed_and_what_is_told_again_is_one() {
        let mut learned = Learned::default();
        let pods: Vec<_> = (1..=4).map(|second| started(second, 10)).collect();
        for _ in 0..3 {
            learned.learn(&pods, &[], at(10));
        }
        assert_eq!(learned.pods.p95(), None);
        let more = [pods.clone(), vec![started(5, 40), started(11, 900)]].concat();
        learned.learn(&more, &[], at(10));
        assert_eq!(learned.pods.p95(), Some(Duration::from_secs(40)), "11 is in the future");
        assert_eq!(learned.nodes.p95(), None);
    }

    #[test]
    fn the_latest_thirty_two_count_and_a_part_of_a_second_is_one() {
        let mut measured = Measured::default();
        let slow: Vec<_> = (1..=32).map(|second| started(second, 300)).collect();
        measured.learn(&slow, at(1000));
        let half = |second| Startup { at: at(second), took: Duration::from_millis(9500) };
        measured.learn(&(33..=64).map(half).collect::<Vec<_>>(), at(1000));
        assert_eq!(measured.p95(), Some(Duration::from_secs(10)));
        assert_eq!(measured.seconds.len(), 32);
        measured.learn(&[Startup { at: at(70), took: Duration::MAX }], at(1000));
        assert_eq!(measured.seconds.last(), Some(&i32::MAX));
    }

    #[test]
    fn a_pre_warm_ends_a_lead_before_its_window_and_saturates() {
        let leads = Leads { pods: Duration::from_mins(5), nodes: Some(Duration::from_mins(3)) };
        let warm = PreWarm::before(at(100_000), leads, Duration::from_mins(10));
        assert_eq!(warm.ramp_complete, at(100_000 - 300));
        assert_eq!(warm.ramp_from, at(100_000 - 900));
        assert_eq!(warm.nodes_from, at(100_000 - 900 - 180 - 300));
        let endless = Leads { pods: Duration::MAX, nodes: None };
        let warm = PreWarm::before(at(100_000), endless, Duration::MAX);
        assert_eq!(warm.ramp_from, at(100_000 - 24 * 3600));
        assert_eq!(warm.nodes_from, warm.ramp_from);
        assert_eq!(
            PreWarm::before(Timestamp::MIN, endless, Duration::MAX).ramp_from,
            Timestamp::MIN
        );
    }
}
