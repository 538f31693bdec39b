//! The program `api-server`: installs the TLS provider, reads the arguments and hands over to the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    // An error here means that a provider is installed already, and there is only one in this program.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    api_server::main()
}
