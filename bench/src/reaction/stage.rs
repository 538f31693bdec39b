//! The cluster on which the runs are played: puts up a fleet with its autoscaler, has it played, and clears it away.

use super::SIZE;
use super::contestant::Contestant;
use super::play::{self, Played};
use crate::Result;
use crate::keda::scaled_object;
use apifleet_local::progress::Progress;
use apifleet_local::stack::{Fleet, NAMESPACE, Setting, Stack};
use serde_json::{Value, json};
use std::time::Duration;

/// From nothing to 10 Ready replicas; the HPA takes a while until it looks for the first time.
const FIRST_READY: Duration = Duration::from_mins(2);

/// A stack without its demo fleet.
pub(crate) struct Stage<'a> {
    stack: &'a Stack,
}

impl<'a> Stage<'a> {
    /// Clears the demo fleet away: every run has one of its own.
    pub(crate) fn new(stack: &'a Stack) -> Result<Self> {
        stack.demo().remove()?;
        Ok(Self { stack })
    }

    /// Plays one run on a fresh fleet of this name, and clears it away.
    pub(crate) fn perform(
        &self,
        contestant: Contestant,
        name: &str,
        phase: Duration,
        progress: &dyn Progress,
    ) -> Result<Played> {
        progress.step(format!("{name}: waiting for {} Ready replicas", SIZE.min));
        let fleet = self.stack.install_fleet(name, &settings(contestant))?;
        self.hand_over(&fleet, contestant)?;
        let watch = fleet.watch()?;
        watch.wait("the fleet at its smallest size", FIRST_READY, |moment| {
            moment.wanted() == SIZE.min && moment.ready() == SIZE.min
        })?;
        let played = play::play(self.stack, &fleet, &watch, phase, progress)?;
        match contestant {
            Contestant::ApiFleet => {}
            Contestant::Keda(_) => self.delete("scaledobject", name)?,
        }
        fleet.remove()?;
        Ok(played)
    }

    /// The chart makes an `ApiFleet` of every fleet; one that is KEDA's has none.
    fn hand_over(&self, fleet: &Fleet<'_>, contestant: Contestant) -> Result<()> {
        let Contestant::Keda(window) = contestant else { return Ok(()) };
        self.delete("apifleet", &fleet.name)?;
        let object = scaled_object(NAMESPACE, &fleet.name, window.promql(), SIZE);
        self.stack.cluster().apply(&object.to_string())?;
        Ok(())
    }

    fn delete(&self, kind: &str, name: &str) -> Result<()> {
        self.stack.kubectl(&["delete", kind, name, "--namespace", NAMESPACE])?;
        Ok(())
    }
}

/// What a fleet has on top of the demo's values: everything that decides about its size is the operator's default but
/// the bounds and what one replica carries, which a peer is given too. One Deployment on any node, since a peer scales
/// one.
fn settings(contestant: Contestant) -> Vec<Setting> {
    let mode = match contestant {
        Contestant::ApiFleet => "Enforce",
        // Until it is deleted.
        Contestant::Keda(_) => "Observe",
    };
    let signals = json!({"requestRate": {"targetPerReplica": SIZE.per_replica}});
    [
        ("mode", json!(mode)),
        ("minReplicas", json!(SIZE.min)),
        ("maxReplicas", json!(SIZE.max)),
        ("signals", signals),
        ("behavior", Value::Null),
        ("spot", Value::Null),
        ("placement.enabled", json!(false)),
    ]
    .map(|(key, value)| (key.to_owned(), value))
    .into()
}

#[cfg(test)]
mod tests {
    use super::super::contestant::Window;
    use super::*;

    #[test]
    fn the_fleet_of_a_peer_is_not_scaled_by_us_and_is_like_ours_in_all_else() {
        let ours = settings(Contestant::ApiFleet);
        let theirs = settings(Contestant::Keda(Window::Minute));
        let differ: Vec<_> = ours.iter().zip(&theirs).filter(|(one, two)| one != two).collect();
        assert_eq!(differ.len(), 1);
        assert_eq!(*differ[0].1, ("mode".to_owned(), json!("Observe")));
    }

    #[test]
    fn nothing_of_the_demos_shortened_behavior_is_left() {
        let settings = settings(Contestant::ApiFleet);
        assert!(settings.contains(&("behavior".to_owned(), Value::Null)));
    }
}
