//! The cluster as its supervisor holds it: networks, nodes, programs. What starts what, in which order.

use std::{collections::BTreeMap, fs, net::SocketAddr, path::PathBuf, thread, time::Duration};

use super::protocol::{NodeStatus, Place, Status};
use crate::{
    cgroup::Cgroups,
    control_plane::{self, API_PORT},
    enter::{Entry, Mounts},
    error::{Because, Error, Result},
    forward::forward,
    image, machine,
    network::{self, CONTROL_PLANE, LAST_INDEX, Net},
    node::{self, Node, PAUSE_IMAGE, Site},
    options::{Image, Name, NodeSpec, Options},
    paths::{self, State},
    pki::Authority,
    probe::{self, Ready},
    process::Call,
    program::{Program, Running},
    programs::Programs,
    progress::Progress,
};

const START: Duration = Duration::from_mins(1);
const STOP: Duration = Duration::from_secs(10);
/// Longer than the minute for which people let `kubectl wait`.
const KUBECTL: Duration = Duration::from_mins(3);
const END: Duration = Duration::from_secs(20);
/// Ways from 127.0.0.1; each has a thread.
const MOST_FORWARDS: usize = 64;

/// A cluster.
pub(crate) struct World {
    state: State,
    programs: Programs,
    cgroups: Cgroups,
    authority: Authority,
    net: Net,
    nodes: BTreeMap<Name, Node>,
    last_index: u8,
    /// Archives by reference.
    images: BTreeMap<String, PathBuf>,
    running: BTreeMap<String, Running>,
    forwards: BTreeMap<(Place, SocketAddr), SocketAddr>,
}

impl World {
    /// Starts a cluster.
    pub(crate) fn up(
        state: State,
        options: Options,
        programs: Programs,
        progress: &dyn Progress,
    ) -> Result<Self> {
        progress.step("starting the control plane");
        let mut world = Self::prepare(state, programs)?;
        world.launch("etcd", control_plane::etcd(&world.programs, &world.state))?;
        world.launch("apiserver", control_plane::apiserver(&world.programs, &world.state))?;
        let pause = world.programs.path("pause");
        let pause = Image { reference: PAUSE_IMAGE.into(), program: pause };
        for image in [pause].iter().chain(&options.images) {
            world.keep(image)?;
        }
        let specs: Vec<_> = (1..=LAST_INDEX).zip(options.nodes).collect();
        world.last_index = specs.last().map_or(0, |(index, _)| *index);
        let archives: Vec<_> = world.images.values().cloned().collect();
        let site = world.site();
        let (ready, booted) = thread::scope(|scope| {
            let booting = scope.spawn(|| node::boot_all(site, specs, &archives));
            let ready = world.wait_for_api();
            (ready, booting.join())
        });
        let lost = |_| Err(Error::Protocol("the thread that boots nodes panicked".into()));
        let mut booted = booted.unwrap_or_else(lost)?;
        ready?;
        progress.step("starting the nodes");
        world.start_controllers()?;
        booted.iter_mut().try_for_each(|node| node.join(world.site()))?;
        let names: Vec<_> = booted.iter().map(|node| node.spec.name.clone()).collect();
        world.nodes = booted.into_iter().map(|node| (node.spec.name.clone(), node)).collect();
        wait_for_nodes(&world.programs, &world.state, &names)?;
        Ok(world)
    }

    fn prepare(state: State, programs: Programs) -> Result<Self> {
        let cgroups = Cgroups::detect()?;
        machine::prepare()?;
        for group in ["control-plane", "tools"] {
            cgroups.create(&format!("{}/{group}", state.group))?;
        }
        cgroups.weigh_pods(&state.group)?;
        for directory in ["home", "log", "images"] {
            paths::make_directory(&state.root.join(directory))?;
        }
        paths::make_shared_directory(&state.scratch())?;
        let net = Net::new()?;
        net.become_bridge()?;
        let authority = Authority::new("apifleet-local")?;
        let api = SocketAddr::from((CONTROL_PLANE, API_PORT));
        let outer = forward(&net, api)?;
        control_plane::write_files(&state, &authority, &format!("https://{outer}"))?;
        Ok(Self {
            state,
            programs,
            cgroups,
            authority,
            net,
            nodes: BTreeMap::new(),
            last_index: 0,
            images: BTreeMap::new(),
            running: BTreeMap::new(),
            forwards: BTreeMap::from([((Place::ControlPlane, api), outer)]),
        })
    }

