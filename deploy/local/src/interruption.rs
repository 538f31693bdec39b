//! How a platform takes spot nodes back: a notice, which its agent puts on the node as a taint, and the end of the node
//! exactly when the notice says. Some seconds later the node's object goes, too. Nothing here drains anything.

use crate::cluster::Cluster;
use crate::error::{Error, Result};
use crate::options::Name;
use serde_json::{Value, json};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// Others change a node's taints a few times while it starts, and hardly ever after.
const TRIES: usize = 5;

/// How much warning a platform gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Notice {
    /// Two minutes, as the termination handler of AWS passes them on.
    Aws120,
    /// Half a minute, as GKE gives.
    Gke30,
}

/// What becomes of the objects of nodes that have ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Aftermath {
    /// They stay, and become `NotReady` after the grace period.
    Stay,
    /// They are removed so long after the end, as a cloud's controller does.
    Forget(Duration),
}

/// Nodes that are being taken back.
pub struct Reclaim {
    /// When the notice was on the nodes.
    pub announced: Instant,
    /// When they end.
    pub ends: Instant,
    thread: JoinHandle<Result<Reclaimed>>,
}

/// When what happened to nodes that have been taken back.
#[derive(Debug, Clone, Copy)]
pub struct Reclaimed {
    /// The notice was on them.
    pub announced: Instant,
    /// Their end began.
    pub killed: Instant,
    /// Nothing of them ran any more.
    pub gone: Instant,
}

impl Notice {
    /// How long a node lives from then on.
    #[must_use]
    pub fn lasts(self) -> Duration {
        Duration::from_secs(match self {
            Self::Aws120 => 120,
            Self::Gke30 => 30,
        })
    }

    /// The key of the taint.
    #[must_use]
    pub fn taint(self) -> &'static str {
        match self {
            Self::Aws120 => "aws-node-termination-handler/spot-itn",
            Self::Gke30 => "cloud.google.com/impending-node-termination",
        }
    }

    /// Who is said to have put it there.
    fn agent(self) -> &'static str {
        match self {
            Self::Aws120 => "aws-node-termination-handler",
            Self::Gke30 => "gke-node-termination-handler",
        }
    }
}

impl Cluster {
    /// Gives notice to nodes, and does nothing else to them.
    pub fn announce_interruption(&self, nodes: &[Name], notice: Notice) -> Result<()> {
        at_once(nodes, |node| self.add_taint(node, notice))
    }

    /// Takes the notice back, as when it was a mistake.
    pub fn withdraw_interruption(&self, nodes: &[Name], notice: Notice) -> Result<()> {
        at_once(nodes, |node| self.remove_taint(node, notice))
    }

    /// Appends to the list, or makes one where there is none. Whoever writes the whole list, as `kubectl taint` does, undoes
    /// what others write at the same time.
    fn add_taint(&self, node: &Name, notice: Notice) -> Result<()> {
        let taint = json!({"key": notice.taint(), "value": "true", "effect": "NoSchedule"});
        let append = json!([{"op": "add", "path": "/spec/taints/-", "value": taint}]);
        let begin = json!([
            {"op": "test", "path": "/spec/taints", "value": null},
            {"op": "add", "path": "/spec/taints", "value": [taint]},
        ]);
        self.patch_first(node, notice, || Ok([append.clone(), begin.clone()]))
    }

    fn remove_taint(&self, node: &Name, notice: Notice) -> Result<()> {
        self.patch_first(node, notice, || {
            let get = ["get", "node", node.as_str(), "--output=jsonpath={.spec.taints}"];
            let taints: Vec<Value> = serde_json::from_str(&self.kubectl(&get)?).unwrap_or_default();
            let ours = |taint: &Value| taint.get("key").is_some_and(|key| key == notice.taint());
            let found = taints.iter().enumerate().find(|(_, taint)| ours(taint));
            let missing = || Error::Refused(format!("node {node} has no notice to take back"));
            let (index, taint) = found.ok_or_else(missing)?;
            let path = format!("/spec/taints/{index}");
            Ok([json!([
                {"op": "test", "path": path, "value": taint},
                {"op": "remove", "path": path},
            ])])
        })
    }

    /// Applies the first of these patches that fits; what is there may change at the same time, so they are tried again.
    fn patch_first<const N: usize>(
        &self,
        node: &Name,
        notice: Notice,
        patches: impl Fn() -> Result<[Value; N]>,
    ) -> Result<()> {
        let manager = format!("--field-manager={}", notice.agent());
        let fixed = ["patch", "node", node.as_str(), "--type=json", &manager, "--patch"];
        let mut refused = String::new();
        for _ in 0..TRIES {
            for patch in patches()? {
                let output = self.try_kubectl(&[&fixed[..], &[&patch.to_string()]].concat())?;
                if output.success {
                    return Ok(());
                }
                refused = output.stderr;
            }
        }
        Err(Error::Refused(format!("the taints of node {node} cannot be changed: {refused}")))
    }

    /// Gives notice to nodes, and ends them exactly when it says, all at the same time.
    pub fn interrupt_nodes(
        &self,
        nodes: &[Name],
        notice: Notice,
        aftermath: Aftermath,
    ) -> Result<Reclaim> {
        self.announce_interruption(nodes, notice)?;
        let announced = Instant::now();
        let ends = announced + notice.lasts();
        let (cluster, nodes) = (self.clone(), nodes.to_vec());
        let thread = thread::spawn(move || {
            thread::sleep(ends.saturating_duration_since(Instant::now()));
            let killed = Instant::now();
            cluster.kill_nodes(&nodes)?;
            let gone = Instant::now();
            if let Aftermath::Forget(after) = aftermath {
                thread::sleep(after);
                cluster.forget_nodes(&nodes)?;
            }
            Ok(Reclaimed { announced, killed, gone })
        });
        Ok(Reclaim { announced, ends, thread })
    }

    /// Gives notice to a node, and ends it exactly when it says.
    pub fn interrupt_node(
        &self,
        node: &Name,
        notice: Notice,
        aftermath: Aftermath,
    ) -> Result<Reclaim> {
        self.interrupt_nodes(std::slice::from_ref(node), notice, aftermath)
    }
}

/// Does something to every node, all at the same time.
fn at_once(nodes: &[Name], job: impl Fn(&Name) -> Result<()> + Sync) -> Result<()> {
    thread::scope(|scope| {
        let job = &job;
        let working: Vec<_> = nodes.iter().map(|node| scope.spawn(move || job(node))).collect();
        let lost = |_| Err(Error::Refused("a thread that taints a node panicked".into()));
        working.into_iter().try_for_each(|thread| thread.join().unwrap_or_else(lost))
    })
}

impl Reclaim {
    /// Waits until the nodes are gone, and forgotten if they are to be. It ends, since the notice does.
    pub fn wait(self) -> Result<Reclaimed> {
        let ended = self.thread.join();
        ended.unwrap_or_else(|_| Err(Error::Refused("the thread of the reclaim panicked".into())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_notice_lasts_as_long_as_its_platform_says_and_has_a_taint_of_its_own() {
        assert_eq!(Notice::Aws120.lasts(), Duration::from_mins(2));
        assert_eq!(Notice::Gke30.lasts(), Duration::from_secs(30));
        assert_ne!(Notice::Aws120.taint(), Notice::Gke30.taint());
        assert!(!Notice::Aws120.agent().starts_with("apifleet"), "it is nobody of ours");
    }
}
