//! Ways from 127.0.0.1 into a cluster's network, for tools on this machine. Load generators do not use them:
//! they run inside.

use std::{
    io,
    net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
        mpsc::sync_channel,
    },
    thread,
    time::Duration,
};

use crate::{
    error::{Because, Result},
    kernel,
    network::Net,
};

/// More connections at once than that are refused.
const MOST_CONNECTIONS: usize = 512;
const DIAL: Duration = Duration::from_secs(3);
/// After an error of accept, such as too many open files.
const PAUSE: Duration = Duration::from_millis(100);

/// Listens on a free port of 127.0.0.1, and connects whoever comes to `target` in `net`. Ends with the
/// process.
pub(crate) fn forward(net: &Net, target: SocketAddr) -> Result<SocketAddr> {
    // The listener is made here, in the machine's network, and stays there.
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
    let listener = listener.because(|| "listen on 127.0.0.1".into())?;
    let address = listener.local_addr().because(|| "listen on 127.0.0.1".into())?;
    let inside = net.path();
    let (sender, entered) = sync_channel(1);
    thread::Builder::new()
        .spawn(move || {
            let result = kernel::enter_net(&inside);
            let is_inside = result.is_ok();
            if sender.send(result).is_ok() && is_inside {
                serve(&listener, target);
            }
        })
        .because(|| "start a thread".into())?;
    let entered = entered.recv().unwrap_or_else(|lost| Err(io::Error::other(lost)));
    entered.because(|| "enter a network namespace".into())?;
    Ok(address)
}

/// Threads started from here are inside the network too.
fn serve(listener: &TcpListener, target: SocketAddr) {
    let open = Arc::new(AtomicUsize::new(0));
    for stream in listener.incoming() {
        let Ok(stream) = stream else {
            thread::sleep(PAUSE);
            continue;
        };
        if open.fetch_add(1, Ordering::Relaxed) >= MOST_CONNECTIONS {
            open.fetch_sub(1, Ordering::Relaxed);
            continue;
        }
        let counted = Counted(Arc::clone(&open));
        // A connection that cannot be served is closed; its client sees that.
        drop(thread::Builder::new().spawn(move || {
            let _counted = counted;
            connect(&stream, target)
        }));
    }
}

struct Counted(Arc<AtomicUsize>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

fn connect(outside: &TcpStream, target: SocketAddr) -> io::Result<()> {
    let inside = TcpStream::connect_timeout(&target, DIAL)?;
    inside.set_nodelay(true)?;
    outside.set_nodelay(true)?;
    thread::scope(|scope| {
        scope.spawn(|| pass(outside, &inside));
        pass(&inside, outside)
    })
}

/// Copies one direction, then closes it; after an error it closes both.
fn pass(mut from: &TcpStream, mut to: &TcpStream) -> io::Result<()> {
    if let Err(problem) = io::copy(&mut from, &mut to) {
        // Either may be closed already.
        drop(from.shutdown(Shutdown::Both));
        drop(to.shutdown(Shutdown::Both));
        return Err(problem);
    }
    to.shutdown(Shutdown::Write)
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};

    use super::*;

    #[test]
    fn bytes_and_the_end_of_each_direction_are_passed_on() {
        let server = TcpListener::bind("127.0.0.1:0").unwrap();
        let target = server.local_addr().unwrap();
        thread::spawn(move || {
            let (mut stream, _) = server.accept().unwrap();
            let mut request = String::new();
            stream.read_to_string(&mut request).unwrap();
            write!(stream, "{request} back").unwrap();
        });
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        thread::spawn(move || serve(&listener, target));
        let mut client = TcpStream::connect(address).unwrap();
        client.write_all(b"there").unwrap();
        client.shutdown(Shutdown::Write).unwrap();
        let mut answer = String::new();
        client.read_to_string(&mut answer).unwrap();
        assert_eq!(answer, "there back");
    }

    #[test]
    fn a_client_of_a_target_that_is_not_there_is_disconnected() {
        let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        thread::spawn(move || serve(&listener, free));
        let mut client = TcpStream::connect(address).unwrap();
        assert_eq!(client.read(&mut [0; 8]).unwrap(), 0);
    }
}
