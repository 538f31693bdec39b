//! A TLS proxy between one copy of the operator and the API server, which does to requests what it is told ([`Rule`]) and
//! keeps a [`journal`] of the writes that were done. One for each copy: so faults can hit one of two, and it is known who
//! wrote what.
//!
//! It passes credentials on and has none of its own. It listens on 127.0.0.1 only. Used by end-to-end tests.

pub mod journal;
mod rules;
mod serve;

#[cfg(test)]
mod tests;

pub use rules::{Asked, Fault, Kind, On, Rule};

use anyhow::{Context as _, Result};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use journal::Entry;
use kube::{Client, Config};
use serve::Way;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, oneshot};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// More connections wait.
const CONNECTIONS: usize = 256;
/// After a connection that could not be taken.
const PAUSE: Duration = Duration::from_millis(100);

/// A certificate and its key, as PEM.
#[derive(Clone)]
pub struct Identity {
    /// The certificate, and what it is signed by.
    pub certificate: String,
    /// Its private key.
    pub key: String,
}

/// A proxy that runs until it is dropped.
pub struct Proxy {
    address: SocketAddr,
    way: Arc<Way>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Proxy {
    /// Starts one for the copy of this name, before the API server that `upstream` tells, with an identity of its own. Of
    /// `upstream` the address and the authority count, and no credentials.
    pub fn start(by: &str, identity: &Identity, upstream: Config) -> Result<Self> {
        let tls = TlsAcceptor::from(Arc::new(server_config(identity)?));
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .context("start a runtime")?;
        let bind = TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
        let listener = runtime.block_on(bind).context("listen on 127.0.0.1")?;
        let address = listener.local_addr().context("listen on 127.0.0.1")?;
        let client = {
            let _in = runtime.enter();
            Client::try_from(without_credentials(upstream)).context("reach the API server")?
        };
        let way = Arc::new(Way::new(by.to_owned(), client));
        let (stop, stopped) = oneshot::channel();
        let serving = accept(listener, tls, Arc::clone(&way));
        let thread = std::thread::spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    () = serving => {}
                    // Told to, or the handle is gone.
                    _ = stopped => {}
                }
            });
            // What is under way is given up.
            runtime.shutdown_background();
        });
        Ok(Self { address, way, stop: Some(stop), thread: Some(thread) })
    }

    /// Where it answers.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// From now on follows these rules, and no others.
    pub fn follow(&self, rules: &[Rule]) {
        self.way.follow(rules);
    }

    /// Breaks every watch off that is open.
    pub fn cut_watches(&self) {
        self.way.cut();
    }

    /// Every write that was done through it, oldest first.
    #[must_use]
    pub fn journal(&self) -> Vec<Entry> {
        self.way.journal()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic of it has been reported by the runtime; there is nobody left to tell.
            drop(thread.join());
        }
    }
}

fn without_credentials(mut upstream: Config) -> Config {
    upstream.auth_info = kube::config::AuthInfo::default();
    // What fails is the operator's to try again.
    upstream.default_retry = false;
    upstream
}

fn server_config(identity: &Identity) -> Result<ServerConfig> {
    let chain: Result<Vec<CertificateDer<'static>>, _> =
        CertificateDer::pem_slice_iter(identity.certificate.as_bytes()).collect();
    let key = PrivateKeyDer::from_pem_slice(identity.key.as_bytes()).context("read the key")?;
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .context("choose versions of TLS")?
        .with_no_client_auth()
        .with_single_cert(chain.context("read the certificate")?, key);
    config.context("use the certificate")
}

async fn accept(listener: TcpListener, tls: TlsAcceptor, way: Arc<Way>) {
    let slots = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let Ok(slot) = Arc::clone(&slots).acquire_owned().await else { return };
        let Ok((stream, _)) = listener.accept().await else {
            // Out of file descriptors, say: it passes, and a busy loop would not help.
            tokio::time::sleep(PAUSE).await;
            continue;
        };
        let (tls, way) = (tls.clone(), Arc::clone(&way));
        tokio::spawn(async move {
            // How a connection ends is its client's concern only.
            let _ = converse(stream, &tls, &way).await;
            drop(slot);
        });
    }
}

async fn converse(stream: TcpStream, tls: &TlsAcceptor, way: &Arc<Way>) -> Result<()> {
    let stream = tls.accept(stream).await?;
    let service = service_fn(|request| {
        let way = Arc::clone(way);
        async move { way.serve(request).await }
    });
    let connection =
        hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    Ok(connection.await?)
}
