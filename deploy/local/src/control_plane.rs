//! The command lines of the control plane, and what is created in it first. Pure: nothing is started here.

use serde_json::{Value, json};

use crate::{
    error::Result,
    kubeconfig,
    network::{API_SERVICE, CONTROL_PLANE, SERVICES},
    paths::{State, write, write_secret},
    pki::{Authority, Identity, TokenKey},
    programs::Programs,
};

/// The API server's port, in the control plane's network.
pub(crate) const API_PORT: u16 = 6443;
/// The name by which the API server calls kubelets.
const KUBELET_CLIENT: &str = "apifleet:kubelet-client";
/// The name by which the API server hands requests on to the servers of aggregated APIs.
const FRONT_PROXY: &str = "apifleet:front-proxy";
/// The name of the DNS server.
const DNS_USER: &str = "apifleet:dns";
/// The name of Prometheus.
const PROMETHEUS_USER: &str = "apifleet:prometheus";

/// The API server's address inside the cluster's network.
pub(crate) fn inner_server() -> String {
    format!("https://{CONTROL_PLANE}:{API_PORT}")
}

/// Writes every certificate, key, kubeconfig and configuration file of the control plane. `outer_server` is
/// where this machine reaches the API server.
pub(crate) fn write_files(
    state: &State,
    authority: &Authority,
    outer_server: &str,
) -> Result<Identity> {
    let owned = [
        "kubernetes",
        "kubernetes.default",
        "kubernetes.default.svc",
        "kubernetes.default.svc.cluster.local",
        "localhost",
        "127.0.0.1",
    ];
    let addresses = [CONTROL_PLANE, API_SERVICE].map(|address| address.to_string());
    let owned: Vec<String> = owned.into_iter().map(Into::into).chain(addresses).collect();
    let server = authority.server("kube-apiserver", &owned)?;
    let kubelets = authority.client(KUBELET_CLIENT, None)?;
    let tokens = TokenKey::new()?;
    write_front_proxy(state)?;
    write(&state.pki("ca.crt"), &authority.certificate())?;
    write(&state.pki("apiserver.crt"), &server.certificate)?;
    write_secret(&state.pki("apiserver.key"), &server.key)?;
    write(&state.pki("kubelet-client.crt"), &kubelets.certificate)?;
    write_secret(&state.pki("kubelet-client.key"), &kubelets.key)?;
    write(&state.pki("tokens.pub"), &tokens.public)?;
    write_secret(&state.pki("tokens.key"), &tokens.private)?;
    write(&state.root.join("audit.json"), &audit_policy().to_string())?;
    for (component, user) in [
        ("controller-manager", "system:kube-controller-manager"),
        ("scheduler", "system:kube-scheduler"),
        ("proxy", "system:kube-proxy"),
        ("coredns", DNS_USER),
        ("prometheus", PROMETHEUS_USER),
    ] {
        let identity = authority.client(user, None)?;
        let text = kubeconfig::render(&inner_server(), &authority.certificate(), &identity);
        write_secret(&state.component_kubeconfig(component), &text)?;
    }
    let corefile = corefile(&state.component_kubeconfig("coredns").display().to_string());
    write(&state.root.join("Corefile"), &corefile)?;
    let administrator = authority.client("apifleet:administrator", Some("system:masters"))?;
    let text = kubeconfig::render(outer_server, &authority.certificate(), &administrator);
    write_secret(&state.kubeconfig(), &text)?;
    Ok(administrator)
}

/// An authority of its own: whoever has a certificate of it may speak for any user to the servers of aggregated APIs.
fn write_front_proxy(state: &State) -> Result<()> {
    let authority = Authority::new("apifleet-local-front-proxy")?;
    let client = authority.client(FRONT_PROXY, None)?;
    write(&state.pki("front-proxy-ca.crt"), &authority.certificate())?;
    write(&state.pki("front-proxy.crt"), &client.certificate)?;
    write_secret(&state.pki("front-proxy.key"), &client.key)
}

/// The store. Without fsync: its data does not outlive the cluster.
pub(crate) fn etcd(programs: &Programs, state: &State) -> Vec<String> {
    let (client, peer) = ("http://127.0.0.1:2379", "http://127.0.0.1:2380");
    let mut argv = programs.component("etcd");
    argv.extend([
        format!("--data-dir={}", state.root.join("etcd").display()),
        format!("--listen-client-urls={client}"),
        format!("--advertise-client-urls={client}"),
        format!("--listen-peer-urls={peer}"),
        format!("--initial-advertise-peer-urls={peer}"),
        format!("--initial-cluster=default={peer}"),
        "--unsafe-no-fsync".into(),
        "--log-level=warn".into(),
    ]);
    argv
}

