//! A small HTTP/1.1 client over one socket, which shows what an ordinary client hides: when the
//! connection is closed, by whom, and with which bytes.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Longest wait for any answer in any test.
const PATIENCE: Duration = Duration::from_secs(10);

/// One connection.
pub(super) struct Client {
    stream: TcpStream,
    buffer: Vec<u8>,
}

/// One answer.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

impl Answer {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    pub(super) fn closes(&self) -> bool {
        self.header("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"))
    }

    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(super) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {} {}", self.status, self.text()))
    }

    /// Asserts that this is a complete problem with `status`.
    pub(super) fn assert_problem(&self, status: u16, what: &str) {
        assert_eq!(self.status, status, "{what}: {}", self.text());
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{what}");
        let body = self.json();
        assert_eq!(body["status"], status, "{what}");
        for field in ["type", "title", "detail"] {
            let text = body[field].as_str().unwrap_or_default();
            assert!(!text.is_empty() && text.len() < 400, "{what}: {field} is {text:?}");
        }
    }
}

impl Client {
    pub(super) async fn connect(address: SocketAddr) -> io::Result<Self> {
        let stream = timeout(PATIENCE, TcpStream::connect(address)).await??;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: Vec::new() })
    }

    pub(super) async fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes).await
    }

    pub(super) async fn get(&mut self, path: &str) -> io::Result<Answer> {
        self.send(format!("GET {path} HTTP/1.1\r\nhost: test\r\n\r\n").as_bytes()).await?;
        self.answer().await
    }

    pub(super) async fn claim(&mut self, user: u64, key: &str, day: u8) -> io::Result<Answer> {
        self.send(&claim_request(user, key, &format!("{{\"day\":{day}}}"))).await?;
        self.answer().await
    }

    /// Reports `body`, a batch of events.
    pub(super) async fn report(&mut self, body: &str) -> io::Result<Answer> {
        self.send(
            format!(
                "POST /v1/events HTTP/1.1\r\nhost: test\r\ncontent-type: application/json\r\n\
                 content-length: {}\r\n\r\n{body}",
                body.len()
            )
            .as_bytes(),
        )
        .await?;
        self.answer().await
    }

    /// Reads one answer; an error if the connection ends first.
    pub(super) async fn answer(&mut self) -> io::Result<Answer> {
        timeout(PATIENCE, self.read_answer()).await?
    }

    async fn read_answer(&mut self) -> io::Result<Answer> {
        let end = loop {
            if let Some(at) = self.buffer.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
                break at + 4;
            }
            self.fill().await?;
        };
        let head = String::from_utf8_lossy(&self.buffer[..end]).into_owned();
        let mut lines = head.split("\r\n");
        let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok());
        let status = status.ok_or_else(|| io::Error::other(format!("no status in {head:?}")))?;
        let headers: Vec<_> = lines
            .filter_map(|line| line.split_once(": "))
            .map(|(key, value)| (key.to_ascii_lowercase(), value.to_owned()))
            .collect();
        let length = headers.iter().find(|(key, _)| key == "content-length");
        let length: usize = length.and_then(|(_, value)| value.parse().ok()).unwrap_or(0);
        // The head of a 1xx answer is followed by the real one.
        if status == 100 {
            self.buffer.drain(..end);
            return Box::pin(self.read_answer()).await;
        }
        while self.buffer.len() < end + length {
            self.fill().await?;
        }
        let body = self.buffer[end..end + length].to_vec();
        self.buffer.drain(..end + length);
        Ok(Answer { status, headers, body })
    }

    async fn fill(&mut self) -> io::Result<()> {
        match self.stream.read_buf(&mut self.buffer).await? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }

    /// Whether the server has ended this connection; what every client asks before it reuses one.
    pub(super) fn is_closed(&self) -> bool {
        let mut byte = [0];
        match self.stream.try_read(&mut byte) {
            Ok(0) => true,
            Ok(_) => panic!("the server spoke unasked"),
            Err(error) => error.kind() != io::ErrorKind::WouldBlock,
        }
    }

    /// Waits until the server ends the connection, without a byte and in order.
    pub(super) async fn closed(&mut self) -> io::Result<()> {
        match timeout(PATIENCE, self.fill()).await? {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(()),
            Err(error) => Err(error),
            Ok(()) => Err(io::Error::other(String::from_utf8_lossy(&self.buffer).into_owned())),
        }
    }
}

/// A claim as bytes.
pub(super) fn claim_request(user: u64, key: &str, body: &str) -> Vec<u8> {
    format!(
        "POST /v1/users/{user}/claims HTTP/1.1\r\nhost: test\r\nidempotency-key: {key}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// A batch of `count` events of one user, with ids `prefix`-0, `prefix`-1 and so on.
pub(super) fn batch(user: u64, prefix: &str, count: usize) -> String {
    let events = (0..count).map(|number| {
        serde_json::json!({
            "id": format!("{prefix}-{number}"),
            "user": user,
            "kind": "door_opened",
            "at": "2026-12-08T09:00:00Z",
        })
    });
    serde_json::json!({ "events": events.collect::<Vec<_>>() }).to_string()
}

/// The value of the series whose line starts with `series`.
pub(super) fn value(metrics: &str, series: &str) -> Option<f64> {
    metrics.lines().find_map(|line| line.strip_prefix(series)?.trim().parse().ok())
}

/// One request on a connection of its own.
pub(super) async fn get(address: SocketAddr, path: &str) -> Answer {
    Client::connect(address).await.expect("connects").get(path).await.expect("is answered")
}
