//! What people see while `up` works: progress of long steps, then the fleet as it scales. In a terminal the picture
//! stands still and changes; in a pipe there is a line whenever something changes, and at least every ten seconds.

use super::watch::Sample;
use apifleet_local::progress::{Event, Progress};
use indicatif::{ProgressBar, ProgressStyle};
use std::io::IsTerminal;
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// A line at least this often when nobody can see a bar move.
const HEARTBEAT: Duration = Duration::from_secs(10);

/// Where everything that people see goes.
pub(crate) struct View {
    started: Instant,
    bar: Option<ProgressBar>,
    last: Mutex<Last>,
}

/// What was said last, so that it is not said again.
#[derive(Default)]
struct Last {
    text: String,
    at: Option<Instant>,
}

impl View {
    /// A moving view in a terminal, lines elsewhere or when `headless`.
    pub(crate) fn new(headless: bool) -> Self {
        let moving = !headless && std::io::stdout().is_terminal();
        let bar = moving.then(|| {
            let bar = ProgressBar::new_spinner();
            if let Ok(style) = ProgressStyle::with_template("{spinner} {elapsed:>4}  {wide_msg}") {
                bar.set_style(style);
            }
            bar.enable_steady_tick(Duration::from_millis(120));
            bar
        });
        Self { started: Instant::now(), bar, last: Mutex::default() }
    }

    /// Something that stays on the screen.
    pub(crate) fn say(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| println!("{text}")),
            None => println!("{:>6.1} s  {text}", self.started.elapsed().as_secs_f64()),
        }
        if let Ok(mut last) = self.last.lock() {
            *last = Last { text: text.to_owned(), at: Some(Instant::now()) };
        }
    }

    /// Something that is replaced by what comes next.
    fn show(&self, text: String) {
        let Ok(mut last) = self.last.lock() else { return };
        let due = last.at.is_none_or(|at| at.elapsed() >= HEARTBEAT);
        // In a pipe every line stays: what changes all the time is told now and then.
        let is_news = if self.bar.is_some() { last.text != text } else { due };
        if !is_news {
            return;
        }
        match &self.bar {
            Some(bar) => bar.set_message(text.clone()),
            None => println!("{:>6.1} s  {text}", self.started.elapsed().as_secs_f64()),
        }
        *last = Last { text, at: Some(Instant::now()) };
    }

    /// The fleet at one instant. A change of size or of its reason stays on the screen.
    pub(crate) fn fleet(&self, sample: &Sample, before: Option<&Sample>) {
        let changed = before.is_none_or(|b| b.wanted() != sample.wanted() || b.act != sample.act);
        if changed {
            self.say(&describe(sample));
        } else if self.bar.is_some() {
            self.show(describe(sample));
        } else {
            self.heartbeat(sample);
        }
    }

    /// In a pipe numbers that only flicker are no news.
    fn heartbeat(&self, sample: &Sample) {
        let due =
            self.last.lock().is_ok_and(|last| last.at.is_none_or(|at| at.elapsed() >= HEARTBEAT));
        if due {
            self.show(describe(sample));
        }
    }
}

impl Progress for View {
    fn report(&self, event: Event) {
        match event {
            Event::Step(text) => self.say(&text),
            Event::Count { what, done, total: 0 } => self.show(format!("{what}: {done}")),
            Event::Count { what, done, total } => self.show(format!("{what}: {done} of {total}")),
        }
    }
}

impl Drop for View {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// One line: the act and what is sent, where there is one, what is seen, p95, replicas per target, and why.
fn describe(sample: &Sample) -> String {
    let sent = match sample.act {
        "" => String::new(),
        act => format!("{act:<7} sent {:>4}/s  ", sample.offered),
    };
    let seen = sample.seen_rps.map_or_else(|| "-".to_owned(), |rps| format!("{rps:.0}"));
    let p95 = sample.p95_ms.map_or_else(|| "-".to_owned(), |ms| format!("{ms:.0} ms"));
    format!(
        "{sent}seen {seen:>4}/s  p95 {p95:>6}  ready {:>2}/{:<2} (on-demand {}/{}, spot {}/{}){}  {}",
        sample.ready(),
        sample.wanted(),
        sample.on_demand.ready,
        sample.on_demand.wanted,
        sample.spot.ready,
        sample.spot.wanted,
        clauses(sample),
        sample.why,
    )
}

/// What is not so on every day: a schedule's floor and how far its pre-warm is, and spot that is being lost.
fn clauses(sample: &Sample) -> String {
    let floor = sample.floor.zip(sample.phase.as_ref());
    let floor = floor.map(|(floor, phase)| format!("  floor {floor} ({})", phase.to_lowercase()));
    let unusual = !matches!(sample.spot_state.as_str(), "" | "Normal");
    let spot = unusual.then(|| format!("  spot {}", sample.spot_state.to_lowercase()));
    let cover = (sample.cover > 0).then(|| format!("  cover {}", sample.cover));
    [floor, spot, cover].into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::super::watch::Target;
    use super::*;

    #[test]
    fn a_line_says_what_is_sent_what_is_seen_and_why() {
        let sample = Sample {
            act: "peak",
            offered: 1500,
            seen_rps: Some(1234.4),
            p95_ms: None,
            on_demand: Target { wanted: 12, ready: 10 },
            spot: Target { wanted: 18, ready: 9 },
            why: "Burst".to_owned(),
            ..Sample::default()
        };
        let line = describe(&sample);
        for part in ["peak", "1500/s", "1234/s", "p95      -", "19/30", "12", "9/18", "Burst"] {
            assert!(line.contains(part), "{part} is not in: {line}");
        }
        assert!(!line.contains("floor") && !line.contains("cover"), "nothing unusual: {line}");
    }

    #[test]
    fn a_pre_warm_and_a_loss_of_spot_are_seen_at_a_glance() {
        let (floor, phase) = (Some(14), Some("Ramp".to_owned()));
        let line = describe(&Sample { floor, phase, ..Sample::default() });
        assert!(line.contains("floor 14 (ramp)"), "{line}");
        let spot_state = "Covering".to_owned();
        let line = describe(&Sample { spot_state, cover: 8, ..Sample::default() });
        assert!(line.contains("spot covering  cover 8"), "{line}");
    }
}
