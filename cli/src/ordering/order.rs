//! What is ordered, as an object: a `FleetOverride` of the requester's own. Pure.

use super::end::{End, whole_seconds};
use crate::failure::Failure;
use crate::names::FleetName;
use crate::time::Clock;
use apifleet_core::overrides::{Action, Pace};
use apifleet_crds::convert::{count, instant};
use apifleet_crds::fleet_override::{FleetRef, OverrideAction, OverridePace};
use apifleet_crds::{FleetOverride, FleetOverrideSpec, OverrideIntent};
use jiff::{SignedDuration, Timestamp};

/// The letters of the end of a name: those that Kubernetes uses for the names that it makes, which spell no words.
const LETTERS: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
/// So many of them.
const SUFFIX: usize = 5;

/// What somebody wishes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wish {
    /// What is ordered.
    pub action: Action,
    /// How fast the size may fall to it.
    pub pace: Pace,
    /// When it ends.
    pub end: End,
    /// Why.
    pub reason: Why,
}

/// Why something is ordered, in 3 to 256 characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Why(String);

// === impl Why ===

impl Why {
    /// The text.
    ///
    /// # Errors
    /// Where it is too short or too long.
    pub fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let fits = (3..=256).contains(&text.chars().count());
        fits.then(|| Self(text.to_owned())).ok_or_else(|| {
            "say why in 3 to 256 characters, such as \"INC-412 checkout slow\"".into()
        })
    }

    /// The plain text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The override, from now on.
///
/// # Errors
/// Where its end is past or too far away.
pub fn place(
    wish: &Wish,
    (namespace, fleet): (&str, &FleetName),
    user: &str,
    clock: &Clock,
) -> Result<FleetOverride, Failure> {
    let begins = whole_seconds(clock.now);
    let (action, replicas) = typed(wish.action);
    let spec = FleetOverrideSpec {
        fleet_ref: FleetRef { name: fleet.to_string() },
        action,
        replicas,
        pace: match wish.pace {
            Pace::Gradual => None,
            Pace::Immediate => Some(OverridePace::Immediate),
        },
        not_before: instant(begins),
        expires_at: instant(wish.end.at(begins, begins, clock)?),
        reason: wish.reason.as_str().to_owned(),
        requested_by: user.to_owned(),
    };
    let mut order = FleetOverride::new(&name(wish.action, clock.now), spec);
    order.metadata.namespace = Some(namespace.to_owned());
    // What the API server would refuse is not sent.
    OverrideIntent::try_from(&order).map_err(|error| Failure::Usage(error.to_string()))?;
    Ok(order)
}

/// The same override with a later end. A length is counted from its end as it is.
///
/// # Errors
/// Where that is no later one, or it would last too long.
pub fn extend(order: &FleetOverride, end: End, clock: &Clock) -> Result<FleetOverride, Failure> {
    let (begins, ends) = (order.spec.not_before.0, order.spec.expires_at.0);
    let later = end.at(begins, ends, clock)?;
    if later <= ends {
        return Err(Failure::Usage(format!(
            "it ends at {}, and {} is no later: end it with --end, or give a later end",
            clock.instant_with_utc(ends),
            clock.instant_with_utc(later)
        )));
    }
    Ok(ending(order, later))
}

/// The same override, ended; `None` where it has not begun and is to go.
#[must_use]
pub fn ended(order: &FleetOverride, now: Timestamp) -> Option<FleetOverride> {
    let begins = order.spec.not_before.0;
    if begins > now {
        return None;
    }
    // An end is after the beginning, by a second at least.
    let shortest = begins.saturating_add(SignedDuration::from_secs(1)).unwrap_or(Timestamp::MAX);
    Some(ending(order, whole_seconds(now).max(shortest)))
}

fn ending(order: &FleetOverride, at: Timestamp) -> FleetOverride {
    let mut order = order.clone();
    order.spec.expires_at = instant(at);
    order
}

fn typed(action: Action) -> (OverrideAction, Option<i32>) {
    match action {
        Action::Floor(size) => (OverrideAction::Floor, Some(count(size))),
        Action::Ceiling(size) => (OverrideAction::Ceiling, Some(count(size))),
        Action::Pin(size) => (OverrideAction::Pin, Some(count(size))),
        Action::Hold => (OverrideAction::Hold, None),
        Action::NoSpot => (OverrideAction::NoSpot, None),
    }
}

