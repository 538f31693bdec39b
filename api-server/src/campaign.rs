//! Decides which doors exist, which are open and which one is today's.
//!
//! Pure: the present moment is an argument. Called by the routes; built by [`crate::config`].

use jiff::civil::Date;
use jiff::tz::Offset;
use jiff::{Timestamp, ToSpan};
use serde::Serialize;

/// The first door's number.
pub const FIRST_DAY: u8 = 8;
/// The last door's number.
pub const LAST_DAY: u8 = 31;

/// The number on a door, 8 to 31. On the default calendar it is the day of December.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct Day(u8);

impl Day {
    /// The door with this number, if there is one.
    #[must_use]
    pub fn new(number: i64) -> Option<Self> {
        u8::try_from(number).ok().filter(|n| (FIRST_DAY..=LAST_DAY).contains(n)).map(Self)
    }

    /// The number on the door.
    #[must_use]
    pub fn number(self) -> u8 {
        self.0
    }

    /// Every door, in order.
    pub fn all() -> impl Iterator<Item = Self> {
        (FIRST_DAY..=LAST_DAY).map(Self)
    }

    /// Days after the first door.
    fn index(self) -> i64 {
        i64::from(self.0) - i64::from(FIRST_DAY)
    }
}

/// Which doors may be claimed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum OpenDays {
    /// A door opens at midnight of its date and stays open until the campaign ends.
    Calendar,
    /// Every door is open at any time: for demonstrations and load tests outside December.
    All,
}

/// What can be done with a door.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum DoorState {
    /// Its date has not come.
    Closed,
    /// It can be claimed.
    Open,
    /// The campaign is over.
    Ended,
}

/// The dates of a campaign, and the rule by which its doors open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Campaign {
    /// The date of the first door.
    pub start: Date,
    /// Where the campaign's midnight is. Fixed: no zone changes its clocks in December.
    pub offset: Offset,
    /// Which doors may be claimed.
    pub open_days: OpenDays,
}

/// Where a moment lies relative to the campaign.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Position {
    Before,
    During(Day),
    After,
}

impl Campaign {
    /// The campaign's local date at `now`; every answer of this type is constant within one date.
    #[must_use]
    pub fn date(&self, now: Timestamp) -> Date {
        self.offset.to_datetime(now).date()
    }

    /// The date on which a door opens.
    #[must_use]
    pub fn date_of(&self, day: Day) -> Date {
        self.start.saturating_add(day.index().days())
    }

    /// Today's door, if there is one. With every door open there always is: the nearest.
    #[must_use]
    pub fn today(&self, now: Timestamp) -> Option<Day> {
        match (self.position(now), self.open_days) {
            (Position::During(day), _) => Some(day),
            (Position::Before, OpenDays::All) => Some(Day(FIRST_DAY)),
            (Position::After, OpenDays::All) => Some(Day(LAST_DAY)),
            (Position::Before | Position::After, OpenDays::Calendar) => None,
        }
    }

    /// What can be done with a door at `now`.
    #[must_use]
    pub fn state(&self, day: Day, now: Timestamp) -> DoorState {
        if self.open_days == OpenDays::All {
            return DoorState::Open;
        }
        match self.position(now) {
            Position::During(today) if day <= today => DoorState::Open,
            Position::Before | Position::During(_) => DoorState::Closed,
            Position::After => DoorState::Ended,
        }
    }

    fn position(&self, now: Timestamp) -> Position {
        let passed = self.date(now).duration_since(self.start).as_hours() / 24;
        if passed < 0 {
            return Position::Before;
        }
        Day::new(passed.saturating_add(i64::from(FIRST_DAY)))
            .map_or(Position::After, Position::During)
    }
}

/// The default start: 8 December of the year that `now` lies in.
#[must_use]
pub fn december_of(now: Timestamp) -> Date {
    let year = Offset::UTC.to_datetime(now).year();
    Date::new(year, 12, i8::try_from(FIRST_DAY).unwrap_or(1)).unwrap_or(Date::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn campaign(open_days: OpenDays) -> Campaign {
        Campaign { start: jiff::civil::date(2026, 12, 8), offset: Offset::UTC, open_days }
    }

    fn at(moment: &str) -> Timestamp {
        moment.parse().unwrap()
    }

    fn day(number: i64) -> Day {
        Day::new(number).unwrap()
    }

    #[test]
    fn doors_are_8_to_31_and_nothing_else() {
        assert_eq!(Day::all().count(), 24);
        for wrong in [i64::MIN, -1, 0, 7, 32, 255, 256 + 8, i64::MAX] {
            assert_eq!(Day::new(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_door_opens_at_midnight_of_its_date_and_stays_open_until_the_end() {
        let campaign = campaign(OpenDays::Calendar);
        assert_eq!(campaign.state(day(9), at("2026-12-08T23:59:59.999Z")), DoorState::Closed);
        assert_eq!(campaign.state(day(9), at("2026-12-09T00:00:00Z")), DoorState::Open);
        assert_eq!(campaign.state(day(9), at("2026-12-31T23:59:59Z")), DoorState::Open);
        assert_eq!(campaign.state(day(9), at("2027-01-01T00:00:00Z")), DoorState::Ended);
    }

    #[test]
    fn there_is_no_door_today_outside_the_campaign() {
        let campaign = campaign(OpenDays::Calendar);
        assert_eq!(campaign.today(at("2026-12-07T23:59:59Z")), None);
        assert_eq!(campaign.today(at("2026-12-08T00:00:00Z")), Some(day(8)));
        assert_eq!(campaign.today(at("2026-12-31T23:59:59Z")), Some(day(31)));
        assert_eq!(campaign.today(at("2027-01-01T00:00:00Z")), None);
    }

    #[test]
    fn midnight_follows_the_campaigns_offset() {
        let east = Campaign { offset: Offset::constant(1), ..campaign(OpenDays::Calendar) };
        assert_eq!(east.today(at("2026-12-07T23:00:00Z")), Some(day(8)));
        assert_eq!(east.today(at("2026-12-07T22:59:59Z")), None);
    }

    #[test]
    fn with_all_days_open_a_rehearsal_in_november_can_claim_every_door() {
        let campaign = campaign(OpenDays::All);
        let november = at("2026-11-20T12:00:00Z");
        assert!(Day::all().all(|door| campaign.state(door, november) == DoorState::Open));
        assert_eq!(campaign.today(november), Some(day(8)));
        assert_eq!(campaign.today(at("2027-02-01T12:00:00Z")), Some(day(31)));
    }

    #[test]
    fn a_moved_start_moves_every_date_but_no_number() {
        let moved =
            Campaign { start: jiff::civil::date(2026, 11, 20), ..campaign(OpenDays::Calendar) };
        assert_eq!(moved.today(at("2026-11-21T08:00:00Z")), Some(day(9)));
        assert_eq!(moved.date_of(day(31)), jiff::civil::date(2026, 12, 13));
    }

    #[test]
    fn the_default_campaign_starts_in_december_of_the_present_year() {
        assert_eq!(december_of(at("2026-11-24T08:00:00Z")), jiff::civil::date(2026, 12, 8));
    }
}
