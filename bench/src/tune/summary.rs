//! The trade-off as tables: all settings in each cell, the default first. Made from the rows alone. Pure.

use super::CELLS;
use super::settings::DEFAULT;
use crate::policy::{Cell, Rows, title, value_of};
use crate::section::Section;
use crate::{Report, Row};
use std::collections::{BTreeMap, BTreeSet};

/// The report as people read it.
#[must_use]
pub fn summary(report: &Report) -> String {
    let rows: BTreeMap<_, _> = report.rows.iter().map(|row| (row.name.as_str(), row)).collect();
    let traces: BTreeSet<_> = rows.keys().filter_map(|name| name.split('.').nth(1)).collect();
    let each =
        traces.into_iter().flat_map(|trace| CELLS.into_iter().map(move |cell| (trace, cell)));
    let sections = each.filter_map(|(trace, cell)| section(report, &rows, trace, cell));
    let tables: String = sections.map(|section| section.markdown()).collect();
    tables + &report.origin()
}

fn section(
    report: &Report,
    rows: &BTreeMap<&str, &Row>,
    trace: &str,
    cell: Cell,
) -> Option<Section> {
    let prefix = format!("tune.{trace}.{cell}.");
    let mut settings = Rows::of(report).between(&prefix, ".violating_minutes");
    settings.sort_by_key(|setting| (*setting != DEFAULT, *setting));
    let show = |setting: &str, figure: &str| {
        let row = rows.get(format!("{prefix}{setting}.{figure}").as_str());
        row.map_or_else(String::new, |row| value_of(row))
    };
    let line = |setting: &str| {
        let figures =
            ["violating_minutes", "cost_ratio", "reversals_per_day", "reversals_30min_per_day"];
        let cells = figures.map(|figure| show(setting, figure));
        std::iter::once(setting.to_owned()).chain(cells).collect()
    };
    let head =
        ["setting", "violating minutes", "cost ratio", "reversals in 10 min a day", "in 30 min"];
    Section::new(title(trace, cell), head, settings.into_iter().map(line).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Machine;

    #[test]
    fn the_default_stands_above_what_it_is_compared_with() {
        let row = |name: &str, value: f64| {
            Row::measured(format!("tune.t.2-30.lag150.{name}"), "min", value, [value, value])
        };
        let report = Report {
            bench: "tune".into(),
            commit: "abc".into(),
            machine: Machine::default(),
            versions: BTreeMap::new(),
            seed: Some(1),
            rows: vec![
                row("a-setting.violating_minutes", 3.0),
                row("default.violating_minutes", 4.0),
                row("default.cost_ratio", 1.2),
            ],
        };
        let text = summary(&report);
        let (default, other) = (text.find("| default"), text.find("| a-setting"));
        assert!(default.is_some() && default < other, "{text}");
        assert!(text.contains("1.2 (1.2 to 1.2)"), "{text}");
    }
}
