//! What people ordered for a while, as far as the operator reported that it is due.

use apifleet_crds::status::{ActiveOverrideStatus, ApiFleetStatus};
use jiff::Timestamp;
use serde::Serialize;

/// An override that is due.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OverrideView {
    /// Which.
    pub name: String,
    /// What is ordered.
    pub action: String,
    /// The size that it names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replicas: Option<i32>,
    /// When it ends.
    pub until: Timestamp,
    /// Why it was ordered.
    pub reason: String,
    /// Who ordered it.
    pub requested_by: String,
    /// The override to which it gives way; absent where it counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub superseded_by: Option<String>,
}

/// Those that have not ended since they were reported.
pub(super) fn due(status: &ApiFleetStatus, now: Timestamp) -> Vec<OverrideView> {
    let due = status.active_overrides.iter().filter(|active| active.expires_at.0 > now);
    let view = |active: &ActiveOverrideStatus| OverrideView {
        name: active.name.clone(),
        action: active.action.clone(),
        replicas: active.replicas,
        until: active.expires_at.0,
        reason: active.reason.clone(),
        requested_by: active.requested_by.clone(),
        superseded_by: active.superseded_by.clone(),
    };
    due.map(view).collect()
}
