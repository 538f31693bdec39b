//! `spec.spot`: how a fleet is split between on-demand and spot nodes, as it is typed.

#![allow(
    clippy::doc_markdown,
    clippy::doc_link_with_quotes,
    reason = "the comments are what `kubectl explain` prints, which knows no Markdown"
)]
#![allow(
    unreachable_pub,
    reason = "the derive copies each struct, `pub` included, into a function"
)]

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How the fleet is split between on-demand and spot nodes.
#[derive(KubeSchema, Serialize, Deserialize, Debug, Clone, PartialEq, Eq, Default)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new(
        "!(has(self.nodeLabels) && self.nodeLabels == 'Custom') || has(self.customNodeLabels)"
    )
        .message("nodeLabels Custom needs customNodeLabels: say there which label tells spot nodes"),
    validation = Rule::new(
        "!has(self.customNodeLabels) || (has(self.nodeLabels) && self.nodeLabels == 'Custom')"
    )
        .message(
            "customNodeLabels is only read with nodeLabels Custom: set nodeLabels to Custom, or remove \
             customNodeLabels"
        ),
)]
pub struct Spot {
    /// Largest share of the fleet that may run on spot nodes, in percent of its size. 0: none. Example: 60.
    /// Default: 60.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 100))]
    pub max_percent: Option<i32>,

    /// So many replicas at least run on demand, as far as the fleet has them: what must survive the loss of every
    /// spot node. Example: 4. Default: 4.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 1000))]
    pub min_on_demand_replicas: Option<i32>,

    /// What may be lost at once while the rest still carries the demand; so many replicas run on demand. Node: any
    /// one spot node. CapacityPool: all spot nodes of one instance type in one zone, which are often taken together.
    /// None: nothing is held back. Example: Node. Default: CapacityPool.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub survive_loss_of: Option<SurviveLossOf>,

    /// What a replica may briefly carry after such a loss, in percent of signals.requestRate's targetPerReplica.
    /// Less needs more replicas on demand. Measure yours under load. Example: 140. Default: 140.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 100, max = 300))]
    pub survivors_max_percent_of_target: Option<i32>,

    /// Whose labels tell spot nodes from on-demand nodes. Karpenter: karpenter.sh/capacity-type; EKS Auto Mode has
    /// it, too. EKS: eks.amazonaws.com/capacityType. GKE: cloud.google.com/gke-spot. AKS:
    /// kubernetes.azure.com/scalesetpriority. Custom: what customNodeLabels says. Example: GKE. Default: Karpenter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node_labels: Option<NodeLabelsPreset>,

    /// Which label tells spot nodes from on-demand nodes on another platform. Required with nodeLabels Custom,
    /// refused with any other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub custom_node_labels: Option<CustomNodeLabels>,

    /// Who makes nodes for what is to come.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capacity: Option<Capacity>,
}

/// What of the spot capacity may be lost at once.
#[derive(Serialize, Deserialize, JsonSchema, Debug, Clone, Copy, PartialEq, Eq, Default)]
#[schemars(inline, description = "")]
pub enum SurviveLossOf {
    /// Any one node.
    Node,
    /// All nodes of one instance type in one zone.
    #[default]
    CapacityPool,
    /// Nothing is held back.
    None,
}

/// Whose labels tell spot nodes from on-demand nodes.
#[derive(Serialize, Deserialize, JsonSchema, Debug, Clone, Copy, PartialEq, Eq, Default)]
#[schemars(inline, description = "")]
pub enum NodeLabelsPreset {
    /// Karpenter's, and EKS Auto Mode's.
    #[default]
    Karpenter,
    /// Those of EKS' managed node groups.
    #[serde(rename = "EKS")]
    Eks,
    /// GKE's.
    #[serde(rename = "GKE")]
    Gke,
    /// AKS'.
    #[serde(rename = "AKS")]
    Aks,
    /// What `customNodeLabels` says.
    Custom,
}

/// Which label tells spot nodes from on-demand nodes.
#[derive(KubeSchema, Serialize, Deserialize, Debug, Clone, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("!has(self.onDemand) || self.onDemand != self.spot")
        .message("onDemand and spot must differ, else no node can be told from another: correct one of them")
        .field_path(".onDemand")
)]
pub struct CustomNodeLabels {
    /// The label of a node that tells. Example: example.com/capacity.
    #[schemars(length(min = 1, max = 253), regex(pattern = crate::names::NODE_LABEL_NAME))]
    pub label: String,

    /// Its value on spot nodes. Example: preemptible.
    #[schemars(length(min = 1, max = 63), regex(pattern = crate::names::NODE_LABEL_VALUE))]
    pub spot: String,

    /// Its value on on-demand nodes. Example: standard. Absent: they do not have the label.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 63), regex(pattern = crate::names::NODE_LABEL_VALUE))]
    pub on_demand: Option<String>,
}

/// Who makes nodes for what is to come.
#[derive(KubeSchema, Serialize, Deserialize, Debug, Clone, PartialEq, Eq, Default)]
#[serde(rename_all = "camelCase")]
pub struct Capacity {
    /// Placeholders: the cluster's own autoscaler, asked by placeholder pods that real ones push aside; the operator
    /// scales the placeholder Deployments of the fleet's chart. None: nothing is asked for. Example: None.
    /// Default: Placeholders.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<CapacityMode>,
}

/// Who makes nodes for what is to come.
#[derive(Serialize, Deserialize, JsonSchema, Debug, Clone, Copy, PartialEq, Eq, Default)]
#[schemars(inline, description = "")]
pub enum CapacityMode {
    /// The cluster's own autoscaler, asked by placeholder pods.
    #[default]
    Placeholders,
    /// Nobody is asked.
    None,
}
