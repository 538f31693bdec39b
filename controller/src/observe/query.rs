//! The questions that are put to Prometheus, as PromQL: pure. A tenant writes names and values, never PromQL: names
//! are parsed types, values are escaped, and every selector carries `namespace="<the fleet's>"`. No string in a resource
//! can change the shape of a query, or read another namespace.
//!
//! Called by [`super::signals`]; sends nothing.

use crate::caches::Key;
use apifleet_crds::{Series, SignalSource};
use std::fmt::Write as _;
use std::time::Duration;

/// How many fleets one batched query asks about.
pub const BATCH: usize = 50;

/// The label by which a row of a batched query names its fleet: the fleet's place in the batch.
pub const ROW: &str = "apifleet_row";

/// The label that pairs of highly available Prometheus servers differ in; their rows are made one.
const REPLICA: &str = "prometheus_replica";

/// Answers that were recorded longer ago say that the rules stand still: the series themselves are asked.
const RECORDED_LAG: Duration = Duration::from_secs(30);

/// What is asked about a fleet. Each is one query, for all fleets or for a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Question {
    /// Requests per second over the window.
    RequestRate,
    /// Requests per second over 15 seconds.
    BurstRate,
    /// Failed requests per second over the window.
    ErrorRate,
    /// The guarded percentile of latency, in seconds.
    Latency,
    /// Requests per second that must never be lost, over the window.
    CriticalRate,
    /// Pods with a fresh sample.
    ScrapedPods,
    /// The most samples that any pod has in the window.
    WindowSamples,
    /// When the newest sample was scraped, in seconds since 1970.
    SampledAt,
}

impl Question {
    /// All, in the order of their declaration.
    pub const ALL: [Self; 8] = [
        Self::RequestRate,
        Self::BurstRate,
        Self::ErrorRate,
        Self::Latency,
        Self::CriticalRate,
        Self::ScrapedPods,
        Self::WindowSamples,
        Self::SampledAt,
    ];

    /// The recorded series that answers for every fleet of the preset `ApiFleet` with the usual window.
    #[must_use]
    pub const fn recorded(self) -> &'static str {
        match self {
            Self::RequestRate => "apifleet:requests:rate1m",
            Self::BurstRate => "apifleet:requests:rate15s",
            Self::ErrorRate => "apifleet:errors:rate1m",
            Self::Latency => "apifleet:latency_p95:rate1m",
            Self::CriticalRate => "apifleet:requests_critical:rate1m",
            Self::ScrapedPods => "apifleet:pods:count",
            Self::WindowSamples => "apifleet:samples:count1m",
            Self::SampledAt => "apifleet:sampled:timestamp_seconds",
        }
    }
}

/// The PromQL of one question about one fleet: one row without labels, or none. `None` where the fleet does not ask
/// this question.
#[must_use]
pub fn of_fleet(question: Question, source: &SignalSource, fleet: &Key) -> Option<String> {
    let selectors = Selectors { source, fleet };
    let window = seconds(source.window);
    let query = match question {
        Question::RequestRate => rate(&selectors.requests(""), &window),
        Question::BurstRate => rate(&selectors.requests(""), "15s"),
        Question::ErrorRate => {
            let failed = selectors.requests(&selectors.errors()?);
            // No failed request yet means no such series: zero, as long as there are requests to be counted.
            format!(
                "({} or 0 * {})",
                rate(&failed, &window),
                rate(&selectors.requests(""), &window)
            )
        }
        Question::Latency => {
            let percentile = f64::from(source.percentile?) / 100.0;
            let buckets = selectors.buckets()?;
            format!(
                "histogram_quantile({percentile}, sum by (le) (max without ({REPLICA}) (rate({buckets}[{window}]))))"
            )
        }
        Question::CriticalRate => rate(&selectors.requests(selectors.critical()?), &window),
        // Series without pod identity are not counted: then coverage cannot be asked.
        Question::ScrapedPods => {
            // A selector alone finds pods for five minutes after their last sample, the window only fresh ones.
            let pods = selectors.requests(",pod!=\"\"");
            let window = whole_seconds(source.window);
            format!("count(count by (pod) (timestamp({pods}) >= time() - {window}))")
        }
        Question::WindowSamples => {
            format!("max(count_over_time({}[{window}]))", selectors.requests(""))
        }
        Question::SampledAt => format!("max(timestamp({}))", selectors.requests("")),
    };
    Some(query)
}

/// Requests per second of all series together.
fn rate(selector: &str, window: &str) -> String {
    format!("sum(max without ({REPLICA}) (rate({selector}[{window}])))")
}

/// The selectors of one fleet. Each begins with its namespace.
struct Selectors<'a> {
    source: &'a SignalSource,
    fleet: &'a Key,
}

