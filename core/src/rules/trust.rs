//! Stage 1: which signals can be believed.
//!
//! Bad data is never zero. A failed, empty or meaningless answer serves the last good value as a lower bound until
//! it is too old; a window that is not full yet, or seen on too few pods, is a lower bound as well. A lower bound may
//! raise a fleet and never lower it. (KEDA #3065: an empty result read as 0 sent fleets to their minimum at the
//! peak; Mimir #7691: rates are too low just after Prometheus returns.)

use crate::decision::Signals;
use crate::memory::{LastValues, Sample};
use crate::observation::{Observation, Reading};
use crate::policy::SignalPolicy;
use crate::quantity::{Millis, Percent, Replicas, Rps};
use crate::signal::Signal;
use crate::why::{SignalName, Why};
use crate::window::signed;
use jiff::{SignedDuration, Timestamp};
use std::time::Duration;

/// The signals, judged together.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Trust {
    /// Each signal.
    pub signals: Signals,
    /// The guarded percentile of what requests wait for behind the server. Not a signal that anything waits for, and
    /// only what was measured just now counts.
    pub dependency_latency: Signal<Millis>,
    /// Whether all configured signals may speak for scale-in.
    pub trusted: bool,
    /// Whether nothing is known of a configured signal, not even a lower bound.
    pub missing: bool,
    /// Why, by the first signal that is not trusted.
    pub why: Why,
}

/// Whether the samples behind the readings are all that there should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Completeness {
    Full,
    Warming { samples: Option<u32>, needed: u32 },
    Partial { scraped: Replicas, ready: Replicas },
    CoverageUnknown,
}

/// Judges readings of one instant.
struct Judge {
    now: Timestamp,
    stale_after: SignedDuration,
    completeness: Completeness,
}

/// Judges every signal and remembers the good values.
#[must_use]
pub fn trust(
    policy: &SignalPolicy,
    seen: &Observation,
    last: &mut LastValues,
    now: Timestamp,
) -> Trust {
    let judge = Judge {
        now,
        stale_after: signed(policy.stale_after),
        completeness: completeness(policy, seen, now),
    };
    let readings = &seen.readings;
    let rate = judge.requests(readings.request_rate, &mut last.request_rate);
    // Over 15 s there is no window to warm up, and the burst rule can only raise.
    let burst_judge = Judge { completeness: Completeness::Full, ..judge };
    let burst_rate = burst_judge.judge(readings.burst_rate, Rps::new, &mut last.burst_rate);
    let idle = matches!(rate, Signal::Idle);
    let latency = policy.latency.map(|_| {
        if idle && says_nothing(readings.latency) {
            return Signal::Idle;
        }
        judge.judge(readings.latency, Millis::new, &mut last.latency)
    });
    let ratio = error_percent(readings.error_rate, readings.request_rate);
    let errors = policy.max_errors.map(|_| {
        if idle { Signal::Idle } else { judge.judge(ratio, Percent::new, &mut last.errors) }
    });

    let critical_rate = judge.judge(readings.critical_rate, Rps::new, &mut last.critical_rate);
    let dependency_latency = judge.judge(readings.dependency_latency, Millis::new, &mut None);

    let distrust = judge
        .explain(SignalName::RequestRate, &rate, readings.request_rate)
        .or_else(|| judge.explain(SignalName::Latency, &latency?, readings.latency))
        .or_else(|| judge.explain(SignalName::Errors, &errors?, ratio));
    let calm = match rate {
        Signal::Fresh { age, .. } => Why::Fresh { age },
        _ => Why::Idle,
    };
    Trust {
        signals: Signals { request_rate: rate, burst_rate, latency, errors, critical_rate },
        dependency_latency,
        trusted: distrust.is_none(),
        missing: rate.is_missing()
            || latency.is_some_and(|latency| latency.is_missing())
            || errors.is_some_and(|errors| errors.is_missing()),
        why: distrust.unwrap_or(calm),
    }
}

impl Judge {
    /// The request rate: zero requests are a state of their own, because latency and error ratio are 0/0 then.
    fn requests(&self, reading: Reading, last: &mut Option<Sample>) -> Signal<Rps> {
        match self.judge(reading, Rps::new, last) {
            Signal::Fresh { value, .. } if value <= Rps::ZERO => Signal::Idle,
            judged => judged,
        }
    }

