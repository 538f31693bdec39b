//! With what a policy is compared: [`Peer`] is a name after `--baseline`, [`names`] are those that it means for a
//! policy, and [`settings`] what they are told of it.

use super::subject::Subject;
use crate::near;
use apifleet_core::FleetPolicy;
use apifleet_core::schedule::{End, Schedule};
use apifleet_sim::baselines::{ALL, DailyWindow, Settings, by_name};
use jiff::SignedDuration;

/// Fleets that never change; without a size those of the smallest and of the largest are meant.
const FIXED: &str = "static";
/// Nothing.
const NONE: &str = "none";
/// Those of a policy for which none were typed ...
const USUAL: [&str; 5] = ["hpa", "keda", "kpa", "aws", FIXED];
/// ... and the one besides where it has schedules, to which the others do not look.
const SCHEDULED: &str = "keda-cron";

/// A name after `--baseline`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer(String);

// === impl Peer ===

impl Peer {
    /// A name of the simulator's list, `static-N`, or `none`.
    ///
    /// # Errors
    /// Where it is none of them: which may have been meant.
    pub fn parse(text: &str) -> Result<Self, String> {
        let size = text.strip_prefix("static-").and_then(|size| size.parse::<u32>().ok());
        if text == NONE || size.is_some() || by_name(text).is_some() {
            return Ok(Self(text.to_owned()));
        }
        let known = || ALL.iter().map(|baseline| baseline.name).chain([NONE]);
        let near = near::nearest(text, known());
        let hint = if near.is_empty() {
            format!("; there are {}", known().collect::<Vec<_>>().join(", "))
        } else {
            near::hint(&near)
        };
        Err(format!("there is no such baseline{hint}"))
    }

    /// Whether it means that there is nothing to compare with.
    #[must_use]
    pub fn is_none(&self) -> bool {
        self.0 == NONE
    }
}

/// Whether the size of this baseline never changes.
pub(super) fn is_fixed(name: &str) -> bool {
    name.starts_with(FIXED)
}

/// The names that were typed, each once, or else the usual ones; fixed sizes last.
pub(super) fn names(policy: &FleetPolicy, typed: Option<&[Peer]>) -> Vec<String> {
    let scheduled = Some(SCHEDULED).filter(|_| !policy.schedules.is_empty());
    let usual = || USUAL.into_iter().chain(scheduled).map(str::to_owned).collect();
    let typed: Vec<String> = match typed {
        Some(typed) => typed.iter().filter(|it| !it.is_none()).map(|it| it.0.clone()).collect(),
        None => usual(),
    };
    let (min, max) = (policy.bounds.min().get(), policy.bounds.max().get());
    let sized = |name: String| match name.as_str() {
        FIXED if min < max => vec![format!("{FIXED}-{min}"), format!("{FIXED}-{max}")],
        FIXED => vec![format!("{FIXED}-{max}")],
        _ => vec![name],
    };
    let mut names: Vec<String> = Vec::new();
    for name in typed.into_iter().flat_map(sized) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let (fixed, peers): (Vec<_>, Vec<_>) = names.into_iter().partition(|name| is_fixed(name));
    peers.into_iter().chain(fixed).collect()
}

/// What the peers are told: the same target, and the windows of the schedules with the floor of their opening.
pub(super) fn settings(subject: &Subject) -> Settings {
    let policy = &subject.policy;
    let window = |schedule: &Schedule| DailyWindow {
        start: schedule.calendar.start,
        end: match schedule.calendar.end {
            End::SameDay(time) | End::NextDay(time) => time,
        },
        replicas: schedule
            .floor
            .replicas(SignedDuration::ZERO, policy.signals.target_per_replica)
            .get(),
    };
    Settings {
        target_per_replica: policy.signals.target_per_replica.get(),
        zone: subject.zone(),
        windows: policy.schedules.iter().map(window).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use apifleet_crds::{ScalingPolicySpec, policy_for};
    use serde_json::json;

    fn policy(min: i32, max: i32, spec: serde_json::Value) -> FleetPolicy {
        let spec: ScalingPolicySpec = serde_json::from_value(spec).unwrap();
        policy_for(&spec, min, max).unwrap()
    }

    fn peers(names: &[&str]) -> Vec<Peer> {
        names.iter().map(|name| Peer::parse(name).unwrap()).collect()
    }

    fn scheduled() -> FleetPolicy {
        let curve = json!([{"at": "22:00", "requestsPerSecond": 300}, {"at": "23:00", "requestsPerSecond": 900}]);
        policy(
            10,
            30,
            json!({"schedules": [{"name": "a", "start": "22:00", "end": "02:00", "timeZone": "Europe/Paris",
            "floor": {"curve": curve}}]}),
        )
    }

    #[test]
    fn a_name_that_is_none_hints_at_one_that_is() {
        for name in ["hpa", "keda-cron", "static", "static-17", "none"] {
            assert!(Peer::parse(name).is_ok(), "{name}");
        }
        let said = Peer::parse("hpaa").unwrap_err();
        assert!(said.starts_with("there is no such baseline; did you mean hpa"), "{said}");
        let all = Peer::parse("zzz").unwrap_err();
        assert!(all.contains("kpa") && all.contains("none"), "{all}");
        for name in ["", "HPA", "static-", "static--1"] {
            assert!(Peer::parse(name).is_err(), "{name:?} was taken for a baseline");
        }
    }

    #[test]
    fn the_usual_peers_are_those_that_can_do_what_the_policy_does() {
        let plain = policy(10, 30, json!({}));
        assert_eq!(names(&plain, None), ["hpa", "keda", "kpa", "aws", "static-10", "static-30"]);
        assert!(names(&scheduled(), None).contains(&"keda-cron".to_owned()));
    }

    #[test]
    fn each_typed_peer_is_run_once_and_fixed_sizes_come_last() {
        let policy = policy(4, 4, json!({}));
        let typed = peers(&["static", "kpa", "hpa", "kpa", "static-4"]);
        assert_eq!(names(&policy, Some(&typed)), ["kpa", "hpa", "static-4"]);
        assert!(names(&policy, Some(&peers(&["none"]))).is_empty());
    }

    #[test]
    fn peers_are_told_the_same_target_and_the_windows_with_the_floor_of_their_opening() {
        let subject =
            Subject { title: "a".to_owned(), fleet: None, policy: scheduled(), notes: Vec::new() };
        let told = settings(&subject);
        let window = told.windows[0];
        assert_eq!((window.start.hour(), window.end.hour(), window.replicas), (22, 2, 6));
        assert_eq!(told.zone.iana_name(), Some("Europe/Paris"));
        assert!((told.target_per_replica - 50.0).abs() < 1e-9);
    }
}
