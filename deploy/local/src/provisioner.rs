//! Makes nodes for pods that find none, as a cluster's autoscaler does: one that has been unschedulable for a while gets a
//! node of the kind that it asks for. It takes none away, and makes no more than it may.
//!
//! Tests of a pre-warm switch it on: placeholders ask for nodes, this brings them, and says when.

use crate::client;
use crate::cluster::Cluster;
use crate::error::{Error, Result};
use crate::options::{Capacity, Name, NodeSpec, TYPES, ZONES};
use k8s_openapi::api::core::v1::Pod;
use kube::api::ListParams;
use kube::{Api, Client};
use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// The label by which platforms tell how a node is paid for.
const CAPACITY: &str = "karpenter.sh/capacity-type";
/// How often it looks.
const POLL: Duration = Duration::from_millis(500);
/// A pod for which a node has been made gets so long to be bound to it, before it counts as waiting again: the scheduler
/// tries some pods only after a pause.
const SETTLE: Duration = Duration::from_secs(10);
/// How long one look may take.
const LOOK: Duration = Duration::from_secs(5);
/// Looks that may fail in a row: an API server under load misses one now and then.
const FAILED_LOOKS: u32 = 5;

/// What it may do.
#[derive(Debug, Clone, Copy)]
pub struct Provisioning {
    /// A pod that has been unschedulable for so long gets a node.
    pub patience: Duration,
    /// How long a machine takes to come, before it starts to become a node.
    pub delivery: Duration,
    /// Nodes that it makes at most.
    pub most: usize,
    /// Pods that each of them takes.
    pub pods_per_node: u32,
}

/// A node that it has made.
#[derive(Debug, Clone)]
pub struct Provisioned {
    /// Which.
    pub node: NodeSpec,
    /// When it was asked for.
    pub asked: Instant,
    /// When it was Ready.
    pub ready: Instant,
}

/// Makes nodes until it is stopped or dropped.
pub struct Provisioner {
    shared: Arc<Mutex<State>>,
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct State {
    made: Vec<Provisioned>,
    failure: Option<String>,
}

// === impl Provisioning ===

impl Default for Provisioning {
    /// Quick, so that a test is: two seconds of patience, machines that are there at once, six of them at most.
    fn default() -> Self {
        let patience = Duration::from_secs(2);
        Self { patience, delivery: Duration::ZERO, most: 6, pods_per_node: 10 }
    }
}

// === impl Provisioner ===

impl Provisioner {
    /// Begins to look at a cluster's pods.
    pub fn start(cluster: &Cluster, plan: Provisioning) -> Result<Self> {
        let config = client::read(&cluster.kubeconfig())?;
        let runtime = client::runtime()?;
        let connected = runtime.block_on(client::connect(config));
        let client = connected.map_err(|error| Error::Refused(error.to_string()))?;
        let shared = Arc::new(Mutex::new(State::default()));
        let (stop, stopped) = channel();
        let (state, cluster) = (Arc::clone(&shared), cluster.clone());
        let thread = thread::spawn(move || {
            let look = || {
                let answer = async { tokio::time::timeout(LOOK, unschedulable(&client)).await };
                match runtime.block_on(answer) {
                    Ok(Ok(pods)) => Ok(pods),
                    Ok(Err(error)) => Err(Error::Refused(error.to_string())),
                    Err(_) => Err(Error::Timeout { what: "pods".into(), seconds: LOOK.as_secs() }),
                }
            };
            if let Err(error) = run(&cluster, plan, &state, &stopped, look) {
                lock(&state).failure = Some(error.to_string());
            }
        });
        Ok(Self { shared, stop: Some(stop), thread: Some(thread) })
    }

    /// The nodes that it has made so far, in the order in which they became Ready.
    pub fn made(&self) -> Result<Vec<Provisioned>> {
        let state = lock(&self.shared);
        match &state.failure {
            Some(failure) => Err(Error::Refused(format!("the provisioner gave up: {failure}"))),
            None => Ok(state.made.clone()),
        }
    }

    /// Ends it, and tells what it has made. The nodes stay.
    pub fn stop(mut self) -> Result<Vec<Provisioned>> {
        self.end();
        self.made()
    }

    fn end(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic of the thread has been reported by the runtime; there is nobody left to tell.
            drop(thread.join());
        }
    }
}

impl Drop for Provisioner {
    fn drop(&mut self) {
        self.end();
    }
}

/// A panic elsewhere leaves the list as it was; it is still true.
fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

