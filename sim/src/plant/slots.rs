//! Room on on-demand nodes: as many pods as there were in the last ten minutes. After that a cluster autoscaler takes
//! an idle node away (its default for `scale-down-unneeded-time`).

use std::collections::VecDeque;

/// How long an idle node stays, in seconds.
const IDLE_FOR: i64 = 600;

/// How many pods there were, and until when: falling, so that the first is the most.
#[derive(Debug, Clone, Default)]
pub(super) struct Slots(VecDeque<(i64, u32)>);

impl Slots {
    /// There were so many pods until now, when their number changes. Gives the number for which there is room.
    pub(super) fn note(&mut self, now: i64, pods: u32) -> u32 {
        while self.0.back().is_some_and(|last| last.1 <= pods) {
            self.0.pop_back();
        }
        self.0.push_back((now, pods));
        while self.0.front().is_some_and(|first| now - first.0 > IDLE_FOR) {
            self.0.pop_front();
        }
        self.0.front().map_or(pods, |first| first.1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_stay_for_ten_minutes_after_their_pods() {
        let mut slots = Slots::default();
        assert_eq!(slots.note(10, 20), 20);
        assert_eq!(slots.note(600, 12), 20);
        assert_eq!(slots.note(611, 12), 12);
        assert_eq!(slots.note(100_000, 30), 30);
    }
}
