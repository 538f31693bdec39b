//! What is to be said of thousands of rows: what was asked for and whether it was met, who did what where most is
//! claimed, what faults cost, and the curve over targets. Made from the rows alone, so that the report on the terminal
//! and the one in `docs` are those of the file. Pure.

use super::cell::{CLAIMED, Cell, HARD, MATCHED};
use super::faults::TROUBLES;
use super::targets::TARGETS;
use crate::section::Section;
use crate::{Report, Row};
use std::collections::{BTreeMap, BTreeSet};

/// The rows by their names.
pub(crate) struct Rows<'a> {
    by_name: BTreeMap<&'a str, &'a Row>,
}

/// The report as people read it.
#[must_use]
pub fn summary(report: &Report) -> String {
    let tables: String = sections(report).iter().map(Section::markdown).collect();
    tables + &report.origin()
}

/// The tables of it.
pub(crate) fn sections(report: &Report) -> Vec<Section> {
    let rows = Rows::of(report);
    let of_trace = |trace| {
        let cells = [CLAIMED, HARD, MATCHED].map(|cell| rows.cell(trace, cell));
        cells.into_iter().chain([rows.faults(trace), rows.targets(trace)])
    };
    let each = rows.traces().into_iter().flat_map(of_trace);
    std::iter::once(asked(report)).chain(each).flatten().collect()
}

/// Rows of which something is asked, and by how much they miss it.
pub(crate) fn asked(report: &Report) -> Option<Section> {
    let asked = report.rows.iter().filter(|row| row.bar.is_some());
    let asked = asked.filter(|row| !row.name.ends_with(".daily_shape"));
    let cells = |row: &Row| {
        vec![
            row.name.trim_start_matches("policy.").to_owned(),
            value_of(row),
            row.bar.map_or_else(String::new, |bar| bar.to_string()),
            missed(row),
        ]
    };
    let head = ["figure", "value (95 % interval)", "asked for: at most", "missed by"];
    Section::new("What is asked for".into(), head, asked.map(cells).collect())
}

/// By how much a row misses what is asked of it.
fn missed(row: &Row) -> String {
    match (row.value, row.bar, row.met) {
        (_, _, Some(true)) => "met".to_owned(),
        (Some(value), Some(bar), _) if bar > 0.0 => {
            format!("**{:.1} %**", (value / bar - 1.0) * 100.0)
        }
        (Some(value), Some(bar), _) => format!("**{:.1} {}**", value - bar, row.unit),
        (_, _, _) => "**not measured**".to_owned(),
    }
}

/// A value with its interval.
pub(crate) fn value_of(row: &Row) -> String {
    match (row.value, row.spread) {
        (Some(value), [Some(low), Some(high)]) => format!("{value} ({low} to {high})"),
        (Some(value), _) => value.to_string(),
        (None, _) => "none".to_owned(),
    }
}

impl<'a> Rows<'a> {
    /// Those of a report.
    pub(crate) fn of(report: &'a Report) -> Self {
        let by_name = report.rows.iter().map(|row| (row.name.as_str(), row)).collect();
        Self { by_name }
    }

