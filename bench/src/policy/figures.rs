//! The figures of one contestant in one cell. Nothing is folded into one number. Pure.

use super::outcome::Runs;
use crate::Row;
use apifleet_sim::Score;
use apifleet_sim::confidence::Interval;
use apifleet_sim::score::Day;

/// What cost is compared with.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Oracles<'a> {
    /// Knows the future of one lag.
    pub(crate) plain: Runs<'a>,
    /// The same, and never turns back within ten minutes.
    pub(crate) stable: Runs<'a>,
}

/// All figures, each named by the prefix and its own word.
pub(crate) fn of(prefix: &str, runs: Runs<'_>, oracles: Oracles<'_>) -> Vec<Row> {
    let name = |figure: &str| format!("{prefix}.{figure}");
    let mut rows = vec![
        row(name("violating_minutes"), "min", runs.total(violating)),
        row(name("replica_hours"), "h", runs.total(hours)),
        row(name("cost_ratio"), "of the stable oracle", cost(runs, oracles.stable)),
        row(name("cost_ratio_oracle"), "of the oracle", cost(runs, oracles.plain)),
        row(name("unserved_ppm"), "ppm", runs.ratio(runs, (unserved_millions, |day| day.requests))),
    ];
    rows.extend(by_the_day(&name, runs));
    rows.extend(provisioning(&name, runs));
    rows.push(reaction(name("reaction_p50_s"), runs, |score| score.reaction_p50_s));
    rows.push(reaction(name("reaction_p95_s"), runs, |score| score.reaction_p95_s));
    rows
}

/// What a setting buys and costs.
pub(crate) fn trade_off(prefix: &str, runs: Runs<'_>, stable: Runs<'_>) -> Vec<Row> {
    let name = |figure: &str| format!("{prefix}.{figure}");
    let mut rows = vec![
        violating_minutes(name("violating_minutes"), runs),
        cost_ratio(name("cost_ratio"), "of the stable oracle", runs, stable),
    ];
    rows.extend(by_the_day(&name, runs));
    rows
}

/// The minutes that miss the objective alone.
pub(crate) fn violating_minutes(name: String, runs: Runs<'_>) -> Row {
    row(name, "min", runs.total(violating))
}

/// The cost alone, against what others paid for the same work.
pub(crate) fn cost_ratio(name: String, unit: &str, runs: Runs<'_>, others: Runs<'_>) -> Row {
    row(name, unit, cost(runs, others))
}

fn cost(runs: Runs<'_>, others: Runs<'_>) -> Option<Interval> {
    runs.ratio(others, (hours, hours))
}

/// Changes of size: by the day where there are days, else their number.
fn by_the_day(name: &dyn Fn(&str) -> String, runs: Runs<'_>) -> [Row; 4] {
    let (suffix, unit) = if runs.is_by_day() { ("_per_day", "a day") } else { ("", "in all") };
    let counted = |figure: &str, count: fn(&Day) -> f64| {
        row(name(&format!("{figure}{suffix}")), unit, runs.rate(count))
    };
    let started: fn(&Score) -> f64 = if runs.is_by_day() {
        |score| score.per_day(score.pods_started)
    } else {
        |score| f64::from(score.pods_started)
    };
    [
        counted("changes", |day| f64::from(day.changes)),
        counted("reversals", |day| f64::from(day.reversals_10min)),
        counted("reversals_30min", |day| f64::from(day.reversals_30min)),
        row(name(&format!("pods_started{suffix}")), unit, runs.mean(started)),
    ]
}

/// SPEC's measures of elasticity.
fn provisioning(name: &dyn Fn(&str) -> String, runs: Runs<'_>) -> [Row; 4] {
    let share = |figure: &str, of: fn(&Score) -> f64| row(name(figure), "%", runs.mean(of));
    [
        share("a_u", |score| score.under.accuracy),
        share("t_u", |score| score.under.time),
        share("a_o", |score| score.over.accuracy),
        share("t_o", |score| score.over.time),
    ]
}

fn reaction(name: String, runs: Runs<'_>, of: fn(&Score) -> Option<f64>) -> Row {
    // A trace without such a step has no reaction to it: that is no run in which it never came.
    let seconds: Vec<_> = runs
        .outcomes()
        .iter()
        .filter(|one| one.score.steps > 0)
        .map(|one| of(&one.score))
        .collect();
    Row::median(name, "s", &seconds)
}

fn row(name: String, unit: &str, value: Option<Interval>) -> Row {
    match value {
        Some(Interval { mean, low, high }) => Row::measured(name, unit, mean, [low, high]),
        None => Row::median(name, unit, &[]),
    }
}

fn violating(day: &Day) -> f64 {
    f64::from(day.violating_minutes)
}

fn hours(day: &Day) -> f64 {
    day.replica_hours
}

fn unserved_millions(day: &Day) -> f64 {
    day.unserved * 1e6
}

#[cfg(test)]
mod tests {
    use super::super::outcome::tests::{day, outcome};
    use super::*;
    use std::collections::BTreeMap;

    fn figures(by_day: bool) -> BTreeMap<String, Row> {
        let ours = [outcome(&[day(4, 110.0), day(2, 110.0)])];
        let oracle = [outcome(&[day(0, 100.0), day(0, 100.0)])];
        let oracle = Runs::new(&oracle, by_day);
        let rows = of("p", Runs::new(&ours, by_day), Oracles { plain: oracle, stable: oracle });
        rows.into_iter().map(|row| (row.name.clone(), row)).collect()
    }

    #[test]
    fn a_long_trace_has_its_figures_by_the_day_and_a_short_one_counts() {
        let long = figures(true);
        assert_eq!(long["p.violating_minutes"].value, Some(6.0));
        assert_eq!(long["p.cost_ratio"].value, Some(1.1));
        assert_eq!(long["p.reversals_per_day"].value, Some(1.0));
        assert_eq!(long["p.pods_started_per_day"].value, Some(15.0));
        assert_eq!(long["p.unserved_ppm"].value, Some(3.0));
        let short = figures(false);
        assert_eq!(short["p.reversals"].value, Some(2.0));
        assert_eq!(short["p.pods_started"].value, Some(30.0));
        assert!(!short.contains_key("p.reversals_per_day"));
        assert_eq!(long.len(), short.len());
    }

    #[test]
    fn a_trace_without_a_step_has_no_reaction_to_one() {
        let mut calm = outcome(&[day(0, 100.0)]);
        (calm.score.steps, calm.score.reaction_p50_s) = (0, None);
        let runs = [calm, outcome(&[day(0, 100.0)])];
        let row = reaction("r".into(), Runs::new(&runs, true), |score| score.reaction_p50_s);
        assert_eq!(row.value, Some(60.0));
        let row = reaction("r".into(), Runs::new(&runs[..1], true), |score| score.reaction_p50_s);
        assert_eq!(row.value, None);
    }
}
