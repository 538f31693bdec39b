//! Whether nodes can be drained while a fleet is at its smallest size: its disruption budgets. Pure.

use super::fleet::names;
use crate::check::facts::FleetFacts;
use crate::check::finding::{Finding, Unknown, Verdict};
use crate::check::registry::Check;
use crate::check::selector::selects;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

/// AF0505.
pub(super) fn budgets(facts: &FleetFacts) -> Finding {
    let check = Check::DISRUPTION;
    let (spec, deployments, budgets) =
        match (&facts.spec, &facts.around.deployments, &facts.around.budgets) {
            (Ok(spec), Ok(deployments), Ok(budgets)) => (spec, deployments, budgets),
            (Err(_), _, _) => return Finding::skipped(check, "the spec was not read (AF0501)"),
            (_, Err(Unknown(why)), _) | (_, _, Err(Unknown(why))) => {
                return Finding::skipped(check, why);
            }
        };
    let there: Vec<(&str, &Deployment)> = names(spec)
        .into_iter()
        .filter_map(|name| deployments.get(name).map(|deployment| (name, deployment)))
        .collect();
    if there.is_empty() {
        return Finding::skipped(check, "its Deployments are not there (AF0503)");
    }
    let min = spec.min_replicas;
    let judged: Vec<(Verdict, String)> =
        there.into_iter().map(|(name, it)| of_target(name, it, budgets, min)).collect();
    let worst = judged.iter().map(|(verdict, _)| *verdict).max().unwrap_or(Verdict::Ok);
    let says: Vec<String> =
        judged.into_iter().filter(|(verdict, _)| *verdict == worst).map(|(_, says)| says).collect();
    let says = says.join("; ");
    match worst {
        Verdict::Failed => Finding::failed(check, says),
        Verdict::Warning => Finding::warning(check, says),
        Verdict::Ok | Verdict::Skipped => Finding::ok(check, says),
    }
}

/// The budgets of one Deployment, when the fleet is at its smallest size.
fn of_target(
    name: &str,
    deployment: &Deployment,
    budgets: &[PodDisruptionBudget],
    min: i32,
) -> (Verdict, String) {
    let template = deployment.spec.template.metadata.as_ref();
    let labels = template.and_then(|it| it.labels.clone()).unwrap_or_default();
    let selector =
        |it: &PodDisruptionBudget| it.spec.as_ref().and_then(|spec| spec.selector.clone());
    let mine: Vec<&PodDisruptionBudget> =
        budgets.iter().filter(|it| selects(selector(it).as_ref(), &labels)).collect();
    match mine.as_slice() {
        [] => {
            let says =
                format!("{name} has no disruption budget: a drain may take all its pods at once");
            (Verdict::Warning, says)
        }
        [one] => of_budget(name, one, min),
        several => {
            let names: Vec<&str> = several.iter().map(|it| name_of(it)).collect();
            let says = format!(
                "the pods of {name} have several disruption budgets ({}), with which none can be evicted",
                names.join(", ")
            );
            (Verdict::Failed, says)
        }
    }
}

fn of_budget(name: &str, budget: &PodDisruptionBudget, min: i32) -> (Verdict, String) {
    let spec = budget.spec.as_ref();
    let most = spec.and_then(|it| it.max_unavailable.as_ref());
    let least = spec.and_then(|it| it.min_available.as_ref());
    // Percentages are rounded up, as the disruption controller does.
    let may_go = match (most, least) {
        (Some(most), _) => count(most, min),
        (None, Some(least)) => count(least, min).map(|least| min.saturating_sub(least)),
        (None, None) => Some(min),
    };
    let which = format!("PodDisruptionBudget {}", name_of(budget));
    match may_go {
        None => (Verdict::Warning, format!("{which} is not understood")),
        Some(..=0) => {
            let rule = most.map_or_else(
                || format!("minAvailable {}", least.map(shown).unwrap_or_default()),
                |most| format!("maxUnavailable {}", shown(most)),
            );
            let says = format!(
                "{which} ({rule}) lets no pod of {name} go at minReplicas {min}: nodes cannot be drained"
            );
            (Verdict::Failed, says)
        }
        Some(may_go) => {
            let says =
                format!("{which} lets {} of {min} pods of {name} go at once", may_go.min(min));
            (Verdict::Ok, says)
        }
    }
}

fn name_of(budget: &PodDisruptionBudget) -> &str {
    budget.metadata.name.as_deref().unwrap_or_default()
}

fn shown(value: &IntOrString) -> String {
    match value {
        IntOrString::Int(count) => count.to_string(),
        IntOrString::String(text) => text.clone(),
    }
}

fn count(value: &IntOrString, of: i32) -> Option<i32> {
    match value {
        IntOrString::Int(count) => Some(*count),
        IntOrString::String(text) => {
            let percent: i64 = text.strip_suffix('%')?.parse().ok()?;
            let product = i64::from(of).checked_mul(percent)?.checked_add(99)?;
            i32::try_from(product / 100).ok()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::facts::Around;
    use crate::check::samples::{around, deployment, fleet};
    use serde_json::{Value, json};

    fn found(rules: &[Value]) -> Finding {
        let budget = |rule: &Value| {
            let mut spec = json!({"selector": {"matchLabels": {"app": "shop-api"}}});
            for (key, value) in rule.as_object().unwrap() {
                spec[key] = value.clone();
            }
            let name = format!("budget-{}", rule.to_string().len());
            serde_json::from_value(json!({"metadata": {"name": name}, "spec": spec})).unwrap()
        };
        let budgets = Ok(rules.iter().map(budget).collect());
        budgets_of(Around { budgets, ..around(vec![deployment("shop-api", 10)]) })
    }

    fn budgets_of(around: Around) -> Finding {
        budgets(&fleet(around))
    }

    #[test]
    fn a_budget_is_judged_at_the_smallest_size() {
        for (rule, verdict) in [
            (json!({"maxUnavailable": 1}), Verdict::Ok),
            (json!({"maxUnavailable": "25%"}), Verdict::Ok),
            (json!({"maxUnavailable": "1%"}), Verdict::Ok),
            (json!({"maxUnavailable": 0}), Verdict::Failed),
            (json!({"maxUnavailable": "0%"}), Verdict::Failed),
            (json!({"minAvailable": 9}), Verdict::Ok),
            (json!({"minAvailable": 10}), Verdict::Failed),
            (json!({"minAvailable": 12}), Verdict::Failed),
            (json!({"minAvailable": "50%"}), Verdict::Ok),
            (json!({"minAvailable": "100%"}), Verdict::Failed),
            (json!({"minAvailable": "most"}), Verdict::Warning),
        ] {
            let found = found(std::slice::from_ref(&rule));
            assert_eq!(found.verdict, verdict, "{rule}: {}", found.says);
        }
    }

    #[test]
    fn none_is_too_few_and_two_are_too_many() {
        assert_eq!(found(&[]).verdict, Verdict::Warning);
        let two = found(&[json!({"maxUnavailable": 1}), json!({"maxUnavailable": "100%"})]);
        assert_eq!(two.verdict, Verdict::Failed);
        assert!(two.says.contains("none can be evicted"), "{}", two.says);
    }

    #[test]
    fn what_was_not_read_is_not_judged() {
        assert_eq!(budgets_of(around(Vec::new())).verdict, Verdict::Skipped);
        let budgets = Err(Unknown("may not".to_owned()));
        let not_read = Around { budgets, ..around(vec![deployment("shop-api", 10)]) };
        assert_eq!(budgets_of(not_read).verdict, Verdict::Skipped);
    }
}
