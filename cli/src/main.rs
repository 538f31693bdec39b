//! The program: installs the TLS provider, runs [`apifleet_cli::run`] and returns its exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    // One provider for every connection; with two in the program rustls panics at the first handshake. That one is
    // installed already is as good.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    apifleet_cli::run(std::env::args_os().collect()).into()
}
