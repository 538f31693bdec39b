//! A real Kubernetes on one Linux machine, without Docker: etcd, the API server, controllers, scheduler,
//! kubelets, container runtimes, DNS, Prometheus and MariaDB, all of them the real programs.
//!
//! Start reading at [`Cluster`], the handle that `xtask` and tests use. [`Cluster::up`] builds the programs
//! if the cache lacks them (`programs`), starts a daemon (`supervisor`) and has it start a cluster
//! (`supervisor::world`): networks (`network`), control groups (`cgroup`), nodes (`node`). The daemon owns
//! every process by its id; [`Cluster::down`] has it end them all and leaves nothing on the machine.
//!
//! All calls block, and each has a deadline. The library prints nothing: it reports to a
//! [`progress::Progress`]. It never touches a cluster that it has not started; for those, programs take
//! `--kubeconfig` and need nothing from here.

mod cgroup;
mod client;
mod cluster;
mod control_plane;
mod enter;
mod error;
pub mod fleet;
mod forward;
mod go_module;
mod image;
pub mod interruption;
mod kernel;
mod kubeconfig;
pub mod load;
mod lock;
mod machine;
mod mariadb;
mod network;
mod node;
mod oha;
mod once;
mod options;
mod paths;
mod pki;
mod pod;
mod prerequisites;
mod probe;
mod process;
mod program;
mod programs;
pub mod progress;
mod prometheus;
pub mod provisioner;
mod remains;
pub mod stack;
mod supervisor;

pub use cluster::Cluster;
pub use error::{Error, Result};
pub use go_module::GoModule;
pub use oha::ensure_oha;
pub use options::{Capacity, Image, Name, NodeSpec, Options};
pub use paths::cache;
pub use prerequisites::{ensure_database, ensure_packages};
pub use process::{Call, Output};
pub use programs::Programs;
pub use supervisor::protocol::{NodeStatus, Place, Status};

/// What the program `apifleet-local` does: the daemon's own parts, of no use to people.
pub mod daemon {
    pub use crate::{
        enter::enter,
        supervisor::{serve, supervise},
    };
}
