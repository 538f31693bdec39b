//! Networks: one namespace for the control plane with a bridge in it, one for each node on that bridge.
//! None has a route out of the machine.
//!
//! A namespace is held by an open file of the supervisor and by the processes inside, never by a mount:
//! when both are gone it is gone, whatever ended them.

use std::{
    fmt::Write,
    fs::{self, File},
    net::Ipv4Addr,
    os::fd::AsRawFd,
    path::PathBuf,
    process, slice,
};

use crate::{
    error::{Because, Result},
    kernel,
    process::Call,
};

/// The control plane, and the DNS server, Prometheus and MariaDB beside it.
pub(crate) const CONTROL_PLANE: Ipv4Addr = Ipv4Addr::new(10, 20, 0, 1);
/// Every pod has an address in it.
pub(crate) const PODS: &str = "10.244.0.0/16";
/// Every Service has an address in it.
pub(crate) const SERVICES: &str = "10.96.0.0/16";
/// The API server's own Service.
pub(crate) const API_SERVICE: Ipv4Addr = Ipv4Addr::new(10, 96, 0, 1);
/// The largest index of a node: addresses above end with the network.
pub(crate) const LAST_INDEX: u8 = 240;

/// The address of a node.
pub(crate) fn node_address(index: u8) -> Ipv4Addr {
    Ipv4Addr::new(10, 20, 0, 10 + index.min(LAST_INDEX))
}

/// The pods of a node.
pub(crate) fn pod_range(index: u8) -> String {
    format!("10.244.{index}.0/24")
}

/// A network namespace.
#[derive(Debug)]
pub(crate) struct Net {
    file: File,
}

impl Net {
    /// Makes one that forwards packets.
    pub(crate) fn new() -> Result<Self> {
        let net = Self { file: kernel::new_net().because(|| "make a network namespace".into())? };
        net.run(|| fs::write("/proc/sys/net/ipv4/ip_forward", "1"))?
            .because(|| "switch on forwarding of packets".into())?;
        Ok(net)
    }

    /// Where other processes find it while this one lives.
    pub(crate) fn path(&self) -> PathBuf {
        format!("/proc/{}/fd/{}", process::id(), self.file.as_raw_fd()).into()
    }

    /// Runs a job inside.
    pub(crate) fn run<T: Send>(&self, job: impl FnOnce() -> T + Send) -> Result<T> {
        kernel::in_net(&self.file, job).because(|| "enter a network namespace".into())
    }

    fn configure(&self, lines: &[String]) -> Result<()> {
        let script = lines.iter().fold(String::new(), |mut script, line| {
            // Writing to a String cannot fail.
            let _ = writeln!(script, "{line}");
            script
        });
        self.run(|| Call::new("ip").args(["-batch", "-"]).input(script).text())??;
        Ok(())
    }

    /// Makes this the control plane's network.
    pub(crate) fn become_bridge(&self) -> Result<()> {
        self.configure(&[
            "link set lo up".into(),
            "link add br0 type bridge".into(),
            format!("addr add {CONTROL_PLANE}/24 dev br0"),
            "link set br0 up".into(),
        ])
    }

    /// Connects a node's network to this one, the control plane's.
    pub(crate) fn attach(&self, index: u8, node: &Self) -> Result<()> {
        let cable = cable(index);
        self.configure(&[
            format!("link add {cable} type veth peer name eth0 netns {}", node.path().display()),
            format!("link set {cable} master br0 up"),
            format!("route replace {} via {}", pod_range(index), node_address(index)),
        ])?;
        node.configure(&[
            "link set lo up".into(),
            format!("addr add {}/24 dev eth0", node_address(index)),
            "link set eth0 up".into(),
            format!("route add default via {CONTROL_PLANE}"),
        ])
    }

    /// Takes a node's cable out. It may be gone with the node.
    pub(crate) fn detach(&self, index: u8) {
        let line = format!("link del {}", cable(index));
        drop(self.configure(slice::from_ref(&line)));
    }
}

fn cable(index: u8) -> String {
    format!("node{index}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_index_has_an_address_of_its_own_in_the_bridge_network() {
        let mut seen: Vec<_> = (1..=LAST_INDEX).map(node_address).collect();
        seen.dedup();
        assert_eq!(seen.len(), usize::from(LAST_INDEX));
        assert!(seen.iter().all(|address| address.octets()[..3] == [10, 20, 0]));
        assert!(!seen.contains(&CONTROL_PLANE));
    }

    #[test]
    fn names_of_cables_fit_into_a_network_interface() {
        assert!(cable(LAST_INDEX).len() <= 15);
    }
}
