//! Who is measured. Pure.

use std::fmt;

/// An autoscaler, as it is set up here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Contestant {
    /// Ours, with its default behavior.
    ApiFleet,
    /// The HPA through KEDA, with its default behavior.
    Keda(Window),
}

/// The window of the request rate that KEDA asks Prometheus for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Window {
    /// What people write, and what half of all missed scrapes survives.
    Minute,
    /// As fast as is sensible with scrapes every five seconds.
    HalfMinute,
}

impl Contestant {
    /// Everyone.
    pub(crate) const ALL: [Self; 3] =
        [Self::ApiFleet, Self::Keda(Window::Minute), Self::Keda(Window::HalfMinute)];

    /// Everyone once, each round with another one first: nobody always has the machine at its coolest.
    pub(crate) fn in_round(round: u32) -> [Self; 3] {
        let mut order = Self::ALL;
        order.rotate_left(round as usize % Self::ALL.len());
        order
    }
}

impl fmt::Display for Contestant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ApiFleet => "apifleet",
            Self::Keda(Window::Minute) => "keda-1m",
            Self::Keda(Window::HalfMinute) => "keda-30s",
        })
    }
}

impl Window {
    /// As a query says it.
    pub(crate) fn promql(self) -> &'static str {
        match self {
            Self::Minute => "1m",
            Self::HalfMinute => "30s",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn everyone_runs_once_a_round_and_comes_first_as_often_as_the_others() {
        for round in 0..5 {
            let order: BTreeSet<_> = Contestant::in_round(round).into_iter().collect();
            assert_eq!(order.len(), Contestant::ALL.len());
        }
        let first: BTreeSet<_> = (0..3).map(|round| Contestant::in_round(round)[0]).collect();
        assert_eq!(first.len(), 3);
    }

    #[test]
    fn names_are_those_of_rows_and_of_objects_in_a_cluster() {
        let names = Contestant::ALL.map(|contestant| contestant.to_string());
        assert_eq!(names, ["apifleet", "keda-1m", "keda-30s"]);
    }
}
