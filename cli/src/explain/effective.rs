//! The spec with every default applied, and which part of it was written.
//!
//! The values of absent fields are those that the operator decides with ([`FleetIntent`]); this file only writes them
//! back. What is absent here as well has no default: it is off, or measured.

use crate::failure::Failure;
use crate::table::{Grid, Tone, plain, toned};
use apifleet_core::behavior::{Amount, Behavior, Direction, RatePolicy, Select};
use apifleet_core::policy::{SignalPolicy, SpotPolicy};
use apifleet_core::{Percent, schedule};
use apifleet_crds::behavior::{
    PolicyType, ScalingBehavior, ScalingPolicyRule, ScalingRules, SelectPolicy,
};
use apifleet_crds::dependencies::Dependency;
use apifleet_crds::schedules::{Day, Schedule};
use apifleet_crds::signals::{Errors, Latency, RequestRate, Signals};
use apifleet_crds::spot::{Capacity, Spot};
use apifleet_crds::{ApiFleet, ApiFleetSpec, FleetIntent};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::time::Duration;

const DOWN_WINDOW: &str = "spec.behavior.scaleDown.stabilizationWindowSeconds";

/// The fleet as a manifest that may be applied.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Manifest<'a> {
    api_version: &'static str,
    kind: &'static str,
    metadata: Metadata<'a>,
    spec: &'a ApiFleetSpec,
}

#[derive(Debug, Serialize)]
struct Metadata<'a> {
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    namespace: Option<&'a str>,
}

// === impl Manifest ===

impl<'a> Manifest<'a> {
    /// The fleet with another spec.
    #[must_use]
    pub fn new(fleet: &'a ApiFleet, spec: &'a ApiFleetSpec) -> Self {
        let (name, namespace) =
            (fleet.metadata.name.as_deref(), fleet.metadata.namespace.as_deref());
        Self {
            api_version: "apifleet.dev/v1alpha1",
            kind: "ApiFleet",
            metadata: Metadata { name, namespace },
            spec,
        }
    }
}

/// The spec with every default applied.
#[must_use]
pub fn effective(typed: &ApiFleetSpec, intent: &FleetIntent) -> ApiFleetSpec {
    // Without `..`: a new field cannot be forgotten.
    let ApiFleetSpec {
        mode,
        policy_ref,
        min_replicas,
        max_replicas,
        targets,
        signals: typed_signals,
        behavior: typed_behavior,
        schedules,
        spot: typed_spot,
        dependencies,
    } = typed.clone();
    let policy = &intent.policy;
    let schedules = schedules.map(|schedules| {
        let meant = schedules.into_iter().zip(&policy.schedules);
        meant.map(|(typed, meant)| schedule(typed, meant)).collect()
    });
    ApiFleetSpec {
        mode,
        policy_ref,
        min_replicas,
        max_replicas,
        targets,
        signals: Some(signals(typed_signals.unwrap_or_default(), &policy.signals)),
        behavior: Some(behavior(typed_behavior.unwrap_or_default(), &policy.behavior)),
        schedules,
        spot: policy.spot.as_ref().map(|policy| spot(typed_spot.unwrap_or_default(), policy)),
        dependencies: dependencies.map(|typed| typed.into_iter().map(dependency).collect()),
    }
}

fn dependency(typed: Dependency) -> Dependency {
    Dependency { reserved: Some(typed.reserved.unwrap_or_default()), ..typed }
}

fn signals(typed: Signals, policy: &SignalPolicy) -> Signals {
    let Signals {
        preset,
        custom,
        window_seconds: _,
        stale_after_seconds: _,
        on_missing,
        fallback_replicas,
        request_rate: _,
        latency: _,
        errors,
    } = typed;
    Signals {
        preset: Some(preset.unwrap_or_default()),
        custom,
        window_seconds: Some(seconds(policy.window)),
        stale_after_seconds: Some(seconds(policy.stale_after)),
        on_missing: Some(on_missing.unwrap_or_default()),
        fallback_replicas,
        request_rate: Some(RequestRate {
            target_per_replica: Some(whole(policy.target_per_replica.get())),
        }),
        latency: policy.latency.map(|latency| Latency {
            percentile: Some(i32::from(latency.percentile)),
            target_milliseconds: Some(whole(latency.target.get())),
            tolerance_percent: Some(whole(latency.tolerance.get())),
        }),
        errors: policy.max_errors.map(|limit| {
            let typed = errors.and_then(|errors| errors.max_percent);
            Errors { max_percent: Some(typed.unwrap_or_else(|| quantity(limit.get()))) }
        }),
    }
}

fn behavior(typed: ScalingBehavior, policy: &Behavior) -> ScalingBehavior {
    let ScalingBehavior { scale_up, scale_down } = typed;
    let scale_down = scale_down.unwrap_or_default();
    // Written down, the window would not be learned any more.
    let stabilization_window_seconds = scale_down.stabilization_window_seconds;
    ScalingBehavior {
        scale_up: Some(rules(scale_up.unwrap_or_default(), &policy.up)),
        scale_down: Some(ScalingRules {
            stabilization_window_seconds,
            ..rules(scale_down, &policy.down)
        }),
    }
}

