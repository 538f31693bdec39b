//! What clients report, and what of it is accepted.
//!
//! Pure. Parsed by [`crate::http::events`]; stored in batches by [`super::flush`].

use jiff::Timestamp;

use crate::claim::{IdempotencyKey, UserId};

/// Longest name of a kind, in bytes; the column has the same width.
pub const MAX_KIND_LENGTH: usize = 32;

/// One thing that happened to one user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// To whom.
    pub user: UserId,
    /// The client's name for this report: a report that is sent twice is stored once.
    pub id: IdempotencyKey,
    /// What.
    pub kind: Kind,
    /// When, by the client's clock.
    pub at: Timestamp,
}

impl Event {
    /// By what events are told apart. Batches are written in this order, so that replicas which write the same events
    /// wait for each other instead of blocking each other.
    #[must_use]
    pub fn key(&self) -> (UserId, &str) {
        (self.user, self.id.as_str())
    }
}

/// What kind of thing happened: a name that clients choose, such as `door_opened`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kind(String);

impl Kind {
    /// Accepts 1 to 32 lower-case letters, digits and underscores, the first a letter.
    #[must_use]
    pub fn parse(text: String) -> Option<Self> {
        let fits = (1..=MAX_KIND_LENGTH).contains(&text.len());
        let plain = text.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_'));
        let begins = text.bytes().next().is_some_and(|byte| byte.is_ascii_lowercase());
        (fits && plain && begins).then_some(Self(text))
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_plain_names() {
        for right in ["door_opened", "x", "step_2", &"k".repeat(MAX_KIND_LENGTH)] {
            assert!(Kind::parse(right.into()).is_some(), "{right}");
        }
        for wrong in
            ["", "Door", "door-opened", "door opened", "2nd", "_x", "t\u{fc}r", &"k".repeat(33)]
        {
            assert!(Kind::parse(wrong.into()).is_none(), "{wrong}");
        }
    }
}
