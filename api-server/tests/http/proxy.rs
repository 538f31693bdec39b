//! A TCP proxy that can be slow or freeze: connections stay open and are accepted, but no byte passes any more.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

pub(super) struct Proxy {
    pub(super) port: u16,
    frozen: watch::Sender<bool>,
    /// Milliseconds by which bytes are delayed, each way.
    delay: Arc<AtomicU64>,
    task: tokio::task::JoinHandle<()>,
}

impl Proxy {
    pub(super) async fn to(target: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        let (frozen, gate) = watch::channel(false);
        let delay = Arc::new(AtomicU64::new(0));
        let delayed = Arc::clone(&delay);
        let task = tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                let (gate, delay) = (gate.clone(), Arc::clone(&delayed));
                tokio::spawn(async move {
                    let Ok(far) = TcpStream::connect(target).await else { return };
                    let ((near_read, near_write), (far_read, far_write)) =
                        (near.into_split(), far.into_split());
                    let back = carry(far_read, near_write, gate.clone(), Arc::clone(&delay));
                    tokio::spawn(carry(near_read, far_write, gate, delay));
                    back.await;
                });
            }
        });
        Self { port, frozen, delay, task }
    }

    pub(super) fn freeze(&self, frozen: bool) {
        self.frozen.send_replace(frozen);
    }

    /// Delays whatever passes from now on, each way.
    pub(super) fn slow(&self, delay: Duration) {
        let millis = u64::try_from(delay.as_millis()).expect("a short delay");
        self.delay.store(millis, Ordering::Relaxed);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn carry(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    mut gate: watch::Receiver<bool>,
    delay: Arc<AtomicU64>,
) {
    let mut bytes = vec![0; 16 * 1024];
    while let Ok(count @ 1..) = from.read(&mut bytes).await {
        let delay = Duration::from_millis(delay.load(Ordering::Relaxed));
        if !delay.is_zero() {
            tokio::time::sleep(delay).await;
        }
        let open = gate.wait_for(|frozen| !frozen).await.is_ok();
        if !open || to.write_all(&bytes[..count]).await.is_err() {
            break;
        }
    }
}
