//! The figures of a comparison as people read them: the answer in one sentence, cells, and what the words mean.

use super::{Comparison, Outcome, Role, Work};
use jiff::tz::TimeZone;

/// The titles of a scorecard's cells.
pub const TITLES: [&str; 7] = [
    "Slow minutes",
    "Under-provisioned",
    "Replica hours",
    "Cost",
    "Changes",
    "Reversals a day",
    "Worst minute",
];

/// What the words of a scorecard mean.
pub const MEANINGS: [(&str, &str); 9] = [
    (
        "Slow minutes",
        "Minutes in which the 95th percentile of latency was above 200 ms, or in which at least one request was turned \
         away. This is what users feel; fewer is better.",
    ),
    (
        "Under-provisioned",
        "The share of all minutes that were slow. --max-under is a limit for it.",
    ),
    (
        "Replica hours",
        "Hours of every replica that existed, Ready or not: what is paid for. Fewer is cheaper.",
    ),
    (
        "Cost",
        "Replica hours as a multiple of the oracle's. 1.00 is the least that can carry this work; below it something was \
         not carried.",
    ),
    ("Changes", "How often the wanted size was changed."),
    (
        "Reversals a day",
        "Changes within ten minutes after one in the other direction: replicas that were started or stopped in vain.",
    ),
    (
        "Worst minute",
        "The slow minute in which the most requests were turned away, or else the slowest one.",
    ),
    (
        "Stable oracle",
        "It knows the traffic that comes, has exactly what that needs, and never turns back within ten minutes. Nobody can \
         build it; it shows how much of a cost is avoidable at all.",
    ),
    (
        "Fixed sizes",
        "A fleet that never changes: the cheapest and the safest that the bounds allow.",
    ),
];

/// Whether ours carried the work, at what cost, and what the first of the others would have done: one sentence.
#[must_use]
pub fn answer(comparison: &Comparison, outcomes: &[Outcome]) -> String {
    let Some(ours) = outcomes.first() else {
        return "Nothing was simulated.".to_owned();
    };
    let score = &ours.score;
    let minutes = count(score.minutes);
    let slow = match score.violating_minutes {
        0 => format!("none of {minutes} minutes is too slow"),
        1 => format!("1 of {minutes} minutes is too slow or turns requests away"),
        several => format!(
            "{} of {minutes} minutes ({}) are too slow or turn requests away",
            count(several),
            share(ours.under_percent)
        ),
    };
    let peer = outcomes.iter().find(|outcome| outcome.role == Role::Peer);
    let peer = peer.map_or_else(String::new, |peer| {
        let cost =
            peer.cost_ratio.map_or_else(String::new, |ratio| format!(", at {ratio:.2} times"));
        format!(
            "; with {} it would be {}{cost}",
            peer.policy,
            none_or_count(peer.score.violating_minutes)
        )
    });
    format!("With {}, {slow}, {}{peer}.", comparison.work.subject, cost(ours))
}

fn none_or_count(minutes: u32) -> String {
    if minutes == 0 { "none".to_owned() } else { count(minutes) }
}

fn cost(ours: &Outcome) -> String {
    let hours = format!("{} replica hours", count(ours.score.replica_hours.round()));
    match ours.cost_ratio {
        Some(ratio) => format!("for {hours}, {ratio:.2} times what knowing the future would need"),
        None => format!("for {hours}"),
    }
}

/// The cells of a line of the scorecard, under [`TITLES`].
#[must_use]
pub fn cells(outcome: &Outcome, zone: &TimeZone) -> [String; 7] {
    let score = &outcome.score;
    let worst = score.worst_minute.map(|at| at.to_zoned(zone.clone()));
    [
        count(score.violating_minutes),
        share(outcome.under_percent),
        count(score.replica_hours.round()),
        outcome.cost_ratio.map_or_else(nothing, |ratio| format!("{ratio:.2}")),
        count(score.changes),
        format!("{:.1}", outcome.reversals_per_day),
        worst.map_or_else(nothing, |at| at.strftime("%Y-%m-%d %H:%M").to_string()),
    ]
}

fn nothing() -> String {
    "-".to_owned()
}

/// What the work was, in one line.
#[must_use]
pub fn facts(work: &Work) -> String {
    let at = |instant: jiff::Timestamp| {
        instant.to_zoned(work.zone.clone()).strftime("%Y-%m-%d %H:%M").to_string()
    };
    let (min, max) = work.bounds;
    format!(
        "{}, {} to {} ({}); {min} to {max} replicas, {} requests/s each, Ready after {} s; seed {}",
        work.source,
        at(work.start),
        at(work.end),
        zone_name(&work.zone),
        work.target_per_replica,
        work.lag,
        work.seed,
    )
}

/// The name of a zone as browsers know it.
#[must_use]
pub fn zone_name(zone: &TimeZone) -> &str {
    zone.iana_name().unwrap_or("UTC")
}

/// A percentage: whole ones without a fraction, small ones with enough digits to tell them from nothing.
#[must_use]
pub fn share(percent: f64) -> String {
    match percent {
        0.0 => "0 %".to_owned(),
        small if small < 0.01 => "< 0.01 %".to_owned(),
        usual if usual < 10.0 => format!("{usual:.2} %"),
        large => format!("{large:.1} %"),
    }
}

/// A whole number, its thousands apart.
#[must_use]
pub fn count(value: impl Into<f64>) -> String {
    let digits = format!("{:.0}", value.into());
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
