//! Conditions, and which of them a person has to look at.

use crate::table::Tone;
use apifleet_crds::ConditionType;
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use serde::Serialize;

/// One condition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ConditionView {
    /// Its type.
    #[serde(rename = "type")]
    pub kind: String,
    /// True, False or Unknown.
    pub status: String,
    /// Why, in one word; the runbook of that name says what to do.
    pub reason: String,
    /// Why, in one line.
    pub message: String,
    /// Since when it has this status.
    pub since: Timestamp,
    /// Whether it is as it should be.
    pub calm: bool,
}

// === impl ConditionView ===

impl From<&Condition> for ConditionView {
    fn from(condition: &Condition) -> Self {
        let known = ConditionType::ALL.into_iter().find(|kind| kind.as_str() == condition.type_);
        Self {
            kind: condition.type_.clone(),
            status: condition.status.clone(),
            reason: condition.reason.clone(),
            message: condition.message.clone(),
            since: condition.last_transition_time.0,
            // What a newer operator says is shown: better once too often than never.
            calm: known.is_some_and(|kind| condition.status == calm(kind)),
        }
    }
}

impl ConditionView {
    /// How loudly it is shown.
    #[must_use]
    pub fn tone(&self) -> Tone {
        let known = ConditionType::ALL.into_iter().find(|kind| kind.as_str() == self.kind);
        match known {
            _ if self.calm => Tone::Good,
            Some(
                ConditionType::ScalingLimited
                | ConditionType::Overridden
                | ConditionType::Reconciling,
            )
            | None => Tone::Note,
            Some(
                ConditionType::Ready
                | ConditionType::Stalled
                | ConditionType::SignalsFresh
                | ConditionType::PreWarmed
                | ConditionType::SpotHealthy
                | ConditionType::ReplicasEffective,
            ) => Tone::Bad,
        }
    }
}

/// The status of a condition of which nothing has to be said.
fn calm(kind: ConditionType) -> &'static str {
    match kind {
        ConditionType::Ready
        | ConditionType::SignalsFresh
        | ConditionType::PreWarmed
        | ConditionType::SpotHealthy
        | ConditionType::ReplicasEffective => "True",
        ConditionType::Reconciling
        | ConditionType::Stalled
        | ConditionType::ScalingLimited
        | ConditionType::Overridden => "False",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

    fn view(kind: &str, status: &str) -> ConditionView {
        ConditionView::from(&Condition {
            type_: kind.to_owned(),
            status: status.to_owned(),
            reason: "AsExpected".to_owned(),
            message: String::new(),
            last_transition_time: Time(Timestamp::UNIX_EPOCH),
            observed_generation: None,
        })
    }

    #[test]
    fn every_condition_has_one_calm_side() {
        for kind in ConditionType::ALL {
            let calm: Vec<_> = ["True", "False", "Unknown"]
                .into_iter()
                .filter(|status| view(kind.as_str(), status).calm)
                .collect();
            assert_eq!(calm.len(), 1, "{}: {calm:?}", kind.as_str());
        }
        assert!(!view("Stalled", "True").calm);
        assert_eq!(view("Stalled", "True").tone(), Tone::Bad);
    }

    #[test]
    fn a_condition_of_a_newer_operator_is_shown() {
        let new = view("Overheated", "True");
        assert!(!new.calm);
        assert_eq!(new.tone(), Tone::Note);
    }
}
