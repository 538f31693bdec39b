//! An operator of somebody who has rights in one namespace only, as `ci/operator-of-a-tenant.yaml` installs it: there it does
//! what every operator does, and nothing anywhere else.

use super::MINUTE;
use crate::orders::ADMINISTRATOR;
use anyhow::{Result, ensure};
use apifleet_e2e::audit::{Request, requests_of};
use apifleet_e2e::{Platform, end_orders, order_floor, path_text};
use apifleet_local::fleet::Watch;
use apifleet_local::stack::{MIN, Stack};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

const TENANT: &str = "tenant";
/// The operator's release.
const RELEASE: &str = "tenants-operator";
/// The fleet, and its Deployment.
const NAME: &str = "small";
const SMALL: u32 = 2;
const ORDERED: u32 = 3;
const API: &str = "apifleet.dev/v1alpha1";

/// Only while no other operator runs: one of the whole cluster looks after this namespace, too. `elsewhere` follows the demo
/// fleet.
pub(super) fn keeps_to_itself(stack: &Stack, elsewhere: &Watch) -> Result<()> {
    let (since, began) = (Timestamp::now(), elsewhere.elapsed());
    // More is ordered of the demo fleet as well, and nobody is there to hear it.
    order_floor(stack, "elsewhere", MIN + 1)?;
    let played = works(stack);
    // Whatever came of it, nothing of it stays. Its objects go by themselves.
    let uninstall = ["uninstall", RELEASE, "--namespace", TENANT, "--ignore-not-found"];
    let uninstalled = stack.cluster().helm(&uninstall);
    let delete = ["delete", "namespace", TENANT, "--ignore-not-found", "--wait=false"];
    let deleted = stack.kubectl(&delete);
    end_orders(stack)?;
    played?;
    uninstalled?;
    deleted?;

    let history = elsewhere.history();
    let scaled = history.iter().find(|moment| moment.at >= began && moment.wanted() != MIN);
    ensure!(scaled.is_none(), "the fleet of another namespace was scaled: {scaled:?}");
    let requests = requests_of(stack, TENANT, since)?;
    ensure!(requests.iter().any(Request::is_scale), "it wrote no replicas");
    let done = requests.iter().filter(|request| request.is_done());
    let outside: Vec<_> = done.filter(|request| request.namespace != TENANT).collect();
    ensure!(outside.is_empty(), "it did something outside of its namespace: {outside:?}");
    Ok(())
}

/// It takes a fleet over, and an override is in force.
fn works(stack: &Stack) -> Result<()> {
    stack.cluster().apply(&namespace_with_fleet().to_string())?;
    install(stack)?;
    let watch = Watch::start(&stack.cluster().kubeconfig(), TENANT, NAME)?;
    watch.wait("the tenant's fleet to be Ready", MINUTE, |moment| {
        moment.ready() == SMALL && moment.has("Ready", "True", "Available")
    })?;
    stack.cluster().apply(&order(Timestamp::now())?.to_string())?;
    watch.wait("the tenant's override to be in force", MINUTE, |moment| {
        let condition = moment.conditions.get("Overridden");
        moment.ready() == ORDERED && condition.is_some_and(|it| it.status == "True")
    })?;
    Ok(())
}

fn install(stack: &Stack) -> Result<()> {
    let chart = path_text(&Platform::workspace().join("charts/apifleet"));
    // The second says where images and Prometheus of this cluster are.
    let [tenants, demos] = ["operator-of-a-tenant", "demo-operator"]
        .map(|values| format!("--values={chart}/ci/{values}.yaml"));
    let place = format!("--set=operator.watchNamespace={TENANT},operator.replicas=1");
    let install = ["install", RELEASE, &chart, "--namespace", TENANT, &tenants, &demos, &place];
    stack.cluster().helm(&install)?;
    Ok(())
}

/// Pods that do nothing are enough: an override needs no signals.
fn namespace_with_fleet() -> Value {
    let labels = json!({"app.kubernetes.io/instance": NAME});
    let metadata = json!({"name": NAME, "namespace": TENANT, "labels": labels});
    let pause = json!({
        "name": "pause", "image": "localhost/apifleet/pause:1", "imagePullPolicy": "Never",
    });
    json!({"apiVersion": "v1", "kind": "List", "items": [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": TENANT}},
        {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": {
            "replicas": SMALL,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [pause]}},
        }},
        {"apiVersion": API, "kind": "ApiFleet", "metadata": metadata, "spec": {
            "minReplicas": SMALL, "maxReplicas": ORDERED + 1,
            "targets": {"onDemand": {"deploymentName": NAME}},
        }},
    ]})
}

fn order(now: Timestamp) -> Result<Value> {
    let until = now.checked_add(SignedDuration::from_mins(10))?;
    Ok(json!({
        "apiVersion": API, "kind": "FleetOverride",
        "metadata": {"name": "more", "namespace": TENANT},
        "spec": {
            "fleetRef": {"name": NAME}, "action": "Floor", "replicas": ORDERED,
            "notBefore": now.to_string(), "expiresAt": until.to_string(),
            "reason": "a drill", "requestedBy": ADMINISTRATOR,
        },
    }))
}
