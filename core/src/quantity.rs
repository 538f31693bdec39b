//! Numbers with their units. Nothing enters a rule as a bare number, and no NaN gets past these doors.

use serde::{Deserialize, Serialize};
use std::fmt;

/// A count of replicas (pods) of a fleet or of one of its targets.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(from = "u32", into = "u32")]
pub struct Replicas(u32);

impl Replicas {
    /// No replica at all.
    pub const ZERO: Self = Self(0);
    /// The largest count that is represented; anything above saturates here.
    pub const LIMIT: Self = Self(1_000_000);

    /// A count; saturates at [`Replicas::LIMIT`].
    #[must_use]
    pub const fn new(count: u32) -> Self {
        if count > Self::LIMIT.0 { Self::LIMIT } else { Self(count) }
    }

    /// The smallest count that is at least `value`; NaN and negative values give zero, huge ones the limit.
    #[must_use]
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "clamped first; `as` saturates"
    )]
    pub fn ceil(value: f64) -> Self {
        Self::new(value.ceil().clamp(0.0, f64::from(Self::LIMIT.0)) as u32)
    }

    /// The plain number.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0
    }

    /// The sum; saturates.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self::new(self.0.saturating_add(other.0))
    }

    /// The difference; zero where it would be negative.
    #[must_use]
    pub const fn minus(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl From<u32> for Replicas {
    fn from(count: u32) -> Self {
        Self::new(count)
    }
}

impl From<Replicas> for u32 {
    fn from(replicas: Replicas) -> Self {
        replicas.get()
    }
}

impl fmt::Display for Replicas {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Defines a non-negative, finite measure in one unit.
macro_rules! measure {
    ($(#[$doc:meta])* $name:ident, $unit:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Default, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(f64);

        impl $name {
            /// Nothing.
            pub const ZERO: Self = Self(0.0);

            /// The measure, if it is finite and not negative.
            #[must_use]
            pub fn new(value: f64) -> Option<Self> {
                (value.is_finite() && value >= 0.0).then_some(Self(value))
            }

            /// The plain number.
            #[must_use]
            pub const fn get(self) -> f64 {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                // Two significant decimals are enough for people; whole numbers stay whole.
                let rounded = (self.0 * 100.0).round() / 100.0;
                let shown = if rounded.is_finite() { rounded } else { self.0 };
                write!(f, "{shown}{}", $unit)
            }
        }
    };
}

measure!(
    /// Requests per second.
    Rps, " requests/s"
);
impl Rps {
    /// The replicas that carry it, where each carries so much. A billionth less than a whole replica too much is
    /// rounding, not load.
    #[must_use]
    pub fn carried_by(self, per_replica: Self) -> Replicas {
        Replicas::ceil(self.0 / per_replica.0 * (1.0 - 1e-9))
    }
}
measure!(
    /// Milliseconds, as a latency.
    Millis, " ms"
);
measure!(
    /// Percent; 100 is the whole.
    Percent, " %"
);
