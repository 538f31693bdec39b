//! One run: every second the plant lives on, is scraped, is looked at if it is time, and gets its requests.

use super::{Run, Scenario, first_size};
use crate::faults::FaultKind;
use crate::load::Load;
use crate::metrics::{Metrics, Outages, Path};
use crate::plant::Plant;
use crate::scaler::{Pod, Scaler, View};
use crate::score::keeper::{Fleet, Keeper};
use jiff::Timestamp;
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;

/// An answer is at most so many seconds old: recording rules are evaluated every 5 s.
const LONGEST_DELAY: u32 = 5;
/// Keeps what is drawn here apart from what arrivals are drawn from.
const PHASES: u64 = 0x0070_6861_7365_7321;

/// A run that goes on.
pub(super) struct Engine<'a> {
    scenario: &'a Scenario,
    start: i64,
    plant: Plant,
    metrics: Metrics,
    keeper: Keeper<'a>,
    next_look: u32,
    /// When the scaler is down, in seconds after the start.
    down: Vec<(u32, u32)>,
    was_down: bool,
    gone: Vec<Pod>,
}

impl<'a> Engine<'a> {
    pub(super) fn new(scenario: &'a Scenario, load: &'a Load, period: u32) -> Self {
        let mut rng = Pcg64::seed_from_u64(scenario.seed ^ PHASES);
        let interval = scenario.scrape_interval.max(1);
        let path = Path {
            interval,
            phase: rng.random_range(0..interval),
            delay: rng.random_range(0..=LONGEST_DELAY),
        };
        let start = load.start().as_second();
        let rate = scenario.trace.rate_at(0);
        let size = first_size(scenario);
        let outages = Outages::new(&scenario.faults, start);
        let restarts = scenario.faults.iter().filter(|fault| fault.kind == FaultKind::Restart);
        Self {
            scenario,
            start,
            plant: Plant::new(scenario, size, rate),
            metrics: Metrics::new(path, outages, start, size, rate),
            keeper: Keeper::new(load, scenario.sizes(), scenario.unscored),
            next_look: rng.random_range(0..period.max(1)),
            down: restarts.map(|fault| (fault.at, fault.end())).collect(),
            was_down: false,
            gone: Vec::new(),
        }
    }

    /// One second of the run.
    pub(super) fn second(&mut self, second: u32, arrivals: u32, scaler: &mut dyn Scaler) {
        let now = self.start + i64::from(second);
        self.plant.advance(now);
        self.metrics.begin(now);
        self.follow();
        if self.down.iter().any(|(from, to)| (*from..*to).contains(&second)) {
            self.was_down = true;
        } else {
            if self.was_down {
                self.was_down = false;
                scaler.restart(&self.view(now));
                self.next_look = second;
            }
            if second >= self.next_look {
                self.look(now, scaler);
                self.next_look = second.saturating_add(scaler.period().max(1));
            }
        }
        let served = self.plant.serve(arrivals);
        self.metrics.record(&served, self.plant.ready());
        self.keeper.second(
            &served,
            Fleet {
                wanted: self.plant.wanted().sum(),
                existing: self.plant.existing(),
                ready: self.plant.ready(),
                started: self.plant.started(),
                felt: self.plant.felt(),
            },
        );
    }

    /// The scaler looks, and what it asks for is done.
    fn look(&mut self, now: i64, scaler: &mut dyn Scaler) {
        let Some(size) = scaler.look(&self.view(now)) else { return };
        let before = self.plant.wanted().sum();
        self.plant.scale(size, scaler.spot(), now);
        let after = self.plant.wanted().sum();
        if after != before {
            self.keeper.change(before, after);
        }
        self.follow();
    }

    /// Tells the metric path which pods there are.
    fn follow(&mut self) {
        if self.plant.take_changes(&mut self.gone) {
            self.metrics.follow(self.plant.pods(), &mut self.gone);
        }
    }

    fn view(&self, now: i64) -> View<'_> {
        View {
            now: Timestamp::from_second(now).unwrap_or(Timestamp::MAX),
            wanted: self.plant.wanted().sum(),
            existing: self.plant.existing(),
            ready: self.plant.ready(),
            bounds: self.scenario.sizes(),
            pods: self.plant.pods(),
            metrics: &self.metrics,
            spot: self.plant.spot(),
        }
    }

    pub(super) fn finish(self, policy: String) -> Run {
        let (series, score, days) = self.keeper.finish();
        Run { policy, seed: self.scenario.seed, series, score, days }
    }
}
