//! What is known of a decision that was not carried out as a whole. Pure; [`super::Memory::not_applied`] keeps it.

use super::Memory;
use crate::decision::Placement;
use crate::quantity::Replicas;

/// What became of a decision that was not carried out as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Attempt {
    /// What was written all the same; `None` for a target that was not.
    pub written: Placement,
    /// Whether a write may have been made without our knowing: its answer was lost.
    pub unknown: bool,
}

/// What was perhaps made without our knowing: the largest that was asked for since the last answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Perhaps {
    /// The fleet's size that was decided.
    pub(crate) size: Replicas,
    /// The replicas of both targets, those that are only there for a move included.
    pub(crate) sum: Replicas,
}

impl Perhaps {
    /// What the decision that left this memory asked for.
    pub(super) fn of(memory: &Memory) -> Self {
        let sum = memory.placement.map_or(Replicas::ZERO, Placement::sum);
        Self { size: memory.size.unwrap_or_default(), sum }
    }

    /// The larger of what was known before and what has come now, each for itself.
    pub(super) fn after(before: Option<Self>, now: Option<Self>) -> Option<Self> {
        let larger = |one: Self, other: Self| Self {
            size: one.size.max(other.size),
            sum: one.sum.max(other.sum),
        };
        before.into_iter().chain(now).reduce(larger)
    }
}
