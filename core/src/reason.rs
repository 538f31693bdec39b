//! The closed list of reasons, and the sentence that each decision stage says with its numbers.
//!
//! One enum feeds conditions, events, metric labels, the command line and the runbooks' file names.

use std::fmt;

/// Why something is as it is: one CamelCase word, as the Kubernetes API conventions ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reason {
    /// Demand is within the tolerance of the current size.
    WithinTolerance,
}
