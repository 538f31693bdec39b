//! One cluster's whole life on this machine: up, used, a node more, nodes lost with notice and without, nodes for pods that
//! find none, the supervisor lost, up again, down. Needs root, because namespaces and control groups do.
//!
//! The pod that looks at the cluster from inside runs this very program: it is static, and with
//! `APIFLEET_PROBE` set the test does what a pod does instead.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    reason = "the functions of a test's steps are part of the test"
)]

mod trace;

use std::{
    env, fs,
    io::{Read, Write},
    net::{SocketAddr, TcpStream, ToSocketAddrs},
    path::Path,
    thread,
    time::{Duration, Instant},
};

use apifleet_local::{
    Capacity, Cluster, Error, Image, Name, NodeSpec, Options, Place,
    interruption::{Aftermath, Notice, Reclaim},
    progress::{Event, Silent},
    provisioner::{Provisioner, Provisioning},
};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

const PROBE: &str = "APIFLEET_PROBE";
/// A probe that only stays there for a while.
const HOLD: &str = "hold";
const PROBE_IMAGE: &str = "localhost/apifleet/probe:test";

#[test]
fn a_cluster_lives_and_leaves_no_trace() {
    if let Ok(target) = env::var(PROBE) {
        return look_from_inside(&target);
    }
    assert!(
        nix::unistd::Uid::effective().is_root(),
        "this test makes namespaces and control groups: run it as root"
    );
    Cluster::sweep(&Silent).expect("remains of earlier runs removed");
    assert!(
        !Path::new("/var/lib/apifleet").exists(),
        "this test compares the machine before and after: take the clusters that run down first"
    );
    let before = trace::of_this_machine();

    an_up_that_fails_leaves_nothing_but_its_logs();
    let cluster = up_is_fast_and_labels_its_nodes();
    let reclaim = a_notice_is_on_the_nodes_and_can_be_taken_back(&cluster);
    a_second_up_is_refused_and_names_the_way_out();
    nobody_gets_in_without_a_certificate(&cluster);
    a_pod_finds_services_by_name(&cluster);
    programs_run_beside_the_control_plane_and_keep_their_data(&cluster);
    a_node_is_added_and_another_is_lost_without_a_trace(&cluster);
    a_pod_that_finds_no_node_gets_one(&cluster);
    the_end_comes_when_the_notice_said(&cluster, reclaim);
    another_cluster_lives_beside_it_and_ends_when_its_supervisor_is_told_to();
    up_after_a_crash_of_the_supervisor_starts_afresh(&cluster);

    assert!(
        !Path::new("/var/lib/apifleet").exists(),
        "a cluster was left, or another was started meanwhile, which this test cannot tell apart"
    );
    let left = trace::of_this_machine();
    assert_eq!(left.without(&before), trace::Trace::default(), "left behind");
    assert_eq!(before.without(&left), trace::Trace::default(), "taken away");
}

fn name(text: &str) -> Name {
    text.parse().expect("a good name")
}

fn step(text: &str, start: Instant) {
    println!("{:>6.1} s  {text}", start.elapsed().as_secs_f64());
}

fn up(nodes: Vec<NodeSpec>, cluster: &str) -> Cluster {
    let start = Instant::now();
    let show = |event: Event| {
        if let Event::Step(text) = event {
            step(&text, start);
        }
    };
    let probe = env::current_exe().expect("the path of this program");
    let images = vec![Image { reference: PROBE_IMAGE.into(), program: probe }];
    let options = Options { name: name(cluster), nodes, images };
    Cluster::up(options, &show).expect("a cluster")
}

fn an_up_that_fails_leaves_nothing_but_its_logs() {
    let nothing =
        Image { reference: "localhost/nothing:0".into(), program: "/no/such/program".into() };
    let options = Options { name: name("it-fails"), images: vec![nothing], ..Options::default() };
    let failed = Cluster::up(options, &Silent).expect_err("an image without a program");
    let Error::NotUp { problem, logs } = failed else { panic!("{failed}") };
    assert!(problem.to_string().contains("/no/such/program"), "{problem}");
    assert!(logs.join("etcd.log").is_file(), "{}", logs.display());
    assert!(!Path::new("/var/lib/apifleet").exists());
    fs::remove_dir_all(logs).expect("logs removed");
}

