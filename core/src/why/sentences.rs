//! The sentences of [`Why`]: one per variant, as people read them.

use super::Why;
use std::fmt;
use std::time::Duration;

impl fmt::Display for Why {
    #[allow(clippy::too_many_lines, reason = "a table: one sentence per variant")]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fresh { age } => write!(f, "all signals are fresh, {} old", Seconds(*age)),
            Self::Idle => f.write_str("pods are scraped and there are no requests"),
            Self::Warming { samples: Some(samples), needed } => write!(
                f,
                "{samples} of {needed} samples of a full window: signals may add replicas, not remove them"
            ),
            Self::Warming { samples: None, needed } => {
                write!(
                    f,
                    "Prometheus does not say whether it has the {needed} samples of a full window"
                )
            }
            Self::Stale { signal, age } => {
                write!(f, "the newest sample of the {signal} is {} old", Seconds(*age))
            }
            Self::PartialScrape { scraped, ready } => {
                write!(f, "{scraped} of {ready} pods that are Ready long enough are scraped")
            }
            Self::Absent { signal } => write!(f, "Prometheus has no series for the {signal}"),
            Self::Invalid { signal } => write!(
                f,
                "Prometheus' answer for the {signal} means nothing: NaN, infinite, negative or several rows"
            ),
            Self::PrometheusUnreachable { signal } => {
                write!(f, "Prometheus did not answer for the {signal}")
            }
            Self::RequestRate { rate, per_replica, asks } => {
                write!(f, "{rate} / {} per replica asks for {asks}", per_replica.get())
            }
            Self::Burst { rate, per_replica, asks } => {
                write!(
                    f,
                    "{rate} in the last 15 s / {} per replica asks for {asks}",
                    per_replica.get()
                )
            }
            Self::LatencyGuard { percentile, latency, target, asks } => {
                write!(f, "p{percentile} {latency} is above its target {target}: a step to {asks}")
            }
            Self::CriticalDemand { rate, per_replica, asks } => {
                write!(f, "{rate} critical / {} per replica asks for {asks}", per_replica.get())
            }
            Self::SurvivableLoss { rate, asks } => {
                write!(f, "{rate} with spot nodes lost asks for {asks}")
            }
            Self::WithinTolerance { rate, per_replica } => {
                write!(f, "{rate} / {} per replica is near enough to the size", per_replica.get())
            }
            Self::Hold { asks } => {
                write!(
                    f,
                    "not all signals can be trusted: nothing is removed; what is known asks for {asks}"
                )
            }
            Self::LatencyAboveLimit { percentile, latency, limit } => {
                write!(f, "p{percentile} {latency} is above {limit}: nothing is removed")
            }
            Self::ErrorsAboveLimit { errors, limit } => {
                write!(f, "{errors} of requests fail, more than {limit}: nothing is removed")
            }
            Self::RolloutInProgress { since } => {
                write!(f, "a rollout is in progress since {since:.0}: nothing is removed")
            }
            Self::ReplicasUnknown => {
                f.write_str("spec.replicas of a target is unknown: nothing is written")
            }
            Self::Stabilized { asks, keeps, window, until } => {
                write!(
                    f,
                    "{keeps} was recommended within the last {}: {asks} waits until {until:.0}",
                    Seconds(*window)
                )
            }
            Self::ScaleUpLimit { asks, limit } => {
                write!(f, "scale-up policies allow {limit} now, {asks} is asked for")
            }
            Self::ScaleDownLimit { asks, limit } => {
                write!(f, "scale-down policies allow {limit} now, {asks} is asked for")
            }
            Self::AtMin { asks, min } => write!(f, "minReplicas is {min}, {asks} is asked for"),
            Self::AtMax { asks, max, keeps } if keeps > max => write!(
                f,
                "maxReplicas is {max}: the size falls to it by the scale-down policies, {keeps} now, \
                 {asks} is asked for"
            ),
            Self::AtMax { asks, max, .. } => write!(f, "maxReplicas is {max}, {asks} is asked for"),
            Self::Schedule(why) => why.fmt(f),
            Self::Override(why) => why.fmt(f),
            Self::Dependency(why) => why.fmt(f),
            Self::Fallback { replicas } => {
                write!(f, "signals are missing: at least the {replicas} of fallbackReplicas")
            }
            Self::Adopted { found, floor } => {
                write!(f, "the fleet is taken over with {found} replicas, at {floor} at least")
            }
            Self::ScaleOutOnly { asks, keeps } => {
                write!(f, "mode ScaleOutOnly keeps {keeps}, {asks} is asked for")
            }
            Self::ObserveOnly => f.write_str("mode Observe: nothing is written"),
            Self::NotLimited => f.write_str("nothing to change"),
            Self::AsExpected => f.write_str("as expected"),
            Self::Placed { on_demand, spot } => write!(f, "{on_demand} on demand, {spot} on spot"),
            Self::MoveInProgress { on_demand, spot, size } => write!(
                f,
                "{on_demand} on demand and {spot} on spot until new replicas are Ready, then {size} in all"
            ),
            Self::SpotTargetMissing => {
                f.write_str("the spot Deployment does not exist: on-demand replicas take its part")
            }
            Self::ConflictingAutoscaler => f.write_str(
                "another autoscaler owns the spot Deployment: on-demand replicas take its part",
            ),
            Self::SpotInterrupted { nodes, pods, on_demand, ready, size } => write!(
                f,
                "{pods} replicas are on spot nodes that are being taken away or do not answer ({nodes}): {on_demand} on \
                 demand now, {ready} of {size} replicas are Ready on nodes that stay"
            ),
            Self::SpotFallback { until, on_demand, spot } => write!(
                f,
                "too much spot capacity was lost: nothing new goes there until {until:.0}; {on_demand} on demand, \
                 {spot} still on spot"
            ),
            Self::SpotReturning { percent, full_percent, waits, on_demand, spot } => {
                let how =
                    if *waits { "waits for the end of the window" } else { "returns step by step" };
                write!(
                    f,
                    "spot is calm: its share {how}, {percent} of {full_percent} % now; {on_demand} on demand, {spot} on spot"
                )
            }
            Self::SpotUnschedulable { until, on_demand, spot } => write!(
                f,
                "replicas found no spot node for 90 s: on-demand replicas take their part until {until:.0}; \
                 {on_demand} on demand, {spot} on spot"
            ),
            Self::NoLossHeadroom { on_demand, spot, size } => write!(
                f,
                "the rest of {size} replicas could not carry a loss of spot nodes: {on_demand} on demand, {spot} on spot"
            ),
            Self::SpotNodesUnknown { on_demand, spot } => write!(
                f,
                "no spot node can be seen, so none is drained in time: {on_demand} on demand, {spot} on spot"
            ),
            Self::DatabaseOrDependencyBound { percentile, before, target, replicas } => write!(
                f,
                "two steps to {replicas} replicas did not improve p{percentile} {before} by a tenth \
                 (target {target}): a database or another dependency is the limit"
            ),
        }
    }
}

/// A length in whole seconds, for people.
pub(super) struct Seconds(pub(super) Duration);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} s", self.0.as_secs())
    }
}
