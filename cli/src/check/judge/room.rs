//! Whether a fleet's largest size fits: on the nodes that are there, and into the quota of its namespace. Pure.

use super::fleet::names;
use crate::check::amount::{Amount, thousandths};
use crate::check::facts::{FleetFacts, NodeFact};
use crate::check::finding::{Finding, Known, Unknown};
use crate::check::registry::Check;
use crate::check::selector::may_run;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{PodSpec, ResourceQuota};

/// What is still to come until the largest size.
struct Growth<'a> {
    /// A pod of each target.
    pods: Vec<&'a PodSpec>,
    /// How many replicas there are.
    now: u64,
    /// How many more there may be.
    more: u64,
}

/// AF0601.
pub(super) fn nodes(facts: &FleetFacts, nodes: &Known<Vec<NodeFact>>) -> Finding {
    let check = Check::NODES;
    let (growth, nodes) = match (growth(facts), nodes) {
        (Ok(growth), Ok(nodes)) => (growth, nodes),
        (Err(why), _) => return Finding::skipped(check, why),
        (_, Err(Unknown(why))) => return Finding::skipped(check, why),
    };
    let Growth { pods, now, more } = &growth;
    let room: u64 =
        nodes.iter().map(|node| holds(node, pods, node.taken)).fold(0, u64::saturating_add);
    let empty: u64 =
        nodes.iter().map(|node| holds(node, pods, Amount::default())).fold(0, u64::saturating_add);
    if empty == 0 {
        let says = "no node that is there could hold even one of its pods, were it empty";
        return Finding::failed(check, says);
    }
    let says = format!("{now} there, {more} more at maxReplicas; the nodes have room for {room}");
    if room >= *more { Finding::ok(check, says) } else { Finding::warning(check, says) }
}

/// How many pods of any target a node holds beside what is taken.
fn holds(fact: &NodeFact, pods: &[&PodSpec], taken: Amount) -> u64 {
    let status = fact.node.status.as_ref();
    let free = Amount::of(status.and_then(|status| status.allocatable.as_ref())).minus(taken);
    let fitting = pods.iter().filter(|pod| may_run(pod, &fact.node));
    fitting.map(|pod| free.holds(Amount::of_pod(pod))).max().unwrap_or_default()
}

/// AF0602.
pub(super) fn quota(facts: &FleetFacts) -> Finding {
    let check = Check::QUOTA;
    let (growth, quotas) = match (growth(facts), &facts.around.quotas) {
        (Ok(growth), Ok(quotas)) => (growth, quotas),
        (Err(why), _) => return Finding::skipped(check, why),
        (_, Err(Unknown(why))) => return Finding::skipped(check, why),
    };
    // A quota of a scope counts only some pods; which, only the API server knows.
    let plain: Vec<&ResourceQuota> = quotas
        .iter()
        .filter(|it| {
            it.spec.as_ref().is_some_and(|spec| {
                spec.scope_selector.is_none() && spec.scopes.iter().flatten().next().is_none()
            })
        })
        .collect();
    let short: Vec<String> = plain.iter().flat_map(|quota| too_small(quota, &growth)).collect();
    match (plain.len(), short.is_empty()) {
        (0, _) => Finding::ok(check, "no quota"),
        (_, true) => Finding::ok(check, format!("holds {} more replicas", growth.more)),
        (_, false) => Finding::failed(check, short.join("; ")),
    }
}

/// The lines of a quota that stop a fleet before its largest size.
fn too_small(quota: &ResourceQuota, growth: &Growth<'_>) -> Vec<String> {
    let name = quota.metadata.name.as_deref().unwrap_or_default();
    let status = quota.status.as_ref();
    let hard = status
        .and_then(|it| it.hard.as_ref())
        .or_else(|| quota.spec.as_ref().and_then(|it| it.hard.as_ref()));
    let used = status.and_then(|it| it.used.as_ref());
    let line = |(resource, hard): (&String, _)| {
        let each = each(resource, &growth.pods)?;
        let hard_limit = thousandths(hard)?;
        let used =
            used.and_then(|used| used.get(resource)).and_then(thousandths).unwrap_or_default();
        let fit = hard_limit.saturating_sub(used).checked_div(each).unwrap_or(u64::MAX);
        (fit < growth.more).then(|| {
            format!(
                "ResourceQuota {name} holds {fit} more replicas by {resource} ({} in all), of {}",
                hard.0, growth.more
            )
        })
    };
    hard.into_iter().flatten().filter_map(line).collect()
}