/// The API server. It knows clients by certificate or service account only; nobody is anonymous.
pub(crate) fn apiserver(programs: &Programs, state: &State) -> Vec<String> {
    let file = |name: &str| state.pki(name).display().to_string();
    let mut argv = programs.component("apiserver");
    argv.extend([
        "--etcd-servers=http://127.0.0.1:2379".into(),
        format!("--secure-port={API_PORT}"),
        "--bind-address=0.0.0.0".into(),
        format!("--advertise-address={CONTROL_PLANE}"),
        format!("--tls-cert-file={}", file("apiserver.crt")),
        format!("--tls-private-key-file={}", file("apiserver.key")),
        format!("--client-ca-file={}", file("ca.crt")),
        format!("--kubelet-certificate-authority={}", file("ca.crt")),
        format!("--kubelet-client-certificate={}", file("kubelet-client.crt")),
        format!("--kubelet-client-key={}", file("kubelet-client.key")),
        "--kubelet-preferred-address-types=InternalIP".into(),
        "--anonymous-auth=false".into(),
        "--authorization-mode=Node,RBAC".into(),
        "--enable-admission-plugins=NodeRestriction".into(),
        format!("--service-cluster-ip-range={SERVICES}"),
        "--service-account-issuer=https://kubernetes.default.svc".into(),
        format!("--service-account-signing-key-file={}", file("tokens.key")),
        format!("--service-account-key-file={}", file("tokens.pub")),
        format!("--audit-policy-file={}", state.root.join("audit.json").display()),
        format!("--audit-log-path={}", state.audit().display()),
        "--audit-log-maxsize=64".into(),
        "--audit-log-maxbackup=1".into(),
        "--allow-privileged=true".into(),
        "--profiling=false".into(),
        "--shutdown-delay-duration=0s".into(),
    ]);
    argv.extend(aggregation(state));
    argv
}

/// How it hands requests on to the servers of aggregated APIs, such as external metrics. To their pods directly:
/// there are no Services in the control plane's network.
fn aggregation(state: &State) -> [String; 8] {
    let file = |name: &str| state.pki(name).display().to_string();
    [
        "--enable-aggregator-routing=true".into(),
        format!("--requestheader-client-ca-file={}", file("front-proxy-ca.crt")),
        format!("--requestheader-allowed-names={FRONT_PROXY}"),
        "--requestheader-username-headers=X-Remote-User".into(),
        "--requestheader-group-headers=X-Remote-Group".into(),
        "--requestheader-extra-headers-prefix=X-Remote-Extra-".into(),
        format!("--proxy-client-cert-file={}", file("front-proxy.crt")),
        format!("--proxy-client-key-file={}", file("front-proxy.key")),
    ]
}

/// The controllers. A node that is gone is noticed within 20 seconds.
pub(crate) fn controller_manager(programs: &Programs, state: &State) -> Vec<String> {
    let mut argv = programs.component("controller-manager");
    argv.extend(with_kubeconfig(state, "controller-manager"));
    argv.extend([
        format!("--service-account-private-key-file={}", state.pki("tokens.key").display()),
        format!("--root-ca-file={}", state.pki("ca.crt").display()),
        "--use-service-account-credentials".into(),
        "--leader-elect=false".into(),
        "--bind-address=127.0.0.1".into(),
        "--node-monitor-grace-period=20s".into(),
        "--node-monitor-period=2s".into(),
    ]);
    argv
}

/// The scheduler.
pub(crate) fn scheduler(programs: &Programs, state: &State) -> Vec<String> {
    let mut argv = programs.component("scheduler");
    argv.extend(with_kubeconfig(state, "scheduler"));
    argv.extend(["--leader-elect=false".into(), "--bind-address=127.0.0.1".into()]);
    argv
}

/// The DNS server.
pub(crate) fn coredns(programs: &Programs, state: &State) -> Vec<String> {
    let corefile = state.root.join("Corefile").display().to_string();
    vec![programs.path("coredns").display().to_string(), "-conf".into(), corefile]
}

