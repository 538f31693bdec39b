//! The campaign that the product is made for, made up: weeks of December with shops that open at 08:00, a ramp, a peak
//! of 1,000 to 1,500 requests per second, an evening and a quiet night; every day a little different, by seed.
//!
//! What is planned here is what a schedule's curve would be written from; nothing of it is measured.

use super::{Trace, TraceError};
use jiff::{Timestamp, civil, tz::TimeZone};
use rand::{RngExt, SeedableRng};
use rand_distr::{Distribution, StandardNormal};
use rand_pcg::Pcg64;

/// The width of a bucket, in seconds.
const BUCKET: u32 = 60;
/// Minutes of a day.
const MINUTES: u32 = 1440;
/// Users of the quietest and of the busiest day.
const USERS: (f64, f64) = (125_000.0, 200_000.0);
/// What their peaks are, in requests per second.
const PEAKS: (f64, f64) = (1_000.0, 1_500.0);
/// Noise from minute to minute: its size as a share, and how much of it is left a minute later.
const NOISE: (f64, f64) = (0.02, 0.7);
/// The day as shares of its peak, at minutes of the day.
const SHAPE: [(u32, f64); 17] = [
    (0, 0.05),
    (4 * 60, 0.03),
    (7 * 60, 0.08),
    (7 * 60 + 50, 0.15),
    (8 * 60, 0.25),
    (8 * 60 + 10, 0.70),
    (9 * 60 + 30, 0.85),
    (11 * 60, 1.0),
    (12 * 60 + 30, 0.90),
    (15 * 60, 0.82),
    (17 * 60 + 30, 0.92),
    (19 * 60, 0.85),
    (19 * 60 + 50, 0.60),
    (20 * 60 + 15, 0.25),
    (21 * 60, 0.14),
    (22 * 60 + 30, 0.08),
    (24 * 60, 0.05),
];

/// A campaign; the default is 24 days from 8 December 2029, 00:00 UTC.
#[derive(Debug, Clone)]
pub struct Campaign {
    /// The first day.
    pub from: civil::Date,
    /// How many days; at most a year's.
    pub days: u32,
    /// Whose wall clock shops open by.
    pub zone: TimeZone,
    /// Makes the days differ.
    pub seed: u64,
}

impl Default for Campaign {
    fn default() -> Self {
        Self { from: civil::date(2029, 12, 8), days: 24, zone: TimeZone::UTC, seed: 1 }
    }
}

impl Campaign {
    /// The traffic that it brings.
    pub fn trace(&self) -> Result<Trace, TraceError> {
        let midnight = self.from.to_zoned(self.zone.clone()).map_err(|_| TraceError::TooLate)?;
        let start: Timestamp = midnight.timestamp();
        let mut rng = Pcg64::seed_from_u64(self.seed);
        let mut noise = 0.0;
        let minutes = self.days.checked_mul(MINUTES).filter(|_| self.days <= 366);
        let mut rates = Vec::with_capacity(minutes.ok_or(TraceError::TooLong)? as usize);
        for _ in 0..self.days {
            let users = rng.random_range(USERS.0..=USERS.1);
            let peak = PEAKS.0 + (PEAKS.1 - PEAKS.0) * (users - USERS.0) / (USERS.1 - USERS.0);
            for minute in 0..MINUTES {
                let draw: f64 = StandardNormal.sample(&mut rng);
                let (size, kept) = NOISE;
                noise = kept * noise + (1.0 - kept * kept).sqrt() * size * draw;
                rates.push((peak * share(minute) * (1.0 + noise)).max(0.0));
            }
        }
        Trace::new("campaign", start, BUCKET, rates)
    }
}

/// The share of the day's peak at a minute of the day.
fn share(minute: u32) -> f64 {
    let mut pairs = SHAPE.iter().zip(SHAPE.iter().skip(1));
    let pair = pairs.find(|(_, to)| minute < to.0);
    pair.map_or(0.0, |(from, to)| {
        let part = f64::from(minute.saturating_sub(from.0)) / f64::from(to.0 - from.0);
        from.1 + (to.1 - from.1) * part
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_day_peaks_as_planned_and_its_nights_are_quiet() {
        let trace = Campaign::default().trace().unwrap();
        assert_eq!(trace.start().to_string(), "2029-12-08T00:00:00Z");
        assert_eq!(trace.rates().len(), 24 * 1440);
        let mut peaks = Vec::new();
        for day in trace.rates().chunks(1440) {
            let peak = day.iter().copied().fold(0.0, f64::max);
            assert!((1_000.0 * 0.95..1_500.0 * 1.1).contains(&peak), "{peak}");
            assert!(day[4 * 60] < peak * 0.05, "night {}", day[4 * 60]);
            // The opening: from a quarter to more than half of the peak in ten minutes.
            assert!(day[8 * 60 + 10] > day[7 * 60 + 55] * 2.5);
            peaks.push(peak);
        }
        peaks.sort_by(f64::total_cmp);
        assert!(peaks[23] > peaks[0] * 1.2, "days differ: {peaks:?}");
        assert!(trace.daily_shape().unwrap() > 0.9);
    }

    #[test]
    fn the_seed_makes_it() {
        let of = |seed| Campaign { seed, ..Campaign::default() }.trace().unwrap();
        assert_eq!(of(1), of(1));
        assert_ne!(of(1), of(2));
    }

    #[test]
    fn shops_open_by_their_own_clock() {
        let zone = TimeZone::get("America/New_York").unwrap();
        let trace = Campaign { zone, ..Campaign::default() }.trace().unwrap();
        assert_eq!(trace.start().to_string(), "2029-12-08T05:00:00Z");
    }

    #[test]
    fn no_days_and_too_many_are_no_campaign() {
        let of = |days| Campaign { days, ..Campaign::default() }.trace();
        assert_eq!(of(0), Err(TraceError::Empty));
        assert_eq!(of(u32::MAX), Err(TraceError::TooLong));
    }
}
