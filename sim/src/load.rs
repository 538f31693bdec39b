//! [`Load`]: whole requests, second by second, drawn from a trace by a seed.
//!
//! Drawn apart from the run, so that every autoscaler gets the same requests, and once for all of them.

use crate::trace::Trace;
use jiff::Timestamp;
use rand::SeedableRng;
use rand_distr::{Distribution, Poisson};
use rand_pcg::Pcg64;

/// The requests that arrive in each second.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Load {
    start: Timestamp,
    arrivals: Vec<u32>,
}

impl Load {
    /// Draws each second's requests from a Poisson distribution with the trace's rate then: what independent users
    /// make.
    #[must_use]
    pub fn draw(trace: &Trace, seed: u64) -> Self {
        let mut rng = Pcg64::seed_from_u64(seed);
        let draw = |second| {
            whole(Poisson::new(trace.rate_at(second)).map_or(0.0, |it| it.sample(&mut rng)))
        };
        Self { start: trace.start(), arrivals: (0..trace.seconds()).map(draw).collect() }
    }

    /// Exactly the trace's requests, rounded: for what was measured, which is as uneven as it was, and for tests of
    /// exact figures.
    #[must_use]
    pub fn exact(trace: &Trace) -> Self {
        let round = |second| whole(trace.rate_at(second).round());
        Self { start: trace.start(), arrivals: (0..trace.seconds()).map(round).collect() }
    }

    /// When it begins.
    #[must_use]
    pub const fn start(&self) -> Timestamp {
        self.start
    }

    /// The requests of each second.
    #[must_use]
    pub fn arrivals(&self) -> &[u32] {
        &self.arrivals
    }

    /// Its length in seconds.
    #[must_use]
    pub fn seconds(&self) -> u32 {
        u32::try_from(self.arrivals.len()).unwrap_or(u32::MAX)
    }
}

#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "whole and not negative; `as` saturates"
)]
fn whole(requests: f64) -> u32 {
    requests as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trace(rate: f64) -> Trace {
        Trace::new("t", Timestamp::UNIX_EPOCH, 3600, vec![rate; 4]).unwrap()
    }

    #[test]
    fn requests_have_the_mean_and_the_spread_of_independent_users() {
        for rate in [0.5, 30.0, 1400.0] {
            let load = Load::draw(&trace(rate), 7);
            let of = |it: u32| f64::from(it);
            let n = of(load.seconds());
            let mean = load.arrivals().iter().map(|it| of(*it)).sum::<f64>() / n;
            let variance =
                load.arrivals().iter().map(|it| (of(*it) - mean).powi(2)).sum::<f64>() / n;
            assert!((mean / rate - 1.0).abs() < 0.03, "{rate}: mean {mean}");
            assert!((variance / rate - 1.0).abs() < 0.06, "{rate}: variance {variance}");
        }
    }

    #[test]
    fn the_seed_makes_it() {
        let trace = trace(100.0);
        assert_eq!(Load::draw(&trace, 1), Load::draw(&trace, 1));
        assert_ne!(Load::draw(&trace, 1), Load::draw(&trace, 2));
    }

    #[test]
    fn no_traffic_brings_no_request() {
        assert!(Load::draw(&trace(0.0), 1).arrivals().iter().all(|it| *it == 0));
        assert!(Load::exact(&trace(2.4)).arrivals().iter().all(|it| *it == 2));
    }
}
