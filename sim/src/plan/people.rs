//! What people do to a fleet in the middle of a campaign: they edit its spec, or order something for a while. Pure.

use super::share;
use rand::RngExt;
use rand_pcg::Pcg64;
use serde::{Deserialize, Serialize};
use std::fmt;

/// An edit of a fleet's spec.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Edit {
    /// Other bounds, in percent of those that were there.
    Bounds {
        /// Of `minReplicas`.
        min_percent: u8,
        /// Of `maxReplicas`.
        max_percent: u8,
    },
    /// Another `targetPerReplica`, in percent of what was there.
    PerReplica(u8),
    /// Every schedule is gone.
    NoSchedules,
}

/// An override, its replicas in percent of the way from the smallest to the largest size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Order {
    /// Not below.
    Floor(u8),
    /// Not above, by the scale-down limits.
    Ceiling(u8),
    /// Not above, at once.
    CeilingNow(u8),
    /// Exactly, by the scale-down limits.
    Pin(u8),
    /// Nothing moves with demand.
    Hold,
    /// Nothing on spot.
    NoSpot,
}

// === impl Edit ===

impl Edit {
    pub(super) fn random(rng: &mut Pcg64) -> Self {
        match rng.random_range(0..4) {
            0 => Self::Bounds { min_percent: 100, max_percent: share(rng, 40..=90) },
            1 => Self::Bounds { min_percent: share(rng, 50..=200), max_percent: 100 },
            2 => Self::PerReplica(share(rng, 70..=150)),
            _ => Self::NoSchedules,
        }
    }
}

impl fmt::Display for Edit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bounds { min_percent, max_percent } => {
                write!(f, "minReplicas to {min_percent} %, maxReplicas to {max_percent} %")
            }
            Self::PerReplica(percent) => write!(f, "targetPerReplica to {percent} %"),
            Self::NoSchedules => f.write_str("no schedules"),
        }
    }
}

// === impl Order ===

impl Order {
    pub(super) fn random(rng: &mut Pcg64) -> Self {
        let size = share(rng, 0..=100);
        match rng.random_range(0..7) {
            0..2 => Self::Floor(size),
            2 => Self::Ceiling(size),
            3 => Self::CeilingNow(size),
            4 => Self::Pin(size),
            5 => Self::Hold,
            _ => Self::NoSpot,
        }
    }
}

impl fmt::Display for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Floor(percent) => write!(f, "floor at {percent} % of the bounds"),
            Self::Ceiling(percent) => write!(f, "ceiling at {percent} % of the bounds"),
            Self::CeilingNow(percent) => write!(f, "ceiling at {percent} % of the bounds, at once"),
            Self::Pin(percent) => write!(f, "pin at {percent} % of the bounds"),
            Self::Hold => f.write_str("hold"),
            Self::NoSpot => f.write_str("no spot"),
        }
    }
}
