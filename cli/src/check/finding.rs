//! What a check found: one verdict about one thing, in one sentence. Made by [`super::judge`], shown by
//! [`super::screen`].

use super::registry::Check;
use serde::Serialize;

/// What became of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum Verdict {
    /// It is as it should be.
    Ok,
    /// It works, and will hurt some day.
    Warning,
    /// It does not work.
    Failed,
    /// It could not be looked at; the sentence says why.
    Skipped,
}

/// What a check found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Which check.
    pub check: Check,
    /// What became of it.
    pub verdict: Verdict,
    /// The fleet that it is about, as namespace/name; `None` for the cluster.
    pub fleet: Option<String>,
    /// What was seen.
    pub says: String,
}

/// What is not known, and why: one sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unknown(pub String);

/// A fact, or why it is not known.
pub type Known<T> = Result<T, Unknown>;

// === impl Verdict ===

impl Verdict {
    /// The word on a screen.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
        }
    }
}

// === impl Finding ===

impl Finding {
    /// As it should be.
    #[must_use]
    pub fn ok(check: Check, says: impl Into<String>) -> Self {
        Self::new(check, Verdict::Ok, says)
    }

    /// Works, and will hurt.
    #[must_use]
    pub fn warning(check: Check, says: impl Into<String>) -> Self {
        Self::new(check, Verdict::Warning, says)
    }

    /// Does not work.
    #[must_use]
    pub fn failed(check: Check, says: impl Into<String>) -> Self {
        Self::new(check, Verdict::Failed, says)
    }

    /// Not looked at, and why.
    #[must_use]
    pub fn skipped(check: Check, why: impl Into<String>) -> Self {
        Self::new(check, Verdict::Skipped, why)
    }

    /// The same about a fleet.
    #[must_use]
    pub fn of(self, fleet: &str) -> Self {
        Self { fleet: Some(fleet.to_owned()), ..self }
    }

    fn new(check: Check, verdict: Verdict, says: impl Into<String>) -> Self {
        Self { check, verdict, fleet: None, says: says.into() }
    }
}