fn with_kubeconfig(state: &State, component: &str) -> [String; 3] {
    let path = state.component_kubeconfig(component);
    ["kubeconfig", "authentication-kubeconfig", "authorization-kubeconfig"]
        .map(|flag| format!("--{flag}={}", path.display()))
}

/// Names outside the cluster are not resolved: there is no way to them.
fn corefile(kubeconfig: &str) -> String {
    format!(
        ".:53 {{\n    bind {CONTROL_PLANE}\n    errors\n    ready {CONTROL_PLANE}:8181\n    \
         kubernetes cluster.local in-addr.arpa {{\n        kubeconfig {kubeconfig}\n        \
         ttl 5\n    }}\n}}\n"
    )
}

/// Which requests are written down: those of service accounts outside kube-system. A test compares what the
/// operator did with what it may do.
fn audit_policy() -> Value {
    json!({
        "apiVersion": "audit.k8s.io/v1",
        "kind": "Policy",
        "omitStages": ["RequestReceived"],
        "rules": [
            {"level": "None", "userGroups": ["system:serviceaccounts:kube-system"]},
            {"level": "Metadata", "userGroups": ["system:serviceaccounts"]},
            {"level": "None"},
        ],
    })
}

/// What is created first: the rights of our own components.
pub(crate) fn first_objects() -> Value {
    let watch = ["get", "list", "watch"];
    let dns = json!([
        {"apiGroups": [""], "resources": ["services", "namespaces", "pods"], "verbs": watch},
        {"apiGroups": ["discovery.k8s.io"], "resources": ["endpointslices"], "verbs": watch},
    ]);
    let prometheus = json!([{"apiGroups": [""], "resources": ["pods"], "verbs": watch}]);
    json!({
        "apiVersion": "v1",
        "kind": "List",
        "items": [
            role(DNS_USER, &dns),
            binding(DNS_USER, DNS_USER),
            role(PROMETHEUS_USER, &prometheus),
            binding(PROMETHEUS_USER, PROMETHEUS_USER),
            binding(KUBELET_CLIENT, "system:kubelet-api-admin"),
        ],
    })
}

fn role(name: &str, rules: &Value) -> Value {
    json!({
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {"name": name},
        "rules": rules,
    })
}

fn binding(user: &str, role: &str) -> Value {
    let group = "rbac.authorization.k8s.io";
    json!({
        "apiVersion": format!("{group}/v1"),
        "kind": "ClusterRoleBinding",
        "metadata": {"name": user},
        "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": role},
        "subjects": [{"apiGroup": group, "kind": "User", "name": user}],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_but_the_administrator_may_change_anything() {
        for item in first_objects()["items"].as_array().unwrap() {
            for rule in item["rules"].as_array().into_iter().flatten() {
                assert_eq!(rule["verbs"], json!(["get", "list", "watch"]));
            }
        }
    }

    #[test]
    fn the_corefile_serves_the_cluster_on_the_bridge_only() {
        let text = corefile("/k");
        assert!(text.contains("bind 10.20.0.1\n") && text.contains("kubeconfig /k\n"), "{text}");
        assert!(!text.contains("forward"));
    }

    #[test]
    fn files_are_written_and_no_kubeconfig_skips_verification() {
        let directory = tempfile::tempdir().unwrap();
        let mut state = State::of(&"test".parse().unwrap());
        state.root = directory.path().into();
        let authority = Authority::new("test").unwrap();
        write_files(&state, &authority, "https://127.0.0.1:1").unwrap();
        let text = std::fs::read_to_string(state.kubeconfig()).unwrap();
        assert!(text.contains("https://127.0.0.1:1") && !text.contains("insecure"));
        assert!(state.component_kubeconfig("prometheus").exists());
    }

    #[test]
    fn who_speaks_for_others_is_signed_by_an_authority_that_signs_nobody_else() {
        let directory = tempfile::tempdir().unwrap();
        let mut state = State::of(&"test".parse().unwrap());
        state.root = directory.path().into();
        write_files(&state, &Authority::new("test").unwrap(), "https://127.0.0.1:1").unwrap();
        let flags = aggregation(&state);
        for (_, value) in flags.iter().filter_map(|flag| flag.split_once("-file=")) {
            assert!(std::path::Path::new(value).is_file(), "{value}");
        }
        let read = |name: &str| std::fs::read_to_string(state.pki(name)).unwrap();
        assert_ne!(read("front-proxy-ca.crt"), read("ca.crt"));
    }
}
