//! A socket that ends itself: when idle for too long, when a head or an answer takes too long, and,
//! once the process closes idle connections, at the first moment in which nothing has arrived.
//!
//! Every end looks like the client's own end of stream, so that actix-http finishes what it has and
//! closes in order. actix-http's own timers cover the first head only and its graceful stop drops a
//! request that has just arrived (it stops reading first); this type reads first. Made by
//! [`super::server`] for each accepted connection; it never looks into the bytes.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep_until};
use tokio_util::sync::WaitForCancellationFutureOwned;

use super::lifespan::Lifespan;

/// A client's connection.
pub struct Connection {
    socket: TcpStream,
    lifespan: Rc<Lifespan>,
    closing: Pin<Box<WaitForCancellationFutureOwned>>,
    closing_seen: bool,
    read_timer: Pin<Box<Sleep>>,
    write_timer: Option<Pin<Box<Sleep>>>,
    ended: bool,
}

impl Connection {
    /// Wraps a socket; `closing` resolves when idle connections are to close.
    #[must_use]
    pub fn new(
        socket: TcpStream,
        lifespan: Rc<Lifespan>,
        closing: WaitForCancellationFutureOwned,
    ) -> Self {
        let first = lifespan.read_until(false).unwrap_or_else(Instant::now);
        Self {
            socket,
            lifespan,
            closing: Box::pin(closing),
            closing_seen: false,
            read_timer: Box::pin(sleep_until(first)),
            write_timer: None,
            ended: false,
        }
    }

    /// The times of this connection.
    #[must_use]
    pub fn lifespan(&self) -> Rc<Lifespan> {
        Rc::clone(&self.lifespan)
    }

    /// Whether waiting for bytes has lasted long enough.
    fn poll_wait_is_over(&mut self, cx: &mut Context<'_>) -> bool {
        if !self.closing_seen {
            self.closing_seen = self.closing.as_mut().poll(cx).is_ready();
        }
        loop {
            let Some(until) = self.lifespan.read_until(self.closing_seen) else { return false };
            if until <= Instant::now() {
                return true;
            }
            // A timer that fires too early is set again; resetting it on every request costs more.
            if until < self.read_timer.deadline() || self.read_timer.is_elapsed() {
                self.read_timer.as_mut().reset(until);
            }
            if self.read_timer.as_mut().poll(cx).is_pending() {
                return false;
            }
        }
    }

    /// Passes on the result of writing, or ends a write that the other side does not take.
    fn watch_write<T>(
        &mut self,
        cx: &mut Context<'_>,
        written: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.write_timer = None;
            return written;
        }
        let limit = self.lifespan.write_limit();
        let timer =
            self.write_timer.get_or_insert_with(|| Box::pin(sleep_until(Instant::now() + limit)));
        ready!(timer.as_mut().poll(cx));
        Poll::Ready(Err(io::Error::new(
            io::ErrorKind::TimedOut,
            "the answer was not taken in time",
        )))
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.ended {
            return Poll::Ready(Ok(()));
        }
        let before = buffer.filled().len();
        if let Poll::Ready(read) = Pin::new(&mut this.socket).poll_read(cx, buffer) {
            if buffer.filled().len() > before {
                this.lifespan.received(Instant::now());
            }
            return Poll::Ready(read);
        }
        if this.poll_wait_is_over(cx) {
            this.ended = true;
            return Poll::Ready(Ok(()));
        }
        Poll::Pending
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        let written = Pin::new(&mut this.socket).poll_write(cx, bytes);
        this.watch_write(cx, written)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let flushed = Pin::new(&mut this.socket).poll_flush(cx);
        this.watch_write(cx, flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(cx)
    }
}
