//! What a caller asks for: names, nodes, images. Parsing here means that no later step meets a name that
//! does not fit into a path, a label or a network interface.

use std::{fmt, path::PathBuf, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// What to start.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Options {
    /// The cluster's name; clusters of different names can run at the same time.
    pub name: Name,
    /// The nodes to start with.
    pub nodes: Vec<NodeSpec>,
    /// Images that every node gets, those added later too.
    pub images: Vec<Image>,
}

/// The zones of every cluster, and the instance types.
pub(crate) const ZONES: [&str; 3] = ["eu-west-1a", "eu-west-1b", "eu-west-1c"];
pub(crate) const TYPES: [&str; 2] = ["m6i.large", "m5.large"];
/// As many pods as a node takes that has room for all.
const ROOMY: u32 = 60;
/// A node's pods have 254 addresses.
const MOST_PODS: u32 = 200;

impl Default for Options {
    /// One on-demand node and two spot nodes, each in a zone of its own.
    fn default() -> Self {
        let [a, b, c] = ZONES;
        let [one, other] = TYPES;
        let nodes = vec![
            node("on-demand-1", Capacity::OnDemand, a, one),
            node("spot-1", Capacity::Spot, b, one),
            node("spot-2", Capacity::Spot, c, other),
        ];
        Self { name: Name("local".into()), nodes, images: Vec::new() }
    }
}

impl Options {
    /// Two on-demand nodes and six spot nodes in three zones: every spot node is a pool of its own, of one of two
    /// instance types.
    #[must_use]
    pub fn wide() -> Self {
        let [a, b, c] = ZONES;
        let [one, other] = TYPES;
        let nodes = vec![
            node("on-demand-1", Capacity::OnDemand, a, one),
            node("on-demand-2", Capacity::OnDemand, b, one),
            node("spot-1", Capacity::Spot, a, one),
            node("spot-2", Capacity::Spot, b, one),
            node("spot-3", Capacity::Spot, c, one),
            node("spot-4", Capacity::Spot, a, other),
            node("spot-5", Capacity::Spot, b, other),
            node("spot-6", Capacity::Spot, c, other),
        ];
        Self { nodes, ..Self::default() }
    }
}

fn node(name: &str, capacity: Capacity, zone: &str, instance_type: &str) -> NodeSpec {
    NodeSpec::new(Name(name.into()), capacity, zone, instance_type)
}

/// The name of a cluster or of a node: a short DNS label. It becomes part of paths of Unix sockets, which
/// hold 107 characters.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Name(String);

/// The longest name.
const LONGEST_NAME: usize = 20;

impl Name {
    /// The name itself.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Name {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        let fits = (1..=LONGEST_NAME).contains(&text.len())
            && text.chars().all(inner)
            && !text.starts_with('-')
            && !text.ends_with('-');
        if fits {
            return Ok(Self(text.into()));
        }
        Err(Error::Invalid {
            field: "name",
            value: text.into(),
            problem: format!(
                "use 1 to {LONGEST_NAME} lower-case letters, digits and inner hyphens"
            ),
        })
    }
}

impl TryFrom<String> for Name {
    type Error = Error;

    fn try_from(text: String) -> Result<Self> {
        text.parse()
    }
}

impl From<Name> for String {
    fn from(name: Name) -> Self {
        name.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// How a node is paid for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Capacity {
    /// Stays until it is given back.
    OnDemand,
    /// May be taken back at any time.
    Spot,
}

impl Capacity {
    /// The value of the label `karpenter.sh/capacity-type`.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::OnDemand => "on-demand",
            Self::Spot => "spot",
        }
    }
}

/// A node to start.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NodeSpec {
    /// Its name in the cluster.
    pub name: Name,
    /// How it is paid for.
    pub capacity: Capacity,
    /// Label `topology.kubernetes.io/zone`.
    pub zone: String,
    /// Label `node.kubernetes.io/instance-type`.
    pub instance_type: String,
    /// As many pods as it takes at most.
    pub pods: u32,
}

impl NodeSpec {
    /// A node with room for every pod of a local cluster.
    #[must_use]
    pub fn new(name: Name, capacity: Capacity, zone: &str, instance_type: &str) -> Self {
        let (zone, instance_type) = (zone.into(), instance_type.into());
        Self { name, capacity, zone, instance_type, pods: ROOMY }
    }

    /// The same with room for fewer pods, so that it can be full.
    #[must_use]
    pub fn with_pods(self, pods: u32) -> Self {
        Self { pods, ..self }
    }

