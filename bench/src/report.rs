//! What every bench leaves: rows, and where they come from. The table that people read, the JSON file and the tables
//! in `docs` come from the same rows. Pure.

use crate::machine::Machine;
use crate::statistics::{median, spread};
use crate::{markdown, policy, tune};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The result of a bench.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Which bench.
    pub bench: String,
    /// The checkout's commit.
    pub commit: String,
    /// The machine, when the bench began.
    pub machine: Machine,
    /// Versions by program.
    pub versions: BTreeMap<String, String>,
    /// What randomness began with; null where there is none.
    pub seed: Option<u64>,
    /// The figures.
    pub rows: Vec<Row>,
}

/// One figure.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// A dotted name, from the general to the special; stable over versions.
    pub name: String,
    /// The figure; null where it never happened.
    pub value: Option<f64>,
    /// Its unit.
    pub unit: String,
    /// The smallest and the largest of the runs.
    pub spread: [Option<f64>; 2],
    /// The figure that is asked for; null where none is.
    pub bar: Option<f64>,
    /// Whether the value is as good; null where no bar is.
    pub met: Option<bool>,
}

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Bar {
    /// This or less.
    AtMost(f64),
    /// This or more.
    AtLeast(f64),
}

// === impl Row ===

impl Row {
    /// The median of runs.
    #[must_use]
    pub fn median(name: String, unit: &str, runs: &[Option<f64>]) -> Self {
        Self::of(name, unit, median(runs), runs)
    }

    /// The mean of runs.
    #[must_use]
    pub fn mean(name: String, unit: &str, runs: &[Option<f64>]) -> Self {
        let count = u32::try_from(runs.len()).map_or(f64::NAN, f64::from);
        let sum: Option<f64> = runs.iter().copied().sum();
        let mean = sum.map(|sum| sum / count).filter(|mean| mean.is_finite());
        Self::of(name, unit, mean, runs)
    }

    /// The sum over runs.
    #[must_use]
    pub fn sum(name: String, unit: &str, runs: &[f64]) -> Self {
        let runs: Vec<_> = runs.iter().copied().map(Some).collect();
        let sum = runs.iter().flatten().sum();
        Self::of(name, unit, Some(sum), &runs)
    }

    /// The percentage of runs in which something happened.
    #[must_use]
    pub fn share(name: String, happened: &[bool]) -> Self {
        let percent = |happened: bool| if happened { 100.0 } else { 0.0 };
        let runs: Vec<_> = happened.iter().copied().map(percent).map(Some).collect();
        let count = u32::try_from(runs.len()).map_or(f64::NAN, f64::from);
        let mean = runs.iter().flatten().sum::<f64>() / count;
        Self::of(name, "% of runs", mean.is_finite().then_some(mean), &runs)
    }

    /// A figure with its own interval, where it is more than the smallest and the largest of runs.
    #[must_use]
    pub fn measured(name: String, unit: &str, value: f64, interval: [f64; 2]) -> Self {
        let runs = interval.map(Some);
        Self::of(name, unit, Some(value), &runs)
    }

    fn of(name: String, unit: &str, value: Option<f64>, runs: &[Option<f64>]) -> Self {
        let value = value.map(rounded);
        let spread = spread(runs).map(|end| end.map(rounded));
        Self { name, value, unit: unit.to_owned(), spread, bar: None, met: None }
    }

    /// The same with what is asked for. What never happened meets nothing.
    #[must_use]
    pub fn against(self, bar: Bar) -> Self {
        let met = match bar {
            Bar::AtMost(most) => self.value.is_some_and(|value| value <= rounded(most)),
            Bar::AtLeast(least) => self.value.is_some_and(|value| value >= rounded(least)),
        };
        let (Bar::AtMost(figure) | Bar::AtLeast(figure)) = bar;
        Self { bar: Some(rounded(figure)), met: Some(met), ..self }
    }
}

/// To two digits, and three of what is small, as ratios are: more would claim what was not measured.
fn rounded(value: f64) -> f64 {
    let digits = if value.abs() < 10.0 { 1000.0 } else { 100.0 };
    (value * digits).round() / digits
}

// === impl Report ===

impl Report {
    /// The report in a JSON text.
    pub fn parse(text: &[u8]) -> crate::Result<Self> {
        Ok(serde_json::from_slice(text)?)
    }

    /// The report as JSON, a line for each row: some benches have thousands.
    pub fn json(&self) -> crate::Result<String> {
        let head = serde_json::to_string(&Self { rows: Vec::new(), ..self.clone() })?;
        let rows = self.rows.iter().map(serde_json::to_string);
        let rows = rows.collect::<Result<Vec<_>, _>>()?.join(",\n");
        // The rows come last, as they are declared.
        let head = head.strip_suffix("]}").unwrap_or(&head);
        Ok(format!("{head}\n{rows}\n]}}\n"))
    }