    fn judge<T: Copy>(
        &self,
        reading: Reading,
        measure: fn(f64) -> Option<T>,
        last: &mut Option<Sample>,
    ) -> Signal<T> {
        let serving = last
            .filter(|sample| self.now.duration_since(sample.at) <= self.stale_after)
            .and_then(|sample| measure(sample.value()));
        let (plain, sampled_at) = match reading {
            Reading::Value { value, sampled_at } => (value, sampled_at),
            Reading::Empty | Reading::Failed => return Signal::Absent { last: serving },
            Reading::Several => return Signal::Invalid { last: serving },
        };
        let Some(value) = measure(plain) else { return Signal::Invalid { last: serving } };
        let since = self.now.duration_since(sampled_at);
        let age = Duration::try_from(since).unwrap_or_default();
        if since > self.stale_after {
            return Signal::Stale { age, last: None };
        }
        // From far in the future: one of the clocks is wrong, and nobody knows how old this is.
        if since < -self.stale_after {
            return Signal::Stale { age, last: Some(value) };
        }
        match self.completeness {
            Completeness::Full => {
                *last = Some(Sample::new(plain, sampled_at.min(self.now)));
                Signal::Fresh { value, age }
            }
            Completeness::Warming { .. } => Signal::Warming { value },
            Completeness::Partial { .. } | Completeness::CoverageUnknown => {
                Signal::Stale { age, last: Some(value) }
            }
        }
    }

    /// Why a signal is not trusted, if it is not.
    fn explain<T: Copy>(
        &self,
        signal: SignalName,
        judged: &Signal<T>,
        reading: Reading,
    ) -> Option<Why> {
        match (judged, self.completeness) {
            (Signal::Fresh { .. } | Signal::Idle, _) => None,
            (Signal::Warming { .. }, Completeness::Warming { samples, needed }) => {
                Some(Why::Warming { samples, needed })
            }
            (Signal::Stale { last: Some(_), .. }, Completeness::Partial { scraped, ready }) => {
                Some(Why::PartialScrape { scraped, ready })
            }
            (Signal::Stale { last: Some(_), .. }, Completeness::CoverageUnknown) => {
                Some(Why::PrometheusUnreachable { signal: SignalName::ScrapedPods })
            }
            (Signal::Stale { age, .. }, _) => Some(Why::Stale { signal, age: *age }),
            (Signal::Absent { .. }, _) if matches!(reading, Reading::Failed) => {
                Some(Why::PrometheusUnreachable { signal })
            }
            (Signal::Absent { .. }, _) => Some(Why::Absent { signal }),
            (Signal::Invalid { .. } | Signal::Warming { .. }, _) => Some(Why::Invalid { signal }),
        }
    }
}

/// Enough pods first, then a full window of samples.
fn completeness(policy: &SignalPolicy, seen: &Observation, now: Timestamp) -> Completeness {
    coverage(policy, seen, now).unwrap_or_else(|| warmth(policy, seen))
}

/// Whether too few pods are scraped. Only pods that have been Ready for longer than the window and two scrapes are
/// expected, so that a scale-out does not make its own signal stale. Without pod identity it is not asked.
fn coverage(policy: &SignalPolicy, seen: &Observation, now: Timestamp) -> Option<Completeness> {
    let scraped = match seen.readings.scraped_pods {
        Reading::Value { value, .. } if value.is_finite() && value >= 0.0 => Replicas::ceil(value),
        Reading::Empty => return None,
        Reading::Value { .. } | Reading::Several | Reading::Failed => {
            return Some(Completeness::CoverageUnknown);
        }
    };
    let grace = signed(policy.window.saturating_add(seen.scrape_interval.saturating_mul(2)));
    let is_expected = |since: &&Timestamp| now.duration_since(**since) > grace;
    let expected = seen.ready_since.iter().filter(is_expected).count();
    let ready = Replicas::new(u32::try_from(expected).unwrap_or(u32::MAX));
    let too_few = u64::from(scraped.get()) * 10 < u64::from(ready.get()) * 9;
    (too_few || scraped == Replicas::ZERO).then_some(Completeness::Partial { scraped, ready })
}

/// Whether there is one full window of samples; one may be missing, as scrapes and windows do not line up. Judged on
/// what Prometheus has, so a restart of the operator alone warms nothing up.
fn warmth(policy: &SignalPolicy, seen: &Observation) -> Completeness {
    let interval = seen.scrape_interval.as_millis().max(1);
    let full = u32::try_from(policy.window.as_millis() / interval).unwrap_or(u32::MAX);
    let needed = full.saturating_sub(1).max(1);
    match seen.readings.window_samples {
        Reading::Value { value, .. } if value >= f64::from(needed) => Completeness::Full,
        Reading::Value { value, .. } => {
            Completeness::Warming { samples: Some(Replicas::ceil(value).get()), needed }
        }
        Reading::Empty | Reading::Several | Reading::Failed => {
            Completeness::Warming { samples: None, needed }
        }
    }
}

/// Whether a reading is 0/0.
fn says_nothing(reading: Reading) -> bool {
    match reading {
        Reading::Value { value, .. } => value.is_nan(),
        Reading::Empty => true,
        Reading::Several | Reading::Failed => false,
    }
}

/// Failed requests in percent of all, as good as the worse of the two readings.
fn error_percent(errors: Reading, requests: Reading) -> Reading {
    match (errors, requests) {
        (
            Reading::Value { value: errors, sampled_at },
            Reading::Value { value: requests, sampled_at: other },
        ) => Reading::Value { value: errors / requests * 100.0, sampled_at: sampled_at.min(other) },
        (Reading::Value { .. }, bad) | (bad, _) => bad,
    }
}
