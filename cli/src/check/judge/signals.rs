//! What is found of Prometheus, and of what it says of a fleet. Pure.

use crate::check::facts::{FleetFacts, Prometheus, Signals};
use crate::check::finding::{Finding, Known, Unknown};
use crate::check::registry::Check;
use apifleet_crds::FleetIntent;
use std::time::Duration;

/// The burst rule needs two samples in 15 s, whichever of them is lost: 5 s between them.
const BURST_SECONDS: f64 = 5.0;
/// Scrapes are counted over a minute, and one may be late or lost.
const SLACK: f64 = 1.25;
/// An edge this near to the target is the target: it was written as a decimal fraction.
const SAME: f64 = 0.001;

/// AF0401.
pub(super) fn prometheus(fact: &Prometheus) -> Finding {
    match fact {
        Prometheus::Answers(how) => Finding::ok(Check::PROMETHEUS, how),
        Prometheus::Fails(why) => Finding::failed(Check::PROMETHEUS, why),
        Prometheus::NotAsked(why) => Finding::skipped(Check::PROMETHEUS, why),
    }
}

/// AF0402 to AF0405.
pub(super) fn of_fleet(
    facts: &FleetFacts,
    intent: Option<&FleetIntent>,
    told_interval: Option<u64>,
) -> Vec<Finding> {
    let checks =
        [Check::REQUESTS, Check::SAMPLE_AGE, Check::LATENCY_BUCKET, Check::SCRAPE_INTERVAL];
    let (Some(signals), Some(intent)) = (&facts.signals, intent) else {
        let why = if intent.is_none() {
            "the spec does not say which series are its own (AF0501)"
        } else {
            "Prometheus was not asked (AF0401)"
        };
        return checks.map(|check| Finding::skipped(check, why)).to_vec();
    };
    let Signals { rate, age, samples, edges } = signals;
    let policy = &intent.policy.signals;
    vec![
        requests(rate),
        sample_age(age, policy.stale_after),
        bucket(edges.as_ref(), policy.latency.map(|latency| latency.target.get() / 1000.0)),
        interval(samples, told_interval),
    ]
}

fn requests(rate: &Known<Option<f64>>) -> Finding {
    let check = Check::REQUESTS;
    match rate {
        Ok(Some(rate)) if rate.is_finite() => {
            Finding::ok(check, format!("{rate:.1} requests/s now"))
        }
        Ok(Some(_)) => Finding::failed(check, "the rate of requests is no number"),
        Ok(None) => Finding::failed(check, "no series of the fleet has samples of the last minute"),
        Err(Unknown(why)) => Finding::skipped(check, why),
    }
}

fn sample_age(age: &Known<Option<f64>>, stale_after: Duration) -> Finding {
    let check = Check::SAMPLE_AGE;
    let limit = stale_after.as_secs_f64();
    match age {
        Ok(Some(age)) if *age <= limit => Finding::ok(check, format!("{age:.0} s old")),
        Ok(Some(age)) => {
            Finding::failed(check, format!("{age:.0} s old, and stale from {limit:.0} s on"))
        }
        Ok(None) => Finding::skipped(check, "there are no samples (AF0402)"),
        Err(Unknown(why)) => Finding::skipped(check, why),
    }
}

fn bucket(edges: Option<&Known<Vec<f64>>>, target: Option<f64>) -> Finding {
    let check = Check::LATENCY_BUCKET;
    let (edges, target) = match (edges, target) {
        (Some(Ok(edges)), Some(target)) => (edges, target),
        (Some(Err(Unknown(why))), Some(_)) => return Finding::skipped(check, why),
        (None, _) | (_, None) => return Finding::skipped(check, "no latency is guarded"),
    };
    let below =
        edges.iter().copied().filter(|edge| *edge <= target * (1.0 + SAME)).reduce(f64::max);
    let above =
        edges.iter().copied().filter(|edge| *edge >= target * (1.0 - SAME)).reduce(f64::min);
    match (below, above) {
        (None, None) => Finding::failed(check, "the histogram has no buckets"),
        // Above the last edge a percentile is said to be that edge: it never gets above the target.
        (Some(last), None) => Finding::failed(
            check,
            format!(
                "the last edge is {last} s, and the target {target} s: latency above it is not seen"
            ),
        ),
        (Some(below), Some(above)) if above - below <= target * SAME => {
            Finding::ok(check, format!("an edge at {above} s"))
        }
        (below, Some(above)) => Finding::warning(
            check,
            format!(
                "no edge at {target} s; between {} s and {above} s latency is guessed",
                below.unwrap_or_default()
            ),
        ),
    }
}

