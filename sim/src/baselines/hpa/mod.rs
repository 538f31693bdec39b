//! The Horizontal Pod Autoscaler v2: one sync of its controller, and what it remembers between two.
//!
//! After Kubernetes v1.33 `horizontal.go`, order of steps and comparisons included (baselines.md 2.1). The parts:
//! [`metric`] and [`pods`] turn metrics into proposals, [`behavior`] limits the rate, [`stabilise`] looks back,
//! [`scaler`] lets the simulator run it. KEDA ([`super::keda`]) feeds the same controller.
//!
//! It is the peer, faults included; what we do differently is in `apifleet-core`.

pub mod behavior;
pub mod metric;
pub mod pods;
pub mod scaler;
mod stabilise;

pub use behavior::Behavior;
pub use scaler::{HpaScaler, Tuning};

use super::Second;
use behavior::Events;
use stabilise::Recommendations;

/// Seconds between two syncs of the controller (`--horizontal-pod-autoscaler-sync-period`).
pub const SYNC: u32 = 15;
/// `--horizontal-pod-autoscaler-downscale-stabilization`: counts where `spec.behavior` is absent.
pub const DOWNSCALE_STABILISATION: u32 = 300;
/// Without `spec.behavior` a sync at most doubles the size ...
const UP_FACTOR: u32 = 2;
/// ... or raises it to this.
const UP_MINIMUM: u32 = 4;

/// What one metric asks for.
pub type Proposal = Result<u32, Invalid>;

/// Which kind of metric could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Invalid {
    /// `FailedGetExternalMetric`.
    External,
    /// `FailedGetObjectMetric`.
    Object,
    /// `FailedGetPodsMetric`.
    Pods,
    /// `FailedGetResourceMetric`.
    Resource,
}

/// The reason of a condition, as the HPA's status says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// Nothing was held back by a window.
    ReadyForNewScale,
    /// The lowest recent recommendation counts.
    ScaleUpStabilized,
    /// The highest recent recommendation counts.
    ScaleDownStabilized,
    /// More was asked for than the rate allows.
    ScaleUpLimit,
    /// Less was asked for than the rate allows.
    ScaleDownLimit,
    /// More was asked for than the maximum.
    TooManyReplicas,
    /// Less was asked for than the minimum.
    TooFewReplicas,
    /// No limit was hit.
    DesiredWithinRange,
    /// At least one metric proposed something.
    ValidMetricFound,
    /// No metric, or not all where the others would remove.
    FailedGetMetric(Invalid),
    /// The size is 0 and the minimum is not.
    ScalingDisabled,
}

/// The reasons of the three conditions; a condition that a sync does not reach is `None`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Conditions {
    /// `ScalingActive`.
    pub active: Option<Reason>,
    /// `AbleToScale`.
    pub able: Option<Reason>,
    /// `ScalingLimited`.
    pub limited: Option<Reason>,
}

/// What a sync came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Synced {
    /// The size that the controller leaves behind; it writes only a different one.
    pub replicas: u32,
    /// What the status says.
    pub conditions: Conditions,
}

/// The controller's view of one HPA: its spec, and what it keeps in memory.
#[derive(Debug, Clone)]
pub struct Hpa {
    behavior: Option<Behavior>,
    recommendations: Recommendations,
    events: Events,
}

/// A size on its way through the limits.
struct Limited {
    replicas: u32,
    reason: Reason,
}

impl Hpa {
    /// A controller that has just started.
    #[must_use]
    pub fn new(behavior: Option<Behavior>) -> Self {
        Self { behavior, recommendations: Recommendations::default(), events: Events::default() }
    }

    /// The controller's process died: recommendations and events were in its memory only.
    pub fn restart(&mut self) {
        self.recommendations = Recommendations::default();
        self.events = Events::default();
    }

