//! The traces that policies are compared on: every CSV of a folder, smoothed and scaled as each needs, or one day after
//! the other of the synthetic campaign. Reads files; decides what a trace is good for.

use crate::{Error, Result};
use apifleet_sim::Trace;
use apifleet_sim::trace::campaign::Campaign;
use apifleet_sim::trace::csv;
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The 99.9th percentile of a trace's minutes is scaled to so many requests a second.
const PEAK: f64 = 1400.0;
/// Counts of a minute that are scaled up would be mostly noise: they are averaged over this many seconds first.
const SMOOTHED: u32 = 300;
/// Buckets from here to [`SMOOTHED`] seconds are smoothed. Shapes of single seconds are made for scaling.
const NOISY_FROM: u32 = 30;
/// Policies are tuned on so many days of a trace, and never scored on them.
pub(crate) const TUNED_ON: u32 = 7;
/// A trace with fewer days has nothing to be tuned on.
const LONG: u32 = 14;
const DAY: u32 = 86_400;
/// Days of the campaign, and those that a quick look takes.
const CAMPAIGN_DAYS: u32 = 24;
const QUICK_DAYS: u32 = 2;
/// What the campaign is made up from.
const CAMPAIGN_SEED: u64 = 1;
/// So much alike must a day be to the day before for a trace to have a daily shape.
pub(crate) const DAILY: f64 = 0.4;

/// A trace, ready to be played.
#[derive(Debug, Clone)]
pub(crate) struct Traffic {
    /// What rows call it.
    pub(crate) name: String,
    /// What is played: all of a short one; of a long one the last of the days that are tuned on, and all after it.
    pub(crate) trace: Arc<Trace>,
    /// The days that policies are tuned on; `None` where the trace is too short for that.
    pub(crate) first_days: Option<Arc<Trace>>,
    /// How much alike a day is to the day before.
    pub(crate) daily: Option<f64>,
}

impl Traffic {
    /// The trace, scaled.
    fn of(raw: &Trace) -> Self {
        let trace = raw.scaled_to(PEAK);
        let is_long = trace.seconds() >= LONG * DAY;
        let first_days = trace.days(0..TUNED_ON).filter(|_| is_long).map(Arc::new);
        let played = trace.days(TUNED_ON - 1..u32::MAX).filter(|_| is_long).unwrap_or(trace);
        // Rows are named by dots.
        let name = raw.name().replace('.', "-");
        let daily = raw.daily_shape();
        Self { name, trace: Arc::new(played), first_days, daily }
    }

    /// Whether days are alike, so that claims by the day can be made.
    pub(crate) fn has_daily_shape(&self) -> bool {
        self.daily.is_some_and(|alike| alike >= DAILY)
    }

    /// Whether there are days to tune on.
    pub(crate) fn is_long(&self) -> bool {
        self.first_days.is_some()
    }

    /// Seconds at its beginning that are lived through and not scored: the last of the days that were tuned on, for
    /// those that look back a day.
    pub(crate) fn unscored(&self) -> u32 {
        if self.is_long() { DAY } else { 0 }
    }

    /// As much of it as faults and targets are compared on: those that are not scored and so many days more, or all
    /// of a short one.
    pub(crate) fn for_days(&self, days: u32) -> Arc<Trace> {
        let part = self.trace.days(0..1 + days).filter(|_| self.is_long());
        part.map_or_else(|| Arc::clone(&self.trace), Arc::new)
    }
}

/// The synthetic campaign.
pub(crate) fn campaign(quick: bool) -> Result<Traffic> {
    let days = if quick { QUICK_DAYS } else { CAMPAIGN_DAYS };
    let campaign = Campaign { days, seed: CAMPAIGN_SEED, ..Campaign::default() };
    Ok(Traffic::of(&campaign.trace()?.named("campaign")))
}

