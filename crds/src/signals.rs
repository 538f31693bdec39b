//! `spec.signals`: what is measured, and what it means for the size. Names of series only; queries are built by the
//! operator, and nothing that is typed here can change their shape.

#![allow(
    clippy::doc_markdown,
    clippy::doc_link_with_quotes,
    reason = "the comments are what `kubectl explain` prints, which knows no Markdown"
)]
#![allow(
    unreachable_pub,
    reason = "the derive copies each struct, `pub` included, into a function"
)]

use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What is measured, and what it means.
#[derive(KubeSchema, Serialize, Deserialize, Debug, Clone, PartialEq, Default)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("!(has(self.preset) && self.preset == 'Custom') || has(self.custom)")
        .message("preset Custom needs the custom block: name the series in signals.custom"),
    validation = Rule::new("!has(self.custom) || (has(self.preset) && self.preset == 'Custom')")
        .message("custom is only read with preset Custom: set signals.preset to Custom, or remove signals.custom"),
    validation = Rule::new(
        "!has(self.custom) || !has(self.latency) || has(self.custom.durationSeconds)"
    )
        .message("latency needs custom.durationSeconds: name the histogram, or remove signals.latency")
        .field_path(".latency"),
    validation = Rule::new("!has(self.custom) || !has(self.errors) || has(self.custom.errors)")
        .message("errors needs custom.errors: say which requests have failed, or remove signals.errors")
        .field_path(".errors"),
    validation = Rule::new(
        "!has(self.staleAfterSeconds) || \
         self.staleAfterSeconds >= (has(self.windowSeconds) ? self.windowSeconds : 60)"
    )
        .message("staleAfterSeconds must be at least windowSeconds (60 where absent): raise it or lower the window")
        .field_path(".staleAfterSeconds"),
    validation = Rule::new(
        "!(has(self.onMissing) && self.onMissing == 'Fallback') || has(self.fallbackReplicas)"
    )
        .message("onMissing Fallback needs fallbackReplicas: set signals.fallbackReplicas, or use Hold"),
)]
pub struct Signals {
    /// Which series are read. ApiFleet: those of the bundled API server. Custom: those named in custom.
    /// Example: Custom. Default: ApiFleet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preset: Option<Preset>,

    /// The names of another server's, ingress's or mesh's series. Required with preset Custom, refused with any
    /// other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub custom: Option<Custom>,

    /// Window over which rates and percentiles are taken, in seconds. Longer is calmer and slower. Example: 60.
    /// Default: 60.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 15, max = 900))]
    pub window_seconds: Option<i32>,

    /// A sample older than this, in seconds, is stale: it may still add replicas, and never removes one. At least
    /// windowSeconds. Example: 90. Default: 90, or windowSeconds where that is larger.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 15, max = 3600))]
    pub stale_after_seconds: Option<i32>,

    /// What missing signals mean. Hold: keep the size. Fallback: keep the size, and be at least fallbackReplicas.
    /// Neither ever removes a replica. Example: Fallback. Default: Hold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_missing: Option<OnMissing>,

    /// Smallest size while signals are missing, with onMissing Fallback; and the size that a fleet is brought to
    /// when the operator first takes it over. In replicas, within minReplicas..maxReplicas. Required with Fallback.
    /// Example: 20.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1000))]
    pub fallback_replicas: Option<i32>,

    /// Scaling on requests per second, which is always on. Absent: 50 requests/s per replica.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_rate: Option<RequestRate>,

    /// The latency guard: adds replicas, a step at a time, while latency is above its target, and forbids to remove
    /// any while it is near. Absent: off. An empty block turns it on with its defaults.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency: Option<Latency>,

    /// The error guard: while too many requests fail, no replica is removed. Absent: off. An empty block turns it on
    /// with its default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub errors: Option<Errors>,
}

/// Which series are read.
#[derive(Serialize, Deserialize, JsonSchema, Debug, Clone, Copy, PartialEq, Eq, Default)]
#[schemars(inline, description = "")]
pub enum Preset {
    /// Those of the bundled API server.
    #[default]
    ApiFleet,
    /// Those named in `custom`.
    Custom,
}

