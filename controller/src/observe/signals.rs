//! Reads the signals of all fleets: eight queries for all whose answers are recorded, and batches of up to fifty for
//! the others. Judges nothing: what cannot be read is [`Reading::Failed`], what is not there [`Reading::Empty`].
//!
//! Needs a client. Called by [`crate::engine`] once in a pass.

use super::prometheus::Prometheus;
use super::query::{self, BATCH, Question, ROW};
use crate::caches::Key;
use apifleet_core::observation::{Reading, Readings};
use apifleet_crds::SignalSource;
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use futures::{FutureExt as _, StreamExt as _};
use jiff::Timestamp;
use prometheus_http_query::response::InstantVector;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;
use tokio::time::Instant;

/// After so long the reading of one pass ends; what has not been answered has failed. A silent Prometheus is asked nothing
/// after the first round.
const LONGEST: Duration = Duration::from_secs(8);
/// So many fleets are asked about by name, so that a pass for one of thousands does not read the rows of all. More names
/// Prometheus would not look up, but search for.
const BY_NAME: usize = 250;
/// Queries under way at once.
const AT_ONCE: usize = 8;

/// A fleet whose signals are wanted.
#[derive(Debug, Clone)]
pub struct Asked {
    /// The fleet.
    pub fleet: Key,
    /// Where its signals are.
    pub source: SignalSource,
}

/// One question's answer about one fleet.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
enum Answer {
    #[default]
    None,
    One(f64),
    Several,
    Failed,
}

/// Answers by fleet and question. What is absent had no row.
type Answers = HashMap<Key, BTreeMap<Question, Answer>>;

/// Reads the signals of all fleets; every fleet has an entry in the result.
pub async fn observe_signals(
    prometheus: &Prometheus,
    namespace: Option<&str>,
    asked: &[Asked],
) -> HashMap<Key, Readings> {
    let started = Instant::now();
    let (recorded, mut direct): (Vec<&Asked>, Vec<&Asked>) =
        asked.iter().partition(|asked| query::is_recorded(&asked.source));
    let mut answers = if recorded.is_empty() {
        Answers::new()
    } else {
        ask_recorded(prometheus, namespace, &recorded).await
    };
    direct.extend(recorded.into_iter().filter(|asked| !is_recorded(answers.get(&asked.fleet))));
    for fleet in &direct {
        answers.remove(&fleet.fleet);
    }
    let mut batches: Vec<BoxFuture<'_, Answers>> = Vec::new();
    for batch in direct.chunks(BATCH) {
        for question in Question::ALL {
            batches.push(ask_batch(prometheus, question, batch.to_vec(), started));
        }
    }
    let mut results = futures::stream::iter(batches).buffer_unordered(AT_ONCE);
    while let Some(found) = results.next().await {
        merge(&mut answers, found);
    }
    asked.iter().map(|asked| (asked.fleet.clone(), readings(answers.get(&asked.fleet)))).collect()
}

async fn ask_recorded(
    prometheus: &Prometheus,
    namespace: Option<&str>,
    asked: &[&Asked],
) -> Answers {
    let names = names(asked);
    let names = names.as_slice();
    let ask = |question| async move {
        (question, prometheus.query(&query::recorded(question, namespace, names)).await)
    };
    let mut answers: Answers =
        asked.iter().map(|asked| (asked.fleet.clone(), BTreeMap::new())).collect();
    // Taken in as they come: all of them together are, for thousands of fleets, more than all else that is known.
    let mut asking: FuturesUnordered<_> = Question::ALL.map(ask).into_iter().collect();
    while let Some((question, result)) = asking.next().await {
        match result {
            Ok(rows) => {
                for row in &rows {
                    let Some(fleet) = fleet_of(row) else { continue };
                    // Rows of fleets that nobody asked about are none of our business.
                    let Some(answers) = answers.get_mut(&fleet) else { continue };
                    note(answers, question, row.sample().value());
                }
            }
            Err(error) => {
                tracing::debug!(?question, %error, "a recorded series cannot be read");
                for answers in answers.values_mut() {
                    answers.insert(question, Answer::Failed);
                }
            }
        }
    }
    answers
}