/// Every trace of a folder, by name.
pub(crate) fn folder(folder: &Path) -> Result<Vec<Traffic>> {
    let unreadable = |source| Error::File { what: "read", file: folder.to_owned(), source };
    let entries = std::fs::read_dir(folder).map_err(unreadable)?;
    let paths = entries.map(|entry| entry.map(|entry| entry.path()).map_err(unreadable));
    let mut paths = paths.collect::<Result<Vec<_>>>()?;
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "csv"));
    paths.sort();
    if paths.is_empty() {
        return Err(Error::NoTraces { folder: folder.to_owned() });
    }
    paths.iter().map(read).collect()
}

/// Without the noise of counts that scaling would multiply; what has none stays as it is.
fn smoothed(raw: &Trace) -> Trace {
    let is_noisy = (NOISY_FROM..SMOOTHED).contains(&raw.bucket());
    if is_noisy { raw.smoothed(SMOOTHED) } else { raw.clone() }
}

fn read(path: &PathBuf) -> Result<Traffic> {
    let name = path.file_stem().unwrap_or_default().to_string_lossy();
    let file = File::open(path).map_err(|source| {
        let file = path.clone();
        Error::File { what: "open", file, source }
    })?;
    let trace = csv::read(&name, BufReader::new(file)).map_err(|source| {
        let file = path.clone();
        Error::Trace { file, source }
    })?;
    // Of what was counted: smoothing makes days look more alike than they are.
    Ok(Traffic { daily: trace.daily_shape(), ..Traffic::of(&smoothed(&trace)) })
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use std::io::Write;

    fn csv_of(days: u32, bucket: u32) -> String {
        let rows = (0..days * DAY / bucket).map(|row| {
            let second = row * bucket;
            let hour = second % DAY / 3600;
            format!("{second},{}\n", 100 + hour * bucket)
        });
        std::iter::once("second,requests\n".to_owned()).chain(rows).collect()
    }

    /// Fifteen days that are all alike.
    pub(crate) fn long() -> Traffic {
        let rates = vec![1.0; 15 * 24];
        let trace = Trace::new("long", jiff::Timestamp::UNIX_EPOCH, 3600, rates);
        Traffic::of(&trace.expect("a trace"))
    }

    #[test]
    fn a_folder_is_read_by_name_and_what_is_no_csv_is_left_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        for (name, text) in
            [("b.v1.csv", csv_of(15, 300)), ("a.csv", csv_of(1, 60)), ("c.txt", String::new())]
        {
            let mut file = File::create(folder.path().join(name)).expect("a file");
            file.write_all(text.as_bytes()).expect("written");
        }
        let all = super::folder(folder.path()).expect("traces");
        let names: Vec<_> = all.iter().map(|traffic| traffic.name.as_str()).collect();
        assert_eq!(names, ["a", "b-v1"]);
        let [short, long] = all.as_slice() else { panic!("two") };
        assert!(!short.is_long() && short.unscored() == 0 && short.daily.is_none());
        assert!(long.is_long() && long.unscored() == DAY && long.has_daily_shape());
        assert_eq!(long.for_days(3).seconds(), 4 * DAY);
        assert_eq!(short.for_days(3).seconds(), DAY);
    }

    #[test]
    fn a_folder_without_traces_and_a_file_that_is_none_are_named() {
        let folder = tempfile::tempdir().expect("a folder");
        let error = super::folder(folder.path()).expect_err("nothing there").to_string();
        assert!(error.contains(&folder.path().display().to_string()), "{error}");
        std::fs::write(folder.path().join("broken.csv"), "when,what\n1,2\n").expect("written");
        let error = super::folder(folder.path()).expect_err("no trace").to_string();
        assert!(error.contains("broken.csv"), "{error}");
    }

    #[test]
    fn the_campaign_is_scaled_like_every_trace_and_short() {
        let campaign = campaign(true).expect("the campaign");
        assert!(!campaign.is_long() && super::campaign(false).expect("the campaign").is_long());
        let peak = campaign.trace.rates().iter().copied().fold(0.0, f64::max);
        assert!((PEAK * 0.9..PEAK * 1.5).contains(&peak), "{peak}");
    }
}