fn up_is_fast_and_labels_its_nodes() -> Cluster {
    let cluster = up(Options::wide().nodes, "it");
    let nodes = cluster
        .kubectl(&[
            "get",
            "nodes",
            "--output=custom-columns=:metadata.name,:metadata.labels.karpenter\\.sh/capacity-type,\
             :metadata.labels.topology\\.kubernetes\\.io/zone,\
             :metadata.labels.node\\.kubernetes\\.io/instance-type,:spec.providerID",
            "--no-headers",
        ])
        .expect("nodes");
    let rows: Vec<Vec<_>> = nodes.lines().map(|row| row.split_whitespace().collect()).collect();
    assert_eq!(rows.len(), 8, "{nodes}");
    for (index, (row, node)) in (1..).zip(rows.iter().zip(Options::wide().nodes)) {
        let id = format!("aws:///{}/i-{index:017x}", node.zone);
        let kind = node.capacity.label();
        assert_eq!(row[..], [node.name.as_str(), kind, &node.zone, &node.instance_type, &id]);
    }
    cluster
}

fn a_second_up_is_refused_and_names_the_way_out() {
    let options = Options { name: name("it"), ..Options::default() };
    let refused = Cluster::up(options, &Silent).expect_err("it runs already");
    assert!(matches!(refused, Error::AlreadyRunning { .. }), "{refused}");
    assert!(refused.to_string().contains("--name"), "{refused}");
}

fn nobody_gets_in_without_a_certificate(cluster: &Cluster) {
    let text = fs::read_to_string(cluster.kubeconfig()).expect("a kubeconfig");
    assert!(!text.contains("insecure"), "a kubeconfig that skips verification");
    let mut config: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    // Without any credentials kubectl would ask for some instead of trying.
    config["users"][0]["user"] = serde_json::json!({"token": "nobodys"});
    let directory = tempfile::tempdir().expect("a directory");
    let nobodys = directory.path().join("kubeconfig");
    fs::write(&nobodys, config.to_string()).expect("written");
    let flag = format!("--kubeconfig={}", nobodys.display());
    let refused = cluster.kubectl(&[&flag, "get", "pods"]).expect_err("nobody");
    assert!(refused.to_string().contains("must be logged in"), "{refused}");
    let anonymous = ["--as=system:anonymous", "--as-group=system:unauthenticated"];
    let refused = cluster.kubectl(&[&anonymous[..], &["get", "nodes"]].concat());
    assert!(refused.expect_err("anonymous").to_string().contains("Forbidden"));
}

fn a_pod_finds_services_by_name(cluster: &Cluster) {
    let pod = serde_json::json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "probe"},
        "spec": {
            "restartPolicy": "Never",
            "securityContext": {"runAsNonRoot": true, "seccompProfile": {"type": "RuntimeDefault"}},
            "containers": [{
                "name": "probe",
                "image": PROBE_IMAGE,
                "imagePullPolicy": "Never",
                "args": ["--nocapture"],
                "env": [{"name": PROBE, "value": "kubernetes.default.svc.cluster.local:443"}],
                "securityContext": {"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}},
            }],
        },
    });
    wait_for_service_account(cluster);
    cluster.apply(&pod.to_string()).expect("applied");
    let done = "--for=jsonpath={.status.phase}=Succeeded";
    let waited = cluster.kubectl(&["wait", done, "--timeout=20s", "pod/probe"]);
    let logs = cluster.kubectl(&["logs", "probe"]).expect("logs through the kubelet");
    waited.unwrap_or_else(|problem| panic!("{problem}\n{logs}"));
    assert!(logs.contains("reached 10.96.0.1:443"), "{logs}");
}

/// The controllers make it; pods are refused before.
fn wait_for_service_account(cluster: &Cluster) {
    let args = ["wait", "--for=create", "--timeout=20s", "serviceaccount/default"];
    cluster.kubectl(&args).expect("a service account");
}

