//! Ours as a contestant: its policy with all defaults, what it is tuned over, the curve that a person would declare
//! after a week of watching the traffic, and the double that keeps its size while a fault lasts. Pure.

use super::contestants::{Contestant, TARGET};
use apifleet_core::name::Name;
use apifleet_core::policy::{Bounds, FleetPolicy, LatencyPolicy, SpotPolicy};
use apifleet_core::schedule::{Calendar, Days, End, Floor, Point, Schedule, SpotReturn};
use apifleet_core::{Percent, Replicas, Rps};
use apifleet_sim::ours::Ours;
use apifleet_sim::plant::spot::SpotPool;
use apifleet_sim::{Fault, Scaler, Trace, View};
use jiff::civil::Time;
use jiff::tz::TimeZone;
use std::time::Duration;

const HOUR: u32 = 3600;

/// Ours with all defaults: 50 requests/s per replica, p95 under 200 ms, errors under 0.5 %.
fn our_policy(bounds: Bounds) -> FleetPolicy {
    let mut policy = FleetPolicy::new(bounds, rps(TARGET));
    policy.signals.latency = Some(LatencyPolicy::default());
    policy.signals.max_errors = Percent::new(0.5);
    policy
}

/// Ours with all defaults but for what is changed. Where the scenario has spot nodes, so much of the fleet may be on
/// them as the pool says.
pub(crate) fn ours(
    name: impl Into<String>,
    change: impl Fn(&mut FleetPolicy) + Send + Sync + 'static,
) -> Contestant {
    Contestant::new(name, move |name, scenario, _| {
        let mut policy = our_policy(scenario.bounds);
        let share = |pool: &SpotPool| SpotPolicy::new(pool.percent, Replicas::new(1));
        policy.spot = scenario.spot.as_ref().map(share);
        change(&mut policy);
        Box::new(Ours::new(name, policy))
    })
}

/// What is tried: three targets, three scale-down windows, and no curve or one at two heights: 27 sets.
pub(crate) fn grid(name: &str, first_days: Option<&Trace>) -> Vec<Contestant> {
    let mut all = Vec::new();
    for target in [TARGET, 55.0, 60.0] {
        for window in [300_u32, 1800, 3600] {
            for curve in [0_u32, 80, 100] {
                let declared = first_days.filter(|_| curve > 0);
                let schedule = declared.and_then(|trace| declare(trace, f64::from(curve) / 100.0));
                let set = move |policy: &mut FleetPolicy| {
                    policy.signals.target_per_replica = rps(target);
                    let window = Duration::from_secs(window.into());
                    policy.behavior = policy.behavior.clone().with_down_window(window);
                    policy.schedules = schedule.iter().cloned().collect();
                };
                let knobs = vec![
                    ("target".to_owned(), target),
                    ("down_window_s".to_owned(), f64::from(window)),
                    ("curve_percent".to_owned(), f64::from(curve)),
                ];
                all.push(ours(name, set).set(knobs));
            }
        }
    }
    all
}

/// A curve over the whole day: the share of each hour's mean rate.
fn declare(trace: &Trace, share: f64) -> Option<Schedule> {
    let point = |(hour, mean): (u32, f64)| Point {
        after: Duration::from_secs(u64::from(hour * HOUR + HOUR / 2)),
        demand: rps(mean * share),
    };
    Some(Schedule {
        name: Name::parse("declared")?,
        calendar: Calendar {
            days: Days {
                from: None,
                to: None,
                yearly: false,
                exclude: Vec::new(),
                weekdays: [true; 7],
            },
            start: Time::midnight(),
            end: End::NextDay(Time::midnight()),
            zone: TimeZone::UTC,
        },
        floor: Floor::Curve((0..).zip(hourly_means(trace)).map(point).collect()),
        ceiling: None,
        lead: None,
        ramp: Duration::from_mins(5),
        spot_return: SpotReturn::Forbidden,
    })
}

