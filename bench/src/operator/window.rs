//! A window in which nothing changes: waits until it begins, watches it, and reads what was counted in it.

use super::monitoring::{Monitoring, PROGRAMS_EVERY};
use super::rows::Window;
use super::scale::Scale;
use super::subject::Subject;
use super::wait::until;
use super::{CALM, WINDOW};
use crate::{Error, Result};
use apifleet_local::progress::{Event, Progress};
use std::time::{Duration, Instant};

/// How long it may take until nothing is written any more. After that the window begins all the same: an operator that
/// never comes to rest is to be seen in its figures.
const SETTLE: Duration = Duration::from_mins(5);
/// From a write until the API server's count of it has been scraped, with room for a busy machine.
const COUNTED: Duration = Duration::from_mins(2);
/// How often memory is looked at.
const LOOK: Duration = Duration::from_secs(5);

const STATUS_WRITES: &str =
    r#"apiserver_request_total{resource="apifleets",subresource="status",verb="PATCH"}"#;
const SPEC_WRITES: &str =
    r#"apiserver_request_total{resource="deployments",verb=~"POST|PUT|PATCH|APPLY|DELETE"}"#;
/// Whatever the operator looks at; nobody else asks for it. Without leases: the API server has one of its own.
const REQUESTS: &str = r#"apiserver_request_total{resource=~"apifleets|scalingpolicies|fleetoverrides|deployments|pods|horizontalpodautoscalers|events|nodes"}"#;

/// Seconds of a processor that Prometheus uses in a second while nobody asks it.
pub(crate) async fn idle(monitoring: &mut Monitoring) -> Result<f64> {
    let (begun, before) = (Instant::now(), monitoring.usage()?.cpu);
    tokio::time::sleep(CALM).await;
    Ok((monitoring.usage()?.cpu - before) / begun.elapsed().as_secs_f64())
}

/// Waits until the API server's counts show what was written for sure: the Deployment of every fleet by the bench, and its
/// status by the operator. Only such counts can show that nothing was written.
pub(crate) async fn witness(monitoring: &Monitoring, scale: Scale) -> Result<()> {
    let what = format!("the API server to count the writes of {} fleets", scale.fleets);
    until(&what, (LOOK, COUNTED), async || {
        let counts = [monitoring.total(SPEC_WRITES).await?, monitoring.total(STATUS_WRITES).await?];
        Ok(counts.iter().all(|count| *count >= f64::from(scale.fleets)).then_some(()))
    })
    .await
}

/// Waits until no status has been written for a while.
pub(crate) async fn settle(monitoring: &Monitoring, progress: &dyn Progress) -> Result<()> {
    // What has just been written is seen with the next scrape; the one before that must not count as rest.
    tokio::time::sleep(CALM + PROGRAMS_EVERY).await;
    let rest = until("the operator to come to rest", (LOOK, SETTLE), async || {
        let written = monitoring.grown(STATUS_WRITES, CALM).await?;
        Ok(written.filter(|written| *written <= 0.0).map(drop))
    });
    match rest.await {
        Err(Error::Cluster(apifleet_local::Error::Timeout { what, seconds })) => {
            progress.step(format!(
                "after {seconds} s still no sign of {what}; it is measured as it is"
            ));
            Ok(())
        }
        ended => ended,
    }
}

/// Watches a window; returns what was counted, and the operator's memory from time to time.
pub(crate) async fn watch(
    monitoring: &mut Monitoring,
    subject: &mut Subject,
    idle: f64,
    progress: &dyn Progress,
) -> Result<(Window, Vec<f64>)> {
    let (begun, mut rss) = (Instant::now(), Vec::new());
    let (ours, theirs) = (subject.usage()?.cpu, monitoring.usage()?.cpu);
    // One scrape longer: counters are read from scrapes, the first of which must lie in it.
    let length = WINDOW + PROGRAMS_EVERY;
    while begun.elapsed() < length {
        tokio::time::sleep(LOOK).await;
        rss.push(subject.usage()?.rss);
        let (done, total) = (begun.elapsed().min(length).as_secs(), length.as_secs());
        progress.report(Event::Count { what: "seconds watched".into(), done, total });
    }
    let took = begun.elapsed().as_secs_f64();
    let (ours, theirs) = (subject.usage()?.cpu - ours, monitoring.usage()?.cpu - theirs);
    let seconds = WINDOW.as_secs_f64();
    let grown = async |selector: &str| {
        let problem = || Error::Api {
            what: "read what was counted",
            problem: "a scrape at one end of the window failed: measure again".to_owned(),
        };
        monitoring.grown(selector, WINDOW).await?.ok_or_else(problem)
    };
    let window = Window {
        seconds,
        cpu: ours / took * seconds,
        prometheus_cpu: (theirs / took - idle) * seconds,
        rounds: grown("apifleet_round_duration_seconds_count").await?,
        round_seconds: grown("apifleet_round_duration_seconds_sum").await?,
        decisions: grown("apifleet_decisions_total").await?,
        queries: grown("apifleet_prometheus_queries_total").await?,
        spec_writes: grown(SPEC_WRITES).await?,
        status_writes: grown(STATUS_WRITES).await?,
        requests: grown(REQUESTS).await?,
        errors: grown("apifleet_reconcile_errors_total").await?,
    };
    Ok((window, rss))
}
