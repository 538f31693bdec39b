//! A server's life: open the store, listen, become ready, wait for a signal, drain, exit.
//!
//! The thin shell around everything else. After SIGTERM: `/readyz` fails and every answer closes its
//! connection at once; serving goes on for the drain delay; then accepting stops, connections on which
//! nothing is arriving close, and the rest finish within a bound; at last, accepted events are stored. SIGINT skips
//! the delay.

use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use actix_web::web::Data;
use anyhow::{Context, anyhow};
use tokio::net::TcpSocket;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::admission::Admission;
use crate::config::{Config, StoreConfig};
use crate::events::Buffer;
use crate::events::flush::Flusher;
use crate::http::Api;
use crate::http::campaign::PageCache;
use crate::lifecycle::{Lifecycle, Phase};
use crate::metrics::Metrics;
use crate::net::server::{self, FINISH_LIMIT};
use crate::store::cached::CachedStore;
use crate::store::migrate::{self, SchemaError};
use crate::store::mysql::Mysql;
use crate::store::{Store, sqlite::Sqlite};

/// Connections that the kernel holds while we are busy accepting.
const BACKLOG: u32 = 1_024;
/// Pause between two looks at a database that is not usable yet.
const START_RETRY: Duration = Duration::from_millis(500);

/// Serves until told to end.
pub async fn serve(config: Config) -> anyhow::Result<()> {
    let mut signals = Signals::listen()?;
    let metrics = Metrics::default();
    let store = open(&config.store, &metrics).await?;
    let listener = listen(config.listen)?;
    let (events, accepted) = Buffer::new(metrics.clone());
    let api = Data::new(Api {
        campaign: config.campaign,
        clock: config.clock,
        max_user: config.max_user,
        limits: config.limits,
        store: CachedStore::new(store, config.cache_ttl, metrics.clone()),
        admission: Admission::new(config.overload),
        events,
        metrics,
        lifecycle: Lifecycle::default(),
        page: PageCache::default(),
    });
    let stop = CancellationToken::new();
    let storing = Flusher::new(api.clone(), accepted, stop.clone()).run();
    let answering = async {
        // However answering ends, what was accepted is stored before the process ends.
        let _stop = stop.drop_guard();
        answer(&config, listener, api, &mut signals).await
    };
    let (answered, ()) = tokio::join!(answering, storing);
    tracing::info!("ended");
    answered
}

/// Answers requests until told to end and until the last of them is answered.
async fn answer(
    config: &Config,
    listener: TcpListener,
    api: Data<Api>,
    signals: &mut Signals,
) -> anyhow::Result<()> {
    let address = listener.local_addr().context("cannot tell the address listened on")?;
    let lifecycle = api.lifecycle.clone();
    let server =
        server::start(listener, api.clone(), config.workers).context("cannot start serving")?;
    let handle = server.handle();
    let mut running = tokio::spawn(server);
    tracing::info!(%address, workers = config.workers, "listening");

    let end = tokio::select! {
        ended = &mut running => return Err(anyhow!("the server ended by itself: {ended:?}")),
        end = signals.next() => end,
        failed = become_ready(config, &api) => return Err(failed),
    };
    drain(end, config.drain_delay, &lifecycle, signals).await;
    let stopping = handle.stop(true);
    lifecycle.close_idle_connections();
    // Workers count their connections once a second, so they may need one more than their limit.
    let limit = FINISH_LIMIT + Duration::from_secs(1);
    if tokio::time::timeout(limit, stopping).await.is_err() {
        tracing::warn!("connections were still open {limit:?} after closing; ended them");
    }
    Ok(())
}

/// Opens the store: an embedded one completely, a server's without asking it anything yet.
async fn open(config: &StoreConfig, metrics: &Metrics) -> anyhow::Result<Store> {
    Ok(match config {
        StoreConfig::Embedded(directory) => {
            let database = Sqlite::in_directory(directory)?;
            migrate::sqlite(&database).await.context("cannot open the embedded store")?;
            Store::sqlite(&database, metrics)
        }
        StoreConfig::Server { database, pool_size, .. } => {
            Store::mysql(Mysql::clone(database), *pool_size, metrics)
        }
    })
}

fn listen(address: SocketAddr) -> anyhow::Result<TcpListener> {
    let listen = || {
        let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        socket.listen(BACKLOG)?.into_std()
    };
    listen().with_context(|| format!("cannot listen on {address}; choose another with LISTEN"))
}

/// Makes the server ready once its database is; returns only when that fails.
async fn become_ready(config: &Config, api: &Api) -> anyhow::Error {
    if let StoreConfig::Server { database, migrate, .. } = &config.store
        && let Err(error) = wait_for_schema(database, *migrate, config.start_timeout).await
    {
        return error;
    }
    api.store.store().warm().await;
    api.lifecycle.advance(Phase::Ready);
    tracing::info!("ready");
    std::future::pending().await
}

async fn wait_for_schema(database: &Mysql, migrate: bool, limit: Duration) -> anyhow::Result<()> {
    let give_up = Instant::now() + limit;
    let mut last = None;
    let attempts = async {
        loop {
            let attempt = async {
                if migrate {
                    migrate::mysql(database).await
                } else {
                    migrate::check_mysql(database).await
                }
            };
            match attempt.await {
                Ok(()) => return,
                Err(error) => report(&mut last, error),
            }
            sleep(START_RETRY).await;
        }
    };
    match tokio::time::timeout_at(give_up, attempts).await {
        Ok(()) => Ok(()),
        Err(_) => Err(match last {
            Some(error) => anyhow!(error).context(format!("not ready within {limit:?}")),
            None => anyhow!("the database did not answer within {limit:?}; check DATABASE_URL"),
        }),
    }
}

/// Logs an error unless it was the last one too, and remembers it.
fn report(last: &mut Option<SchemaError>, error: SchemaError) {
    let text = error.to_string();
    if last.as_ref().map(ToString::to_string).as_ref() != Some(&text) {
        tracing::warn!("waiting for the database: {text}");
    }
    *last = Some(error);
}

/// Goes on serving while the world learns that this replica is leaving.
async fn drain(end: End, delay: Duration, lifecycle: &Lifecycle, signals: &mut Signals) {
    lifecycle.advance(Phase::Draining);
    match end {
        End::Now => tracing::info!("told to end now"),
        End::Gently => {
            tracing::info!(?delay, "draining");
            tokio::select! {
                () = sleep(delay) => {}
                () = signals.interrupted() => tracing::info!("told to end now"),
            }
        }
    }
}

/// How a signal asks the process to end.
#[derive(Debug, Clone, Copy)]
enum End {
    Gently,
    Now,
}

struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn listen() -> anyhow::Result<Self> {
        let listen = |kind| signal(kind).context("cannot listen to signals");
        Ok(Self {
            terminate: listen(SignalKind::terminate())?,
            interrupt: listen(SignalKind::interrupt())?,
        })
    }

    async fn next(&mut self) -> End {
        tokio::select! {
            _ = self.terminate.recv() => End::Gently,
            _ = self.interrupt.recv() => End::Now,
        }
    }

    async fn interrupted(&mut self) {
        let _ = self.interrupt.recv().await;
    }
}
