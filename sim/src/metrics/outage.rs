//! What is wrong with the metric path, and when.

use crate::faults::{Fault, FaultKind};

/// What a question meets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sight {
    /// An answer, as of this Unix second.
    Good(i64),
    /// NaN, with samples as of this Unix second.
    Nan(i64),
    /// An empty answer.
    Empty,
    /// None.
    Failed,
}

/// The faults of the metric path, in Unix seconds.
#[derive(Debug, Clone, Default)]
pub(crate) struct Outages(Vec<(i64, i64, FaultKind)>);

impl Outages {
    /// Those of a run that begins then.
    pub(crate) fn new(faults: &[Fault], start: i64) -> Self {
        let at = |second: u32| start + i64::from(second);
        let own = faults.iter().filter(|fault| match fault.kind {
            FaultKind::MetricsGone
            | FaultKind::MetricsFrozen
            | FaultKind::MetricsEmpty
            | FaultKind::MetricsNan
            | FaultKind::MetricsPartial(_) => true,
            FaultKind::Restart | FaultKind::SpotLost(_) => false,
        });
        Self(own.map(|fault| (at(fault.at), at(fault.end()), fault.kind)).collect())
    }

    /// Those that go on, with when they began.
    fn on(&self, now: i64) -> impl Iterator<Item = (i64, FaultKind)> {
        let on = self.0.iter().filter(move |(from, to, _)| (*from..*to).contains(&now));
        on.map(|(from, _, kind)| (*from, *kind))
    }

    /// What a question now meets, whose answer would be `delay` seconds old. Of several the worst.
    pub(super) fn sight(&self, now: i64, delay: i64) -> Sight {
        let mut sight = Sight::Good(now - delay);
        for (from, kind) in self.on(now) {
            sight = match (kind, sight) {
                (FaultKind::MetricsGone, _) | (_, Sight::Failed) => Sight::Failed,
                (FaultKind::MetricsEmpty, _) | (_, Sight::Empty) => Sight::Empty,
                (FaultKind::MetricsNan, Sight::Good(at) | Sight::Nan(at)) => Sight::Nan(at),
                (FaultKind::MetricsFrozen, Sight::Good(at)) => Sight::Good(at.min(from - delay)),
                (_, other) => other,
            };
        }
        sight
    }

    /// The share of the pods that a scrape reaches now, in percent; `None` where there is no scrape.
    pub(super) fn scraped(&self, now: i64) -> Option<u8> {
        let mut percent = 100;
        for (_, kind) in self.on(now) {
            match kind {
                FaultKind::MetricsGone | FaultKind::MetricsEmpty => return None,
                FaultKind::MetricsPartial(share) => percent = percent.min(share),
                FaultKind::MetricsFrozen
                | FaultKind::MetricsNan
                | FaultKind::Restart
                | FaultKind::SpotLost(_) => {}
            }
        }
        Some(percent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outages(kinds: &[FaultKind]) -> Outages {
        let fault = |kind: &FaultKind| Fault { at: 100, lasts: 50, kind: *kind };
        Outages::new(&kinds.iter().map(fault).collect::<Vec<_>>(), 1000)
    }

    #[test]
    fn each_fault_is_met_while_it_goes_on_and_no_longer() {
        let cases = [
            (FaultKind::MetricsGone, Sight::Failed, None),
            (FaultKind::MetricsEmpty, Sight::Empty, None),
            (FaultKind::MetricsNan, Sight::Nan(1107), Some(100)),
            (FaultKind::MetricsFrozen, Sight::Good(1097), Some(100)),
            (FaultKind::MetricsPartial(40), Sight::Good(1107), Some(40)),
            (FaultKind::Restart, Sight::Good(1107), Some(100)),
            (FaultKind::SpotLost(30), Sight::Good(1107), Some(100)),
        ];
        for (kind, sight, scraped) in cases {
            let outages = outages(&[kind]);
            assert_eq!(outages.sight(1110, 3), sight, "{kind:?}");
            assert_eq!(outages.scraped(1110), scraped, "{kind:?}");
            for now in [1099, 1150] {
                assert_eq!(outages.sight(now, 3), Sight::Good(now - 3), "{kind:?}");
                assert_eq!(outages.scraped(now), Some(100));
            }
        }
    }

    #[test]
    fn of_several_the_worst_counts() {
        let both = outages(&[FaultKind::MetricsGone, FaultKind::MetricsNan]);
        assert_eq!(both.sight(1110, 0), Sight::Failed);
        let both = outages(&[FaultKind::MetricsNan, FaultKind::MetricsEmpty]);
        assert_eq!(both.sight(1110, 0), Sight::Empty);
    }
}
