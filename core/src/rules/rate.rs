//! Stage 4: the HPA's rate policies over sliding periods, counted from remembered changes of the size.
//!
//! When adding, the size at the start of the period counts, exactly as in the HPA. When removing, it is the largest
//! size inside the period: the HPA's own formula lets a fleet that was raised a moment ago fall in one step to a
//! limit that is measured from before the rise.

use super::Outcome;
use super::limits::Limits;
use crate::behavior::{Amount, Direction, Select};
use crate::changes::{Change, span};
use crate::quantity::Replicas;
use crate::why::Why;
use jiff::Timestamp;
use std::cmp::Ordering;

/// Limits the step from the current size to what is asked for.
#[must_use]
pub fn rate(limits: &Limits, asks: Replicas) -> Outcome {
    let behavior = &limits.policy.behavior;
    let changes = &limits.memory.changes;
    match asks.cmp(&limits.current) {
        Ordering::Greater => {
            let limit = highest(&behavior.up, changes, limits.current, limits.now);
            if asks > limit {
                return Outcome { replicas: limit, why: Why::ScaleUpLimit { asks, limit } };
            }
        }
        Ordering::Less => {
            let limit = lowest(&behavior.down, changes, limits.current, limits.now);
            if asks < limit {
                return Outcome { replicas: limit, why: Why::ScaleDownLimit { asks, limit } };
            }
        }
        Ordering::Equal => {}
    }
    Outcome::unchanged(asks)
}

/// The largest size that may be had now; never below the current one.
#[must_use]
pub fn highest(up: &Direction, changes: &[Change], current: Replicas, now: Timestamp) -> Replicas {
    let allowed = up.policies.iter().map(|policy| {
        let start = span(changes, current, now, policy.period).start;
        match policy.amount {
            Amount::Pods(pods) => start.plus(pods),
            Amount::Percent(percent) => {
                let grown = u64::from(start.get()) * (100 + u64::from(percent));
                Replicas::new(u32::try_from(grown.div_ceil(100)).unwrap_or(u32::MAX))
            }
        }
    });
    let limit = match up.select {
        Select::Max => allowed.max().unwrap_or(Replicas::LIMIT),
        Select::Min => allowed.min().unwrap_or(Replicas::LIMIT),
        Select::Disabled => current,
    };
    limit.max(current)
}

/// The smallest size that may be had now; never above the current one.
#[must_use]
pub fn lowest(down: &Direction, changes: &[Change], current: Replicas, now: Timestamp) -> Replicas {
    let allowed = down.policies.iter().map(|policy| {
        let peak = span(changes, current, now, policy.period).peak;
        match policy.amount {
            Amount::Pods(pods) => peak.minus(pods),
            Amount::Percent(percent) => {
                let kept = u64::from(peak.get()) * (100 - u64::from(percent.min(100)));
                Replicas::new(u32::try_from(kept / 100).unwrap_or(u32::MAX))
            }
        }
    });
    let limit = match down.select {
        Select::Max => allowed.min().unwrap_or(Replicas::ZERO),
        Select::Min => allowed.max().unwrap_or(Replicas::ZERO),
        Select::Disabled => current,
    };
    limit.min(current)
}
