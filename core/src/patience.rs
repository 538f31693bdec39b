//! How long the scale-down window is where the manifest leaves that to us.
//!
//! A removal that demand takes back soon shows that the window was shorter than the ups and downs of the traffic: the
//! window is doubled. A day without such a removal halves it again. So smooth traffic has the short window, and
//! traffic that jumps about finds the one that it needs.

use crate::behavior::Behavior;
use crate::changes::Change;
use crate::rules::demand::Demand;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// A removal is taken back if demand asks for more within this time.
const SOON: SignedDuration = SignedDuration::from_mins(30);
/// After so long without one the window is halved.
const FORGIVEN: SignedDuration = SignedDuration::from_hours(24);
/// More doublings than any window needs: a second becomes more than a day.
const MOST: u8 = 16;

/// What was learned about removals; see the module.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Patience {
    /// How often the window is doubled now.
    #[serde(default)]
    pub doublings: u8,
    /// When the window was last doubled, halved, or would have been.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// When replicas were last removed and not asked for again since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub removed_at: Option<Timestamp>,
}

impl Patience {
    /// The scale-down window now.
    #[must_use]
    pub fn window(self, behavior: &Behavior) -> Duration {
        let shortest = behavior.down.stabilization_window;
        let factor = 1 << self.doublings.min(MOST);
        shortest.saturating_mul(factor).min(behavior.longest_down_window.max(shortest))
    }

    pub(crate) fn is_unknown(&self) -> bool {
        *self == Self::default()
    }

    /// The instants that it remembers.
    pub(crate) fn instants(&mut self) -> impl Iterator<Item = &mut Timestamp> {
        self.since.iter_mut().chain(&mut self.removed_at)
    }

    /// Learns from a decision: what demand asked for, and the change that was made, if any.
    pub(crate) fn learn(
        &mut self,
        behavior: &Behavior,
        demand: &Demand,
        change: Option<Change>,
        now: Timestamp,
    ) {
        if self.since.is_some_and(|since| now.duration_since(since) >= FORGIVEN) {
            self.doublings = self.doublings.saturating_sub(1);
            self.since = (self.doublings > 0).then_some(now);
        }
        let Some(change) = change else { return };
        if change.to < change.from {
            // What a ceiling or a person takes away says nothing of the traffic.
            let agreed = demand.outcome.replicas <= change.to;
            self.removed_at = agreed.then_some(now);
        } else if demand.outgrown {
            let removed = self.removed_at.take();
            if removed.is_some_and(|removed| now.duration_since(removed) < SOON) {
                self.double(behavior, now);
            }
        }
    }

    /// Not beyond the longest window, so that halving it takes effect at once.
    fn double(&mut self, behavior: &Behavior, now: Timestamp) {
        if self.window(behavior) < behavior.longest_down_window {
            self.doublings = self.doublings.saturating_add(1).min(MOST);
        }
        self.since = (self.doublings > 0).then_some(now);
    }
}
