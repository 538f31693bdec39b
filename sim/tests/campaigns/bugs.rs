//! Bugs that have bitten users of other autoscalers, put back in front of the decision: what it sees, what it starts
//! from, or what becomes of its answer is made as it was there. Each must be caught; `docs/robustness.md` lists them.

use crate::campaign::{Outcome, Stage};
use apifleet_core::observation::{Observation, Reading, Readings};
use apifleet_core::policy::{FleetPolicy, OnMissing};
use apifleet_core::{Decision, Memory, Replicas};
use apifleet_sim::FaultKind;
use apifleet_sim::plan::{Answer, Edit, Mishap, Plan, What};
use jiff::Timestamp;
use jiff::tz::TimeZone;

/// A bug.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bug {
    /// No answer is 0 (KEDA #3065).
    EmptyIsZero,
    /// What a part of the pods says is taken for the whole.
    PartIsWhole,
    /// The fallback replaces the size (KEDA #4249, #6659).
    FallbackReplaces,
    /// Nothing limits a fall (the HPA's default).
    OneStep,
    /// Hours without a zone are those of UTC (KEDA's cron).
    Utc,
    /// After an edit the fleet is taken to be at its minimum (KEDA #6762).
    EditStartsAtMin,
    /// After a restart the fleet is taken to be at its minimum.
    RestartStartsAtMin,
    /// A write that was refused is taken for made.
    RefusedIsMade,
    /// Nobody decides while Prometheus does not answer.
    WaitsForPrometheus,
    /// What is there is written again with every decision.
    Restless,
    /// An edit that was taken back rules on.
    EditStays,
}

impl Bug {
    pub(crate) fn of_policy(self, policy: &FleetPolicy) -> FleetPolicy {
        let mut policy = policy.clone();
        if self == Self::OneStep {
            policy.behavior.down.policies.clear();
        }
        if self == Self::Utc {
            let zones = policy.schedules.iter_mut().map(|it| &mut it.calendar.zone);
            zones.for_each(|zone| *zone = TimeZone::UTC);
        }
        policy
    }

    pub(crate) fn of_sight(self, mut seen: Observation, now: Timestamp) -> Observation {
        let value = |value: f64| Reading::Value { value, sampled_at: now };
        let Readings { request_rate, burst_rate, error_rate, latency, .. } = &mut seen.readings;
        if self == Self::EmptyIsZero && is_nothing(*request_rate) {
            (*request_rate, *burst_rate, *error_rate) = (value(0.0), value(0.0), value(0.0));
            *latency = value(f64::NAN);
            seen.readings.window_samples = value(1000.0);
            seen.readings.scraped_pods = Reading::Empty;
        }
        if self == Self::PartIsWhole {
            seen.readings.scraped_pods = Reading::Empty;
        }
        seen
    }

    pub(crate) fn of_decision(
        self,
        policy: &FleetPolicy,
        (mut decision, mut after): (Decision, Memory),
    ) -> (Decision, Memory) {
        if let (Self::FallbackReplaces, OnMissing::Fallback(replicas)) =
            (self, policy.signals.on_missing)
            && decision.signals.request_rate.is_missing()
        {
            decision.desired = replicas;
            decision.placement.on_demand = Some(replicas);
            (after.size, after.placement) = (Some(replicas), Some(decision.placement));
        }
        (decision, after)
    }
}

/// Whether Prometheus does not answer at all.
pub(crate) fn is_silent(seen: &Observation) -> bool {
    matches!(seen.readings.request_rate, Reading::Failed)
}

fn is_nothing(reading: Reading) -> bool {
    match reading {
        Reading::Value { value, .. } => !value.is_finite(),
        Reading::Empty | Reading::Several | Reading::Failed => true,
    }
}

const fn at(hour: u32, minute: u32) -> u32 {
    hour * 3600 + minute * 60
}

fn for_minutes(at: u32, minutes: u32, what: What) -> Plan {
    Plan { seed: 0, mishaps: vec![Mishap { at, lasts: minutes * 60, what }] }
}

