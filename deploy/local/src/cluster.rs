//! The handle by which xtask and tests use a cluster. All calls block; each has a deadline. From async code,
//! call them through `spawn_blocking`.

use std::{
    collections::BTreeSet, fs, net::SocketAddr, path::PathBuf, process::Command, time::Duration,
};

use crate::{
    error::{Error, Result},
    lock::Lock,
    network::LAST_INDEX,
    options::{Image, Name, NodeSpec, Options},
    paths::{self, State},
    prerequisites, probe,
    process::{Call, Output},
    program::Program,
    programs::Programs,
    progress::{Progress, Silent},
    remains,
    supervisor::{
        self,
        protocol::{Place, Reply, Request, Status, ask},
        world,
    },
};

/// Who acts in a cluster by itself, by the names that the supervisor gave them.
const CONTROLLERS: [&str; 3] = ["controller-manager", "scheduler", "coredns"];
const GONE: Duration = Duration::from_secs(10);
/// Charts are installed with `--wait`.
const HELM: Duration = Duration::from_mins(5);

/// A cluster that runs. Dropping the handle leaves it running.
#[derive(Clone, Debug)]
pub struct Cluster {
    name: Name,
    state: State,
    programs: Programs,
}

impl Cluster {
    /// Builds what is missing, starts a cluster and returns when all nodes are Ready. What a crash has left
    /// of one with the same name is removed first.
    pub fn up(options: Options, progress: &dyn Progress) -> Result<Self> {
        prerequisites::supported()?;
        validate(&options)?;
        let name = options.name.clone();
        let state = State::of(&name);
        if Lock::is_held(&state.lock) {
            return Err(Error::AlreadyRunning { name: name.to_string() });
        }
        supervisor::program()?;
        prerequisites::cluster(progress)?;
        let programs = Programs::ensure(progress)?;
        if state.root.exists() {
            progress.step(format!("removing what is left of an earlier cluster {name}"));
        }
        supervisor::launch(&name)?;
        let cluster = Self { name, state, programs };
        let request = Request::Up { options, programs: cluster.programs.clone() };
        if let Err(problem) = cluster.done(&request, progress) {
            return Err(cluster.give_up(problem));
        }
        progress.step(format!("cluster {} is up", cluster.name));
        Ok(cluster)
    }

    /// Keeps the logs of a cluster that did not come up, and removes the rest.
    fn give_up(self, problem: Error) -> Error {
        let kept = paths::cache().and_then(|cache| {
            let kept = cache.join("logs").join(self.name.as_str());
            paths::copy_files(&self.logs(), &kept)?;
            Ok(kept)
        });
        let gone =
            probe::until("the supervisor to end", GONE, || Ok(!Lock::is_held(&self.state.lock)));
        let removed = gone.and_then(|()| Self::remove(&self.name, &Silent));
        match (kept, removed) {
            (Ok(logs), Ok(_)) => Error::NotUp { problem: Box::new(problem), logs },
            (Err(_), _) | (_, Err(_)) => problem,
        }
    }

    /// The handle of a cluster that runs.
    pub fn attach(name: &Name) -> Result<Self> {
        prerequisites::supported()?;
        let state = State::of(name);
        if !Lock::is_held(&state.lock) {
            return Err(Error::NotRunning { name: name.to_string() });
        }
        match ask(&state.socket(), &Request::Status, &Silent)? {
            Reply::Status(status) => {
                Ok(Self { name: name.clone(), state, programs: status.programs })
            }
            other => Err(unexpected(&other)),
        }
    }

    /// Ends a cluster and removes every trace of it, whether it runs or has crashed. Tells whether there was
    /// anything.
    pub fn remove(name: &Name, progress: &dyn Progress) -> Result<bool> {
        prerequisites::supported()?;
        let state = State::of(name);
        if Lock::is_held(&state.lock) {
            progress.step(format!("taking cluster {name} down"));
            return end(&state).map(|()| true);
        }
        if !state.root.exists() && !state.lock.exists() {
            return Ok(false);
        }
        progress.step(format!("removing what is left of cluster {name}"));
        let Some(lock) = Lock::take(&state.lock)? else {
            return Err(Error::AlreadyRunning { name: name.to_string() });
        };
        remains::clear(&state)?;
        remains::leave(&state, &lock)?;
        Ok(true)
    }

