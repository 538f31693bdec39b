//! What people order for a while: a floor, a ceiling, a fixed size, a stop, no spot. Each has a first and a last
//! instant, and the fleet returns by itself.
//!
//! Of several that are due at once not all count: a pin beats a hold, a hold the lowest ceiling, a ceiling the highest
//! floor below which it is. [`orders`] says what counts at an instant, and which override is superseded by which;
//! [`ended`] what their end leaves behind. The stages carry it out: stage 3 a hold, stage 5 a floor, stage 6 a ceiling, stage 8
//! a fleet without spot.
//!
//! Nothing here goes beyond the fleet's own bounds: an override that lies outside counts as the nearest bound.

pub mod ended;
pub mod orders;

use crate::name::Name;
use crate::quantity::Replicas;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The most overrides of a fleet that are looked at; a caller with more hands on those that end last.
pub const LIMIT: usize = 16;

/// What somebody ordered for a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Override {
    /// What it is called; each override of a fleet has a name of its own.
    pub name: Name,
    /// What was ordered.
    pub action: Action,
    /// How fast the size may fall to it.
    pub pace: Pace,
    /// The first instant at which it is due.
    pub not_before: Timestamp,
    /// The first instant at which it no longer is.
    pub expires_at: Timestamp,
    /// When it was ordered: of two pins the newer one counts. At the same instant it is the one whose name comes later.
    pub created: Timestamp,
}

/// What an override does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "action", content = "replicas")]
pub enum Action {
    /// The size is not below this.
    Floor(Replicas),
    /// The size is not above this.
    Ceiling(Replicas),
    /// The size is this.
    Pin(Replicas),
    /// Demand moves nothing; the fleet's minimum, the floors of schedules and the cover for lost spot still do.
    Hold,
    /// Every replica leaves spot, and none goes there.
    NoSpot,
}

/// How fast the size may fall to what an override orders. It rises at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Pace {
    /// By the scale-down policies.
    #[default]
    Gradual,
    /// At once.
    Immediate,
}

impl Override {
    /// Whether it is due at an instant.
    #[must_use]
    pub fn is_due(&self, at: Timestamp) -> bool {
        self.not_before <= at && at < self.expires_at
    }
}

impl Action {
    /// The word in resources, status and commands.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Floor(_) => "Floor",
            Self::Ceiling(_) => "Ceiling",
            Self::Pin(_) => "Pin",
            Self::Hold => "Hold",
            Self::NoSpot => "NoSpot",
        }
    }

    /// The replicas that it names, if it names any.
    #[must_use]
    pub const fn replicas(self) -> Option<Replicas> {
        match self {
            Self::Floor(replicas) | Self::Ceiling(replicas) | Self::Pin(replicas) => Some(replicas),
            Self::Hold | Self::NoSpot => None,
        }
    }

    /// Whether it may have kept the fleet smaller than demand asks for.
    #[must_use]
    pub(crate) const fn holds_down(self) -> bool {
        match self {
            Self::Ceiling(_) | Self::Pin(_) | Self::Hold => true,
            Self::Floor(_) | Self::NoSpot => false,
        }
    }
}
