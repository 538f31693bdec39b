//! [`Work`]: the traffic that is replayed, out of a file, a Prometheus, or made up; cut to what was asked for.

use super::moment::Moment;
use super::prometheus::{self, Range};
use super::subject::Subject;
use super::typed::Address;
use crate::failure::Failure;
use apifleet_sim::trace::campaign::Campaign;
use apifleet_sim::trace::csv::{self, SECOND_ZERO};
use apifleet_sim::{Trace, trace};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan as _};
use std::fs::File;
use std::io::{BufRead, BufReader, Cursor, Read as _};
use std::path::{Path, PathBuf};

/// Where no end is given: the first week of the campaign, the last one of Prometheus.
const USUAL_DAYS: u32 = 7;
/// A larger answer of Prometheus is none that one series of a few months has.
const LARGEST_ANSWER: u64 = 64 << 20;
/// So many bytes tell what the first column of a CSV is.
const HEAD: u64 = 16;
/// No longer time is simulated by the second.
const LONGEST: SignedDuration = SignedDuration::from_hours(24 * 100);

/// Where traffic comes from.
#[derive(Debug, Clone, PartialEq)]
pub enum Traffic {
    /// The made-up campaign.
    Campaign,
    /// A file of counts; `-` is standard input.
    Csv(PathBuf),
    /// A saved answer to a range query; `-` is standard input.
    Saved(PathBuf),
    /// A Prometheus, and what it is asked for where that was typed.
    Prometheus {
        /// Where.
        address: Address,
        /// What.
        query: Option<String>,
    },
}

/// Which part of it is replayed, and how it is changed.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Cut {
    /// From when on.
    pub start: Option<Moment>,
    /// Until when.
    pub end: Option<Moment>,
    /// What 99.9 % of its minutes have at most, in requests per second.
    pub scale_to: Option<f64>,
}

/// The traffic that is replayed.
#[derive(Debug, Clone, PartialEq)]
pub struct Work {
    /// What came out of it.
    pub trace: Trace,
    /// What it is, as a person would say it.
    pub source: String,
    /// What a reader should know about it.
    pub notes: Vec<String>,
}

/// The instants that were typed, on the clocks of the schedules.
#[derive(Debug, Clone, Copy)]
struct Span {
    start: Option<Timestamp>,
    end: Option<Timestamp>,
}

// === impl Work ===

impl Work {
    /// When it is over.
    #[must_use]
    pub fn end(&self) -> Timestamp {
        end(&self.trace)
    }

    /// The traffic for this subject.
    ///
    /// # Errors
    /// Where there is none, or none that can be understood.
    pub fn read(
        traffic: &Traffic,
        cut: Cut,
        subject: &Subject,
        seed: u64,
        now: Timestamp,
    ) -> Result<Self, Failure> {
        let zone = subject.zone();
        let at = |moment: Option<Moment>| moment.map(|it| it.at(&zone)).transpose();
        let start = at(cut.start).map_err(Failure::Usage)?;
        let span = Span { start, end: at(cut.end).map_err(Failure::Usage)? };
        if span.start.zip(span.end).is_some_and(|(start, end)| start >= end) {
            return Err(Failure::Usage("--end must be later than --start".to_owned()));
        }
        let work = match traffic {
            Traffic::Campaign => campaign(subject, &zone, span, seed)?,
            Traffic::Csv(path) => of_csv(path, span)?,
            Traffic::Saved(path) => saved(path)?,
            Traffic::Prometheus { address, query } => {
                asked(address, query.as_deref(), subject, span, now)?
            }
        };
        let trace = part(&work.trace, span)?;
        let (trace, source) = match cut.scale_to {
            Some(rate) => {
                (trace.prepared(rate), format!("{}, scaled to {rate} requests/s", work.source))
            }
            None => (trace, work.source),
        };
        Ok(Self { trace, source, notes: work.notes })
    }
}

/// Whole days from the first on which the schedules have a window, where none was typed.
fn campaign(subject: &Subject, zone: &TimeZone, span: Span, seed: u64) -> Result<Work, Failure> {
    let usual = Campaign::default();
    let day = |at: Timestamp| at.to_zoned(zone.clone()).date();
    let opening = subject.policy.schedules.iter().find_map(|schedule| schedule.calendar.days.from);
    let from = span.start.map(day).or(opening).unwrap_or(usual.from);
    let days = match span.end {
        None => USUAL_DAYS,
        Some(end) => {
            // The last day counts if any of it does.
            let last = day(end.saturating_sub(1.nanosecond()).unwrap_or(end));
            u32::try_from(from.until(last).map_or(0, |it| it.get_days())).map_or(0, |it| it + 1)
        }
    };
    let too_long = days == 0 || SignedDuration::from_hours(24 * i64::from(days)) > LONGEST;
    if too_long {
        return Err(Failure::Usage(format!(
            "the campaign would last {days} days: choose --start and --end for 1 to {} of them",
            LONGEST.as_hours() / 24
        )));
    }
    let campaign = Campaign { from, days, zone: zone.clone(), seed };
    let trace = campaign.trace().map_err(|error| Failure::Usage(error.to_string()))?;
    Ok(Work { trace, source: "a made-up campaign".to_owned(), notes: Vec::new() })
}

