//! What can be typed after `policy`.

use super::change::ChangeArgs;
use crate::names::PolicyName;
use crate::policy::assignment::Assignment;
use crate::simulate::typed::Address;
use clap::Subcommand;
use std::path::PathBuf;

/// Arguments of `policy`.
#[derive(Debug, clap::Args)]
pub struct PolicyArgs {
    /// What to do with policies.
    #[command(subcommand)]
    pub verb: PolicyVerb,
}

/// What to do with policies.
#[derive(Debug, Subcommand)]
pub enum PolicyVerb {
    /// The policies, and how many fleets follow each
    List,
    /// What a policy says, and which fleets follow it
    Show {
        /// The policy
        #[arg(value_parser = PolicyName::parse)]
        name: PolicyName,
    },
    /// Check manifests without a cluster; exits with 3 if anything is found
    Lint {
        /// Manifests with policies, fleets and overrides; - reads standard input
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
    },
    /// What would change if the policies of a manifest were applied; exits with 4 if anything would
    Diff {
        /// The manifest; - reads standard input
        file: PathBuf,
    },
    /// Apply the policies of a manifest, after showing what changes and what a simulation says
    Apply(ApplyArgs),
    /// Change single values of a policy, after showing what changes and what a simulation says
    Set(SetArgs),
}

/// Arguments of `policy apply`.
#[derive(Debug, clap::Args)]
pub struct ApplyArgs {
    /// The manifest; - reads standard input
    pub file: PathBuf,

    /// What is looked at before.
    #[command(flatten)]
    pub look: LookArgs,

    /// How it is written.
    #[command(flatten)]
    pub change: ChangeArgs,
}

/// Arguments of `policy set`.
#[derive(Debug, clap::Args)]
pub struct SetArgs {
    /// The policy
    #[arg(value_parser = PolicyName::parse)]
    pub name: PolicyName,

    /// What it is to say: targetPerReplica=45
    #[arg(required = true, value_name = "KEY=VALUE", value_parser = Assignment::parse)]
    pub assignments: Vec<Assignment>,

    /// What is looked at before.
    #[command(flatten)]
    pub look: LookArgs,

    /// How it is written.
    #[command(flatten)]
    pub change: ChangeArgs,
}

/// What is looked at before a policy is written.
#[derive(Debug, clap::Args)]
pub struct LookArgs {
    /// Simulate with what this Prometheus has seen in the last 7 days [default: the shape of a campaign]
    #[arg(
        long, value_name = "URL", value_parser = Address::parse, env = "PROMETHEUS_URL", hide_env_values = true
    )]
    pub prometheus_url: Option<Address>,

    /// Do not simulate
    #[arg(long)]
    pub no_simulation: bool,
}