    fn site(&self) -> Site<'_> {
        Site {
            state: &self.state,
            programs: &self.programs,
            cgroups: &self.cgroups,
            authority: &self.authority,
            net: &self.net,
        }
    }

    fn wait_for_api(&self) -> Result<()> {
        let open = Ready::Tcp((CONTROL_PLANE, API_PORT).into());
        let what = "the API server to be ready";
        self.net.run(|| probe::until(what, START, || Ok(open.ask())))??;
        probe::until(what, START, || {
            let asked = self.kubectl(&["get", "--raw=/readyz"]).output()?;
            Ok(asked.success && asked.stdout == "ok")
        })
    }

    fn start_controllers(&mut self) -> Result<()> {
        let (programs, state) = (&self.programs, &self.state);
        let controllers = [
            ("controller-manager", control_plane::controller_manager(programs, state)),
            ("scheduler", control_plane::scheduler(programs, state)),
            ("coredns", control_plane::coredns(programs, state)),
        ];
        let objects = control_plane::first_objects().to_string();
        let create = ["create", "--validate=false", "--filename=-"];
        self.kubectl(&create).input(objects).text()?;
        controllers.into_iter().try_for_each(|(name, argv)| self.launch(name, argv))
    }

    fn kubectl(&self, args: &[&str]) -> Call {
        kubectl(&self.programs, &self.state).args(args)
    }

    fn launch(&mut self, name: &str, argv: Vec<String>) -> Result<()> {
        let entry = self.place_in_control_plane("control-plane", argv);
        let running = Running::start(name, &entry, &self.state)?;
        self.running.insert(name.into(), running);
        Ok(())
    }

    fn place_in_control_plane(&self, group: &str, argv: Vec<String>) -> Entry {
        Entry {
            cgroups: self.cgroups.procs(&format!("{}/{group}", self.state.group)),
            net: self.net.path(),
            mounts: Mounts::Host,
            argv,
        }
    }

    /// Starts a program and waits until it is ready; one that does not get ready is ended.
    pub(crate) fn start(&mut self, program: &Program) -> Result<()> {
        if self.running.contains_key(&program.name) {
            return Err(Error::Refused(format!("{} runs already; stop it first", program.name)));
        }
        self.launch(&program.name, program.argv.clone())?;
        let Some(mut running) = self.running.remove(&program.name) else { return Ok(()) };
        let log = self.state.log(&program.name);
        let waited = self.net.run(|| running.wait_until(&program.ready, program.patience, &log))?;
        match waited {
            Ok(()) => {
                self.running.insert(program.name.clone(), running);
                Ok(())
            }
            Err(problem) => running.kill().and(Err(problem)),
        }
    }

    /// Ends a program that `start` has started.
    pub(crate) fn stop(&mut self, name: &str) -> Result<()> {
        match self.running.remove(name) {
            Some(running) => running.stop(STOP),
            None => Err(Error::Refused(format!("no program named {name:?} runs"))),
        }
    }

    /// Starts a node, which is not Ready yet. Returns with what to wait for that.
    pub(crate) fn add_node(&mut self, spec: NodeSpec) -> Result<Programs> {
        spec.validate()?;
        if self.nodes.contains_key(&spec.name) {
            return Err(Error::Refused(format!("a node named {} runs already", spec.name)));
        }
        let index = self.free_index()?;
        let archives: Vec<_> = self.images.values().cloned().collect();
        let mut node = Node::boot(self.site(), spec, index, &archives)?;
        node.join(self.site())?;
        self.last_index = index;
        self.nodes.insert(node.spec.name.clone(), node);
        Ok(self.programs.clone())
    }

    /// The next index that no node has. Addresses of a node that has just died are not given away at once,
    /// because its pods are known for a while.
    fn free_index(&self) -> Result<u8> {
        let used: Vec<_> = self.nodes.values().map(|node| node.index).collect();
        let after = (self.last_index + 1..=LAST_INDEX).chain(1..=self.last_index);
        after.into_iter().find(|index| !used.contains(index)).ok_or_else(|| {
            Error::Refused(format!("there are {LAST_INDEX} nodes already; kill one first"))
        })
    }

    /// Ends nodes at once, all at the same time. Their objects stay in the API, as they do when machines are lost.
    pub(crate) fn kill_nodes(&mut self, names: &[Name]) -> Result<()> {
        if let Some(unknown) = names.iter().find(|name| !self.nodes.contains_key(*name)) {
            return Err(Error::Refused(format!("no node named {unknown} runs")));
        }
        // A node to come may have the same name, but is another.
        self.forwards
            .retain(|(place, _), _| !matches!(place, Place::Node(name) if names.contains(name)));
        let nodes: Vec<_> = names.iter().filter_map(|name| self.nodes.remove(name)).collect();
        kill_all(self.site(), nodes)
    }

    /// Makes an image known to every node, now and later.
    pub(crate) fn load_image(&mut self, image: &Image) -> Result<()> {
        let archive = self.keep(image)?;
        let site = self.site();
        self.nodes.values().try_for_each(|node| node.import(site, &archive))
    }

    /// Packs an image for the nodes to come. It replaces an older one of the same reference.
    fn keep(&mut self, image: &Image) -> Result<PathBuf> {
        let known = self.images.len();
        let archive = image::pack(image)?;
        let new = || self.state.root.join("images").join(format!("{known}.tar"));
        let path = self.images.get(&image.reference).cloned().unwrap_or_else(new);
        fs::write(&path, &archive).because(|| format!("write {}", path.display()))?;
        self.images.insert(image.reference.clone(), path.clone());
        Ok(path)
    }

    /// Opens a way from 127.0.0.1, or tells the one that is open.
    pub(crate) fn forward(&mut self, place: &Place, target: SocketAddr) -> Result<SocketAddr> {
        let way = (place.clone(), target);
        if let Some(open) = self.forwards.get(&way) {
            return Ok(*open);
        }
        if self.forwards.len() >= MOST_FORWARDS {
            return Err(Error::Refused(format!("{MOST_FORWARDS} forwards are open already")));
        }
        let net = match place {
            Place::ControlPlane => &self.net,
            Place::Node(name) => self.node(name)?.net(),
        };
        let address = forward(net, target)?;
        self.forwards.insert(way, address);
        Ok(address)
    }

    fn node(&self, name: &Name) -> Result<&Node> {
        let missing = || Error::Refused(format!("no node named {name} runs"));
        self.nodes.get(name).ok_or_else(missing)
    }

    /// Where a program of a client runs; its arguments are filled in by the client.
    pub(crate) fn place(&self, place: &Place) -> Result<Entry> {
        match place {
            Place::ControlPlane => Ok(self.place_in_control_plane("tools", Vec::new())),
            Place::Node(name) => Ok(self.node(name)?.place(&self.cgroups, Vec::new())),
        }
    }

    /// What is there.
    pub(crate) fn status(&mut self) -> Status {
        let state = &self.state;
        let alive = |(name, running): (&String, &mut Running)| {
            running.check(&state.log(name)).is_ok().then(|| name.clone())
        };
        let node = |node: &Node| NodeStatus {
            spec: node.spec.clone(),
            address: network::node_address(node.index),
        };
        Status {
            supervisors: super::supervisors(),
            programs: self.programs.clone(),
            nodes: self.nodes.values().map(node).collect(),
            running: self.running.iter_mut().filter_map(alive).collect(),
        }
    }

    /// Ends everything: nodes with their pods first, then what runs beside the control plane, then that.
    pub(crate) fn down(mut self) -> Result<()> {
        let nodes = std::mem::take(&mut self.nodes);
        kill_all(self.site(), nodes.into_values().collect())?;
        self.cgroups.remove(&self.state.group, END)?;
        std::mem::take(&mut self.running).into_values().try_for_each(Running::kill)
    }
}

