//! How late a worker thread gets to work that is ready.
//!
//! A worker answers cached requests without ever waiting, so what has piled up in front of it is in no count of
//! requests: it waits, unread, in sockets. A task that means to run every 100 ms waits in the same queue and tells
//! how long. What counts is the smallest of the last few lags: a pause of the machine delays one, a queue that
//! stands delays all. And it counts only at a high rate of requests: a worker that lags at a low one is starved by
//! its neighbours, and refusing requests would not help it. Started once per worker by [`crate::net::server`]; read
//! by [`crate::http`].

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use crate::metrics::Metrics;

/// How often a worker is asked.
const EVERY: Duration = Duration::from_millis(100);
/// Lags of which the smallest counts: a second at least. Neighbours that start take a machine's processors for
/// parts of one, and what waited meanwhile is answered soon after.
const REMEMBERED: usize = 10;

/// Fewest requests per second for which a lag counts: many times what a replica is planned for, and a small part of
/// what a worker that has a processor to itself answers.
const CROWD_PER_SECOND: f64 = 500.0;

/// A worker's lag, as last measured.
#[derive(Debug, Default)]
pub struct Lag {
    standing_micros: AtomicU64,
    /// Since the last measurement.
    requests: AtomicU32,
}

impl Lag {
    /// The lag that stands, for one more request.
    #[must_use]
    pub fn for_request(&self) -> Duration {
        self.requests.fetch_add(1, Ordering::Relaxed);
        self.standing()
    }

    fn standing(&self) -> Duration {
        Duration::from_micros(self.standing_micros.load(Ordering::Relaxed))
    }

    /// Takes in a measured lag.
    fn measured(&self, recent: &mut Recent, lag: Duration) {
        let requests = self.requests.swap(0, Ordering::Relaxed);
        let caused = if is_crowd(requests, lag) { lag } else { Duration::ZERO };
        let standing = recent.standing(caused).as_micros();
        self.standing_micros.store(u64::try_from(standing).unwrap_or(u64::MAX), Ordering::Relaxed);
    }
}

/// Whether so many requests since the last measurement are many. The longer a worker lags, the more of them have come
/// by the time at which it is measured.
fn is_crowd(requests: u32, lag: Duration) -> bool {
    f64::from(requests) >= CROWD_PER_SECOND * (EVERY + lag).as_secs_f64()
}

/// Measures the thread that runs it, for as long as that lives.
pub async fn measure(lag: Arc<Lag>, metrics: Metrics) {
    let mut recent = Recent::default();
    loop {
        let due = Instant::now() + EVERY;
        sleep_until(due).await;
        let late = due.elapsed();
        metrics.lag(late);
        lag.measured(&mut recent, late);
    }
}

/// The last few lags.
#[derive(Debug, Default)]
struct Recent {
    lags: [Duration; REMEMBERED],
}

impl Recent {
    /// Takes in a lag and returns the smallest of the last few.
    fn standing(&mut self, lag: Duration) -> Duration {
        self.lags.rotate_left(1);
        if let Some(newest) = self.lags.last_mut() {
            *newest = lag;
        }
        self.lags.iter().min().copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arrive(lag: &Lag, requests: u32) {
        for _ in 0..requests {
            let _ = lag.for_request();
        }
    }

    #[test]
    fn a_queue_that_stands_counts_and_a_pause_of_the_machine_does_not() {
        let ms = Duration::from_millis;
        let mut recent = Recent::default();
        let mut standing = |lag| recent.standing(ms(lag));
        assert_eq!([0, 900, 800, 0].map(&mut standing), [0; 4].map(ms), "a pause");
        assert_eq!([150; REMEMBERED - 1].map(&mut standing), [ms(0); REMEMBERED - 1]);
        assert_eq!([140, 160, 1, 150].map(&mut standing), [140, 140, 1, 1].map(ms));
    }

    /// What stands after `LAG` was measured throughout, at a rate of requests.
    fn standing_at(per_second: u32) -> Duration {
        let (lag, mut recent) = (Lag::default(), Recent::default());
        for _ in 0..REMEMBERED {
            arrive(&lag, per_second * 11 / 10);
            lag.measured(&mut recent, LAG);
        }
        lag.standing()
    }

    const LAG: Duration = Duration::from_secs(1);

    #[test]
    fn a_worker_that_lags_at_the_planned_rate_is_starved_and_not_overloaded() {
        assert_eq!([0, 50, 150, 490].map(standing_at), [Duration::ZERO; 4]);
    }

    #[test]
    fn a_worker_that_lags_at_many_times_the_planned_rate_is_overloaded() {
        assert_eq!([500, 1000, 30_000].map(standing_at), [LAG; 3]);
    }

    #[tokio::test]
    async fn a_thread_that_is_kept_busy_is_seen_to_lag_and_to_recover() {
        let lag = Arc::new(Lag::default());
        let measuring = tokio::spawn(measure(Arc::clone(&lag), Metrics::default()));
        let began = std::time::Instant::now();
        while lag.for_request() < Duration::from_millis(30) {
            assert!(began.elapsed() < Duration::from_secs(10), "no lag is seen");
            arrive(&lag, 200);
            std::thread::sleep(Duration::from_millis(150));
            tokio::task::yield_now().await;
        }
        while lag.standing() > Duration::from_millis(20) {
            assert!(began.elapsed() < Duration::from_secs(20), "the lag stays");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        measuring.abort();
    }
}
