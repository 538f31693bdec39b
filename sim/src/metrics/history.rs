//! What the fleet's pods have counted, second by second, for as long as a question can look back.

use crate::plant::Served;

/// Seconds that are remembered; a power of two.
const KEPT: usize = 8192;

/// The counters of one pod that has always been there, and of the fleet, at the beginning of a second; and what came in
/// that second.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Second {
    /// Requests that each Ready pod has counted.
    pub(super) counted: f64,
    /// Requests that the fleet has turned away.
    pub(super) errors: f64,
    /// Requests that arrived in this second.
    pub(super) arrived: f64,
    /// Requests that were answered in this second.
    pub(super) answered: f64,
    /// How long these took, in milliseconds.
    pub(super) mean_millis: f64,
}

/// The seconds `first..end`, in Unix seconds.
#[derive(Debug, Clone)]
pub(super) struct History {
    ring: Vec<Second>,
    first: i64,
    end: i64,
    counted: f64,
    errors: f64,
}

impl History {
    /// Without a second yet.
    pub(super) fn new(first: i64) -> Self {
        Self { ring: vec![Second::default(); KEPT], first, end: first, counted: 0.0, errors: 0.0 }
    }

    /// The second after the last. Where no pod is Ready, no pod counts.
    pub(super) fn push(&mut self, served: &Served, ready: u32) {
        let &Served { arrived, answered, unserved, queued: _, mean_millis } = served;
        let (counted, errors) = (self.counted, self.errors);
        if let Some(place) = self.ring.get_mut(index(self.end)) {
            *place = Second { counted, errors, arrived, answered, mean_millis };
        }
        if ready > 0 {
            self.counted += (answered + unserved) / f64::from(ready);
            self.errors += unserved;
        }
        self.end += 1;
    }

    /// A second; `None` where it is not remembered, or has not been.
    pub(super) fn at(&self, at: i64) -> Option<&Second> {
        let kept = i64::try_from(KEPT).unwrap_or(i64::MAX);
        let known = at >= self.first && at < self.end && at >= self.end - kept;
        self.ring.get(index(at)).filter(|_| known)
    }

    /// What a pod has counted at the beginning of a second, that of now included.
    pub(super) fn counted(&self, at: i64) -> Option<f64> {
        if at == self.end { Some(self.counted) } else { self.at(at).map(|it| it.counted) }
    }

    /// What the fleet has turned away at the beginning of a second, that of now included.
    pub(super) fn errors(&self, at: i64) -> Option<f64> {
        if at == self.end { Some(self.errors) } else { self.at(at).map(|it| it.errors) }
    }
}

#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "masked: below `KEPT` and not negative"
)]
const fn index(at: i64) -> usize {
    at as usize & (KEPT - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn served(answered: f64, unserved: f64) -> Served {
        let arrived = answered + unserved;
        Served { arrived, answered, unserved, queued: 0.0, mean_millis: 20.0 }
    }

    #[test]
    fn counters_grow_by_what_each_pod_gets() {
        let mut history = History::new(1000);
        history.push(&served(100.0, 20.0), 4);
        history.push(&served(100.0, 0.0), 5);
        assert_eq!(history.counted(1000), Some(0.0));
        assert_eq!(history.counted(1001), Some(30.0));
        assert_eq!(history.counted(1002), Some(50.0), "now");
        assert_eq!(history.errors(1002), Some(20.0));
        assert_eq!(history.counted(1003), None);
        assert_eq!(history.counted(999), None);
    }

    #[test]
    fn without_a_pod_nobody_counts() {
        let mut history = History::new(0);
        history.push(&served(0.0, 50.0), 0);
        assert_eq!((history.counted(1), history.errors(1)), (Some(0.0), Some(0.0)));
        assert_eq!(history.at(0).unwrap().arrived, 50.0);
    }

    #[test]
    fn what_is_too_old_is_forgotten_and_not_mixed_up() {
        let mut history = History::new(-5);
        for _ in 0..KEPT + 100 {
            history.push(&served(1.0, 0.0), 1);
        }
        let end = i64::try_from(KEPT + 100).unwrap() - 5;
        assert!(history.at(end - i64::try_from(KEPT).unwrap() - 1).is_none());
        let oldest = end - i64::try_from(KEPT).unwrap();
        assert_eq!(history.at(oldest).unwrap().counted, 100.0);
    }
}
