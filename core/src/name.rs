//! A short name as people wrote it, small enough to be copied into every reason.

use serde::{Deserialize, Serialize};
use std::fmt;

/// The longest name, in bytes.
const LIMIT: usize = 32;

/// A name of 1 to 32 ASCII characters. It is `Copy`, so that a [`crate::Why`] that carries one is, too.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Name {
    length: u8,
    bytes: [u8; LIMIT],
}

/// Not a [`Name`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotAName;

impl Name {
    /// The name, if it has 1 to 32 ASCII characters.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let length = u8::try_from(text.len()).ok().filter(|_| text.is_ascii())?;
        let mut bytes = [0; LIMIT];
        bytes
            .get_mut(..text.len())
            .filter(|place| !place.is_empty())?
            .copy_from_slice(text.as_bytes());
        Some(Self { length, bytes })
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        let text = self.bytes.get(..usize::from(self.length)).unwrap_or_default();
        std::str::from_utf8(text).unwrap_or_default()
    }
}

impl TryFrom<String> for Name {
    type Error = NotAName;

    fn try_from(text: String) -> Result<Self, NotAName> {
        Self::parse(&text).ok_or(NotAName)
    }
}

impl From<Name> for String {
    fn from(name: Name) -> Self {
        name.as_str().to_owned()
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.as_str())
    }
}

impl fmt::Display for NotAName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name has 1 to 32 ASCII characters")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_what_was_written() {
        let longest = "x".repeat(LIMIT);
        for text in ["d", "december", longest.as_str()] {
            assert_eq!(Name::parse(text).unwrap().as_str(), text);
        }
        for text in ["", "décembre", &"x".repeat(LIMIT + 1), &"x".repeat(300)] {
            assert_eq!(Name::parse(text), None, "{text}");
        }
    }
}
