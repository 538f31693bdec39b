//! The figures of all scales, beside what is asked for. Pure.

use super::scale::Scale;
use crate::statistics::exponent;
use crate::{Bar, Row};

/// What one scale showed.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Figures {
    /// Seconds from the operator's start until every fleet had been decided once.
    pub(crate) cold_start: f64,
    /// Memory in MiB, as it was seen again and again over the window.
    pub(crate) rss: Vec<f64>,
    /// The most memory since the start, in MiB.
    pub(crate) peak: f64,
    /// What the window showed.
    pub(crate) window: Window,
    /// Seconds from edits of specs to their writes.
    pub(crate) edits: Vec<Option<f64>>,
}

/// What a window in which nothing changes showed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Window {
    /// How long it was, in seconds.
    pub(crate) seconds: f64,
    /// Seconds of a processor that the operator used.
    pub(crate) cpu: f64,
    /// Seconds of a processor that Prometheus used beyond what it uses without the operator.
    pub(crate) prometheus_cpu: f64,
    /// Passes in which at least one fleet was due, with the reconciles that they started.
    pub(crate) rounds: f64,
    /// Seconds that these took together.
    pub(crate) round_seconds: f64,
    /// Decisions.
    pub(crate) decisions: f64,
    /// Queries to Prometheus.
    pub(crate) queries: f64,
    /// Writes of Deployments.
    pub(crate) spec_writes: f64,
    /// Writes of fleets' status.
    pub(crate) status_writes: f64,
    /// Requests of any kind to the API server about what the operator looks at.
    pub(crate) requests: f64,
    /// Failed reconciles.
    pub(crate) errors: f64,
}

impl Window {
    /// Seconds of work for as many decisions as there are fleets, however many rounds they came in.
    fn full_pass(&self, scale: Scale) -> Option<f64> {
        ratio(self.round_seconds * f64::from(scale.fleets), self.decisions)
    }

    fn cpu_percent(&self) -> Option<f64> {
        ratio(self.cpu * 100.0, self.seconds)
    }

    fn queries(&self) -> Option<f64> {
        ratio(self.queries, self.rounds)
    }
}

/// Nothing is the ratio to nothing.
fn ratio(part: f64, whole: f64) -> Option<f64> {
    (whole > 0.0).then(|| part / whole)
}

/// What is asked for at a scale.
struct Bars {
    rss: Option<f64>,
    pass: Option<f64>,
    edit: Option<f64>,
}

impl Bars {
    fn of(scale: Scale) -> Self {
        match scale.fleets {
            1_000 => Self { rss: Some(64.0), pass: Some(2.0), edit: Some(2.0) },
            10_000 => Self { rss: Some(256.0), pass: None, edit: None },
            _ => Self { rss: None, pass: None, edit: None },
        }
    }
}

/// The rows of every scale, and how what matters grows from one to the next.
pub(crate) fn of(all: &[(Scale, Figures)]) -> Vec<Row> {
    let scales = all.iter().flat_map(|(scale, figures)| of_scale(*scale, figures));
    scales.chain(growth(all)).collect()
}

fn of_scale(scale: Scale, figures: &Figures) -> Vec<Row> {
    let Figures { cold_start, rss, peak, window, edits } = figures;
    let name = |figure: &str| format!("operator.{}.{figure}", scale.fleets);
    let one =
        |figure: &str, unit: &str, value: Option<f64>| Row::median(name(figure), unit, &[value]);
    let at_most = |row: Row, bar: Option<f64>| match bar {
        Some(bar) => row.against(Bar::AtMost(bar)),
        None => row,
    };
    let bars = Bars::of(scale);
    let rss: Vec<_> = rss.iter().copied().map(Some).collect();
    let slowest = edits.iter().copied().max_by(|a, b| {
        let or_never = |seconds: &Option<f64>| seconds.unwrap_or(f64::INFINITY);
        or_never(a).total_cmp(&or_never(b))
    });
    let (fleets, hours) = (f64::from(scale.fleets), window.seconds / 3600.0);
    vec![
        one("pods", "pods", Some(f64::from(scale.pods) * fleets)),
        one("cold_start_s", "s", Some(*cold_start)),
        at_most(one("pass_s", "s", window.full_pass(scale)), bars.pass),
        one("cpu_percent", "% of a core", window.cpu_percent()),
        at_most(Row::median(name("rss_mib"), "MiB", &rss), bars.rss),
        at_most(one("rss_peak_mib", "MiB", Some(*peak)), bars.rss),
        at_most(Row::median(name("spec_to_scale_s"), "s", edits), bars.edit),
        at_most(one("spec_to_scale_max_s", "s", slowest.flatten()), bars.edit),
        one("prometheus_queries", "per pass", window.queries()),
        one("prometheus_cpu_s", "s per pass", ratio(window.prometheus_cpu, window.rounds)),
        one("api_requests", "per s", ratio(window.requests, window.seconds)),
        at_most(one("spec_writes", "writes", Some(window.spec_writes)), Some(0.0)),
        at_most(
            one("status_writes", "per hour and fleet", ratio(window.status_writes, hours * fleets)),
            Some(12.0),
        ),
        at_most(one("errors", "reconciles", Some(window.errors)), Some(0.0)),
    ]
}