fn look_from_inside(target: &str) {
    if target == HOLD {
        return thread::sleep(Duration::from_mins(1));
    }
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        let found = target.to_socket_addrs().map(|mut addresses| addresses.next());
        let address = match found {
            Ok(Some(address)) => address,
            // The pod may run before the proxy and the DNS server know of the Service.
            other => {
                assert!(Instant::now() < deadline, "{target} is not found: {other:?}");
                thread::sleep(Duration::from_millis(100));
                continue;
            }
        };
        match TcpStream::connect_timeout(&address, Duration::from_secs(1)) {
            Ok(_) => return println!("reached {address}"),
            Err(problem) => assert!(Instant::now() < deadline, "{address}: {problem}"),
        }
    }
}

fn programs_run_beside_the_control_plane_and_keep_their_data(cluster: &Cluster) {
    let rules = [Path::new(env!("CARGO_MANIFEST_DIR")).join("../prometheus/rules.yaml")];
    cluster.start_prometheus(&rules).expect("Prometheus");
    let outside =
        cluster.forward(&Place::ControlPlane, Cluster::prometheus_address()).expect("a way");
    assert!(outside.ip().is_loopback());
    a_scraped_pod_has_its_labels(cluster, outside);
    cluster.stop_prometheus().expect("stopped");
    cluster.start_prometheus(&rules).expect("Prometheus again, on its data");

    let url = cluster.start_mariadb(&Silent).expect("MariaDB");
    let shown: String = url.chars().take_while(|c| *c != '@').collect();
    assert!(shown.starts_with("mysql://campaign:") && url.ends_with("@10.20.0.1:3306/campaign"));
    cluster.mariadb_scalar("create table t as select 41 as n; select 1").expect("a table");
    cluster.stop_mariadb().expect("stopped");
    assert_eq!(cluster.start_mariadb(&Silent).expect("MariaDB again"), url);
    assert_eq!(cluster.mariadb_scalar("select n + 1 from t").expect("a row"), "42");
    let running = cluster.status().expect("a status").running;
    for program in ["mariadb", "prometheus", "etcd", "apiserver", "coredns"] {
        assert!(running.iter().any(|name| name == program), "{program}: {running:?}");
    }
}