    /// The rows as a table, with where they come from below it. It is Markdown, and reads well as it is.
    #[must_use]
    pub fn table(&self) -> String {
        let head = ["figure", "value", "unit", "smallest to largest", "asked for", "met"];
        markdown::table(&head, self.rows.iter().map(Row::cells)) + "\n" + &self.origin()
    }

    /// What people are shown: the whole table, or where it has thousands of rows what is to be said of them.
    #[must_use]
    pub fn shown(&self) -> String {
        match self.bench.as_str() {
            "policy" => policy::summary(self),
            "tune" => tune::summary(self),
            _ => self.table(),
        }
    }

    /// Where the figures come from.
    pub(crate) fn origin(&self) -> String {
        let Machine { cpu, cores, memory, kernel, load } = &self.machine;
        let versions: Vec<_> =
            self.versions.iter().map(|(name, version)| format!("{name} {version}")).collect();
        let seed = self.seed.map_or_else(String::new, |seed| format!(", seed {seed}"));
        format!(
            "Commit {}{seed}; {cpu}, {cores} cores, {memory}, Linux {kernel}, load {load} before; {}.\n",
            self.commit,
            versions.join(", ")
        )
    }
}

impl Row {
    fn cells(&self) -> Vec<String> {
        let figure =
            |value: Option<f64>| value.map_or_else(|| "never".to_owned(), |v| v.to_string());
        let [smallest, largest] = self.spread.map(figure);
        let met = self.met.map_or("", |met| if met { "yes" } else { "no" });
        vec![
            self.name.clone(),
            figure(self.value),
            self.unit.clone(),
            format!("{smallest} to {largest}"),
            self.bar.map_or_else(String::new, |bar| bar.to_string()),
            met.to_owned(),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn report(rows: Vec<Row>) -> Report {
        Report {
            bench: "reaction".into(),
            commit: "abc".into(),
            machine: Machine { cpu: "a chip".into(), cores: 2, ..Machine::default() },
            versions: BTreeMap::from([("keda".into(), "v2.21.0".into())]),
            seed: None,
            rows,
        }
    }

    fn runs(values: &[f64]) -> Vec<Option<f64>> {
        values.iter().copied().map(Some).collect()
    }

    #[test]
    fn a_report_is_the_one_format() {
        let row = Row::median("reaction.x.ready_s".into(), "s", &runs(&[20.004, 31.0, 22.0]));
        let text = report(vec![row.against(Bar::AtMost(29.0))]).json().expect("JSON");
        let value: Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!(value["seed"], Value::Null);
        assert_eq!(value["machine"]["cores"], 2);
        assert_eq!(
            value["rows"][0],
            json!({
                "name": "reaction.x.ready_s", "value": 22.0, "unit": "s", "spread": [20.0, 31.0],
                "bar": 29.0, "met": true,
            })
        );
    }

    #[test]
    fn a_report_comes_back_as_it_was_written_and_other_texts_are_refused() {
        let written = report(vec![Row::median("a".into(), "s", &[Some(1.0), None, None])]);
        let text = written.json().expect("JSON");
        assert_eq!(Report::parse(text.as_bytes()).expect("a report"), written);
        let error = Report::parse(b"{}").expect_err("nothing of a report");
        assert!(error.to_string().contains("cargo xtask bench"), "{error}");
    }

    #[test]
    fn a_bar_is_met_from_its_own_side_only_and_never_by_what_never_happened() {
        let row = |value: Option<f64>| Row::median("a".into(), "s", &[value]);
        let met = |value, bar| row(value).against(bar).met == Some(true);
        assert!(met(Some(8.0), Bar::AtMost(8.0)) && !met(Some(8.1), Bar::AtMost(8.0)));
        assert!(met(Some(1.0), Bar::AtLeast(1.0)) && !met(Some(0.8), Bar::AtLeast(1.0)));
        assert!(!met(None, Bar::AtMost(8.0)) && !met(None, Bar::AtLeast(1.0)));
        assert_eq!(row(Some(1.0)).met, None);
    }

    #[test]
    fn the_table_has_every_row_and_says_where_it_comes_from() {
        let rows = vec![
            Row::median("a.b_s".into(), "s", &runs(&[1.5])).against(Bar::AtMost(1.0)),
            Row::median("a.c_s".into(), "s", &[Some(2.0), None, None]),
            Row::sum("a.failed".into(), "requests", &[1.0, 2.0]),
        ];
        let table = report(rows).table();
        let lines: Vec<_> = table.lines().collect();
        let cells = |line: &str| line.split('|').map(str::trim).collect::<Vec<_>>().join(" ");
        assert_eq!(cells(lines[2]).trim(), "a.b_s 1.5 s 1.5 to 1.5 1 no");
        assert!(lines[3].contains("never") && lines[3].contains("2 to never"), "{table}");
        assert_eq!(cells(lines[4]).trim(), "a.failed 3 requests 1 to 2");
        assert!(lines[6].contains("abc") && lines[6].contains("keda v2.21.0"), "{table}");
    }
}
