//! How fast a fleet may change: the meaning of `autoscaling/v2 HorizontalPodAutoscalerBehavior`, with our defaults.

use crate::quantity::{Percent, Replicas};
use std::time::Duration;

/// Both directions.
#[derive(Debug, Clone, PartialEq)]
pub struct Behavior {
    /// Adding replicas.
    pub up: Direction,
    /// Removing replicas.
    pub down: Direction,
    /// What the scale-down window may become where removals are taken back; no longer than the window itself: it stays.
    pub longest_down_window: Duration,
}

/// One direction.
#[derive(Debug, Clone, PartialEq)]
pub struct Direction {
    /// Recommendations of this long are looked back at: the highest counts when removing, the lowest when adding.
    pub stabilization_window: Duration,
    /// Which of the policies counts.
    pub select: Select,
    /// Each bounds the change over its sliding period; without any, the direction is not limited.
    pub policies: Vec<RatePolicy>,
    /// A demand within this share of the current size asks for no change.
    pub tolerance: Percent,
}

/// Which of several policies counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Select {
    /// The one that allows the largest change.
    Max,
    /// The one that allows the smallest change.
    Min,
    /// This direction is switched off.
    Disabled,
}

/// A bound on the change over any sliding period.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RatePolicy {
    /// How much.
    pub amount: Amount,
    /// Over how long.
    pub period: Duration,
}

/// How much a policy allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Amount {
    /// So many pods.
    Pods(Replicas),
    /// So many percent of the size at the start of the period; may be above 100 when adding.
    Percent(u32),
}

impl Behavior {
    /// The same with a scale-down window that is given: it stays as long as it is.
    #[must_use]
    pub fn with_down_window(self, window: Duration) -> Self {
        let down = Direction { stabilization_window: window, ..self.down };
        Self { down, longest_down_window: window, ..self }
    }

    /// The longest period of any rate policy: changes count for no longer.
    #[must_use]
    pub fn longest_period(&self) -> Duration {
        let policies = self.up.policies.iter().chain(&self.down.policies);
        policies.map(|policy| policy.period).max().unwrap_or(Duration::ZERO)
    }
}

impl Default for Behavior {
    /// Out: at once, the larger of 100 % or 8 pods in 15 s. In: after 300 s, at most the larger of 10 % or 2 pods in
    /// 60 s. Kubernetes' own default removes the whole surplus in one step, which a late evening peak turns into an
    /// outage; ours does not. The window grows to an hour where the traffic needs it.
    fn default() -> Self {
        let tolerance = Percent::new(10.0).unwrap_or_default();
        let rates = |percent, pods, seconds| {
            let period = Duration::from_secs(seconds);
            vec![
                RatePolicy { amount: Amount::Percent(percent), period },
                RatePolicy { amount: Amount::Pods(Replicas::new(pods)), period },
            ]
        };
        Self {
            up: Direction {
                stabilization_window: Duration::ZERO,
                select: Select::Max,
                policies: rates(100, 8, 15),
                tolerance,
            },
            down: Direction {
                stabilization_window: Duration::from_mins(5),
                select: Select::Max,
                policies: rates(10, 2, 60),
                tolerance,
            },
            longest_down_window: Duration::from_hours(1),
        }
    }
}