/// What one pod takes of a resource that a quota counts, in thousandths; `None` where a pod takes none of it.
fn each(resource: &str, pods: &[&PodSpec]) -> Option<u64> {
    let largest = |of: fn(&PodSpec) -> Amount, part: fn(Amount) -> u64| {
        pods.iter().map(|pod| part(of(pod))).max().unwrap_or_default()
    };
    let memory = |of| largest(of, |amount| amount.memory.saturating_mul(1_000));
    let cpu = |of| largest(of, |amount| amount.millicpu);
    match resource {
        "pods" | "count/pods" => Some(1_000),
        "cpu" | "requests.cpu" => Some(cpu(Amount::of_pod)),
        "memory" | "requests.memory" => Some(memory(Amount::of_pod)),
        "limits.cpu" => Some(cpu(Amount::limits_of_pod)),
        "limits.memory" => Some(memory(Amount::limits_of_pod)),
        _ => None,
    }
}

/// What is to come; or why that is not known.
fn growth(facts: &FleetFacts) -> Result<Growth<'_>, String> {
    let spec = facts.spec.as_ref().map_err(|_| "the spec was not read (AF0501)".to_owned())?;
    let deployments = facts.around.deployments.as_ref().map_err(|Unknown(why)| why.clone())?;
    let there: Vec<&Deployment> =
        names(spec).into_iter().filter_map(|name| deployments.get(name)).collect();
    let pods: Vec<&PodSpec> =
        there.iter().filter_map(|it| it.spec.template.spec.as_ref()).collect();
    if pods.is_empty() {
        return Err("its Deployments are not there (AF0503)".to_owned());
    }
    let replicas = |it: &Deployment| it.status.as_ref().and_then(|status| status.replicas);
    let now: u64 =
        there.iter().filter_map(|it| replicas(it)).filter_map(|it| u64::try_from(it).ok()).sum();
    let max = u64::try_from(spec.max_replicas).unwrap_or_default();
    Ok(Growth { pods, now, more: max.saturating_sub(now) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::facts::Around;
    use crate::check::finding::Verdict;
    use crate::check::samples::{around, deployment, fleet};
    use serde_json::json;

    fn node(cpu: &str) -> NodeFact {
        let node = json!({"metadata": {"name": "n"},
            "status": {"allocatable": {"cpu": cpu, "memory": "64Gi", "pods": "110"}}});
        NodeFact { node: serde_json::from_value(node).unwrap(), taken: Amount::default() }
    }

    fn facts() -> FleetFacts {
        fleet(around(vec![deployment("shop-api", 10)]))
    }

    fn quota_of(hard: &serde_json::Value, used: &serde_json::Value) -> Finding {
        let object = json!({"metadata": {"name": "team"}, "spec": {"hard": hard},
            "status": {"hard": hard, "used": used}});
        let quotas = Ok(vec![serde_json::from_value(object).unwrap()]);
        quota(&fleet(Around { quotas, ..around(vec![deployment("shop-api", 10)]) }))
    }

    #[test]
    fn twenty_more_of_100m_need_two_cpus_that_are_free() {
        let of = |nodes: Vec<NodeFact>| nodes_of(&Ok(nodes));
        assert_eq!(of(vec![node("1"), node("1")]).verdict, Verdict::Ok);
        let short = of(vec![node("1"), node("900m")]);
        assert_eq!(short.verdict, Verdict::Warning);
        assert!(
            short.says.contains("20 more") && short.says.contains("room for 19"),
            "{}",
            short.says
        );
        let mut busy = node("10");
        busy.taken = Amount { millicpu: 9_500, memory: 0, pods: 20 };
        assert_eq!(of(vec![busy]).verdict, Verdict::Warning);
        assert_eq!(of(vec![node("50m")]).verdict, Verdict::Failed, "not even one");
        assert_eq!(of(Vec::new()).verdict, Verdict::Failed);
        assert_eq!(nodes_of(&Err(Unknown("may not".to_owned()))).verdict, Verdict::Skipped);
    }

    fn nodes_of(known: &Known<Vec<NodeFact>>) -> Finding {
        nodes(&facts(), known)
    }

    #[test]
    fn a_quota_is_judged_by_what_is_left_of_it() {
        let used = json!({"pods": "12", "requests.cpu": "1200m", "limits.memory": "0"});
        for (hard, verdict) in [
            (json!({"pods": "32"}), Verdict::Ok),
            (json!({"pods": "31"}), Verdict::Failed),
            (json!({"requests.cpu": "3200m"}), Verdict::Ok),
            (json!({"requests.cpu": "3"}), Verdict::Failed),
            (json!({"limits.memory": "1Mi"}), Verdict::Ok),
            (json!({"services": "1"}), Verdict::Ok),
        ] {
            let found = quota_of(&hard, &used);
            assert_eq!(found.verdict, verdict, "{hard}: {}", found.says);
        }
        assert_eq!(quota(&facts()).verdict, Verdict::Ok, "there is none");
    }

    #[test]
    fn without_its_deployments_nothing_is_said_of_room() {
        let facts = fleet(around(Vec::new()));
        assert_eq!(nodes(&facts, &Ok(vec![node("4")])).verdict, Verdict::Skipped);
        assert_eq!(quota(&facts).verdict, Verdict::Skipped);
    }
}
