//! How soon a fleet is looked at again: pure. Every two seconds while a signal moves, a limit holds the size, a change is
//! under way or spot nodes are being taken away; else every four (the passes of [`crate::engine`] come every two seconds, and a fleet must be
//! decided at least every five); and exactly at the instant for which a decision foresees another answer.

use crate::plan::{Applied, Plan};
use crate::state::FleetState;
use crate::validate::Valid;
use apifleet_core::decision::SpotState;
use apifleet_core::signal::Signal;
use jiff::Timestamp;
use std::time::Duration;

/// While something moves.
const MOVING: Duration = Duration::from_secs(2);
/// While nothing does.
const STEADY: Duration = Duration::from_secs(4);
/// A request rate that differs by this share from the last one moves.
const MOVED: f64 = 0.05;

/// How soon a fleet is looked at again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// At the latest after this long.
    pub within: Duration,
    /// Or at this instant, if that is sooner.
    pub at: Option<Timestamp>,
}

impl Pace {
    /// A fleet that waits for a person; a change of anything that it waits for is seen at once.
    pub const STALLED: Self = Self { within: STEADY, at: None };
}

/// The pace after a decision. Remembers the request rate, to see next time whether it moved.
#[must_use]
pub fn pace(valid: &Valid, plan: &Plan<Applied>, state: &mut FleetState) -> Pace {
    let decision = &plan.decision;
    let rate = match decision.signals.request_rate {
        Signal::Fresh { value, .. } | Signal::Warming { value } => Some(value),
        Signal::Idle | Signal::Stale { .. } | Signal::Absent { .. } | Signal::Invalid { .. } => {
            None
        }
    };
    let moved = match (state.last_rate, rate) {
        (Some(before), Some(now)) => (now.get() - before.get()).abs() > MOVED * before.get(),
        (None, None) => false,
        _ => true,
    };
    state.last_rate = rate;
    let covering = decision.spot.is_some_and(|spot| spot.state == SpotState::Covering);
    let busy = moved
        || covering
        || !decision.drains.is_empty()
        || !plan.outcomes().is_empty()
        || !plan.placeholders().is_empty()
        || decision.previous != decision.desired
        || decision.findings.scaling_limited.holds
        || valid.observation.ready() < decision.desired;
    Pace { within: if busy { MOVING } else { STEADY }, at: decision.next.map(|next| next.at) }
}
