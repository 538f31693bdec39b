//! The commands: what each does, what it prints and how it exits.

use std::io::Write;
use std::process::ExitCode;

use anyhow::Context;
use clap::Parser;

use crate::cli::{Cli, Command};
use crate::config::{Config, StoreConfig};
use crate::store::{migrate, sqlite::Sqlite};
use crate::{logs, serve};

/// Settings were refused.
const REFUSED: u8 = 2;

/// Reads the arguments, does what they say, and tells how it went.
#[must_use]
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) if error.use_stderr() => return refuse(&first_line(&error.to_string())),
        Err(help) => {
            say(&help.to_string());
            return ExitCode::SUCCESS;
        }
    };
    let format = cli.settings.log_format;
    let config = match Config::try_from(cli.settings) {
        Ok(config) => config,
        Err(error) => return refuse(&error.to_string()),
    };
    let done = match cli.command.unwrap_or(Command::Serve) {
        Command::CheckConfig => check_config(&config),
        Command::Migrate => block_on(migrate_now(&config)),
        Command::Serve => {
            logs::install(format);
            block_on(serve::serve(config))
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&format!("{error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn block_on(work: impl Future<Output = anyhow::Result<()>>) -> anyhow::Result<()> {
    // Requests run on the server's own worker threads; this one only waits for signals.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    let done = runtime.block_on(work);
    // Nothing that is left may hold the exit back.
    runtime.shutdown_background();
    done
}

fn check_config(config: &Config) -> anyhow::Result<()> {
    let store = match &config.store {
        StoreConfig::Embedded(directory) => {
            Sqlite::in_directory(directory)?;
            format!("embedded in {}", directory.display())
        }
        StoreConfig::Server { pool_size, .. } => {
            format!("a database server, at most {pool_size} connections per replica")
        }
    };
    say(&format!(
        "settings are valid: listens on {}, {} workers, store {store}, door 8 opens on {}\n",
        config.listen, config.workers, config.campaign.start
    ));
    Ok(())
}

async fn migrate_now(config: &Config) -> anyhow::Result<()> {
    let migrating = async {
        match &config.store {
            StoreConfig::Embedded(directory) => {
                migrate::sqlite(&Sqlite::in_directory(directory)?).await?;
            }
            StoreConfig::Server { database, .. } => migrate::mysql(database).await?,
        }
        anyhow::Ok(())
    };
    let limit = config.start_timeout;
    tokio::time::timeout(limit, migrating)
        .await
        .with_context(|| format!("the database did not finish within {limit:?}; raise START_TIMEOUT_SECONDS or look at it"))??;
    say("the schema is up to date\n");
    Ok(())
}

fn first_line(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    format!("{}; see api-server --help", line.strip_prefix("error: ").unwrap_or(line))
}

fn refuse(reason: &str) -> ExitCode {
    complain(reason);
    ExitCode::from(REFUSED)
}

/// A closed standard output is no reason to fail.
fn say(text: &str) {
    let _ = std::io::stdout().write_all(text.as_bytes());
}

fn complain(reason: &str) {
    let _ = writeln!(std::io::stderr(), "api-server: {reason}");
}
