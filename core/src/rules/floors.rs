//! Stage 5: what the size must not be below. Floors raise at once, past the limits of stages 3 and 4.

use super::Outcome;
use crate::policy::{FleetPolicy, OnMissing};
use crate::quantity::Replicas;
use crate::why::Why;

/// The floors that are in force.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Floors {
    min: Replicas,
    fallback: Option<Replicas>,
    adoption: Option<Adoption>,
}

/// A fleet that is being taken over.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Adoption {
    found: Replicas,
    floor: Replicas,
}

impl Floors {
    /// The floors of a policy: the fallback's while signals are missing, and that of a fleet which is taken over
    /// with the `found` replicas.
    #[must_use]
    pub fn in_force(policy: &FleetPolicy, missing: bool, found: Option<Replicas>) -> Self {
        let fallback = match policy.signals.on_missing {
            OnMissing::Fallback(replicas) => missing.then_some(replicas),
            OnMissing::Hold => None,
        };
        let min = policy.bounds.min();
        let adoption = found
            .map(|found| Adoption { found, floor: found.max(policy.signals.adoption).max(min) });
        Self { min, fallback, adoption }
    }

    /// Raises to the highest floor.
    #[must_use]
    pub fn raise(&self, asks: Replicas) -> Outcome {
        let min = Outcome { replicas: self.min, why: Why::AtMin { asks, min: self.min } };
        let fallback =
            self.fallback.map(|replicas| Outcome { replicas, why: Why::Fallback { replicas } });
        let adoption = self.adoption.map(|Adoption { found, floor }| Outcome {
            replicas: floor,
            why: Why::Adopted { found, floor },
        });
        // Of equal floors the later one is named: it says more.
        let highest = [fallback, adoption]
            .into_iter()
            .flatten()
            .fold(min, |best, other| if other.replicas >= best.replicas { other } else { best });
        if highest.replicas > asks { highest } else { Outcome::unchanged(asks) }
    }
}
