//! The operator's own metrics, as it serves them once everything that it counts has happened. A test holds the page
//! against the names in the operator's source: one that is counted nowhere here fails it.

use super::{Page, Section, Table, cell, code};
use anyhow::{Context, bail};
use apifleet_controller::error::Class;
use apifleet_controller::metrics::Metrics;
use apifleet_controller::metrics::view::{
    FleetView, OverrideView, SignalView, SpotView, TargetView,
};
use promql_parser::parser::{Expr, parse};
use std::time::Duration;

/// The label by which a histogram's buckets differ: every histogram has it.
const BOUND: &str = "le";

pub(super) fn page() -> anyhow::Result<Page> {
    let text = everything().encode().context("encode the operator's metrics")?;
    let row = |metric: Metric| {
        let labels: Vec<_> = metric.labels.iter().map(|label| code(label)).collect();
        let name = metric.name();
        [code(&name), metric.kind, labels.join(", "), cell(&metric.help)]
    };
    let rows = read(&text)?.into_iter().map(row);
    let table = Table::of(["metric", "is a", "labels", ""], rows);
    Ok(Page {
        file: "metrics.md",
        title: "Metrics of the operator",
        intro: "Served at `/metrics` of `--listen`. The copy that leads shows every fleet; a fleet that is gone, and a word that \
                is true no more, leave no series behind. A histogram is read by `_bucket`, `_sum` and `_count` after its name. \
                Where Prometheus puts the operator's own namespace on these series, the fleet's is called \
                `exported_namespace`. Those of the API server: [api-server](../../api-server/README.md).",
        source: "the operator's registry (`controller/src/metrics.rs`)",
        sections: vec![Section::titled(2, "All metrics").with_table(table)],
    })
}

/// An operator to which everything has happened that it counts.
fn everything() -> Metrics {
    const A_WHILE: Duration = Duration::from_secs(1);
    let metrics = Metrics::default();
    metrics.decided("");
    metrics.reconcile_failed(Class::Transient);
    metrics.scaled("", A_WHILE);
    metrics.carried_out(A_WHILE);
    metrics.removed("", "");
    metrics.passed(A_WHILE, A_WHILE, 1);
    metrics.queried("", A_WHILE);
    metrics.kubernetes_failed("", Class::Transient);
    let view = |size, decided_at| FleetView {
        decided_at: Some(decided_at),
        size: Some(size),
        bounds: Some((1, 2)),
        mode: Some(""),
        limit: Some(""),
        targets: vec![TargetView { target: "", desired: Some(1), ready: 1, pending: 1 }],
        signals: vec![SignalView { signal: "", verdict: "", age: Some(1.0) }],
        conditions: vec![("", true)],
        schedule_floor: Some(1),
        prewarm_lateness: Some(1.0),
        overrides: vec![OverrideView { action: "", begins_at: 1.0, ends_at: 2.0 }],
        spot: Some(SpotView { state: "", cover: 1, on_demand_floor: 1 }),
    };
    // There and back again, since turning back is counted, too.
    for (size, at) in [(1, 0.0), (2, 60.0), (1, 120.0)] {
        metrics.show("", "", &view(size, at));
    }
    metrics.interrupted("", "", 1);
    metrics
}

/// A metric.
#[derive(Debug, Default, PartialEq)]
struct Metric {
    family: String,
    kind: String,
    help: String,
    labels: Vec<String>,
}

impl Metric {
    /// As a query names it.
    fn name(&self) -> String {
        if self.kind == "counter" { format!("{}_total", self.family) } else { self.family.clone() }
    }
}

/// The metrics in a text of the `OpenMetrics` format.
fn read(text: &str) -> anyhow::Result<Vec<Metric>> {
    let mut metrics: Vec<Metric> = Vec::new();
    for line in text.lines() {
        let mut words = line.splitn(4, ' ');
        match (words.next(), words.next(), words.next(), words.next()) {
            (Some("#"), Some("HELP"), Some(family), help) => {
                let help = help.unwrap_or_default().to_owned();
                metrics.push(Metric { family: family.to_owned(), help, ..Metric::default() });
            }
            (Some("#"), Some("TYPE"), Some(_), Some(kind)) => {
                let metric = metrics.last_mut().context("a type without a metric")?;
                kind.clone_into(&mut metric.kind);
            }
            (Some("#"), ..) => {}
            _ => {
                let metric = metrics.last_mut().context("a series without a metric")?;
                if metric.labels.is_empty() {
                    metric.labels = labels(line)?;
                }
            }
        }
    }
    Ok(metrics)
}

