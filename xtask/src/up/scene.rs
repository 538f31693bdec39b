//! What `up` plays: a day of the campaign in minutes. How much load, for how long, over how many connections, when the
//! fleet's window opens, and when a spot node is taken.
//!
//! The sizes are the campaign's: a quiet night of 300 requests/s, an opening at 1,500, an evening of 200, in the mix of
//! its visits.

use apifleet_local::interruption::Notice;
use apifleet_local::load::{Stream, visits};
use jiff::{SignedDuration, ToSpan, Unit, Zoned};
use std::net::SocketAddr;
use std::time::Duration;

/// One part of the play.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Act {
    /// What people see.
    pub(crate) name: &'static str,
    /// Requests per second of the whole act.
    pub(crate) rate: u32,
}

/// Before the window opens.
pub(crate) const NIGHT: Act = Act { name: "night", rate: 300 };
/// From the opening on.
pub(crate) const PEAK: Act = Act { name: "peak", rate: 1500 };
/// After the peak.
pub(crate) const EVENING: Act = Act { name: "evening", rate: 200 };

/// Long enough for the loss of a node and then for the balance over the replicas to be judged: connections live for
/// about half a minute, and a replica's share is even only over several generations of them.
pub(crate) const PEAK_LASTS: Duration = Duration::from_secs(330);
/// Long enough for the demo fleet's shortened scale-in, which begins when the window closes.
pub(crate) const EVENING_LASTS: Duration = Duration::from_secs(150);
/// The spot node is taken so long after the opening, when the fleet has its full size.
pub(crate) const TAKEN_AFTER: Duration = Duration::from_secs(75);
/// With the shortest notice that a platform gives.
pub(crate) const NOTICE: Notice = Notice::Gke30;

/// The span at the end of the peak over which requests per replica are compared.
pub(crate) const BALANCE_WINDOW: Duration = Duration::from_secs(150);

/// The size that must be Ready when the window opens.
pub(crate) const FLOOR: u32 = 20;
/// The last replica of the floor is asked for so long before the opening, and the first so long before that.
const LEAD: SignedDuration = SignedDuration::from_secs(45);
const RAMP: SignedDuration = SignedDuration::from_secs(60);
/// The fleet needs so long to be installed and to show its night before the pre-warm begins.
const NIGHT_AT_LEAST: SignedDuration = SignedDuration::from_secs(75);
/// Windows are written in whole minutes.
const WINDOW_MINUTES: i64 = 6;
/// Whose wall clock the schedule is written in.
const ZONE: &str = "Europe/Paris";

/// Connections at the peak; the other acts use their share of them.
const CONNECTIONS: u32 = 400;

/// The day's window.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Day {
    /// When it opens: at a whole minute.
    pub(crate) opens: Zoned,
    /// When it closes.
    closes: Zoned,
}

impl Day {
    /// The day that can be played from now on.
    pub(crate) fn after(now: &Zoned) -> anyhow::Result<Self> {
        let earliest = now.in_tz(ZONE)?.checked_add(NIGHT_AT_LEAST + RAMP + LEAD)?;
        let opens = earliest
            .round(jiff::ZonedRound::new().smallest(Unit::Minute).mode(jiff::RoundMode::Ceil))?;
        let closes = opens.checked_add(WINDOW_MINUTES.minutes())?;
        Ok(Self { opens, closes })
    }

    /// The fleet's `schedules`.
    pub(crate) fn schedules(&self) -> serde_json::Value {
        let Self { opens, closes } = self;
        let clock = |at: &Zoned| at.strftime("%H:%M").to_string();
        let date = opens.date().to_string();
        serde_json::json!([{
            "name": "campaign-day",
            "from": date,
            "to": date,
            "start": clock(opens),
            "end": clock(closes),
            "timeZone": ZONE,
            "floor": {"replicas": FLOOR},
            "leadSeconds": LEAD.as_secs(),
            "rampSeconds": RAMP.as_secs(),
        }])
    }

    /// How long it is until it opens; nothing where it has.
    pub(crate) fn until_opening(&self, now: &Zoned) -> Duration {
        Duration::try_from(now.duration_until(&self.opens)).unwrap_or_default()
    }
}

impl Act {
    /// The streams that add so much load, from whatever flows already to this act's rate.
    pub(crate) fn streams(self, service: SocketAddr, flowing: u32, lasts: Duration) -> Vec<Stream> {
        let rate = self.rate.saturating_sub(flowing);
        visits(service, rate, CONNECTIONS * rate / PEAK.rate, lasts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service() -> SocketAddr {
        SocketAddr::from(([10, 96, 0, 9], 80))
    }

    fn zoned(text: &str) -> Zoned {
        text.parse().expect("an instant with its zone")
    }

    #[test]
    fn the_window_opens_at_the_first_whole_minute_that_leaves_time_for_a_night_and_a_pre_warm() {
        let day = Day::after(&zoned("2026-12-08T07:00:01+00:00[UTC]")).expect("a day");
        assert_eq!(day.opens, zoned("2026-12-08T08:04:00+01:00[Europe/Paris]"));
        let schedules = day.schedules();
        let schedule = &schedules[0];
        assert_eq!(schedule["from"], "2026-12-08");
        assert_eq!((&schedule["start"], &schedule["end"]), (&"08:04".into(), &"08:10".into()));
        let now = zoned("2026-12-08T07:02:00+00:00[UTC]");
        assert_eq!(day.until_opening(&now), Duration::from_mins(2));
        assert_eq!(day.until_opening(&zoned("2026-12-08T09:00:00+00:00[UTC]")), Duration::ZERO);
    }

    #[test]
    fn a_window_over_midnight_belongs_to_the_day_on_which_it_opens() {
        let day = Day::after(&zoned("2026-12-08T22:54:30+00:00[UTC]")).expect("a day");
        let schedule = &day.schedules()[0];
        assert_eq!(schedule["from"], "2026-12-08");
        assert_eq!((&schedule["start"], &schedule["end"]), (&"23:58".into(), &"00:04".into()));
    }

    #[test]
    fn the_peak_adds_to_the_night_so_that_both_make_its_rate_and_its_connections() {
        let night = NIGHT.streams(service(), 0, Duration::from_mins(8));
        let step = PEAK.streams(service(), NIGHT.rate, PEAK_LASTS);
        let both = || night.iter().chain(&step);
        assert_eq!(both().map(|stream| stream.rate).sum::<u32>(), PEAK.rate);
        assert_eq!(both().map(|stream| stream.connections).sum::<u32>(), CONNECTIONS);
    }

    #[test]
    fn every_connection_gets_requests_often_enough_to_be_in_use() {
        for act in [NIGHT, PEAK, EVENING] {
            for stream in act.streams(service(), 0, PEAK_LASTS) {
                assert!(stream.rate * 2 >= stream.connections, "{}: {stream:?}", act.name);
            }
        }
    }

    #[test]
    fn the_peak_is_held_until_the_node_is_gone_and_the_balance_can_be_judged() {
        let settled = TAKEN_AFTER + NOTICE.lasts() + Duration::from_mins(1);
        assert!(settled + BALANCE_WINDOW <= PEAK_LASTS);
        let window = Duration::from_secs(60 * WINDOW_MINUTES.unsigned_abs());
        assert!(window > PEAK_LASTS, "the floor holds through the peak");
    }
}
