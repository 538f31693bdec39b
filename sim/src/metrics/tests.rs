//! The metric path: what a question gets, with pods that come and go and with everything that is wrong.

use super::*;
use crate::faults::{Fault, FaultKind};
use crate::scaler::Target;

const NOW: i64 = 1_000_000;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

/// Ten pods at 500 requests per second, scraped every 5 s; `NOW` is a scrape.
fn metrics(faults: &[(u32, u32, FaultKind)]) -> Metrics {
    let fault =
        |(at, lasts, kind): &(u32, u32, FaultKind)| Fault { at: *at, lasts: *lasts, kind: *kind };
    let faults: Vec<Fault> = faults.iter().map(fault).collect();
    let path = Path { interval: 5, phase: 0, delay: 0 };
    Metrics::new(path, Outages::new(&faults, NOW), NOW, 10, 500.0)
}

fn served(answered: f64, unserved: f64) -> Served {
    let arrived = answered + unserved;
    Served { arrived, answered, unserved, queued: 0.0, mean_millis: 20.0 }
}

/// Lives through seconds, and begins the one after.
fn live(metrics: &mut Metrics, from: i64, to: i64, requests: &Served, ready: u32) {
    for second in from..to {
        if metrics.now < NOW + second {
            metrics.begin(NOW + second);
        }
        metrics.record(requests, ready);
    }
    metrics.begin(NOW + to);
}

fn pods(ready: &[i64]) -> Vec<Pod> {
    let pod = |ready: &i64| {
        let at = NOW + *ready;
        Pod { created: at - 30, scheduled: at - 30, ready: at, target: Target::OnDemand }
    };
    ready.iter().map(pod).collect()
}

fn value(answer: Answer) -> f64 {
    answer.value().unwrap()
}

#[test]
fn a_steady_fleet_has_its_rate_in_every_window() {
    let mut metrics = metrics(&[]);
    live(&mut metrics, 0, 33, &served(500.0, 0.0), 10);
    for window in [15, 30, 60, 300] {
        assert!((value(metrics.rate(window)) - 500.0).abs() < 1e-6, "{window}");
    }
    assert_eq!(metrics.error_rate(60).value(), Some(0.0));
    assert_eq!(metrics.scraped_pods().value(), Some(10.0));
    assert_eq!(metrics.window_samples(60).value(), Some(12.0));
    assert_eq!((metrics.second(0), metrics.mean(60)), (Some(500.0), Some(500.0)));
    let Answer::Value { sampled_at, .. } = metrics.rate(60) else { panic!("no value") };
    assert_eq!(sampled_at, at(NOW + 30), "the last scrape");
}

#[test]
fn a_step_fills_a_window_as_it_grows() {
    let mut metrics = metrics(&[]);
    live(&mut metrics, 0, 30, &served(1500.0, 0.0), 10);
    assert!((value(metrics.rate(15)) - 1500.0).abs() < 1e-6);
    let minute = value(metrics.rate(60));
    // 55 s lie between its samples: 30 of them at 1,500, 25 at 500.
    assert!((minute - (30.0 * 1500.0 + 25.0 * 500.0) / 55.0).abs() < 1e-6, "{minute}");
    assert_eq!(metrics.second(29), Some(1500.0));
    assert_eq!(metrics.second(30), Some(500.0));
}

#[test]
fn a_new_pod_counts_from_its_second_sample_and_one_that_went_still_does() {
    let mut metrics = metrics(&[]);
    // Half of the pods go at once; five others are Ready at the same time.
    let mut gone = pods(&[-90_000; 5]);
    metrics.follow(&pods(&[-90_000, -90_000, -90_000, -90_000, -90_000, 1, 1, 1, 1, 1]), &mut gone);
    live(&mut metrics, 0, 12, &served(500.0, 0.0), 10);
    // Those that went have a rate for what they did, at most half an interval more; new ones from their first sample
    // on, and as much before it as lies between their begin and it.
    let rate = value(metrics.rate(60));
    assert!((450.0..=500.0).contains(&rate), "{rate}");
    live(&mut metrics, 12, 90, &served(500.0, 0.0), 10);
    assert!((value(metrics.rate(60)) - 500.0).abs() < 1e-6, "only those that are there are left");
}

#[test]
fn requests_that_are_turned_away_are_counted_and_are_errors() {
    let mut metrics = metrics(&[]);
    live(&mut metrics, 0, 60, &served(700.0, 300.0), 10);
    assert!((value(metrics.rate(60)) - 1000.0).abs() < 1e-6);
    assert!((value(metrics.error_rate(60)) - 300.0).abs() < 1e-6);
}

