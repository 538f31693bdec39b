//! What faults cost: minutes that miss the objective beyond those of the same run without the fault, at the peak of
//! every scored day. Ours is also held against a run that simply keeps its size while the fault lasts.

use super::cell::HARD;
use super::contestants::{Contestant, holding};
use super::matrix::scenario;
use super::play::{Counter, Job, play};
use super::traffic::Traffic;
use crate::{Bar, Row};
use apifleet_sim::plant::spot::SpotPool;
use apifleet_sim::{Fault, FaultKind, Load, Scenario, Trace};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Scored days.
const DAYS: u32 = 7;
/// Seeds, from one on.
const SEEDS: u64 = 3;
/// How long metrics are wrong.
const OUTAGE: u32 = 600;
/// How long a process takes to come back.
const RESTART: u32 = 30;
/// Until there are spot nodes in place of those that were lost.
const NEW_SPOT: u32 = 900;
const DAY: u32 = 86_400;

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Trouble {
    pub(crate) name: &'static str,
    kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Gone,
    Frozen,
    Empty,
    Nan,
    Partial,
    Restart,
    SpotLost,
}

/// All of them.
pub(crate) const TROUBLES: [Trouble; 7] = [
    Trouble { name: "gone", kind: Kind::Gone },
    Trouble { name: "frozen", kind: Kind::Frozen },
    Trouble { name: "empty", kind: Kind::Empty },
    Trouble { name: "nan", kind: Kind::Nan },
    Trouble { name: "partial", kind: Kind::Partial },
    Trouble { name: "restart", kind: Kind::Restart },
    Trouble { name: "spot_lost", kind: Kind::SpotLost },
];

impl Trouble {
    fn fault(self, peak: u32) -> Fault {
        let around = |kind| Fault { at: peak.saturating_sub(OUTAGE / 2), lasts: OUTAGE, kind };
        match self.kind {
            Kind::Gone => around(FaultKind::MetricsGone),
            Kind::Frozen => around(FaultKind::MetricsFrozen),
            Kind::Empty => around(FaultKind::MetricsEmpty),
            Kind::Nan => around(FaultKind::MetricsNan),
            Kind::Partial => around(FaultKind::MetricsPartial(50)),
            Kind::Restart => Fault { at: peak, lasts: RESTART, kind: FaultKind::Restart },
            Kind::SpotLost => Fault { at: peak, lasts: NEW_SPOT, kind: FaultKind::SpotLost(30) },
        }
    }

    /// Whether it is one in which keeping the size is the best that can be done.
    fn is_blind(self) -> bool {
        matches!(self.kind, Kind::Gone | Kind::Frozen | Kind::Empty | Kind::Nan)
    }

    fn needs_spot(self) -> bool {
        self.kind == Kind::SpotLost
    }
}

/// The middle of the busiest bucket of each day from a second on.
fn peaks(trace: &Trace, from: u32) -> Vec<u32> {
    let bucket = trace.bucket();
    let in_a_day = usize::try_from(DAY / bucket.max(1)).unwrap_or(usize::MAX).max(1);
    let skipped = usize::try_from(from / bucket.max(1)).unwrap_or(usize::MAX);
    let indexed: Vec<_> = (0_u32..).zip(trace.rates().iter().copied()).skip(skipped).collect();
    let busiest = indexed.chunks(in_a_day).filter_map(|day| {
        day.iter().max_by(|one, two| one.1.total_cmp(&two.1)).map(|(index, _)| *index)
    });
    busiest.map(|index| index.saturating_mul(bucket) + bucket / 2).collect()
}

/// Minutes by what goes wrong (`None`: nothing does, without and with spot), contestant and seed.
type Minutes = BTreeMap<(Option<Trouble>, bool, String), Vec<f64>>;

/// Who is compared: the first is ours.
fn field<'a>(
    ours: &'a Contestant,
    peers: &'a [Contestant],
) -> impl Iterator<Item = &'a Contestant> {
    std::iter::once(ours).chain(peers)
}

/// Seconds that this will simulate.
pub(crate) fn seconds(traffic: &Traffic, contestants: usize) -> u64 {
    let each = TROUBLES.len() + 2;
    let holding = TROUBLES.iter().filter(|trouble| trouble.is_blind()).count();
    let runs = (each * contestants + holding) as u64 * SEEDS;
    runs * u64::from(traffic.for_days(DAYS).seconds())
}

/// Runs them on a trace; the rows.
pub(crate) fn rows(
    traffic: &Traffic,
    ours: &Contestant,
    peers: &[Contestant],
    counter: &Counter<'_>,
) -> Vec<Row> {
    let trace = traffic.for_days(DAYS);
    let peaks = peaks(&trace, traffic.unscored());
    let mut minutes = Minutes::new();
    for seed in 1..=SEEDS {
        let load = Load::draw(&trace, seed);
        let holding: Vec<_> = TROUBLES
            .into_iter()
            .filter(|trouble| trouble.is_blind())
            .map(|trouble| (trouble, holding(ours, &faults(trouble, &peaks))))
            .collect();
        let troubles = || TROUBLES.into_iter().map(Some).chain([None]);
        let mut jobs: Vec<_> = troubles()
            .flat_map(|trouble| field(ours, peers).map(move |who| (trouble, false, who)))
            .chain(field(ours, peers).map(|who| (None, true, who)))
            .collect();
        jobs.extend(holding.iter().map(|(trouble, who)| (Some(*trouble), false, who)));
        let jobs: Vec<_> = jobs
            .into_iter()
            .filter_map(|(trouble, spot, contestant)| {
                let scenario = troubled(&trace, traffic, (trouble, spot, &peaks), seed)?;
                Some(Job { key: (trouble, spot, contestant.name.as_str()), contestant, scenario })
            })
            .collect();
        for ((trouble, spot, name), outcome) in play(&load, &jobs, counter) {
            let key = (trouble, spot, name.to_owned());
            minutes.entry(key).or_default().push(f64::from(outcome.score.violating_minutes));
        }
    }
    let names: Vec<_> = field(ours, peers).map(|who| who.name.as_str()).collect();
    rows_of(&traffic.name, &names, &minutes)
}

