//! The operator's program: reads the command line, installs the TLS provider and runs [`apifleet_controller::run`], or
//! [`apifleet_controller::check`].

use anyhow::Context as _;
use apifleet_controller::{check, cli::Args, run};
use clap::Parser as _;
use mimalloc::MiMalloc;
use std::thread::available_parallelism;

/// The operator waits more than it computes, and each thread takes memory of its own, however many cores the node has.
const THREADS: usize = 4;

/// Gives back what a pass or a list took for a moment. The one of glibc keeps it: with ten thousand fleets twice as much
/// as was in use.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> anyhow::Result<()> {
    let settings = Args::parse().settings()?;
    settings.log_format.install();
    // One provider for every connection; with two in the program rustls panics at the first handshake.
    rustls::crypto::aws_lc_rs::default_provider()
        .install_default()
        .map_err(|_| anyhow::anyhow!("another TLS provider is already installed"))?;
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(available_parallelism().map_or(1, usize::from).min(THREADS))
        .enable_all()
        .build()
        .context("cannot start the runtime; check the limits on threads and file descriptors")?
        .block_on(async {
            if settings.check { check::check(settings).await } else { run::run(settings).await }
        })
}