impl Selectors<'_> {
    /// All requests; `extra` is more matchers, each after a comma.
    fn requests(&self, extra: &str) -> String {
        let series = match &self.source.series {
            Series::ApiFleet => "http_requests_total",
            Series::Custom(custom) => custom.requests_total.as_str(),
        };
        format!("{series}{{{}{extra}}}", self.matchers())
    }

    /// The buckets of the histogram of durations, where one is named.
    fn buckets(&self) -> Option<String> {
        let series = match &self.source.series {
            Series::ApiFleet => "http_request_duration_seconds",
            Series::Custom(custom) => custom.duration_seconds.as_ref()?.as_str(),
        };
        Some(format!("{series}_bucket{{{}}}", self.matchers()))
    }

    /// The matcher of failed requests, where they are asked for.
    fn errors(&self) -> Option<String> {
        if !self.source.errors {
            return None;
        }
        match &self.source.series {
            Series::ApiFleet => Some(",code=~\"5..\"".to_owned()),
            Series::Custom(custom) => {
                let errors = custom.errors.as_ref()?;
                let values: Vec<String> =
                    errors.matches.iter().map(|pattern| format!("(?:{pattern})")).collect();
                Some(format!(",{}=~\"{}\"", errors.label, escaped(&values.join("|"))))
            }
        }
    }

    /// The matcher of critical requests; only the bundled server says which are.
    fn critical(&self) -> Option<&'static str> {
        match &self.source.series {
            Series::ApiFleet => Some(",class=\"critical\""),
            Series::Custom(_) => None,
        }
    }

    fn matchers(&self) -> String {
        let mut matchers = format!("namespace=\"{}\"", escaped(&self.fleet.namespace));
        match &self.source.series {
            Series::ApiFleet => {
                // Writing to a string cannot fail.
                let _ = write!(matchers, ",fleet=\"{}\"", escaped(&self.fleet.name));
            }
            Series::Custom(custom) => {
                for (name, value) in &custom.match_labels {
                    let _ = write!(matchers, ",{name}=\"{}\"", escaped(value.as_str()));
                }
            }
        }
        matchers
    }
}

/// Whether the recorded series answer for this fleet: the preset with the window and percentile they are made for.
#[must_use]
pub fn is_recorded(source: &SignalSource) -> bool {
    source.series == Series::ApiFleet
        && source.window == Duration::from_mins(1)
        && source.percentile.is_none_or(|percentile| percentile == 95)
}

/// The query of one question for many fleets at once, from the recorded series: for those of these names, or for all if
/// there are none.
#[must_use]
pub fn recorded(question: Question, namespace: Option<&str>, names: &[&str]) -> String {
    let namespace = namespace.map(|name| format!("namespace=\"{}\"", escaped(name)));
    let names: Vec<String> = names.iter().map(|name| literal(name)).collect();
    let names = (!names.is_empty()).then(|| format!("fleet=~\"{}\"", escaped(&names.join("|"))));
    let matchers: Vec<String> = namespace.into_iter().chain(names).collect();
    let selector =
        if matchers.is_empty() { String::new() } else { format!("{{{}}}", matchers.join(",")) };
    let series = format!("{}{selector}", question.recorded());
    match question {
        // Rules that stand still leave their last answers behind for minutes: then there is no row.
        Question::SampledAt => {
            let lag = whole_seconds(RECORDED_LAG);
            format!("max without ({REPLICA}) ({series} and timestamp({series}) >= time() - {lag})")
        }
        _ => format!("max without ({REPLICA}) ({series})"),
    }
}

/// The query of one question for a batch of fleets: the row of fleet `i` carries the label [`ROW`] with `i`.
#[must_use]
pub fn batched<'a>(expressions: impl IntoIterator<Item = (usize, &'a str)>) -> String {
    let rows: Vec<String> = expressions
        .into_iter()
        .map(|(row, expression)| {
            format!("label_replace({expression}, \"{ROW}\", \"{row}\", \"\", \"\")")
        })
        .collect();
    rows.join(" or ")
}

/// A duration as PromQL writes it; never zero, which would be refused.
fn seconds(duration: Duration) -> String {
    format!("{}s", whole_seconds(duration))
}

fn whole_seconds(duration: Duration) -> u64 {
    duration.as_secs().max(1)
}

/// A pattern that this text matches and no other.
fn literal(text: &str) -> String {
    let mut pattern = String::with_capacity(text.len());
    for character in text.chars() {
        if r"\.+*?()|[]{}^$".contains(character) {
            pattern.push('\\');
        }
        pattern.push(character);
    }
    pattern
}

/// The inside of a double-quoted PromQL string. Its escapes are those of Go.
fn escaped(value: &str) -> String {
    let mut escaped = String::with_capacity(value.len());
    for character in value.chars() {
        match character {
            '\\' => escaped.push_str("\\\\"),
            '"' => escaped.push_str("\\\""),
            '\n' => escaped.push_str("\\n"),
            '\r' => escaped.push_str("\\r"),
            '\t' => escaped.push_str("\\t"),
            control if control.is_control() => {
                // Writing to a string cannot fail.
                let _ = write!(escaped, "\\u{:04x}", u32::from(control));
            }
            plain => escaped.push(plain),
        }
    }
    escaped
}
