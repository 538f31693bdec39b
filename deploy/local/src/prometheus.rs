//! Prometheus beside the control plane: scrapes every pod that asks for it by its annotations, every five
//! seconds. Its data outlives `stop`, so that a restart looks like one in a real cluster.

use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use serde_json::{Value, json};

use crate::{
    Cluster,
    error::{Because, Result},
    network::CONTROL_PLANE,
    paths,
    probe::Ready,
    program::Program,
};

const NAME: &str = "prometheus";
const PORT: u16 = 9090;
const START: Duration = Duration::from_mins(1);

impl Cluster {
    /// Starts Prometheus with these files of recording and alerting rules.
    pub fn start_prometheus(&self, rules: &[PathBuf]) -> Result<()> {
        let directory = self.state().root.join(NAME);
        let copies = rules.iter().enumerate().map(|(index, file)| copy(file, &directory, index));
        let rules = copies.collect::<Result<Vec<_>>>()?;
        let config = directory.join("prometheus.json");
        let kubeconfig = self.state().component_kubeconfig(NAME);
        paths::write(&config, &format!("{:#}", configuration(&rules, &kubeconfig)))?;
        let address = Self::prometheus_address();
        self.start(Program {
            name: NAME.into(),
            argv: vec![
                self.programs().path(NAME).display().to_string(),
                format!("--config.file={}", config.display()),
                format!("--storage.tsdb.path={}", directory.join("data").display()),
                format!("--web.listen-address={address}"),
                "--log.level=warn".into(),
            ],
            ready: Ready::Http(address, "/-/ready".into()),
            patience: START,
        })
    }

    /// Ends Prometheus and keeps its data.
    pub fn stop_prometheus(&self) -> Result<()> {
        self.stop(NAME)
    }

    /// Where Prometheus listens, in the cluster's network.
    #[must_use]
    pub fn prometheus_address() -> SocketAddr {
        (CONTROL_PLANE, PORT).into()
    }
}

/// Copies a file of rules to where Prometheus reads it, so that it stays as it was when Prometheus started.
fn copy(rules: &Path, directory: &Path, index: usize) -> Result<PathBuf> {
    let text = fs::read_to_string(rules).because(|| format!("read {}", rules.display()))?;
    let copy = directory.join(format!("rules-{index}.yaml"));
    paths::write(&copy, &text)?;
    Ok(copy)
}

fn configuration(rules: &[PathBuf], kubeconfig: &Path) -> Value {
    let meta = |name: &str| format!("__meta_kubernetes_{name}");
    let keep = |label: &str, value: &str| json!({"action": "keep", "source_labels": [meta(label)], "regex": value});
    let copy = |label: &str, to: &str| json!({"source_labels": [meta(label)], "target_label": to});
    json!({
        "global": {"scrape_interval": "5s", "scrape_timeout": "4s", "evaluation_interval": "5s"},
        "rule_files": rules,
        "scrape_configs": [{
            "job_name": "pods",
            "kubernetes_sd_configs": [{"role": "pod", "kubeconfig_file": kubeconfig}],
            "relabel_configs": [
                keep("pod_annotation_prometheus_io_scrape", "true"),
                keep("pod_phase", "Running"),
                {
                    "action": "replace",
                    "source_labels": [meta("pod_ip"), meta("pod_annotation_prometheus_io_port")],
                    "separator": ":",
                    "regex": "(.+:[0-9]+)",
                    "target_label": "__address__",
                },
                {
                    "action": "replace",
                    "source_labels": [meta("pod_annotation_prometheus_io_path")],
                    "regex": "(.+)",
                    "target_label": "__metrics_path__",
                },
                copy("namespace", "namespace"),
                copy("pod_name", "pod"),
                copy("pod_label_apifleet_dev_fleet", "fleet"),
            ],
        }],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_running_pods_that_ask_for_it_are_scraped() {
        let config = configuration(&["/r".into(), "/a".into()], Path::new("/k"));
        let rules = config["scrape_configs"][0]["relabel_configs"].as_array().unwrap();
        let kept: Vec<_> = rules.iter().filter(|rule| rule["action"] == "keep").collect();
        assert_eq!(kept.len(), 2);
        assert!(kept.iter().any(|rule| rule["regex"] == "Running"));
        assert_eq!(config["global"]["scrape_interval"], "5s");
        assert_eq!(config["rule_files"], json!(["/r", "/a"]));
    }

    #[test]
    fn every_series_gets_its_namespace_pod_and_fleet() {
        let config = configuration(&["/r".into(), "/a".into()], Path::new("/k"));
        let rules = config["scrape_configs"][0]["relabel_configs"].as_array().unwrap();
        for label in ["namespace", "pod", "fleet"] {
            assert!(rules.iter().any(|rule| rule["target_label"] == label), "{label}");
        }
    }
}
