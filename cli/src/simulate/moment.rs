//! [`Moment`]: an instant as it is typed, on the clocks of whoever the schedules are of.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;

/// An instant as it is typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// The same everywhere.
    Instant(Timestamp),
    /// What clocks of a zone show; the first of two where an hour comes twice.
    Local(DateTime),
}

// === impl Moment ===

impl Moment {
    /// `2026-12-08`, `2026-12-08T08:00` or `2026-12-08T07:00:00Z`.
    ///
    /// # Errors
    /// Where it is none: what one looks like.
    pub fn parse(text: &str) -> Result<Self, String> {
        let instant = text.parse().map(Self::Instant);
        let local = || text.parse().map(Self::Local);
        let day = || text.parse::<Date>().map(|day| Self::Local(DateTime::from(day)));
        instant.or_else(|_| local()).or_else(|_| day()).map_err(|_| {
            "give a time such as 2026-12-08, 2026-12-08T08:00 or 2026-12-08T07:00:00Z".to_owned()
        })
    }

    /// The instant, on the clocks of this zone where it has none of its own.
    ///
    /// # Errors
    /// Where no clock will ever show it.
    pub fn at(self, zone: &TimeZone) -> Result<Timestamp, String> {
        match self {
            Self::Instant(instant) => Ok(instant),
            Self::Local(local) => local
                .to_zoned(zone.clone())
                .map(|zoned| zoned.timestamp())
                .map_err(|error| format!("{local} is no time: {error}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str, zone: &str) -> String {
        let zone = TimeZone::get(zone).unwrap();
        Moment::parse(text).unwrap().at(&zone).unwrap().to_string()
    }

    #[test]
    fn a_time_without_a_zone_is_that_of_the_schedules() {
        assert_eq!(at("2026-12-08", "Europe/Paris"), "2026-12-07T23:00:00Z");
        assert_eq!(at("2026-12-08T08:00", "Europe/Paris"), "2026-12-08T07:00:00Z");
        assert_eq!(at("2026-12-08T08:00", "UTC"), "2026-12-08T08:00:00Z");
        assert_eq!(at("2026-12-08T07:00:00Z", "Europe/Paris"), "2026-12-08T07:00:00Z");
        assert_eq!(at("2026-12-08T08:00:00+05:30", "UTC"), "2026-12-08T02:30:00Z");
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for bad in ["", "yesterday", "2026-13-01", "2026-12-08T25:00", "08:00", "1765152000"] {
            assert!(Moment::parse(bad).is_err(), "{bad:?} was taken for a time");
        }
    }
}