    /// The traces that claims are made on: those with a daily shape, and whatever there is where none has one.
    pub(crate) fn traces(&self) -> BTreeSet<&'a str> {
        let named = || {
            let shapes = self.by_name.iter().filter(|(name, _)| name.ends_with(".daily_shape"));
            shapes.filter_map(|(name, row)| Some((name.split('.').nth(1)?, row.met == Some(true))))
        };
        let daily = named().filter(|(_, is_daily)| *is_daily).map(|(name, _)| name);
        let daily: BTreeSet<_> = daily.collect();
        if daily.is_empty() { named().map(|(name, _)| name).collect() } else { daily }
    }

    /// The words between a prefix and a figure: who or what was measured.
    pub(crate) fn between(&self, prefix: &str, suffix: &str) -> Vec<&'a str> {
        let names = self.by_name.keys().copied();
        let middles = names.filter_map(|name| name.strip_prefix(prefix)?.strip_suffix(suffix));
        middles.filter(|middle| !middle.contains('.')).collect()
    }

    /// The figure.
    pub(crate) fn value(&self, name: &str) -> Option<f64> {
        self.by_name.get(name).and_then(|row| row.value)
    }

    fn show(&self, name: &str) -> String {
        self.by_name.get(name).map_or_else(String::new, |row| value_of(row))
    }

    fn plain(&self, name: &str) -> String {
        self.value(name).map_or_else(String::new, |value| value.to_string())
    }

    /// Everyone in one cell, with the fewest violating minutes first.
    fn cell(&self, trace: &str, cell: Cell) -> Option<Section> {
        let prefix = format!("policy.{trace}.{cell}.");
        let mut everyone = self.between(&prefix, ".violating_minutes");
        let minutes = |who: &str| {
            self.value(&format!("{prefix}{who}.violating_minutes")).unwrap_or(f64::INFINITY)
        };
        everyone.sort_by(|one, two| minutes(one).total_cmp(&minutes(two)));
        let lines = everyone.into_iter().map(|who| self.line(&prefix, who)).collect();
        let head = [
            "policy",
            "violating minutes",
            "cost ratio",
            "unserved ppm",
            "changes",
            "reversals in 10 min",
            "in 30 min",
            "reaction p50 s",
        ];
        Section::new(title(trace, cell), head, lines)
    }

    fn line(&self, prefix: &str, who: &str) -> Vec<String> {
        let of = |figure: &str| format!("{prefix}{who}.{figure}");
        let by_the_day = |figure: &str| {
            let (name, daily) = (of(figure), format!("{}_per_day", of(figure)));
            self.plain(if self.by_name.contains_key(daily.as_str()) { &daily } else { &name })
        };
        vec![
            who.to_owned(),
            self.show(&of("violating_minutes")),
            self.show(&of("cost_ratio")),
            self.plain(&of("unserved_ppm")),
            by_the_day("changes"),
            by_the_day("reversals"),
            by_the_day("reversals_30min"),
            self.plain(&of("reaction_p50_s")),
        ]
    }

    /// What each fault adds to everyone's minutes.
    fn faults(&self, trace: &str) -> Option<Section> {
        let prefix = format!("policy.{trace}.{HARD}.");
        let suffix = ".extra_violating_minutes";
        let everyone: BTreeSet<_> = TROUBLES
            .iter()
            .flat_map(|trouble| self.between(&prefix, &format!(".fault.{}{suffix}", trouble.name)))
            .collect();
        let line = |trouble: &str| -> Vec<String> {
            let cell = |who: &&str| self.show(&format!("{prefix}{who}.fault.{trouble}{suffix}"));
            let beyond = self.show(&format!("{prefix}apifleet.fault.{trouble}.beyond_holding"));
            let cells = everyone.iter().map(cell);
            std::iter::once(trouble.to_owned()).chain(cells).chain([beyond]).collect()
        };
        let lines = TROUBLES.iter().filter(|_| !everyone.is_empty());
        let lines = lines.map(|trouble| line(trouble.name)).collect();
        let head = std::iter::once("fault")
            .chain(everyone.iter().copied())
            .chain(["apifleet, beyond keeping its size"]);
        let title = format!("{}: minutes that a fault adds", title(trace, HARD));
        Section::new(title, head, lines)
    }

    /// Minutes and cost by target.
    fn targets(&self, trace: &str) -> Option<Section> {
        let line = |(who, points): (&str, Vec<(f64, f64)>)| {
            let cell = |(cost, minutes): &(f64, f64)| format!("{minutes} min, {cost}");
            std::iter::once(who.to_owned()).chain(points.iter().map(cell)).collect()
        };
        let targets = TARGETS.map(|target| format!("{target} requests/s"));
        let head = std::iter::once("policy".to_owned()).chain(targets);
        let title = format!("{}: minutes and cost ratio by target per replica", title(trace, HARD));
        Section::new(title, head, self.curves(trace).into_iter().map(line).collect())
    }

    /// Cost and minutes of each contestant, target by target.
    pub(crate) fn curves(&self, trace: &str) -> Vec<(&'a str, Vec<(f64, f64)>)> {
        let prefix = format!("policy.{trace}.{HARD}.");
        let suffix = |target: u32| format!(".target{target}.violating_minutes");
        let everyone: BTreeSet<_> =
            TARGETS.iter().flat_map(|target| self.between(&prefix, &suffix(*target))).collect();
        let points = |who: &str| {
            let point = |target: u32| {
                let of = |figure| self.value(&format!("{prefix}{who}.target{target}.{figure}"));
                Some((of("cost_ratio")?, of("violating_minutes")?))
            };
            TARGETS.into_iter().filter_map(point).collect()
        };
        everyone.into_iter().map(|who| (who, points(who))).collect()
    }

    /// Cost and minutes of everyone where most is claimed.
    pub(crate) fn claimed(&self, trace: &str) -> Vec<(&'a str, Vec<(f64, f64)>)> {
        let prefix = format!("policy.{trace}.{CLAIMED}.");
        let everyone = self.between(&prefix, ".violating_minutes").into_iter();
        let point = |who: &'a str| {
            let of = |figure| self.value(&format!("{prefix}{who}.{figure}"));
            Some((who, vec![(of("cost_ratio")?, of("violating_minutes")?)]))
        };
        everyone.filter_map(point).collect()
    }
}

