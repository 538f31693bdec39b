//! What people have ordered for a while, and what it makes of the size.

use super::Why;
use crate::name::Name;
use crate::overrides::Action;
use crate::quantity::Replicas;
use crate::reason::Reason;
use jiff::Timestamp;
use std::fmt;

/// The sentences about overrides.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum OverrideWhy {
    /// An override is in force, whatever it changes.
    InForce {
        /// Which.
        name: Name,
        /// What it orders.
        action: Action,
        /// When it ends.
        until: Timestamp,
    },
    /// It holds the size up.
    Floor {
        /// Which.
        name: Name,
        /// Its floor, within the fleet's bounds.
        floor: Replicas,
        /// What was asked for.
        asks: Replicas,
        /// When it ends.
        until: Timestamp,
    },
    /// It holds the size down.
    Ceiling {
        /// Which.
        name: Name,
        /// Its ceiling, within the fleet's bounds.
        ceiling: Replicas,
        /// What was asked for.
        asks: Replicas,
        /// What is kept now: the ceiling, or more while the size falls to it by the scale-down policies.
        keeps: Replicas,
        /// When it ends.
        until: Timestamp,
    },
    /// It sets the size.
    Pin {
        /// Which.
        name: Name,
        /// Its size, within the fleet's bounds.
        size: Replicas,
        /// What was asked for.
        asks: Replicas,
        /// What is kept now: the size, or more while it falls to that by the scale-down policies.
        keeps: Replicas,
        /// When it ends.
        until: Timestamp,
    },
    /// It stops what demand asks for.
    Hold {
        /// Which.
        name: Name,
        /// What was asked for.
        asks: Replicas,
        /// What is kept.
        keeps: Replicas,
        /// When it ends.
        until: Timestamp,
    },
    /// It takes every replica off spot.
    NoSpot {
        /// Which.
        name: Name,
        /// When it ends.
        until: Timestamp,
        /// Replicas on demand now.
        on_demand: Replicas,
        /// Replicas on spot now.
        spot: Replicas,
    },
}

impl OverrideWhy {
    /// The one word for it.
    #[must_use]
    pub const fn reason(&self) -> Reason {
        match self {
            Self::InForce { action, .. } => match action {
                Action::Floor(_) => Reason::OverrideFloor,
                Action::Ceiling(_) => Reason::OverrideCeiling,
                Action::Pin(_) => Reason::Pinned,
                Action::Hold => Reason::OverrideHold,
                Action::NoSpot => Reason::NoSpot,
            },
            Self::Floor { .. } => Reason::OverrideFloor,
            Self::Ceiling { .. } => Reason::OverrideCeiling,
            Self::Pin { .. } => Reason::Pinned,
            Self::Hold { .. } => Reason::OverrideHold,
            Self::NoSpot { .. } => Reason::NoSpot,
        }
    }
}

impl From<OverrideWhy> for Why {
    fn from(why: OverrideWhy) -> Self {
        Self::Override(why)
    }
}

impl fmt::Display for OverrideWhy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let falls = "the size falls to it by the scale-down policies";
        match self {
            Self::InForce { name, action, until } => {
                write!(f, "override {name}: {} until {until:.0}", Ordered(*action))
            }
            Self::Floor { name, floor, asks, until } => {
                write!(f, "override {name} holds {floor} until {until:.0}, {asks} is asked for")
            }
            Self::Ceiling { name, ceiling, asks, keeps, until } if keeps > ceiling => write!(
                f,
                "override {name} allows {ceiling} until {until:.0}: {falls}, {keeps} now, {asks} is asked for"
            ),
            Self::Ceiling { name, ceiling, asks, until, .. } => {
                write!(f, "override {name} allows {ceiling} until {until:.0}, {asks} is asked for")
            }
            Self::Pin { name, size, asks, keeps, until } if keeps > size => write!(
                f,
                "override {name} pins the size to {size} until {until:.0}: {falls}, {keeps} now, {asks} is asked for"
            ),
            Self::Pin { name, size, asks, until, .. } => write!(
                f,
                "override {name} pins the size to {size} until {until:.0}, {asks} is asked for"
            ),
            Self::Hold { name, asks, keeps, until } => write!(
                f,
                "override {name} holds the size at {keeps} until {until:.0}, {asks} is asked for"
            ),
            Self::NoSpot { name, until, on_demand, spot } => write!(
                f,
                "override {name} wants no replica on spot until {until:.0}: {on_demand} on demand, {spot} still on spot"
            ),
        }
    }
}

/// What was ordered, for people.
struct Ordered(Action);

impl fmt::Display for Ordered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Action::Floor(replicas) => write!(f, "at least {replicas} replicas"),
            Action::Ceiling(replicas) => write!(f, "at most {replicas} replicas"),
            Action::Pin(replicas) => write!(f, "exactly {replicas} replicas"),
            Action::Hold => f.write_str("demand moves nothing"),
            Action::NoSpot => f.write_str("no replica on spot"),
        }
    }
}
