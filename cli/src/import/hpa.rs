//! From a `HorizontalPodAutoscaler` (autoscaling/v2) to a fleet. Pure: the scaling schedules that its metrics name are read
//! by [`super`].

use super::draft::{Draft, Origin};
use super::scaling_schedule;
use crate::check::amount::thousandths;
use k8s_openapi::api::autoscaling::v2::{
    HorizontalPodAutoscaler, MetricSpec, MetricTarget, ObjectMetricSource,
};
use serde_json::Value;
use std::collections::BTreeMap;

/// A scaling schedule: whether it is the cluster's, and its name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reference {
    /// Whether it belongs to no namespace.
    pub of_cluster: bool,
    /// Its name.
    pub name: String,
}

/// The scaling schedules that were read, or why one was not.
pub type Read = BTreeMap<Reference, Result<Value, String>>;

/// The scaling schedules that its metrics name.
#[must_use]
pub fn references(hpa: &HorizontalPodAutoscaler) -> Vec<Reference> {
    let metrics = hpa.spec.metrics.iter().flatten();
    metrics.filter_map(|metric| metric.object.as_ref()).filter_map(reference).collect()
}

fn reference(object: &ObjectMetricSource) -> Option<Reference> {
    let described = &object.described_object;
    let of_cluster = match described.kind.as_str() {
        "ClusterScalingSchedule" => true,
        "ScalingSchedule" => false,
        _ => return None,
    };
    Some(Reference { of_cluster, name: described.name.clone() })
}

/// The fleet of an HPA.
///
/// # Errors
/// Where it can be none.
pub fn fleet(hpa: &HorizontalPodAutoscaler, schedules: &Read) -> Result<Draft, String> {
    let spec = &hpa.spec;
    let origin = Origin {
        kind: "HorizontalPodAutoscaler",
        resource: "hpa",
        namespace: hpa.metadata.namespace.clone().unwrap_or_default(),
        name: hpa.metadata.name.clone().unwrap_or_default(),
    };
    let target = (spec.scale_target_ref.kind.as_str(), spec.scale_target_ref.name.as_str());
    let bounds = (spec.min_replicas.unwrap_or(1), spec.max_replicas);
    let mut draft = Draft::new(origin, target, bounds)?;
    draft.behavior(spec.behavior.as_ref().and_then(|it| serde_json::to_value(it).ok()));
    for metric in spec.metrics.iter().flatten() {
        carry(&mut draft, metric, schedules);
    }
    Ok(draft.finished())
}

fn carry(draft: &mut Draft, metric: &MetricSpec, schedules: &Read) {
    if let Some(object) = &metric.object {
        match reference(object) {
            Some(reference) => of_schedule(draft, &reference, &object.target, schedules),
            None => of_requests(draft, &object.metric.name, &object.target),
        }
    } else if let Some(pods) = &metric.pods {
        of_requests(draft, &pods.metric.name, &pods.target);
    } else if let Some(external) = &metric.external {
        of_requests(draft, &external.metric.name, &external.target);
    } else {
        let resource = metric.resource.as_ref().map(|it| (&it.name, &it.target));
        let container = metric.container_resource.as_ref().map(|it| (&it.name, &it.target));
        let (name, target) = match resource.or(container) {
            Some((name, target)) => (name.as_str(), shown(target)),
            None => (metric.type_.as_str(), String::new()),
        };
        draft.lose(format!(
            "metric {name}{target}: a fleet scales on requests; measure how many one replica carries at that load"
        ));
    }
}

/// A metric that counts requests, by its name.
fn of_requests(draft: &mut Draft, name: &str, target: &MetricTarget) {
    let what = format!("metric {name}{}", shown(target));
    match &target.average_value {
        Some(each) if counts_requests(name) => {
            if draft.target_per_replica(&what, &each.0) {
                draft.lose(format!(
                    "{what}: taken for requests per second of one replica; which series it reads is the adapter's"
                ));
            }
        }
        Some(_) | None => {
            draft.lose(format!(
                "{what}: not a rate of requests for each replica, by its name and target"
            ));
        }
    }
}

fn counts_requests(name: &str) -> bool {
    let name = name.to_lowercase().replace('-', "_");
    let is_rate = ["per_second", "rate", "_rps", "_qps"].iter().any(|word| name.contains(word));
    matches!(name.as_str(), "rps" | "qps") || (name.contains("request") && is_rate)
}

fn of_schedule(draft: &mut Draft, reference: &Reference, target: &MetricTarget, schedules: &Read) {
    let name = &reference.name;
    let each = target.average_value.as_ref().and_then(thousandths).filter(|each| *each > 0);
    match (schedules.get(reference), each) {
        (Some(Ok(object)), Some(each)) => scaling_schedule::carry(draft, name, object, each),
        (Some(Err(why)), _) => draft.lose(format!("{name}: {why}")),
        (Some(Ok(_)), None) => {
            draft.lose(format!("{name}: its value is not divided among replicas (averageValue)"));
        }
        (None, _) => draft.lose(format!("{name}: it was not read")),
    }
}

