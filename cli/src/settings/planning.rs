//! What was typed after `plan`, as what it means.

use crate::args::plan::PlanArgs;
use crate::failure::Failure;
use crate::plan::nodes::Node;
use crate::plan::sizes::{Ground, Load};
use crate::plan::{Database, Planned};
use apifleet_core::Rps;
use std::num::NonZeroU32;

/// Where no quiet hour was typed, it has this part of the peak.
const QUIET_PART: f64 = 3.0;

/// The plan that was typed.
pub(super) fn meant(typed: PlanArgs) -> Result<Planned, Failure> {
    // Without `..`: a new flag cannot be forgotten.
    let PlanArgs {
        peak_rps,
        quiet_rps,
        per_replica,
        users,
        node,
        node_cpu,
        node_memory,
        pod_cpu,
        pod_memory,
        spot_percent,
        zones,
        connections,
        database_connections,
        prices,
        name,
    } = typed;
    let node = match (node, node_cpu.zip(node_memory)) {
        (name, Some((cpu, memory))) => Node { name, cpu, memory },
        (Some(name), None) => Node::of_type(&name).map_err(Failure::Usage)?,
        (None, None) => {
            return Err(Failure::Usage(
                "name the nodes with --node, or their size with --node-cpu and --node-memory"
                    .to_owned(),
            ));
        }
    };
    let rate = |rate: f64| Rps::new(rate).unwrap_or_default();
    Ok(Planned {
        name,
        load: Load {
            peak: rate(peak_rps),
            quiet: rate(quiet_rps.unwrap_or(peak_rps / QUIET_PART)),
            per_replica: rate(per_replica.into()),
            users,
        },
        ground: Ground {
            node,
            pod: (pod_cpu, pod_memory),
            spot_percent,
            zones: NonZeroU32::new(zones).unwrap_or(NonZeroU32::MIN),
        },
        database: Database { per_replica: connections, limit: database_connections },
        prices,
    })
}
