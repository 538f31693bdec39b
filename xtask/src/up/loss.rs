//! A spot node is taken: which one, what it carried, when the platform gave notice and when the node was gone, and
//! when the replicas that cover for it were Ready. Afterwards the platform gives another node, as it does.

use super::scene::NOTICE;
use super::view::View;
use anyhow::Context;
use apifleet_local::fleet::{Moment, Watch};
use apifleet_local::interruption::Aftermath;
use apifleet_local::stack::{FLEET, NAMESPACE, Stack};
use apifleet_local::{Capacity, Name, NodeSpec};
use serde_json::Value;
use std::collections::BTreeMap;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// The node's object goes so long after the node, as a cloud's controller does.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(5);

/// A node that is being taken.
pub(crate) struct Taken {
    node: String,
    pods: u32,
    /// On the watch's clock.
    announced: Duration,
    before: Moment,
    thread: JoinHandle<anyhow::Result<()>>,
}

/// A node that was taken.
pub(crate) struct Loss {
    /// Whether the API server knows the node no more.
    pub(crate) is_gone: bool,
    /// Replicas that it carried when the notice came.
    pub(crate) pods: u32,
    /// When the notice came, on the watch's clock.
    pub(crate) announced: Duration,
    /// From the notice until as many on-demand replicas as it carried were Ready on top of those before.
    pub(crate) covered: Option<Duration>,
    /// Failed requests of the streams that ran meanwhile.
    pub(crate) failed: u64,
}

impl Taken {
    /// Gives notice to the spot node that carries most of the fleet, and ends it when the notice says.
    pub(crate) fn begin(stack: &Stack, watch: &Watch, view: &View) -> anyhow::Result<Self> {
        let (node, pods) = busiest_spot_node(stack)?;
        let before = watch.now();
        let name: Name = node.parse()?;
        let replacement = replacement(stack, &name)?;
        let announced = watch.elapsed();
        let cluster = stack.cluster().clone();
        let reclaim = cluster.interrupt_node(&name, NOTICE, Aftermath::Forget(FORGOTTEN_AFTER))?;
        let left = reclaim.ends.saturating_duration_since(Instant::now());
        view.say(&format!(
            "{node} with {pods} replicas is taken in {} s",
            left.as_secs_f64().round()
        ));
        let thread = std::thread::spawn(move || {
            reclaim.wait()?;
            cluster.add_node(replacement)?;
            Ok(())
        });
        Ok(Self { node, pods, announced, before, thread })
    }

    /// What became of it.
    pub(crate) fn end(self, stack: &Stack, watch: &Watch, failed: u64) -> anyhow::Result<Loss> {
        let Self { node, pods, announced, before, thread } = self;
        let ended = thread.join();
        ended.unwrap_or_else(|_| Err(anyhow::anyhow!("the thread of the reclaim panicked")))?;
        let left = stack.kubectl(&["get", "node", &node, "--ignore-not-found", "--output=name"])?;
        let is_gone = left.trim().is_empty();
        let covered = covered(&watch.history(), &before, announced, pods);
        Ok(Loss { is_gone, pods, announced, covered, failed })
    }
}

/// From the notice until `pods` more on-demand replicas than before are Ready.
fn covered(
    history: &[Moment],
    before: &Moment,
    announced: Duration,
    pods: u32,
) -> Option<Duration> {
    let enough = before.on_demand.ready + pods;
    let after = history.iter().filter(|moment| moment.at >= announced);
    let ready = after.into_iter().find(|moment| moment.on_demand.ready >= enough)?;
    Some(ready.at.saturating_sub(announced))
}

/// The spot node with most pods of the fleet, and how many.
fn busiest_spot_node(stack: &Stack) -> anyhow::Result<(String, u32)> {
    let selector = format!("--selector=apifleet.dev/fleet={FLEET},apifleet.dev/target=spot");
    let pods =
        stack.kubectl(&["get", "pods", "--namespace", NAMESPACE, &selector, "--output=json"])?;
    let pods: Value = serde_json::from_str(&pods).context("read the fleet's pods")?;
    let mut counts = BTreeMap::<&str, u32>::new();
    for pod in pods.pointer("/items").and_then(Value::as_array).into_iter().flatten() {
        if let Some(node) = pod.pointer("/spec/nodeName").and_then(Value::as_str) {
            *counts.entry(node).or_default() += 1;
        }
    }
    let busiest = counts.into_iter().max_by_key(|(_, pods)| *pods);
    let (node, pods) = busiest.context("no spot node carries a pod of the fleet")?;
    Ok((node.to_owned(), pods))
}

/// Another node of the same pool.
fn replacement(stack: &Stack, node: &Name) -> anyhow::Result<NodeSpec> {
    let labels = stack.kubectl(&["get", "node", node.as_str(), "--output=json"])?;
    let object: Value = serde_json::from_str(&labels).context("read the node")?;
    let label = |key: &str| {
        let label = object.pointer("/metadata/labels").and_then(|labels| labels.get(key));
        label.and_then(Value::as_str).with_context(|| format!("node {node} has no label {key}"))
    };
    let (zone, kind) =
        (label("topology.kubernetes.io/zone")?, label("node.kubernetes.io/instance-type")?);
    Ok(NodeSpec::new(format!("{node}-again").parse()?, Capacity::Spot, zone, kind))
}

#[cfg(test)]
mod tests {
    use super::*;
    use apifleet_local::fleet::Target;

    #[test]
    fn a_loss_is_covered_when_as_many_more_are_ready_on_demand() {
        let moment = |seconds, ready| Moment {
            at: Duration::from_secs(seconds),
            on_demand: Target { wanted: 20, ready },
            ..Moment::default()
        };
        let history = [moment(8, 20), moment(10, 12), moment(13, 19), moment(15, 20)];
        let covered = |pods| covered(&history, &history[1], Duration::from_secs(10), pods);
        assert_eq!(covered(8), Some(Duration::from_secs(5)));
        assert_eq!(covered(7), Some(Duration::from_secs(3)));
        assert_eq!(covered(9), None, "never reached");
    }
}