/// The pod serves nothing, and so is scraped in vain: its series `up` has the labels all the same.
fn a_scraped_pod_has_its_labels(cluster: &Cluster, prometheus: SocketAddr) {
    let pod = serde_json::json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": "scraped",
            "labels": {"apifleet.dev/fleet": "shop"},
            "annotations": {"prometheus.io/scrape": "true", "prometheus.io/port": "8080"},
        },
        "spec": {"containers": [{
            "name": "nothing",
            "image": PROBE_IMAGE,
            "imagePullPolicy": "Never",
            "env": [{"name": PROBE, "value": HOLD}],
        }]},
    });
    cluster.apply(&pod.to_string()).expect("applied");
    let deadline = Instant::now() + Duration::from_secs(20);
    let series = loop {
        let series = get(prometheus, "/api/v1/query?query=up");
        if series.contains("scraped") {
            break series;
        }
        assert!(Instant::now() < deadline, "no series of the pod: {series}");
        thread::sleep(Duration::from_millis(200));
    };
    for label in [r#""fleet":"shop""#, r#""namespace":"default""#, r#""pod":"scraped""#] {
        assert!(series.contains(label), "{label}: {series}");
    }
    assert!(!series.contains(r#""pod":"probe""#), "a pod that does not ask for it: {series}");
    let program = env::current_exe().expect("the path of this program");
    let program = program.file_name().and_then(|name| name.to_str()).expect("a name");
    let inside = ["exec", "scraped", "--", &format!("/{program}"), "--list"];
    let listed = cluster.kubectl(&inside).expect("a program run through the kubelet");
    assert!(listed.contains("a_cluster_lives_and_leaves_no_trace"), "{listed}");
    cluster.kubectl(&["delete", "pod", "scraped", "--now"]).expect("deleted");
}

fn get(address: SocketAddr, path: &str) -> String {
    let mut stream = TcpStream::connect(address).expect("reached from this machine");
    stream.set_read_timeout(Some(Duration::from_secs(5))).expect("a limit");
    stream.write_all(format!("GET {path} HTTP/1.0\r\n\r\n").as_bytes()).expect("asked");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("answered");
    answer
}

/// Its end is due in half a minute, in which the next steps are taken.
fn a_notice_is_on_the_nodes_and_can_be_taken_back(cluster: &Cluster) -> Reclaim {
    let taints = |node: &str| {
        let path = "--output=jsonpath={.spec.taints[*].key}";
        cluster.kubectl(&["get", "node", node, path]).expect("taints")
    };
    let on_demand = [name("on-demand-2")];
    cluster.announce_interruption(&on_demand, Notice::Aws120).expect("announced");
    assert!(taints("on-demand-2").contains(Notice::Aws120.taint()));
    cluster.withdraw_interruption(&on_demand, Notice::Aws120).expect("taken back");
    assert!(!taints("on-demand-2").contains(Notice::Aws120.taint()));
    let again = cluster.withdraw_interruption(&on_demand, Notice::Aws120);
    assert!(again.expect_err("none is left").to_string().contains("no notice to take back"));

    let nodes = [name("spot-1"), name("spot-4")];
    let aftermath = Aftermath::Forget(Duration::from_secs(1));
    let reclaim = cluster.interrupt_nodes(&nodes, Notice::Gke30, aftermath).expect("announced");
    for node in ["spot-1", "spot-4"] {
        assert!(taints(node).contains(Notice::Gke30.taint()));
    }
    reclaim
}

fn the_end_comes_when_the_notice_said(cluster: &Cluster, reclaim: Reclaim) {
    let ends = reclaim.ends;
    let reclaimed = reclaim.wait().expect("taken back");
    step("two nodes are gone after their notice", reclaimed.announced);
    let late = reclaimed.killed.duration_since(ends);
    assert!(reclaimed.killed >= ends && late < Duration::from_millis(500), "{late:?}");
    assert!(reclaimed.gone.duration_since(ends) < Duration::from_secs(3));
    let nodes = cluster.kubectl(&["get", "nodes", "--output=name"]).expect("nodes");
    assert!(nodes.contains("node/spot-2"), "{nodes}");
    assert!(!nodes.contains("node/spot-1") && !nodes.contains("node/spot-4"), "{nodes}");
    let running = cluster.status().expect("a status").nodes;
    assert!(running.iter().all(|node| !["spot-1", "spot-4"].contains(&node.spec.name.as_str())));
    let left = trace::of_this_machine();
    assert!(!left.mentions("spot-1") && !left.mentions("spot-4"), "{left:?}");
    assert!(cluster.kill_nodes(&[name("spot-2"), name("spot-1")]).is_err(), "one is gone");
    assert!(cluster.run_in_node(&name("spot-2"), &["true"], Duration::from_secs(5)).is_ok());
}

fn a_pod_that_finds_no_node_gets_one(cluster: &Cluster) {
    let expression = serde_json::json!({"key": "karpenter.sh/capacity-type", "operator": "In", "values": ["spot"]});
    let terms = serde_json::json!({"nodeSelectorTerms": [{"matchExpressions": [expression]}]});
    let affinity = serde_json::json!({"requiredDuringSchedulingIgnoredDuringExecution": terms});
    let pod = serde_json::json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "waits"},
        "spec": {
            "affinity": {"nodeAffinity": affinity},
            // No node but the one to come.
            "nodeSelector": {"kubernetes.io/hostname": "spot-new-1"},
            "containers": [{
                "name": "nothing",
                "image": PROBE_IMAGE,
                "imagePullPolicy": "Never",
                "env": [{"name": PROBE, "value": HOLD}],
            }],
        },
    });
    let plan = Provisioning { most: 1, pods_per_node: 5, ..Provisioning::default() };
    let provisioner = Provisioner::start(cluster, plan).expect("a provisioner");
    let start = Instant::now();
    cluster.apply(&pod.to_string()).expect("applied");
    let ready = ["wait", "--for=condition=Ready", "--timeout=30s", "pod/waits"];
    cluster.kubectl(&ready).expect("a node for the pod");
    step("a pod that found no node runs on a new one", start);
    let made = provisioner.stop().expect("no failure");
    assert_eq!(made.len(), 1, "{made:?}");
    assert!(made[0].asked.duration_since(start) >= plan.patience, "{made:?}");
    let room = "--output=jsonpath={.status.allocatable.pods}";
    assert_eq!(cluster.kubectl(&["get", "node", "spot-new-1", room]).expect("a node"), "5");
    cluster.kubectl(&["delete", "pod", "waits", "--now"]).expect("deleted");
}

