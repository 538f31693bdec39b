//! A fleet as it is decided: its own blocks, laid over those of the policy that it names. Pure.
//!
//! What a verb shows is made of [`Decided::fleet`]; what a reader should be told about its policy is
//! [`Decided::warning`]. Made by [`Cluster::decided`](super::Cluster::decided) and
//! [`Manifest::decided`](crate::manifest::Manifest::decided).

use super::Problem;
use apifleet_crds::{ApiFleet, ApiFleetSpec, ScalingPolicySpec, effective};

/// A fleet as it is decided.
#[derive(Debug)]
pub struct Decided {
    /// The fleet; its spec is the one that it is decided by.
    pub fleet: ApiFleet,
    /// The spec as it was written.
    pub typed: ApiFleetSpec,
    /// The policy that it names.
    pub policy: Policy,
}

/// The policy that a fleet names.
#[derive(Debug)]
pub enum Policy {
    /// It names none.
    Unnamed,
    /// It is laid over this one.
    Laid(String),
    /// This one does not exist.
    Missing(String),
    /// This one is not in the file of the fleet.
    NotInFile(String),
    /// It is not known what this one says.
    Unread(String, Box<Problem>),
}

// === impl Decided ===

impl Decided {
    /// The fleet on this policy; its own blocks alone count where there is none, or where it was not read.
    #[must_use]
    pub fn new(fleet: ApiFleet, policy: Result<Option<&ScalingPolicySpec>, Problem>) -> Self {
        Self::on(fleet, policy, Policy::Missing)
    }

    /// The same out of a file.
    #[must_use]
    pub fn in_file(fleet: ApiFleet, policy: Option<&ScalingPolicySpec>) -> Self {
        Self::on(fleet, Ok(policy), Policy::NotInFile)
    }

    fn on(
        mut fleet: ApiFleet,
        found: Result<Option<&ScalingPolicySpec>, Problem>,
        missing: impl FnOnce(String) -> Policy,
    ) -> Self {
        let typed = fleet.spec.clone();
        let named = typed.policy_ref.as_ref().map(|reference| reference.name.clone());
        let policy = match (named, found) {
            (None, _) => Policy::Unnamed,
            (Some(name), Ok(Some(found))) => {
                fleet.spec = effective(&typed, Some(found));
                Policy::Laid(name)
            }
            (Some(name), Ok(None)) => missing(name),
            (Some(name), Err(problem)) => Policy::Unread(name, Box::new(problem)),
        };
        Self { fleet, typed, policy }
    }

    /// What a reader should be told about the policy before believing what is shown.
    #[must_use]
    pub fn warning(&self) -> Option<String> {
        let fleet = self.fleet.metadata.name.as_deref().unwrap_or_default();
        let alone = "until then only the fleet's own blocks are shown";
        match &self.policy {
            Policy::Unnamed | Policy::Laid(_) => None,
            Policy::Missing(name) => Some(format!(
                "ScalingPolicy {name}, which fleet {fleet} names, does not exist: create it, or name another in \
                 spec.policyRef; {alone}"
            )),
            Policy::NotInFile(name) => Some(format!(
                "ScalingPolicy {name}, which fleet {fleet} names, is not in the file: put both into one, with a line \
                 of --- between them; {alone}"
            )),
            Policy::Unread(name, problem) => Some(format!(
                "ScalingPolicy {name}, which fleet {fleet} names, was not read, so only the fleet's own blocks are \
                 shown: {problem}"
            )),
        }
    }

    /// The fleet, where it is known what its policy says, or that there is none.
    ///
    /// # Errors
    /// Where the policy could not be read: an answer that rests on its blocks would be wrong.
    pub fn surely(self) -> Result<Self, Problem> {
        match self.policy {
            Policy::Unread(_, problem) => Err(*problem),
            policy => Ok(Self { policy, ..self }),
        }
    }

    /// The blocks that the policy brings; none where the fleet is laid over none.
    #[must_use]
    pub fn brought(&self) -> Vec<&'static str> {
        let (own, laid) = (&self.typed, &self.fleet.spec);
        let brought = [
            ("signals", own.signals.is_none() && laid.signals.is_some()),
            ("behavior", own.behavior.is_none() && laid.behavior.is_some()),
            ("schedules", own.schedules.is_none() && laid.schedules.is_some()),
            ("spot", own.spot.is_none() && laid.spot.is_some()),
            ("dependencies", own.dependencies.is_none() && laid.dependencies.is_some()),
        ];
        brought.into_iter().filter(|(_, brings)| *brings).map(|(block, _)| block).collect()
    }

    /// The same in one line; `None` where the fleet is laid over none.
    #[must_use]
    pub fn origin(&self) -> Option<String> {
        let Policy::Laid(name) = &self.policy else { return None };
        let brought = self.brought();
        let brought = if brought.is_empty() { "nothing".to_owned() } else { brought.join(", ") };
        Some(format!(
            "from ScalingPolicy {name}: {brought}; a block that the fleet sets is its own"
        ))
    }
}
