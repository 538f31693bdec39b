//! What is asked for: attached to the rows that it is asked of, once all of them are known, because some of it is what
//! a peer did in the same run. Pure.

use super::cell::{CLAIMED, Cell, MATCHED};
use super::contestants::OURS;
use crate::{Bar, Row};
use std::collections::BTreeMap;

/// Cost, as a multiple of the stable oracle's.
const COST: f64 = 1.10;
/// Changes a day that turn back within 10, and within 30 minutes.
const REVERSALS: f64 = 2.0;
/// Warm there is little to gain on the HPA: ours must be within this.
const WITHIN: f64 = 1.01;

/// The rows with what is asked of them, on these traces: the ones with a daily shape.
pub(crate) fn attach(rows: Vec<Row>, daily: &[&str]) -> Vec<Row> {
    let values: BTreeMap<_, _> = rows.iter().map(|row| (row.name.clone(), row.value)).collect();
    let bars = bars(&values, daily);
    let with = |row: Row| match bars.get(&row.name) {
        Some(bar) => row.against(*bar),
        None => row,
    };
    rows.into_iter().map(with).collect()
}

fn bars(values: &BTreeMap<String, Option<f64>>, daily: &[&str]) -> BTreeMap<String, Bar> {
    let mut bars = BTreeMap::new();
    for trace in daily {
        let value = |cell: Cell, figure: &str| {
            values.get(&format!("policy.{trace}.{cell}.{figure}")).copied().flatten()
        };
        for ours in OURS {
            let mut ask = |cell: Cell, figure: &str, most: f64| {
                bars.insert(format!("policy.{trace}.{cell}.{ours}.{figure}"), Bar::AtMost(most));
            };
            if let Some(knative) = value(CLAIMED, "kpa.violating_minutes") {
                ask(CLAIMED, "violating_minutes", knative);
            }
            ask(CLAIMED, "cost_ratio", COST);
            ask(CLAIMED, "reversals_per_day", REVERSALS);
            ask(CLAIMED, "reversals_30min_per_day", REVERSALS);
            if let Some(hpa) = value(MATCHED, "hpa.violating_minutes") {
                ask(MATCHED, "violating_minutes", hpa * WITHIN);
            }
            ask(MATCHED, "cost_ratio_hpa", WITHIN);
        }
    }
    bars
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(name: &str, value: f64) -> Row {
        Row::measured(name.into(), "x", value, [value, value])
    }

    #[test]
    fn ours_is_held_against_what_peers_did_in_the_same_run() {
        let rows = vec![
            row("policy.t.2-30.lag150.apifleet.violating_minutes", 9.0),
            row("policy.t.2-30.lag150.kpa.violating_minutes", 8.0),
            row("policy.t.2-30.lag150.apifleet.cost_ratio", 1.1),
            row("policy.t.2-30.lag150.kpa.cost_ratio", 1.4),
            row("policy.t.10-30.lag10.apifleet.violating_minutes", 101.0),
            row("policy.t.10-30.lag10.hpa.violating_minutes", 100.0),
        ];
        let met: Vec<_> = attach(rows, &["t"]).into_iter().map(|row| row.met).collect();
        assert_eq!(met, [Some(false), None, Some(true), None, Some(true), None]);
    }

    #[test]
    fn nothing_is_asked_on_a_trace_whose_days_are_not_alike() {
        let rows = vec![row("policy.t.2-30.lag150.apifleet.cost_ratio", 9.0)];
        assert_eq!(attach(rows, &["other"]).first().and_then(|row| row.bar), None);
    }
}
