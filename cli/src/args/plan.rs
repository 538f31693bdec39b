//! What can be typed after `plan`.

use crate::names::FleetName;
use crate::plan::amount::{Cpu, Memory};
use crate::simulate::typed::parse_rate;
use std::path::PathBuf;

/// Arguments of `plan`.
#[derive(Debug, clap::Args)]
pub struct PlanArgs {
    /// Requests per second of the busiest minute
    #[arg(long, value_name = "RPS", value_parser = parse_rate)]
    pub peak_rps: f64,

    /// Requests per second of a quiet hour [default: a third of the peak]
    #[arg(long, value_name = "RPS", value_parser = parse_rate)]
    pub quiet_rps: Option<f64>,

    /// Requests per second that one replica carries well: measure yours under load
    #[arg(
        long, value_name = "RPS", value_parser = clap::value_parser!(u32).range(1..=1_000_000), default_value = "50"
    )]
    pub per_replica: u32,

    /// How many people these requests are of
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=100_000_000_000))]
    pub users: Option<u64>,

    /// The type of the nodes, such as m6i.large, e2-standard-4 or `Standard_D4s_v5`
    #[arg(long, value_name = "TYPE", required_unless_present_all = ["node_cpu", "node_memory"])]
    pub node: Option<String>,

    /// CPU of a node of another type: 4 or 3920m
    #[arg(long, value_name = "CPU", value_parser = Cpu::parse, requires = "node_memory")]
    pub node_cpu: Option<Cpu>,

    /// Memory of a node of another type: 16Gi
    #[arg(long, value_name = "MEMORY", value_parser = Memory::parse, requires = "node_cpu")]
    pub node_memory: Option<Memory>,

    /// CPU that a replica requests
    #[arg(long, value_name = "CPU", value_parser = Cpu::parse, default_value = "1500m")]
    pub pod_cpu: Cpu,

    /// Memory that a replica requests
    #[arg(long, value_name = "MEMORY", value_parser = Memory::parse, default_value = "2Gi")]
    pub pod_memory: Memory,

    /// Largest share of the fleet on spot nodes, in percent; 0: none
    #[arg(
        long, value_name = "PERCENT", value_parser = clap::value_parser!(u8).range(0..=100), default_value = "60"
    )]
    pub spot_percent: u8,

    /// Zones over which the nodes are spread: the spot nodes of one zone are often taken together
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10), default_value = "3")]
    pub zones: u32,

    /// Database connections that a replica may open
    #[arg(
        long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000), default_value = "16"
    )]
    pub connections: u32,

    /// Database connections that there are for the fleet
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    pub database_connections: Option<u32>,

    /// What an hour of a node costs, as a file
    #[arg(long, value_name = "FILE")]
    pub prices: Option<PathBuf>,

    /// What the fleet is called in the manifest of -o yaml
    #[arg(long, value_name = "FLEET", value_parser = FleetName::parse, default_value = "api")]
    pub name: FleetName,
}
