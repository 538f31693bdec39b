//! Whole runs: constant load, a step, each fault, restarts, and the same bytes twice.

use super::*;
use crate::faults::FaultKind;
use crate::oracle::Oracle;
use crate::ours::Ours;
use crate::scaler::View;
use apifleet_core::Rps;
use apifleet_core::policy::{FleetPolicy, LatencyPolicy, SpotPolicy};
use jiff::Timestamp;
use std::time::Duration;

/// Asks for a fixed size, or for nothing.
#[derive(Debug, Default)]
struct Keep {
    size: Option<u32>,
    looks: u32,
    restarts: u32,
}

impl Scaler for Keep {
    fn name(&self) -> String {
        "keep".to_owned()
    }

    fn period(&self) -> u32 {
        15
    }

    fn look(&mut self, _: &View<'_>) -> Option<u32> {
        self.looks += 1;
        self.size
    }

    fn restart(&mut self, _: &View<'_>) {
        self.restarts += 1;
    }
}

fn bounds(min: u32, max: u32) -> Bounds {
    Bounds::new(Replicas::new(min), Replicas::new(max)).unwrap()
}

/// A second each: so many of them at such a rate.
fn trace(parts: &[(usize, f64)]) -> Arc<Trace> {
    let rates = parts.iter().flat_map(|(seconds, rate)| vec![*rate; *seconds]).collect();
    let start = Timestamp::from_second(1_861_920_000).unwrap();
    Arc::new(Trace::new("t", start, 1, rates).unwrap())
}

/// 10 to 30 pods, Ready after 30 s.
fn scenario(parts: &[(usize, f64)]) -> Scenario {
    Scenario::new(trace(parts), bounds(10, 30), 30, 1)
}

fn with(scenario: Scenario, at: u32, lasts: u32, kind: FaultKind) -> Scenario {
    let mut faults = scenario.faults.clone();
    faults.push(Fault { at, lasts, kind });
    Scenario { faults, ..scenario }
}

/// T = 50, default behavior, p95 under 200 ms.
fn policy(bounds: Bounds) -> FleetPolicy {
    let mut policy = FleetPolicy::new(bounds, Rps::new(50.0).unwrap());
    policy.signals.latency = Some(LatencyPolicy::default());
    policy
}

fn ours(scenario: &Scenario) -> Run {
    simulate(scenario, &mut Ours::new("ours", policy(scenario.bounds)))
}

fn range(sizes: &[u32]) -> (u32, u32) {
    (*sizes.iter().min().unwrap(), *sizes.iter().max().unwrap())
}

#[test]
fn a_constant_load_that_fits_costs_no_minute_and_no_change() {
    let scenario = scenario(&[(7200, 1000.0)]);
    for run in [simulate(&scenario, &mut Keep::default()), ours(&scenario)] {
        let score = &run.score;
        assert_eq!((score.minutes, score.violating_minutes), (120, 0), "{}", run.policy);
        assert_eq!((score.changes, score.pods_started, score.worst_minute), (0, 0, None));
        assert_eq!(range(&run.series.ready), (20, 20));
        assert!((score.replica_hours - 40.0).abs() < 1e-9);
        assert_eq!((score.unserved_ppm, score.steps), (0.0, 0));
        // 1,000 requests per second need 17 pods at 59.5 each.
        assert!((score.over.accuracy - 300.0 / 17.0).abs() < 3.0, "{:?}", score.over);
        assert_eq!((score.under.accuracy, score.over.time), (0.0, 100.0));
        assert!((score.days - 1.0 / 12.0).abs() < 1e-9);
    }
}

#[test]
fn a_run_begins_with_the_size_that_is_known() {
    let unknown = scenario(&[(120, 600.0)]);
    let known = Scenario { size: Some(Replicas::new(25)), ..unknown.clone() };
    for (scenario, size) in [(unknown, 12), (known, 25)] {
        let run = simulate(&scenario, &mut Keep::default());
        assert_eq!(range(&run.series.ready), (size, size));
    }
}

#[test]
fn a_load_that_does_not_fit_is_a_violation_in_every_minute() {
    let run = simulate(&scenario(&[(3600, 3000.0)]), &mut Keep::default());
    let score = &run.score;
    assert_eq!(score.violating_minutes, 60);
    // 30 pods carry 2,100 of 3,000.
    assert!((score.unserved_ppm - 300_000.0).abs() < 5_000.0, "{}", score.unserved_ppm);
    assert_eq!(score.under.time, 0.0, "no allowed size would do better");
    let requests: f64 = run.series.demand.iter().map(|rate| rate * 60.0).sum();
    assert!((requests - score.requests).abs() < 1e-3);
    let unserved: f64 = run.series.unserved.iter().sum();
    assert!((unserved / requests * 1e6 - score.unserved_ppm).abs() < 1e-3);
}

