//! The daemon of a cluster. It owns every process by its id, and ends with the cluster.
//!
//! It is two processes. The outer one adopts and reaps orphans, such as the shims of a killed container
//! runtime, and does nothing else: the machine's first process may not do that. The inner one serves clients,
//! holds the cluster's lock and starts everything. When the inner one crashes, the outer one stays until all
//! that was left is gone, so that the next `up` or `down` leaves no zombies behind.

pub(crate) mod protocol;
pub(crate) mod world;

use std::{
    env,
    fs::{self, File},
    io::BufReader,
    os::unix::{
        net::{UnixListener, UnixStream},
        process::parent_id,
    },
    path::{Path, PathBuf},
    process::{self, Command, Stdio},
    slice,
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::Duration,
};

use nix::{
    errno::Errno,
    sys::{
        signal::{SigSet, Signal},
        wait::wait,
    },
    unistd::setsid,
};

use self::{
    protocol::{Reply, Request, receive, send},
    world::World,
};
use crate::{
    error::{Because, Error, Result},
    kernel,
    lock::Lock,
    options::{Name, NodeSpec, Options},
    paths::{self, State},
    probe,
    process::quote,
    programs::Programs,
    progress::{Event, Progress},
    remains,
};

const STARTED: Duration = Duration::from_secs(30);
/// A client that does not say what it wants is let go.
const REQUEST: Duration = Duration::from_secs(10);
/// Whoever only looks whether the lock is held holds it for a moment.
const GLANCE: Duration = Duration::from_secs(1);
/// After an error of accept, such as too many open files.
const PAUSE: Duration = Duration::from_millis(100);
const PROGRAM: &str = "apifleet-local";

/// The path of `apifleet-local`: beside the running program, or beside its directory of tests.
pub(crate) fn program() -> Result<PathBuf> {
    let own = env::current_exe().because(|| "find the path of this program".into())?;
    program_beside(&own)
}

fn program_beside(own: &Path) -> Result<PathBuf> {
    let beside = own.ancestors().skip(1).take(2).map(|directory| directory.join(PROGRAM));
    beside.into_iter().find(|path| path.is_file()).ok_or_else(|| Error::Missing {
        program: format!("{PROGRAM} (beside {})", own.display()),
        install: format!("build it: `cargo build --package {PROGRAM}`"),
    })
}

/// Starts the daemon of a cluster and waits until it can be asked.
pub(crate) fn launch(name: &Name) -> Result<()> {
    let state = State::of(name);
    let starting = || "start the cluster's supervisor".to_owned();
    paths::write(&state.supervisor_log, "")?;
    let log = File::options().append(true).open(&state.supervisor_log).because(starting)?;
    let mut command = Command::new(program()?);
    command.args(["supervise", name.as_str()]).current_dir("/");
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
    let mut child = command.spawn().because(starting)?;
    // Whoever starts it and lives on must reap it.
    let reaping = thread::spawn(move || child.wait());
    probe::until("the cluster's supervisor", STARTED, || {
        if reaping.is_finished() {
            let printed = fs::read_to_string(&state.supervisor_log).unwrap_or_default();
            return Err(Error::Refused(quote(&printed).into()));
        }
        Ok(UnixStream::connect(state.socket()).is_ok())
    })
}

/// The outer process: runs until it has no descendant.
pub fn supervise(name: &str) -> Result<()> {
    let name: Name = name.parse()?;
    let starting = || "start the supervisor".to_owned();
    // A session of its own, so that no terminal ends it. A leader of a process group has to do without.
    let _ = setsid();
    kernel::adopt_orphans().because(starting)?;
    let mut command = Command::new("/proc/self/exe");
    drop(command.args(["serve", name.as_str()]).spawn().because(starting)?);
    loop {
        match wait() {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(_) => return Ok(()),
        }
    }
}

/// The inner process: runs until the cluster is taken down.
pub fn serve(name: &str) -> Result<()> {
    let name: Name = name.parse()?;
    let state = State::of(&name);
    let Ok(lock) = Lock::wait(&state.lock, GLANCE) else {
        return Err(Error::AlreadyRunning { name: name.to_string() });
    };
    remains::clear(&state)?;
    paths::make_directory(&state.root)?;
    let listener = UnixListener::bind(state.socket()).because(|| "listen for clients".into())?;
    let server = Arc::new(Server { state, world: Mutex::new(Some(Stage::Empty)), lock });
    let signals = SigSet::from_iter([Signal::SIGTERM, Signal::SIGINT]);
    // Before any other thread begins, so that all of them leave the signals to this one.
    signals.thread_block().because(|| "block signals".into())?;
    let ending = Arc::clone(&server);
    thread::spawn(move || {
        if signals.wait().is_ok() {
            drop(ending.down());
            process::exit(0);
        }
    });
    for stream in listener.incoming() {
        let server = Arc::clone(&server);
        match stream {
            Ok(stream) => drop(thread::spawn(move || server.talk(stream))),
            Err(_) => thread::sleep(PAUSE),
        }
    }
    Ok(())
}

/// The outer process and this one.
fn supervisors() -> [u32; 2] {
    [parent_id(), process::id()]
}

