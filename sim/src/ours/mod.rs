//! [`Ours`]: the operator's own decision in the simulator. The very function that runs in the cluster,
//! `apifleet_core::decide`, with all that the operator would show it ([`sight`]) and as often as the operator looks.

mod pace;
pub mod sight;

use crate::scaler::{Scaler, View};
use apifleet_core::decision::{Phase, Placement, SpotState};
use apifleet_core::policy::Mode;
use apifleet_core::{Decision, FleetPolicy, Memory, decide};
use jiff::{SignedDuration, Timestamp};
use pace::Pace;

/// The status is written this often at least.
const STORED_EVERY: SignedDuration = SignedDuration::from_mins(5);

/// The operator with one policy.
#[derive(Debug, Clone)]
pub struct Ours {
    name: String,
    policy: FleetPolicy,
    memory: Memory,
    stored: Stored,
    pace: Pace,
    decision: Option<Decision>,
}

/// The memory in the fleet's status: what a restart finds.
#[derive(Debug, Clone, Default)]
struct Stored {
    memory: Option<Memory>,
    at: Option<Timestamp>,
    essence: Option<Essence>,
}

/// What is written at once when it changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Essence {
    placement: Placement,
    schedule: Option<Phase>,
    spot: Option<SpotState>,
    conditions: [bool; 2],
}

impl Ours {
    /// The operator with this policy; its bounds must be those of the scenario.
    #[must_use]
    pub fn new(name: impl Into<String>, policy: FleetPolicy) -> Self {
        Self {
            name: name.into(),
            policy,
            memory: Memory::default(),
            stored: Stored::default(),
            pace: Pace::default(),
            decision: None,
        }
    }

    /// The same with what an operator has learned of a fleet over days: how long pods and nodes take to become Ready,
    /// and how long its scale-down window is.
    #[must_use]
    pub fn knowing(mut self, memory: &Memory) -> Self {
        self.memory.patience = memory.patience;
        self.memory.learned = memory.learned.clone();
        self
    }

    /// The policy that it follows.
    #[must_use]
    pub const fn policy(&self) -> &FleetPolicy {
        &self.policy
    }

    /// The last decision, with the ledger of how it came about.
    #[must_use]
    pub const fn decision(&self) -> Option<&Decision> {
        self.decision.as_ref()
    }

    /// What the next decision starts from.
    #[must_use]
    pub const fn memory(&self) -> &Memory {
        &self.memory
    }
}

impl Scaler for Ours {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn period(&self) -> u32 {
        self.pace.seconds()
    }

    fn look(&mut self, view: &View<'_>) -> Option<u32> {
        let seen = sight::observe(&self.policy, view);
        let (decision, memory) = decide(&self.policy, &seen, &self.memory, view.now);
        self.memory = memory;
        self.pace.after(&decision, seen.ready());
        self.stored.keep(&decision, &self.memory);
        let Placement { on_demand, spot } = decision.placement;
        let asked = on_demand.map(|on_demand| on_demand.plus(spot.unwrap_or_default()).get());
        self.decision = Some(decision);
        match self.policy.mode {
            Mode::Enforce | Mode::ScaleOutOnly => asked,
            Mode::Observe => None,
        }
    }

    fn spot(&self) -> Option<u32> {
        self.decision.as_ref()?.placement.spot.map(apifleet_core::Replicas::get)
    }

    fn restart(&mut self, _: &View<'_>) {
        self.memory = Memory::resumed(self.stored.read());
        self.pace = Pace::default();
        self.decision = None;
    }
}

impl Stored {
    /// Writes when something changed that matters to people, else from time to time, as the operator does.
    fn keep(&mut self, decision: &Decision, memory: &Memory) {
        let essence = Essence {
            placement: decision.placement,
            schedule: decision.schedule.map(|schedule| schedule.phase),
            spot: decision.spot.map(|spot| spot.state),
            conditions: [
                decision.findings.signals_fresh.holds,
                decision.findings.replicas_effective.holds,
            ],
        };
        let is_old = |at| decision.at.duration_since(at) >= STORED_EVERY;
        if self.at.is_none_or(is_old) || self.essence != Some(essence) {
            *self = Self {
                memory: Some(memory.clone()),
                at: Some(decision.at),
                essence: Some(essence),
            };
        }
    }

    /// What is read back: through JSON, as it is stored. What cannot be read knows nothing.
    fn read(&self) -> Option<Memory> {
        let text = serde_json::to_string(self.memory.as_ref()?).ok()?;
        serde_json::from_str(&text).ok()
    }
}
