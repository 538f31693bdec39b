//! What is typed: commands, flags and environment variables, each with its help.
//!
//! Nothing is judged here beyond the form of single values; [`crate::config`] says what they mean.

#![allow(
    clippy::doc_markdown,
    reason = "doc comments here are the program's help, shown as they are"
)]

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Parser, Subcommand};
use jiff::Timestamp;
use jiff::civil::Date;

use crate::campaign::OpenDays;
use crate::logs::LogFormat;

/// The API server of a gift campaign: 24 doors, 8 to 31 December, one gift per user and door.
///
/// Started alone it keeps claims in a SQLite file and answers on port 8080, as one replica. With
/// DATABASE_URL it keeps them in MySQL or MariaDB, and any number of replicas may run.
#[derive(Debug, Parser)]
#[command(name = "api-server", version, after_help = EXAMPLES)]
pub struct Cli {
    /// What to do; serve if left out.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// How to do it.
    #[command(flatten)]
    pub settings: Settings,
}

const EXAMPLES: &str = "\
Examples:
  api-server --open-days all                  try it: every door is open, claims are kept in ./data
  curl localhost:8080/v1/users/7/home         a user's profile, today's door, claims so far
  curl localhost:8080/v1/users/7/claims -H 'idempotency-key: k1' --json '{\"day\":8}'
  DATABASE_URL=mysql://api:secret@db/campaign api-server migrate
  DATABASE_URL=mysql://api:secret@db/campaign api-server --replicas 30

Replicas times POOL_SIZE, and those that a rollout adds, must stay below the database's max_connections.
Exit codes: 0 ended as told, 1 failed while running, 2 settings refused.";

/// What to do.
#[derive(Debug, Clone, Copy, Subcommand)]
pub enum Command {
    /// Answer requests until SIGTERM, then drain and exit (the default)
    Serve,
    /// Bring the database's schema up to this program's; safe to run at once from many places
    Migrate,
    /// Judge the settings, print what they mean, and start nothing
    CheckConfig,
}