/// A name that says what it is, and is no other's: `floor-26-x7k2p`.
fn name(action: Action, now: Timestamp) -> String {
    let what = match action {
        Action::Floor(size) => format!("floor-{size}"),
        Action::Ceiling(size) => format!("ceiling-{size}"),
        Action::Pin(size) => format!("pin-{size}"),
        Action::Hold => "hold".to_owned(),
        Action::NoSpot => "no-spot".to_owned(),
    };
    let mut rest = now.as_nanosecond().unsigned_abs();
    let letters = LETTERS.len() as u128;
    let suffix = (0..SUFFIX).filter_map(|_| {
        let letter = usize::try_from(rest % letters).ok().and_then(|place| LETTERS.get(place));
        rest /= letters;
        letter.copied().map(char::from)
    });
    format!("{what}-{}", suffix.collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ordering::end::{Length, Until};
    use apifleet_core::Replicas;
    use jiff::tz::TimeZone;

    fn clock() -> Clock {
        Clock { now: "2026-12-10T10:05:00.123456789Z".parse().unwrap(), zone: TimeZone::UTC }
    }

    fn wish(action: Action) -> Wish {
        let end = End::After(Length::parse("2h").unwrap());
        Wish { action, pace: Pace::Immediate, end, reason: Why::parse("INC-412 slow").unwrap() }
    }

    fn placed(action: Action) -> FleetOverride {
        let fleet = FleetName::parse("shop-api").unwrap();
        place(&wish(action), ("shop", &fleet), "alice", &clock()).unwrap()
    }

    #[test]
    fn what_is_ordered_means_what_was_wished() {
        let size = Replicas::new(1000);
        for action in [
            Action::Floor(size),
            Action::Ceiling(size),
            Action::Pin(size),
            Action::Hold,
            Action::NoSpot,
        ] {
            let order = placed(action);
            let meant = OverrideIntent::try_from(&order).unwrap();
            assert_eq!((meant.order.action, meant.order.pace), (action, Pace::Immediate));
            assert_eq!((meant.fleet.as_str(), meant.requested_by.as_str()), ("shop-api", "alice"));
            assert!(meant.order.is_due(clock().now), "it begins at once");
            assert_eq!(meant.order.expires_at.to_string(), "2026-12-10T12:05:00Z");
            assert_eq!(order.metadata.namespace.as_deref(), Some("shop"));
        }
    }

    #[test]
    fn names_say_what_they_are_and_differ() {
        let mut seen = std::collections::HashSet::new();
        for nanosecond in 0..1000 {
            let now = Timestamp::from_nanosecond(1_000_000_000_000_000_000 + nanosecond).unwrap();
            let name = name(Action::Floor(Replicas::new(26)), now);
            assert!(name.starts_with("floor-26-") && name.len() == 14, "{name}");
            assert!(seen.insert(name));
        }
    }

    #[test]
    fn an_end_that_is_extended_is_later_and_counted_from_the_one_before() {
        let order = placed(Action::Hold);
        let extended =
            |end| extend(&order, end, &clock()).map(|it| it.spec.expires_at.0.to_string());
        let hour = End::After(Length::parse("1h").unwrap());
        assert_eq!(extended(hour).unwrap(), "2026-12-10T13:05:00Z");
        let until = |text| End::Until(Until::parse(text).unwrap());
        assert_eq!(extended(until("18:00")).unwrap(), "2026-12-10T18:00:00Z");
        let said = extended(until("11:00")).unwrap_err().to_string();
        assert!(said.contains("--end"), "{said}");
        let said = extended(End::After(Length::parse("23h").unwrap())).unwrap_err().to_string();
        assert!(said.contains("24h at most"), "{said}");
    }

    #[test]
    fn what_is_ended_has_ended_and_what_has_not_begun_goes() {
        let order = placed(Action::Hold);
        let at = |text: &str| ended(&order, text.parse().unwrap());
        let ends = |text: &str| at(text).unwrap().spec.expires_at.0.to_string();
        assert_eq!(ends("2026-12-10T11:00:00.9Z"), "2026-12-10T11:00:00Z");
        assert_eq!(ends("2026-12-10T10:05:00.2Z"), "2026-12-10T10:05:01Z", "a second at least");
        assert!(at("2026-12-10T10:04:59Z").is_none());
        assert!(OverrideIntent::try_from(&at("2026-12-10T10:05:00Z").unwrap()).is_ok());
    }

    #[test]
    fn a_reason_says_something() {
        assert_eq!(Why::parse("  INC-412 ").unwrap().as_str(), "INC-412");
        for bad in ["", "x", "   ", "  x ", &"x".repeat(257)] {
            assert!(Why::parse(bad).is_err(), "{bad:?}");
        }
    }
}
