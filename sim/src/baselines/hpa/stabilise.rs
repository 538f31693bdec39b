//! What the HPA recommended lately: the highest counts when removing, the lowest when adding.
//!
//! After Kubernetes v1.33 `horizontal.go` (baselines.md 2.1). It stores what the metrics asked for, not what came out.
//! Pure; called by [`super::Hpa::sync`].

use super::{Behavior, DOWNSCALE_STABILISATION, Second};
use std::collections::VecDeque;

/// Recommendations, oldest first; in the controller's memory only.
#[derive(Debug, Clone, Default)]
pub(super) struct Recommendations(VecDeque<(Second, u32)>);

impl Recommendations {
    /// The first sync takes the size that it finds for a recommendation, so that a restart removes nothing at once.
    pub(super) fn begin(&mut self, now: Second, current: u32) {
        if self.0.is_empty() {
            self.0.push_back((now, current));
        }
    }

    /// Without `spec.behavior`: the highest of the flag's window, whose far edge counts.
    pub(super) fn highest(&mut self, now: Second, asked: u32) -> u32 {
        let cutoff = now - Second::from(DOWNSCALE_STABILISATION);
        let recent = self.0.iter().rev().take_while(|(at, _)| *at >= cutoff);
        let highest = recent.map(|(_, asked)| *asked).fold(asked, u32::max);
        self.store(now, asked, cutoff);
        highest
    }

    /// With `spec.behavior`: the current size, brought between the lowest of the window for adding and the highest of
    /// the window for removing, whose far edges do not count.
    pub(super) fn between(
        &mut self,
        now: Second,
        current: u32,
        asked: u32,
        behavior: &Behavior,
    ) -> u32 {
        let since = |window: u32| now - Second::from(window);
        let inside = |window: u32| {
            let recent = self.0.iter().rev().take_while(move |(at, _)| *at > since(window));
            recent.map(|(_, asked)| *asked)
        };
        let up = inside(behavior.up.window).fold(asked, u32::min);
        let down = inside(behavior.down.window).fold(asked, u32::max);
        let steady = current.max(up).min(down);
        self.store(now, asked, since(behavior.longest_window()));
        steady
    }

    /// Adds a recommendation and drops what no window reaches any more.
    fn store(&mut self, now: Second, asked: u32, cutoff: Second) {
        while self.0.front().is_some_and(|(at, _)| *at < cutoff) {
            self.0.pop_front();
        }
        self.0.push_back((now, asked));
    }
}

#[cfg(test)]
impl Recommendations {
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}
