//! How failures are classed. The class alone decides when a fleet is tried again, so every error of the operator has
//! one.
//!
//! Used by [`crate::backoff`] and as the label of failure counters.

/// What kind of failure it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Class {
    /// It may be gone at the next try: timeouts, conflicts, overload, a server that restarts.
    Transient,
    /// What was sent is refused, and will be until someone changes it.
    Invalid,
    /// The operator lacks a permission; someone has to grant it.
    Forbidden,
    /// The operator itself is wrong.
    Bug,
}

impl Class {
    /// Every class.
    pub const ALL: [Self; 4] = [Self::Transient, Self::Invalid, Self::Forbidden, Self::Bug];

    /// The word in metrics and logs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Transient => "Transient",
            Self::Invalid => "Invalid",
            Self::Forbidden => "Forbidden",
            Self::Bug => "Bug",
        }
    }
}
