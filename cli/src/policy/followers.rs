//! Which fleets follow a policy, and what becomes of them when it changes. Pure but for [`read`].
//!
//! A fleet takes from its policy only the blocks that it does not set itself, so a change of a policy need not change
//! every fleet that names it; and a policy that fits no fleet of these bounds would stall one.

use crate::cluster::{Cluster, Decided, Problem, Read};
use crate::table::{Grid, Text, Tone, plain, toned};
use apifleet_crds::{ApiFleet, FleetIntent, ScalingPolicySpec, SpecError, effective};

/// So many fleets are listed.
const MOST: usize = 10;

/// A fleet that follows a policy.
#[derive(Debug, Clone, PartialEq)]
pub struct Follower {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its smallest and its largest size.
    pub bounds: (i32, i32),
    /// The blocks that it takes from the policy.
    pub takes: Vec<&'static str>,
    /// What becomes of it.
    pub effect: Effect,
}

/// What becomes of a fleet when its policy changes.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// It is decided as before.
    Same,
    /// It is decided otherwise.
    Changed {
        /// How until now; `None` where it was not.
        was: Option<Box<FleetIntent>>,
        /// How then.
        will: Box<FleetIntent>,
    },
    /// It would be stalled, and is not now.
    Stalled(SpecError),
    /// It is stalled, and would still be.
    StillStalled(SpecError),
}

/// Reads the fleets of a namespace that name a policy.
pub async fn read(
    cluster: &Cluster,
    namespace: &str,
    policy: &str,
) -> Result<Vec<ApiFleet>, Problem> {
    let keep = |read: Read| {
        let fleet = read.ok()?;
        let named = fleet.spec.policy_ref.as_ref().is_some_and(|it| it.name == policy);
        named.then_some(fleet)
    };
    Ok(cluster.fleets(Some(namespace), keep).await?.into_iter().flatten().collect())
}

// === impl Follower ===

impl Follower {
    /// What becomes of a fleet when its policy changes; `was` is `None` where there is no policy yet.
    #[must_use]
    pub fn new(
        fleet: &ApiFleet,
        was: Option<&ScalingPolicySpec>,
        will: &ScalingPolicySpec,
    ) -> Self {
        let meant = |policy| FleetIntent::try_from(&effective(&fleet.spec, Some(policy)));
        // A fleet whose policy is missing is stalled.
        let was = was.and_then(|was| meant(was).ok());
        let effect = match (was, meant(will)) {
            (Some(was), Ok(will)) if was == will => Effect::Same,
            (was, Ok(will)) => Effect::Changed { was: was.map(Box::new), will: Box::new(will) },
            (Some(_), Err(error)) => Effect::Stalled(error),
            (None, Err(error)) => Effect::StillStalled(error),
        };
        Self {
            namespace: fleet.metadata.namespace.clone().unwrap_or_default(),
            name: fleet.metadata.name.clone().unwrap_or_default(),
            bounds: (fleet.spec.min_replicas, fleet.spec.max_replicas),
            takes: Decided::new(fleet.clone(), Ok(Some(will))).brought(),
            effect,
        }
    }

    fn row(&self) -> Vec<Text> {
        let (min, max) = self.bounds;
        let takes =
            if self.takes.is_empty() { "nothing".to_owned() } else { self.takes.join(", ") };
        vec![plain(&self.name), plain(format!("{min}..{max}")), plain(takes)]
    }

    fn change(&self) -> Text {
        match &self.effect {
            Effect::Same => toned(Tone::Dim, "nothing"),
            Effect::Changed { was: Some(_), .. } => plain("is decided otherwise"),
            Effect::Changed { was: None, .. } => toned(Tone::Good, "is decided again"),
            Effect::Stalled(_) => toned(Tone::Bad, "would be stalled"),
            Effect::StillStalled(_) => toned(Tone::Bad, "stays stalled"),
        }
    }
}

