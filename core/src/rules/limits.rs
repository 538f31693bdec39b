//! Stages 3 to 7 in one fold: what becomes of a recommendation at an instant. Nothing in it looks at signals, so
//! the same fold answers what will become of it later.

use super::floors::Floors;
use super::{Outcome, ceilings, mode, rate, stabilize};
use crate::decision::{Line, Stage};
use crate::memory::Memory;
use crate::policy::FleetPolicy;
use crate::quantity::Replicas;
use crate::why::Why;
use jiff::Timestamp;

/// What stages 3 to 7 look at.
#[derive(Debug, Clone, Copy)]
pub struct Limits<'a> {
    /// The policy.
    pub policy: &'a FleetPolicy,
    /// The memory, with this instant's recommendation.
    pub memory: &'a Memory,
    /// The floors in force.
    pub floors: Floors,
    /// The fleet's size.
    pub current: Replicas,
    /// The instant.
    pub now: Timestamp,
}

/// The ledger of stages 3 to 7; the last line's output is the size.
#[must_use]
pub fn limit(limits: &Limits, asks: Replicas) -> [Line; 5] {
    let line = |stage, input, Outcome { replicas: output, why }| Line { stage, input, output, why };
    let stabilized = line(Stage::Stabilize, asks, stabilize::stabilize(limits, asks));
    let rated = line(Stage::Rate, stabilized.output, rate::rate(limits, stabilized.output));
    let raised = line(Stage::Floors, rated.output, limits.floors.raise(rated.output));
    let lowered = line(Stage::Ceilings, raised.output, ceilings::ceilings(limits, raised.output));
    let allowed = mode::mode(limits.policy.mode, limits.current, lowered.output);
    let allowed = line(Stage::Mode, lowered.output, allowed);
    [stabilized, rated, raised, lowered, allowed]
}

/// The line that had the last say: the last stage with something against its input.
#[must_use]
pub fn decisive(lines: &[Line]) -> Option<&Line> {
    lines.iter().rev().find(|line| !matches!(line.why, Why::NotLimited | Why::ObserveOnly))
}