fn run(
    cluster: &Cluster,
    plan: Provisioning,
    state: &Mutex<State>,
    stopped: &Receiver<()>,
    look: impl Fn() -> Result<BTreeMap<String, Capacity>>,
) -> Result<()> {
    let mut queue = Queue::new(plan);
    let mut looks = Looks::default();
    loop {
        match stopped.recv_timeout(POLL) {
            Err(RecvTimeoutError::Timeout) => {}
            Ok(()) | Err(RecvTimeoutError::Disconnected) => return Ok(()),
        }
        let asked = Instant::now();
        let Some(pods) = looks.judge(look())? else { continue };
        let wanted = queue.wanted(&pods, asked);
        thread::scope(|scope| {
            let make = |node: NodeSpec| {
                scope.spawn(move || {
                    thread::sleep(plan.delivery);
                    let made = cluster.add_node(node.clone());
                    let made = made.map(|()| Provisioned { node, asked, ready: Instant::now() });
                    made.map(|made| lock(state).made.push(made))
                })
            };
            let making: Vec<_> = wanted.into_iter().map(make).collect();
            let lost = |_| Err(Error::Refused("a thread that makes a node panicked".into()));
            making.into_iter().try_for_each(|thread| thread.join().unwrap_or_else(lost))
        })?;
    }
}

/// How many looks in a row have failed.
#[derive(Default)]
struct Looks {
    failed: u32,
}

