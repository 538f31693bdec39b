//! The figures of decisions, beside what is asked for. Pure.

use super::table::Timed;
use crate::{Bar, Row};
use std::collections::BTreeMap;

/// The rows. The bar is held against the slowest of the shapes, but for the extreme one.
pub(crate) fn of(
    shapes: &[&str],
    extreme: &str,
    timed: &BTreeMap<String, Timed>,
    instructions: &BTreeMap<String, Vec<f64>>,
) -> Result<Vec<Row>, String> {
    let of_shape = |name: &str| {
        timed.get(name).copied().ok_or_else(|| format!("the table of divan has no `{name}`"))
    };
    let each = shapes.iter().map(|shape| Ok((*shape, of_shape(shape)?)));
    let each = each.collect::<Result<Vec<_>, String>>()?;
    let medians = || each.iter().map(|(_, timed)| timed.median * 1e6);
    let slowest = medians().fold(0.0, f64::max);
    let spread = [medians().fold(f64::INFINITY, f64::min), slowest];
    let december = of_shape("december")?;
    let mut rows = vec![
        Row::measured("core.decide.median_us".into(), "µs", slowest, spread)
            .against(Bar::AtMost(4.0)),
        Row::measured(
            "core.december.seconds".into(),
            "s",
            december.median,
            [december.fastest, december.slowest],
        )
        .against(Bar::AtMost(1.0)),
    ];
    let all = each.into_iter().chain([(extreme, of_shape(extreme)?)]);
    for (shape, timed) in all {
        rows.extend(rows_of(shape, timed));
        if let Some(counts) = instructions.get(shape) {
            let counts: Vec<_> = counts.iter().copied().map(Some).collect();
            let name = format!("core.decide.{shape}.instructions");
            rows.push(Row::median(name, "instructions", &counts));
        }
    }
    Ok(rows)
}

fn rows_of(shape: &str, timed: Timed) -> [Row; 3] {
    let name = |figure: &str| format!("core.decide.{shape}.{figure}");
    let Timed { fastest, slowest, median, allocations, allocated_bytes } = timed;
    let micros = [fastest * 1e6, slowest * 1e6];
    let counted = |figure, unit, value| Row::measured(name(figure), unit, value, [value, value]);
    [
        Row::measured(name("median_us"), "µs", median * 1e6, micros),
        counted("allocations", "per decision", allocations),
        counted("allocated_bytes", "per decision", allocated_bytes),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn timed(median: f64) -> Timed {
        let (fastest, slowest) = (median / 2.0, median * 10.0);
        Timed { fastest, slowest, median, allocations: 9.0, allocated_bytes: 1200.0 }
    }

    fn measured(busiest: f64) -> BTreeMap<String, Row> {
        let all = [("calm", 1e-6), ("burst", busiest), ("december", 0.6), ("most", 2e-5)];
        let all = all.map(|(name, median)| (name.to_owned(), timed(median)));
        let counts = BTreeMap::from([("calm".to_owned(), vec![9000.0, 9000.0])]);
        let rows = of(&["calm", "burst"], "most", &all.into(), &counts).expect("rows");
        rows.into_iter().map(|row| (row.name.clone(), row)).collect()
    }

    #[test]
    fn the_bar_is_held_against_the_slowest_shape() {
        let rows = measured(3.5e-6);
        let decide = &rows["core.decide.median_us"];
        assert_eq!((decide.value, decide.bar, decide.met), (Some(3.5), Some(4.0), Some(true)));
        assert_eq!(decide.spread, [Some(1.0), Some(3.5)]);
        assert_eq!(measured(4.2e-6)["core.decide.median_us"].met, Some(false));
        assert_eq!(rows["core.december.seconds"].met, Some(true));
    }

    #[test]
    fn each_shape_has_its_time_its_allocations_and_its_instructions() {
        let rows = measured(3.5e-6);
        assert_eq!(rows["core.decide.burst.median_us"].spread, [Some(1.75), Some(35.0)]);
        assert_eq!(rows["core.decide.calm.allocations"].value, Some(9.0));
        assert_eq!(rows["core.decide.calm.instructions"].spread, [Some(9000.0), Some(9000.0)]);
        assert!(!rows.contains_key("core.decide.burst.instructions"), "it was not counted");
        assert_eq!(rows["core.decide.most.median_us"].bar, None);
    }

    #[test]
    fn a_shape_that_was_not_measured_is_named() {
        let error = of(&["calm"], "most", &BTreeMap::new(), &BTreeMap::new()).expect_err("refused");
        assert!(error.contains("`calm`"), "{error}");
    }
}
