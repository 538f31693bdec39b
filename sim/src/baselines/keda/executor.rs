//! KEDA's own scale loop: between nothing and one replica, where the minimum is 0.
//!
//! After KEDA 8b4f083 `pkg/scaling/executor/scale_executor.go` (baselines.md 2.2). Above one replica the HPA decides.
//! Pure; called by [`super::scaler`].

use crate::baselines::Second;

/// Seconds between two passes of the loop (`pollingInterval`).
pub const POLLING: u32 = 30;
/// Seconds that no trigger must have been active before the fleet sleeps (`cooldownPeriod`).
pub const COOLDOWN: u32 = 300;

/// The loop of one object. When a trigger was last active is in the status of the object: a restart does not lose it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Executor {
    last_active: Option<Second>,
}

impl Executor {
    /// The size to write, if the loop has one; `idle` is `idleReplicaCount`.
    pub fn pass(
        &mut self,
        now: Second,
        current: u32,
        (min, idle): (u32, Option<u32>),
        is_active: bool,
    ) -> Option<u32> {
        if is_active {
            self.last_active = Some(now);
            return (current == 0).then_some(min.max(1));
        }
        let is_over = self.last_active.is_none_or(|last| last + Second::from(COOLDOWN) < now);
        let asleep = idle.unwrap_or(0);
        (min == 0 && current > asleep && is_over).then_some(asleep)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fleet_sleeps_once_the_cooldown_has_passed() {
        let mut executor = Executor::default();
        assert_eq!(executor.pass(0, 1, (0, None), true), None);
        assert_eq!(executor.pass(300, 1, (0, None), false), None);
        assert_eq!(executor.pass(301, 1, (0, None), false), Some(0));
        assert_eq!(executor.pass(331, 0, (0, None), false), None);
    }

    #[test]
    fn an_active_trigger_wakes_it_with_at_least_one() {
        let mut executor = Executor::default();
        assert_eq!(executor.pass(0, 0, (0, None), true), Some(1));
        assert_eq!(executor.pass(0, 0, (5, None), true), Some(5));
        assert_eq!(executor.pass(0, 3, (0, None), true), None);
    }

    #[test]
    fn a_fleet_with_a_minimum_never_sleeps() {
        let mut executor = Executor::default();
        assert_eq!(executor.pass(10_000, 10, (10, None), false), None);
    }

    #[test]
    fn an_idle_count_is_where_it_sleeps() {
        let mut executor = Executor::default();
        assert_eq!(executor.pass(10_000, 10, (0, Some(2)), false), Some(2));
        assert_eq!(executor.pass(10_030, 2, (0, Some(2)), false), None);
    }
}