/// The exponents by which figures grow with the number of fleets, from the scales that differ in nothing else; 1 is
/// linear. None where there is only one such scale.
fn growth(all: &[(Scale, Figures)]) -> Vec<Row> {
    let thin: Vec<_> = all.iter().filter(|(scale, _)| scale.is_thin()).collect();
    let row = |figure: &str, most: f64, value: &dyn Fn(Scale, &Figures) -> Option<f64>| {
        let points: Option<Vec<_>> = thin
            .iter()
            .map(|(scale, figures)| Some((f64::from(scale.fleets), value(*scale, figures)?)))
            .collect();
        let exponent = exponent(&points?)?;
        let name = format!("operator.growth.{figure}");
        let row = Row::median(name, "exponent", &[Some(exponent)]);
        Some(row.against(Bar::AtMost(most)))
    };
    let rows = [
        row("rss", 1.0, &|_, figures| {
            let rss: Vec<_> = figures.rss.iter().copied().map(Some).collect();
            crate::statistics::median(&rss)
        }),
        row("pass", 1.0, &|scale, figures| figures.window.full_pass(scale)),
        row("cpu", 1.0, &|_, figures| figures.window.cpu_percent()),
        // The same number whatever the scale, but for a pass that was split in two by chance.
        row("prometheus_queries", 0.05, &|_, figures| figures.window.queries()),
    ];
    rows.into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn figures(scale: Scale) -> Figures {
        let fleets = f64::from(scale.fleets);
        Figures {
            cold_start: 3.0,
            rss: vec![20.0 + fleets / 50.0, 18.0 + fleets / 50.0, 22.0 + fleets / 50.0],
            peak: 60.0,
            window: Window {
                seconds: 300.0,
                cpu: 30.0,
                prometheus_cpu: 7.5,
                rounds: 75.0,
                round_seconds: fleets * 0.015,
                decisions: 75.0 * fleets,
                queries: 600.0,
                spec_writes: 0.0,
                status_writes: fleets,
                requests: 3.0 * fleets,
                errors: 0.0,
            },
            edits: vec![Some(0.5), Some(0.7), Some(1.1)],
        }
    }

    fn rows(fleets: &[u32]) -> BTreeMap<String, Row> {
        let scales = fleets.iter().map(|fleets| Scale::of(*fleets));
        let all: Vec<_> = scales.map(|scale| (scale, figures(scale))).collect();
        of(&all).into_iter().map(|row| (row.name.clone(), row)).collect()
    }

    #[test]
    fn a_thousand_fleets_are_held_against_what_is_asked_for() {
        let rows = rows(&[1_000]);
        let row = |figure: &str| &rows[&format!("operator.1000.{figure}")];
        let (rss, pass) = (row("rss_mib"), row("pass_s"));
        assert_eq!((rss.value, rss.bar, rss.met), (Some(40.0), Some(64.0), Some(true)));
        assert_eq!(rss.spread, [Some(38.0), Some(42.0)]);
        assert_eq!((pass.value, pass.bar, pass.met), (Some(0.2), Some(2.0), Some(true)));
        assert_eq!(
            (row("spec_to_scale_s").value, row("spec_to_scale_max_s").value),
            (Some(0.7), Some(1.1))
        );
        assert_eq!(
            (row("prometheus_queries").value, row("prometheus_cpu_s").value),
            (Some(8.0), Some(0.1))
        );
        assert_eq!((row("cpu_percent").value, row("api_requests").value), (Some(10.0), Some(10.0)));
        assert_eq!(
            (row("status_writes").value, row("status_writes").met),
            (Some(12.0), Some(true))
        );
        assert_eq!(row("pods").value, Some(10_000.0));
    }

    #[test]
    fn a_write_that_never_came_meets_nothing() {
        let scale = Scale::of(1_000);
        let mut figures = figures(scale);
        figures.edits = vec![Some(0.1), None, Some(0.2)];
        let rows = of_scale(scale, &figures);
        let slowest = rows.iter().find(|row| row.name.ends_with("spec_to_scale_max_s"));
        assert_eq!(slowest.map(|row| (row.value, row.met)), Some((None, Some(false))));
    }

    #[test]
    fn one_write_of_a_spec_or_one_status_too_many_is_a_failure() {
        let scale = Scale::of(100);
        let mut figures = figures(scale);
        figures.window.spec_writes = 1.0;
        figures.window.status_writes = 101.0;
        let failed: Vec<_> = of_scale(scale, &figures)
            .into_iter()
            .filter(|row| row.met == Some(false))
            .map(|row| row.name)
            .collect();
        assert_eq!(failed, ["operator.100.spec_writes", "operator.100.status_writes"]);
    }

    #[test]
    fn an_operator_that_decided_nothing_has_no_pass() {
        let scale = Scale::of(1_000);
        let mut figures = figures(scale);
        figures.window = Window { decisions: 0.0, rounds: 0.0, ..figures.window };
        let rows = of_scale(scale, &figures);
        let pass = rows.iter().find(|row| row.name.ends_with("pass_s")).expect("a row");
        assert_eq!((pass.value, pass.met), (None, Some(false)));
    }

    #[test]
    fn growth_is_of_scales_that_differ_in_fleets_alone_and_absent_where_that_is_one() {
        let all = rows(&[100, 1_000, 5_000, 10_000]);
        let pass = &all["operator.growth.pass"];
        assert_eq!((pass.value, pass.met), (Some(1.0), Some(true)));
        assert_eq!(all["operator.growth.prometheus_queries"].value, Some(0.0));
        assert!(all["operator.growth.rss"].value.is_some_and(|exponent| exponent < 1.0));
        assert!(rows(&[100, 1_000]).keys().all(|name| !name.contains("growth")));
    }
}
