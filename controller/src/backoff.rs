//! When a fleet whose reconcile failed is tried again: pure. Bounded at [`LONGEST`], so that a fleet is never left
//! alone for longer than 20 seconds, and spread, so that fleets that failed together do not come back together.
//!
//! Called by [`crate::roster`], and for watches, reports and definitions that failed by [`crate::caches`],
//! [`crate::report`] and [`crate::definitions`].

use crate::error::Class;
use std::time::Duration;

/// No fleet waits longer.
pub const LONGEST: Duration = Duration::from_secs(20);

/// How long to wait after so many failures in a row; `spread` in 0..=1 places the wait within its upper half.
#[must_use]
pub fn wait(class: Class, failures: u32, spread: f64) -> Duration {
    let whole = match class {
        Class::Transient => doubling(Duration::from_secs(1), failures),
        Class::Bug => doubling(Duration::from_secs(4), failures),
        // Only a person can help here; asking sooner is load without a chance.
        Class::Invalid | Class::Forbidden => LONGEST,
    };
    let spread = if spread.is_finite() { spread.clamp(0.0, 1.0) } else { 1.0 };
    whole.mul_f64(0.5 + spread / 2.0)
}

fn doubling(first: Duration, failures: u32) -> Duration {
    let factor = 2_u32.saturating_pow(failures.saturating_sub(1).min(8));
    first.saturating_mul(factor).min(LONGEST)
}

/// A fresh number in 0..1 for [`wait`]. Not for secrets.
#[must_use]
pub fn spread() -> f64 {
    use std::hash::{BuildHasher as _, RandomState};
    // The standard library seeds every `RandomState` anew; hashing nothing gives a number that differs each time.
    let random = RandomState::new().hash_one(0_u8) >> 32;
    f64::from(u32::try_from(random).unwrap_or_default()) / f64::from(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_and_never_pass_the_bound() {
        let waits: Vec<_> = (1..12).map(|n| wait(Class::Transient, n, 1.0)).collect();
        assert_eq!(waits.first(), Some(&Duration::from_secs(1)));
        assert!(waits.is_sorted());
        assert_eq!(waits.last(), Some(&LONGEST));
        assert_eq!(wait(Class::Transient, u32::MAX, 1.0), LONGEST);
    }

    #[test]
    fn what_only_a_person_can_fix_is_asked_rarely_from_the_start() {
        assert_eq!(wait(Class::Invalid, 1, 1.0), LONGEST);
        assert_eq!(wait(Class::Forbidden, 1, 0.0), LONGEST / 2);
    }

    #[test]
    fn the_spread_stays_within_the_upper_half() {
        for spread in [f64::NAN, f64::NEG_INFINITY, -3.0, 0.0, 0.3, 1.0, 7.0] {
            let wait = wait(Class::Transient, 3, spread);
            assert!(
                wait >= Duration::from_secs(2) && wait <= Duration::from_secs(4),
                "{spread}: {wait:?}"
            );
        }
    }

    #[test]
    fn spreads_differ() {
        let spreads: Vec<f64> = (0..8).map(|_| spread()).collect();
        assert!(spreads.iter().all(|spread| (0.0..=1.0).contains(spread)));
        assert!(spreads.windows(2).any(|pair| pair.first() != pair.last()));
    }
}
