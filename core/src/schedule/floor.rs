//! What a schedule's floor asks for, in replicas.

use super::{Floor, Point};
use crate::quantity::{Replicas, Rps};
use jiff::SignedDuration;

impl Floor {
    /// The replicas that it asks for so long after the window's start on the wall clock, where one replica carries
    /// `per_replica`; rounded up.
    #[must_use]
    pub fn replicas(&self, after: SignedDuration, per_replica: Rps) -> Replicas {
        match self {
            Self::Replicas(replicas) => *replicas,
            Self::Demand(demand) => demand.carried_by(per_replica),
            Self::Curve(points) => demand_at(points, after).carried_by(per_replica),
        }
    }

    /// The most that it ever asks for.
    pub(super) fn highest(&self, per_replica: Rps) -> Replicas {
        match self {
            Self::Replicas(_) | Self::Demand(_) => self.replicas(SignedDuration::ZERO, per_replica),
            Self::Curve(points) => {
                let points = points.iter().map(|point| point.demand.carried_by(per_replica));
                points.max().unwrap_or_default()
            }
        }
    }
}

/// What lies on the line between the points; before the first and after the last, what they say.
fn demand_at(points: &[Point], after: SignedDuration) -> Rps {
    let seconds = after.as_secs_f64();
    let next = points.partition_point(|point| point.after.as_secs_f64() <= seconds);
    let before = next.checked_sub(1).and_then(|index| points.get(index));
    match (before, points.get(next)) {
        (Some(from), Some(to)) => {
            let (start, end) = (from.after.as_secs_f64(), to.after.as_secs_f64());
            let share = (seconds - start) / (end - start);
            let (low, high) = (from.demand.get(), to.demand.get());
            Rps::new(low + (high - low) * share).unwrap_or(to.demand)
        }
        (Some(point), None) | (None, Some(point)) => point.demand,
        (None, None) => Rps::ZERO,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn curve(points: &[(u64, f64)]) -> Floor {
        let point = |(minutes, rps): &(u64, f64)| Point {
            after: Duration::from_mins(*minutes),
            demand: Rps::new(*rps).unwrap(),
        };
        Floor::Curve(points.iter().map(point).collect())
    }

    #[test]
    fn a_demand_is_rounded_up_to_whole_replicas() {
        let fifty = Rps::new(50.0).unwrap();
        for (rps, replicas) in [(0.0, 0), (1.0, 1), (1000.0, 20), (1000.1, 21), (1250.0, 25)] {
            let floor = Floor::Demand(Rps::new(rps).unwrap());
            assert_eq!(floor.replicas(SignedDuration::ZERO, fifty), Replicas::new(replicas));
        }
    }

    #[test]
    fn a_curve_is_a_line_between_its_points_and_flat_outside_them() {
        let floor = curve(&[(60, 600.0), (120, 1200.0), (120, 900.0), (180, 600.0)]);
        let fifty = Rps::new(50.0).unwrap();
        let at = |minutes| floor.replicas(SignedDuration::from_mins(minutes), fifty).get();
        let read: Vec<_> = [-5, 0, 60, 61, 90, 119, 120, 150, 180, 600].map(at).to_vec();
        assert_eq!(read, [12, 12, 12, 13, 18, 24, 18, 15, 12, 12]);
        assert_eq!(curve(&[(0, 75.0)]).replicas(SignedDuration::MAX, fifty), Replicas::new(2));
    }
}
