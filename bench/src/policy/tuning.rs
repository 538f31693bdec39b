//! Tunes every contestant on the first days of a long trace, which are never scored: for each bounds the best of a few
//! settings where a pod takes longest to become Ready, by one rule for all of them. Who sets up a fleet does so once.

use super::cell::Cell;
use super::contestants::{Contestant, STABLE_ORACLE, oracles};
use super::matrix::scenario;
use super::outcome::{Outcome, Runs};
use super::play::{Counter, Job, play};
use super::traffic::Traffic;
use apifleet_sim::Load;
use std::cmp::Ordering;
use std::collections::BTreeMap;

/// The tuned contestants by cell.
pub(crate) type Tuned = BTreeMap<Cell, Vec<Contestant>>;

/// What tuning draws from; never what is scored.
const SEEDS: [u64; 1] = [1001];
/// What is asked of cost, as a multiple of the stable oracle's, and of changes a day that turn back.
const COST: f64 = 1.10;
const REVERSALS: f64 = 2.0;

/// How good a setting is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Merit {
    /// By how much it misses what is asked of cost and of reversals: the larger share; 0 where it does not.
    excess: f64,
    violating_minutes: f64,
    cost: f64,
}

impl Merit {
    /// The better one is less.
    fn compare(self, other: Self) -> Ordering {
        let excess = self.excess.total_cmp(&other.excess);
        let minutes = self.violating_minutes.total_cmp(&other.violating_minutes);
        excess.then(minutes).then(self.cost.total_cmp(&other.cost))
    }
}

/// Tunes on a trace; nothing where it is too short.
pub(crate) fn tune(
    traffic: &Traffic,
    families: &[Vec<Contestant>],
    counter: &Counter<'_>,
) -> Tuned {
    let Some(trace) = &traffic.first_days else { return Tuned::new() };
    let oracles = oracles();
    let everyone = || families.iter().flatten().chain(&oracles);
    // By cell and by place in `everyone`: names of settings are not their own.
    let mut outcomes: BTreeMap<(Cell, usize), Vec<Outcome>> = BTreeMap::new();
    for seed in SEEDS {
        let load = Load::draw(trace, seed);
        let jobs: Vec<_> = Cell::hardest()
            .flat_map(|cell| everyone().enumerate().map(move |(place, who)| (cell, place, who)))
            .filter_map(|(cell, place, contestant)| {
                let scenario = scenario(trace, cell, seed, 0)?;
                Some(Job { key: (cell, place), contestant, scenario })
            })
            .collect();
        for (key, outcome) in play(&load, &jobs, counter) {
            outcomes.entry(key).or_default().push(outcome);
        }
    }
    let stable = everyone().position(|contestant| contestant.name == STABLE_ORACLE);
    let of = |cell: Cell, place: usize| outcomes.get(&(cell, place)).map_or(&[][..], Vec::as_slice);
    Cell::hardest()
        .flat_map(|cell| {
            let stable = stable.map_or(&[][..], |place| of(cell, place));
            let mut place = 0;
            let tuned = families.iter().filter_map(|family| {
                let settings = family.iter().zip(place..);
                place += family.len();
                let judged =
                    settings.map(|(setting, place)| (setting, merit(of(cell, place), stable)));
                best(judged).map(|setting| setting.named(&format!("{}-tuned", setting.name)))
            });
            let tuned: Vec<_> = tuned.collect();
            Cell::all()
                .filter(move |other| other.sizes == cell.sizes)
                .map(move |other| (other, tuned.clone()))
        })
        .collect()
}

/// Seconds that tuning will simulate.
pub(crate) fn seconds(traffic: &Traffic, families: &[Vec<Contestant>]) -> u64 {
    let settings = families.iter().flatten().count() + oracles().len();
    let trace = traffic.first_days.as_ref().map_or(0, |trace| u64::from(trace.seconds()));
    trace * (settings * SEEDS.len() * Cell::hardest().count()) as u64
}

/// Of those that miss nothing the one with the fewest violating minutes, and of those the cheapest; where all miss
/// something, the one that misses least.
fn best<'a>(
    judged: impl Iterator<Item = (&'a Contestant, Option<Merit>)>,
) -> Option<&'a Contestant> {
    let judged = judged.filter_map(|(setting, merit)| Some((setting, merit?)));
    judged.min_by(|one, two| one.1.compare(two.1)).map(|(setting, _)| setting)
}

/// How good runs were; nothing where there are none.
pub(crate) fn merit(outcomes: &[Outcome], stable: &[Outcome]) -> Option<Merit> {
    let (runs, stable) = (Runs::new(outcomes, true), Runs::new(stable, true));
    let violating_minutes = runs.total(|day| f64::from(day.violating_minutes))?.mean;
    let cost = runs.ratio(stable, (|day| day.replica_hours, |day| day.replica_hours))?.mean;
    let reversals = runs.rate(|day| f64::from(day.reversals_30min.max(day.reversals_10min)))?.mean;
    let excess = (cost / COST - 1.0).max(reversals / REVERSALS - 1.0).max(0.0);
    Some(Merit { excess, violating_minutes, cost })
}

#[cfg(test)]
mod tests {
    use super::super::contestants::tests::{sized, somebody};
    use super::super::outcome::tests::{day, outcome};
    use super::super::traffic::tests::long;
    use super::*;
    use apifleet_local::progress::Silent;

    #[test]
    fn each_family_is_tuned_once_for_each_bounds_and_called_so_at_every_lag() {
        let family = [30, 26, 12].map(|size| sized("static", size)).to_vec();
        let counter = Counter::new("test", 1, &Silent);
        let tuned = tune(&long(), &[family], &counter);
        assert_eq!(tuned.len(), Cell::all().count());
        for (cell, all) in &tuned {
            let names: Vec<_> = all.iter().map(|one| one.name.as_str()).collect();
            assert_eq!(names, ["static-tuned"], "{cell}");
            // 12 carry too little, 30 cost more than is asked for.
            let size = all[0].knobs.iter().find(|(knob, _)| knob == "size");
            assert_eq!(size.map(|(_, size)| *size), Some(26.0), "{cell}");
        }
    }

    fn of(violating: u32, hours: f64) -> Vec<Outcome> {
        vec![outcome(&[day(violating, hours), day(violating, hours)])]
    }

    #[test]
    fn the_best_setting_meets_what_is_asked_and_violates_least() {
        let stable = of(0, 100.0);
        let [dear, calm, good, cheap] = ["a", "b", "c", "d"].map(somebody);
        let judged = [
            (&dear, merit(&of(0, 130.0), &stable)),
            (&calm, merit(&of(9, 105.0), &stable)),
            (&good, merit(&of(3, 108.0), &stable)),
            (&cheap, merit(&of(3, 109.0), &stable)),
        ];
        let best = best(judged.into_iter()).expect("one of them");
        assert_eq!(best.name, good.name);
    }

    #[test]
    fn where_all_miss_what_is_asked_the_one_that_misses_least_is_best() {
        let stable = of(0, 100.0);
        let [dear, dearer] = ["a", "b"].map(somebody);
        let judged =
            [(&dearer, merit(&of(0, 150.0), &stable)), (&dear, merit(&of(5, 120.0), &stable))];
        assert_eq!(best(judged.into_iter()).expect("one").name, dear.name);
        assert!(best(std::iter::once((&dear, merit(&[], &stable)))).is_none());
    }
}