/// A day of the fleet with a plan: clean as it is, and with the bug this promise is broken.
fn assert_caught(stage: &Stage, plan: &Plan, bug: Bug, oracle: &str) {
    let reference = stage.play(Plan::calm(), None).diary;
    let outcome = |bug| stage.play_and_compare(plan.clone(), &reference, bug);
    let Outcome { breaches, .. } = outcome(None);
    assert!(breaches.is_empty(), "without the bug: {breaches:#?}");
    let Outcome { breaches, .. } = outcome(Some(bug));
    let caught = breaches.iter().any(|breach| breach.oracle.starts_with(oracle));
    assert!(caught, "{bug:?} is not caught by {oracle}: {breaches:#?}");
}

/// The fleet without schedule and spot.
fn steady() -> Stage {
    Stage::new(1, 1)
}

/// That of the reference page.
fn december() -> Stage {
    Stage::new(0, 1)
}

#[test]
fn an_empty_answer_that_is_read_as_zero_is_caught() {
    for kind in [FaultKind::MetricsEmpty, FaultKind::MetricsGone, FaultKind::MetricsNan] {
        let plan = for_minutes(at(12, 0), 10, What::World(kind));
        assert_caught(&steady(), &plan, Bug::EmptyIsZero, "S1 nothing removed without signals");
    }
}

#[test]
fn too_few_pods_that_are_taken_for_all_are_caught() {
    let plan = for_minutes(at(12, 0), 20, What::World(FaultKind::MetricsPartial(50)));
    assert_caught(&steady(), &plan, Bug::PartIsWhole, "S1 nothing removed without signals");
}

#[test]
fn a_fallback_that_replaces_the_size_is_caught() {
    let mut stage = steady();
    stage.fleet.policy.signals.on_missing = OnMissing::Fallback(Replicas::new(12));
    let plan = for_minutes(at(12, 0), 10, What::World(FaultKind::MetricsGone));
    assert_caught(&stage, &plan, Bug::FallbackReplaces, "S1 nothing removed without signals");
}

#[test]
fn a_scale_in_in_one_step_is_caught() {
    let plan = for_minutes(at(19, 50), 30, What::World(FaultKind::MetricsGone));
    assert_caught(&steady(), &plan, Bug::OneStep, "S1 no fall faster than the limits");
}

#[test]
fn a_schedule_in_utc_by_mistake_is_caught() {
    assert_caught(&december(), &Plan::calm(), Bug::Utc, "S1 the floor of a window holds");
}

#[test]
fn an_edit_that_starts_from_the_minimum_is_caught() {
    let plan = for_minutes(at(12, 0), 60, What::Edit(Edit::PerReplica(100)));
    assert_caught(&steady(), &plan, Bug::EditStartsAtMin, "S1 no fall faster than the limits");
}

#[test]
fn a_restart_that_starts_from_the_minimum_is_caught() {
    let plan = for_minutes(at(12, 0), 1, What::World(FaultKind::Restart));
    assert_caught(&steady(), &plan, Bug::RestartStartsAtMin, "S1 no fall faster than the limits");
}

#[test]
fn a_refused_write_that_is_taken_for_made_is_caught() {
    let plan = for_minutes(at(19, 50), 30, What::Writes(Answer::Refused));
    assert_caught(&steady(), &plan, Bug::RefusedIsMade, "S1 no fall faster than the limits");
}

#[test]
fn an_operator_that_waits_for_prometheus_is_caught() {
    let plan = for_minutes(at(12, 0), 10, What::World(FaultKind::MetricsGone));
    assert_caught(&steady(), &plan, Bug::WaitsForPrometheus, "S7 decided at least every 30 s");
}

#[test]
fn writes_that_change_nothing_are_caught() {
    assert_caught(&steady(), &Plan::calm(), Bug::Restless, "S4 nothing written in a steady hour");
}

#[test]
fn an_edit_that_rules_on_after_it_was_taken_back_is_caught() {
    let edit = Edit::Bounds { min_percent: 150, max_percent: 100 };
    let plan = for_minutes(at(12, 0), 30, What::Edit(edit));
    assert_caught(&steady(), &plan, Bug::EditStays, "S6 the same end state");
}