impl Looks {
    /// What was seen; nothing after a look that failed, unless too many in a row did.
    fn judge<T>(&mut self, look: Result<T>) -> Result<Option<T>> {
        match look {
            Ok(seen) => {
                self.failed = 0;
                Ok(Some(seen))
            }
            Err(_) if self.failed < FAILED_LOOKS => {
                self.failed += 1;
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }
}

/// Who waits since when, and how many nodes have been asked for.
struct Queue {
    plan: Provisioning,
    waiting: BTreeMap<String, (Capacity, Instant)>,
    asked_for: usize,
}

impl Queue {
    fn new(plan: Provisioning) -> Self {
        Self { plan, waiting: BTreeMap::new(), asked_for: 0 }
    }

    /// The nodes that are wanted now that these pods find none.
    fn wanted(&mut self, pods: &BTreeMap<String, Capacity>, now: Instant) -> Vec<NodeSpec> {
        self.waiting.retain(|uid, _| pods.contains_key(uid));
        for (uid, capacity) in pods {
            self.waiting.entry(uid.clone()).or_insert((*capacity, now));
        }
        [Capacity::OnDemand, Capacity::Spot].into_iter().flat_map(|c| self.nodes(c, now)).collect()
    }

    /// One that has waited long enough brings nodes for all who wait for the same kind.
    fn nodes(&mut self, capacity: Capacity, now: Instant) -> Vec<NodeSpec> {
        let Provisioning { patience, delivery, most, pods_per_node } = self.plan;
        let of_kind = self.waiting.values_mut().filter(|(kind, _)| *kind == capacity);
        let mut pods: Vec<_> = of_kind.map(|(_, since)| since).collect();
        if !pods.iter().any(|since| now.saturating_duration_since(**since) >= patience) {
            return Vec::new();
        }
        for since in &mut pods {
            **since = now + delivery + SETTLE;
        }
        let per_node = usize::try_from(pods_per_node).unwrap_or(usize::MAX).max(1);
        let count = pods.len().div_ceil(per_node).min(most.saturating_sub(self.asked_for));
        let first = self.asked_for;
        self.asked_for += count;
        (first..first + count).filter_map(|index| self.node(capacity, index)).collect()
    }

    /// Zones and instance types in turn.
    fn node(&self, capacity: Capacity, index: usize) -> Option<NodeSpec> {
        let name: Name = format!("{}-new-{}", capacity.label(), index + 1).parse().ok()?;
        let zone = ZONES.iter().cycle().nth(index)?;
        let instance_type = TYPES.iter().cycle().nth(index / ZONES.len())?;
        let node = NodeSpec::new(name, capacity, zone, instance_type);
        Some(node.with_pods(self.plan.pods_per_node))
    }
}

/// The pods that no node takes, each with the kind of node that it asks for.
async fn unschedulable(client: &Client) -> kube::Result<BTreeMap<String, Capacity>> {
    let pending = ListParams::default().fields("status.phase=Pending");
    let pods = Api::<Pod>::all(client.clone()).list(&pending).await?;
    Ok(pods.items.iter().filter_map(asks_for).collect())
}

/// The pod's identity and the kind of node that it asks for, if it finds none.
fn asks_for(pod: &Pod) -> Option<(String, Capacity)> {
    let conditions = pod.status.as_ref()?.conditions.as_ref()?;
    let scheduled = conditions.iter().find(|condition| condition.type_ == "PodScheduled")?;
    let finds_none = scheduled.reason.as_deref() == Some("Unschedulable");
    let affinity = pod.spec.as_ref()?.affinity.as_ref()?.node_affinity.as_ref()?;
    let required = affinity.required_during_scheduling_ignored_during_execution.as_ref()?;
    let terms = required.node_selector_terms.iter().flat_map(|term| &term.match_expressions);
    let mut asked = terms.flatten().filter(|term| term.key == CAPACITY && term.operator == "In");
    let value = asked.next()?.values.as_ref()?.first()?;
    let capacity =
        [Capacity::OnDemand, Capacity::Spot].into_iter().find(|kind| kind.label() == value)?;
    finds_none.then(|| pod.metadata.uid.clone())?.map(|uid| (uid, capacity))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn pods(count: usize, capacity: Capacity) -> BTreeMap<String, Capacity> {
        (0..count).map(|pod| (format!("{capacity:?}-{pod}"), capacity)).collect()
    }

    fn names(nodes: &[NodeSpec]) -> Vec<&str> {
        nodes.iter().map(|node| node.name.as_str()).collect()
    }

    #[test]
    fn a_pod_gets_a_node_after_it_has_waited_and_time_to_be_bound_to_it() {
        let mut queue = Queue::new(Provisioning::default());
        let (start, one) = (Instant::now(), pods(1, Capacity::Spot));
        assert!(queue.wanted(&one, start).is_empty());
        assert!(queue.wanted(&one, start + Duration::from_millis(1900)).is_empty());
        let nodes = queue.wanted(&one, start + Duration::from_secs(2));
        assert_eq!(names(&nodes), ["spot-new-1"]);
        assert_eq!((nodes[0].capacity, nodes[0].pods), (Capacity::Spot, 10));
        assert!(queue.wanted(&one, start + Duration::from_secs(13)).is_empty());
        let again = queue.wanted(&one, start + Duration::from_secs(15));
        assert_eq!(names(&again), ["spot-new-2"], "the node took it not");
    }

    #[test]
    fn five_looks_in_a_row_may_fail_and_one_that_succeeds_begins_anew() {
        let failed = || Err::<(), _>(Error::Refused("too busy".into()));
        let mut looks = Looks::default();
        for _ in 0..2 {
            for _ in 0..5 {
                assert!(matches!(looks.judge(failed()), Ok(None)));
            }
            assert!(matches!(looks.judge(Ok(())), Ok(Some(()))));
        }
        for _ in 0..5 {
            assert!(matches!(looks.judge(failed()), Ok(None)));
        }
        assert!(looks.judge(failed()).is_err_and(|error| error.to_string().contains("too busy")));
    }

    #[test]
    fn a_pod_that_found_a_node_meanwhile_has_to_wait_anew() {
        let mut queue = Queue::new(Provisioning::default());
        let (start, one) = (Instant::now(), pods(1, Capacity::Spot));
        assert!(queue.wanted(&one, start).is_empty());
        assert!(queue.wanted(&BTreeMap::new(), start + Duration::from_secs(1)).is_empty());
        assert!(queue.wanted(&one, start + Duration::from_secs(3)).is_empty());
    }

    #[test]
    fn all_who_wait_for_one_kind_share_nodes_and_there_are_never_more_than_allowed() {
        let mut queue = Queue::new(Provisioning { most: 3, ..Provisioning::default() });
        let (start, later) = (Instant::now(), Instant::now() + Duration::from_secs(3));
        let mut waiting = pods(11, Capacity::Spot);
        waiting.extend(pods(25, Capacity::OnDemand));
        assert!(queue.wanted(&waiting, start).is_empty());
        let nodes = queue.wanted(&waiting, later);
        assert_eq!(names(&nodes), ["on-demand-new-1", "on-demand-new-2", "on-demand-new-3"]);
        assert!(nodes.iter().all(|node| node.validate().is_ok()));
        assert!(queue.wanted(&waiting, later + Duration::from_mins(1)).is_empty());
    }

    #[test]
    fn what_a_pod_asks_for_is_read_from_its_affinity() {
        let pod = |reason: &str, value: &str| -> Pod {
            let term = json!({"key": CAPACITY, "operator": "In", "values": [value]});
            let terms = json!({"nodeSelectorTerms": [{"matchExpressions": [term]}]});
            let affinity = json!({"requiredDuringSchedulingIgnoredDuringExecution": terms});
            let condition = json!({"type": "PodScheduled", "status": "False", "reason": reason});
            serde_json::from_value(json!({
                "metadata": {"uid": "u"},
                "spec": {"containers": [], "affinity": {"nodeAffinity": affinity}},
                "status": {"conditions": [condition]},
            }))
            .unwrap()
        };
        assert_eq!(asks_for(&pod("Unschedulable", "spot")), Some(("u".into(), Capacity::Spot)));
        let on_demand = asks_for(&pod("Unschedulable", "on-demand"));
        assert_eq!(on_demand, Some(("u".into(), Capacity::OnDemand)));
        assert_eq!(asks_for(&pod("SchedulingGated", "spot")), None);
        assert_eq!(asks_for(&pod("Unschedulable", "reserved")), None);
        assert_eq!(asks_for(&Pod::default()), None);
    }
}