/// The names of the fleets, each once, where they are few enough to be asked for.
fn names<'a>(asked: &[&'a Asked]) -> Vec<&'a str> {
    let few = if asked.len() <= BY_NAME { asked } else { &[] };
    let names: BTreeSet<&str> = few.iter().map(|asked| &*asked.fleet.name).collect();
    names.into_iter().collect()
}

fn fleet_of(row: &InstantVector) -> Option<Key> {
    Some(Key::new(row.metric().get("namespace")?, row.metric().get("fleet")?))
}

fn note(answers: &mut BTreeMap<Question, Answer>, question: Question, value: f64) {
    answers
        .entry(question)
        .and_modify(|answer| *answer = Answer::Several)
        .or_insert(Answer::One(value));
}

/// Asks one question about a batch. Where the answer shows that one fleet may spoil it for all, each half is asked
/// by itself, down to single fleets.
fn ask_batch<'a>(
    prometheus: &'a Prometheus,
    question: Question,
    batch: Vec<&'a Asked>,
    started: Instant,
) -> BoxFuture<'a, Answers> {
    async move {
        let expressions: Vec<(usize, String)> = batch
            .iter()
            .enumerate()
            .filter_map(|(row, asked)| {
                Some((row, query::of_fleet(question, &asked.source, &asked.fleet)?))
            })
            .collect();
        if expressions.is_empty() {
            return Answers::new();
        }
        if started.elapsed() >= prometheus.patience(LONGEST) {
            return failed(question, &batch);
        }
        let text = query::batched(expressions.iter().map(|(row, text)| (*row, text.as_str())));
        match prometheus.query(&text).await {
            Ok(rows) => by_row(question, &batch, &rows),
            Err(error) if error.may_be_one_fleets_fault() && batch.len() > 1 => {
                let (left, right) = batch.split_at(batch.len() / 2);
                let mut answers = ask_batch(prometheus, question, left.to_vec(), started).await;
                merge(&mut answers, ask_batch(prometheus, question, right.to_vec(), started).await);
                answers
            }
            Err(error) => {
                tracing::debug!(?question, fleets = batch.len(), %error, "signals cannot be read");
                failed(question, &batch)
            }
        }
    }
    .boxed()
}

fn by_row(question: Question, batch: &[&Asked], rows: &[InstantVector]) -> Answers {
    let mut answers = Answers::new();
    for row in rows {
        let place = row.metric().get(ROW).and_then(|place| place.parse::<usize>().ok());
        if let Some(asked) = place.and_then(|place| batch.get(place)) {
            note(answers.entry(asked.fleet.clone()).or_default(), question, row.sample().value());
        }
    }
    answers
}

fn failed(question: Question, batch: &[&Asked]) -> Answers {
    batch
        .iter()
        .map(|asked| (asked.fleet.clone(), BTreeMap::from([(question, Answer::Failed)])))
        .collect()
}

fn merge(answers: &mut Answers, more: Answers) {
    for (fleet, found) in more {
        answers.entry(fleet).or_default().extend(found);
    }
}

/// Whether recorded answers are there; the query leaves out those of rules that stand still. Where Prometheus failed,
/// asking more does not help, and an old sample is no fault of the rules: it would be as old when asked for directly.
fn is_recorded(answers: Option<&BTreeMap<Question, Answer>>) -> bool {
    match answers.and_then(|answers| answers.get(&Question::SampledAt)) {
        Some(Answer::One(_) | Answer::Failed | Answer::Several) => true,
        Some(Answer::None) | None => false,
    }
}

