//! When something ends, as it is typed: after a length, or when a clock shows a time. Pure.
//!
//! A time of day is the next one that the reader's clock shows: of today, or of the coming night. It is never the one of
//! tomorrow evening: whoever types `--until 18:00` a minute late does not mean 24 hours.

use crate::failure::Failure;
use crate::simulate::moment::Moment;
use crate::time::{Clock, short};
use jiff::civil::{Date, Time};
use jiff::{SignedDuration, Timestamp};

/// No override lasts longer.
const LONGEST: SignedDuration = SignedDuration::from_hours(24);
/// A time that is past today is that of tomorrow if it is no further away.
const TONIGHT: SignedDuration = SignedDuration::from_hours(12);

/// A length of whole seconds, of a second to a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Length(SignedDuration);

/// What a clock shows then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Until {
    /// A time of day on the reader's clock.
    Time(Time),
    /// A time of a certain day.
    Moment(Moment),
}

/// When something ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// After so long.
    After(Length),
    /// Then.
    Until(Until),
}

// === impl Length ===

impl Length {
    /// `30m`, `2h`, `1h30m`: with its unit, for it is easily mistaken.
    ///
    /// # Errors
    /// Where it is none: what one looks like.
    pub fn parse(text: &str) -> Result<Self, String> {
        let length: Option<SignedDuration> = text.parse().ok();
        let whole = length.map(|length| SignedDuration::from_secs(length.as_secs()));
        let allowed = whole.filter(|length| *length > SignedDuration::ZERO && *length <= LONGEST);
        allowed.filter(|_| text.parse::<f64>().is_err()).map(Self).ok_or_else(|| {
            "give a length with its unit, such as 30m, 2h or 1h30m, at most 24h".to_owned()
        })
    }
}

// === impl Until ===

impl Until {
    /// `18:00`, `2026-12-10T18:00` or `2026-12-10T17:00:00Z`.
    ///
    /// # Errors
    /// Where it is none: what one looks like.
    pub fn parse(text: &str) -> Result<Self, String> {
        let moment = Moment::parse(text).map(Self::Moment).ok();
        let time = || text.parse().ok().filter(|_| text.contains(':')).map(Self::Time);
        moment.or_else(time).ok_or_else(|| {
            "give a time such as 18:00, 2026-12-10T18:00 or 2026-12-10T17:00:00Z".to_owned()
        })
    }

    fn at(self, clock: &Clock) -> Result<Timestamp, String> {
        match self {
            Self::Moment(moment) => moment.at(&clock.zone),
            Self::Time(time) => next(time, clock),
        }
    }
}

/// The next instant at which the reader's clock shows this time, if it is near enough to be meant.
fn next(time: Time, clock: &Clock) -> Result<Timestamp, String> {
    let impossible = |error: jiff::Error| format!("{time} is no time: {error}");
    let on = |day: Date| {
        let shown = day.to_datetime(time).to_zoned(clock.zone.clone()).map_err(impossible)?;
        Ok::<_, String>(shown.timestamp())
    };
    let today = clock.now.to_zoned(clock.zone.clone()).date();
    let first = on(today)?;
    if first > clock.now {
        return Ok(first);
    }
    let tomorrow = today.tomorrow().map_err(impossible)?;
    let second = on(tomorrow)?;
    if second.duration_since(clock.now) <= TONIGHT {
        return Ok(second);
    }
    Err(format!(
        "{time} is past, it is {} now: for tomorrow give the day as well, {tomorrow}T{time}",
        clock.instant(clock.now)
    ))
}

// === impl End ===

impl End {
    /// The instant, to the second, for what has begun or begins at `begins`; a length is counted from `from` on.
    ///
    /// # Errors
    /// Where it is past, or too far away.
    pub fn at(
        self,
        begins: Timestamp,
        from: Timestamp,
        clock: &Clock,
    ) -> Result<Timestamp, Failure> {
        let at = match self {
            Self::After(Length(length)) => from.saturating_add(length).unwrap_or(Timestamp::MAX),
            Self::Until(until) => until.at(clock).map_err(Failure::Usage)?,
        };
        let at = whole_seconds(at);
        if at <= clock.now || at <= begins {
            return Err(Failure::Usage(format!(
                "{} is past, it is {} now: give a later end",
                clock.instant_with_utc(at),
                clock.instant(clock.now)
            )));
        }
        if at.duration_since(begins) > LONGEST {
            return Err(Failure::Usage(format!(
                "an override lasts 24h at most, and until {} it would last {}: choose an earlier end, and order \
                 another one when it is over",
                clock.instant_with_utc(at),
                short(at.duration_since(begins))
            )));
        }
        Ok(at)
    }
}