    /// Removes what clusters of any name have left whose supervisor died, and tells which. Those that run stay.
    pub fn sweep(progress: &dyn Progress) -> Result<Vec<Name>> {
        let dead = |name: &Name| !Lock::is_held(&State::of(name).lock);
        let names: Vec<Name> = State::names().into_iter().filter(dead).collect();
        for name in &names {
            Self::remove(name, progress)?;
        }
        Ok(names)
    }

    /// Ends the cluster and removes every trace of it.
    pub fn down(self) -> Result<()> {
        end(&self.state)
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &Name {
        &self.name
    }

    /// The programs that it runs, and that go with it, such as helm.
    #[must_use]
    pub fn programs(&self) -> &Programs {
        &self.programs
    }

    /// The administrator's kubeconfig; it works on this machine.
    #[must_use]
    pub fn kubeconfig(&self) -> PathBuf {
        self.state.kubeconfig()
    }

    /// The API server's record of requests by service accounts outside kube-system, one JSON object a line.
    #[must_use]
    pub fn audit_log(&self) -> PathBuf {
        self.state.audit()
    }

    /// The directory with one log for each program.
    #[must_use]
    pub fn logs(&self) -> PathBuf {
        self.state.root.join("log")
    }

    /// What is there now.
    pub fn status(&self) -> Result<Status> {
        match self.ask(&Request::Status)? {
            Reply::Status(status) => Ok(status),
            other => Err(unexpected(&other)),
        }
    }

    /// Starts a node and returns when it is Ready.
    pub fn add_node(&self, node: NodeSpec) -> Result<()> {
        self.done(&Request::AddNode(node), &Silent)
    }

    /// Ends a node at once with everything on it, as when a spot instance is taken back without notice. Its
    /// object stays in the API and becomes `NotReady`.
    pub fn kill_node(&self, name: &Name) -> Result<()> {
        self.kill_nodes(std::slice::from_ref(name))
    }

    /// Ends several nodes like that, all at the same time.
    pub fn kill_nodes(&self, names: &[Name]) -> Result<()> {
        self.done(&Request::KillNodes(names.to_vec()), &Silent)
    }

    /// Removes the objects of nodes that are gone, as a cloud's controller does.
    pub fn forget_nodes(&self, names: &[Name]) -> Result<()> {
        let delete = ["delete", "node", "--ignore-not-found", "--wait=false"];
        let names = names.iter().map(Name::as_str);
        self.kubectl(&delete.into_iter().chain(names).collect::<Vec<_>>()).map(drop)
    }

    /// Makes an image known to every node, now and later.
    pub fn load_image(&self, image: Image) -> Result<()> {
        self.done(&Request::LoadImage(image), &Silent)
    }

    /// Opens a way from a free port of 127.0.0.1 to an address in the cluster's network, as seen from a place:
    /// Services are known to nodes only. It stays open until the cluster ends, or the node.
    pub fn forward(&self, place: &Place, target: SocketAddr) -> Result<SocketAddr> {
        match self.ask(&Request::Forward(place.clone(), target))? {
            Reply::Forwarded(address) => Ok(address),
            other => Err(unexpected(&other)),
        }
    }

    /// What kubectl prints, as the administrator; an error if it fails or takes more than three minutes.
    pub fn kubectl(&self, args: &[&str]) -> Result<String> {
        world::kubectl(&self.programs, &self.state).args(args).text()
    }

    /// What kubectl prints and how it ends, as the administrator; a refusal is no error here.
    pub fn try_kubectl(&self, args: &[&str]) -> Result<Output> {
        world::kubectl(&self.programs, &self.state).args(args).output()
    }

    /// Applies manifests, given as YAML or JSON.
    pub fn apply(&self, manifests: &str) -> Result<String> {
        let args = ["apply", "--server-side", "--filename=-"];
        world::kubectl(&self.programs, &self.state).args(args).input(manifests).text()
    }

    /// What helm prints, as the administrator; an error if it fails or takes more than five minutes.
    pub fn helm(&self, args: &[&str]) -> Result<String> {
        let call = Call::new(self.programs.path("helm")).args(args).deadline(HELM);
        call.env("KUBECONFIG", self.kubeconfig()).env("HOME", self.state.home()).text()
    }

    /// Runs a program to its end inside the cluster, such as a load generator.
    pub fn run_in(&self, place: &Place, argv: &[&str], deadline: Duration) -> Result<Output> {
        Call::from(self.command_in(place, argv)?).deadline(deadline).output()
    }

    /// Runs a program to its end in a node's network.
    pub fn run_in_node(&self, node: &Name, argv: &[&str], deadline: Duration) -> Result<Output> {
        self.run_in(&Place::Node(node.clone()), argv, deadline)
    }

    /// A command that runs a program inside the cluster, for callers who want its pipes. It ends with the
    /// node that it is in, and with the cluster; before that its caller has to end it.
    pub fn command_in(&self, place: &Place, argv: &[&str]) -> Result<Command> {
        match self.ask(&Request::Place(place.clone()))? {
            Reply::Placed(mut entry) => {
                entry.argv = argv.iter().map(|&arg| arg.to_owned()).collect();
                entry.command(&supervisor::program()?)
            }
            other => Err(unexpected(&other)),
        }
    }

    /// Ends whoever acts in the cluster by itself: controllers, the scheduler, DNS. From then on objects stay as they are
    /// written, and whoever writes them plays their parts.
    pub fn stop_controllers(&self) -> Result<()> {
        CONTROLLERS.into_iter().try_for_each(|name| self.stop(name))
    }

    pub(crate) fn state(&self) -> &State {
        &self.state
    }

    pub(crate) fn start(&self, program: Program) -> Result<()> {
        self.done(&Request::Start(program), &Silent)
    }

    pub(crate) fn stop(&self, name: &str) -> Result<()> {
        self.done(&Request::Stop(name.into()), &Silent)
    }

    fn ask(&self, request: &Request) -> Result<Reply> {
        if !Lock::is_held(&self.state.lock) {
            return Err(Error::NotRunning { name: self.name.to_string() });
        }
        ask(&self.state.socket(), request, &Silent)
    }

    fn done(&self, request: &Request, progress: &dyn Progress) -> Result<()> {
        match ask(&self.state.socket(), request, progress)? {
            Reply::Done => Ok(()),
            other => Err(unexpected(&other)),
        }
    }
}

/// Takes a running cluster down, and waits for the end of its supervisor.
fn end(state: &State) -> Result<()> {
    match ask(&state.socket(), &Request::Down, &Silent)? {
        Reply::Ended(supervisors) => {
            let ended = || Ok(!supervisors.into_iter().any(is_running));
            probe::until("the cluster's supervisor to end", GONE, ended)
        }
        other => Err(unexpected(&other)),
    }
}

/// A process that has ended but that nobody has reaped is not running.
fn is_running(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, state)| !state.starts_with('Z'))
}

