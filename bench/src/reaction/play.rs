//! Plays one run: calm load until every window is full of it, the step, and the wait for the fleet's answer. Collects
//! what was seen and decides nothing about it.

use super::SIZE;
use super::reading::LIMIT;
use crate::Result;
use apifleet_local::Error;
use apifleet_local::fleet::{Moment, Watch};
use apifleet_local::load::{Kind, Outcome, Stream};
use apifleet_local::progress::Progress;
use apifleet_local::stack::{Fleet, Stack};
use std::net::SocketAddr;
use std::time::Duration;

/// Requests per second before the step, and from it on.
pub(crate) const CALM: u32 = 300;
pub(crate) const STEP: u32 = 1500;
/// The full rate asks for exactly the largest size, the calm for no more than the smallest.
const _: () = assert!(STEP == SIZE.max * SIZE.per_replica && CALM <= SIZE.min * SIZE.per_replica);
/// Connections at the full rate; a part of the rate has its part of them.
const CONNECTIONS: u32 = 400;
/// Calm load before the step: a window of a minute, a scrape, a pass over the rules, and some for a slow beginning.
const SETTLE: Duration = Duration::from_secs(80);
/// How long the full load lasts when the fleet answers in time; else it goes on until [`LIMIT`].
const PEAK: Duration = Duration::from_secs(90);
/// The demand is read so long before the step.
const CHECK: Duration = Duration::from_secs(2);

/// The end of the full load, over which requests are counted by replica: a fleet that answers in time has been whole
/// for longer.
const COUNTED: Duration = Duration::from_secs(30);

/// What was seen in a run.
#[derive(Debug, Clone)]
pub(crate) struct Played {
    /// When the full load began, by the clock of `moments`.
    pub(crate) step: Duration,
    /// Requests per second over a minute that Prometheus saw just before.
    pub(crate) calm_rps: Option<f64>,
    /// The fleet, from its first event on.
    pub(crate) moments: Vec<Moment>,
    /// Requests that each replica had in the last [`COUNTED`] of the full load.
    pub(crate) per_replica: Vec<f64>,
    /// What was sent, and what came back.
    pub(crate) streams: Vec<(Stream, Outcome)>,
}

/// Plays a run on a fleet that is Ready. `phase` is added to the calm.
pub(crate) fn play(
    stack: &Stack,
    fleet: &Fleet<'_>,
    watch: &Watch,
    phase: Duration,
    progress: &dyn Progress,
) -> Result<Played> {
    let (name, service) = (&fleet.name, fleet.service);
    let calm = SETTLE + phase;
    let due = watch.elapsed() + calm;
    progress.step(format!("{name}: {CALM} requests/s for {} s", calm.as_secs()));
    let mut running = vec![send(stack, stream(service, CALM, calm + PEAK))?];
    pause_until(watch, due.saturating_sub(CHECK));
    let calm_rps = fleet.demand()?.rps;
    pause_until(watch, due);

    progress.step(format!("{name}: {STEP} requests/s"));
    let step = watch.elapsed();
    running.push(send(stack, stream(service, STEP - CALM, PEAK))?);
    let mut end = step + PEAK;
    if !is_full_within(watch, end)? {
        progress.step(format!("{name}: not all replicas are Ready yet; the load goes on"));
        running.push(send(stack, stream(service, STEP, LIMIT.saturating_sub(PEAK)))?);
        end = step + LIMIT;
        is_full_within(watch, end)?;
    }
    pause_until(watch, end);
    let per_replica = fleet.requests_per_replica(COUNTED)?;
    let mut streams = Vec::new();
    for (stream, running) in running {
        streams.push((stream, running.wait()?));
    }
    Ok(Played { step, calm_rps, moments: watch.history(), per_replica, streams })
}

type Sending = (Stream, apifleet_local::load::Running);

fn send(stack: &Stack, stream: Stream) -> Result<Sending> {
    Ok((stream, stack.load(stream)?))
}

fn stream(service: SocketAddr, rate: u32, lasts: Duration) -> Stream {
    Stream { kind: Kind::Home, service, rate, connections: CONNECTIONS * rate / STEP, lasts }
}

/// Load is played by the clock: there is nothing to wait for but time.
fn pause_until(watch: &Watch, instant: Duration) {
    std::thread::sleep(instant.saturating_sub(watch.elapsed()));
}

/// Whether all replicas are Ready by an instant of the watch.
fn is_full_within(watch: &Watch, instant: Duration) -> Result<bool> {
    let left = instant.saturating_sub(watch.elapsed());
    match watch.wait("all replicas to be Ready", left, |moment| moment.ready() >= SIZE.max) {
        Ok(_) => Ok(true),
        Err(Error::Timeout { .. }) => Ok(false),
        Err(problem) => Err(problem.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_step_adds_to_the_calm_so_that_both_make_the_full_rate_and_its_connections() {
        let service = SocketAddr::from(([10, 96, 0, 9], 80));
        let calm = stream(service, CALM, SETTLE + PEAK);
        let added = stream(service, STEP - CALM, PEAK);
        assert_eq!(calm.rate + added.rate, STEP);
        assert_eq!(calm.connections + added.connections, CONNECTIONS);
        assert!(calm.rate * 2 >= calm.connections, "every connection must be in use");
    }
}
