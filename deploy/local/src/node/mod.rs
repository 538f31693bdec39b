//! Nodes: each has a network, mounts, a control group, a container runtime, a kubelet and a proxy of its own,
//! all of which end when it is killed. That is exactly what taking back a spot instance does.

mod config;

use std::{
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use crate::{
    cgroup::Cgroups,
    control_plane,
    enter::{Entry, Mounts},
    error::Result,
    kubeconfig,
    machine::NODE_DIRECTORIES,
    network::{self, Net},
    options::NodeSpec,
    paths::{self, State},
    pki::Authority,
    probe,
    process::Call,
    program::Running,
    programs::Programs,
};

pub(crate) use config::PAUSE_IMAGE;

const RUNTIME_PATIENCE: Duration = Duration::from_secs(20);
const IMPORT_PATIENCE: Duration = Duration::from_mins(1);
const KILL_PATIENCE: Duration = Duration::from_secs(10);

/// What all nodes of a cluster share.
#[derive(Clone, Copy)]
pub(crate) struct Site<'a> {
    pub(crate) state: &'a State,
    pub(crate) programs: &'a Programs,
    pub(crate) cgroups: &'a Cgroups,
    pub(crate) authority: &'a Authority,
    /// The control plane's network.
    pub(crate) net: &'a Net,
}

/// A node whose container runtime runs.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) spec: NodeSpec,
    pub(crate) index: u8,
    net: Net,
    directory: PathBuf,
    group: String,
    runtime: Running,
    agents: Vec<Running>,
}

impl Node {
    /// Starts everything that needs no API server, and imports the images.
    pub(crate) fn boot(
        site: Site<'_>,
        spec: NodeSpec,
        index: u8,
        images: &[PathBuf],
    ) -> Result<Self> {
        let directory = site.state.node(&spec.name);
        let group = format!("{}/{}", site.state.group, spec.name);
        let net = Net::new()?;
        site.net.attach(index, &net)?;
        site.cgroups.create(&format!("{group}/agents"))?;
        write_files(site, &spec, index, &directory, &group)?;
        let binds = NODE_DIRECTORIES.map(|(own, path)| (directory.join(own), path.into()));
        let entry = Entry {
            cgroups: site.cgroups.procs(&format!("{group}/agents")),
            net: net.path(),
            mounts: Mounts::Private(binds.into()),
            argv: vec![
                site.programs.path("containerd").display().to_string(),
                "--config".into(),
                directory.join("containerd.toml").display().to_string(),
            ],
        };
        let name = format!("containerd-{}", spec.name);
        let log = site.state.log(&name);
        let mut runtime = Running::start(&name, &entry, site.state)?;
        let socket = config::socket(&directory);
        let what = format!("the container runtime of {}", spec.name);
        probe::until(&what, RUNTIME_PATIENCE, || {
            runtime.check(&log)?;
            Ok(UnixStream::connect(&socket).is_ok())
        })?;
        let node = Self { spec, index, net, directory, group, runtime, agents: Vec::new() };
        images.iter().try_for_each(|archive| node.import(site, archive))?;
        Ok(node)
    }

    /// Starts the agents that register the node with the API server.
    pub(crate) fn join(&mut self, site: Site<'_>) -> Result<()> {
        let kubelet = config::kubelet_argv(site, &self.spec, self.index, &self.directory);
        let proxy = config::proxy_argv(site, &self.spec);
        for (agent, argv) in [("kubelet", kubelet), ("proxy", proxy)] {
            let entry = self.place(site.cgroups, argv);
            let name = format!("{agent}-{}", self.spec.name);
            self.agents.push(Running::start(&name, &entry, site.state)?);
        }
        Ok(())
    }

    /// Its network.
    pub(crate) fn net(&self) -> &Net {
        &self.net
    }

    /// Where a program runs that is to be part of this node.
    pub(crate) fn place(&self, cgroups: &Cgroups, argv: Vec<String>) -> Entry {
        Entry {
            cgroups: cgroups.procs(&format!("{}/agents", self.group)),
            net: self.net.path(),
            mounts: Mounts::Of(format!("/proc/{}/ns/mnt", self.runtime.pid()).into()),
            argv,
        }
    }

    /// Makes an image known to the node.
    pub(crate) fn import(&self, site: Site<'_>, archive: &Path) -> Result<()> {
        let call = Call::new(site.programs.path("ctr")).env("HOME", site.state.home());
        let call = call.args(["--address", &config::socket(&self.directory).display().to_string()]);
        let archive = archive.display().to_string();
        let call = call.args(["--namespace", "k8s.io", "images", "import", &archive]);
        call.deadline(IMPORT_PATIENCE).text().map(drop)
    }

    /// Ends all of the node at once, pods included, and removes it from the machine.
    pub(crate) fn kill(self, site: Site<'_>) -> Result<()> {
        site.cgroups.remove(&self.group, KILL_PATIENCE)?;
        for running in self.agents.into_iter().chain([self.runtime]) {
            running.kill()?;
        }
        site.net.detach(self.index);
        paths::remove_directory(&self.directory)
    }
}

/// Boots several nodes at once.
pub(crate) fn boot_all(
    site: Site<'_>,
    specs: Vec<(u8, NodeSpec)>,
    images: &[PathBuf],
) -> Result<Vec<Node>> {
    thread::scope(|scope| {
        let boot = |(index, spec)| scope.spawn(move || Node::boot(site, spec, index, images));
        let booting: Vec<_> = specs.into_iter().map(boot).collect();
        let joined = booting.into_iter().map(|thread| {
            thread.join().unwrap_or_else(|_| {
                Err(crate::Error::Protocol("a thread that boots a node panicked".into()))
            })
        });
        joined.collect()
    })
}

fn write_files(
    site: Site<'_>,
    spec: &NodeSpec,
    index: u8,
    directory: &Path,
    group: &str,
) -> Result<()> {
    for own in NODE_DIRECTORIES.map(|(own, _)| own) {
        paths::make_directory(&directory.join(own))?;
    }
    let authority = site.authority.certificate();
    let user = format!("system:node:{}", spec.name);
    let client = site.authority.client(&user, Some("system:nodes"))?;
    let text = kubeconfig::render(&control_plane::inner_server(), &authority, &client);
    paths::write_secret(&directory.join("kubeconfig"), &text)?;
    let owned = [spec.name.to_string(), network::node_address(index).to_string()];
    let server = site.authority.server(&user, &owned)?;
    paths::write(&directory.join("kubelet.crt"), &server.certificate)?;
    paths::write_secret(&directory.join("kubelet.key"), &server.key)?;
    let runtime = config::containerd(directory, site.programs.directory());
    paths::write(&directory.join("containerd.toml"), &runtime)?;
    let pods = config::pod_network(directory, index);
    paths::write(&directory.join("cni/10-pods.conflist"), &pods.to_string())?;
    let kubelet = config::kubelet(site, spec, index, directory, group);
    paths::write(&directory.join("kubelet.json"), &format!("{kubelet:#}"))
}