    /// The labels that the node registers with.
    pub(crate) fn labels(&self) -> String {
        format!(
            "karpenter.sh/capacity-type={},topology.kubernetes.io/zone={},node.kubernetes.io/instance-type={}",
            self.capacity.label(),
            self.zone,
            self.instance_type
        )
    }

    /// Refuses label values that the kubelet would refuse later, with a less clear message.
    pub(crate) fn validate(&self) -> Result<()> {
        for (field, value) in [("zone", &self.zone), ("instance type", &self.instance_type)] {
            let inner = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
            if value.is_empty() || value.len() > 63 || !value.chars().all(inner) {
                let problem =
                    "use 1 to 63 letters, digits, hyphens, dots and underscores".to_owned();
                return Err(Error::Invalid { field, value: value.clone(), problem });
            }
        }
        if !(1..=MOST_PODS).contains(&self.pods) {
            let problem = format!("use 1 to {MOST_PODS}");
            return Err(Error::Invalid { field: "pods", value: self.pods.to_string(), problem });
        }
        Ok(())
    }
}

/// An image made of one static program.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Image {
    /// What pods call it, such as `localhost/apifleet/controller:dev`.
    pub reference: String,
    /// The program on this machine; it becomes `/<file name>`, and the image's entrypoint.
    pub program: PathBuf,
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_are_short_dns_labels() {
        for good in ["a", "spot-1", "0", "abcdefghijklmnopqrst"] {
            assert_eq!(good.parse::<Name>().unwrap().as_str(), good);
        }
        for bad in ["", "-a", "a-", "A", "a/b", "..", "a b", "abcdefghijklmnopqrstu", "é"] {
            let message = bad.parse::<Name>().unwrap_err().to_string();
            assert!(message.contains("1 to 20 lower-case"), "{message}");
        }
    }

    #[test]
    fn a_bad_name_cannot_come_in_through_a_message() {
        assert!(serde_json::from_str::<Name>("\"../etc\"").is_err());
    }

    fn zones<'a>(nodes: impl IntoIterator<Item = &'a NodeSpec>) -> BTreeSet<&'a str> {
        nodes.into_iter().map(|node| node.zone.as_str()).collect()
    }

    #[test]
    fn default_nodes_are_one_on_demand_and_two_spot_in_three_zones() {
        let nodes = Options::default().nodes;
        let spot = nodes.iter().filter(|n| n.capacity == Capacity::Spot).count();
        assert_eq!((nodes.len(), spot), (3, 2));
        assert_eq!(zones(&nodes).len(), 3);
        assert!(nodes.iter().all(|node| node.validate().is_ok()));
    }

    #[test]
    fn many_nodes_are_two_on_demand_and_six_spot_each_of_another_pool_in_three_zones() {
        let nodes = Options::wide().nodes;
        let spot: Vec<_> = nodes.iter().filter(|n| n.capacity == Capacity::Spot).collect();
        assert_eq!((nodes.len(), spot.len()), (8, 6));
        assert_eq!(zones(spot.iter().copied()).len(), 3);
        assert_eq!(zones(nodes.iter().filter(|n| n.capacity == Capacity::OnDemand)).len(), 2);
        let pools: BTreeSet<_> = spot.iter().map(|n| (&n.zone, &n.instance_type)).collect();
        assert_eq!(pools.len(), 6);
        let names: BTreeSet<_> = nodes.iter().map(|node| &node.name).collect();
        assert_eq!(names.len(), 8);
        assert!(nodes.iter().all(|node| node.validate().is_ok()));
    }

    #[test]
    fn a_node_without_room_for_any_pod_is_refused() {
        let node = Options::default().nodes.remove(0);
        for pods in [0, MOST_PODS + 1] {
            let message = node.clone().with_pods(pods).validate().unwrap_err().to_string();
            assert!(message.starts_with("pods \""), "{message}");
        }
        assert!(node.with_pods(1).validate().is_ok());
    }

    #[test]
    fn a_zone_that_is_no_label_value_is_refused() {
        let mut node = Options::default().nodes.remove(0);
        node.zone = "eu west,x=y".into();
        let message = node.validate().unwrap_err().to_string();
        assert!(message.contains("zone \"eu west,x=y\""), "{message}");
    }

    #[test]
    fn labels_name_capacity_zone_and_type() {
        let node = Options::default().nodes.remove(2);
        assert_eq!(
            node.labels(),
            "karpenter.sh/capacity-type=spot,topology.kubernetes.io/zone=eu-west-1c,\
             node.kubernetes.io/instance-type=m5.large"
        );
    }
}
