//! What the settings mean together, or one clear line about why they cannot.
//!
//! Pure except for counting processors. Called by every command before anything else happens.

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use jiff::tz::Offset;

use crate::admission::Overload;
use crate::admission::limit::Bounds;
use crate::campaign::{Campaign, december_of};
use crate::cli::Settings;
use crate::events::flush::STOP_LIMIT;
use crate::net::lifespan::Limits;
use crate::net::server::FINISH_LIMIT;
use crate::store::mysql::Mysql;
use crate::time::Clock;

/// Everything a server needs to know.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where to listen.
    pub listen: SocketAddr,
    /// Where claims are kept.
    pub store: StoreConfig,
    /// In what time the store must be usable at start.
    pub start_timeout: Duration,
    /// How long reads are remembered.
    pub cache_ttl: Duration,
    /// The doors and their dates.
    pub campaign: Campaign,
    /// Where "now" comes from.
    pub clock: Clock,
    /// The highest number of a user.
    pub max_user: i64,
    /// Worker threads.
    pub workers: usize,
    /// The times of connections and requests.
    pub limits: Limits,
    /// When the server counts as overloaded.
    pub overload: Overload,
    /// How long to go on serving after SIGTERM.
    pub drain_delay: Duration,
}

/// Where claims are kept.
#[derive(Debug, Clone)]
pub enum StoreConfig {
    /// In a SQLite file in this directory.
    Embedded(PathBuf),
    /// On a server.
    Server {
        /// The server.
        database: Box<Mysql>,
        /// Most connections to it.
        pool_size: usize,
        /// Whether to migrate at start.
        migrate: bool,
    },
}

/// Settings that cannot be meant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// Several replicas, each with claims of its own.
    #[error(
        "{0} replicas without DATABASE_URL would each keep claims of their own; set DATABASE_URL or run 1 replica"
    )]
    ReplicasWithoutDatabase(u32),
    /// Two places for claims.
    #[error(
        "DATA_DIR and DATABASE_URL are both set, but claims are kept in one place; unset one of them"
    )]
    TwoStores,
    /// Not a database that we speak.
    #[error(
        "DATABASE_URL must start with mysql:// or mariadb://; correct it, or unset it for the embedded store"
    )]
    Scheme,
    /// Not a URL, or not a complete one. The URL itself may hold a password and is not repeated.
    #[error("DATABASE_URL must be mysql://USER:PASSWORD@HOST:PORT/DATABASE: {0}")]
    Url(String),
    /// Draining would be killed.
    #[error(
        "DRAIN_DELAY_SECONDS={drain} and {finish} s to finish do not fit into TERMINATION_GRACE_SECONDS={grace}; lower the first or raise the last"
    )]
    Grace {
        /// The drain delay.
        drain: u64,
        /// Time to finish afterwards.
        finish: u64,
        /// The pod's grace period.
        grace: u64,
    },
    /// No number lies between the two.
    #[error(
        "CONCURRENCY_MIN={min} is above CONCURRENCY_MAX={max}; lower the first or raise the last"
    )]
    Concurrency {
        /// The floor.
        min: u32,
        /// The ceiling.
        max: u32,
    },
    /// Requests would end by their deadline before they count as slow.
    #[error(
        "OVERLOAD_LATENCY_MILLIS={target} is not below REQUEST_DEADLINE_MILLIS={deadline}, so overload would never be seen; lower it"
    )]
    OverloadLatency {
        /// The latency that counts as overload.
        target: u64,
        /// The deadline of a request.
        deadline: u64,
    },
    /// Connections that nothing may use.
    #[error(
        "CONCURRENCY_MAX={max} is below POOL_SIZE={pool}, so some connections could never be used; raise the first or lower the last"
    )]
    IdleConnections {
        /// The ceiling.
        max: u32,
        /// The size of the pool.
        pool: u16,
    },
    /// A typing error, most likely.
    #[error("CAMPAIGN_START={0} lies outside 2000 to 2100; correct the year")]
    Start(String),
    /// An option that the embedded store does not have.
    #[error(
        "MIGRATE_ON_START needs DATABASE_URL; unset it, the embedded store always migrates at start"
    )]
    MigrateWithoutDatabase,
}

