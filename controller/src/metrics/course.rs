//! The course of a fleet's size: when it turns back. A change within ten minutes after one in the other direction is a
//! reversal, as in the simulator's scorecard.
//!
//! Pure. Used by [`super::fleets`], which counts them.

/// In seconds.
const SOON: f64 = 600.0;

/// Where the size of a fleet was, and whither it went last.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Course {
    size: Option<u32>,
    last: Option<Turn>,
}

/// A change of the size.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Turn {
    grows: bool,
    at: f64,
}

impl Course {
    /// The course after a decision, and whether that turned back. What is not decided turns nowhere.
    pub(super) fn then(self, size: Option<u32>, at: Option<f64>) -> (Self, bool) {
        let (Some(size), Some(at)) = (size, at) else { return (self, false) };
        let changed = self.size.filter(|before| *before != size);
        let Some(before) = changed else { return (Self { size: Some(size), ..self }, false) };
        let turn = Turn { grows: size > before, at };
        let is_back =
            self.last.is_some_and(|last| last.grows != turn.grows && at - last.at <= SOON);
        (Self { size: Some(size), last: Some(turn) }, is_back)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How often a fleet turns back that has these sizes at these seconds.
    fn reversals(decided: &[(u32, f64)]) -> usize {
        let mut course = Course::default();
        let mut count = 0;
        for (size, at) in decided {
            let (next, is_back) = course.then(Some(*size), Some(*at));
            course = next;
            count += usize::from(is_back);
        }
        count
    }

    #[test]
    fn a_climb_and_the_fall_of_the_evening_turn_back_never() {
        assert_eq!(reversals(&[(10, 0.0), (12, 5.0), (18, 10.0), (30, 15.0), (30, 20.0)]), 0);
        assert_eq!(reversals(&[(10, 0.0), (30, 5.0), (27, 606.0), (25, 666.0)]), 0);
    }

    #[test]
    fn up_and_down_within_ten_minutes_is_counted_each_time() {
        assert_eq!(reversals(&[(10, 0.0), (12, 60.0), (10, 660.0), (12, 900.0), (12, 905.0)]), 2);
    }

    #[test]
    fn a_stall_in_between_is_no_turn() {
        let (course, _) = Course::default().then(Some(10), Some(0.0));
        assert_eq!(course.then(None, None), (course, false));
    }
}
