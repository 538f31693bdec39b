//! The operator's program: reads the command line, installs the TLS provider and runs [`apifleet_controller::run`], or
//! [`apifleet_controller::check`].

use anyhow::Context as _;
use apifleet_controller::{check, cli::Args, run};
use clap::Parser as _;

fn main() -> anyhow::Result<()> {
    let settings = Args::parse().settings()?;
    settings.log_format.install();
    // One provider for every connection; with two in the program rustls panics at the first handshake.
    rustls::crypto::aws_lc_rs::default_provider()
        .install_default()
        .map_err(|_| anyhow::anyhow!("another TLS provider is already installed"))?;
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime; check the limits on threads and file descriptors")?
        .block_on(async {
            if settings.check { check::check(settings).await } else { run::run(settings).await }
        })
}
