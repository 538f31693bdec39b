//! Waits until a server answers, in the network namespace of the calling thread.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    thread,
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

const CONNECT: Duration = Duration::from_millis(500);
const ANSWER: Duration = Duration::from_secs(2);

/// How to tell that a program is ready.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Ready {
    /// As soon as it runs.
    AtOnce,
    /// It accepts connections.
    Tcp(SocketAddr),
    /// It answers this path with status 200.
    Http(SocketAddr, String),
}

impl Ready {
    /// Asks once.
    pub(crate) fn ask(&self) -> bool {
        match self {
            Self::AtOnce => true,
            Self::Tcp(address) => TcpStream::connect_timeout(address, CONNECT).is_ok(),
            Self::Http(address, path) => answers(*address, path).unwrap_or(false),
        }
    }
}

fn answers(address: SocketAddr, path: &str) -> std::io::Result<bool> {
    let mut stream = TcpStream::connect_timeout(&address, CONNECT)?;
    stream.set_read_timeout(Some(ANSWER))?;
    stream.set_write_timeout(Some(ANSWER))?;
    // In one piece: a server may answer and close before it has read a second one.
    stream.write_all(format!("GET {path} HTTP/1.0\r\nHost: {address}\r\n\r\n").as_bytes())?;
    let mut head = [0; 12];
    stream.read_exact(&mut head)?;
    Ok(head.ends_with(b" 200"))
}

/// Asks again and again until `ready` says so.
pub(crate) fn until(
    what: &str,
    deadline: Duration,
    mut ready: impl FnMut() -> Result<bool>,
) -> Result<()> {
    let end = Instant::now() + deadline;
    let mut pause = Duration::from_millis(10);
    loop {
        if ready()? {
            return Ok(());
        }
        if Instant::now() >= end {
            return Err(Error::Timeout { what: what.into(), seconds: deadline.as_secs() });
        }
        thread::sleep(pause);
        pause = (pause * 3 / 2).min(Duration::from_millis(100));
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    fn answering(status: &'static str) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            drop(stream.read(&mut [0; 512]));
            write!(stream, "HTTP/1.1 {status}\r\n\r\n").unwrap();
        });
        address
    }

    #[test]
    fn only_status_200_is_ready() {
        assert!(Ready::Http(answering("200 OK"), "/".into()).ask());
        assert!(!Ready::Http(answering("503 Service Unavailable"), "/".into()).ask());
    }

    #[test]
    fn a_closed_port_is_not_ready() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        assert!(Ready::Tcp(address).ask());
        drop(listener);
        assert!(!Ready::Tcp(address).ask());
        assert!(!Ready::Http(address, "/".into()).ask());
    }

    #[test]
    fn waiting_ends_at_the_deadline_and_names_what_was_awaited() {
        let error = until("the moon", Duration::from_millis(30), || Ok(false)).unwrap_err();
        assert!(error.to_string().contains("the moon"), "{error}");
    }

    #[test]
    fn waiting_stops_at_the_first_error() {
        let error = until("it", Duration::from_secs(5), || Err(Error::Refused("died".into())));
        assert_eq!(error.unwrap_err().to_string(), "died");
    }
}
