//! The meaning of `spec.behavior`: a pasted HPA's, completed with our defaults.

use super::{counted, quantity, seconds_within, within};
use crate::behavior::{PolicyType, ScalingBehavior, ScalingPolicyRule, ScalingRules, SelectPolicy};
use crate::error::SpecError;
use apifleet_core::behavior::{Amount, Behavior, Direction, RatePolicy, Select};
use apifleet_core::quantity::Replicas;

pub(super) fn meaning(behavior: &ScalingBehavior) -> Result<Behavior, SpecError> {
    let Behavior { up, down, longest_down_window } = Behavior::default();
    let meaning = Behavior {
        up: direction("spec.behavior.scaleUp", behavior.scale_up.as_ref(), up)?,
        down: direction("spec.behavior.scaleDown", behavior.scale_down.as_ref(), down)?,
        longest_down_window,
    };
    let given = behavior.scale_down.as_ref().and_then(|rules| rules.stabilization_window_seconds);
    let window = meaning.down.stabilization_window;
    Ok(if given.is_some() { meaning.with_down_window(window) } else { meaning })
}

fn direction(
    field: &str,
    rules: Option<&ScalingRules>,
    default: Direction,
) -> Result<Direction, SpecError> {
    let Some(ScalingRules { stabilization_window_seconds, select_policy, policies, tolerance }) =
        rules
    else {
        return Ok(default);
    };
    let stabilization_window = match stabilization_window_seconds {
        Some(seconds) => {
            seconds_within(&format!("{field}.stabilizationWindowSeconds"), *seconds, 0..=3600)?
        }
        None => default.stabilization_window,
    };
    let policies = match policies {
        Some(policies) => rate_policies(&format!("{field}.policies"), policies)?,
        None => default.policies,
    };
    let tolerance = match tolerance {
        Some(share) => quantity::share(&format!("{field}.tolerance"), share)?,
        None => default.tolerance,
    };
    let select = select_policy.map_or(default.select, select);
    Ok(Direction { stabilization_window, select, policies, tolerance })
}

fn select(policy: SelectPolicy) -> Select {
    match policy {
        SelectPolicy::Max => Select::Max,
        SelectPolicy::Min => Select::Min,
        SelectPolicy::Disabled => Select::Disabled,
    }
}

fn rate_policies(
    field: &str,
    policies: &[ScalingPolicyRule],
) -> Result<Vec<RatePolicy>, SpecError> {
    counted(field, policies.len(), 1..=8)?;
    let numbered = policies.iter().enumerate();
    numbered.map(|(index, policy)| rate_policy(&format!("{field}[{index}]"), policy)).collect()
}

fn rate_policy(field: &str, policy: &ScalingPolicyRule) -> Result<RatePolicy, SpecError> {
    let value = within(&format!("{field}.value"), policy.value, 1..=100_000)?;
    let period =
        seconds_within(&format!("{field}.periodSeconds"), policy.period_seconds, 1..=1800)?;
    let amount = match policy.kind {
        PolicyType::Pods => Amount::Pods(Replicas::new(value)),
        PolicyType::Percent => Amount::Percent(value),
    };
    Ok(RatePolicy { amount, period })
}
