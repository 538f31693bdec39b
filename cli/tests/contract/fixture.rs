//! Fleets from files, and a clock that stands still.

use apifleet_cli::time::Clock;
use apifleet_crds::ApiFleet;
use jiff::tz::TimeZone;
use serde::de::DeserializeOwned;

/// Half a minute past the opening of the campaign day, in the zone of its owner.
pub(crate) const NOW: &str = "2026-12-08T07:00:30Z";

pub(crate) fn fleet(name: &str) -> ApiFleet {
    object(name)
}

pub(crate) fn object<T: DeserializeOwned>(name: &str) -> T {
    let path = format!("{}/tests/contract/fixtures/{name}.yaml", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    serde_saphyr::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}"))
}

pub(crate) fn clock(zone: &str) -> Clock {
    Clock { now: NOW.parse().unwrap(), zone: TimeZone::get(zone).unwrap() }
}

/// A text of a run without what another run writes otherwise: the digits of its instants and lengths of time are zeros.
pub(crate) fn timeless(text: &str) -> String {
    let settled = |word: &str| {
        let bare = word.trim_matches(|it: char| !it.is_ascii_alphanumeric());
        let is_time = bare.starts_with(|it: char| it.is_ascii_digit())
            && (bare.contains(['-', ':']) || bare.ends_with(|it: char| it.is_ascii_alphabetic()));
        if is_time { word.replace(|it: char| it.is_ascii_digit(), "0") } else { word.to_owned() }
    };
    text.split_inclusive([' ', '\n']).map(settled).collect()
}

/// What is left for a reader without colours.
pub(crate) fn plain(text: &str) -> String {
    anstream::adapter::strip_str(text).to_string()
}