fn of_csv(path: &Path, span: Span) -> Result<Work, Failure> {
    let bad = |reason: String| Failure::File { path: path.to_owned(), reason };
    let cannot = |error: std::io::Error| Failure::unread(path, &error);
    let mut input = open(path).map_err(cannot)?;
    let mut head = Vec::new();
    input.by_ref().take(HEAD).read_to_end(&mut head).map_err(cannot)?;
    let in_seconds =
        head.strip_prefix("\u{feff}".as_bytes()).unwrap_or(&head).starts_with(b"second,");
    let input = Cursor::new(head).chain(input);
    let trace = csv::read(&label(path), input).map_err(|error| bad(error.to_string()))?;
    let mut notes = Vec::new();
    let trace = match span.start.filter(|_| in_seconds) {
        Some(zero) => moved(&trace, zero).map_err(|error| bad(error.to_string()))?,
        None => trace,
    };
    if in_seconds && span.start.is_none() {
        notes.push(format!(
            "the seconds of the CSV have no date: the first is taken for {}; with schedules, say when it was with --start",
            trace.start()
        ));
    }
    Ok(Work { trace, source: label(path), notes })
}

/// The same traffic, with its second 0 at `zero`.
fn moved(trace: &Trace, zero: Timestamp) -> Result<Trace, trace::TraceError> {
    let after = trace.start().as_second().saturating_sub(SECOND_ZERO);
    let start = zero.checked_add(SignedDuration::from_secs(after));
    let start = start.map_err(|_| trace::TraceError::TooLate)?;
    Trace::new(trace.name(), start, trace.bucket(), trace.rates().to_vec())
}

fn saved(path: &Path) -> Result<Work, Failure> {
    let bad = |reason: String| Failure::File { path: path.to_owned(), reason };
    let mut text = String::new();
    open(path)
        .and_then(|input| input.take(LARGEST_ANSWER + 1).read_to_string(&mut text))
        .map_err(|error| Failure::unread(path, &error))?;
    if text.len() as u64 > LARGEST_ANSWER {
        return Err(bad(
            "is longer than 64 MiB: ask Prometheus for less, or for longer steps".to_owned()
        ));
    }
    let trace =
        trace::prometheus::range(&label(path), &text).map_err(|error| bad(error.to_string()))?;
    Ok(Work { trace, source: label(path), notes: Vec::new() })
}

fn asked(
    address: &Address,
    query: Option<&str>,
    subject: &Subject,
    span: Span,
    now: Timestamp,
) -> Result<Work, Failure> {
    let query = query.map_or_else(|| prometheus::usual_query(subject), |it| Ok(it.to_owned()))?;
    let end = span.end.unwrap_or(now);
    let week = SignedDuration::from_hours(24 * i64::from(USUAL_DAYS));
    let start = span.start.unwrap_or_else(|| end.saturating_sub(week).unwrap_or(end));
    let answer = prometheus::ask(address, &Range { query: query.clone(), start, end })?;
    let trace = trace::prometheus::range("prometheus", &answer)
        .map_err(|error| Failure::NotKnown(format!("{query}: {error}")))?;
    Ok(Work { trace, source: "what Prometheus has seen".to_owned(), notes: Vec::new() })
}

/// What lies between the instants; whole buckets.
fn part(trace: &Trace, span: Span) -> Result<Trace, Failure> {
    let bucket = i64::from(trace.bucket());
    let buckets = |at: Timestamp| {
        let seconds = at.as_second().saturating_sub(trace.start().as_second()).max(0);
        usize::try_from(seconds / bucket).unwrap_or(usize::MAX)
    };
    let all = trace.rates().len();
    let (first, last) = (span.start.map_or(0, buckets), span.end.map_or(all, buckets).min(all));
    let offset = i64::try_from(first).unwrap_or(i64::MAX).saturating_mul(bucket);
    let start = trace.start().saturating_add(SignedDuration::from_secs(offset));
    let rates = trace.rates().get(first..last).filter(|rates| !rates.is_empty());
    let cut = rates.zip(start.ok()).and_then(|(rates, start)| {
        Trace::new(trace.name(), start, trace.bucket(), rates.to_vec()).ok()
    });
    let Some(cut) = cut else {
        return Err(Failure::Usage(format!(
            "there is no traffic between --start and --end: it goes from {} to {}",
            trace.start(),
            end(trace)
        )));
    };
    if SignedDuration::from_secs(cut.seconds().into()) > LONGEST {
        return Err(Failure::Usage(format!(
            "the traffic lasts {} days: choose at most {} of them with --start and --end",
            cut.seconds() / 86_400,
            LONGEST.as_hours() / 24
        )));
    }
    Ok(cut)
}

fn end(trace: &Trace) -> Timestamp {
    let length = SignedDuration::from_secs(trace.seconds().into());
    trace.start().saturating_add(length).unwrap_or(Timestamp::MAX)
}

fn open(path: &Path) -> std::io::Result<Box<dyn BufRead>> {
    if path == Path::new("-") {
        return Ok(Box::new(std::io::stdin().lock()));
    }
    Ok(Box::new(BufReader::new(File::open(path)?)))
}

/// A file as people call it.
pub(super) fn label(path: &Path) -> String {
    if path == Path::new("-") {
        return "standard input".to_owned();
    }
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}