fn shown(target: &MetricTarget) -> String {
    let MetricTarget { average_utilization, average_value, type_: _, value } = target;
    match (average_utilization, average_value, value) {
        (Some(percent), _, _) => format!(" at {percent} %"),
        (None, Some(each), _) => format!(" at {} for each replica", each.0),
        (None, None, Some(all)) => format!(" at {} in all", all.0),
        (None, None, None) => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn hpa(metrics: &Value) -> HorizontalPodAutoscaler {
        let hpa = json!({
            "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler",
            "metadata": {"name": "shop", "namespace": "shop"},
            "spec": {
                "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "shop-api"},
                "minReplicas": 4, "maxReplicas": 30, "metrics": metrics,
                "behavior": {"scaleDown": {"stabilizationWindowSeconds": 120, "selectPolicy": "Max",
                    "policies": [{"type": "Percent", "value": 10, "periodSeconds": 60}]}},
            },
        });
        serde_json::from_value(hpa).unwrap()
    }

    fn pods(name: &str, each: &str) -> Value {
        json!({"type": "Pods", "pods": {"metric": {"name": name},
            "target": {"type": "AverageValue", "averageValue": each}}})
    }

    fn scheduled(each: &str) -> Value {
        json!({"type": "Object", "object": {
            "describedObject": {"apiVersion": "zalando.org/v1", "kind": "ClusterScalingSchedule", "name": "sale"},
            "metric": {"name": "sale"}, "target": {"type": "AverageValue", "averageValue": each}}})
    }

    #[test]
    fn bounds_behavior_and_the_rate_of_requests_are_carried_over() {
        let draft =
            fleet(&hpa(&json!([pods("http_requests_per_second", "50")])), &Read::new()).unwrap();
        let spec = draft.spec();
        assert_eq!((spec.min_replicas, spec.max_replicas), (4, 30));
        assert_eq!(spec.targets.on_demand.deployment_name, "shop-api");
        let down = spec.behavior.clone().unwrap().scale_down.unwrap();
        assert_eq!(down.stabilization_window_seconds, Some(120));
        let rate = spec.signals.clone().unwrap().request_rate.unwrap();
        assert_eq!(rate.target_per_replica, Some(50));
    }

    #[test]
    fn what_is_no_rate_of_requests_is_named_and_nothing_is_made_up() {
        let cpu = json!({"type": "Resource", "resource": {"name": "cpu",
            "target": {"type": "Utilization", "averageUtilization": 60}}});
        let draft = fleet(&hpa(&json!([cpu, pods("queue_length", "10")])), &Read::new()).unwrap();
        assert_eq!(draft.spec().signals, None);
        for words in [
            "metric cpu at 60 %",
            "metric queue_length at 10",
            "50 are assumed",
            "http_requests_total",
        ] {
            assert!(
                draft.lost().iter().any(|it| it.contains(words)),
                "{words}: {:?}",
                draft.lost()
            );
        }
    }

    #[test]
    fn a_scaling_schedule_becomes_floors() {
        let reference = Reference { of_cluster: true, name: "sale".to_owned() };
        let object = json!({"spec": {"scalingWindowDurationMinutes": 10, "schedules": [
            {"type": "Repeating", "value": 1000, "durationMinutes": 90,
                "period": {"startTime": "08:00", "days": ["Mon", "Tue"], "timezone": "Europe/Berlin"}},
            {"type": "OneTime", "value": 900, "date": "2026-11-27T23:00:00+01:00", "durationMinutes": 180},
            {"type": "OneTime", "value": 900, "date": "2026-11-27T00:00:00Z", "endDate": "2026-11-30T00:00:00Z"},
            {"type": "Repeating", "value": 1, "durationMinutes": 60,
                "period": {"startTime": "08:00", "days": ["Sun"], "timezone": "Mars/Olympus"}},
        ]}});
        let hpa = hpa(&json!([scheduled("50")]));
        assert_eq!(references(&hpa), std::slice::from_ref(&reference));
        let draft = fleet(&hpa, &Read::from([(reference, Ok(object))])).unwrap();
        let schedules = draft.spec().schedules.clone().unwrap();
        let told: Vec<_> = schedules
            .iter()
            .map(|it| (it.from.as_deref(), it.start.as_str(), it.end.as_str(), it.floor.replicas))
            .collect();
        assert_eq!(
            told,
            [(None, "08:00", "09:30", Some(20)), (Some("2026-11-27"), "22:00", "01:00", Some(18)),]
        );
        assert_eq!(schedules[0].ramp_seconds, Some(600));
        let lost = draft.lost().join("\n");
        assert!(
            lost.contains("schedules[2]: a window is") && lost.contains("Mars/Olympus"),
            "{lost}"
        );
    }

    #[test]
    fn a_schedule_that_was_not_read_is_named() {
        let reference = Reference { of_cluster: true, name: "sale".to_owned() };
        for (schedules, each, words) in [
            (Read::new(), "50", "was not read"),
            (Read::from([(reference.clone(), Err("you may not".to_owned()))]), "50", "you may not"),
            (Read::from([(reference.clone(), Ok(json!({"spec": {}})))]), "50", "not understood"),
            (
                Read::from([(reference, Ok(json!({"spec": {"schedules": []}})))]),
                "0",
                "averageValue",
            ),
        ] {
            let draft = fleet(&hpa(&json!([scheduled(each)])), &schedules).unwrap();
            assert!(
                draft.lost().iter().any(|it| it.contains(words)),
                "{words}: {:?}",
                draft.lost()
            );
        }
    }

    #[test]
    fn what_scales_no_deployment_is_no_fleet() {
        let mut hpa = hpa(&json!([]));
        hpa.spec.scale_target_ref.kind = "StatefulSet".to_owned();
        assert!(fleet(&hpa, &Read::new()).unwrap_err().contains("Deployments only"));
    }
}
