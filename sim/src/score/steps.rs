//! How long the fleet took after demand doubled.
//!
//! A step begins when the load of the last ten seconds is twice what came in the minute that ended four minutes ago,
//! and the smallest allowed size would not carry it. It is over when the Ready pods carry the load. Nothing in that
//! depends on the autoscaler but its answer, so that all are asked the same; a fleet that is large enough already
//! took 0 s.

/// Twice is a step.
const STEP: f64 = 2.0;
/// The minute before ended so many seconds ago, and is so many long.
const BEFORE: (usize, usize) = (240, 60);
/// After the begin of a step no other one is looked for, in seconds.
const QUIET: u32 = 600;

/// The steps so far.
#[derive(Debug, Clone, Default)]
pub(super) struct Steps {
    /// Requests of the minute before.
    before: u64,
    /// When the step that is not over yet began.
    pending: Option<u32>,
    quiet_until: u32,
    took: Vec<f64>,
}

/// What is looked at in a second.
#[derive(Debug, Clone, Copy)]
pub(super) struct Look {
    /// The second.
    pub(super) second: u32,
    /// The load of the last ten seconds.
    pub(super) felt: f64,
    /// The size that carries it.
    pub(super) demanded: u32,
    /// Ready pods.
    pub(super) ready: u32,
    /// The smallest size.
    pub(super) min: u32,
    /// Whether a step that begins now counts.
    pub(super) counts: bool,
}

impl Steps {
    /// One more second.
    pub(super) fn second(&mut self, arrivals: &[u32], look: Look) {
        let Look { second, felt, demanded, ready, min, counts } = look;
        let (ended, length) = BEFORE;
        let at = second as usize;
        let requests = |ago: usize| {
            let index = at.checked_sub(ago)?;
            arrivals.get(index).map(|it| u64::from(*it))
        };
        self.before += requests(ended).unwrap_or(0);
        self.before -= requests(ended + length).unwrap_or(0);
        if counts && at >= ended + length && second >= self.quiet_until && demanded > min {
            #[allow(clippy::cast_precision_loss, reason = "a minute's requests")]
            let before = self.before as f64 / length as f64;
            if felt >= STEP * before {
                self.pending = Some(second);
                self.quiet_until = second.saturating_add(QUIET);
            }
        }
        if let Some(began) = self.pending.filter(|_| ready >= demanded) {
            self.took.push(f64::from(second - began));
            self.pending = None;
        }
    }

    /// How many there were.
    pub(super) fn count(&self) -> u32 {
        u32::try_from(self.took.len() + usize::from(self.pending.is_some())).unwrap_or(u32::MAX)
    }

    /// The time in which so many percent of the steps were over; a step that is not, is left out.
    pub(super) fn percentile(&self, percent: usize) -> Option<f64> {
        let mut took = self.took.clone();
        took.sort_by(f64::total_cmp);
        let rank = (took.len() * percent).div_ceil(100).checked_sub(1)?;
        took.get(rank).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 100 requests a second, `after` from second 600 on; pods follow after 40 s.
    fn steps(after: u32) -> Steps {
        let mut arrivals = vec![100; 600];
        arrivals.extend([after; 1200]);
        let mut steps = Steps::default();
        for second in 0..1800_u32 {
            let felt = f64::from(arrivals[second as usize]);
            let demanded = if felt > 150.0 { 5 } else { 2 };
            let ready = if second >= 640 { 5 } else { 2 };
            steps.second(&arrivals, Look { second, felt, demanded, ready, min: 2, counts: true });
        }
        steps
    }

    #[test]
    fn a_doubling_is_a_step_once_and_takes_until_pods_carry_it() {
        let steps = steps(200);
        assert_eq!(steps.count(), 1);
        assert_eq!(steps.percentile(50), Some(40.0));
        assert_eq!(steps.percentile(95), Some(40.0));
    }

    #[test]
    fn less_is_none_and_neither_is_what_the_smallest_size_carries() {
        let steps_of_less = steps(199);
        assert_eq!((steps_of_less.count(), steps_of_less.percentile(50)), (0, None));
        let mut quiet = Steps::default();
        let mut arrivals = vec![1; 400];
        arrivals.extend([100; 400]);
        for second in 0..800_u32 {
            let felt = f64::from(arrivals[second as usize]);
            quiet.second(
                &arrivals,
                Look { second, felt, demanded: 2, ready: 2, min: 2, counts: true },
            );
        }
        assert_eq!(quiet.count(), 0);
    }

    #[test]
    fn percentiles_are_of_what_was_seen() {
        let steps = Steps { took: vec![30.0, 0.0, 10.0, 20.0], ..Steps::default() };
        assert_eq!((steps.percentile(50), steps.percentile(95)), (Some(10.0), Some(30.0)));
    }
}
