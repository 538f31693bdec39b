//! Plays the scene on a running stack: starts the streams of load when they are due, shows the fleet meanwhile, and
//! collects what came back. Decides nothing about the fleet.

use super::scene::{Act, BALANCE_WINDOW, EVENING, NIGHT, PEAK};
use super::view::View;
use super::watch::Sample;
use anyhow::Context;
use apifleet_local::fleet::{Moment, Watch};
use apifleet_local::load::{Kind, Outcome, Running};
use apifleet_local::stack::{Demand, Stack};
use std::time::{Duration, Instant};

/// How often people see the fleet anew.
const FRAME: Duration = Duration::from_millis(500);
/// How often the demand is read.
const DEMAND: Duration = Duration::from_secs(3);

/// What the play showed.
pub(crate) struct Play {
    pub(crate) samples: Vec<Sample>,
    /// The instant of the load step, since the play began.
    pub(crate) step: Duration,
    pub(crate) lasted: Duration,
    pub(crate) outcome: Outcome,
    pub(crate) acknowledged: u64,
    /// Requests of each replica over the end of the peak.
    pub(crate) per_replica: Vec<f64>,
}

/// What has happened so far, each with when.
struct Timeline<'a> {
    stack: &'a Stack,
    watch: &'a Watch,
    began: Duration,
    acts: Vec<(Duration, Act)>,
    demands: Vec<(Duration, Demand)>,
}

/// Plays night, peak and evening.
pub(crate) fn play(stack: &Stack, watch: &Watch, view: &View) -> anyhow::Result<Play> {
    let began = watch.elapsed();
    let mut timeline = Timeline { stack, watch, began, acts: Vec::new(), demands: Vec::new() };
    let service = stack.service();
    let mut running: Vec<(Kind, Running)> = Vec::new();
    let mut start = |act: Act, flowing: u32, lasts: Duration| -> anyhow::Result<()> {
        for stream in act.streams(service, flowing, lasts) {
            running.push((stream.kind, stack.load(stream)?));
        }
        Ok(())
    };

    // The night's users stay through the peak; those of the peak come on top of them.
    start(NIGHT, 0, NIGHT.lasts + PEAK.lasts)?;
    timeline.enter(NIGHT, view);
    let step = watch.elapsed().saturating_sub(timeline.began);
    start(PEAK, NIGHT.rate, PEAK.lasts)?;
    timeline.enter(PEAK, view);
    let per_replica = stack.requests_per_replica(BALANCE_WINDOW)?;
    start(EVENING, 0, EVENING.lasts)?;
    timeline.enter(EVENING, view);

    let (outcome, acknowledged) = collect(running)?;
    Ok(Play {
        samples: timeline.samples(),
        step,
        lasted: watch.elapsed().saturating_sub(timeline.began),
        outcome,
        acknowledged,
        per_replica,
    })
}

impl Timeline<'_> {
    /// Notes that an act begins, and shows the fleet until it ends.
    fn enter(&mut self, act: Act, view: &View) {
        self.acts.push((self.watch.elapsed(), act));
        let end = Instant::now() + act.lasts;
        let mut before = None;
        while Instant::now() < end {
            self.ask_for_demand();
            let sample = self.sample(&self.watch.now());
            view.fleet(&sample, before.as_ref());
            before = Some(sample);
            std::thread::sleep(FRAME.min(end.saturating_duration_since(Instant::now())));
        }
    }

    /// Reads the demand anew, now and then. It is for people: without an answer the last one stays.
    fn ask_for_demand(&mut self) {
        let now = self.watch.elapsed();
        if self.demands.last().is_some_and(|(at, _)| now.saturating_sub(*at) < DEMAND) {
            return;
        }
        if let Ok(demand) = self.stack.demand() {
            self.demands.push((now, demand));
        }
    }

    /// A moment of the fleet with what was sent and known at that time.
    fn sample(&self, moment: &Moment) -> Sample {
        let act = self.acts.iter().rfind(|(at, _)| *at <= moment.at).map(|(_, act)| *act);
        let demand = self.demands.iter().rfind(|(at, _)| *at <= moment.at);
        Sample::of(moment, self.began, act, demand.map(|(_, demand)| *demand).unwrap_or_default())
    }

    /// Every change of the fleet, of what was sent and of the demand since the play began, in order.
    fn samples(&self) -> Vec<Sample> {
        let history = self.watch.history();
        let mut instants: Vec<Duration> = history
            .iter()
            .map(|moment| moment.at)
            .chain(self.acts.iter().map(|(at, _)| *at))
            .chain(self.demands.iter().map(|(at, _)| *at))
            .chain([self.began, self.watch.elapsed()])
            .filter(|at| *at >= self.began)
            .collect();
        instants.sort_unstable();
        instants.dedup();
        let at = |at: Duration| {
            let moment = history.iter().rfind(|moment| moment.at <= at)?;
            Some(self.sample(&Moment { at, ..moment.clone() }))
        };
        instants.into_iter().filter_map(at).collect()
    }
}

/// Waits for every stream; the claims that were answered with 201 are those that clients believe to be stored.
fn collect(running: Vec<(Kind, Running)>) -> anyhow::Result<(Outcome, u64)> {
    let mut all = Outcome::none()?;
    let mut acknowledged = 0;
    for (kind, stream) in running {
        let outcome = stream.wait().context("wait for the load generator")?;
        match kind {
            Kind::Home => {}
            Kind::Claim => acknowledged += outcome.with_status(201),
        }
        all.add(&outcome)?;
    }
    Ok((all, acknowledged))
}
