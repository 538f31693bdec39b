//! How many objects a measured cluster holds, and what they are called. Pure.

/// The namespace of every fleet.
pub(crate) const NAMESPACE: &str = "bench";
/// The namespace of the operator's identity and of its lease.
pub(crate) const SYSTEM: &str = "apifleet-system";
/// The hash in the names of pods: all are of one revision.
pub(crate) const HASH: &str = "6f7";
/// Where fleets have all the pods that a fleet of a campaign has at night; elsewhere each has one.
const WHOLE: Scale = Scale { fleets: 1_000, pods: 10 };

/// How many fleets there are, and how many Ready pods each of them has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Scale {
    pub(crate) fleets: u32,
    pub(crate) pods: u32,
}

impl Scale {
    /// So many fleets.
    pub(crate) fn of(fleets: u32) -> Self {
        if fleets == WHOLE.fleets { WHOLE } else { Self { fleets, pods: 1 } }
    }

    /// Whether its fleets have one pod each: only such rows differ in the number of fleets alone.
    pub(crate) fn is_thin(self) -> bool {
        self.pods == 1
    }

    /// So many fleets of all, spread evenly over them.
    pub(crate) fn sample(self, count: u32) -> impl Iterator<Item = String> {
        let count = count.min(self.fleets);
        (0..count).map(move |nth| fleet(nth * (self.fleets / count.max(1))))
    }
}

/// The name of a fleet, and of its Deployment.
pub(crate) fn fleet(index: u32) -> String {
    format!("fleet-{index:05}")
}

/// The name of one of a fleet's pods.
pub(crate) fn pod(fleet: &str, index: u32) -> String {
    format!("{fleet}-{HASH}-{index:02}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn fleets_have_all_their_pods_where_memory_is_claimed_and_one_elsewhere() {
        assert_eq!(Scale::of(1_000), Scale { fleets: 1_000, pods: 10 });
        assert!(!Scale::of(1_000).is_thin());
        for fleets in [1, 100, 5_000, 10_000] {
            assert_eq!(Scale::of(fleets), Scale { fleets, pods: 1 });
        }
    }

    #[test]
    fn a_sample_is_of_different_fleets_that_exist() {
        for fleets in [1, 3, 100, 10_000] {
            let names: BTreeSet<_> = Scale::of(fleets).sample(10).collect();
            assert_eq!(names.len(), 10.min(fleets as usize));
            assert!(names.last().is_some_and(|last| *last < fleet(fleets)), "{names:?}");
        }
    }

    #[test]
    fn a_pod_is_named_as_a_replica_set_would_name_it() {
        assert_eq!(pod(&fleet(7), 3), "fleet-00007-6f7-03");
    }
}