fn faults(trouble: Trouble, peaks: &[u32]) -> Vec<Fault> {
    peaks.iter().map(|peak| trouble.fault(*peak)).collect()
}

fn troubled(
    trace: &Arc<Trace>,
    traffic: &Traffic,
    (trouble, spot, peaks): (Option<Trouble>, bool, &[u32]),
    seed: u64,
) -> Option<Scenario> {
    let plain = scenario(trace, HARD, seed, traffic.unscored())?;
    let spot = spot || trouble.is_some_and(Trouble::needs_spot);
    Some(Scenario {
        faults: trouble.map_or_else(Vec::new, |trouble| faults(trouble, peaks)),
        spot: spot.then(SpotPool::default),
        ..plain
    })
}

/// What keeps its size is filed under this.
pub(crate) const HOLDING: &str = "holding";

fn rows_of(trace: &str, names: &[&str], minutes: &Minutes) -> Vec<Row> {
    let of = |trouble: Option<Trouble>, spot: bool, name: &str| {
        minutes.get(&(trouble, spot, name.to_owned())).map_or(&[][..], Vec::as_slice)
    };
    let beyond = |with: &[f64], without: &[f64]| -> Vec<Option<f64>> {
        with.iter().zip(without).map(|(with, without)| Some(with - without)).collect()
    };
    let mut rows = Vec::new();
    for trouble in TROUBLES {
        for (place, name) in names.iter().enumerate() {
            let prefix = format!("policy.{trace}.{HARD}.{name}.fault.{}", trouble.name);
            let with = of(Some(trouble), false, name);
            let extra = beyond(with, of(None, trouble.needs_spot(), name));
            rows.push(Row::mean(format!("{prefix}.extra_violating_minutes"), "min", &extra));
            if place == 0 && trouble.is_blind() {
                let extra = beyond(with, of(Some(trouble), false, HOLDING));
                let row = Row::mean(format!("{prefix}.beyond_holding"), "min", &extra);
                rows.push(row.against(Bar::AtMost(0.0)));
            }
        }
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::Timestamp;

    #[test]
    fn faults_come_at_the_busiest_moment_of_every_scored_day() {
        let hourly =
            |day: usize| (0..24).map(move |hour| if hour == 9 + day { 100.0 } else { 10.0 });
        let rates = (0..3).flat_map(hourly).collect();
        let trace = Trace::new("t", Timestamp::UNIX_EPOCH, 3600, rates).expect("a trace");
        assert_eq!(peaks(&trace, DAY), [DAY + 10 * 3600 + 1800, 2 * DAY + 11 * 3600 + 1800]);
        assert_eq!(peaks(&trace, 0).len(), 3);
        for trouble in TROUBLES {
            let fault = trouble.fault(DAY);
            assert!(fault.at <= DAY && fault.end() > DAY, "{}", trouble.name);
        }
    }

    #[test]
    fn a_fault_counts_what_it_adds_and_ours_is_held_against_keeping_the_size() {
        let gone = Some(TROUBLES[0]);
        let minutes = Minutes::from([
            ((gone, false, "ours".to_owned()), vec![7.0, 9.0]),
            ((None, false, "ours".to_owned()), vec![5.0, 5.0]),
            ((gone, false, HOLDING.to_owned()), vec![7.0, 8.0]),
            ((gone, false, "peer".to_owned()), vec![50.0, 60.0]),
            ((None, false, "peer".to_owned()), vec![5.0, 5.0]),
        ]);
        let rows: BTreeMap<_, _> = rows_of("t", &["ours", "peer"], &minutes)
            .into_iter()
            .map(|row| (row.name.clone(), row))
            .collect();
        let row = |name: &str| &rows[&format!("policy.t.10-30.lag150.{name}")];
        let extra = row("ours.fault.gone.extra_violating_minutes");
        assert_eq!((extra.value, extra.spread), (Some(3.0), [Some(2.0), Some(4.0)]));
        assert_eq!(row("peer.fault.gone.extra_violating_minutes").value, Some(50.0));
        let beyond = row("ours.fault.gone.beyond_holding");
        assert_eq!((beyond.value, beyond.met), (Some(0.5), Some(false)));
        assert!(!rows.contains_key("policy.t.10-30.lag150.peer.fault.gone.beyond_holding"));
        assert!(!rows.contains_key("policy.t.10-30.lag150.ours.fault.restart.beyond_holding"));
    }
}
