//! Stages 3 to 7 in one fold: what becomes of a recommendation at an instant. Nothing in it looks at signals, so
//! the same fold answers what will become of it later.

use super::floors::{Floors, Timed};
use super::{Outcome, ceilings, mode, rate, stabilize};
use crate::decision::{Line, Stage};
use crate::dependencies::Cap;
use crate::memory::Memory;
use crate::overrides::Override;
use crate::overrides::orders::Orders;
use crate::policy::FleetPolicy;
use crate::quantity::Replicas;
use crate::schedule::agenda::Agenda;
use crate::why::{OverrideWhy, Why};
use jiff::Timestamp;

/// What stages 3 to 7 look at.
#[derive(Debug, Clone, Copy)]
pub struct Limits<'a> {
    /// The policy.
    pub policy: &'a FleetPolicy,
    /// The memory, with this instant's recommendation.
    pub memory: &'a Memory,
    /// The floors that do not depend on the clock.
    pub floors: Floors,
    /// What schedules say.
    pub agenda: &'a Agenda<'a>,
    /// What dependencies carry.
    pub cap: Option<Cap>,
    /// The fleet's size.
    pub current: Replicas,
    /// The instant.
    pub now: Timestamp,
}

/// The ledger of stages 3 to 7; the last line's output is the size.
#[must_use]
pub fn limit(limits: &Limits, asks: Replicas) -> [Line; 5] {
    let line = |stage, input, Outcome { replicas: output, why }| Line { stage, input, output, why };
    let orders = Orders::at(&limits.policy.overrides, limits.now);
    let stabilized = orders
        .hold
        .filter(|_| asks != limits.current)
        .map_or_else(|| stabilize::stabilize(limits, asks), |hold| held(limits, hold, asks));
    let stabilized = line(Stage::Stabilize, asks, stabilized);
    let rated = line(Stage::Rate, stabilized.output, rate::rate(limits, stabilized.output));
    let schedule = limits.agenda.floor(limits.now, limits.current);
    let timed = Timed { schedule, order: orders.floor, now: limits.now };
    let raised = line(Stage::Floors, rated.output, limits.floors.raise(rated.output, &timed));
    let lowered = ceilings::ceilings(limits, &orders, raised.output);
    let lowered = line(Stage::Ceilings, raised.output, lowered);
    let allowed = mode::mode(limits.policy.mode, limits.current, lowered.output);
    let allowed = line(Stage::Mode, lowered.output, allowed);
    [stabilized, rated, raised, lowered, allowed]
}

/// Under an override that holds the size, what demand asks for goes no further. It is recorded as ever, so that what
/// has been asked for all along need not wait again once the override has ended.
fn held(limits: &Limits, hold: &Override, asks: Replicas) -> Outcome {
    let &Override { name, expires_at: until, .. } = hold;
    let keeps = limits.current;
    Outcome { replicas: keeps, why: OverrideWhy::Hold { name, asks, keeps, until }.into() }
}

/// The line that had the last say: the last stage with something against its input.
#[must_use]
pub fn decisive(lines: &[Line]) -> Option<&Line> {
    lines.iter().rev().find(|line| !matches!(line.why, Why::NotLimited | Why::ObserveOnly))
}
