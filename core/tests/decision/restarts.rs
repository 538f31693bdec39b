//! A restarted run never scales in sooner, nor out later, than an uninterrupted one.

use crate::calendars::{daily, scheduled};
use crate::fleet::{Fleet, Prometheus, at, guarded, policy, replicas};
use crate::scripts::{any_policy, day, overridden, ten_thousand};
use apifleet_core::decision::Decision;
use apifleet_core::{Memory, Percent, Reason};
use jiff::SignedDuration;
use proptest::prelude::*;
use std::time::Duration;

/// What the resource's status holds: written when the decision changes, else every five minutes.
struct Status {
    stored: Option<String>,
    size: u32,
    reason: Reason,
    /// The write before, for a crash between the write of the size and that of the status.
    before: Option<String>,
}

impl Status {
    fn new() -> Self {
        Self { stored: None, size: 0, reason: Reason::AsExpected, before: None }
    }

    fn write(&mut self, fleet: &Fleet, decision: &Decision) {
        let stored = self.memory();
        let old = stored
            .and_then(|memory| memory.at)
            .is_none_or(|at| fleet.now.duration_since(at) >= SignedDuration::from_mins(5));
        let changed = (self.size, self.reason) != (decision.desired.get(), decision.reason);
        if old || changed {
            self.size = decision.desired.get();
            self.reason = decision.reason;
            self.before = self.stored.replace(serde_json::to_string(&fleet.memory).unwrap());
        }
    }

    fn memory(&self) -> Option<Memory> {
        self.stored.as_deref().map(|stored| serde_json::from_str(stored).unwrap())
    }

    /// The memory after a restart at which the last write was lost, or not.
    fn resumed(&self, lost: bool) -> Memory {
        let stored = if lost { &self.before } else { &self.stored };
        Memory::resumed(stored.as_deref().map(|stored| serde_json::from_str(stored).unwrap()))
    }
}

proptest! {
    #![proptest_config(ten_thousand())]

    /// Without tolerance the sizes can be compared at every instant. What a write that was lost had learned of the
    /// window is learned again: here it is given.
    #[test]
    fn a_restarted_run_is_never_smaller_than_an_uninterrupted_one(
        policy in overridden(scheduled(any_policy())),
        size in 1..70_u32,
        beats in day(40),
        kill in 1..30_usize,
        lost in any::<bool>(),
    ) {
        let mut policy = policy;
        policy.signals.latency = None;
        policy.behavior.up.tolerance = Percent::ZERO;
        policy.behavior.down.tolerance = Percent::ZERO;
        policy.behavior.longest_down_window = policy.behavior.down.stabilization_window;
        let mut steady = Fleet::new(policy, size);
        let mut status = Status::new();
        let (before, after) = beats.split_at(kill);
        for beat in before {
            let decision = beat.play(&mut steady);
            status.write(&steady, &decision);
        }
        let mut restarted = steady.clone();
        restarted.memory = status.resumed(lost && status.before.is_some());
        for (index, beat) in after.iter().enumerate() {
            // The last values are evidence that only the newest memory holds: the first look after the start is good.
            let prometheus = if index == 0 { Prometheus::Good } else { beat.prometheus };
            let beat = crate::scripts::Beat { prometheus, ..*beat };
            let a = beat.play(&mut steady);
            let b = beat.play(&mut restarted);
            prop_assert!(b.desired >= a.desired, "{index}: {a:?}\n{b:?}");
        }
    }

    /// With everything on, and whatever is remembered: nothing is removed for a full scale-down window.
    #[test]
    fn a_restart_removes_nothing_for_a_window(
        policy in scheduled(any_policy()),
        size in 1..70_u32,
        beats in day(30),
        kill in 1..20_usize,
        forget in 0..3_usize,
    ) {
        let mut fleet = Fleet::new(policy, size);
        // A ceiling is, like a lowered maximum, reached without a window.
        fleet.policy.schedules.iter_mut().for_each(|schedule| schedule.ceiling = None);
        let mut status = Status::new();
        let (before, after) = beats.split_at(kill);
        for beat in before {
            let decision = beat.play(&mut fleet);
            status.write(&fleet, &decision);
        }
        let there = fleet.on_demand.pods.len();
        // Above a lowered maximum a fleet falls without a window, by the limits.
        let above = there > fleet.policy.bounds.max().get() as usize;
        fleet.memory = match forget {
            0 => status.resumed(false),
            1 => status.resumed(true),
            _ => Memory::resumed(None),
        };
        let window = SignedDuration::try_from(fleet.policy.behavior.down.stabilization_window).unwrap();
        let mut first = None;
        for beat in after {
            let decision = beat.play(&mut fleet);
            let since = *first.get_or_insert(decision.at);
            if !above && decision.at.duration_since(since) < window {
                prop_assert!(decision.desired.get() as usize >= there, "{decision:?}");
            }
        }
    }
}

