//! One fleet on one screen: size, why, what comes next, signals, schedule, overrides, spot, what is wrong, the last
//! changes; and where it is not Ready, what to do.

use crate::args::Program;
use crate::page::Page;
use crate::pages;
use crate::settings::Columns;
use crate::table::{Grid, Text, Tone, known, plain, toned};
use crate::time::Clock;
use crate::view::overrides::OverrideView;
use crate::view::signals::SignalView;
use crate::view::{FleetView, ScheduleView, SpotView, TargetView, UpcomingView};

/// A bar has a cell for each replica up to so many.
const BAR: i32 = 40;
/// So many changes are shown; all of them with `-o wide`.
const CHANGES: usize = 5;

/// The screen.
#[must_use]
pub fn screen(
    view: &FleetView,
    columns: Columns,
    clock: &Clock,
    width: Option<u16>,
    program: Program,
) -> String {
    let wide = columns == Columns::Wide;
    let sections = [
        targets(view),
        why(view, clock),
        signals(view),
        plans(view, clock),
        conditions(view, clock, wide),
        changes(view, clock, wide),
    ];
    let page = Page::new(width).line(title(view, clock)).notices(&view.notices);
    let page = sections.iter().fold(page, Page::section);
    match next_step(view, program) {
        Some(step) => page.gap().words(Tone::Plain, step).finish(),
        None => page.finish(),
    }
}

/// The next command, and the page about the word for how the fleet is; none where it is Ready, or a notice tells why
/// nothing is known of it.
fn next_step(view: &FleetView, program: Program) -> Option<String> {
    if view.ready || view.conditions.is_empty() {
        return None;
    }
    let FleetView { name, namespace, status, .. } = view;
    let (program, page) = (program.words(), pages::runbook(status.as_deref()?));
    Some(format!("why: {program} explain {name} -n {namespace}; what to do: {page}"))
}

fn title(view: &FleetView, clock: &Clock) -> Vec<Text> {
    let mut title = vec![toned(Tone::Strong, view.key()), headline(view)];
    if let Some((min, max)) = view.min_replicas.zip(view.max_replicas) {
        title.push(plain(format!("{min}..{max} replicas")));
    }
    if !matches!(view.mode, "Enforce" | "") {
        title.push(toned(Tone::Note, format!("mode {}", view.mode)));
    }
    if let Some(decision) = &view.decision {
        title.push(toned(Tone::Dim, format!("reported {} ago", clock.ago(decision.at))));
    }
    title
}

/// One word for how the fleet is.
pub(super) fn headline(view: &FleetView) -> Text {
    let stalled = view.conditions.iter().any(|it| it.kind == "Stalled" && !it.calm);
    match &view.status {
        None => toned(Tone::Bad, "NoReport"),
        Some(status) if view.ready => toned(Tone::Good, status),
        Some(status) if stalled => toned(Tone::Bad, status),
        Some(status) => toned(Tone::Note, status),
    }
}

/// A row under a label; further rows of the same label have none.
fn labelled(label: &str, mut cells: Vec<Text>) -> Vec<Text> {
    cells.insert(0, toned(Tone::Dim, format!("{label:<9}")));
    cells
}

fn targets(view: &FleetView) -> Grid {
    let mut grid = Grid::default();
    for target in &view.targets {
        grid.push(target_row(target, view.max_replicas.unwrap_or(BAR)));
    }
    grid
}

fn target_row(target: &TargetView, max: i32) -> Vec<Text> {
    let TargetView { target: label, deployment, desired, ready, pending } = target;
    let Some(ready) = *ready else {
        return labelled(
            label,
            vec![plain("-"), plain(""), toned(Tone::Bad, format!("{deployment} cannot be used"))],
        );
    };
    let wanted = desired.unwrap_or(ready);
    let tone = if ready >= wanted { Tone::Good } else { Tone::Note };
    let counts =
        desired.map_or_else(|| format!("{ready}/?"), |desired| format!("{ready}/{desired}"));
    let pending = if *pending > 0 { format!(", {pending} without a node") } else { String::new() };
    labelled(
        label,
        vec![
            toned(tone, counts),
            toned(tone, bar(ready, wanted, max)),
            plain(format!("{deployment}{pending}")),
        ],
    )
}