/// A row for each of the fleets, as far as there is room for them; with what changes, where anything does.
#[must_use]
pub fn table(followers: &[Follower], changes: bool) -> Grid {
    let mut titles = vec!["FOLLOWED BY", "REPLICAS", "TAKES"];
    titles.extend(changes.then_some("CHANGES"));
    let mut grid = Grid::titled(titles);
    for follower in followers.iter().take(MOST) {
        let mut row = follower.row();
        row.extend(changes.then(|| follower.change()));
        grid.push(row);
    }
    let more = followers.len().saturating_sub(MOST);
    if more > 0 {
        grid.push(vec![toned(Tone::Dim, format!("and {more} more"))]);
    }
    grid
}

/// The first fleet that would be stalled, and why.
#[must_use]
pub fn stalled(followers: &[Follower]) -> Option<String> {
    followers.iter().find_map(|follower| match &follower.effect {
        Effect::Stalled(error) => {
            Some(format!("fleet {} would be stalled: {error}", follower.name))
        }
        Effect::Same | Effect::Changed { .. } | Effect::StillStalled(_) => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn fleet(more: &Value) -> ApiFleet {
        let mut spec = json!({"minReplicas": 4, "maxReplicas": 12, "policyRef": {"name": "steady"},
            "targets": {"onDemand": {"deploymentName": "a"}}});
        spec.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        serde_json::from_value(json!({"apiVersion": "apifleet.dev/v1alpha1", "kind": "ApiFleet",
            "metadata": {"name": "api", "namespace": "shop"}, "spec": spec}))
        .unwrap()
    }

    fn policy(target: i32, floor: i32) -> ScalingPolicySpec {
        serde_json::from_value(json!({"signals": {"requestRate": {"targetPerReplica": target}},
            "schedules": [{"name": "day", "start": "08:00", "end": "20:00", "timeZone": "UTC",
                "floor": {"replicas": floor}}]}))
        .unwrap()
    }

    fn effect(more: &Value, was: Option<&ScalingPolicySpec>, will: &ScalingPolicySpec) -> Effect {
        Follower::new(&fleet(more), was, will).effect
    }

    #[test]
    fn a_fleet_that_sets_the_block_itself_is_decided_as_before() {
        let (was, will) = (policy(50, 6), policy(45, 6));
        let own = json!({"signals": {"requestRate": {"targetPerReplica": 30}}});
        assert_eq!(effect(&own, Some(&was), &will), Effect::Same);
        assert!(matches!(
            effect(&json!({}), Some(&was), &will),
            Effect::Changed { was: Some(_), .. }
        ));
        let follower = Follower::new(&fleet(&own), Some(&was), &will);
        assert_eq!(follower.takes, ["schedules"]);
    }

    #[test]
    fn a_policy_that_does_not_fit_a_fleet_would_stall_it() {
        let (fits, high) = (policy(50, 6), policy(50, 20));
        let followers = [Follower::new(&fleet(&json!({})), Some(&fits), &high)];
        let said = stalled(&followers).unwrap();
        assert!(
            said.starts_with("fleet api would be stalled: spec.schedules[0].floor.replicas 20"),
            "{said}"
        );
        let again = effect(&json!({}), Some(&high), &high);
        assert!(matches!(again, Effect::StillStalled(_)), "{again:?}");
        let mended = effect(&json!({}), Some(&high), &fits);
        assert!(matches!(mended, Effect::Changed { was: None, .. }), "{mended:?}");
        assert!(matches!(effect(&json!({}), None, &fits), Effect::Changed { was: None, .. }));
    }

    #[test]
    fn a_long_list_of_fleets_ends() {
        let (was, will) = (policy(50, 6), policy(45, 6));
        let one = Follower::new(&fleet(&json!({})), Some(&was), &will);
        let shown = table(&vec![one; 25], true).render(None);
        assert_eq!(shown.lines().count(), 1 + MOST + 1);
        assert!(shown.contains("and 15 more"), "{shown}");
    }
}
