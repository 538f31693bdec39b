//! What labels select: objects by label selectors, and the nodes that a pod may be placed on. Pure.

use k8s_openapi::api::core::v1::{Node, NodeSelectorTerm, PodSpec, Taint, Toleration};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use std::collections::BTreeMap;

type Labels = BTreeMap<String, String>;

/// Whether a selector selects these labels. An empty one selects everything, an absent one nothing.
#[must_use]
pub fn selects(selector: Option<&LabelSelector>, labels: &Labels) -> bool {
    let Some(LabelSelector { match_expressions, match_labels }) = selector else { return false };
    let equal = match_labels.iter().flatten().all(|(key, value)| labels.get(key) == Some(value));
    equal
        && match_expressions.iter().flatten().all(|it| {
            holds(&it.operator, labels.get(&it.key), it.values.as_deref().unwrap_or_default())
        })
}

/// Whether the scheduler may place a pod of this spec on the node, as far as selectors, required affinity and taints say.
#[must_use]
pub fn may_run(spec: &PodSpec, node: &Node) -> bool {
    let empty = Labels::new();
    let labels = node.metadata.labels.as_ref().unwrap_or(&empty);
    let selected =
        spec.node_selector.iter().flatten().all(|(key, value)| labels.get(key) == Some(value));
    let required = spec
        .affinity
        .as_ref()
        .and_then(|it| it.node_affinity.as_ref())
        .and_then(|it| it.required_during_scheduling_ignored_during_execution.as_ref());
    let attracted = required
        .is_none_or(|it| it.node_selector_terms.iter().any(|term| fits(term, node, labels)));
    let taints = node.spec.as_ref().and_then(|spec| spec.taints.as_deref()).unwrap_or_default();
    let tolerations = spec.tolerations.as_deref().unwrap_or_default();
    let repelled = taints
        .iter()
        .filter(|taint| matches!(taint.effect.as_str(), "NoSchedule" | "NoExecute"))
        .any(|taint| !tolerations.iter().any(|toleration| tolerates(toleration, taint)));
    selected && attracted && !repelled
}

/// Whether the node takes new pods at all.
#[must_use]
pub fn takes_pods(node: &Node) -> bool {
    let cordoned = node.spec.as_ref().and_then(|spec| spec.unschedulable).unwrap_or_default();
    let conditions = node.status.as_ref().and_then(|status| status.conditions.as_ref());
    let ready = conditions.is_some_and(|conditions| {
        conditions.iter().any(|it| it.type_ == "Ready" && it.status == "True")
    });
    ready && !cordoned
}

fn fits(term: &NodeSelectorTerm, node: &Node, labels: &Labels) -> bool {
    let NodeSelectorTerm { match_expressions, match_fields } = term;
    let by_label = match_expressions.iter().flatten().all(|it| {
        holds(&it.operator, labels.get(&it.key), it.values.as_deref().unwrap_or_default())
    });
    // The only field that can be selected by is the name.
    let by_field = match_fields.iter().flatten().all(|it| {
        holds(&it.operator, node.metadata.name.as_ref(), it.values.as_deref().unwrap_or_default())
    });
    // A term without requirements matches nothing.
    let says_something =
        match_expressions.iter().flatten().count() + match_fields.iter().flatten().count() > 0;
    says_something && by_label && by_field
}

fn holds(operator: &str, value: Option<&String>, values: &[String]) -> bool {
    let number = |text: &String| text.parse::<i64>().ok();
    let compared = |compare: fn(i64, i64) -> bool| {
        value
            .and_then(number)
            .zip(values.first().and_then(number))
            .is_some_and(|(a, b)| compare(a, b))
    };
    match operator {
        "In" => value.is_some_and(|value| values.contains(value)),
        "NotIn" => value.is_none_or(|value| !values.contains(value)),
        "Exists" => value.is_some(),
        "DoesNotExist" => value.is_none(),
        "Gt" => compared(|a, b| a > b),
        "Lt" => compared(|a, b| a < b),
        _ => false,
    }
}

fn tolerates(toleration: &Toleration, taint: &Taint) -> bool {
    let of_effect =
        toleration.effect.as_deref().is_none_or(|it| it.is_empty() || it == taint.effect);
    let key = toleration.key.as_deref().unwrap_or_default();
    let value = taint.value.as_deref().unwrap_or_default();
    let matches = if toleration.operator.as_deref() == Some("Exists") {
        key.is_empty() || key == taint.key
    } else {
        key == taint.key && toleration.value.as_deref().unwrap_or_default() == value
    };
    of_effect && matches
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn labels(pairs: &[(&str, &str)]) -> Labels {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    fn selected(selector: Value) -> bool {
        let selector: LabelSelector = serde_json::from_value(selector).unwrap();
        selects(Some(&selector), &labels(&[("app", "shop"), ("tier", "api")]))
    }

    fn placed(pod: Value, node: Value) -> bool {
        may_run(&serde_json::from_value(pod).unwrap(), &serde_json::from_value(node).unwrap())
    }

    #[test]
    fn a_selector_selects_what_fulfils_all_of_it() {
        assert!(selected(json!({})));
        assert!(selected(json!({"matchLabels": {"app": "shop"}})));
        assert!(!selected(json!({"matchLabels": {"app": "cart"}})));
        assert!(selected(
            json!({"matchExpressions": [{"key": "app", "operator": "In", "values": ["shop"]}]})
        ));
        assert!(!selected(
            json!({"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["shop"]}]})
        ));
        assert!(!selected(
            json!({"matchExpressions": [{"key": "app", "operator": "DoesNotExist"}]})
        ));
        assert!(!selects(None, &labels(&[])), "an absent selector selects nothing");
    }

    #[test]
    fn a_pod_goes_where_its_affinity_and_the_taints_let_it() {
        let node = |taints: Value| json!({"metadata": {"name": "n", "labels": {"spot": "true"}}, "spec": {"taints": taints}});
        let plain = json!({"containers": []});
        let needs = |value: &str| {
            json!({"containers": [], "affinity": {"nodeAffinity": {
                "requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [
                    {"matchExpressions": [{"key": "spot", "operator": "In", "values": [value]}]}]}}}})
        };
        assert!(placed(plain.clone(), node(json!([]))));
        assert!(placed(needs("true"), node(json!([]))));
        assert!(!placed(needs("false"), node(json!([]))));
        let taint = json!([{"key": "spot", "value": "true", "effect": "NoSchedule"}]);
        assert!(!placed(plain, node(taint.clone())));
        let mut tolerant = needs("true");
        tolerant["tolerations"] = json!([{"key": "spot", "operator": "Exists"}]);
        assert!(placed(tolerant, node(taint)));
    }

    #[test]
    fn a_cordoned_or_unready_node_takes_nothing() {
        let node = |ready: &str, cordoned: bool| {
            let node = json!({"metadata": {"name": "n"}, "spec": {"unschedulable": cordoned},
                "status": {"conditions": [{"type": "Ready", "status": ready}]}});
            takes_pods(&serde_json::from_value(node).unwrap())
        };
        assert!(node("True", false));
        assert!(!node("True", true) && !node("Unknown", false));
    }
}
