//! KEDA's `prometheus` trigger: what it makes of the answer to its query.
//!
//! After KEDA 8b4f083 `pkg/scalers/prometheus_scaler.go` (baselines.md 2.2). By default it takes silence for zero, which
//! is how a fleet is scaled in while nobody can see its load. Pure; called by [`super::scaler`].

use crate::metrics::Answer;

/// The answer to an instant query.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Rows {
    /// No series.
    None,
    /// One series.
    One(f64),
    /// Several series.
    Several,
    /// No answer.
    Failed,
}

impl From<Answer> for Rows {
    fn from(answer: Answer) -> Self {
        match answer {
            Answer::Value { value, .. } => Self::One(value),
            Answer::Empty => Self::None,
            Answer::Failed => Self::Failed,
        }
    }
}

/// The trigger could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unread;

/// The value of the trigger: finite and not negative.
///
/// # Errors
/// [`Unread`] where the query failed, gave several series, or nothing and nothing does not count as 0.
pub fn read(rows: Rows, ignore_null_values: bool) -> Result<f64, Unread> {
    match rows {
        Rows::One(value) if value.is_finite() => Ok(value.max(0.0)),
        Rows::One(_) | Rows::None if ignore_null_values => Ok(0.0),
        Rows::One(_) | Rows::None | Rows::Several | Rows::Failed => Err(Unread),
    }
}

/// Whether a value wakes a fleet that sleeps.
#[must_use]
pub fn is_active(value: f64, activation_threshold: f64) -> bool {
    value > activation_threshold
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_is_zero_by_default_and_an_error_on_demand() {
        for rows in [Rows::None, Rows::One(f64::NAN), Rows::One(f64::INFINITY)] {
            assert_eq!(read(rows, true), Ok(0.0), "{rows:?}");
            assert_eq!(read(rows, false), Err(Unread), "{rows:?}");
        }
    }

    #[test]
    fn several_series_and_failures_are_errors_either_way() {
        for rows in [Rows::Several, Rows::Failed] {
            assert_eq!((read(rows, true), read(rows, false)), (Err(Unread), Err(Unread)));
        }
    }

    #[test]
    fn negative_values_are_zero() {
        assert_eq!(read(Rows::One(-3.0), false), Ok(0.0));
        assert_eq!(read(Rows::One(1500.0), false), Ok(1500.0));
    }

    #[test]
    fn activation_is_strict() {
        assert!(!is_active(5.0, 5.0));
        assert!(is_active(5.001, 5.0));
        assert!(!is_active(0.0, 0.0));
    }
}