fn rules(typed: ScalingRules, direction: &Direction) -> ScalingRules {
    let ScalingRules { stabilization_window_seconds: _, select_policy: _, policies: _, tolerance } =
        typed;
    ScalingRules {
        stabilization_window_seconds: Some(seconds(direction.stabilization_window)),
        select_policy: Some(match direction.select {
            Select::Max => SelectPolicy::Max,
            Select::Min => SelectPolicy::Min,
            Select::Disabled => SelectPolicy::Disabled,
        }),
        policies: Some(direction.policies.iter().map(rule).collect()),
        tolerance: Some(tolerance.unwrap_or_else(|| share(direction.tolerance))),
    }
}

fn rule(policy: &RatePolicy) -> ScalingPolicyRule {
    let (kind, value) = match policy.amount {
        Amount::Pods(pods) => (PolicyType::Pods, pods.get()),
        Amount::Percent(percent) => (PolicyType::Percent, percent),
    };
    ScalingPolicyRule {
        kind,
        value: i32::try_from(value).unwrap_or(i32::MAX),
        period_seconds: seconds(policy.period),
    }
}

fn schedule(typed: Schedule, meant: &schedule::Schedule) -> Schedule {
    let every_day = vec![Day::Mon, Day::Tue, Day::Wed, Day::Thu, Day::Fri, Day::Sat, Day::Sun];
    Schedule {
        days: Some(typed.days.unwrap_or(every_day)),
        ramp_seconds: Some(seconds(meant.ramp)),
        spot_return: Some(typed.spot_return.unwrap_or_default()),
        ..typed
    }
}

fn spot(typed: Spot, policy: &SpotPolicy) -> Spot {
    let Spot {
        max_percent: _,
        min_on_demand_replicas: _,
        survive_loss_of,
        survivors_max_percent_of_target: _,
        node_labels,
        custom_node_labels,
        capacity,
    } = typed;
    let count = |value: u32| Some(i32::try_from(value).unwrap_or(i32::MAX));
    Spot {
        max_percent: Some(i32::from(policy.max_percent)),
        min_on_demand_replicas: count(policy.min_on_demand.get()),
        survive_loss_of: Some(survive_loss_of.unwrap_or_default()),
        survivors_max_percent_of_target: count(policy.survivors_percent),
        node_labels: Some(node_labels.unwrap_or_default()),
        custom_node_labels,
        capacity: Some(Capacity {
            mode: Some(capacity.unwrap_or_default().mode.unwrap_or_default()),
        }),
    }
}

fn seconds(length: Duration) -> i32 {
    i32::try_from(length.as_secs()).unwrap_or(i32::MAX)
}

#[allow(
    clippy::cast_possible_truncation,
    reason = "`as` saturates, and what was typed is a small whole number"
)]
fn whole(value: f64) -> i32 {
    value.round() as i32
}

fn share(percent: Percent) -> IntOrString {
    quantity(percent.get() / 100.0)
}

fn quantity(value: f64) -> IntOrString {
    IntOrString::String(value.to_string())
}

/// One line per field: its path, its value, and whether it was written in the fleet, in its policy, or is a default.
/// `laid` is the spec as it was written, laid over the policy, and `intent` what it means.
///
/// # Errors
/// Where the spec cannot be written as a document, which is a defect.
pub fn table(
    typed: &ApiFleetSpec,
    laid: &ApiFleetSpec,
    intent: &FleetIntent,
) -> Result<String, Failure> {
    let mut fields = leaves_of(&effective(laid, intent))?;
    fields.entry(DOWN_WINDOW.to_owned()).or_insert_with(|| learned(&intent.policy.behavior));
    let (typed, laid) = (leaves_of(typed)?, leaves_of(laid)?);
    let mut grid = Grid::titled(vec!["FIELD", "VALUE", "FROM"]);
    for (path, value) in fields {
        let from = if typed.contains_key(&path) {
            plain("spec")
        } else if laid.contains_key(&path) {
            toned(Tone::Strong, "policy")
        } else {
            toned(Tone::Dim, "default")
        };
        grid.push(vec![plain(path), plain(value), from]);
    }
    Ok(grid.render(None))
}

/// The window that is learned where none is written. No manifest has a value for that.
fn learned(behavior: &Behavior) -> String {
    let shortest = seconds(behavior.down.stabilization_window);
    format!("{shortest}, learned up to {}", seconds(behavior.longest_down_window))
}

fn leaves_of(spec: &ApiFleetSpec) -> Result<BTreeMap<String, String>, Failure> {
    let value = serde_json::to_value(spec).map_err(|error| Failure::Document(error.to_string()))?;
    Ok(leaves("spec", &value))
}

/// Every value of a document that is no list or block, under its path from `root` on.
#[must_use]
pub fn leaves(root: &str, document: &Value) -> BTreeMap<String, String> {
    let mut leaves = BTreeMap::new();
    collect(root, document, &mut leaves);
    leaves
}

/// Every value that is no list or block, under its path. An entry of a list goes by its name, where it has one.
fn collect(path: &str, value: &Value, leaves: &mut BTreeMap<String, String>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                collect(&format!("{path}.{name}"), value, leaves);
            }
        }
        Value::Array(items) if items.iter().any(Value::is_object) => {
            for (index, item) in items.iter().enumerate() {
                let name = item
                    .get("name")
                    .and_then(Value::as_str)
                    .map_or(index.to_string(), str::to_owned);
                collect(&format!("{path}[{name}]"), item, leaves);
            }
        }
        Value::String(text) => {
            leaves.insert(path.to_owned(), text.clone());
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => {
            leaves.insert(path.to_owned(), value.to_string());
        }
    }
}
