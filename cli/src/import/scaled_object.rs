//! From KEDA's `ScaledObject` (keda.sh/v1alpha1) to a fleet. Pure.

use super::draft::{Draft, Origin};
use super::{cron, promql};
use apifleet_crds::schedules::{Floor, Schedule};
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// As much of a `ScaledObject` as matters here.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Spec {
    scale_target_ref: Target,
    #[serde(default)]
    min_replica_count: Option<i32>,
    #[serde(default)]
    max_replica_count: Option<i32>,
    #[serde(default)]
    fallback: Option<Fallback>,
    #[serde(default)]
    advanced: Option<Advanced>,
    #[serde(default)]
    triggers: Vec<Trigger>,
    /// Whatever else is set.
    #[serde(flatten)]
    rest: BTreeMap<String, Value>,
}

#[derive(Debug, Deserialize)]
struct Target {
    #[serde(default)]
    kind: Option<String>,
    name: String,
}

#[derive(Debug, Deserialize)]
struct Fallback {
    replicas: i32,
    #[serde(default)]
    behavior: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Advanced {
    #[serde(default)]
    horizontal_pod_autoscaler_config: Option<Config>,
    #[serde(default)]
    scaling_modifiers: Option<Value>,
}

#[derive(Debug, Deserialize)]
struct Config {
    #[serde(default)]
    behavior: Option<Value>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Trigger {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    metric_type: Option<String>,
    #[serde(default)]
    metadata: BTreeMap<String, Value>,
}

/// What a fleet does in another way, or not at all.
const ELSEWHERE: [(&str, &str); 4] = [
    ("pollingInterval", "a fleet is decided every few seconds"),
    ("cooldownPeriod", "it governs only the way to no replicas"),
    ("initialCooldownPeriod", "it governs only the way to no replicas"),
    ("idleReplicaCount", "a fleet has one replica at least"),
];

/// The fleet of a `ScaledObject`.
///
/// # Errors
/// Where it can be none.
pub fn fleet(object: &Value) -> Result<Draft, String> {
    let text =
        |path: &str| object.pointer(path).and_then(Value::as_str).unwrap_or_default().to_owned();
    let origin = Origin {
        kind: "ScaledObject",
        resource: "scaledobject",
        namespace: text("/metadata/namespace"),
        name: text("/metadata/name"),
    };
    let spec = object.get("spec").cloned().unwrap_or_default();
    let spec: Spec = serde_json::from_value(spec)
        .map_err(|error| format!("{origin} is not understood: {error}"))?;
    let Spec {
        scale_target_ref: target,
        min_replica_count,
        max_replica_count,
        fallback,
        advanced,
        triggers,
        rest,
    } = spec;
    let kind = target.kind.as_deref().unwrap_or("Deployment");
    let bounds = (min_replica_count.unwrap_or_default(), max_replica_count.unwrap_or(100));
    let mut draft = Draft::new(origin, (kind, &target.name), bounds)?;
    rests(&mut draft, object, &rest);
    if let Some(Fallback { replicas, behavior }) = fallback {
        draft.fallback(replicas);
        draft.lose(
            "fallback.failureThreshold: signals are missing from signals.staleAfterSeconds on, and the size is kept \
             besides",
        );
        if behavior.is_some_and(|behavior| behavior != "static") {
            draft.lose("fallback.behavior: a fleet is at least fallbackReplicas, and never smaller than it was");
        }
    }
    let (behavior, modifiers) = advanced.map_or((None, None), |it| {
        (it.horizontal_pod_autoscaler_config.and_then(|it| it.behavior), it.scaling_modifiers)
    });
    draft.behavior(behavior);
    if modifiers.is_some_and(|it| it.as_object().is_some_and(|it| !it.is_empty())) {
        draft.lose("advanced.scalingModifiers: a fleet has no formulas");
    }
    for (index, trigger) in triggers.iter().enumerate() {
        carry(&mut draft, index, trigger);
    }
    Ok(draft.finished())
}

fn rests(draft: &mut Draft, object: &Value, rest: &BTreeMap<String, Value>) {
    for (field, why) in ELSEWHERE {
        if rest.contains_key(field) {
            draft.lose(format!("{field}: {why}"));
        }
    }
    let annotations = object.pointer("/metadata/annotations").and_then(Value::as_object);
    for key in annotations.into_iter().flatten().map(|(key, _)| key) {
        if key.starts_with("autoscaling.keda.sh/") {
            draft.lose(format!(
                "annotation {key}: use the verbs hold and override when the fleet is in force"
            ));
        }
    }
}

fn carry(draft: &mut Draft, index: usize, trigger: &Trigger) {
    let what = format!("triggers[{index}] {}", trigger.kind);
    match trigger.kind.as_str() {
        "cron" => of_cron(draft, &what, trigger),
        "prometheus" => of_prometheus(draft, &what, trigger),
        _ => draft.lose(format!("{what}: a fleet scales on requests and schedules")),
    }
}

impl Trigger {
    fn text(&self, key: &str) -> Option<String> {
        match self.metadata.get(key)? {
            Value::String(text) => Some(text.trim().to_owned()),
            other => Some(other.to_string()),
        }
    }
}

fn of_cron(draft: &mut Draft, what: &str, trigger: &Trigger) {
    let text = |key: &str| trigger.text(key).unwrap_or_default();
    let replicas = text("desiredReplicas").parse::<i32>().ok();
    let (window, replicas) = match (cron::window(&text("start"), &text("end")), replicas) {
        (Ok(window), Some(replicas)) => (window, replicas),
        (Err(why), _) => return draft.lose(format!("{what}: {why}")),
        (Ok(_), None) => return draft.lose(format!("{what}: desiredReplicas is no number")),
    };
    let cron::Window { start, end, days } = window;
    let schedule = Schedule {
        name: String::new(),
        from: None,
        to: None,
        recurrence: None,
        exclude_dates: Vec::new(),
        days,
        start,
        end,
        time_zone: text("timezone"),
        floor: Floor { replicas: Some(replicas), ..Floor::default() },
        ceiling_replicas: None,
        lead_seconds: None,
        ramp_seconds: None,
        spot_return: None,
    };
    draft.schedule(what, schedule);
}

fn of_prometheus(draft: &mut Draft, what: &str, trigger: &Trigger) {
    let text = |key: &str| trigger.text(key).unwrap_or_default();
    if trigger.metric_type.as_deref().is_some_and(|kind| kind != "AverageValue") {
        return draft.lose(format!("{what}: its threshold is not for each replica (metricType)"));
    }
    let (namespace, name) = draft.place();
    let read = match promql::read(&text("query"), namespace, name) {
        Ok(read) => read,
        Err(why) => return draft.lose(format!("{what}: {why}")),
    };
    if draft.target_per_replica(what, &text("threshold")) {
        draft.series(what, read.custom, read.window_seconds);
    }
    for (key, why) in [
        ("serverAddress", "the operator asks the Prometheus of its own configuration"),
        ("activationThreshold", "a fleet has one replica at least"),
        ("ignoreNullValues", "a fleet never takes missing data for 0"),
    ] {
        if trigger.metadata.contains_key(key) {
            draft.lose(format!("{what} {key}: {why}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use apifleet_crds::signals::OnMissing;
    use serde_json::json;

    fn object(more: &[(&str, Value)], triggers: &Value) -> Value {
        let mut object = json!({
            "metadata": {"name": "shop", "namespace": "shop"},
            "spec": {"scaleTargetRef": {"name": "shop-api"}, "minReplicaCount": 4, "maxReplicaCount": 30,
                "triggers": triggers},
        });
        for (key, value) in more {
            object["spec"][key] = value.clone();
        }
        object
    }

    fn prometheus(query: &str) -> Value {
        json!({"type": "prometheus", "metadata": {"serverAddress": "http://prometheus:9090", "query": query,
            "threshold": "50"}})
    }

    fn cron(start: &str, end: &str, replicas: &str) -> Value {
        json!({"type": "cron", "metadata": {"timezone": "Europe/Paris", "start": start, "end": end,
            "desiredReplicas": replicas}})
    }

    fn lost(draft: &Draft, words: &str) -> bool {
        draft.lost().iter().any(|it| it.contains(words))
    }

    #[test]
    fn a_query_that_is_a_rate_becomes_series_window_and_target() {
        let query = r#"sum(rate(envoy_requests{app="shop"}[2m]))"#;
        let draft = fleet(&object(&[], &json!([prometheus(query)]))).unwrap();
        let signals = draft.spec().signals.clone().unwrap();
        assert_eq!(signals.request_rate.unwrap().target_per_replica, Some(50));
        assert_eq!(signals.window_seconds, Some(120));
        assert_eq!(signals.custom.unwrap().requests_total, "envoy_requests");
        assert!(
            lost(&draft, "serverAddress") && !lost(&draft, "are assumed"),
            "{:?}",
            draft.lost()
        );
    }

    #[test]
    fn a_query_of_another_form_is_named() {
        let draft = fleet(&object(&[], &json!([prometheus("avg(cpu)")]))).unwrap();
        assert_eq!(draft.spec().signals, None);
        assert!(lost(&draft, "triggers[0] prometheus: it is not the sum"), "{:?}", draft.lost());
    }

    #[test]
    fn crons_become_schedules_with_floors_within_the_bounds() {
        let triggers = json!([
            cron("0 8 * * 1-5", "0 20 * * 1-5", "20"),
            cron("0 22 * * *", "0 6 * * *", "50"),
            cron("*/5 * * * *", "0 6 * * *", "5"),
            cron("0 1 * * *", "0 2 * * *", "many"),
        ]);
        let draft = fleet(&object(&[], &triggers)).unwrap();
        let schedules = draft.spec().schedules.clone().unwrap();
        let told: Vec<_> = schedules
            .iter()
            .map(|it| (it.name.as_str(), it.start.as_str(), it.floor.replicas))
            .collect();
        assert_eq!(told, [("window-1", "08:00", Some(20)), ("window-2", "22:00", Some(30))]);
        for words in
            ["50 replicas are outside", "triggers[2] cron", "triggers[3] cron: desiredReplicas"]
        {
            assert!(lost(&draft, words), "{words}: {:?}", draft.lost());
        }
    }

    #[test]
    fn fallback_is_carried_over_and_what_a_fleet_does_otherwise_is_named() {
        let more = [
            ("fallback", json!({"failureThreshold": 3, "replicas": 12})),
            ("cooldownPeriod", json!(300)),
            ("idleReplicaCount", json!(0)),
            ("advanced", json!({"scalingModifiers": {"formula": "a + b"}})),
        ];
        let draft = fleet(&object(&more, &json!([{"type": "kafka", "metadata": {}}]))).unwrap();
        let signals = draft.spec().signals.clone().unwrap();
        assert_eq!(
            (signals.on_missing, signals.fallback_replicas),
            (Some(OnMissing::Fallback), Some(12))
        );
        for words in
            ["failureThreshold", "cooldownPeriod", "idleReplicaCount", "scalingModifiers", "kafka"]
        {
            assert!(lost(&draft, words), "{words}: {:?}", draft.lost());
        }
    }

    #[test]
    fn what_is_no_scaled_object_says_why() {
        assert!(fleet(&json!({})).unwrap_err().contains("not understood"));
        let mut other = object(&[], &json!([]));
        other["spec"]["scaleTargetRef"]["kind"] = "StatefulSet".into();
        assert!(fleet(&other).unwrap_err().contains("Deployments only"));
    }
}
