//! A measured input with its verdict. Only [`Signal::Fresh`] and [`Signal::Idle`] are trusted in both directions.

use std::time::Duration;

/// What a reading is worth.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Signal<T> {
    /// Complete and recent.
    Fresh {
        /// The value.
        value: T,
        /// How old its newest sample is.
        age: Duration,
    },
    /// Pods are scraped and there are no requests: calm, not missing.
    Idle,
    /// Fewer samples than one full window, or fewer pods than there are: a lower bound, which may raise only.
    Warming {
        /// The value so far.
        value: T,
    },
    /// The newest sample is too old, or too few pods are scraped. The last good value, if it is young enough to
    /// serve, is a lower bound.
    Stale {
        /// How old the newest sample is.
        age: Duration,
        /// The last good value, while it serves.
        last: Option<T>,
    },
    /// No answer, or an empty one.
    Absent {
        /// The last good value, while it serves.
        last: Option<T>,
    },
    /// An answer that means nothing: NaN, infinite, negative, several rows.
    Invalid {
        /// The last good value, while it serves.
        last: Option<T>,
    },
}

/// The verdict alone: what people see and metrics are labelled with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// See [`Signal::Fresh`].
    Fresh,
    /// See [`Signal::Idle`].
    Idle,
    /// See [`Signal::Warming`].
    Warming,
    /// See [`Signal::Stale`].
    Stale,
    /// See [`Signal::Absent`].
    Absent,
    /// See [`Signal::Invalid`].
    Invalid,
}

impl<T: Copy> Signal<T> {
    /// The verdict without the value.
    #[must_use]
    pub const fn verdict(&self) -> Verdict {
        match self {
            Self::Fresh { .. } => Verdict::Fresh,
            Self::Idle => Verdict::Idle,
            Self::Warming { .. } => Verdict::Warming,
            Self::Stale { .. } => Verdict::Stale,
            Self::Absent { .. } => Verdict::Absent,
            Self::Invalid { .. } => Verdict::Invalid,
        }
    }

    /// Whether the signal may speak for scale-in.
    #[must_use]
    pub const fn is_trusted(&self) -> bool {
        matches!(self, Self::Fresh { .. } | Self::Idle)
    }
}

impl Verdict {
    /// The word in status, metrics and messages.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Fresh => "Fresh",
            Self::Idle => "Idle",
            Self::Warming => "Warming",
            Self::Stale => "Stale",
            Self::Absent => "Absent",
            Self::Invalid => "Invalid",
        }
    }
}
