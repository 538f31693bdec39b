//! [`Oracle`]: knows what is to come, and so what the cheapest fleet is that keeps the promise in every minute.
//!
//! * The plain one looks one lag ahead: at every instant it has the pods that any minute needs which begins before a
//!   pod of now would be Ready ([`needed`]). That is the least that can be paid without a violation, and it changes its
//!   mind as often as traffic does.
//! * The stable one pays for calm: the cheapest plan without a reversal within ten minutes ([`stable`]).
//!
//! Neither knows of faults. Not an autoscaler that anybody could have: the yardstick for those.

mod needed;
mod stable;

use crate::load::Load;
use crate::run::{Scenario, first_size};
use crate::scaler::{Scaler, View};
use needed::needed;

/// The stable plan changes at multiples of so many seconds.
const STABLE_STEP: u32 = 30;
/// Seconds of a minute.
const MINUTE: u32 = 60;

/// An autoscaler with a plan.
#[derive(Debug, Clone)]
pub struct Oracle {
    name: &'static str,
    start: i64,
    plan: Plan,
}

/// Sizes, each for a step of so many seconds.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Plan {
    step: u32,
    sizes: Vec<u32>,
}

impl Oracle {
    /// The plain one, for a scenario and the very requests that it will get.
    #[must_use]
    pub fn new(scenario: &Scenario, load: &Load) -> Self {
        let plan = plain(&needed(load, scenario.sizes()), lag(scenario));
        Self { name: "oracle", start: load.start().as_second(), plan }
    }

    /// The stable one.
    #[must_use]
    pub fn stable(scenario: &Scenario, load: &Load) -> Self {
        let least = plain(&needed(load, scenario.sizes()), lag(scenario)).widened(STABLE_STEP);
        let sizes = stable::plan(&least.sizes, least.step, first_size(scenario));
        let plan = Plan { sizes, ..least };
        Self { name: "stable oracle", start: load.start().as_second(), plan }
    }
}

impl Scaler for Oracle {
    fn name(&self) -> String {
        self.name.to_owned()
    }

    fn period(&self) -> u32 {
        1
    }

    fn look(&mut self, view: &View<'_>) -> Option<u32> {
        let second = usize::try_from(view.now.as_second() - self.start).ok()?;
        self.plan.sizes.get(second / self.plan.step as usize).copied()
    }

    fn restart(&mut self, _: &View<'_>) {}
}

/// At every instant the most that is needed in any minute that begins before a pod of now would be Ready.
fn plain(needed: &[u32], lag: u32) -> Plan {
    // Minutes begin, and so do the pods for them, at multiples of this.
    let step = divisor(MINUTE, lag);
    let seconds = u32::try_from(needed.len()).unwrap_or(u32::MAX).saturating_mul(MINUTE);
    let size = |index: u32| {
        let second = index * step;
        let first = (second / MINUTE) as usize;
        let last = (second.saturating_add(lag) / MINUTE) as usize;
        let ahead = needed.get(first..=last.min(needed.len().saturating_sub(1)));
        ahead.and_then(|ahead| ahead.iter().max()).copied().unwrap_or_default()
    };
    Plan { step, sizes: (0..seconds.div_ceil(step)).map(size).collect() }
}

impl Plan {
    /// The same in steps of at least so many seconds: of those that fall together the largest.
    fn widened(self, step: u32) -> Self {
        let together = (step / self.step).max(1) as usize;
        let most = |sizes: &[u32]| sizes.iter().max().copied().unwrap_or_default();
        Self {
            step: self.step * u32::try_from(together).unwrap_or(1),
            sizes: self.sizes.chunks(together).map(most).collect(),
        }
    }
}

/// The greatest common one (Euclid).
const fn divisor(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { divisor(b, a % b) }
}

/// From asking for a pod until it is Ready, at worst.
fn lag(scenario: &Scenario) -> u32 {
    scenario.lag.pod.saturating_add(scenario.lag.node)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_plain_plan_looks_one_lag_ahead_and_no_further() {
        let plan = plain(&[2, 2, 2, 2, 9, 2, 2], 150);
        assert_eq!(plan.step, 30);
        // The fifth minute begins at 240 s: from 90 s on, and until it ends at 300 s.
        let of_nine: Vec<usize> = (0..14).filter(|step| plan.sizes[*step] == 9).collect();
        assert_eq!(of_nine, [3, 4, 5, 6, 7, 8, 9]);
        assert_eq!(plain(&[1, 5], 0).sizes, [1, 5]);
        assert_eq!(plain(&[1, 5], 7).step, 1);
    }

    #[test]
    fn wider_steps_keep_what_is_needed() {
        let plan = Plan { step: 10, sizes: vec![1, 2, 1, 1, 1, 3, 1] };
        assert_eq!(plan.widened(30), Plan { step: 30, sizes: vec![2, 3, 1] });
    }
}
