//! How long an object took to become Ready for the first time: pure. An object that was Ready before, or that is older
//! than our sight of it, says nothing: what was Ready for hours and fails for a second did not take hours to start.
//!
//! Kept by the facts of pods and nodes; the core learns lead times from it.

use apifleet_core::observation::Startup;
use jiff::{SignedDuration, Timestamp};
use std::time::Duration;

/// An object that is older than this when it is first seen may have been Ready before.
const SEEN_FROM_BIRTH: SignedDuration = SignedDuration::from_mins(1);
/// Startups are told for this long.
const TOLD_FOR: SignedDuration = SignedDuration::from_mins(10);

/// What is known of an object's first start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Birth {
    /// Nothing: it was there before we looked.
    #[default]
    Unseen,
    /// It has been watched from its creation on, and has not been Ready.
    Awaited,
    /// It became Ready this long after its creation.
    Took(Duration),
}

// === impl Birth ===

impl Birth {
    /// What is known after a look at an object; `before` is what was known of the same one, if it had been seen.
    #[must_use]
    pub fn after(
        before: Option<Self>,
        (created, ready_since): (Timestamp, Option<Timestamp>),
        now: Timestamp,
    ) -> Self {
        let young = now.duration_since(created) <= SEEN_FROM_BIRTH;
        match before {
            Some(Self::Awaited) => Self::first(created, ready_since),
            None if young => Self::first(created, ready_since),
            Some(Self::Unseen) | None => Self::Unseen,
            Some(Self::Took(took)) => Self::Took(took),
        }
    }

    fn first(created: Timestamp, ready_since: Option<Timestamp>) -> Self {
        let Some(ready) = ready_since else { return Self::Awaited };
        Self::Took(Duration::try_from(ready.duration_since(created)).unwrap_or_default())
    }

    /// For the core, while it is news.
    #[must_use]
    pub fn told(self, created: Timestamp, now: Timestamp) -> Option<Startup> {
        let Self::Took(took) = self else { return None };
        let at = created.checked_add(took).ok()?;
        (now.duration_since(at) <= TOLD_FOR).then_some(Startup { at, took })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_000_000 + second).unwrap()
    }

    #[test]
    fn the_first_time_counts_and_no_later_one() {
        let seen = Birth::after(None, (at(0), None), at(2));
        assert_eq!(seen, Birth::Awaited);
        let ready = Birth::after(Some(seen), (at(0), Some(at(9))), at(10));
        assert_eq!(ready, Birth::Took(Duration::from_secs(9)));
        let again = Birth::after(Some(ready), (at(0), Some(at(900))), at(901));
        assert_eq!(again, ready, "it failed for a while and came back");
    }

    #[test]
    fn what_was_there_before_us_says_nothing() {
        let seen = Birth::after(None, (at(0), Some(at(7_000))), at(7_200));
        assert_eq!(seen, Birth::Unseen);
        assert_eq!(Birth::after(Some(seen), (at(0), Some(at(7_300))), at(7_301)), Birth::Unseen);
        assert_eq!(seen.told(at(0), at(7_300)), None);
    }

    #[test]
    fn a_slow_start_counts_however_long_it_takes() {
        let waits = Birth::after(Some(Birth::Awaited), (at(0), None), at(600));
        let ready = Birth::after(Some(waits), (at(0), Some(at(700))), at(701));
        assert_eq!(ready, Birth::Took(Duration::from_secs(700)));
    }

    #[test]
    fn a_startup_is_told_for_ten_minutes() {
        let took = Duration::from_secs(9);
        let told = |now| Birth::Took(took).told(at(0), at(now));
        assert_eq!(told(10), Some(Startup { at: at(9), took }));
        assert!(told(609).is_some() && told(610).is_none());
    }

    #[test]
    fn clocks_that_disagree_give_no_negative_time() {
        let seen = Birth::after(None, (at(5), Some(at(3))), at(4));
        assert_eq!(seen, Birth::Took(Duration::ZERO));
    }
}