/// What people call a cell on a trace.
pub(crate) fn title(trace: &str, Cell { sizes, lag }: Cell) -> String {
    format!("{trace}, {} to {} replicas, Ready after {lag} s", sizes.min, sizes.max)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::{Bar, Machine};

    fn row(name: &str, value: f64) -> Row {
        Row::measured(format!("policy.t.{name}"), "min", value, [value - 1.0, value + 1.0])
    }

    pub(crate) fn report() -> Report {
        let rows = vec![
            row("daily_shape", 0.7).against(Bar::AtLeast(0.4)),
            row("2-30.lag150.apifleet.violating_minutes", 12.0).against(Bar::AtMost(10.0)),
            row("2-30.lag150.apifleet.cost_ratio", 1.05).against(Bar::AtMost(1.1)),
            row("2-30.lag150.apifleet.reversals_per_day", 1.5),
            row("2-30.lag150.kpa.violating_minutes", 10.0),
            row("10-30.lag150.apifleet.fault.gone.extra_violating_minutes", 2.0),
            row("10-30.lag150.apifleet.fault.gone.beyond_holding", 0.5).against(Bar::AtMost(0.0)),
            row("10-30.lag150.keda.fault.gone.extra_violating_minutes", 70.0),
            row("10-30.lag150.kpa.target40.violating_minutes", 3.0),
            row("10-30.lag150.kpa.target40.cost_ratio", 1.3),
        ];
        Report {
            bench: "policy".into(),
            commit: "abc".into(),
            machine: Machine::default(),
            versions: BTreeMap::new(),
            seed: Some(1),
            rows,
        }
    }

    fn cells(text: &str, first: &str) -> Vec<String> {
        let is_first = |line: &&str| line.trim_start_matches(['|', ' ']).starts_with(first);
        let line = text.lines().find(is_first).unwrap_or_else(|| panic!("no {first} in {text}"));
        line.split('|').map(|cell| cell.trim().to_owned()).collect()
    }

    #[test]
    fn what_is_missed_is_said_with_by_how_much_and_what_is_met_as_met() {
        let text = summary(&report());
        let minutes = cells(&text, "t.2-30.lag150.apifleet.violating_minutes");
        assert_eq!(minutes[2..5], ["12 (11 to 13)", "10", "**20.0 %**"]);
        assert_eq!(cells(&text, "t.2-30.lag150.apifleet.cost_ratio")[4], "met");
        let beyond = cells(&text, "t.10-30.lag150.apifleet.fault.gone.beyond_holding");
        assert_eq!(beyond[4], "**0.5 min**");
    }

    #[test]
    fn everyone_stands_in_the_cell_with_the_fewest_minutes_first() {
        let text = summary(&report());
        let (kpa, ours) = (text.find("| kpa "), text.find("| apifleet "));
        assert!(kpa.is_some() && kpa < ours, "{text}");
        assert_eq!(cells(&text, "apifleet ")[6], "1.5");
    }

    #[test]
    fn faults_and_targets_have_tables_and_what_was_not_run_has_none() {
        let text = summary(&report());
        let gone = cells(&text, "gone");
        assert_eq!(gone[1..5], ["gone", "2 (1 to 3)", "70 (69 to 71)", "0.5 (-0.5 to 1.5)"]);
        assert!(text.contains("3 min, 1.3"), "{text}");
        assert!(!text.contains("Ready after 10 s"), "{text}");
        assert!(text.contains("Commit abc, seed 1"), "{text}");
    }

    #[test]
    fn curves_are_cost_and_minutes_of_each_contestant() {
        let report = report();
        let rows = Rows::of(&report);
        assert_eq!(rows.curves("t"), [("kpa", vec![(1.3, 3.0)])]);
        assert_eq!(rows.claimed("t"), [("apifleet", vec![(1.05, 12.0)])]);
        assert_eq!(rows.traces().into_iter().collect::<Vec<_>>(), ["t"]);
    }
}