impl TryFrom<Settings> for Config {
    type Error = ConfigError;

    fn try_from(settings: Settings) -> Result<Self, ConfigError> {
        check_grace(&settings)?;
        let clock = settings.campaign_now.map_or(Clock::System, Clock::Fixed);
        Ok(Self {
            listen: settings.listen,
            start_timeout: Duration::from_secs(settings.start_timeout_seconds),
            cache_ttl: Duration::from_millis(settings.cache_ttl_millis),
            campaign: campaign(&settings, clock)?,
            clock,
            max_user: settings.max_user_id,
            workers: settings.workers.map_or_else(processors, usize::from),
            limits: Limits {
                max_age: Duration::from_secs(settings.connection_max_age_seconds),
                idle: Duration::from_secs(settings.keep_alive_seconds),
                request: Duration::from_millis(settings.request_deadline_millis),
            },
            overload: overload(&settings)?,
            drain_delay: Duration::from_secs(settings.drain_delay_seconds),
            store: store(settings)?,
        })
    }
}

fn campaign(settings: &Settings, clock: Clock) -> Result<Campaign, ConfigError> {
    let start = settings.campaign_start.unwrap_or_else(|| december_of(clock.now()));
    if !(2000..=2100).contains(&start.year()) {
        return Err(ConfigError::Start(start.to_string()));
    }
    let offset = Offset::from_hours(settings.campaign_utc_offset_hours).unwrap_or(Offset::UTC);
    Ok(Campaign { start, offset, open_days: settings.open_days })
}

fn overload(settings: &Settings) -> Result<Overload, ConfigError> {
    // Up to the size of the pool more at once is more done; above it, it is a longer queue.
    let pool = settings.pool_size;
    let max = settings.concurrency_max;
    let has_database = settings.database_url.as_ref().is_some_and(|url| !url.is_empty());
    if has_database && max < u32::from(pool) {
        return Err(ConfigError::IdleConnections { max, pool });
    }
    let min = settings.concurrency_min.unwrap_or(u32::from(pool).min(max));
    let bounds = Bounds::new(min, max).ok_or(ConfigError::Concurrency { min, max })?;
    let (target, deadline) = (settings.overload_latency_millis, settings.request_deadline_millis);
    if target >= deadline {
        return Err(ConfigError::OverloadLatency { target, deadline });
    }
    Ok(Overload { bounds, target: Duration::from_millis(target) })
}

fn store(settings: Settings) -> Result<StoreConfig, ConfigError> {
    // Deployment tools write an empty variable for "none".
    let Some(url) = settings.database_url.filter(|url| !url.is_empty()) else {
        if settings.replicas > 1 {
            return Err(ConfigError::ReplicasWithoutDatabase(settings.replicas));
        }
        if settings.migrate_on_start {
            return Err(ConfigError::MigrateWithoutDatabase);
        }
        let directory = settings.data_dir.unwrap_or_else(|| PathBuf::from("data"));
        return Ok(StoreConfig::Embedded(directory));
    };
    if settings.data_dir.is_some() {
        return Err(ConfigError::TwoStores);
    }
    Ok(StoreConfig::Server {
        database: Box::new(database(&url)?),
        pool_size: usize::from(settings.pool_size),
        migrate: settings.migrate_on_start,
    })
}

fn database(url: &str) -> Result<Mysql, ConfigError> {
    if !["mysql://", "mariadb://"].iter().any(|scheme| url.starts_with(scheme)) {
        return Err(ConfigError::Scheme);
    }
    let database = Mysql::from_url(url).map_err(|error| ConfigError::Url(one_line(&error)))?;
    if !database.names_a_database() {
        return Err(ConfigError::Url("it names no database".into()));
    }
    Ok(database)
}

