//! What a fleet's moments say about the answer to a step of load. Pure.

use super::Size;
use apifleet_local::fleet::Moment;
use std::time::Duration;

/// An answer that takes longer than that is none.
pub(crate) const LIMIT: Duration = Duration::from_mins(3);

/// Seconds from the step; `None` where it did not happen within [`LIMIT`].
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct Reaction {
    /// To the first larger size in the Deployment's spec.
    pub(crate) decision: Option<f64>,
    /// To the largest size in the spec.
    pub(crate) wanted: Option<f64>,
    /// To the largest size, all Ready.
    pub(crate) ready: Option<f64>,
}

impl Reaction {
    /// Read from a fleet that had its smallest size at the step.
    pub(crate) fn of(moments: &[Moment], step: Duration, size: Size) -> Self {
        let first = |is: fn(&Moment, Size) -> bool| {
            let found = moments.iter().find(|moment| moment.at > step && is(moment, size))?;
            let took = found.at.saturating_sub(step);
            (took <= LIMIT).then_some(took.as_secs_f64())
        };
        Self {
            decision: first(|moment, size| moment.wanted() > size.min),
            wanted: first(|moment, size| moment.wanted() >= size.max),
            ready: first(|moment, size| moment.ready() >= size.max),
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::SIZE;
    use super::*;
    use apifleet_local::fleet::Target;

    pub(crate) fn moment(seconds: u64, wanted: u32, ready: u32) -> Moment {
        let on_demand = Target { wanted, ready };
        Moment { at: Duration::from_secs(seconds), on_demand, ..Moment::default() }
    }

    const STEP: Duration = Duration::from_secs(100);

    #[test]
    fn each_part_of_the_answer_is_the_first_moment_that_shows_it() {
        let moments = [
            moment(20, 10, 10),
            moment(106, 20, 10),
            moment(109, 20, 20),
            moment(121, 30, 20),
            moment(126, 30, 30),
            moment(140, 30, 30),
        ];
        let reaction = Reaction::of(&moments, STEP, SIZE);
        let expected = Reaction { decision: Some(6.0), wanted: Some(21.0), ready: Some(26.0) };
        assert_eq!(reaction, expected);
    }

    #[test]
    fn a_fleet_that_stops_short_of_the_largest_size_has_decided_and_no_more() {
        let moments = [moment(20, 10, 10), moment(112, 20, 10), moment(140, 28, 28)];
        let reaction = Reaction::of(&moments, STEP, SIZE);
        assert_eq!(reaction, Reaction { decision: Some(12.0), ..Reaction::default() });
    }

    #[test]
    fn an_answer_after_the_limit_is_none() {
        let late = 100 + LIMIT.as_secs() + 1;
        let moments = [moment(20, 10, 10), moment(late, 30, 30)];
        assert_eq!(Reaction::of(&moments, STEP, SIZE), Reaction::default());
    }

    #[test]
    fn what_was_there_before_the_step_is_no_answer_to_it() {
        let moments = [moment(50, 30, 30)];
        assert_eq!(Reaction::of(&moments, STEP, SIZE), Reaction::default());
    }
}
