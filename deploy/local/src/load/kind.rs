//! What streams ask for: the routes of the API server, each of a class that it sheds together. Pure: from a kind to the
//! generator's words.

use std::net::SocketAddr;

/// What a stream asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// The home page of one of nine hundred thousand users: a read.
    Home,
    /// A claim of one of nine million users: a write. A user who is drawn again has claimed already, and is told so.
    Claim,
    /// The campaign's days: the same read for everybody.
    Campaign,
    /// What one of nine hundred thousand users may like: a read.
    Recommendations,
    /// A batch of one event: taken, and stored later.
    Events,
}

/// What the API server sheds together; the last is shed first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// Must never be lost.
    Critical,
    /// May be lost under overload.
    NonCritical,
    /// Is the first to be lost.
    Background,
}

const JSON: [&str; 4] = ["-m", "POST", "-T", "application/json"];
const CLAIM: [&str; 4] = ["-H", "idempotency-key: load", "-d", r#"{"day":8}"#];
const EVENTS: [&str; 2] = [
    "-d",
    r#"{"events":[{"id":"load","user":7,"kind":"door_opened","at":"2026-12-08T09:00:00Z"}]}"#,
];

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 5] =
        [Self::Home, Self::Claim, Self::Campaign, Self::Recommendations, Self::Events];

    /// The class of its route.
    #[must_use]
    pub fn class(self) -> Class {
        match self {
            Self::Home | Self::Claim => Class::Critical,
            Self::Campaign | Self::Recommendations => Class::NonCritical,
            Self::Events => Class::Background,
        }
    }

    /// The generator's words for it: method, body and URL, in which what stands in brackets is drawn at random for each
    /// request. The generator takes a dot for a dot, not for any character.
    pub(super) fn words(self, service: SocketAddr) -> Vec<String> {
        let (path, extra): (_, &[&[&str]]) = match self {
            Self::Home => ("users/[1-9][0-9]{5}/home", &[]),
            Self::Claim => ("users/[1-9][0-9]{6}/claims", &[&JSON, &CLAIM]),
            Self::Campaign => ("campaign", &[]),
            Self::Recommendations => ("users/[1-9][0-9]{5}/recommendations", &[]),
            Self::Events => ("events", &[&JSON, &EVENTS]),
        };
        let words = extra.concat().into_iter().map(ToOwned::to_owned);
        words.chain([format!("http://{service}/v1/{path}")]).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(kind: Kind) -> Vec<String> {
        kind.words(SocketAddr::from(([10, 96, 0, 5], 80)))
    }

    #[test]
    fn users_are_drawn_at_random_from_one_service() {
        let words = words(Kind::Claim);
        let url = words.last().unwrap();
        assert_eq!(url, "http://10.96.0.5:80/v1/users/[1-9][0-9]{6}/claims");
    }

    #[test]
    fn what_is_written_is_posted_as_json_and_what_is_read_is_not() {
        for kind in Kind::ALL {
            let words = words(kind);
            let body = words.iter().skip_while(|word| *word != "-d").nth(1);
            let writes = matches!(kind, Kind::Claim | Kind::Events);
            assert_eq!(words.contains(&"POST".to_owned()), writes, "{kind:?}");
            assert_eq!(body.is_some(), writes, "{kind:?}");
            if let Some(body) = body {
                assert!(serde_json::from_str::<serde_json::Value>(body).is_ok(), "{body}");
            }
        }
    }

    #[test]
    fn every_class_has_a_kind_and_the_last_is_shed_first() {
        let mut classes = Kind::ALL.map(Kind::class);
        classes.sort_unstable();
        assert_eq!(classes.first(), Some(&Class::Critical));
        assert_eq!(classes.last(), Some(&Class::Background));
        assert!(classes.contains(&Class::NonCritical));
    }
}
