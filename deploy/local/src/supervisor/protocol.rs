//! What a client and the supervisor say to each other: one request a connection, as one line of JSON; then
//! lines of progress, then one answer.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::SocketAddr,
    os::unix::net::UnixStream,
    path::Path,
    time::Duration,
};

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{
    enter::Entry,
    error::{Because, Error, Result},
    options::{Image, Name, NodeSpec, Options},
    program::Program,
    programs::Programs,
    progress::{Event, Progress},
};

/// A line longer than that is not one of ours.
const LONGEST_LINE: u64 = 1 << 20;

/// What a client asks for.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Request {
    /// Start the cluster.
    Up { options: Options, programs: Programs },
    /// Start a node and wait until it is Ready.
    AddNode(NodeSpec),
    /// End nodes at once, all at the same time.
    KillNodes(Vec<Name>),
    /// Make an image known to every node.
    LoadImage(Image),
    /// Start a program in the control plane's network and wait until it is ready.
    Start(Program),
    /// End such a program.
    Stop(String),
    /// Open a way from 127.0.0.1.
    Forward(Place, SocketAddr),
    /// Say where a program of the caller has to run.
    Place(Place),
    /// Tell what is there.
    Status,
    /// End everything.
    Down,
}

/// Where in a cluster.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Place {
    /// The control plane's network, on the bridge.
    ControlPlane,
    /// A node.
    Node(Name),
}

/// What the supervisor answers.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Reply {
    /// More will come.
    Progress(Event),
    /// Done.
    Done,
    /// Everything has ended but these processes, which end now.
    Ended([u32; 2]),
    /// The way leads from here.
    Forwarded(SocketAddr),
    /// The caller's program has to run there.
    Placed(Entry),
    /// What is there.
    Status(Status),
    /// Not done, and why.
    Failed(String),
}

/// What is there.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    /// The process ids of the supervisor and of the process that watches over it.
    pub supervisors: [u32; 2],
    /// The programs that the cluster runs.
    pub programs: Programs,
    /// The nodes that run.
    pub nodes: Vec<NodeStatus>,
    /// The programs in the control plane's network that run.
    pub running: Vec<String>,
}

/// A node that runs.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NodeStatus {
    /// As it was asked for.
    pub spec: NodeSpec,
    /// Its address on the bridge.
    pub address: std::net::Ipv4Addr,
}

impl Request {
    /// How long to wait for the next line of the answer.
    fn patience(&self) -> Duration {
        Duration::from_secs(match self {
            Self::Status | Self::Place(_) | Self::Forward(..) => 30,
            Self::KillNodes(_) | Self::Stop(_) => 60,
            Self::Up { .. }
            | Self::AddNode(_)
            | Self::LoadImage(_)
            | Self::Start(_)
            | Self::Down => 180,
        })
    }
}

/// Asks the supervisor and returns its answer; progress on the way goes to `progress`.
pub(crate) fn ask(socket: &Path, request: &Request, progress: &dyn Progress) -> Result<Reply> {
    let asking = || "ask the cluster's supervisor".to_owned();
    let mut stream = UnixStream::connect(socket).because(asking)?;
    stream.set_read_timeout(Some(request.patience())).because(asking)?;
    send(&mut stream, request)?;
    let mut reader = BufReader::new(stream);
    loop {
        match receive(&mut reader)? {
            Reply::Progress(event) => progress.report(event),
            Reply::Failed(problem) => return Err(Error::Refused(problem)),
            answer => return Ok(answer),
        }
    }
}

/// Writes one line.
pub(crate) fn send(stream: &mut UnixStream, message: &impl Serialize) -> Result<()> {
    let sending = || "send a message".to_owned();
    let mut line = serde_json::to_string(message).because(sending)?;
    line.push('\n');
    stream.write_all(line.as_bytes()).because(sending)
}

/// Reads one line.
pub(crate) fn receive<T: DeserializeOwned>(reader: &mut impl BufRead) -> Result<T> {
    let mut line = String::new();
    let read = reader.by_ref().take(LONGEST_LINE).read_line(&mut line);
    read.because(|| "read the supervisor's message".into())?;
    if !line.ends_with('\n') {
        return Err(Error::Protocol("the message ended early".into()));
    }
    serde_json::from_str(&line).map_err(|problem| Error::Protocol(problem.to_string()))
}

#[cfg(test)]
mod tests {
    use std::{os::unix::net::UnixListener, sync::Mutex, thread};

    use super::*;
    use crate::progress::Silent;

    fn answering(replies: Vec<String>) -> (tempfile::TempDir, std::path::PathBuf) {
        let directory = tempfile::tempdir().unwrap();
        let socket = directory.path().join("socket");
        let listener = UnixListener::bind(&socket).unwrap();
        thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            let _: Request = receive(&mut reader).unwrap();
            for reply in replies {
                stream.write_all(reply.as_bytes()).unwrap();
            }
        });
        (directory, socket)
    }

    fn line(reply: &Reply) -> String {
        format!("{}\n", serde_json::to_string(reply).unwrap())
    }

    #[test]
    fn progress_comes_before_the_answer() {
        let step = Reply::Progress(Event::Step("one".into()));
        let (_directory, socket) = answering(vec![line(&step), line(&Reply::Done)]);
        let seen = Mutex::new(Vec::new());
        let progress = |event: Event| seen.lock().unwrap().push(event);
        let answer = ask(&socket, &Request::Status, &progress).unwrap();
        assert!(matches!(answer, Reply::Done));
        assert_eq!(*seen.lock().unwrap(), [Event::Step("one".into())]);
    }

    #[test]
    fn a_refusal_is_the_supervisors_own_words() {
        let (_directory, socket) = answering(vec![line(&Reply::Failed("no such node".into()))]);
        let error = ask(&socket, &Request::Down, &Silent).unwrap_err();
        assert_eq!(error.to_string(), "no such node");
    }

    #[test]
    fn a_supervisor_that_dies_or_talks_nonsense_is_an_error() {
        for reply in ["", "{\"done\"", "nonsense\n"] {
            let (_directory, socket) = answering(vec![reply.into()]);
            assert!(ask(&socket, &Request::Status, &Silent).is_err(), "{reply:?}");
        }
    }

    #[test]
    fn a_request_with_a_bad_name_is_refused_at_the_door() {
        let mut line = BufReader::new(&b"{\"killNode\":\"../../etc\"}\n"[..]);
        assert!(receive::<Request>(&mut line).is_err());
    }
}
