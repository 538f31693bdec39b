//! Dates, times and zones as they are typed, parsed; the schema's patterns stand beside the parsers, and a test holds
//! each pair together. No clock is read here.

use jiff::civil::{Date, Time};
use jiff::tz::{TimeZone, TimeZoneDatabase};

/// A day from 2000 to 2099; that the month has it is checked by the schema's format.
pub const DATE: &str = "^20[0-9]{2}-[0-9]{2}-[0-9]{2}$";
/// 00:00 to 23:59.
pub const TIME: &str = "^([01][0-9]|2[0-3]):[0-5][0-9]$";
/// 00:00 to 24:00.
pub const END: &str = "^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$";
/// An instant in RFC 3339; that it is one is checked by the schema's format.
pub const INSTANT: &str = concat!(
    "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}",
    r"(\.[0-9]{1,9})?(Z|[+-][0-9]{2}:[0-9]{2})$"
);
/// The end of a day, which only an end can be.
pub const MIDNIGHT: &str = "24:00";
/// What the names of zones are made of. Which there are, no pattern can tell.
pub const ZONE: &str = "^[A-Za-z][A-Za-z0-9_+/-]*$";

/// The longest name of a zone that the schema lets pass; the longest of the database has 32 characters.
const LONGEST_ZONE: usize = 40;

/// Names of the database that stand for no place's clocks: whoever writes one has not chosen a zone.
const NO_ZONES: [&str; 2] = ["Etc/Unknown", "Factory"];

/// The day, if it is one from 2000 to 2099: `2026-12-08`.
#[must_use]
pub fn date(text: &str) -> Option<Date> {
    let is_shaped = shaped(text, "20dd-dd-dd");
    if is_shaped { text.parse().ok() } else { None }
}

/// The time of day: `08:00`.
#[must_use]
pub fn time(text: &str) -> Option<Time> {
    let (hour, minute) = text.split_once(':').filter(|_| shaped(text, "dd:dd"))?;
    Time::new(hour.parse().ok()?, minute.parse().ok()?, 0, 0).ok()
}

/// The zone of that name, in any case, of the bundled database.
#[must_use]
pub fn zone(name: &str) -> Option<TimeZone> {
    let is_none = NO_ZONES.iter().any(|none| none.eq_ignore_ascii_case(name));
    let may_be = name.len() <= LONGEST_ZONE && !is_none;
    if may_be { TimeZoneDatabase::bundled().get(name).ok() } else { None }
}

/// The zone that was probably meant by a name that is none.
#[must_use]
pub fn zone_like(name: &str) -> Option<String> {
    let likeness = |zone: &str| {
        let city = zone.rsplit('/').next().unwrap_or(zone);
        [zone, city]
            .map(|text| strsim::jaro_winkler(&text.to_lowercase(), &name.to_lowercase()))
            .into_iter()
            .fold(0.0, f64::max)
    };
    let database = TimeZoneDatabase::bundled();
    let zones = database.available().map(|zone| (likeness(zone.as_str()), zone.to_string()));
    let best = zones.max_by(|(one, _), (other, _)| one.total_cmp(other));
    best.filter(|(likeness, _)| *likeness > 0.9).map(|(_, zone)| zone)
}

/// Whether a text has the shape of a template, in which `d` stands for a digit.
fn shaped(text: &str, template: &str) -> bool {
    let fits = |(byte, wanted): (u8, u8)| match wanted {
        b'd' => byte.is_ascii_digit(),
        wanted => byte == wanted,
    };
    text.len() == template.len() && text.bytes().zip(template.bytes()).all(fits)
}