/// The mean rate of each hour of the day.
fn hourly_means(trace: &Trace) -> [f64; 24] {
    let mut sums = [(0.0, 0.0); 24];
    let start = u32::try_from(trace.start().as_second().rem_euclid(86_400)).unwrap_or_default();
    for (index, rate) in (0_u32..).zip(trace.rates()) {
        let second = start.saturating_add(index.saturating_mul(trace.bucket())) % 86_400;
        let hour = usize::try_from(second / HOUR).unwrap_or_default();
        if let Some((sum, buckets)) = sums.get_mut(hour) {
            *sum += rate;
            *buckets += 1.0;
        }
    }
    sums.map(|(sum, buckets)| if buckets > 0.0 { sum / buckets } else { 0.0 })
}

fn rps(value: f64) -> Rps {
    Rps::new(value).unwrap_or_default()
}

/// Another that keeps the size while faults last, and is itself at all other times.
pub(crate) struct Holding {
    inner: Box<dyn Scaler>,
    faults: Vec<Fault>,
    start: i64,
}

impl Holding {
    /// Over these faults, in seconds after `start`.
    pub(crate) fn new(inner: Box<dyn Scaler>, faults: Vec<Fault>, start: i64) -> Self {
        Self { inner, faults, start }
    }
}

impl Scaler for Holding {
    fn name(&self) -> String {
        super::faults::HOLDING.to_owned()
    }

    fn period(&self) -> u32 {
        self.inner.period()
    }

    fn look(&mut self, view: &View<'_>) -> Option<u32> {
        let second = u32::try_from(view.now.as_second() - self.start).unwrap_or_default();
        let is_blind = self.faults.iter().any(|fault| fault.is_on(second));
        if is_blind { None } else { self.inner.look(view) }
    }

    fn restart(&mut self, view: &View<'_>) {
        self.inner.restart(view);
    }
}

#[cfg(test)]
mod tests {
    use super::super::cell::HARD;
    use super::super::contestants::{self, OURS};
    use super::super::matrix::scenario;
    use super::*;
    use apifleet_sim::{FaultKind, Load, simulate_load};
    use jiff::Timestamp;
    use std::sync::Arc;

    #[test]
    fn the_declared_curve_is_the_share_of_each_hour_of_the_week() {
        let rates = (0..7 * 24).map(|hour| f64::from(hour % 24) * 10.0).collect();
        let trace = Trace::new("t", Timestamp::UNIX_EPOCH, 3600, rates).expect("a trace");
        let schedule = declare(&trace, 0.8).expect("a schedule");
        let Floor::Curve(points) = schedule.floor else { panic!("a curve") };
        assert_eq!(points.len(), 24);
        assert_eq!(points[12].after, Duration::from_mins(12 * 60 + 30));
        assert!((points[12].demand.get() - 96.0).abs() < 1e-9, "{:?}", points[12]);
    }

    #[test]
    fn no_setting_is_tried_twice() {
        let rates = (0..7 * 24).map(|hour| f64::from(hour % 24) * 10.0).collect();
        let trace = Trace::new("t", Timestamp::UNIX_EPOCH, 3600, rates).expect("a trace");
        let grid = grid(OURS[0], Some(&trace));
        assert_eq!(grid.len(), 27);
        let different =
            |index: usize| !grid[..index].iter().any(|one| one.knobs == grid[index].knobs);
        assert!((0..grid.len()).all(different));
    }

    #[test]
    fn who_holds_keeps_the_size_while_the_fault_lasts_and_no_longer() {
        let rates = (0..30).map(|minute| if minute < 10 { 500.0 } else { 1200.0 }).collect();
        let trace = Trace::new("t", Timestamp::UNIX_EPOCH, 60, rates).expect("a trace");
        let trace = Arc::new(trace);
        let faults = vec![Fault { at: 480, lasts: 600, kind: FaultKind::MetricsPartial(100) }];
        let scenario = scenario(&trace, HARD, 1, 0).expect("bounds");
        let load = Load::draw(&trace, 1);
        let ours = contestants::ours(OURS[0], |_| {});
        let run = |who: &Contestant| {
            simulate_load(&scenario, &load, who.scaler(&scenario, &load).as_mut())
        };
        let held = run(&contestants::holding(&ours, &faults)).series.wanted;
        assert_eq!(held[8..17], [held[8]; 9], "{held:?}");
        assert!(held[29] > held[16], "it goes on afterwards: {held:?}");
        let free = run(&ours).series.wanted;
        assert!(free[16] > held[16], "ours would have grown: {free:?}");
    }
}