/// Ready replicas, then those that are wanted and not Ready, then those that are to go.
fn bar(ready: i32, wanted: i32, max: i32) -> String {
    let scale = |count: i32| {
        let cells = i64::from(count) * i64::from(BAR.min(max.max(1))) / i64::from(max.max(1));
        usize::try_from(cells.clamp(i64::from(count > 0), i64::from(BAR))).unwrap_or(0)
    };
    let kept = scale(ready.min(wanted));
    let missing = scale(wanted).saturating_sub(kept);
    let leaving = scale(ready).saturating_sub(kept);
    format!("{}{}{}", "█".repeat(kept), "░".repeat(missing), "▒".repeat(leaving))
}

fn why(view: &FleetView, clock: &Clock) -> Grid {
    let mut grid = Grid::default();
    let Some(decision) = &view.decision else { return grid };
    grid.push(labelled(
        "why",
        vec![toned(Tone::Strong, &decision.reason), plain(&decision.summary)],
    ));
    if let Some(next) = &decision.next {
        let when = format!(
            "{} replicas at {} (in {})",
            next.replicas,
            clock.instant(next.at),
            clock.until(next.at)
        );
        grid.push(labelled("next", vec![plain(&next.reason), plain(when)]));
    }
    grid
}

fn signals(view: &FleetView) -> Grid {
    let mut grid = Grid::default();
    let Some(signals) = &view.signals else { return grid };
    let tone = if signals.trusted { Tone::Good } else { Tone::Bad };
    let verdict = toned(tone, signals.verdict.as_deref().unwrap_or("-"));
    for signal in &signals.measured {
        if grid.is_empty() {
            grid.push(labelled("signals", signal_row(verdict.clone(), signal)));
        } else {
            grid.push(labelled("", signal_row(plain(""), signal)));
        }
    }
    grid
}

fn signal_row(verdict: Text, signal: &SignalView) -> Vec<Text> {
    let age = signal.age_seconds.map(|age| format!("{age} s old"));
    vec![
        verdict,
        plain(&signal.signal),
        known(signal.shown()),
        plain(signal.held_against()),
        plain(age.unwrap_or_default()),
    ]
}

fn plans(view: &FleetView, clock: &Clock) -> Grid {
    let mut grid = Grid::default();
    if let Some(schedule) = &view.schedule {
        grid.push(labelled(
            "schedule",
            vec![toned(Tone::Strong, &schedule.phase), plain(schedule_line(schedule, clock))],
        ));
    }
    if let Some(upcoming) = &view.upcoming {
        let label = if grid.is_empty() { "schedule" } else { "" };
        grid.push(labelled(label, vec![plain("later"), plain(upcoming_line(upcoming, clock))]));
    }
    for (index, order) in view.overrides.iter().enumerate() {
        let label = if index == 0 { "override" } else { "" };
        grid.push(labelled(label, override_row(order, clock)));
    }
    if let Some(spot) = &view.spot {
        grid.push(labelled("spot", spot_row(spot, clock)));
    }
    grid
}

fn schedule_line(schedule: &ScheduleView, clock: &Clock) -> String {
    let ScheduleView { name, phase: _, start, end, floor, full_floor } = schedule;
    let floor = if floor == full_floor {
        format!("floor {floor}")
    } else {
        format!("floor {floor} of {full_floor}")
    };
    let window = if *start > clock.now {
        format!("opens at {} (in {})", clock.instant(*start), clock.until(*start))
    } else {
        format!("open until {} (for {})", clock.instant(*end), clock.until(*end))
    };
    format!("{name}: {floor}, {window}")
}

