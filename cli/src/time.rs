//! Time as people read it: ages as `kubectl` shows them, instants on the reader's own clock and in UTC.
//!
//! Nothing here reads a clock but [`Clock::system`]; every screen is made for the [`Clock`] that it is given.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use std::time::Duration;

/// The instant for which something is shown, and whose wall clock is used.
#[derive(Debug, Clone)]
pub struct Clock {
    /// Now.
    pub now: Timestamp,
    /// The reader's zone.
    pub zone: TimeZone,
}

// === impl Clock ===

impl Clock {
    /// Now, on this machine's clock and in its zone.
    #[must_use]
    pub fn system() -> Self {
        Self { now: Timestamp::now(), zone: TimeZone::system() }
    }

    /// How long ago it was, for people; nothing for what is yet to come.
    #[must_use]
    pub fn ago(&self, at: Timestamp) -> String {
        short(self.now.duration_since(at).max(SignedDuration::ZERO))
    }

    /// How long it is until then.
    #[must_use]
    pub fn until(&self, at: Timestamp) -> String {
        short(at.duration_since(self.now).max(SignedDuration::ZERO))
    }

    /// The instant on the reader's clock: the time alone where it is within half a day, else with its date.
    #[must_use]
    pub fn instant(&self, at: Timestamp) -> String {
        let near = self.now.duration_since(at).abs() < SignedDuration::from_hours(12);
        let format = if near { "%H:%M:%S" } else { "%Y-%m-%d %H:%M:%S" };
        at.to_zoned(self.zone.clone()).strftime(format).to_string()
    }

    /// The instant with its date and zone, and in UTC where that is another time.
    #[must_use]
    pub fn instant_with_utc(&self, at: Timestamp) -> String {
        let local = at.to_zoned(self.zone.clone());
        let shown = local.strftime("%Y-%m-%d %H:%M:%S %Z").to_string();
        if local.offset().is_zero() {
            return shown;
        }
        format!("{shown} ({})", at.to_zoned(TimeZone::UTC).strftime("%H:%M:%SZ"))
    }
}

/// A length in two units at most, as `kubectl` shows ages: `45s`, `3m20s`, `5h`, `2d4h`, `3y120d`.
#[must_use]
pub fn short(length: SignedDuration) -> String {
    let seconds = length.as_secs().max(0);
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    let two = |large: i64, unit: &str, small: i64, part: &str| {
        if small == 0 { format!("{large}{unit}") } else { format!("{large}{unit}{small}{part}") }
    };
    match seconds {
        0..=119 => format!("{seconds}s"),
        _ if minutes < 10 => two(minutes, "m", seconds % 60, "s"),
        _ if minutes < 180 => format!("{minutes}m"),
        _ if hours < 8 => two(hours, "h", minutes % 60, "m"),
        _ if hours < 48 => format!("{hours}h"),
        _ if days < 8 => two(days, "d", hours % 24, "h"),
        _ if days < 730 => format!("{days}d"),
        _ if days < 8 * 365 => two(days / 365, "y", days % 365, "d"),
        _ => format!("{}y", days / 365),
    }
}

/// A length as it is typed: `90`, `90s`, `5m`, `1h30m`; above zero and at most a day.
///
/// # Errors
/// Where it is none: what one looks like.
pub fn parse_wait(text: &str) -> Result<Duration, String> {
    let usual = "give a length such as 8s, 5m or 1h30m, at most 24h";
    let plain = text.parse::<u32>().ok().map(|seconds| SignedDuration::from_secs(seconds.into()));
    let length = plain.or_else(|| text.parse().ok()).ok_or(usual)?;
    let allowed = length > SignedDuration::ZERO && length <= SignedDuration::from_hours(24);
    Duration::try_from(length).ok().filter(|_| allowed).ok_or_else(|| usual.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_read_as_those_of_kubectl() {
        let cases = [
            (0, "0s"),
            (119, "119s"),
            (120, "2m"),
            (200, "3m20s"),
            (600, "10m"),
            (3 * 3600 - 1, "179m"),
            (3 * 3600, "3h"),
            (5 * 3600 + 62, "5h1m"),
            (9 * 3600, "9h"),
            (48 * 3600, "2d"),
            (52 * 3600, "2d4h"),
            (9 * 86_400, "9d"),
            (3 * 365 * 86_400 + 86_400, "3y1d"),
            (20 * 365 * 86_400, "20y"),
            (-5, "0s"),
        ];
        for (seconds, shown) in cases {
            assert_eq!(short(SignedDuration::from_secs(seconds)), shown, "{seconds}");
        }
    }

    #[test]
    fn waits_are_lengths_of_at_most_a_day() {
        assert_eq!(parse_wait("90"), Ok(Duration::from_secs(90)));
        assert_eq!(parse_wait("1h30m"), Ok(Duration::from_mins(90)));
        assert_eq!(parse_wait("500ms"), Ok(Duration::from_millis(500)));
        for bad in ["", "0", "0s", "-1s", "soon", "25h", "1x", "99999999999999999999"] {
            assert!(parse_wait(bad).is_err(), "{bad:?} was taken for a wait");
        }
    }

    #[test]
    fn instants_name_the_zone_and_utc_where_they_differ() {
        let zone = TimeZone::get("Europe/Paris").unwrap();
        let at: Timestamp = "2026-12-08T07:00:15Z".parse().unwrap();
        let clock = Clock { now: at, zone };
        assert_eq!(clock.instant(at), "08:00:15");
        assert_eq!(clock.instant_with_utc(at), "2026-12-08 08:00:15 CET (07:00:15Z)");
        let utc = Clock { now: at, zone: TimeZone::UTC };
        assert_eq!(utc.instant_with_utc(at), "2026-12-08 07:00:15 UTC");
    }
}
