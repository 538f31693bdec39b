//! What lies between too few minutes and too much cost: every contestant with five targets per replica. Nobody's
//! better, only elsewhere, where no other is both cheaper and calmer: the Pareto curve.

use super::cell::HARD;
use super::contestants::{Contestant, STABLE_ORACLE, at_target, oracles};
use super::figures;
use super::matrix::scenario;
use super::outcome::{Outcome, Runs};
use super::play::{Counter, Job, play};
use super::traffic::Traffic;
use crate::Row;
use apifleet_sim::Load;
use std::collections::BTreeMap;

/// Requests per second and replica.
pub(crate) const TARGETS: [u32; 5] = [40, 45, 50, 55, 60];
/// Scored days.
const DAYS: u32 = 7;
/// Seeds, from one on.
const SEEDS: u64 = 3;

/// Seconds that this will simulate.
pub(crate) fn seconds(traffic: &Traffic) -> u64 {
    let contestants = TARGETS.iter().map(|target| at_target(*target).len()).sum::<usize>();
    let runs = (contestants + oracles().len()) as u64 * SEEDS;
    runs * u64::from(traffic.for_days(DAYS).seconds())
}

/// Runs them on a trace; the rows.
pub(crate) fn rows(traffic: &Traffic, counter: &Counter<'_>) -> Vec<Row> {
    let trace = traffic.for_days(DAYS);
    let oracles = oracles();
    let contestants: Vec<_> = TARGETS
        .into_iter()
        .flat_map(|target| at_target(target).into_iter().map(move |who| (Some(target), who)))
        .collect();
    let everyone = || {
        let contestants = contestants.iter().map(|(target, who)| (*target, who));
        contestants.chain(oracles.iter().map(|who: &Contestant| (None, who)))
    };
    let mut outcomes: BTreeMap<(Option<u32>, String), Vec<Outcome>> = BTreeMap::new();
    for seed in 1..=SEEDS {
        let load = Load::draw(&trace, seed);
        let jobs: Vec<_> = everyone()
            .filter_map(|(target, contestant)| {
                let scenario = scenario(&trace, HARD, seed, traffic.unscored())?;
                Some(Job { key: (target, contestant.name.as_str()), contestant, scenario })
            })
            .collect();
        for ((target, name), outcome) in play(&load, &jobs, counter) {
            outcomes.entry((target, name.to_owned())).or_default().push(outcome);
        }
    }
    let runs = |key: (Option<u32>, &str)| {
        let outcomes = outcomes.get(&(key.0, key.1.to_owned()));
        Runs::new(outcomes.map_or(&[][..], Vec::as_slice), traffic.is_long())
    };
    let stable = runs((None, STABLE_ORACLE));
    let rows = contestants.iter().filter_map(|(target, who)| Some(((*target)?, who))).flat_map(
        |(target, who)| {
            let prefix = format!("policy.{}.{HARD}.{}.target{target}", traffic.name, who.name);
            let runs = runs((Some(target), who.name.as_str()));
            let cost = format!("{prefix}.cost_ratio");
            [
                figures::violating_minutes(format!("{prefix}.violating_minutes"), runs),
                figures::cost_ratio(cost, "of the stable oracle", runs, stable),
            ]
        },
    );
    rows.collect()
}
