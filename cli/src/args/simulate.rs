//! What can be typed after `simulate`.

use crate::names::FleetName;
use crate::simulate::moment::Moment;
use crate::simulate::peers::Peer;
use crate::simulate::typed::{Address, Share, parse_lag, parse_rate};
use clap::ValueEnum;
use std::path::PathBuf;

/// Arguments of `simulate`.
#[derive(Debug, clap::Args)]
pub struct SimulateArgs {
    /// Which fleet or policy, where the manifest holds several
    #[arg(value_parser = FleetName::parse)]
    pub name: Option<FleetName>,

    /// The manifest with the fleet or the policy; - reads standard input
    #[arg(short, long, value_name = "FILE")]
    pub file: PathBuf,

    /// What is replayed: a made-up December campaign, a CSV, or what Prometheus has seen
    #[arg(long, value_name = "SOURCE", value_enum, default_value = "campaign")]
    pub from: Origin,

    /// The CSV (header second,requests or timestamp,requests), or a saved answer of Prometheus to a range query;
    /// - reads standard input
    #[arg(long, value_name = "FILE", required_if_eq("from", "csv"))]
    pub trace: Option<PathBuf>,

    /// With --from prometheus: ask it at this address
    #[arg(
        long, value_name = "URL", value_parser = Address::parse, env = "PROMETHEUS_URL", hide_env_values = true
    )]
    pub prometheus_url: Option<Address>,

    /// With --prometheus-url: what to ask for; one series of requests per second [default: that of the fleet]
    #[arg(long, value_name = "PROMQL", requires = "prometheus_url")]
    pub query: Option<String>,

    /// From when on: 2026-12-08, 2026-12-08T08:00 (in the zone of the schedules), or with a Z in UTC; for a CSV of
    /// seconds: when its second 0 was
    #[arg(long, value_name = "TIME", value_parser = Moment::parse)]
    pub start: Option<Moment>,

    /// Until when [default: a week of the campaign, all of a file, now for Prometheus]
    #[arg(long, value_name = "TIME", value_parser = Moment::parse)]
    pub end: Option<Moment>,

    /// Smooth the traffic over five minutes and scale it, so that 99.9 % of its minutes have at most so many requests a
    /// second: makes a small site's traffic one that needs a fleet
    #[arg(long, value_name = "RPS", value_parser = parse_rate)]
    pub scale_to: Option<f64>,

    /// With what it is compared, comma separated [default: hpa,keda,kpa,aws,static, and keda-cron with schedules]
    #[arg(long, value_name = "NAMES", value_delimiter = ',', value_parser = Peer::parse)]
    pub baseline: Option<Vec<Peer>>,

    /// Play another version of it, too, within the same bounds: current is what the cluster has under its kind, name
    /// and namespace, FILE a manifest such as that before a change
    #[arg(long, value_name = "current|FILE")]
    pub compare: Option<PathBuf>,

    /// Smallest size [default: the fleet's; 10 for a policy]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub min: Option<u16>,

    /// Largest size [default: the fleet's; 30 for a policy]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub max: Option<u16>,

    /// How long a pod takes to become Ready: 10s where the image is there, 150s where a node must come first
    #[arg(long, value_name = "LENGTH", value_parser = parse_lag, default_value = "30s")]
    pub lag: u32,

    /// What arrivals are drawn from; the same seed gives the same answer
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,

    /// Write a page with plots, which needs nothing else, to this file
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,

    /// Exit with 3 if more of the minutes are slow or turn requests away: 1%
    #[arg(long, value_name = "PERCENT", value_parser = Share::parse)]
    pub max_under: Option<Share>,
}

/// What is replayed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Origin {
    /// A December campaign, made up by the seed
    Campaign,
    /// A file of counts
    Csv,
    /// What Prometheus has seen
    Prometheus,
}
