//! From fractions to counts of replicas, as the peers' own languages round: never a NaN, never a wrap.
//!
//! Called by every baseline; decides nothing.

use apifleet_core::Replicas;

/// The smallest count that is at least `value`; NaN and negative values give zero.
#[must_use]
pub fn ceil(value: f64) -> u32 {
    Replicas::ceil(value).get()
}

/// The largest count that is at most `value`; NaN and negative values give zero.
#[must_use]
pub fn floor(value: f64) -> u32 {
    Replicas::ceil(value.floor()).get()
}

/// A count between the bounds; where they cross, the lower one wins.
#[must_use]
pub fn within(count: u32, (min, max): (u32, u32)) -> u32 {
    count.min(max).max(min)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_number_is_no_replica() {
        for value in [f64::NAN, f64::NEG_INFINITY, -0.5] {
            assert_eq!((ceil(value), floor(value)), (0, 0), "{value}");
        }
        assert_eq!((ceil(f64::INFINITY), floor(1e300)), (1_000_000, 1_000_000));
    }

    #[test]
    fn fractions_go_up_or_down_and_bounds_may_cross() {
        assert_eq!((ceil(2.1), floor(2.9), ceil(3.0), floor(3.0)), (3, 2, 3, 3));
        assert_eq!((within(5, (10, 30)), within(40, (10, 30)), within(20, (10, 30))), (10, 30, 20));
        assert_eq!(within(5, (30, 10)), 30);
    }
}
