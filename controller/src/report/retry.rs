//! When a report that failed is tried again: pure.
//!
//! One for the status of a fleet and one for what its overrides are told, kept in [`crate::state`].

use crate::backoff;
use crate::error::Class;
use std::time::Instant;

/// The failures in a row, and what follows from them. The default has seen none.
#[derive(Debug, Clone, Default)]
pub struct Retry {
    failures: u32,
    /// Not before this instant.
    after: Option<Instant>,
}

impl Retry {
    /// Whether it may be tried.
    #[must_use]
    pub fn is_due(&self, now: Instant) -> bool {
        self.after.is_none_or(|after| now >= after)
    }

    /// It has failed once more.
    pub fn fail(&mut self, class: Class, now: Instant) {
        self.failures = self.failures.saturating_add(1);
        self.after = now.checked_add(backoff::wait(class, self.failures, backoff::spread()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn each_failure_in_a_row_waits_longer_and_none_past_the_bound() {
        let (mut retry, now) = (Retry::default(), Instant::now());
        assert!(retry.is_due(now));
        retry.fail(Class::Transient, now);
        assert!(!retry.is_due(now) && retry.is_due(now + Duration::from_secs(1)));
        for _ in 0..10 {
            retry.fail(Class::Transient, now);
        }
        assert!(!retry.is_due(now + Duration::from_secs(9)));
        assert!(retry.is_due(now + backoff::LONGEST));
    }
}
