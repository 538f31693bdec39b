//! How fast the HPA lets a size change: `spec.behavior` with its defaults, and the limits of its rate policies.
//!
//! After Kubernetes v1.33 `horizontal.go` and `pkg/apis/autoscaling/v2/defaults.go` @1adaa75 (baselines.md 2.1).
//! Pure; called by [`super::Hpa::sync`].

use super::Second;
use crate::baselines::count;
use serde::Serialize;
use std::collections::VecDeque;

/// `spec.behavior`: both directions.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Behavior {
    /// Adding.
    pub up: Rules,
    /// Removing.
    pub down: Rules,
}

/// One direction.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Rules {
    /// `stabilizationWindowSeconds`.
    pub window: u32,
    /// `selectPolicy`.
    pub select: Select,
    /// `policies`.
    pub policies: Vec<Policy>,
}

/// Which policy counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Select {
    /// The one that allows the largest change.
    Max,
    /// The one that allows the smallest change.
    Min,
    /// None: this direction is off.
    Disabled,
}

/// A bound on the change in a sliding period.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Policy {
    /// How much.
    pub amount: Amount,
    /// `periodSeconds`.
    pub period: u32,
}

/// How much a policy allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Amount {
    /// So many pods.
    Pods(u32),
    /// So many percent of the size at the start of the period.
    Percent(u32),
}

impl Default for Behavior {
    /// What the API server fills in where `spec.behavior` is present and empty.
    fn default() -> Self {
        let hundred = Policy { amount: Amount::Percent(100), period: 15 };
        let four = Policy { amount: Amount::Pods(4), period: 15 };
        Self {
            up: Rules { window: 0, select: Select::Max, policies: vec![hundred, four] },
            down: Rules { window: 300, select: Select::Max, policies: vec![hundred] },
        }
    }
}

impl Behavior {
    /// The longest time for which a recommendation counts.
    #[must_use]
    pub(super) fn longest_window(&self) -> u32 {
        self.up.window.max(self.down.window)
    }
}

impl Rules {
    fn longest_period(&self) -> u32 {
        self.policies.iter().map(|policy| policy.period).max().unwrap_or(0)
    }
}

/// The changes that the controller has made; in its memory only.
#[derive(Debug, Clone, Default)]
pub(super) struct Events {
    up: VecDeque<(Second, u32)>,
    down: VecDeque<(Second, u32)>,
}

impl Events {
    /// Notes a change of the size.
    pub(super) fn note(&mut self, now: Second, from: u32, to: u32, behavior: &Behavior) {
        self.forget(now, behavior);
        if to > from {
            self.up.push_back((now, to - from));
        } else if to < from {
            self.down.push_back((now, from - to));
        }
    }

    /// Both directions' limits ask for both lists: what is older than either's longest period counts nowhere.
    fn forget(&mut self, now: Second, behavior: &Behavior) {
        let period = behavior.up.longest_period().max(behavior.down.longest_period());
        for list in [&mut self.up, &mut self.down] {
            while list.front().is_some_and(|(at, _)| *at <= now - Second::from(period)) {
                list.pop_front();
            }
        }
    }

    /// The size at the start of a period that ends now.
    fn start(&self, now: Second, period: u32, current: u32) -> i32 {
        let inside = |list: &VecDeque<(Second, u32)>| -> i64 {
            let recent = list.iter().rev().take_while(|(at, _)| *at > now - Second::from(period));
            recent.map(|(_, change)| i64::from(*change)).sum()
        };
        let start = i64::from(current) - inside(&self.up) + inside(&self.down);
        i32::try_from(start).unwrap_or(i32::MAX)
    }

    /// The largest size that may be had now; never below the current one. Without a policy, the current one: the API
    /// server refuses such rules unless the direction is off.
    pub(super) fn highest(&self, now: Second, rules: &Rules, current: u32) -> u32 {
        let allowed = rules.policies.iter().map(|policy| {
            let start = self.start(now, policy.period, current);
            match policy.amount {
                Amount::Pods(pods) => count::floor(f64::from(start) + f64::from(pods)),
                // In doubles, as the peer computes it: 100 and 10 % make 111.
                Amount::Percent(percent) => {
                    count::ceil(f64::from(start) * (1.0 + f64::from(percent) / 100.0))
                }
            }
        });
        let limit = match rules.select {
            Select::Max => allowed.max(),
            Select::Min => allowed.min(),
            Select::Disabled => None,
        };
        limit.unwrap_or(current).max(current)
    }

