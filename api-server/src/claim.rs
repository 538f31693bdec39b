//! What a claim is, and what a repeated one means.
//!
//! Pure: the store reads rows and asks [`resolve`] what they say about a request. Never does I/O.

use jiff::Timestamp;
use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};

use crate::campaign::Day;

/// Longest idempotency key that is accepted, in bytes; the column has the same width.
pub const MAX_KEY_LENGTH: usize = 64;

/// A user's number, from 1 up. A number that has never claimed is simply a new user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct UserId(i64);

/// Why a text is not the number of a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UserIdError {
    /// Not a decimal number from 1 up.
    #[error("a user id is a decimal number from 1 up, without sign or leading zero")]
    Malformed,
    /// A number, but larger than any user's.
    #[error("no user has this number")]
    Unknown,
}

impl UserId {
    /// Parses the number in a path, up to `max`.
    pub fn parse(text: &str, max: i64) -> Result<Self, UserIdError> {
        let digits = text.bytes().all(|byte| byte.is_ascii_digit());
        if text.is_empty() || !digits || text.starts_with('0') {
            return Err(UserIdError::Malformed);
        }
        // Digits that do not fit are a number all the same: one that no user has.
        match text.parse::<i64>() {
            Ok(number) if number <= max => Ok(Self(number)),
            Ok(_) | Err(_) => Err(UserIdError::Unknown),
        }
    }

    /// The user with this number, from 1 up to `max`.
    #[must_use]
    pub fn from_number(number: i64, max: i64) -> Option<Self> {
        (1..=max).contains(&number).then_some(Self(number))
    }

    /// The number itself.
    #[must_use]
    pub fn number(self) -> i64 {
        self.0
    }
}

/// The client's name for one attempt to claim: sending it again repeats the answer, not the claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyKey(String);

impl IdempotencyKey {
    /// Accepts 1 to 64 visible ASCII characters.
    #[must_use]
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let fits = (1..=MAX_KEY_LENGTH).contains(&bytes.len());
        if !fits || !bytes.iter().all(u8::is_ascii_graphic) {
            return None;
        }
        String::from_utf8(bytes.to_vec()).ok().map(Self)
    }

    /// The key as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// One gift that was claimed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claim {
    /// The door.
    pub day: Day,
    /// When it was claimed.
    pub at: Timestamp,
}

impl Serialize for Claim {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut claim = serializer.serialize_struct("Claim", 2)?;
        claim.serialize_field("day", &self.day)?;
        claim.serialize_field("claimed_at", &self.at)?;
        claim.end()
    }
}

/// A claim that was asked for.
#[derive(Debug, Clone)]
pub struct ClaimRequest {
    /// Who claims.
    pub user: UserId,
    /// Which door.
    pub day: Day,
    /// The client's name for this attempt.
    pub key: IdempotencyKey,
    /// When it was asked for; becomes the claim's time if it is the first.
    pub at: Timestamp,
}

/// A stored row that a request ran into.
#[derive(Debug, Clone, Copy)]
pub struct Earlier {
    /// What is stored.
    pub claim: Claim,
    /// Whether it was made under the key of this request.
    pub same_key: bool,
}

/// What became of a request to claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Stored now.
    Created(Claim),
    /// Stored earlier by the same request; this is its claim.
    Replayed(Claim),
    /// The key was used for another door.
    KeyReused(Claim),
    /// The door was claimed under another key.
    AlreadyClaimed(Claim),
}

/// Decides what the rows that share a user and a door or key with a request say about it.
///
/// The key is asked first: whoever repeats a request wants that request's answer, whatever else
/// happened since. `None` when no row stands in the way.
#[must_use]
pub fn resolve(day: Day, earlier: &[Earlier]) -> Option<Outcome> {
    if let Some(own) = earlier.iter().find(|row| row.same_key) {
        let same_door = own.claim.day == day;
        return Some(if same_door {
            Outcome::Replayed(own.claim)
        } else {
            Outcome::KeyReused(own.claim)
        });
    }
    let same_door = earlier.iter().find(|row| row.claim.day == day)?;
    Some(Outcome::AlreadyClaimed(same_door.claim))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(day: i64, same_key: bool) -> Earlier {
        let claim = Claim { day: Day::new(day).unwrap(), at: Timestamp::UNIX_EPOCH };
        Earlier { claim, same_key }
    }

    fn day(number: i64) -> Day {
        Day::new(number).unwrap()
    }

    #[test]
    fn the_same_key_and_door_repeat_the_answer() {
        let earlier = [row(8, true)];
        assert_eq!(resolve(day(8), &earlier), Some(Outcome::Replayed(earlier[0].claim)));
    }

    #[test]
    fn the_same_key_with_another_door_is_refused_even_if_that_door_is_claimed_too() {
        let earlier = [row(9, false), row(8, true)];
        assert_eq!(resolve(day(9), &earlier), Some(Outcome::KeyReused(earlier[1].claim)));
    }

    #[test]
    fn another_key_for_a_claimed_door_is_a_conflict() {
        let earlier = [row(8, false)];
        assert_eq!(resolve(day(8), &earlier), Some(Outcome::AlreadyClaimed(earlier[0].claim)));
    }

    #[test]
    fn rows_of_other_doors_stand_in_nobodys_way() {
        assert_eq!(resolve(day(8), &[row(9, false)]), None);
        assert_eq!(resolve(day(8), &[]), None);
    }

    #[test]
    fn user_ids_are_plain_numbers_from_1_to_the_highest() {
        assert_eq!(UserId::parse("1", 10), Ok(UserId(1)));
        assert_eq!(UserId::parse("10", 10), Ok(UserId(10)));
        for malformed in ["", "0", "007", "-1", "+1", "1.0", "abc", " 1", "1e3", "\u{661}"] {
            assert_eq!(UserId::parse(malformed, 10), Err(UserIdError::Malformed), "{malformed:?}");
        }
        for unknown in ["11", "9223372036854775808", &"9".repeat(400)] {
            assert_eq!(UserId::parse(unknown, 10), Err(UserIdError::Unknown), "{unknown:?}");
        }
    }

    #[test]
    fn keys_are_short_and_visible() {
        assert!(IdempotencyKey::parse(b"a").is_some());
        assert!(IdempotencyKey::parse(&[b'k'; MAX_KEY_LENGTH]).is_some());
        for wrong in
            [&b""[..], b"two words", b"tab\t", "\u{e4}".as_bytes(), &[b'k'; MAX_KEY_LENGTH + 1]]
        {
            assert!(IdempotencyKey::parse(wrong).is_none(), "{wrong:?}");
        }
    }

    #[test]
    fn a_claim_is_written_with_its_door_and_time() {
        let text = serde_json::to_string(&row(8, true).claim).unwrap();
        assert_eq!(text, r#"{"day":8,"claimed_at":"1970-01-01T00:00:00Z"}"#);
    }
}
