//! Builds the listening server: worker threads, connections with limits, HTTP/1.1, our routes.
//!
//! What `actix_web::HttpServer` does, with our [`Connection`] in place of the bare socket. Called by
//! [`crate::serve`]; it never reads signals and never decides when to stop.

use std::future::{Ready, ready};
use std::io;
use std::net::TcpListener;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use actix_http::{HttpService, KeepAlive};
use actix_server::Server;
use actix_service::{IntoServiceFactory, ServiceFactoryExt, fn_service, map_config};
use actix_web::dev::AppConfig;
use actix_web::web::Data;
use tokio::net::TcpStream;
use tokio::time::Instant;

use super::connection::Connection;
use super::lifespan::{Lifespan, Limits};
use crate::admission::lag::{self, Lag};
use crate::http::{self, Api};
use crate::lifecycle::Lifecycle;

/// Longest time for finishing requests once accepting has stopped; above a request's deadline.
pub const FINISH_LIMIT: Duration = Duration::from_secs(3);
/// How long a closing connection may take to close.
const DISCONNECT_LIMIT: Duration = Duration::from_secs(1);
/// Connections per worker thread; above it the kernel's queue holds new ones back.
const MAX_CONNECTIONS: usize = 10_000;

/// Starts accepting on `listener`; the server runs once it is awaited.
pub fn start(listener: TcpListener, api: Data<Api>, workers: usize) -> io::Result<Server> {
    let server = Server::build()
        .workers(workers)
        .max_concurrent_connections(MAX_CONNECTIONS)
        .shutdown_timeout(FINISH_LIMIT.as_secs())
        .disable_signals()
        .listen("http", listener, move || {
            // This runs on each worker thread; the task that measures it ends with it.
            let lag = Arc::new(Lag::default());
            tokio::spawn(lag::measure(Arc::clone(&lag), api.metrics.clone()));
            let app =
                map_config(http::app(api.clone(), lag).into_factory(), |()| AppConfig::default())
                    .map_err(|error| error.error_response());
            let limits = api.limits;
            let lifecycle = api.lifecycle.clone();
            fn_service(move |socket| accept(socket, limits, &lifecycle))
                .map_err(actix_http::error::DispatchError::Io)
                .and_then(
                    HttpService::build()
                        .keep_alive(KeepAlive::Os)
                        .client_request_timeout(Duration::ZERO)
                        .client_disconnect_timeout(DISCONNECT_LIMIT)
                        .on_connect_ext(|io: &Connection, data| {
                            data.insert(io.lifespan());
                        })
                        .h1(app),
                )
        })?;
    Ok(server.run())
}

type Accepted = (Connection, Option<std::net::SocketAddr>);

fn accept(socket: TcpStream, limits: Limits, lifecycle: &Lifecycle) -> Ready<io::Result<Accepted>> {
    // Answers are written whole, so waiting to fill a packet only delays them. A socket that is gone
    // already refuses the option, and its first read says so too.
    let _ = socket.set_nodelay(true);
    let lifespan = Rc::new(Lifespan::new(limits, Instant::now()));
    ready(Ok((Connection::new(socket, lifespan, lifecycle.closing()), None)))
}
