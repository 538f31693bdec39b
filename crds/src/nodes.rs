//! Which nodes are spot and which on demand, by their labels, on every platform: parsed, for whoever watches nodes.
//! Reads labels only; what becomes of a node's pods is decided by core.

use crate::names::{NodeLabelName, NodeLabelValue};
use std::collections::BTreeMap;

/// Whose labels tell spot nodes from on-demand nodes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NodeLabels {
    /// Karpenter's, and EKS Auto Mode's.
    Karpenter,
    /// Those of EKS' managed node groups.
    Eks,
    /// GKE's: on-demand nodes do not have it.
    Gke,
    /// AKS': on-demand nodes do not have it.
    Aks,
    /// Another platform's.
    Custom(CustomNodeLabels),
}

/// Another platform's label; its values differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CustomNodeLabels {
    /// The label that tells.
    pub label: NodeLabelName,
    /// Its value on spot nodes.
    pub spot: NodeLabelValue,
    /// Its value on on-demand nodes; `None` where they do not have the label.
    pub on_demand: Option<NodeLabelValue>,
}

/// What a node is, by its labels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NodeKind {
    /// It stays.
    OnDemand,
    /// It may be taken back.
    Spot,
    /// The label has neither value, or is missing where both kinds have it.
    Neither,
}

/// The label that tells, its value on spot nodes, and that on on-demand nodes, if they have the label.
struct Terms<'a> {
    label: &'a str,
    spot: &'a str,
    on_demand: Option<&'a str>,
}

// === impl NodeLabels ===

impl NodeLabels {
    /// What a node with these labels is.
    #[must_use]
    pub fn kind_of(&self, labels: &BTreeMap<String, String>) -> NodeKind {
        let Terms { label, spot, on_demand } = self.terms();
        let value = labels.get(label).map(String::as_str);
        if value == Some(spot) {
            NodeKind::Spot
        } else if value == on_demand {
            NodeKind::OnDemand
        } else {
            NodeKind::Neither
        }
    }

    /// From each platform's documentation of its node labels.
    fn terms(&self) -> Terms<'_> {
        let terms = |label, spot, on_demand| Terms { label, spot, on_demand };
        match self {
            Self::Karpenter => terms("karpenter.sh/capacity-type", "spot", Some("on-demand")),
            Self::Eks => terms("eks.amazonaws.com/capacityType", "SPOT", Some("ON_DEMAND")),
            Self::Gke => terms("cloud.google.com/gke-spot", "true", None),
            Self::Aks => terms("kubernetes.azure.com/scalesetpriority", "spot", None),
            Self::Custom(CustomNodeLabels { label, spot, on_demand }) => Terms {
                label: label.as_str(),
                spot: spot.as_str(),
                on_demand: on_demand.as_ref().map(NodeLabelValue::as_str),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(labels: &NodeLabels, of: &[(&str, &str)]) -> NodeKind {
        let of = of.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        labels.kind_of(&of.collect())
    }

    #[test]
    fn tells_spot_from_on_demand_on_every_platform() {
        let platforms = [
            (NodeLabels::Karpenter, "karpenter.sh/capacity-type", "spot", Some("on-demand")),
            (NodeLabels::Eks, "eks.amazonaws.com/capacityType", "SPOT", Some("ON_DEMAND")),
            (NodeLabels::Gke, "cloud.google.com/gke-spot", "true", None),
            (NodeLabels::Aks, "kubernetes.azure.com/scalesetpriority", "spot", None),
        ];
        for (labels, label, spot, on_demand) in platforms {
            let other = ("kubernetes.io/os", "linux");
            assert_eq!(kind(&labels, &[(label, spot), other]), NodeKind::Spot, "{labels:?}");
            let (with, without) = match on_demand {
                Some(value) => (kind(&labels, &[(label, value), other]), NodeKind::Neither),
                None => (kind(&labels, &[other]), NodeKind::OnDemand),
            };
            assert_eq!(with, NodeKind::OnDemand, "{labels:?}");
            assert_eq!(kind(&labels, &[]), without, "{labels:?} without the label");
            assert_eq!(kind(&labels, &[(label, "other")]), NodeKind::Neither, "{labels:?}");
            assert_eq!(kind(&labels, &[(label, "")]), NodeKind::Neither, "{labels:?}");
        }
    }

    #[test]
    fn a_value_in_another_case_is_another_value() {
        let spot = [("karpenter.sh/capacity-type", "SPOT")];
        assert_eq!(kind(&NodeLabels::Karpenter, &spot), NodeKind::Neither);
        assert_eq!(kind(&NodeLabels::Eks, &spot), NodeKind::Neither, "the label is another's");
    }

    #[test]
    fn custom_labels_mean_what_they_say() {
        let custom = |on_demand| {
            NodeLabels::Custom(CustomNodeLabels {
                label: NodeLabelName::parse("example.com/capacity").unwrap(),
                spot: NodeLabelValue::parse("cheap").unwrap(),
                on_demand,
            })
        };
        let (cheap, dear) =
            ([("example.com/capacity", "cheap")], [("example.com/capacity", "dear")]);
        let both = custom(NodeLabelValue::parse("dear"));
        assert_eq!(kind(&both, &cheap), NodeKind::Spot);
        assert_eq!(kind(&both, &dear), NodeKind::OnDemand);
        assert_eq!(kind(&both, &[]), NodeKind::Neither);
        let absent = custom(None);
        assert_eq!(kind(&absent, &dear), NodeKind::Neither);
        assert_eq!(kind(&absent, &[]), NodeKind::OnDemand);
    }
}
