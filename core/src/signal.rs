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
    /// The newest sample is too old, or too few pods are scraped; what those say is a lower bound.
    Stale {
        /// How old the newest sample is.
        age: Duration,
        /// What the pods that are scraped say; nothing where the sample is too old.
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

    /// What is known: the value, or a lower bound of it. Idle is not a value; it means nothing is asked for.
    #[must_use]
    pub const fn value(&self) -> Option<T> {
        match self {
            Self::Fresh { value, .. } | Self::Warming { value } => Some(*value),
            Self::Stale { last, .. } | Self::Absent { last } | Self::Invalid { last } => *last,
            Self::Idle => None,
        }
    }

    /// What was measured just now, complete or not; never a remembered value.
    #[must_use]
    pub const fn live(&self) -> Option<T> {
        match self {
            Self::Fresh { value, .. } | Self::Warming { value } => Some(*value),
            Self::Stale { last, .. } => *last,
            Self::Idle | Self::Absent { .. } | Self::Invalid { .. } => None,
        }
    }

    /// Whether nothing is known, not even a lower bound.
    #[must_use]
    pub const fn is_missing(&self) -> bool {
        matches!(
            self,
            Self::Stale { last: None, .. }
                | Self::Absent { last: None }
                | Self::Invalid { last: None }
        )
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
