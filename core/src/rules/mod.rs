//! The stages of a decision.
