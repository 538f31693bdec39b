//! [`When`]: the instant of the past that `explain --at` is about, as it is typed. Pure.
//!
//! A time of day is that of today: what the reader's clock has shown, not what it will show.

use crate::failure::Failure;
use crate::ordering::end::whole_seconds;
use crate::simulate::moment::Moment;
use crate::time::Clock;
use jiff::civil::{Date, Time};
use jiff::{SignedDuration, Timestamp};

/// An instant of the past as it is typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// So long ago.
    Ago(SignedDuration),
    /// What the reader's clock has shown today.
    Today(Time),
    /// A time of a certain day.
    Moment(Moment),
}

// === impl When ===

impl When {
    /// `08:03`, `15m`, `2026-12-08T08:03` or `2026-12-08T07:03:00Z`.
    ///
    /// # Errors
    /// Where it is none: what one looks like.
    pub fn parse(text: &str) -> Result<Self, String> {
        let moment = Moment::parse(text).map(Self::Moment).ok();
        let time = || text.parse().ok().filter(|_| text.contains(':')).map(Self::Today);
        moment.or_else(time).or_else(|| ago(text).map(Self::Ago)).ok_or_else(|| {
            "give a time that is past, such as 08:03 of today, 2026-12-08T08:03, 2026-12-08T07:03:00Z, or 15m for so \
             long ago"
                .to_owned()
        })
    }

    /// The instant, to the second, on the reader's clock.
    ///
    /// # Errors
    /// Where it is yet to come, or no clock will ever show it.
    pub fn at(self, clock: &Clock) -> Result<Timestamp, Failure> {
        let at = match self {
            Self::Ago(length) => clock.now.checked_sub(length).map_err(|error| error.to_string()),
            Self::Today(time) => today(time, clock),
            Self::Moment(moment) => moment.at(&clock.zone),
        };
        let at = at.map_err(Failure::Usage)?;
        if at > clock.now {
            return Err(Failure::Usage(format!(
                "{} is yet to come, it is {} now: give a time that is past; what is planned is in `calendar`",
                clock.instant_with_utc(at),
                clock.instant(clock.now)
            )));
        }
        Ok(whole_seconds(at))
    }
}

/// A length with its unit, for a number alone is easily mistaken.
fn ago(text: &str) -> Option<SignedDuration> {
    let text = text.strip_suffix(" ago").unwrap_or(text);
    let has_unit = text.ends_with(|c: char| c.is_ascii_alphabetic()) && !text.contains(':');
    let length: Option<SignedDuration> = text.parse().ok();
    length.filter(|length| has_unit && !length.is_negative())
}

fn today(time: Time, clock: &Clock) -> Result<Timestamp, String> {
    let impossible = |error: jiff::Error| format!("{time} is no time: {error}");
    let day: Date = clock.now.to_zoned(clock.zone.clone()).date();
    let shown = day.to_datetime(time).to_zoned(clock.zone.clone()).map_err(impossible)?;
    let at = shown.timestamp();
    if at <= clock.now {
        return Ok(at);
    }
    let yesterday = day.yesterday().map_err(impossible)?;
    Err(format!(
        "{time} is yet to come, it is {} now: for yesterday give the day as well, {yesterday}T{time}",
        clock.instant(clock.now)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::tz::TimeZone;

    fn at(text: &str) -> Result<String, String> {
        let zone = TimeZone::get("Europe/Paris").unwrap();
        let clock = Clock { now: "2026-12-08T07:30:00.5Z".parse().unwrap(), zone };
        let at = When::parse(text).unwrap().at(&clock);
        at.map(|at| at.to_string()).map_err(|failure| {
            assert_eq!(failure.exit(), crate::Exit::Usage);
            failure.to_string()
        })
    }

    #[test]
    fn the_past_can_be_named_in_four_ways() {
        for (text, instant) in [
            ("08:03", "2026-12-08T07:03:00Z"),
            ("00:00:10", "2026-12-07T23:00:10Z"),
            ("15m", "2026-12-08T07:15:00Z"),
            ("1h30m", "2026-12-08T06:00:00Z"),
            ("2h ago", "2026-12-08T05:30:00Z"),
            ("0s", "2026-12-08T07:30:00Z"),
            ("2026-12-07T08:03", "2026-12-07T07:03:00Z"),
            ("2026-12-08T07:03:00Z", "2026-12-08T07:03:00Z"),
        ] {
            assert_eq!(at(text).as_deref(), Ok(instant), "{text}");
        }
    }

    #[test]
    fn what_is_yet_to_come_was_not_decided() {
        assert_eq!(
            at("08:31").unwrap_err(),
            "08:31:00 is yet to come, it is 08:30:00 now: for yesterday give the day as well, 2026-12-07T08:31:00"
        );
        for text in ["2026-12-08T08:31", "2026-12-08T07:30:01Z", "2027-01-01"] {
            assert!(at(text).unwrap_err().contains("is yet to come"), "{text}");
        }
    }

    #[test]
    fn what_is_no_time_says_what_one_looks_like() {
        for bad in ["", "8", "15", "1.5", "803", "25:00", "25:00:00", "-15m", "15x", "soon", "ago"]
        {
            let said = When::parse(bad).expect_err(&format!("{bad:?} was taken for a time"));
            assert!(said.contains("08:03") && said.contains("15m"), "{bad:?}: {said}");
        }
        assert!(at("999999999h").is_err(), "before the beginning of time");
    }
}
