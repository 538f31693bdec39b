//! Plays the scene on a running stack: starts the streams of load when they are due, takes a spot node, shows the fleet
//! meanwhile, and collects what came back. Decides nothing about the fleet.

use super::loss::{Loss, Taken};
use super::scene::{
    Act, BALANCE_WINDOW, Day, EVENING, EVENING_LASTS, NIGHT, PEAK, PEAK_LASTS, TAKEN_AFTER,
};
use super::view::View;
use super::watch::Sample;
use anyhow::Context;
use apifleet_local::fleet::{Moment, Watch};
use apifleet_local::load::{Kind, Outcome, Running, Tally};
use apifleet_local::stack::{Demand, Stack};
use jiff::Zoned;
use std::time::{Duration, Instant};

/// How often people see the fleet anew.
const FRAME: Duration = Duration::from_millis(500);
/// How often the demand is read.
const DEMAND: Duration = Duration::from_secs(3);

/// What the play showed.
pub(crate) struct Play {
    pub(crate) samples: Vec<Sample>,
    /// The instant at which the window opened, since the play began.
    pub(crate) opening: Duration,
    /// The instant at which a spot node was given notice.
    pub(crate) notice: Duration,
    pub(crate) lasted: Duration,
    /// All requests of the day.
    pub(crate) outcome: Outcome,
    pub(crate) acknowledged: u64,
    /// Requests of each replica over the end of the peak.
    pub(crate) per_replica: Vec<f64>,
    /// The spot node that was taken, with the failed requests of the streams that ran meanwhile.
    pub(crate) loss: Loss,
}

/// What has happened so far, each with when.
struct Timeline<'a> {
    stack: &'a Stack,
    watch: &'a Watch,
    view: &'a View,
    began: Duration,
    acts: Vec<(Duration, Act)>,
    demands: Vec<(Duration, Demand)>,
}

/// The streams that were started.
struct Streams<'a> {
    stack: &'a Stack,
    running: Vec<Running>,
}

/// Plays the night, the opening with its peak and the loss of a spot node, and the evening.
pub(crate) fn play(stack: &Stack, watch: &Watch, view: &View, day: &Day) -> anyhow::Result<Play> {
    let began = watch.elapsed();
    let (acts, demands) = (Vec::new(), Vec::new());
    let mut timeline = Timeline { stack, watch, view, began, acts, demands };
    let mut streams = Streams { stack, running: Vec::new() };

    // The night's users stay through the peak; those of the peak come on top of them.
    let night = day.until_opening(&Zoned::now());
    streams.start(NIGHT, 0, night + PEAK_LASTS)?;
    let opens = timeline.begin(NIGHT) + night;
    timeline.show_until(opens);
    let opening = watch.elapsed().saturating_sub(began);
    streams.start(PEAK, NIGHT.rate, PEAK_LASTS)?;
    let peak = timeline.begin(PEAK);
    timeline.show_until(peak + TAKEN_AFTER);
    let taken = Taken::begin(stack, watch, view)?;
    timeline.show_until(peak + PEAK_LASTS);
    let per_replica = stack.requests_per_replica(BALANCE_WINDOW)?;
    let day_streams = streams.running.len();
    streams.start(EVENING, 0, EVENING_LASTS)?;
    let evening = timeline.begin(EVENING);
    timeline.show_until(evening + EVENING_LASTS);

    let of_evening = streams.running.split_off(day_streams);
    let through_the_loss = collect(streams.running)?;
    let later = collect(of_evening)?;
    let mut outcome = through_the_loss.all()?;
    let loss = taken.end(stack, watch, outcome.failed())?;
    let notice = loss.announced.saturating_sub(began);
    outcome.add(&later.all()?)?;
    let acknowledged = acknowledged(&through_the_loss)? + acknowledged(&later)?;
    let lasted = watch.elapsed().saturating_sub(began);
    let samples = timeline.samples();
    Ok(Play { samples, opening, notice, lasted, outcome, acknowledged, per_replica, loss })
}

impl Streams<'_> {
    fn start(&mut self, act: Act, flowing: u32, lasts: Duration) -> anyhow::Result<()> {
        for stream in act.streams(self.stack.service(), flowing, lasts) {
            self.running.push(self.stack.load(stream)?);
        }
        Ok(())
    }
}

impl Timeline<'_> {
    /// Notes that an act begins, and returns when.
    fn begin(&mut self, act: Act) -> Instant {
        self.acts.push((self.watch.elapsed(), act));
        Instant::now()
    }

    /// Shows the fleet until an instant.
    fn show_until(&mut self, end: Instant) {
        let mut before = None;
        while Instant::now() < end {
            self.ask_for_demand();
            let sample = self.sample(&self.watch.now());
            self.view.fleet(&sample, before.as_ref());
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

fn collect(running: Vec<Running>) -> anyhow::Result<Tally> {
    Tally::collect(running).context("wait for the load generator")
}

/// Claims that were answered with 201: those that clients believe to be stored.
fn acknowledged(tally: &Tally) -> anyhow::Result<u64> {
    Ok(tally.of_kind(Kind::Claim)?.with_status(201))
}