/// The names of a series' labels. A series is written as it is asked for, so a parser of queries reads it.
fn labels(line: &str) -> anyhow::Result<Vec<String>> {
    let (series, _) = line.rsplit_once(' ').context("a series without a value")?;
    let parsed = parse(series).map_err(anyhow::Error::msg);
    let Expr::VectorSelector(selector) = parsed.with_context(|| format!("read {series}"))? else {
        bail!("{series} is no series");
    };
    let names = selector.matchers.matchers.into_iter().map(|matcher| matcher.name);
    Ok(names.filter(|name| name != BOUND).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace;
    use std::collections::BTreeSet;
    use std::fs;

    #[test]
    fn a_metric_has_the_name_by_which_it_is_asked_for_and_its_labels() {
        let text = "# HELP a_decisions Decisions, by reason.\n# TYPE a_decisions counter\n\
                    a_decisions_total{reason=\"x\",fleet=\"y\"} 1\na_decisions_total{reason=\"z\",fleet=\"y\"} 2\n\
                    # HELP a_pass_seconds Time.\n# TYPE a_pass_seconds histogram\n# UNIT a_pass_seconds seconds\n\
                    a_pass_seconds_sum 1.0\na_pass_seconds_bucket{le=\"0.1\"} 1\n# EOF\n";
        let metrics = read(text).expect("readable");
        assert_eq!(metrics[0].name(), "a_decisions_total");
        assert_eq!(
            (metrics[0].help.as_str(), &metrics[0].labels[..]),
            ("Decisions, by reason.", &["reason", "fleet"].map(str::to_owned)[..])
        );
        assert_eq!(
            (metrics[1].name().as_str(), metrics[1].kind.as_str()),
            ("a_pass_seconds", "histogram")
        );
        assert!(metrics[1].labels.is_empty());
        assert!(read("a 1\n").is_err(), "a series that nobody announced");
    }

    /// How a metric is registered: the call, what comes before its name, and what is put after it.
    const CALLS: [(&str, &str, &str); 5] = [
        ("register(", "r,", ""),
        ("register_seconds(", "r,", "_seconds"),
        ("self.gauge(", "", ""),
        ("self.gauges(", "", ""),
        ("self.counter(", "", ""),
    ];

    /// The names that the operator registers, by its source.
    fn registered() -> BTreeSet<String> {
        let folder = workspace::root().join("controller/src/metrics");
        let inner = fs::read_dir(&folder).expect("a folder").flatten().map(|entry| entry.path());
        let files = inner.chain([folder.with_extension("rs")]);
        let texts = files.map(|file| fs::read_to_string(file).expect("readable"));
        let mut names = BTreeSet::new();
        for text in texts {
            for (call, first, suffix) in CALLS {
                for part in text.split(call).skip(1) {
                    let mut parts = part.splitn(3, '"');
                    let (before, name) = (parts.next().unwrap_or_default(), parts.next());
                    if before.trim() == first {
                        names.insert(format!("apifleet_{}{suffix}", name.expect("a name")));
                    }
                }
            }
        }
        names
    }

    #[test]
    fn every_metric_that_the_operator_registers_is_on_the_page() {
        let text = everything().encode().expect("encoded");
        let metrics = read(&text).expect("readable");
        let shown: BTreeSet<_> = metrics.into_iter().map(|metric| metric.family).collect();
        let registered = registered();
        assert!(registered.len() > 25, "{registered:?}");
        assert_eq!(registered, shown);
    }

    #[test]
    fn fleets_are_told_apart_by_their_namespace_and_name() {
        let metrics = read(&everything().encode().expect("encoded")).expect("readable");
        let ready = metrics.iter().find(|it| it.family == "apifleet_fleet_ready_replicas");
        let labels = ["namespace", "fleet", "target"].map(str::to_owned);
        assert_eq!(ready.map(|metric| &metric.labels[..]), Some(&labels[..]));
    }
}