/// Flags and environment variables.
#[derive(Debug, Clone, clap::Args)]
pub struct Settings {
    /// Address and port for the API, probes and metrics
    #[arg(long, env = "LISTEN", default_value = "0.0.0.0:8080", global = true)]
    pub listen: SocketAddr,
    /// mysql://USER:PASSWORD@HOST:PORT/DATABASE; without it claims are kept in DATA_DIR
    #[arg(long, env = "DATABASE_URL", hide_env_values = true, global = true)]
    pub database_url: Option<String>,
    /// Writable directory of the embedded store [default: data]
    #[arg(long, env = "DATA_DIR", value_name = "DIRECTORY", global = true)]
    pub data_dir: Option<PathBuf>,
    /// How many replicas will run; more than one needs DATABASE_URL
    #[arg(long, env = "REPLICAS_EXPECTED", default_value_t = 1, global = true,
          value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub replicas: u32,
    /// Most connections of this replica to the database
    #[arg(long, env = "POOL_SIZE", default_value_t = 16, global = true,
          value_parser = clap::value_parser!(u16).range(1..=1_000))]
    pub pool_size: u16,
    /// Migrate at start; without it a server whose database is behind waits, then exits.
    /// The embedded store always does
    #[arg(long, env = "MIGRATE_ON_START", global = true)]
    pub migrate_on_start: bool,
    /// Seconds in which the database must be reachable and up to date at start
    #[arg(long, env = "START_TIMEOUT_SECONDS", default_value_t = 60, global = true,
          value_parser = clap::value_parser!(u64).range(1..=600))]
    pub start_timeout_seconds: u64,
    /// How long reads may be remembered; another replica may show a claim this much later
    #[arg(long, env = "CACHE_TTL_MILLIS", default_value_t = 1_500, global = true,
          value_parser = clap::value_parser!(u64).range(0..=2_000))]
    pub cache_ttl_millis: u64,
    /// Date of door 8 [default: 8 December of the present year]
    #[arg(long, env = "CAMPAIGN_START", value_name = "YYYY-MM-DD", global = true)]
    pub campaign_start: Option<Date>,
    /// Hours that the campaign's midnight lies ahead of UTC's
    #[arg(long, env = "CAMPAIGN_UTC_OFFSET_HOURS", default_value_t = 0, global = true,
          allow_hyphen_values = true, value_parser = clap::value_parser!(i8).range(-12..=14))]
    pub campaign_utc_offset_hours: i8,
    /// Which doors may be claimed
    #[arg(long, env = "OPEN_DAYS", value_enum, default_value_t = OpenDays::Calendar, global = true)]
    pub open_days: OpenDays,
    /// Take this moment for the present, to rehearse a day; it does not pass
    #[arg(long, env = "CAMPAIGN_NOW", value_name = "TIMESTAMP", global = true)]
    pub campaign_now: Option<Timestamp>,
    /// Highest number of a user
    #[arg(long, env = "MAX_USER_ID", default_value_t = 10_000_000, global = true,
          value_parser = clap::value_parser!(i64).range(1..))]
    pub max_user_id: i64,
    /// Worker threads [default: the CPU limit]
    #[arg(long, env = "WORKERS", global = true, value_parser = clap::value_parser!(u16).range(1..=256))]
    pub workers: Option<u16>,
    /// From a request's first byte to its answer's last; bounds every question to the database too
    #[arg(long, env = "REQUEST_DEADLINE_MILLIS", default_value_t = 1_500, global = true,
          value_parser = clap::value_parser!(u64).range(300..=1_800))]
    pub request_deadline_millis: u64,
    /// Latency to which the number of requests worked on at once is held; above it, and when worker
    /// threads lag by more, background is refused first, then non-critical, and critical last
    #[arg(long, env = "OVERLOAD_LATENCY_MILLIS", default_value_t = 100, global = true,
          value_parser = clap::value_parser!(u64).range(10..=1_800))]
    pub overload_latency_millis: u64,
    /// Fewest requests that may be worked on at once, however slow they are [default: POOL_SIZE, so
    /// that every connection can always be used]
    #[arg(long, env = "CONCURRENCY_MIN", global = true,
          value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub concurrency_min: Option<u32>,
    /// Most requests that may be worked on at once, however fast they are
    #[arg(long, env = "CONCURRENCY_MAX", default_value_t = 1_024, global = true,
          value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub concurrency_max: u32,
    /// Longest silence on a connection; keep it above the load balancer's idle timeout (ALB: 60)
    #[arg(long, env = "KEEP_ALIVE_SECONDS", default_value_t = 75, global = true,
          value_parser = clap::value_parser!(u64).range(1..=3_600))]
    pub keep_alive_seconds: u64,
    /// Age, give or take a fifth, at which a connection's next answer closes it, so that clients
    /// find new replicas
    #[arg(long, env = "CONNECTION_MAX_AGE_SECONDS", default_value_t = 30, global = true,
          value_parser = clap::value_parser!(u64).range(1..=3_600))]
    pub connection_max_age_seconds: u64,
    /// How long to go on serving after SIGTERM, while endpoints and load balancers learn of it
    #[arg(long, env = "DRAIN_DELAY_SECONDS", default_value_t = 5, global = true,
          value_parser = clap::value_parser!(u64).range(0..=600))]
    pub drain_delay_seconds: u64,
    /// The pod's terminationGracePeriodSeconds; draining must fit into it
    #[arg(long, env = "TERMINATION_GRACE_SECONDS", default_value_t = 30, global = true,
          value_parser = clap::value_parser!(u64).range(1..=3_600))]
    pub termination_grace_seconds: u64,
    /// How log lines are written; RUST_LOG chooses which
    #[arg(long, env = "LOG_FORMAT", value_enum, default_value_t = LogFormat::Json, global = true)]
    pub log_format: LogFormat,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn help_explains_every_setting_and_names_its_variable() {
        let mut command = Cli::command();
        let help = command.render_long_help().to_string();
        for argument in
            command.get_arguments().filter(|a| !["help", "version"].contains(&a.get_id().as_str()))
        {
            assert!(argument.get_help().is_some(), "{} has no help", argument.get_id());
            let variable =
                argument.get_env().expect("every setting has a variable").to_string_lossy();
            assert!(help.contains(&*variable), "{variable} is not in the help");
        }
    }
}
