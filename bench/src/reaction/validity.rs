//! Whether a run says anything: what it began from. Looks at nothing that came after the step, so that no result can
//! void a run: a contestant that answers late or not at all has failed requests, and that is a figure. Pure.

use super::SIZE;
use super::play::{CALM, Played};
use apifleet_local::load::{Outcome, Stream};

/// How far the calm demand that Prometheus saw may be from the one that was sent.
const CALM_SHARE: f64 = 0.05;

/// Why a run says nothing; `None` for one that does.
pub(crate) fn flaw(played: &Played) -> Option<String> {
    let seen = played.calm_rps.unwrap_or_default();
    let sent = f64::from(CALM);
    if (seen - sent).abs() > sent * CALM_SHARE {
        return Some(format!("before the step Prometheus saw {seen:.0} of {CALM} requests/s"));
    }
    let before = played.moments.iter().rfind(|moment| moment.at <= played.step);
    let (wanted, ready) = before.map_or((0, 0), |moment| (moment.wanted(), moment.ready()));
    let settled = wanted == SIZE.min && ready == SIZE.min;
    (!settled)
        .then(|| format!("at the step the fleet wanted {wanted} replicas and had {ready} Ready"))
}

/// The share of its requests that the worst stream sent in time and had an answer to, whichever. The generator keeps
/// no account of the others, so a low share is the generator's fault or the fleet's.
pub(crate) fn sent_share(played: &Played) -> f64 {
    let shares = played.streams.iter().map(|(stream, outcome)| share(stream, outcome));
    shares.fold(1.0, f64::min)
}

#[allow(clippy::cast_precision_loss, reason = "counts of requests are far below 2^52")]
fn share(stream: &Stream, outcome: &Outcome) -> f64 {
    let due = stream.requests() as f64;
    if due > 0.0 { outcome.sent_within(stream.lasts) as f64 / due } else { 1.0 }
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::reading::tests::moment;
    use super::*;
    use apifleet_local::load::Kind;
    use std::time::Duration;

    /// A stream of 20 s at 10 requests/s, so many of which were sent in each second.
    fn stream(sent: [usize; 20]) -> (Stream, Outcome) {
        let service = ([10, 96, 0, 9], 80).into();
        let lasts = Duration::from_secs(20);
        let stream = Stream { kind: Kind::Home, service, rate: 10, connections: 1, lasts };
        let rows: String = sent
            .iter()
            .enumerate()
            .map(|(second, count)| format!("{second}.5,0.001,200\n").repeat(*count))
            .collect();
        let text = format!("request-start,request-duration,status\n{rows}");
        (stream, Outcome::read(stream.requests(), text.as_bytes()).expect("readable"))
    }

    pub(crate) fn played() -> Played {
        Played {
            step: Duration::from_secs(100),
            calm_rps: Some(299.0),
            moments: vec![moment(20, 10, 10), moment(106, 20, 10)],
            per_replica: vec![1500.0, 1480.0, 1530.0],
            streams: vec![stream([10; 20])],
        }
    }

    #[test]
    fn a_settled_fleet_under_the_load_that_was_asked_for_is_no_flaw() {
        assert_eq!(flaw(&played()), None);
        assert!((sent_share(&played()) - 1.0).abs() < f64::EPSILON);
    }

    #[test]
    fn calm_demand_that_prometheus_did_not_see_is_a_flaw() {
        for calm_rps in [None, Some(250.0), Some(330.0)] {
            let flaw = flaw(&Played { calm_rps, ..played() }).expect("a flaw");
            assert!(flaw.contains("of 300 requests/s"), "{flaw}");
        }
    }

    #[test]
    fn a_fleet_that_moved_before_the_step_is_a_flaw() {
        for moments in
            [vec![moment(20, 10, 10), moment(99, 12, 10)], vec![moment(20, 10, 9)], vec![]]
        {
            let flaw = flaw(&Played { moments, ..played() }).expect("a flaw");
            assert!(flaw.contains("at the step"), "{flaw}");
        }
    }

    #[test]
    fn answers_that_are_late_or_missing_void_nothing_and_show_in_the_share() {
        let mut late = [10; 20];
        late[0] = 2;
        for (sent, share) in [(late, 0.96), ([5; 20], 0.5), ([0; 20], 0.0)] {
            let played = Played { streams: vec![stream([10; 20]), stream(sent)], ..played() };
            assert_eq!(flaw(&played), None);
            assert!((sent_share(&played) - share).abs() < 1e-9, "{}", sent_share(&played));
        }
    }
}