/// Ends nodes, all at the same time.
fn kill_all(site: Site<'_>, nodes: Vec<Node>) -> Result<()> {
    let killed = thread::scope(|scope| {
        let kill = |node: Node| scope.spawn(move || node.kill(site));
        let killing: Vec<_> = nodes.into_iter().map(kill).collect();
        let killed = killing.into_iter().map(thread::ScopedJoinHandle::join);
        killed.collect::<std::result::Result<Vec<_>, _>>()
    });
    let lost = |_| Error::Protocol("a thread that kills a node panicked".into());
    killed.map_err(lost)?.into_iter().collect()
}

/// Each node exists first and is Ready then. Names are given one by one where they may not exist yet: kubectl takes
/// several missing ones for an error.
pub(crate) fn wait_for_nodes(programs: &Programs, state: &State, names: &[Name]) -> Result<()> {
    let wait = |condition: &str, nodes: &[String]| {
        let call = kubectl(programs, state).args(["wait", "--timeout=60s"]);
        let call = call.args([format!("--for={condition}")]).args(nodes);
        call.deadline(START + STOP).text().map(drop)
    };
    let nodes: Vec<_> = names.iter().map(|name| format!("node/{name}")).collect();
    nodes.iter().try_for_each(|node| wait("create", std::slice::from_ref(node)))?;
    if nodes.is_empty() { Ok(()) } else { wait("condition=Ready", &nodes) }
}

/// A call of kubectl as the administrator, which writes nothing into the user's home directory.
pub(crate) fn kubectl(programs: &Programs, state: &State) -> Call {
    let command = programs.component("kubectl");
    let mut words = command.iter();
    Call::new(words.next().map_or("", String::as_str))
        .args(words)
        .env("KUBECONFIG", state.kubeconfig())
        .env("HOME", state.home())
        .env("KUBECACHEDIR", state.home().join("kubectl"))
        .deadline(KUBECTL)
}
