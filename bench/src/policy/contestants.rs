//! Who is compared: ours, the peers with their usual settings and what each is tuned over, fleets of one size, and two
//! oracles. A contestant is a name and a way to make its autoscaler anew for each run. Pure.

use super::ours::{self, Holding};
use super::traffic::Traffic;
use apifleet_core::{FleetPolicy, Rps};
use apifleet_sim::baselines::{Settings, Tuning, busy_hours, by_name};
use apifleet_sim::oracle::Oracle;
use apifleet_sim::{Fault, Load, Scaler, Scenario};
use jiff::tz::TimeZone;
use serde_json::Value;
use std::fmt;
use std::sync::Arc;

pub(crate) use super::ours::ours;

/// What one replica is planned to carry, in requests per second: where every default starts.
pub(crate) const TARGET: f64 = 50.0;
/// Knows the future of one lag.
pub(crate) const ORACLE: &str = "oracle";
/// The same, and never turns back within ten minutes.
pub(crate) const STABLE_ORACLE: &str = "stable-oracle";
/// The default, and the tuned one.
pub(crate) const OURS: [&str; 2] = ["apifleet", "apifleet-tuned"];

/// The peers, as the list of baselines calls them, and whether each is tuned, too.
const PEERS: [(&str, bool); 10] = [
    ("hpa", true),
    ("keda", true),
    ("keda-cron", true),
    ("kpa", true),
    ("aws", true),
    ("aws-gradual", false),
    ("aws-scheduled", true),
    ("seasonal", true),
    ("static-10", false),
    ("static-30", false),
];
/// Peers are tuned with shares of these as their targets: from 40 to 60, and so is ours.
const TUNED_AT: [f64; 2] = [TARGET, 60.0];
/// Those beside which ours is shown in trouble.
const IN_TROUBLE: [&str; 2] = ["keda", "hpa"];
/// Those that have a target per replica.
const AT_TARGETS: [&str; 4] = ["hpa", "keda", "kpa", "aws"];

type Make = dyn Fn(&str, &Scenario, &Load) -> Box<dyn Scaler> + Send + Sync;

/// Somebody who is compared.
#[derive(Clone)]
pub(crate) struct Contestant {
    /// What rows call it.
    pub(crate) name: String,
    /// What tuning can set, and to what it did.
    pub(crate) knobs: Vec<(String, f64)>,
    make: Arc<Make>,
}

impl Contestant {
    /// A contestant without knobs.
    pub(crate) fn new(
        name: impl Into<String>,
        make: impl Fn(&str, &Scenario, &Load) -> Box<dyn Scaler> + Send + Sync + 'static,
    ) -> Self {
        Self { name: name.into(), knobs: Vec::new(), make: Arc::new(make) }
    }

    /// The same, set to this by tuning.
    pub(crate) fn set(self, knobs: Vec<(String, f64)>) -> Self {
        Self { knobs, ..self }
    }

    /// The same under another name.
    pub(crate) fn named(&self, name: &str) -> Self {
        Self { name: name.to_owned(), ..self.clone() }
    }

    /// Its autoscaler, which has not looked yet.
    pub(crate) fn scaler(&self, scenario: &Scenario, load: &Load) -> Box<dyn Scaler> {
        (self.make)(&self.name, scenario, load)
    }

    /// A peer with these settings.
    fn peer(name: &str, tuning: Tuning, settings: &Settings) -> Self {
        let settings = settings.clone();
        let mut knobs = knobs(&tuning);
        knobs.push(("target_per_replica".to_owned(), settings.target_per_replica));
        let make = move |name: &str, _: &Scenario, _: &Load| tuning.build(name, &settings);
        Self::new(name, make).set(knobs)
    }
}

impl fmt::Debug for Contestant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, knobs, make: _ } = self;
        f.debug_struct("Contestant")
            .field("name", name)
            .field("knobs", knobs)
            .finish_non_exhaustive()
    }
}

/// Everyone with usual settings. What a schedule says, a person would have written after a week of watching.
pub(crate) fn defaults(traffic: &Traffic) -> Vec<Contestant> {
    let peers = usual(&PEERS.map(|(name, _)| name), &settings(traffic));
    std::iter::once(ours(OURS[0], |_| {})).chain(peers).chain(oracles()).collect()
}

/// What each is tuned over: settings of one family bear one name.
pub(crate) fn families(traffic: &Traffic) -> Vec<Vec<Contestant>> {
    let settings =
        TUNED_AT.map(|target| Settings { target_per_replica: target, ..settings(traffic) });
    let tuned = PEERS.iter().filter(|(_, is_tuned)| *is_tuned);
    let family = |(name, _): &(&str, bool)| {
        let grid = by_name(name)?.grid();
        let at = |settings: &Settings| {
            let one = |tuning| Contestant::peer(name, tuning, settings);
            grid.iter().cloned().map(one).collect::<Vec<_>>()
        };
        Some(settings.iter().flat_map(at).collect())
    };
    let ours = ours::grid(OURS[0], traffic.first_days.as_deref());
    std::iter::once(ours).chain(tuned.filter_map(family)).collect()
}

/// Who is compared in trouble: ours, and the peers beside it.
pub(crate) fn in_trouble() -> (Contestant, Vec<Contestant>) {
    (ours(OURS[0], |_| {}), usual(&IN_TROUBLE, &Settings::default()))
}

/// Everyone who has a target, with this one.
pub(crate) fn at_target(target: u32) -> Vec<Contestant> {
    let target = f64::from(target);
    let settings = Settings { target_per_replica: target, ..Settings::default() };
    let with_target = move |policy: &mut FleetPolicy| {
        if let Some(target) = Rps::new(target) {
            policy.signals.target_per_replica = target;
        }
    };
    std::iter::once(ours(OURS[0], with_target)).chain(usual(&AT_TARGETS, &settings)).collect()
}