/// The instant without its fraction of a second, which objects do not hold.
#[must_use]
pub fn whole_seconds(at: Timestamp) -> Timestamp {
    Timestamp::from_second(at.as_second()).unwrap_or(at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::tz::TimeZone;

    fn clock(now: &str, zone: &str) -> Clock {
        Clock { now: now.parse().unwrap(), zone: TimeZone::get(zone).unwrap() }
    }

    fn until(text: &str, clock: &Clock) -> Result<String, String> {
        let end = End::Until(Until::parse(text).unwrap());
        let at = end.at(clock.now, clock.now, clock);
        at.map(|at| at.to_string()).map_err(|failure| failure.to_string())
    }

    #[test]
    fn a_time_of_day_is_the_next_one_on_the_readers_clock() {
        let morning = clock("2026-12-10T07:03:00Z", "Europe/Paris");
        assert_eq!(until("18:00", &morning).unwrap(), "2026-12-10T17:00:00Z");
        assert_eq!(until("08:04", &morning).unwrap(), "2026-12-10T07:04:00Z");
        let night = clock("2026-12-10T21:00:00Z", "Europe/Paris");
        assert_eq!(until("06:00", &night).unwrap(), "2026-12-11T05:00:00Z");
    }

    #[test]
    fn a_time_that_is_past_is_not_that_of_tomorrow_evening() {
        let late = clock("2026-12-10T17:01:00Z", "Europe/Paris");
        assert_eq!(
            until("18:00", &late).unwrap_err(),
            "18:00:00 is past, it is 18:01:00 now: for tomorrow give the day as well, 2026-12-11T18:00:00"
        );
        assert!(until("2026-12-10T18:00", &late).unwrap_err().contains("is past"));
        assert!(until("2026-12-10T17:00:00Z", &late).unwrap_err().contains("is past"));
        assert_eq!(until("2026-12-11T18:00", &late).unwrap(), "2026-12-11T17:00:00Z");
    }

    #[test]
    fn nothing_lasts_longer_than_a_day() {
        let clock = clock("2026-12-10T17:00:00.5Z", "UTC");
        let said = until("2026-12-11T17:00:01", &clock).unwrap_err();
        assert!(said.contains("24h at most"), "{said}");
        let day = End::After(Length::parse("24h").unwrap());
        let begins = whole_seconds(clock.now);
        assert_eq!(day.at(begins, begins, &clock).unwrap().to_string(), "2026-12-11T17:00:00Z");
        let later = begins.checked_add(SignedDuration::from_secs(1)).unwrap();
        assert!(day.at(begins, later, &clock).is_err(), "a longer one cannot be extended to");
    }

    #[test]
    fn on_a_day_with_a_changed_clock_the_end_is_what_the_clock_shows() {
        let clock = clock("2026-10-24T22:30:00Z", "Europe/Paris");
        assert_eq!(until("06:00", &clock).unwrap(), "2026-10-25T05:00:00Z", "an hour more");
    }

    #[test]
    fn a_length_has_a_unit() {
        for (text, seconds) in [("30m", 1800), ("1h30m", 5400), ("90s", 90), ("24h", 86_400)] {
            let length = Length::parse(text).unwrap();
            assert_eq!(length, Length(SignedDuration::from_secs(seconds)), "{text}");
        }
        for bad in ["", "0", "0s", "30", "1.5", "-1h", "500ms", "25h", "soon", "99999999999999h"] {
            assert!(Length::parse(bad).is_err(), "{bad:?} was taken for a length");
        }
        for bad in ["", "18", "1800", "25:00", "18:60", "yesterday", "18:00 tomorrow"] {
            assert!(Until::parse(bad).is_err(), "{bad:?} was taken for a time");
        }
    }
}
