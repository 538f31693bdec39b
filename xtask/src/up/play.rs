//! Plays the scene on a running stack: starts the streams of load when they are due, shows the fleet meanwhile, and
//! collects what came back. Decides nothing about the fleet.

use super::scene::{Act, BALANCE_WINDOW, EVENING, NIGHT, PEAK};
use super::view::View;
use super::watch::Sample;
use anyhow::Context;
use apifleet_local::fleet::Watch;
use apifleet_local::load::{Kind, Outcome, Running};
use apifleet_local::stack::Stack;
use std::time::{Duration, Instant};

/// How often people see the fleet anew.
const FRAME: Duration = Duration::from_millis(500);

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

/// The parts of the play that have begun, each with when.
struct Timeline {
    began: Duration,
    acts: Vec<(Duration, Act)>,
}

/// Plays night, peak and evening.
pub(crate) fn play(stack: &Stack, watch: &Watch, view: &View) -> anyhow::Result<Play> {
    let mut timeline = Timeline { began: watch.elapsed(), acts: Vec::new() };
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
    timeline.enter(NIGHT, watch, view);
    let step = watch.elapsed().saturating_sub(timeline.began);
    start(PEAK, NIGHT.rate, PEAK.lasts)?;
    timeline.enter(PEAK, watch, view);
    let per_replica = stack.requests_per_replica(BALANCE_WINDOW)?;
    start(EVENING, 0, EVENING.lasts)?;
    timeline.enter(EVENING, watch, view);

    let (outcome, acknowledged) = collect(running)?;
    Ok(Play {
        samples: timeline.samples(watch),
        step,
        lasted: watch.elapsed().saturating_sub(timeline.began),
        outcome,
        acknowledged,
        per_replica,
    })
}

impl Timeline {
    /// Notes that an act begins, and shows the fleet until it ends.
    fn enter(&mut self, act: Act, watch: &Watch, view: &View) {
        self.acts.push((watch.elapsed(), act));
        let end = Instant::now() + act.lasts;
        let mut before = None;
        while Instant::now() < end {
            let sample = Sample::of(&watch.now(), self.began, act.name, act.rate);
            view.fleet(&sample, before.as_ref());
            before = Some(sample);
            std::thread::sleep(FRAME.min(end.saturating_duration_since(Instant::now())));
        }
    }

    /// Every moment since the play began, beside what was sent at that time, and the first and last instants.
    fn samples(&self, watch: &Watch) -> Vec<Sample> {
        let history = watch.history();
        let first = history.iter().rfind(|moment| moment.at < self.began).cloned();
        let opening = first.map(|moment| apifleet_local::fleet::Moment { at: self.began, ..moment });
        let closing = apifleet_local::fleet::Moment { at: watch.elapsed(), ..watch.now() };
        let during = history.into_iter().filter(|moment| moment.at >= self.began);
        opening
            .into_iter()
            .chain(during)
            .chain([closing])
            .map(|moment| {
                let act = self.acts.iter().rfind(|(at, _)| *at <= moment.at);
                let (name, rate) = act.map_or(("", 0), |(_, act)| (act.name, act.rate));
                Sample::of(&moment, self.began, name, rate)
            })
            .collect()
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
