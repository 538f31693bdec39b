//! Decides how much of the server each class may fill: the order in which requests are refused.
//!
//! Pure. A class is let in while both measures of load are below its share: how many requests are worked on, and
//! how late worker threads get to work. Shares grow with the class, so whenever a class is let in every higher one
//! is too. Asked by [`super::Admission`].

use std::time::Duration;

use crate::metrics::Class;

/// How much there is to do, and how much there may be.
#[derive(Debug, Clone, Copy)]
pub struct Load {
    /// Requests being worked on.
    pub in_use: u32,
    /// Requests that may be.
    pub limit: u32,
    /// How late worker threads get to work.
    pub lag: Duration,
    /// How late they may.
    pub lag_limit: Duration,
}

/// Percent of the limits up to which a class is let in: what is above belongs to the higher classes.
fn share(class: Class) -> u32 {
    match class {
        Class::Background => 60,
        Class::NonCritical => 85,
        Class::Critical => 100,
    }
}

impl Load {
    /// Whether one more request of `class` may begin.
    #[must_use]
    pub fn admits(self, class: Class) -> bool {
        let share = share(class);
        let slots = u64::from(self.limit) * u64::from(share) / 100;
        // However small the limit, an idle server refuses nobody.
        u64::from(self.in_use) < slots.max(1) && self.lag < self.lag_limit * share / 100
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(in_use: u32, limit: u32, lag_ms: u64) -> Load {
        let lag_limit = Duration::from_millis(200);
        Load { in_use, limit, lag: Duration::from_millis(lag_ms), lag_limit }
    }

    #[test]
    fn whenever_a_class_is_let_in_every_higher_class_is_too() {
        for limit in (0..300).chain([1_000, 65_535, u32::MAX]) {
            let fills = [0, 1, limit / 2, limit.saturating_sub(1), limit, limit.saturating_add(1)];
            for in_use in (0..320).chain(fills) {
                for lag_ms in [0, 1, 119, 120, 169, 170, 199, 200, 5_000] {
                    let load = load(in_use, limit, lag_ms);
                    let let_in = Class::ALL.map(|class| load.admits(class));
                    assert!(let_in.is_sorted(), "{load:?}: {let_in:?}");
                }
            }
        }
    }

    #[test]
    fn background_is_refused_first_then_non_critical_and_critical_last() {
        let refused_from = |class| (0..1_000).find(|&in_use| !load(in_use, 100, 0).admits(class));
        assert_eq!(Class::ALL.map(refused_from), [Some(60), Some(85), Some(100)]);
        let refused_at = |class| (0..1_000).find(|&lag| !load(0, 100, lag).admits(class));
        assert_eq!(Class::ALL.map(refused_at), [Some(120), Some(170), Some(200)]);
    }

    #[test]
    fn an_idle_server_refuses_nobody_however_small_its_limit() {
        for limit in 0..20 {
            assert!(Class::ALL.iter().all(|&class| load(0, limit, 0).admits(class)), "{limit}");
        }
    }
}
