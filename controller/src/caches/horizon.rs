//! [`Horizon`]: the newest version of a kind that this copy has seen, and the refusal of lists that are older. No
//! client.
//!
//! An API server that lags behind, or a proxy that remembers, answers with a list of the past: overrides that are
//! over are there again, a size that has long been written is not. Acting on it would undo what was done since. Used
//! by [`super::feed`].

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// Lists that are older for so long tell the truth: the store of the cluster was restored from a backup.
const BELIEVED_AFTER: Duration = Duration::from_mins(2);

/// How new a kind has been seen.
#[derive(Debug, Default)]
pub(super) struct Horizon(Mutex<Seen>);

#[derive(Debug, Default)]
struct Seen {
    newest: u64,
    refusing_since: Option<Instant>,
}

impl Horizon {
    /// Something of this version was seen.
    pub(super) fn saw(&self, version: &str) {
        // Versions are ordered numbers since Kubernetes 1.35, and have always been in practice.
        let Ok(version) = version.parse::<u64>() else { return };
        let mut seen = self.lock();
        if version >= seen.newest {
            *seen = Seen { newest: version, refusing_since: None };
        }
    }

    /// Whether a list of this version may replace what is known.
    pub(super) fn admits(&self, version: &str, now: Instant) -> bool {
        let Ok(version) = version.parse::<u64>() else { return true };
        let mut seen = self.lock();
        if version < seen.newest {
            let since = *seen.refusing_since.get_or_insert(now);
            if now.saturating_duration_since(since) < BELIEVED_AFTER {
                return false;
            }
        }
        *seen = Seen { newest: version, refusing_since: None };
        true
    }

    fn lock(&self) -> MutexGuard<'_, Seen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_from_before_what_was_seen_is_refused() {
        let (horizon, now) = (Horizon::default(), Instant::now());
        assert!(horizon.admits("100", now));
        horizon.saw("120");
        horizon.saw("110");
        assert!(!horizon.admits("119", now));
        assert!(horizon.admits("120", now), "nothing has changed since");
        assert!(horizon.admits("1000", now), "compared as numbers, not as text");
        assert!(horizon.admits("not a number", now));
    }

    #[test]
    fn lists_that_stay_older_are_believed_after_two_minutes() {
        let (horizon, now) = (Horizon::default(), Instant::now());
        horizon.saw("120");
        assert!(!horizon.admits("7", now));
        assert!(!horizon.admits("8", now + BELIEVED_AFTER / 2));
        assert!(horizon.admits("9", now + BELIEVED_AFTER));
        assert!(!horizon.admits("8", now + BELIEVED_AFTER), "the new past is the present");
    }

    #[test]
    fn a_list_that_is_new_enough_in_between_starts_the_two_minutes_anew() {
        let (horizon, now) = (Horizon::default(), Instant::now());
        horizon.saw("120");
        assert!(!horizon.admits("7", now));
        assert!(horizon.admits("121", now + BELIEVED_AFTER / 2));
        assert!(!horizon.admits("7", now + BELIEVED_AFTER));
    }
}
