//! The meaning of `spec.spot`: how a fleet is split, and which nodes are spot.

use super::{TargetNames, malformed, within};
use crate::error::SpecError;
use crate::names::{NodeLabelName, NodeLabelValue};
use crate::nodes::{self, NodeLabels};
use crate::spot::{
    Capacity, CapacityMode, CustomNodeLabels, NodeLabelsPreset, Spot, SurviveLossOf,
};
use apifleet_core::policy::{self, SpotPolicy};
use apifleet_core::quantity::Replicas;

/// What the block means.
pub(super) struct Meaning {
    /// `None` where the fleet has no spot target.
    pub(super) policy: Option<SpotPolicy>,
    pub(super) node_labels: NodeLabels,
}

/// At most 60 % on spot, at least 4 replicas on demand, the loss of a capacity pool survived at 140 %, unless the
/// manifest says otherwise.
pub(super) fn meaning(spot: Option<&Spot>, targets: &TargetNames) -> Result<Meaning, SpecError> {
    if spot.is_some() && targets.spot.is_none() {
        return Err(SpecError::SpotWithoutTarget);
    }
    // Without `..`: a new field cannot be forgotten.
    let Spot {
        max_percent,
        min_on_demand_replicas,
        survive_loss_of,
        survivors_max_percent_of_target,
        node_labels,
        custom_node_labels,
        capacity,
    } = spot.cloned().unwrap_or_default();
    let max_percent = within("spec.spot.maxPercent", max_percent.unwrap_or(60), 0..=100)?;
    let field = "spec.spot.minOnDemandReplicas";
    let min_on_demand = within(field, min_on_demand_replicas.unwrap_or(4), 0..=1000)?;
    let field = "spec.spot.survivorsMaxPercentOfTarget";
    let survivors = within(field, survivors_max_percent_of_target.unwrap_or(140), 100..=300)?;
    let policy = SpotPolicy {
        max_percent: u8::try_from(max_percent).unwrap_or(100),
        min_on_demand: Replicas::new(min_on_demand),
        survive_loss_of: loss(survive_loss_of.unwrap_or_default()),
        survivors_percent: survivors,
        capacity: capacity_mode(capacity.unwrap_or_default()),
    };
    let labels = labels(node_labels.unwrap_or_default(), custom_node_labels.as_ref())?;
    Ok(Meaning { policy: targets.spot.as_ref().map(|_| policy), node_labels: labels })
}

fn loss(loss: SurviveLossOf) -> policy::SurviveLossOf {
    match loss {
        SurviveLossOf::Node => policy::SurviveLossOf::Node,
        SurviveLossOf::CapacityPool => policy::SurviveLossOf::CapacityPool,
        SurviveLossOf::None => policy::SurviveLossOf::None,
    }
}

fn capacity_mode(Capacity { mode }: Capacity) -> policy::CapacityMode {
    match mode.unwrap_or_default() {
        CapacityMode::Placeholders => policy::CapacityMode::Placeholders,
        CapacityMode::None => policy::CapacityMode::None,
    }
}

fn labels(
    preset: NodeLabelsPreset,
    custom: Option<&CustomNodeLabels>,
) -> Result<NodeLabels, SpecError> {
    let labels = match (preset, custom) {
        (NodeLabelsPreset::Custom, Some(custom)) => return custom_labels(custom),
        (NodeLabelsPreset::Custom, None) => return Err(SpecError::NodeLabelsMissing),
        (NodeLabelsPreset::Karpenter, _) => NodeLabels::Karpenter,
        (NodeLabelsPreset::Eks, _) => NodeLabels::Eks,
        (NodeLabelsPreset::Gke, _) => NodeLabels::Gke,
        (NodeLabelsPreset::Aks, _) => NodeLabels::Aks,
    };
    if custom.is_some() { Err(SpecError::NodeLabelsUnread) } else { Ok(labels) }
}

fn custom_labels(custom: &CustomNodeLabels) -> Result<NodeLabels, SpecError> {
    let CustomNodeLabels { label, spot, on_demand } = custom;
    if on_demand.as_ref() == Some(spot) {
        return Err(SpecError::NodeLabelsAlike { value: spot.clone() });
    }
    let value = |name: &str, text: &str| {
        let field = format!("spec.spot.customNodeLabels.{name}");
        let expected = "the value of a label (letters, digits, -, _ and ., 1 to 63)";
        NodeLabelValue::parse(text).ok_or_else(|| malformed(&field, text, expected))
    };
    let field = "spec.spot.customNodeLabels.label";
    let expected = "the name of a label, such as example.com/capacity";
    Ok(NodeLabels::Custom(nodes::CustomNodeLabels {
        label: NodeLabelName::parse(label).ok_or_else(|| malformed(field, label, expected))?,
        spot: value("spot", spot)?,
        on_demand: on_demand.as_deref().map(|text| value("onDemand", text)).transpose()?,
    }))
}
