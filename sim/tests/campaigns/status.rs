//! The status of the fleet as the operator writes it: at once when what matters to people changes, another reason once a
//! minute at most, everything every five minutes. What a restarted operator knows is what was written last.

use apifleet_core::decision::{Finding, Phase, Placement, SpotState};
use apifleet_core::name::Name;
use apifleet_core::{Decision, Memory, Reason, Replicas};
use jiff::{SignedDuration, Timestamp};

const AT_LEAST_EVERY: SignedDuration = SignedDuration::from_mins(5);
const REASON_EVERY: SignedDuration = SignedDuration::from_mins(1);

/// What matters to people at once.
#[derive(Debug, Clone, PartialEq)]
struct Essence {
    desired: Replicas,
    placement: Placement,
    conditions: Vec<(bool, Reason)>,
    schedule: Option<(Name, Phase)>,
    spot: Option<SpotState>,
}

/// What is written, and what comes and goes with every decision.
type Reasons = (Reason, (bool, Reason));

/// Why a status is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Because {
    /// What matters to people has changed.
    News,
    /// The size is the same, for another reason.
    Reason,
    /// Five minutes have passed.
    Time,
}

/// The status.
#[derive(Debug, Default)]
pub(crate) struct Status {
    written: Option<(Timestamp, Essence, Reasons)>,
    memory: Option<Memory>,
}

impl Status {
    /// Writes it where that is due; why it was.
    pub(crate) fn report(&mut self, decision: &Decision, memory: &Memory) -> Option<Because> {
        let (now, essence, reasons) = (decision.at, essence(decision), reasons(decision));
        let because = match &self.written {
            None => Some(Because::News),
            Some((_, said, _)) if *said != essence => Some(Because::News),
            Some((at, _, why)) => {
                let age = now.duration_since(*at);
                let other = *why != reasons && age >= REASON_EVERY;
                let old = (age >= AT_LEAST_EVERY).then_some(Because::Time);
                if other { Some(Because::Reason) } else { old }
            }
        };
        if because.is_some() {
            self.written = Some((now, essence, reasons));
            self.memory = Some(memory.clone());
        }
        because
    }

    /// What a restarted operator reads: as JSON, as it is stored.
    pub(crate) fn read(&self) -> Option<Memory> {
        let stored = self.memory.as_ref().map(|memory| serde_json::to_string(memory).unwrap());
        stored.map(|stored| serde_json::from_str(&stored).unwrap())
    }
}

fn essence(decision: &Decision) -> Essence {
    let findings = &decision.findings;
    let always = [findings.signals_fresh, findings.replicas_effective, findings.overridden];
    let conditions = always.into_iter().chain(findings.spot_healthy).chain(findings.pre_warmed);
    Essence {
        desired: decision.desired,
        placement: decision.placement,
        conditions: conditions.map(|finding| said(&finding)).collect(),
        schedule: decision.schedule.map(|active| (active.name, active.phase)),
        spot: decision.spot.map(|spot| spot.state),
    }
}

fn reasons(decision: &Decision) -> Reasons {
    (decision.reason, said(&decision.findings.scaling_limited))
}

fn said(finding: &Finding) -> (bool, Reason) {
    (finding.holds, finding.why.reason())
}
