//! What the operator's metrics show of one fleet: plain data, without a name for what is unknown.
//!
//! Built by [`crate::report::view`], kept by [`super::fleets`].

/// What is shown of one fleet after a decision.
#[derive(Debug, Clone, Default)]
pub struct FleetView {
    /// When the decision was made, in seconds since 1970; `None` where none was, and the last one stays the last.
    pub decided_at: Option<f64>,
    /// The size that is wanted, both targets together.
    pub size: Option<u32>,
    /// The smallest and the largest size, where the spec says them.
    pub bounds: Option<(u32, u32)>,
    /// Whether decisions are carried out.
    pub mode: Option<&'static str>,
    /// What holds the size away from what demand asks for, if anything does.
    pub limit: Option<&'static str>,
    /// One entry per target.
    pub targets: Vec<TargetView>,
    /// One entry per configured signal.
    pub signals: Vec<SignalView>,
    /// Every condition, and whether it is True.
    pub conditions: Vec<(&'static str, bool)>,
    /// The floor of the schedule that is in force or pre-warms.
    pub schedule_floor: Option<u32>,
    /// How late the floor of the open window was Ready, or is by now, in seconds; 0 in time. `None` while none is open.
    pub prewarm_lateness: Option<f64>,
    /// The overrides that count, one of each kind.
    pub overrides: Vec<OverrideView>,
    /// The state of the spot capacity, where there is any.
    pub spot: Option<SpotView>,
}

/// The state of spot capacity.
#[derive(Debug, Clone, Copy)]
pub struct SpotView {
    /// Which.
    pub state: &'static str,
    /// Replicas that are there only because spot is being lost.
    pub cover: u32,
    /// So many replicas of a fleet of this size must be on demand.
    pub on_demand_floor: u32,
}

/// One target's numbers.
#[derive(Debug, Clone)]
pub struct TargetView {
    /// `on-demand` or `spot`.
    pub target: &'static str,
    /// `spec.replicas` as decided, where it is known.
    pub desired: Option<u32>,
    /// Ready pods.
    pub ready: u32,
    /// Pods that are not scheduled.
    pub pending: u32,
}

/// One signal's verdict.
#[derive(Debug, Clone)]
pub struct SignalView {
    /// Which signal.
    pub signal: &'static str,
    /// Its verdict.
    pub verdict: &'static str,
    /// Age of its newest sample in seconds, where there is one.
    pub age: Option<f64>,
}

/// An override that counts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OverrideView {
    /// What it does.
    pub action: &'static str,
    /// Its first instant, in seconds since 1970.
    pub begins_at: f64,
    /// Its last, in seconds since 1970.
    pub ends_at: f64,
}