/// What there is to serve.
enum Stage {
    /// Nothing yet.
    Empty,
    /// A cluster.
    Up(Box<World>),
}

/// The inner process's state, shared by the threads of its clients.
struct Server {
    state: State,
    /// Nothing once the cluster is going down.
    world: Mutex<Option<Stage>>,
    lock: Lock,
}

/// Hands progress on to a client. One that has gone away stops nothing.
struct Relay(Mutex<UnixStream>);

impl Progress for Relay {
    fn report(&self, event: Event) {
        let mut stream = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        drop(send(&mut stream, &Reply::Progress(event)));
    }
}

impl Server {
    fn talk(&self, mut stream: UnixStream) -> Result<()> {
        let talking = || "talk to a client".to_owned();
        stream.set_read_timeout(Some(REQUEST)).because(talking)?;
        stream.set_write_timeout(Some(REQUEST)).because(talking)?;
        let relay = Relay(Mutex::new(stream.try_clone().because(talking)?));
        let request = receive(&mut BufReader::new(stream.try_clone().because(talking)?))?;
        let (answer, is_last) = match request {
            Request::Down => (self.down().map(|()| Reply::Ended(supervisors())), true),
            Request::Up { options, programs } => {
                let result = self.up(options, programs, &relay);
                let is_last = result.is_err();
                (result.map(|()| Reply::Done), is_last)
            }
            request => (self.answer(&request), false),
        };
        let reply = answer.unwrap_or_else(|problem| Reply::Failed(problem.to_string()));
        let sent = send(&mut stream, &reply);
        if is_last {
            process::exit(0);
        }
        sent
    }

    fn up(&self, options: Options, programs: Programs, progress: &dyn Progress) -> Result<()> {
        let mut stage = self.world.lock().unwrap_or_else(PoisonError::into_inner);
        if !matches!(*stage, Some(Stage::Empty)) {
            return Err(Error::AlreadyRunning { name: options.name.to_string() });
        }
        match World::up(self.state.clone(), options, programs, progress) {
            Ok(world) => {
                *stage = Some(Stage::Up(Box::new(world)));
                Ok(())
            }
            Err(problem) => {
                // Logs are left for the client to keep; it then removes what is left.
                *stage = None;
                Err(problem)
            }
        }
    }

    fn answer(&self, request: &Request) -> Result<Reply> {
        match request {
            Request::AddNode(spec) => self.add_node(spec).map(|()| Reply::Done),
            request => self.with_world(|world| answer(world, request)),
        }
    }

    /// While a node gets Ready the world is free: another may have to end at that very moment.
    fn add_node(&self, spec: &NodeSpec) -> Result<()> {
        let programs = self.with_world(|world| world.add_node(spec.clone()))?;
        world::wait_for_nodes(&programs, &self.state, slice::from_ref(&spec.name))
    }

    fn with_world<T>(&self, job: impl FnOnce(&mut World) -> Result<T>) -> Result<T> {
        let mut stage = self.world.lock().unwrap_or_else(PoisonError::into_inner);
        match stage.as_mut() {
            Some(Stage::Up(world)) => job(world),
            Some(Stage::Empty) | None => Err(Error::Refused("the cluster is not up".into())),
        }
    }

    fn down(&self) -> Result<()> {
        let mut stage = self.world.lock().unwrap_or_else(PoisonError::into_inner);
        let ended = match stage.take() {
            Some(Stage::Up(world)) => world.down(),
            Some(Stage::Empty) | None => Ok(()),
        };
        // What could not be ended in order is ended now.
        self.sweep().and(ended)
    }

    fn sweep(&self) -> Result<()> {
        remains::clear(&self.state)?;
        remains::leave(&self.state, &self.lock)
    }
}

/// What is answered while nobody else touches the world.
fn answer(world: &mut World, request: &Request) -> Result<Reply> {
    let done = |()| Reply::Done;
    match request {
        Request::KillNodes(names) => world.kill_nodes(names).map(done),
        Request::LoadImage(image) => world.load_image(image).map(done),
        Request::Start(program) => world.start(program).map(done),
        Request::Stop(name) => world.stop(name).map(done),
        Request::Forward(place, target) => world.forward(place, *target).map(Reply::Forwarded),
        Request::Place(place) => world.place(place).map(Reply::Placed),
        Request::Status => Ok(Reply::Status(world.status())),
        Request::Up { .. } | Request::Down | Request::AddNode(_) => {
            Err(Error::Protocol("this request is answered elsewhere".into()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_daemon_is_found_beside_a_program_and_beside_the_directory_of_tests() {
        let directory = tempfile::tempdir().unwrap();
        let built = directory.path().join(PROGRAM);
        let missing = program_beside(&directory.path().join("xtask")).unwrap_err().to_string();
        assert!(missing.contains("cargo build --package apifleet-local"), "{missing}");
        fs::write(&built, "").unwrap();
        assert_eq!(program_beside(&directory.path().join("xtask")).unwrap(), built);
        assert_eq!(program_beside(&directory.path().join("deps/test-123")).unwrap(), built);
    }
}