fn unexpected(reply: &Reply) -> Error {
    Error::Protocol(format!("{reply:?}"))
}

fn validate(options: &Options) -> Result<()> {
    options.nodes.iter().try_for_each(NodeSpec::validate)?;
    let refuse = |value: String, problem: &str| {
        Err(Error::Invalid { field: "nodes", value, problem: problem.into() })
    };
    let names: BTreeSet<_> = options.nodes.iter().map(|node| &node.name).collect();
    if names.len() < options.nodes.len() {
        return refuse(format!("{names:?}"), "two nodes have the same name");
    }
    if options.nodes.len() > usize::from(LAST_INDEX) {
        return refuse(options.nodes.len().to_string(), "start at most 240 nodes");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_nodes_of_one_name_are_refused() {
        let mut options = Options::default();
        options.nodes.push(options.nodes[0].clone());
        let message = validate(&options).unwrap_err().to_string();
        assert!(message.contains("same name"), "{message}");
    }

    #[test]
    fn more_nodes_than_addresses_are_refused() {
        let mut options = Options::default();
        let node = options.nodes[0].clone();
        let named = |i: usize| NodeSpec { name: format!("n{i}").parse().unwrap(), ..node.clone() };
        options.nodes = (0..241).map(named).collect();
        assert!(validate(&options).is_err());
        options.nodes.pop();
        assert!(validate(&options).is_ok());
    }

    #[test]
    fn a_cluster_that_does_not_run_cannot_be_attached_to() {
        let name: Name = "never-started".parse().unwrap();
        let message = Cluster::attach(&name).unwrap_err().to_string();
        assert!(message.contains("--name never-started") || message.contains("root"), "{message}");
    }
}