#[test]
fn latency_is_that_of_answered_requests() {
    let mut metrics = metrics(&[]);
    live(&mut metrics, 0, 60, &served(500.0, 0.0), 10);
    assert!((value(metrics.p95_millis(60)) - 59.9).abs() < 0.1);
    live(&mut metrics, 60, 120, &served(0.0, 0.0), 10);
    assert!(value(metrics.p95_millis(60)).is_nan(), "0/0, as in Prometheus");
    assert_eq!(metrics.rate(60).value(), Some(0.0));
}

#[test]
fn an_answer_is_as_old_as_the_path_makes_it() {
    let path = Path { interval: 5, phase: 2, delay: 4 };
    let mut metrics = Metrics::new(path, Outages::default(), NOW, 10, 500.0);
    live(&mut metrics, 0, 30, &served(500.0, 0.0), 10);
    // NOW + 27 is a scrape, but the answer is of NOW + 26.
    let Answer::Value { sampled_at, .. } = metrics.rate(60) else { panic!("no value") };
    assert_eq!(sampled_at, at(NOW + 22));
}

#[test]
fn each_fault_answers_as_it_must_and_ends() {
    for (kind, answers) in
        [(FaultKind::MetricsGone, Answer::Failed), (FaultKind::MetricsEmpty, Answer::Empty)]
    {
        let mut metrics = metrics(&[(10, 100, kind)]);
        live(&mut metrics, 0, 50, &served(500.0, 0.0), 10);
        for answer in [metrics.rate(60), metrics.p95_millis(60), metrics.scraped_pods()] {
            assert_eq!(answer, answers);
        }
        assert_eq!((metrics.second(0), metrics.mean(60)), (None, None));
        live(&mut metrics, 50, 117, &served(500.0, 0.0), 10);
        // Nothing was scraped meanwhile: 110 and 115 are the first samples again.
        assert_eq!(metrics.window_samples(60).value(), Some(2.0));
        let rate = value(metrics.rate(60));
        assert!(rate < 100.0, "{rate}: two samples are stretched little");
        live(&mut metrics, 117, 200, &served(500.0, 0.0), 10);
        assert_eq!(metrics.window_samples(60).value(), Some(12.0));
    }
}

#[test]
fn frozen_answers_keep_their_value_and_their_age() {
    let mut metrics = metrics(&[(10, 1000, FaultKind::MetricsFrozen)]);
    live(&mut metrics, 0, 900, &served(2000.0, 0.0), 10);
    let Answer::Value { value, sampled_at } = metrics.rate(60) else { panic!("no value") };
    assert!(value < 800.0, "{value}");
    assert_eq!(sampled_at, at(NOW + 10));
    assert_eq!(metrics.scraped_pods().value(), Some(10.0));
    assert_eq!(metrics.second(15), Some(500.0));
    live(&mut metrics, 900, 1010, &served(2000.0, 0.0), 10);
    assert!((super::tests::value(metrics.rate(60)) - 2000.0).abs() < 1e-6);
}

#[test]
fn nan_is_a_value() {
    let mut metrics = metrics(&[(10, 100, FaultKind::MetricsNan)]);
    live(&mut metrics, 0, 50, &served(500.0, 0.0), 10);
    assert!(value(metrics.rate(60)).is_nan());
    assert_eq!(metrics.second(0), None);
}

#[test]
fn of_a_partial_scrape_only_the_oldest_pods_count() {
    let mut metrics = metrics(&[(0, 300, FaultKind::MetricsPartial(40))]);
    live(&mut metrics, 0, 200, &served(500.0, 0.0), 10);
    assert!((value(metrics.rate(60)) - 200.0).abs() < 1e-6);
    assert_eq!(metrics.scraped_pods().value(), Some(4.0));
    assert_eq!(metrics.window_samples(60).value(), Some(12.0));
    live(&mut metrics, 200, 400, &served(500.0, 0.0), 10);
    assert!((value(metrics.rate(60)) - 500.0).abs() < 1e-6);
}

#[test]
fn windows_are_bounded() {
    let metrics = Metrics::constant(at(NOW), 100.0);
    let hour = value(metrics.rate(u32::MAX));
    assert!((16.0..18.0).contains(&hour), "{hour}: ten minutes of an hour are known");
    assert_eq!(metrics.rate(0), Answer::Empty, "one sample at most");
}