fn upcoming_line(upcoming: &UpcomingView, clock: &Clock) -> String {
    let UpcomingView { name, pre_warm_from, start, floor } = upcoming;
    let pre_warm = if *pre_warm_from > clock.now {
        format!(", pre-warm from {}", clock.instant(*pre_warm_from))
    } else {
        String::new()
    };
    let (at, wait) = (clock.instant(*start), clock.until(*start));
    format!("{name}: floor {floor}, opens at {at} (in {wait}){pre_warm}")
}

/// What is ordered, and until when on the reader's clock.
fn override_row(order: &OverrideView, clock: &Clock) -> Vec<Text> {
    let OverrideView { name, action, replicas, until, reason, requested_by, superseded_by } = order;
    let size = replicas.map_or_else(String::new, |replicas| format!(" {replicas}"));
    let way = superseded_by.as_ref().map_or_else(String::new, |by| format!(", gives way to {by}"));
    let (at, left) = (clock.instant(*until), clock.until(*until));
    let tone = if superseded_by.is_some() { Tone::Dim } else { Tone::Note };
    vec![
        toned(tone, format!("{action}{size}")),
        plain(format!("{name}{way}: until {at} (for {left}), by {requested_by}: {reason}")),
    ]
}

fn spot_row(spot: &SpotView, clock: &Clock) -> Vec<Text> {
    let SpotView { state, since, share_percent, cover } = spot;
    let calm = state.as_deref().is_none_or(|state| state == "Normal");
    let share = share_percent.map(|share| format!("{share} % of the fleet"));
    let cover = cover.map(|cover| format!("{cover} on demand as cover"));
    let since = since.map(|since| format!("for {}", clock.ago(since)));
    let facts: Vec<String> = [share, cover, since].into_iter().flatten().collect();
    let tone = if calm { Tone::Plain } else { Tone::Note };
    vec![toned(tone, state.as_deref().unwrap_or("-")), plain(facts.join(", "))]
}

fn conditions(view: &FleetView, clock: &Clock, all: bool) -> Grid {
    let mut grid = Grid::default();
    for condition in view.conditions.iter().filter(|condition| all || !condition.calm) {
        let label = if grid.is_empty() { "condition" } else { "" };
        let cells = vec![
            toned(condition.tone(), format!("{}={}", condition.kind, condition.status)),
            plain(&condition.reason),
            plain(clock.ago(condition.since)),
            plain(&condition.message),
        ];
        grid.push(labelled(label, cells));
    }
    grid
}

fn changes(view: &FleetView, clock: &Clock, all: bool) -> Grid {
    let mut grid = Grid::default();
    for change in view.changes.iter().take(if all { usize::MAX } else { CHANGES }) {
        let label = if grid.is_empty() { "changes" } else { "" };
        let cells = vec![
            plain(format!("{} ago", clock.ago(change.at))),
            plain(format!("{} -> {}", change.previous, change.desired)),
            plain(&change.reason),
            toned(Tone::Dim, without_sizes(&change.summary)),
        ];
        grid.push(labelled(label, cells));
    }
    grid
}

/// The sentence of a summary; the sizes before it have a column of their own.
fn without_sizes(summary: &str) -> &str {
    summary.split_once(": ").map_or(summary, |(_, sentence)| sentence)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_has_a_cell_for_each_replica_of_a_small_fleet() {
        assert_eq!(bar(3, 5, 10), "███░░");
        assert_eq!(bar(5, 3, 10), "███▒▒");
        assert_eq!(bar(0, 0, 10), "");
    }

    #[test]
    fn a_bar_never_leaves_the_screen() {
        for (ready, wanted, max) in
            [(1000, 1000, 1000), (1, 1000, 1000), (1000, 1, 10), (i32::MAX, 5, 1), (-3, 5, 0)]
        {
            assert!(bar(ready, wanted, max).chars().count() <= 80, "{ready} {wanted} {max}");
        }
        assert!(bar(1, 1, 1000).contains('█'), "one replica is seen");
    }
}
