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

impl Default for Options {
    /// One on-demand node and two spot nodes in different zones.
    fn default() -> Self {
        let node = |name: &str, capacity, zone: &str, instance_type: &str| NodeSpec {
            name: Name(name.into()),
            capacity,
            zone: zone.into(),
            instance_type: instance_type.into(),
        };
        Self {
            name: Name("local".into()),
            nodes: vec![
                node("on-demand-1", Capacity::OnDemand, "eu-west-1a", "m6i.large"),
                node("spot-1", Capacity::Spot, "eu-west-1a", "m6i.large"),
                node("spot-2", Capacity::Spot, "eu-west-1b", "m5.large"),
            ],
            images: Vec::new(),
        }
    }
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
}

impl NodeSpec {
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

    #[test]
    fn default_nodes_are_one_on_demand_and_two_spot_in_different_zones() {
        let nodes = Options::default().nodes;
        let spot: Vec<_> = nodes.iter().filter(|n| n.capacity == Capacity::Spot).collect();
        assert_eq!((nodes.len(), spot.len()), (3, 2));
        assert_ne!(spot[0].zone, spot[1].zone);
        assert!(nodes.iter().all(|node| node.validate().is_ok()));
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
            "karpenter.sh/capacity-type=spot,topology.kubernetes.io/zone=eu-west-1b,\
             node.kubernetes.io/instance-type=m5.large"
        );
    }
}