/// What missing signals mean.
#[derive(Serialize, Deserialize, JsonSchema, Debug, Clone, Copy, PartialEq, Eq, Default)]
#[schemars(inline, description = "")]
pub enum OnMissing {
    /// Keep the size.
    #[default]
    Hold,
    /// Keep the size, and be at least `fallbackReplicas`.
    Fallback,
}

/// Names of series. The operator builds every query from them and adds `namespace="<the fleet's>"` to each selector.
#[derive(KubeSchema, Serialize, Deserialize, Debug, Clone, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct Custom {
    /// Counter of all requests, without those to probes and metrics. Example: http_requests_total.
    #[schemars(length(min = 1, max = 128), regex(pattern = crate::names::METRIC_NAME))]
    pub requests_total: String,

    /// Classic histogram of the duration of requests, in seconds, by its name without _bucket. Needed for latency.
    /// Example: http_request_duration_seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 128), regex(pattern = crate::names::METRIC_NAME))]
    pub duration_seconds: Option<String>,

    /// Which of the requests in requestsTotal have failed. Needed for errors.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub errors: Option<CustomErrors>,

    /// Labels that a series must have to belong to this fleet, besides its namespace; all of them. At most 8. The
    /// labels namespace and le, and those that begin with two underscores, are not allowed. Example: {app: shop}.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "crate::schema::match_labels")]
    #[x_kube(
        validation = Rule::new(
            "self.all(k, size(k) <= 63 && k.matches('^([a-zA-Z]|_[a-zA-Z0-9])[a-zA-Z0-9_]*$') && \
             !(k in ['namespace', 'le']))"
        )
            .message(
                "matchLabels may only name labels of the series: letters, digits and underscores, at most 63, not \
                 namespace or le, not beginning with two underscores"
            )
    )]
    pub match_labels: BTreeMap<String, String>,
}

/// Which requests have failed.
#[derive(KubeSchema, Serialize, Deserialize, Debug, Clone, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct CustomErrors {
    /// The label that tells success from failure; not namespace or le. Example: code.
    #[schemars(length(min = 1, max = 63), regex(pattern = crate::names::LABEL_NAME))]
    #[x_kube(
        validation = Rule::new("!(self in ['namespace', 'le'])")
            .message("errors.label may not be namespace or le: name the label that holds the result")
    )]
    pub label: String,

    /// Values of the label that mean failure; any of them, each matching the whole value. Letters, digits, _ : / -
    /// and space stand for themselves, . for any character, \. for a dot, \d for a digit, [45a-z] for one of a set;
    /// each may be followed by ? * or +. At most 8. Example: ["5..", "499"].
    #[schemars(
        length(min = 1, max = 8),
        inner(length(min = 1, max = 64), regex(pattern = crate::names::LABEL_PATTERN))
    )]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub matches: Vec<String>,
}

/// Scaling on requests per second.
#[derive(KubeSchema, Serialize, Deserialize, Debug, Clone, PartialEq, Eq, Default)]
#[serde(rename_all = "camelCase")]
pub struct RequestRate {
    /// Requests per second that one Ready replica carries well. The fleet is as large as its whole demand divided
    /// by this, rounded up. Measure yours under load. Example: 50. Default: 50.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1_000_000))]
    pub target_per_replica: Option<i32>,
}

/// The latency guard.
#[derive(KubeSchema, Serialize, Deserialize, Debug, Clone, PartialEq, Eq, Default)]
#[serde(rename_all = "camelCase")]
pub struct Latency {
    /// The percentile of request duration that is guarded. Example: 99. Default: 95.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 50, max = 99))]
    pub percentile: Option<i32>,

    /// The percentile is to stay at or below this, in milliseconds. Example: 200. Default: 200.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 600_000))]
    pub target_milliseconds: Option<i32>,

    /// How far above the target counts as noise, in percent of the target. Example: 10. Default: 10.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 100))]
    pub tolerance_percent: Option<i32>,
}

/// The error guard.
#[derive(KubeSchema, Serialize, Deserialize, Debug, Clone, PartialEq, Default)]
#[serde(rename_all = "camelCase")]
pub struct Errors {
    /// While a larger share of all requests fails, no replica is removed. In percent of requests, 0 to 100, as a
    /// Quantity: quote fractions. Example: "0.5". Default: "0.5".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "crate::schema::percent_quantity")]
    pub max_percent: Option<IntOrString>,
}