    /// One pass: from the proposals of the metrics to a size.
    pub fn sync(
        &mut self,
        now: Second,
        current: u32,
        bounds: (u32, u32),
        proposals: &[Proposal],
    ) -> Synced {
        let (min, max) = bounds;
        let mut conditions = Conditions::default();
        if current == 0 && min != 0 {
            conditions.active = Some(Reason::ScalingDisabled);
            return Synced { replicas: 0, conditions };
        }
        let replicas = if current > max {
            max
        } else if current < min {
            min
        } else {
            self.recommendations.begin(now, current);
            let asked = match combine(current, proposals) {
                Ok(asked) => asked,
                Err(invalid) => {
                    conditions.active = Some(Reason::FailedGetMetric(invalid));
                    return Synced { replicas: current, conditions };
                }
            };
            conditions.active = Some(Reason::ValidMetricFound);
            let (able, limited) = self.limit(now, current, bounds, asked);
            conditions.able = Some(able);
            conditions.limited = Some(limited.reason);
            limited.replicas
        };
        if let Some(behavior) = &self.behavior {
            self.events.note(now, current, replicas, behavior);
        }
        Synced { replicas, conditions }
    }

    /// Stabilises, then limits.
    fn limit(
        &mut self,
        now: Second,
        current: u32,
        bounds: (u32, u32),
        asked: u32,
    ) -> (Reason, Limited) {
        let Some(behavior) = &self.behavior else {
            let steady = self.recommendations.highest(now, asked);
            let able = if steady == asked {
                Reason::ReadyForNewScale
            } else {
                Reason::ScaleDownStabilized
            };
            return (able, by_rules(current, bounds, steady));
        };
        let steady = self.recommendations.between(now, current, asked, behavior);
        let able = if steady == asked {
            Reason::ReadyForNewScale
        } else if asked >= current {
            Reason::ScaleUpStabilized
        } else {
            Reason::ScaleDownStabilized
        };
        (able, by_rates(&self.events, now, current, bounds, (steady, behavior)))
    }
}

/// The largest of what the metrics ask for; none where none is valid, or where one is invalid and the others would
/// remove.
///
/// # Errors
/// Which kind of metric was invalid.
pub fn combine(current: u32, proposals: &[Proposal]) -> Proposal {
    let invalid = proposals.iter().find_map(|proposal| proposal.err());
    let largest = proposals.iter().filter_map(|proposal| proposal.ok()).max();
    match (largest, invalid) {
        (None, invalid) => Err(invalid.unwrap_or(Invalid::External)),
        (Some(largest), Some(invalid)) if largest < current => Err(invalid),
        (Some(largest), _) => Ok(largest),
    }
}

/// Without `spec.behavior`: inside the bounds, and at most doubled.
fn by_rules(current: u32, (min, max): (u32, u32), asked: u32) -> Limited {
    let doubled = current.saturating_mul(UP_FACTOR).max(UP_MINIMUM);
    let (highest, reason) = if max > doubled {
        (doubled, Reason::ScaleUpLimit)
    } else {
        (max, Reason::TooManyReplicas)
    };
    if asked < min {
        Limited { replicas: min, reason: Reason::TooFewReplicas }
    } else if asked > highest {
        Limited { replicas: highest, reason }
    } else {
        Limited { replicas: asked, reason: Reason::DesiredWithinRange }
    }
}

/// With `spec.behavior`: inside the bounds, and by the rate policies.
fn by_rates(
    events: &Events,
    now: Second,
    current: u32,
    (min, max): (u32, u32),
    (asked, behavior): (u32, &Behavior),
) -> Limited {
    if asked > current {
        let limit = events.highest(now, &behavior.up, current);
        if asked > limit.min(max) {
            let reason = if max > limit { Reason::ScaleUpLimit } else { Reason::TooManyReplicas };
            return Limited { replicas: limit.min(max), reason };
        }
    } else if asked < current {
        let limit = events.lowest(now, &behavior.down, current);
        if asked < limit.max(min) {
            let reason = if min < limit { Reason::ScaleDownLimit } else { Reason::TooFewReplicas };
            return Limited { replicas: limit.max(min), reason };
        }
    }
    Limited { replicas: asked, reason: Reason::DesiredWithinRange }
}

#[cfg(test)]
mod tests;