fn check_grace(settings: &Settings) -> Result<(), ConfigError> {
    // Workers notice once a second that they are done; then events are stored.
    let finish = FINISH_LIMIT.as_secs() + 1 + STOP_LIMIT.as_secs();
    let (drain, grace) = (settings.drain_delay_seconds, settings.termination_grace_seconds);
    if drain + finish > grace {
        return Err(ConfigError::Grace { drain, finish, grace });
    }
    Ok(())
}

fn one_line(error: &dyn std::fmt::Display) -> String {
    error.to_string().replace('\n', " ")
}

/// The processors that this process may use: cgroup limits and affinity count.
fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, NonZeroUsize::get)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::Cli;
    use clap::Parser;

    fn config(arguments: &[&str]) -> Result<Config, ConfigError> {
        let cli = Cli::try_parse_from(std::iter::once(&"api-server").chain(arguments)).unwrap();
        Config::try_from(cli.settings)
    }

    #[test]
    fn the_defaults_are_one_replica_with_an_embedded_store() {
        let config = config(&[]).unwrap();
        assert!(
            matches!(config.store, StoreConfig::Embedded(directory) if directory.as_os_str() == "data")
        );
        assert_eq!(config.limits.request, Duration::from_millis(1500));
        assert!(config.workers >= 1);
    }

    #[test]
    fn contradictions_are_refused_in_one_line_that_says_what_to_do() {
        let url = "--database-url=mysql://u:secret@h/d";
        let cases: [(&[&str], &str); 12] = [
            (&["--replicas=2"], "set DATABASE_URL or run 1 replica"),
            (&[url, "--data-dir=x"], "unset one of them"),
            (&["--database-url=postgres://h/d"], "mysql://"),
            (&["--database-url=mysql://u:secret@h"], "names no database"),
            (&["--database-url=mysql://u:secret@h:99999/d"], "DATABASE_URL must be"),
            (&["--concurrency-min=17", "--concurrency-max=16"], "CONCURRENCY_MAX=16"),
            (&["--overload-latency-millis=1500"], "below REQUEST_DEADLINE_MILLIS=1500"),
            (&[url, "--concurrency-max=15", "--concurrency-min=1"], "POOL_SIZE=16"),
            (&["--drain-delay-seconds=27"], "TERMINATION_GRACE_SECONDS=30"),
            (&["--campaign-start=1999-12-08"], "2000 to 2100"),
            (&["--migrate-on-start"], "unset it"),
            (&["--database-url=sqlite://x", "--replicas=2"], "mysql://"),
        ];
        for (arguments, expected) in cases {
            let error = config(arguments).unwrap_err().to_string();
            assert!(error.contains(expected), "{arguments:?}: {error}");
            assert!(!error.contains('\n') && !error.contains("secret"), "{arguments:?}: {error}");
        }
    }

    #[test]
    fn every_connection_to_the_database_can_be_used_however_slow_it_is() {
        let bounds = |arguments: &[&str]| config(arguments).unwrap().overload.bounds;
        let url = "--database-url=mysql://u:p@h/d";
        assert_eq!(Some(bounds(&[url])), Bounds::new(16, 1_024));
        assert_eq!(Some(bounds(&[url, "--pool-size=50"])), Bounds::new(50, 1_024));
        assert_eq!(Some(bounds(&["--concurrency-max=8", "--database-url="])), Bounds::new(8, 8));
        assert_eq!(Some(bounds(&[url, "--concurrency-min=4"])), Bounds::new(4, 1_024));
    }

    #[test]
    fn an_empty_database_url_means_none() {
        assert!(matches!(config(&["--database-url="]).unwrap().store, StoreConfig::Embedded(_)));
    }

    #[test]
    fn a_database_allows_many_replicas() {
        let config = config(&["--database-url=mysql://u:p@h/d", "--replicas=30"]).unwrap();
        assert!(matches!(config.store, StoreConfig::Server { pool_size: 16, migrate: false, .. }));
    }
}