#[test]
fn a_restart_alone_changes_nothing_in_a_settled_fleet() {
    let mut fleet = Fleet::settled(guarded(), 20, 1000.0);
    fleet.run_until(300);
    for second in [300, 320, 900] {
        fleet.memory = Memory::resumed(Some(fleet.memory.clone()));
        fleet.rps = 1040.0;
        fleet.run_until(second + 15);
    }
    assert_eq!(fleet.sizes, [(0, 20)]);
}

#[test]
fn a_climb_runs_on_after_a_restart() {
    let mut slow = policy();
    slow.behavior.up.policies.truncate(1);
    slow.behavior.up.policies[0].amount = apifleet_core::behavior::Amount::Pods(replicas(9));
    slow.behavior.up.policies[0].period = Duration::from_mins(5);
    let mut fleet = Fleet::settled(slow, 10, 500.0);
    fleet.rps = 1500.0;
    let mut status = Status::new();
    while fleet.now < at(500) {
        let decision = fleet.decide();
        status.write(&fleet, &decision);
        fleet.now += SignedDuration::from_secs(2);
    }
    assert_eq!(fleet.size(), 28);
    fleet.memory = status.resumed(false);
    fleet.run_until(900);
    assert_eq!(fleet.size(), 30);
}

#[test]
fn a_guard_that_was_counting_steps_at_once_after_a_restart() {
    let mut fleet = Fleet::settled(guarded(), 20, 1000.0);
    let stored = fleet.memory.clone();
    fleet.p95 = 400.0;
    fleet.run_until(28);
    assert_eq!(fleet.size(), 20);
    fleet.memory = Memory::resumed(Some(stored));
    fleet.now = at(30);
    assert_eq!(fleet.decide().desired, replicas(22));
}

#[test]
fn a_restart_in_the_middle_of_a_step_does_not_judge_it() {
    let mut fleet = Fleet::settled(guarded(), 20, 950.0);
    fleet.p95 = 400.0;
    fleet.run_until(112);
    assert_eq!(fleet.size(), 25);
    let stored = fleet.memory.clone();
    fleet.run_until(140);
    fleet.memory = Memory::resumed(Some(stored));
    let decision = fleet.run_until(180);
    assert!(decision.findings.replicas_effective.holds);
}

#[test]
fn a_write_that_was_made_and_not_remembered_counts() {
    let mut fleet = Fleet::settled(policy(), 10, 500.0);
    let stored = fleet.memory.clone();
    fleet.rps = 1500.0;
    fleet.run_until(15);
    assert_eq!(fleet.size(), 30);
    fleet.memory = Memory::resumed(Some(stored));
    fleet.now = at(17);
    fleet.rps = 100.0;
    let decision = fleet.decide();
    assert_eq!((decision.previous, decision.desired), (replicas(30), replicas(30)));
}

#[test]
fn a_clock_that_jumps_removes_nothing_and_blocks_nothing() {
    for hours in [1, 24, -1, -24] {
        let mut fleet = Fleet::settled(policy(), 20, 1000.0);
        fleet.now = at(hours * 3600);
        fleet.rps = 100.0;
        assert_eq!(fleet.decide().desired, replicas(20), "{hours}");
        fleet.run_until(hours * 3600 + 298);
        assert_eq!(fleet.size(), 20, "{hours}");
        fleet.rps = 1500.0;
        fleet.run_until(hours * 3600 + 320);
        assert_eq!(fleet.size(), 30, "{hours}");
        fleet.rps = 100.0;
        fleet.run_until(hours * 3600 + 1500);
        assert_eq!(fleet.size(), 10, "{hours}");
    }
}

#[test]
fn a_kill_at_any_step_of_a_ramp_delays_none_and_removes_nothing_sooner() {
    let mut policy = policy();
    policy.schedules = vec![daily("short", ("08:00", "08:03"), 24)];
    let mut steady = Fleet::new(policy, 10);
    (steady.rps, steady.now) = (500.0, at(-1900));
    steady.run_until(-700);
    let mut status = Status::new();
    let (mut killed, mut last_step) = (Vec::new(), 0);
    while steady.now < at(-290) {
        let decision = steady.decide();
        status.write(&steady, &decision);
        if steady.size() != last_step {
            last_step = steady.size();
            for away in [2, 30, 90, 400] {
                let mut fleet = steady.clone();
                fleet.memory = status.resumed(false);
                fleet.now += SignedDuration::from_secs(away);
                killed.push(fleet);
            }
        }
        let period = steady.now + SignedDuration::from_secs(2);
        steady.now = decision.next.map_or(period, |next| next.at.min(period));
    }
    assert!(killed.len() >= 14 * 4, "{}", killed.len());
    let mut reference = Vec::new();
    while steady.now < at(1200) {
        reference.push((steady.now, steady.decide().desired));
        steady.now += SignedDuration::from_secs(2);
    }
    for mut fleet in killed {
        let began = fleet.now;
        for (now, size) in reference.iter().filter(|(now, _)| *now >= began) {
            fleet.now = *now;
            assert!(fleet.decide().desired >= *size, "killed before {began}: {:?}", fleet.sizes);
        }
    }
}