fn a_node_is_added_and_another_is_lost_without_a_trace(cluster: &Cluster) {
    let added = NodeSpec::new(name("spot-7"), Capacity::Spot, "eu-west-1c", "m5.large");
    let start = Instant::now();
    cluster.add_node(added.clone()).expect("a node more");
    step("a node more is Ready", start);
    assert!(cluster.add_node(added).is_err(), "two nodes of one name");

    let limit = Duration::from_secs(10);
    let route = cluster.run_in_node(&name("spot-7"), &["ip", "-o", "address"], limit);
    let route = route.expect("a program in a node").stdout;
    assert!(route.contains("10.20.0.19/24"), "{route}");
    let probe = env::current_exe().expect("the path of this program").display().to_string();
    let mut inside = cluster.command_in(&Place::Node(name("spot-7")), &[&probe, "--nocapture"]);
    let inside = inside.as_mut().expect("a place").env(PROBE, "10.96.0.1:443");
    let inside = inside.output().expect("a program in a node");
    let printed = String::from_utf8_lossy(&inside.stdout);
    assert!(printed.contains("reached 10.96.0.1:443"), "Services are there for nodes: {printed}");
    let bridge = cluster.run_in(&Place::ControlPlane, &["ip", "-o", "link"], limit);
    assert!(bridge.expect("a program").stdout.contains("node9"));

    let start = Instant::now();
    cluster.kill_node(&name("spot-7")).expect("a node lost");
    step("a node is lost", start);
    let bridge = cluster.run_in(&Place::ControlPlane, &["ip", "-o", "link"], limit);
    assert!(!bridge.expect("a program").stdout.contains("node9"));
    let left = trace::of_this_machine();
    assert!(!left.mentions("spot-7"), "{left:?}");
    assert!(cluster.kill_node(&name("spot-7")).is_err(), "it is gone");
    assert!(cluster.run_in_node(&name("spot-7"), &["true"], limit).is_err());
}

fn another_cluster_lives_beside_it_and_ends_when_its_supervisor_is_told_to() {
    let start = Instant::now();
    let other = up(Vec::new(), "it-2");
    assert!(other.kubectl(&["get", "nodes"]).is_ok());
    signal(&other, Signal::SIGTERM);
    wait_until_gone(&other);
    step("another cluster has lived beside it", start);
    assert!(!Cluster::remove(&name("it-2"), &Silent).expect("nothing left to remove"));
    let first = Cluster::attach(&name("it")).expect("the first still runs");
    assert!(first.kubectl(&["get", "nodes"]).expect("nodes").contains("on-demand-1"));
    let unknown = Cluster::attach(&name("it-2")).expect_err("it is down");
    assert!(matches!(unknown, Error::NotRunning { .. }), "{unknown}");
}

fn signal(cluster: &Cluster, signal: Signal) {
    let [_, inner] = cluster.status().expect("a status").supervisors;
    kill(Pid::from_raw(i32::try_from(inner).expect("a process id")), signal).expect("signalled");
}

fn up_after_a_crash_of_the_supervisor_starts_afresh(cluster: &Cluster) {
    signal(cluster, Signal::SIGKILL);
    wait_until_gone(cluster);

    let start = Instant::now();
    let again = up(Options::default().nodes.into_iter().take(1).collect(), "it");
    step("up after a crash", start);
    let nodes = again.kubectl(&["get", "nodes", "--no-headers"]).expect("nodes");
    assert_eq!(nodes.lines().count(), 1, "{nodes}");
    let start = Instant::now();
    again.down().expect("down");
    step("down", start);
    assert!(!Cluster::remove(&name("it"), &Silent).expect("nothing left to remove"));
}

/// Until nobody holds its lock.
fn wait_until_gone(cluster: &Cluster) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while !matches!(cluster.status(), Err(Error::NotRunning { .. })) {
        assert!(Instant::now() < deadline, "it still runs");
        thread::sleep(Duration::from_millis(10));
    }
}
