//! The questions that are put to Prometheus about a fleet, as PromQL: pure. Names are parsed types that hold no quotation
//! mark and no backslash, and every selector carries the fleet's namespace, as in the operator's own queries.

use crate::names::{FleetName, Namespace};
use apifleet_crds::{Series, SignalSource};
use std::fmt::Write as _;

/// One query each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Queries {
    /// Requests per second over the fleet's window.
    pub(super) rate: String,
    /// Seconds since the newest sample, by Prometheus' own clock.
    pub(super) age: String,
    /// Samples of the last minute, of the pod that has the most.
    pub(super) samples: String,
    /// A row for each edge of the histogram; `None` where no latency is guarded.
    pub(super) edges: Option<String>,
}

/// The queries about this fleet.
pub(super) fn queries(source: &SignalSource, namespace: &Namespace, name: &FleetName) -> Queries {
    let matchers = matchers(source, namespace, name);
    let (requests, durations) = match &source.series {
        Series::ApiFleet => ("http_requests_total", Some("http_request_duration_seconds")),
        Series::Custom(custom) => (
            custom.requests_total.as_str(),
            custom.duration_seconds.as_ref().map(apifleet_crds::names::MetricName::as_str),
        ),
    };
    let window = source.window.as_secs().max(1);
    let requests = format!("{requests}{{{matchers}}}");
    let guarded = durations.filter(|_| source.percentile.is_some());
    Queries {
        rate: format!("sum(rate({requests}[{window}s]))"),
        age: format!("time() - max(timestamp({requests}))"),
        samples: format!("max(count_over_time({requests}[1m]))"),
        edges: guarded.map(|series| format!("group by (le) ({series}_bucket{{{matchers}}})")),
    }
}

fn matchers(source: &SignalSource, namespace: &Namespace, name: &FleetName) -> String {
    let mut matchers = format!("namespace=\"{namespace}\"");
    // Writing to a string cannot fail.
    match &source.series {
        Series::ApiFleet => {
            let _ = write!(matchers, ",fleet=\"{name}\"");
        }
        Series::Custom(custom) => {
            for (label, value) in &custom.match_labels {
                let _ = write!(matchers, ",{label}=\"{value}\"");
            }
        }
    }
    matchers
}

#[cfg(test)]
mod tests {
    use super::*;
    use apifleet_crds::{ApiFleetSpec, FleetIntent};
    use serde_json::{Value, json};

    fn of(signals: &Value) -> Queries {
        let spec: ApiFleetSpec = serde_json::from_value(json!({
            "minReplicas": 1, "maxReplicas": 2, "targets": {"onDemand": {"deploymentName": "a"}},
            "signals": signals,
        }))
        .unwrap();
        let source = FleetIntent::try_from(&spec).unwrap().source;
        queries(&source, &Namespace::parse("shop").unwrap(), &FleetName::parse("shop-api").unwrap())
    }

    #[test]
    fn a_fleet_of_the_bundled_server_is_asked_about_by_its_name() {
        let asked = of(&json!({"latency": {}}));
        let series = "http_requests_total{namespace=\"shop\",fleet=\"shop-api\"}";
        assert_eq!(asked.rate, format!("sum(rate({series}[60s]))"));
        assert_eq!(asked.age, format!("time() - max(timestamp({series}))"));
        assert_eq!(asked.samples, format!("max(count_over_time({series}[1m]))"));
        let buckets = "http_request_duration_seconds_bucket{namespace=\"shop\",fleet=\"shop-api\"}";
        assert_eq!(asked.edges, Some(format!("group by (le) ({buckets})")));
    }

    #[test]
    fn other_series_are_asked_about_by_their_labels_within_the_namespace() {
        let asked = of(&json!({"preset": "Custom", "windowSeconds": 30, "custom": {
            "requestsTotal": "envoy_requests", "matchLabels": {"app": "shop"}}}));
        assert_eq!(asked.rate, "sum(rate(envoy_requests{namespace=\"shop\",app=\"shop\"}[30s]))");
        assert_eq!(asked.edges, None, "no latency is guarded");
    }
}