#[test]
fn a_step_is_followed_and_its_reaction_is_told() {
    let scenario = scenario(&[(1800, 500.0), (1800, 1400.0), (3600, 500.0)]);
    let run = ours(&scenario);
    assert_eq!(run.series.ready[29], 10);
    assert!((28..=30).contains(&run.series.ready[35]), "{:?}", &run.series.ready[28..36]);
    assert!(run.series.ready[118] <= 12, "{}", run.series.ready[118]);
    assert_eq!(run.score.steps, 1);
    let reaction = run.score.reaction_p50_s.unwrap();
    assert!((30.0..=90.0).contains(&reaction), "{reaction}");
    assert!(run.score.violating_minutes <= 4, "{}", run.score.violating_minutes);
    assert_eq!(run.score.reversals_10min, 0);
    let fixed = simulate(&scenario, &mut Keep { size: Some(30), ..Keep::default() });
    assert_eq!((fixed.score.steps, fixed.score.reaction_p95_s), (1, Some(0.0)));
}

#[test]
fn the_same_seed_gives_the_same_bytes_and_another_one_others() {
    let of = |seed| {
        let trace = trace(&[(1800, 500.0), (1800, 1400.0)]);
        let scenario = Scenario::new(trace, bounds(10, 30), 150, seed);
        serde_json::to_string(&ours(&scenario)).unwrap()
    };
    assert_eq!(of(7), of(7));
    assert_ne!(of(7), of(8));
}

#[test]
fn a_run_can_be_written_and_read_back() {
    let run = ours(&scenario(&[(600, 500.0)]));
    let text = serde_json::to_string(&run).unwrap();
    let Run { policy, seed, series, score, days } = serde_json::from_str(&text).unwrap();
    assert_eq!((policy, seed), (run.policy, run.seed));
    assert_eq!((series.start, series.wanted), (run.series.start, run.series.wanted));
    assert_eq!((score.minutes, score.requests), (run.score.minutes, run.score.requests));
    assert_eq!(days.len(), run.days.len());
}

#[test]
fn bad_metrics_at_the_peak_cost_us_no_minute_over_holding() {
    // The peak goes on for half an hour; metrics are bad for ten minutes of it.
    let plain = scenario(&[(1200, 500.0), (2400, 1400.0), (1200, 500.0)]);
    let good = ours(&plain);
    for kind in [
        FaultKind::MetricsGone,
        FaultKind::MetricsFrozen,
        FaultKind::MetricsEmpty,
        FaultKind::MetricsNan,
        FaultKind::MetricsPartial(30),
    ] {
        let run = ours(&with(plain.clone(), 2000, 600, kind));
        let during = &run.series.ready[34..44];
        assert_eq!(range(during), range(&good.series.ready[34..44]), "{kind:?}: held");
        assert_eq!(run.score.violating_minutes, good.score.violating_minutes, "{kind:?}");
        assert!(*run.series.ready.last().unwrap() < 20, "{kind:?}: it scales in afterwards");
    }
}

