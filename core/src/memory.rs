//! What a decision remembers: the extrema inside the stabilisation windows, the changes inside the rate windows, the
//! guard's state and the last good values. It goes through the resource's status, so it survives a restart, and its
//! size is bounded.
//!
//! The rule: a restarted run never scales in sooner, nor out later, than an uninterrupted one. Wherever something
//! has to be forgotten or merged, it is done in that direction.

use crate::quantity::Replicas;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A change of the fleet's size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Change {
    /// When it was applied.
    pub at: Timestamp,
    /// The size before.
    pub from: Replicas,
    /// The size after.
    pub to: Replicas,
}

impl Change {
    /// The change from one size to another; `None` where they are the same.
    #[must_use]
    pub fn between(from: Replicas, to: Replicas, at: Timestamp) -> Option<Self> {
        (from != to).then_some(Self { at, from, to })
    }
}