/// What the core is given.
fn readings(answers: Option<&BTreeMap<Question, Answer>>) -> Readings {
    let answer =
        |question| answers.and_then(|answers| answers.get(&question)).copied().unwrap_or_default();
    let sampled_at = answer(Question::SampledAt);
    let reading = |question, unit: f64| match (answer(question), sampled_at) {
        (Answer::Failed, _) | (_, Answer::Failed) => Reading::Failed,
        (Answer::None, _) | (_, Answer::None) => Reading::Empty,
        (Answer::Several, _) | (_, Answer::Several) => Reading::Several,
        (Answer::One(value), Answer::One(seconds)) => match timestamp(seconds) {
            Some(sampled_at) => Reading::Value { value: value * unit, sampled_at },
            // A time that is no time: nothing can be said about the value's age.
            None => Reading::Empty,
        },
    };
    Readings {
        request_rate: reading(Question::RequestRate, 1.0),
        burst_rate: reading(Question::BurstRate, 1.0),
        latency: reading(Question::Latency, 1000.0),
        error_rate: reading(Question::ErrorRate, 1.0),
        critical_rate: reading(Question::CriticalRate, 1.0),
        // No series says so yet what requests wait for: the guard judges by its steps alone.
        dependency_latency: Reading::Empty,
        scraped_pods: reading(Question::ScrapedPods, 1.0),
        window_samples: reading(Question::WindowSamples, 1.0),
    }
}

#[allow(
    clippy::cast_possible_truncation,
    reason = "checked to be finite; `as` saturates, and jiff refuses the rest"
)]
fn timestamp(seconds: f64) -> Option<Timestamp> {
    if !seconds.is_finite() {
        return None;
    }
    Timestamp::from_microsecond((seconds * 1e6) as i64).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answers(pairs: &[(Question, Answer)]) -> BTreeMap<Question, Answer> {
        pairs.iter().copied().collect()
    }

    #[test]
    fn a_value_without_a_time_is_no_value() {
        let answers = answers(&[(Question::RequestRate, Answer::One(700.0))]);
        assert_eq!(readings(Some(&answers)).request_rate, Reading::Empty);
        assert_eq!(readings(None).request_rate, Reading::Empty);
    }

    #[test]
    fn a_failed_time_fails_every_value() {
        let answers = answers(&[
            (Question::RequestRate, Answer::One(700.0)),
            (Question::SampledAt, Answer::Failed),
        ]);
        assert_eq!(readings(Some(&answers)).request_rate, Reading::Failed);
        assert_eq!(readings(Some(&answers)).latency, Reading::Failed);
    }

    #[test]
    fn latency_becomes_milliseconds_and_nan_is_passed_on() {
        let seconds = Answer::One(0.25);
        let at = (Question::SampledAt, Answer::One(1_000.5));
        let found = readings(Some(&answers(&[(Question::Latency, seconds), at])));
        let sampled_at = Timestamp::from_millisecond(1_000_500).unwrap();
        assert_eq!(found.latency, Reading::Value { value: 250.0, sampled_at });
        let found = readings(Some(&answers(&[(Question::Latency, Answer::One(f64::NAN)), at])));
        assert!(matches!(found.latency, Reading::Value { value, .. } if value.is_nan()));
    }

    #[test]
    fn two_rows_for_one_question_are_several() {
        let mut found = answers(&[(Question::SampledAt, Answer::One(1.0))]);
        note(&mut found, Question::RequestRate, 1.0);
        note(&mut found, Question::RequestRate, 1.0);
        assert_eq!(readings(Some(&found)).request_rate, Reading::Several);
    }

    #[test]
    fn times_that_are_none_are_refused() {
        for seconds in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e300, -1e300] {
            assert_eq!(timestamp(seconds), None, "{seconds}");
        }
    }

    #[test]
    fn only_a_missing_row_sends_a_fleet_to_the_series_themselves() {
        let old = answers(&[(Question::SampledAt, Answer::One(1.0))]);
        assert!(
            is_recorded(Some(&old)),
            "scraping has stopped: asking differently changes nothing"
        );
        assert!(is_recorded(Some(&answers(&[(Question::SampledAt, Answer::Failed)]))));
        assert!(!is_recorded(Some(&answers(&[(Question::RequestRate, Answer::One(1.0))]))));
        assert!(!is_recorded(None));
    }
}