#[test]
fn a_fault_shows_in_what_trusts_its_metrics() {
    /// Believes whatever it is told, and takes nothing for zero.
    struct Naive;
    impl Scaler for Naive {
        fn name(&self) -> String {
            "naive".to_owned()
        }
        fn period(&self) -> u32 {
            15
        }
        fn look(&mut self, view: &View<'_>) -> Option<u32> {
            let rate = view.metrics.rate(60).value().unwrap_or(0.0);
            Some(Replicas::ceil(rate / 50.0).get().clamp(view.bounds.0, view.bounds.1))
        }
        fn restart(&mut self, _: &View<'_>) {}
    }
    let plain = scenario(&[(3600, 1400.0)]);
    assert_eq!(simulate(&plain, &mut Naive).score.violating_minutes, 0);
    for kind in [FaultKind::MetricsGone, FaultKind::MetricsEmpty, FaultKind::MetricsNan] {
        let run = simulate(&with(plain.clone(), 1200, 600, kind), &mut Naive);
        assert!(run.score.violating_minutes >= 9, "{kind:?}: {}", run.score.violating_minutes);
        assert_eq!(run.series.ready[25], 10);
    }
}

#[test]
fn a_restart_stops_the_looks_and_tells_the_scaler() {
    let plain = scenario(&[(600, 500.0)]);
    let mut keep = Keep::default();
    let _ = simulate(&plain, &mut keep);
    assert_eq!((keep.looks, keep.restarts), (40, 0));
    let mut keep = Keep::default();
    let _ = simulate(&with(plain, 300, 90, FaultKind::Restart), &mut keep);
    assert!((33..=36).contains(&keep.looks), "{}", keep.looks);
    assert_eq!(keep.restarts, 1);
}

#[test]
fn our_restart_scales_in_no_sooner() {
    let plain = scenario(&[(600, 1400.0), (3000, 500.0)]);
    let good = ours(&plain);
    let restarted = ours(&with(plain, 900, 20, FaultKind::Restart));
    for (minute, (size, before)) in
        restarted.series.wanted.iter().zip(&good.series.wanted).enumerate()
    {
        assert!(size >= before, "minute {minute}: {size} after a restart, {before} without");
    }
    assert!(*restarted.series.wanted.last().unwrap() <= 12);
}

#[test]
fn losing_spot_costs_pods_for_as_long_as_others_take() {
    let plain = Scenario {
        spot: Some(SpotPool { notice: 0, ..SpotPool::default() }),
        ..scenario(&[(3600, 1400.0)])
    };
    let lossy = with(plain.clone(), 1800, 300, FaultKind::SpotLost(30));
    let mut keep = Keep { size: Some(30), ..Keep::default() };
    let run = simulate(&lossy, &mut keep);
    assert_eq!(run.series.ready[29], 30);
    assert_eq!(run.series.ready[31], 24);
    assert_eq!(run.series.ready[36], 30);
    let spot = SpotPolicy::new(60, Replicas::new(4));
    let policy = FleetPolicy { spot: Some(spot), ..policy(plain.bounds) };
    let run = simulate(&lossy, &mut Ours::new("ours", policy));
    assert!(*run.series.ready.last().unwrap() >= 28, "{:?}", run.series.ready);
    assert!(run.series.wanted.iter().all(|wanted| *wanted <= 60));
}

#[test]
fn what_is_not_scored_is_lived_through() {
    let parts = [(3600, 3000.0), (3600, 500.0)];
    let all = simulate(&scenario(&parts), &mut Keep::default());
    let late = Scenario { unscored: 3601, ..scenario(&parts) };
    let late = simulate(&late, &mut Keep::default());
    assert_eq!((all.score.minutes, late.score.minutes), (120, 59));
    // The queue and the latency of the first hour reach a few seconds into the next.
    assert_eq!((all.score.violating_minutes, late.score.violating_minutes), (61, 0));
    assert_eq!(all.series, late.series);
    let nothing = Scenario { unscored: 9000, ..scenario(&parts) };
    let nothing = simulate(&nothing, &mut Keep::default()).score;
    assert_eq!((nothing.minutes, nothing.days, nothing.per_day(3)), (0, 0.0, 0.0));
}

#[test]
fn days_add_up() {
    let trace = Trace::new("t", Timestamp::UNIX_EPOCH, 3600, vec![600.0; 60]).unwrap();
    let scenario = Scenario::new(Arc::new(trace), bounds(2, 30), 30, 3);
    let run = ours(&scenario);
    assert_eq!(run.days.iter().map(|day| day.minutes).collect::<Vec<_>>(), [1440, 1440, 720]);
    let hours: f64 = run.days.iter().map(|day| day.replica_hours).sum();
    assert!((hours - run.score.replica_hours).abs() < 1e-6);
    assert_eq!(run.score.days, 2.5);
}

#[test]
fn the_oracle_keeps_every_minute_and_pays_the_least() {
    let wave = |second: u32| 700.0 + 500.0 * (f64::from(second) / 900.0).sin();
    let rates = (0..4 * 3600).map(wave).collect();
    let trace = Arc::new(Trace::new("t", Timestamp::UNIX_EPOCH, 1, rates).unwrap());
    for lag in [10, 30, 150] {
        let scenario = Scenario::new(trace.clone(), bounds(2, 30), lag, 5);
        let load = Load::draw(&scenario.trace, scenario.seed);
        let run = |scaler: &mut dyn Scaler| simulate_load(&scenario, &load, scaler).score;
        let oracle = run(&mut Oracle::new(&scenario, &load));
        let stable = run(&mut Oracle::stable(&scenario, &load));
        let ours = run(&mut Ours::new("ours", policy(scenario.bounds)));
        assert_eq!((oracle.violating_minutes, stable.violating_minutes), (0, 0), "lag {lag}");
        assert_eq!(stable.reversals_10min, 0);
        assert!(oracle.reversals_10min > 0, "it follows every noise");
        assert!(oracle.replica_hours <= stable.replica_hours);
        let ratio = crate::score::cost_ratio(&ours, &stable);
        assert!((1.0..1.5).contains(&ratio), "lag {lag}: {ratio}");
    }
}

#[test]
fn no_pod_and_no_traffic_are_scored_as_well() {
    let run = ours(&scenario(&[(1800, 0.0)]));
    assert_eq!((run.score.violating_minutes, run.score.requests), (0, 0.0));
    assert_eq!(run.series.p95_millis, [0.0; 30]);
    let none = simulate(&scenario(&[(120, 50.0)]), &mut Keep { size: Some(0), ..Keep::default() });
    assert_eq!(*none.series.ready.last().unwrap(), 0);
    assert!(none.score.unserved_ppm > 800_000.0);
}

#[test]
fn a_month_costs_seconds() {
    let trace = crate::trace::campaign::Campaign { days: 27, ..Default::default() }.trace();
    let scenario = Scenario::new(Arc::new(trace.unwrap()), bounds(10, 30), 30, 1);
    let load = Load::draw(&scenario.trace, scenario.seed);
    let began = std::time::Instant::now();
    let run = simulate_load(&scenario, &load, &mut Keep { size: Some(30), ..Keep::default() });
    let took = began.elapsed();
    // About a fifth of a second; the bound is for slow and busy machines.
    println!("27 days with a fixed size: {took:?}");
    assert_eq!(run.score.minutes, 27 * 1440);
    assert!(took < Duration::from_secs(10), "{took:?}");
}
