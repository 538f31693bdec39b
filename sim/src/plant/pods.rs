//! Pods come and go: what `ReplicaSet`s and a scheduler do with the sizes that are asked of the targets.

use super::Plant;
use crate::scaler::{Pod, Target};

impl Plant {
    /// Makes the pods as many as are wanted.
    pub(super) fn reconcile(&mut self, now: i64) {
        self.fit(now, false, self.wanted.on_demand);
        self.fit(now, true, self.wanted.spot);
        if let Some(nodes) = &self.nodes {
            nodes.place(&mut self.pods, now, self.lag.pod);
        }
        self.changed = true;
        self.count(now);
    }

    /// One target.
    fn fit(&mut self, now: i64, spot: bool, wanted: u32) {
        let is_of = |pod: &Pod| matches!(pod.target, Target::Spot { .. }) == spot;
        let there = self.pods.iter().filter(|pod| is_of(pod)).count();
        let mut there = u32::try_from(there).unwrap_or(u32::MAX);
        let room = if spot { 0 } else { self.slots.note(now, there) };
        while there < wanted {
            self.pods.push(self.born(now, spot, there < room));
            self.started += 1;
            there += 1;
        }
        while there > wanted {
            let of = self.pods.iter().enumerate().filter(|(_, pod)| is_of(pod));
            let Some((first, _)) = of.max_by_key(|(index, pod)| (goes_first(pod, now), *index))
            else {
                break;
            };
            let pod = self.pods.remove(first);
            if pod.ready <= now {
                self.gone.push(pod);
            }
            there -= 1;
        }
    }

    /// A new pod. One on demand that finds no room gets a new node; one on spot waits until it is placed.
    fn born(&self, now: i64, spot: bool, has_room: bool) -> Pod {
        if spot {
            let target = Target::Spot { node: None };
            return Pod { created: now, scheduled: i64::MAX, ready: i64::MAX, target };
        }
        let scheduled = if has_room { now } else { now + i64::from(self.lag.node) };
        let ready = scheduled + i64::from(self.lag.pod);
        Pod { created: now, scheduled, ready, target: Target::OnDemand }
    }
}

/// A `ReplicaSet` removes those first that wait for a node, then those that are not Ready, then the youngest.
fn goes_first(pod: &Pod, now: i64) -> (bool, bool, i64) {
    (pod.scheduled > now, pod.ready > now, pod.created)
}
