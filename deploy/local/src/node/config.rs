//! The configuration of a node's programs. Pure: text and command lines from a node's description.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::Site;
use crate::{
    network::{self, CONTROL_PLANE, PODS},
    options::NodeSpec,
};

/// The image of the first process of each pod.
pub(crate) const PAUSE_IMAGE: &str = "localhost/apifleet/pause:1";
/// What this cluster does not use, and what would look for devices or modules that it does not have.
const UNUSED: [&str; 10] = [
    "io.containerd.nri.v1.nri",
    "io.containerd.internal.v1.opt",
    "io.containerd.internal.v1.tracing",
    "io.containerd.tracing.processor.v1.otlp",
    "io.containerd.snapshotter.v1.blockfile",
    "io.containerd.snapshotter.v1.btrfs",
    "io.containerd.snapshotter.v1.devmapper",
    "io.containerd.snapshotter.v1.zfs",
    "io.containerd.snapshotter.v1.erofs",
    "io.containerd.differ.v1.erofs",
];

/// The container runtime's socket.
pub(super) fn socket(directory: &Path) -> PathBuf {
    directory.join("containerd.sock")
}

/// The container runtime. Scores of the out-of-memory killer are left alone, because lowering them takes a
/// capability that root may lack; network namespaces of pods stay below the node's own directory, so that
/// they go with it.
pub(super) fn containerd(directory: &Path, programs: &Path) -> String {
    let quoted = |path: PathBuf| json!(path).to_string();
    let socket = socket(directory);
    format!(
        r#"version = 3
root = {root}
state = {state}
oom_score = 0
disabled_plugins = {unused}

[grpc]
address = {grpc}

[ttrpc]
address = {ttrpc}

[plugins."io.containerd.cri.v1.images"]
snapshotter = "overlayfs"

[plugins."io.containerd.cri.v1.images".pinned_images]
sandbox = "{PAUSE_IMAGE}"

[plugins."io.containerd.cri.v1.runtime"]
restrict_oom_score_adj = true
disable_apparmor = true
netns_mounts_under_state_dir = true

[plugins."io.containerd.cri.v1.runtime".containerd]
default_runtime_name = "runc"

[plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"

[plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc.options]
BinaryName = "runc"
SystemdCgroup = false

[plugins."io.containerd.cri.v1.runtime".cni]
bin_dirs = [{programs}]
conf_dir = {cni}

[plugins."io.containerd.grpc.v1.cri"]
stream_server_address = "127.0.0.1"
stream_server_port = "0"
"#,
        root = quoted(directory.join("containerd")),
        state = quoted(directory.join("run")),
        unused = json!(UNUSED),
        grpc = quoted(socket.clone()),
        ttrpc = quoted(socket.with_extension("sock.ttrpc")),
        programs = quoted(programs.into()),
        cni = quoted(directory.join("cni")),
    )
}

/// The network of the node's pods.
pub(super) fn pod_network(directory: &Path, index: u8) -> Value {
    json!({
        "cniVersion": "1.0.0",
        "name": "pods",
        "plugins": [
            {
                "type": "bridge",
                "bridge": "cni0",
                "isGateway": true,
                "ipMasq": false,
                "hairpinMode": true,
                "ipam": {
                    "type": "host-local",
                    "dataDir": directory.join("ipam"),
                    "ranges": [[{"subnet": network::pod_range(index)}]],
                    "routes": [{"dst": "0.0.0.0/0"}],
                },
            },
            {"type": "portmap", "capabilities": {"portMappings": true}},
        ],
    })
}

/// The kubelet's configuration.
pub(super) fn kubelet(
    site: Site<'_>,
    spec: &NodeSpec,
    index: u8,
    directory: &Path,
    group: &str,
) -> Value {
    json!({
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "authentication": {
            "anonymous": {"enabled": false},
            "webhook": {"enabled": true},
            "x509": {"clientCAFile": site.state.pki("ca.crt")},
        },
        "authorization": {"mode": "Webhook"},
        "tlsCertFile": directory.join("kubelet.crt"),
        "tlsPrivateKeyFile": directory.join("kubelet.key"),
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": group,
        "enforceNodeAllocatable": ["pods"],
        "failSwapOn": false,
        "oomScoreAdj": 0,
        "resolvConf": "",
        "clusterDNS": [CONTROL_PLANE],
        "clusterDomain": "cluster.local",
        "containerRuntimeEndpoint": format!("unix://{}", socket(directory).display()),
        "evictionHard": {
            "memory.available": "100Mi",
            "nodefs.available": "1%",
            "nodefs.inodesFree": "1%",
            "imagefs.available": "1%",
        },
        // Never: an image that is removed when the machine's disk fills up is there in no registry.
        "imageGCHighThresholdPercent": 100,
        "maxPods": spec.pods,
        "nodeStatusUpdateFrequency": "4s",
        "providerID": format!("aws:///{}/i-{index:017x}", spec.zone),
        "volumePluginDir": directory.join("volume-plugins"),
        "failCgroupV1": !site.cgroups.is_v1(),
    })
}

/// The kubelet's command line: what its configuration file cannot say.
pub(super) fn kubelet_argv(
    site: Site<'_>,
    spec: &NodeSpec,
    index: u8,
    directory: &Path,
) -> Vec<String> {
    let file = |name: &str| directory.join(name).display().to_string();
    let mut argv = site.programs.component("kubelet");
    argv.extend([
        format!("--config={}", file("kubelet.json")),
        format!("--kubeconfig={}", file("kubeconfig")),
        format!("--root-dir={}", file("kubelet")),
        format!("--cert-dir={}", file("kubelet-pki")),
        format!("--hostname-override={}", spec.name),
        format!("--node-ip={}", network::node_address(index)),
        format!("--node-labels={}", spec.labels()),
    ]);
    argv
}

/// The proxy's command line. It leaves kernel-wide limits of connection tracking alone.
pub(super) fn proxy_argv(site: Site<'_>, spec: &NodeSpec) -> Vec<String> {
    let mut argv = site.programs.component("proxy");
    argv.extend([
        format!("--kubeconfig={}", site.state.component_kubeconfig("proxy").display()),
        format!("--hostname-override={}", spec.name),
        format!("--cluster-cidr={PODS}"),
        "--proxy-mode=nftables".into(),
        "--conntrack-max-per-core=0".into(),
        "--conntrack-tcp-timeout-established=0".into(),
        "--conntrack-tcp-timeout-close-wait=0".into(),
        "--healthz-bind-address=127.0.0.1".into(),
        "--metrics-bind-address=127.0.0.1".into(),
    ]);
    argv
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_in_the_runtimes_configuration_are_quoted() {
        let text = containerd(Path::new("/n/with \"quotes\""), Path::new("/programs"));
        assert!(text.contains(r#"root = "/n/with \"quotes\"/containerd""#), "{text}");
        assert!(text.contains(r#"bin_dirs = ["/programs"]"#));
        assert!(text.contains("restrict_oom_score_adj = true"));
    }

    #[test]
    fn pods_of_two_nodes_have_different_addresses() {
        let subnet = |index| {
            pod_network(Path::new("/n"), index)["plugins"][0]["ipam"]["ranges"][0][0]["subnet"]
                .clone()
        };
        assert_eq!(subnet(1), "10.244.1.0/24");
        assert_ne!(subnet(1), subnet(2));
    }
}