    /// The smallest size that may be had now; never above the current one.
    pub(super) fn lowest(&self, now: Second, rules: &Rules, current: u32) -> u32 {
        let allowed = rules.policies.iter().map(|policy| {
            let start = self.start(now, policy.period, current);
            match policy.amount {
                Amount::Pods(pods) => count::floor(f64::from(start) - f64::from(pods)),
                Amount::Percent(percent) => {
                    count::floor(f64::from(start) * (1.0 - f64::from(percent) / 100.0))
                }
            }
        });
        let limit = match rules.select {
            Select::Max => allowed.min(),
            Select::Min => allowed.max(),
            Select::Disabled => None,
        };
        limit.unwrap_or(current).min(current)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(select: Select, policies: &[(Amount, u32)]) -> Rules {
        let policies =
            policies.iter().map(|(amount, period)| Policy { amount: *amount, period: *period });
        Rules { window: 0, select, policies: policies.collect() }
    }

    /// The memory after changes `(second, from, to)`.
    fn after(changes: &[(Second, u32, u32)]) -> Events {
        let long = rules(Select::Max, &[(Amount::Percent(100), 1800)]);
        let behavior = Behavior { up: long.clone(), down: long };
        let mut events = Events::default();
        for (at, from, to) in changes {
            events.note(*at, *from, *to, &behavior);
        }
        events
    }

    #[test]
    fn up_limits_count_from_the_size_at_the_start_of_the_period() {
        let (hundred, four) = ((Amount::Percent(100), 60), (Amount::Pods(4), 60));
        for (changes, size, by_percent, by_pods) in [
            (&[][..], 10, 20, 14),
            (&[(-30, 10, 20)][..], 20, 20, 20),
            (&[(-60, 10, 20)][..], 20, 40, 24),
            (&[(-59, 10, 14), (-30, 14, 18)][..], 18, 20, 18),
            (&[(-40, 10, 14), (-20, 14, 12)][..], 12, 20, 14),
            (&[(-40, 20, 10)][..], 10, 40, 24),
            (&[][..], 0, 0, 4),
        ] {
            let events = after(changes);
            let limit = |select, policies: &[(Amount, u32)]| {
                events.highest(0, &rules(select, policies), size)
            };
            assert_eq!(limit(Select::Max, &[hundred]), by_percent, "{changes:?}");
            assert_eq!(limit(Select::Max, &[four]), by_pods, "{changes:?}");
            assert_eq!(limit(Select::Max, &[hundred, four]), by_percent.max(by_pods));
            assert_eq!(limit(Select::Min, &[hundred, four]), by_percent.min(by_pods));
            assert_eq!(limit(Select::Disabled, &[hundred]), size);
        }
    }

    #[test]
    fn down_limits_count_from_the_size_at_the_start_too_even_below_a_rise() {
        let policies = [(Amount::Percent(10), 60), (Amount::Pods(2), 60)];
        for (changes, size, max, min) in [
            (&[][..], 30, 27, 28),
            (&[(-30, 30, 27)][..], 27, 27, 27),
            (&[(-60, 30, 27)][..], 27, 24, 25),
            // Raised a moment ago: measured from 10, the whole rise may go at once.
            (&[(-20, 10, 40)][..], 40, 8, 9),
        ] {
            let events = after(changes);
            let limit = |select| events.lowest(0, &rules(select, &policies), size);
            assert_eq!((limit(Select::Max), limit(Select::Min)), (max, min), "{changes:?}");
            assert_eq!(limit(Select::Disabled), size);
        }
    }

    #[test]
    fn percentages_round_up_when_adding_and_down_when_removing() {
        let ten = rules(Select::Max, &[(Amount::Percent(10), 60)]);
        for (size, up, down) in [(1, 2, 0), (9, 10, 8), (10, 11, 9), (11, 13, 9), (24, 27, 21)] {
            let events = Events::default();
            let limits = (events.highest(0, &ten, size), events.lowest(0, &ten, size));
            assert_eq!(limits, (up, down), "{size}");
        }
        let hundred = Events::default().highest(0, &ten, 100);
        assert_eq!(hundred, 111, "doubles: 110.00000000000001");
    }

    #[test]
    fn changes_older_than_every_period_are_forgotten() {
        let behavior = Behavior::default();
        let mut events = Events::default();
        for second in 0..10_000 {
            events.note(second, 10, 11 + u32::from(second % 2 == 0), &behavior);
            events.note(second, 12, 10, &behavior);
        }
        assert!(events.up.len() <= 15 && events.down.len() <= 15);
    }
}