fn interval(samples: &Known<Option<f64>>, told: Option<u64>) -> Finding {
    let check = Check::SCRAPE_INTERVAL;
    let seconds = match samples {
        Ok(Some(samples)) if *samples >= 1.0 => 60.0 / samples,
        Ok(_) => return Finding::skipped(check, "there are no samples (AF0402)"),
        Err(Unknown(why)) => return Finding::skipped(check, why),
    };
    if seconds > BURST_SECONDS * SLACK {
        let says = format!(
            "about every {seconds:.0} s: a burst is seen only when a minute's rate shows it"
        );
        return Finding::warning(check, says);
    }
    match told {
        Some(told @ 6..) => Finding::warning(
            check,
            format!(
                "about every {seconds:.0} s, but the operator is told {told} s and waits for slower ones"
            ),
        ),
        Some(_) | None => Finding::ok(check, format!("about every {seconds:.0} s")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::finding::Verdict;

    fn not_known<T>() -> Known<T> {
        Err(Unknown("no answer".to_owned()))
    }

    #[test]
    fn no_series_is_a_failure_and_no_answer_is_none() {
        assert_eq!(requests(&Ok(Some(0.0))).verdict, Verdict::Ok, "idle is measured");
        assert_eq!(requests(&Ok(None)).verdict, Verdict::Failed);
        assert_eq!(requests(&Ok(Some(f64::NAN))).verdict, Verdict::Failed);
        assert_eq!(requests(&not_known()).verdict, Verdict::Skipped);
    }

    #[test]
    fn a_sample_is_old_when_the_fleet_says_so() {
        let of = |age| sample_age(&age, Duration::from_secs(90)).verdict;
        assert_eq!(of(Ok(Some(90.0))), Verdict::Ok);
        assert_eq!(of(Ok(Some(91.0))), Verdict::Failed);
        assert_eq!(of(Ok(Some(f64::NAN))), Verdict::Failed);
        assert_eq!(of(Ok(None)), Verdict::Skipped);
        assert_eq!(of(not_known()), Verdict::Skipped);
    }

    #[test]
    fn the_target_has_an_edge_of_its_own_or_latency_is_guessed() {
        let of = |edges: &[f64]| bucket(Some(&Ok(edges.to_vec())), Some(0.2));
        assert_eq!(of(&[0.1, 0.2, 0.5]).verdict, Verdict::Ok);
        let guessed = of(&[0.1, 0.25]);
        assert_eq!(guessed.verdict, Verdict::Warning);
        assert!(guessed.says.contains("between 0.1 s and 0.25 s"), "{}", guessed.says);
        assert_eq!(of(&[0.5]).verdict, Verdict::Warning);
        assert_eq!(of(&[0.05, 0.1]).verdict, Verdict::Failed);
        assert_eq!(of(&[]).verdict, Verdict::Failed);
        assert_eq!(bucket(None, None).verdict, Verdict::Skipped);
        assert_eq!(bucket(Some(&not_known()), Some(0.2)).verdict, Verdict::Skipped);
    }

    #[test]
    fn scrapes_are_often_enough_for_a_burst_and_the_operator_knows() {
        let of = |samples, told| interval(&Ok(Some(samples)), told).verdict;
        assert_eq!(of(12.0, Some(5)), Verdict::Ok);
        assert_eq!(of(11.0, None), Verdict::Ok);
        assert_eq!(of(4.0, Some(15)), Verdict::Warning);
        assert_eq!(of(12.0, Some(15)), Verdict::Warning);
        assert_eq!(interval(&Ok(None), None).verdict, Verdict::Skipped);
        assert_eq!(interval(&not_known(), None).verdict, Verdict::Skipped);
    }
}
