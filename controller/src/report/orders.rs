//! What overrides are told: which of them are due, in the fleet's status; and each whether it counts, in its own. Pure.
//!
//! Called by [`super::status`] and [`super`]; delivered by [`super::Reporter`].

use crate::caches::Key;
use crate::facts::OrderFact;
use apifleet_core::decision::{ActiveOverride, Standing};
use apifleet_core::why::OverrideWhy;
use apifleet_core::{Decision, Reason};
use apifleet_crds::status::ActiveOverrideStatus;
use apifleet_crds::{FleetOverrideStatus, OverrideIntent};
use jiff::Timestamp;
use serde_json::{Value, json};
use std::sync::Arc;

/// What one override is told.
#[derive(Debug, Clone, PartialEq)]
pub struct Told {
    /// Its namespace and name.
    pub key: Key,
    /// It must still be this one.
    pub uid: String,
    /// Whether it counts, and why not.
    pub verdict: (bool, Reason),
    /// The JSON merge patch that tells it, on the version that was seen: one that was edited since is told later.
    pub patch: Value,
}

/// The overrides that a decision found due, as the fleet's status has them.
#[must_use]
pub fn active(due: &[ActiveOverride], orders: &[Arc<OrderFact>]) -> Vec<ActiveOverrideStatus> {
    let intents: Vec<OverrideIntent> = orders.iter().map(|fact| fact.intent.clone()).collect();
    ActiveOverrideStatus::of(due, &intents)
}

/// What is new to any of the overrides after a decision.
#[must_use]
pub fn news(orders: &[Arc<OrderFact>], decision: &Decision) -> Vec<Told> {
    orders.iter().filter_map(|fact| told(fact, decision)).collect()
}

fn told(fact: &OrderFact, decision: &Decision) -> Option<Told> {
    let (holds, reason, message) = verdict(fact, decision)?;
    let known = fact.in_force.as_ref();
    let status = if holds { "True" } else { "False" };
    if known.is_some_and(|known| known.status == status && known.reason == reason.as_str()) {
        return None;
    }
    let status =
        FleetOverrideStatus::new(known, fact.generation, (holds, reason, &message), decision.at);
    Some(Told {
        key: fact.key.clone(),
        uid: fact.uid.clone(),
        verdict: (holds, reason),
        patch: json!({
            "metadata": {"uid": fact.uid, "resourceVersion": fact.resource_version},
            "status": status,
        }),
    })
}

/// Whether it counts; `None` before it begins, and where nothing was decided about it.
fn verdict(fact: &OrderFact, decision: &Decision) -> Option<(bool, Reason, String)> {
    let order = &fact.intent.order;
    if order.expires_at <= decision.at {
        return Some((false, Reason::OverrideEnded, ended(order.expires_at)));
    }
    let active = decision.overrides.iter().find(|active| active.name == order.name)?;
    let ActiveOverride { name, action, standing, until } = *active;
    Some(match standing {
        Standing::InForce => {
            let why = OverrideWhy::InForce { name, action, until };
            (true, why.reason(), why.to_string())
        }
        Standing::Superseded { by } => {
            (false, Reason::Superseded, format!("override {by} goes before it"))
        }
    })
}

fn ended(at: Timestamp) -> String {
    format!("it ended at {at:.0}")
}