/// Peers with their usual settings; one that is not in the list of baselines is left out, which a test forbids.
fn usual(names: &[&str], settings: &Settings) -> Vec<Contestant> {
    let usual = |name: &&str| Some(Contestant::peer(name, by_name(name)?.tuning(), settings));
    names.iter().filter_map(usual).collect()
}

/// Both oracles.
pub(crate) fn oracles() -> [Contestant; 2] {
    [
        Contestant::new(ORACLE, |_, scenario, load| Box::new(Oracle::new(scenario, load))),
        Contestant::new(STABLE_ORACLE, |_, scenario, load| {
            Box::new(Oracle::stable(scenario, load))
        }),
    ]
}

/// A contestant that keeps its size over these faults.
pub(crate) fn holding(contestant: &Contestant, faults: &[Fault]) -> Contestant {
    let (inner, faults) = (contestant.clone(), faults.to_vec());
    Contestant::new(super::faults::HOLDING, move |_, scenario, load| {
        let start = load.start().as_second();
        Box::new(Holding::new(inner.scaler(scenario, load), faults.clone(), start))
    })
}

/// The settings that all peers share. Where a week can be watched, the busy hours are those of the week; else they are
/// the campaign's.
fn settings(traffic: &Traffic) -> Settings {
    let watched = traffic.first_days.as_ref();
    let window = watched.and_then(|week| busy_hours(week, &TimeZone::UTC, TARGET));
    match window {
        Some(window) => Settings { windows: vec![window], ..Settings::default() },
        None => Settings::default(),
    }
}

/// The numbers of a tuning, named by where they stand in it.
fn knobs(tuning: &Tuning) -> Vec<(String, f64)> {
    // The outermost name is the kind of baseline, which the contestant's own name says already.
    let value = serde_json::to_value(tuning).unwrap_or_default();
    let inner = value.as_object().and_then(|object| object.values().next());
    inner.map_or_else(Vec::new, |inner| numbers("", inner))
}

fn numbers(place: &str, value: &Value) -> Vec<(String, f64)> {
    let below = |name: &str, value: &Value| {
        let name = name.to_lowercase();
        numbers(&if place.is_empty() { name } else { format!("{place}_{name}") }, value)
    };
    match value {
        Value::Number(number) => {
            number.as_f64().map(|number| (place.to_owned(), number)).into_iter().collect()
        }
        Value::Object(object) => {
            object.iter().flat_map(|(name, value)| below(name, value)).collect()
        }
        Value::Array(list) => list
            .iter()
            .zip(0..)
            .flat_map(|(value, index)| below(&u32::to_string(&index), value))
            .collect(),
        Value::Null | Value::Bool(_) | Value::String(_) => Vec::new(),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::cell::HARD;
    use super::super::matrix::scenario;
    use super::super::traffic::campaign;
    use super::*;
    use std::collections::BTreeSet;

    /// A fleet of one size, under this name.
    pub(crate) fn sized(name: &str, size: u32) -> Contestant {
        Contestant::peer(name, Tuning::Fixed(size), &Settings::default())
            .set(vec![("size".into(), f64::from(size))])
    }

    /// Somebody of this name.
    pub(crate) fn somebody(name: &str) -> Contestant {
        sized(name, 10)
    }

    #[test]
    fn everyone_is_there_under_a_name_that_a_row_can_carry_and_that_its_autoscaler_bears() {
        let traffic = campaign(true).expect("the campaign");
        let all = defaults(&traffic);
        let names: BTreeSet<_> = all.iter().map(|who| who.name.as_str()).collect();
        assert_eq!(names.len(), PEERS.len() + 3, "{names:?}");
        assert!(names.iter().all(|name| !name.contains('.')), "{names:?}");
        let scenario = scenario(&traffic.trace, HARD, 1, 0).expect("bounds");
        let load = Load::draw(&traffic.trace, 1);
        for who in &all {
            let name = who.scaler(&scenario, &load).name();
            assert_eq!(name.replace(' ', "-"), who.name);
        }
        assert_eq!(in_trouble().1.len(), IN_TROUBLE.len());
        assert_eq!(at_target(40).len(), AT_TARGETS.len() + 1);
    }

    #[test]
    fn every_setting_of_a_family_bears_its_name_and_has_knobs_and_ours_comes_first() {
        let families = families(&campaign(false).expect("the campaign"));
        assert_eq!(families.len(), 1 + PEERS.iter().filter(|(_, is_tuned)| *is_tuned).count());
        for family in &families {
            let names: BTreeSet<_> = family.iter().map(|who| who.name.as_str()).collect();
            assert_eq!(names.len(), 1, "{names:?}");
            assert!(family.iter().all(|who| !who.knobs.is_empty()), "{names:?}");
        }
        assert_eq!(families[0][0].name, OURS[0]);
    }

    #[test]
    fn knobs_are_the_numbers_of_a_tuning_whatever_its_kind() {
        let tuning = by_name("kpa").expect("a baseline").tuning();
        let names: Vec<_> = knobs(&tuning).into_iter().map(|(name, _)| name).collect();
        assert!(names.iter().any(|name| name == "load"), "{names:?}");
        assert!(names.iter().any(|name| name.starts_with("stable")), "{names:?}");
        assert!(names.iter().all(|name| !name.contains('.')), "{names:?}");
    }

    #[test]
    fn a_tuned_one_keeps_its_settings_under_its_new_name() {
        let one = somebody("x").set(vec![("load".into(), 0.8)]);
        let tuned = one.named("x-tuned");
        assert_eq!((tuned.name.as_str(), tuned.knobs), ("x-tuned", one.knobs));
    }
}
