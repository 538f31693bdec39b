//! What can be typed after `check`.

use crate::check::collect::Scope;
use crate::names::{FleetName, Namespace};
use crate::simulate::typed::Address;

/// Arguments of `check`.
#[derive(Debug, clap::Args)]
pub struct CheckArgs {
    /// Before the operator is installed: whether the cluster and your permissions are enough
    #[arg(long, conflicts_with_all = ["fleet", "operator_namespace"])]
    pub pre: bool,

    /// The fleet [default: all of the namespace; with -A of all namespaces]
    #[arg(long, value_name = "FLEET", value_parser = FleetName::parse)]
    pub fleet: Option<FleetName>,

    /// Ask Prometheus at this address [default: the operator's, through the API server]
    #[arg(
        long, value_name = "URL", value_parser = Address::parse, env = "PROMETHEUS_URL", hide_env_values = true
    )]
    pub prometheus_url: Option<Address>,

    /// Where the operator is [default: looked for in all namespaces]
    #[arg(long, value_name = "NAMESPACE", value_parser = Namespace::parse)]
    pub operator_namespace: Option<Namespace>,
}

impl From<CheckArgs> for Scope {
    fn from(typed: CheckArgs) -> Self {
        // Without `..`: a new flag cannot be forgotten.
        let CheckArgs { pre: before, fleet, prometheus_url: prometheus, operator_namespace } =
            typed;
        Self { before, fleet, prometheus, operator_namespace }
    }
}
