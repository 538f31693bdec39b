//! The figures in the README and in `docs`: written from the reports of runs, never by hand. Those of the README are
//! of the run that its picture shows; those of a bench are what it shows itself.

use anyhow::Context;
use apifleet_bench::Report;
use serde_json::Value;

/// The text with the figures of a report of `up` between its marks.
pub(crate) fn of_up(text: &str, report: &[u8]) -> anyhow::Result<String> {
    let report = serde_json::from_slice(report).context("read the report of a run")?;
    between_marks(text, "figures", &table(&report)?)
}

/// The text with the table of a bench between its marks; before the first measurement it says so.
pub(crate) fn of_bench(text: &str, bench: &str, report: Option<&[u8]>) -> anyhow::Result<String> {
    let table = match report {
        None => format!("Not measured yet: `cargo xtask bench {bench}`.\n"),
        Some(report) => Report::parse(report).with_context(|| format!("bench {bench}"))?.shown(),
    };
    between_marks(text, &format!("bench {bench}"), &table)
}

fn between_marks(text: &str, what: &str, content: &str) -> anyhow::Result<String> {
    let (begin, end) = (format!("<!-- {what}: begin -->\n"), format!("<!-- {what}: end -->"));
    let missing = || format!("there is no `{}` before `{end}`", begin.trim());
    let (before, rest) = text.split_once(&begin).with_context(missing)?;
    let (_, after) = rest.split_once(&end).with_context(missing)?;
    Ok(format!("{before}{begin}{content}{end}{after}"))
}

fn table(report: &Value) -> anyhow::Result<String> {
    let figure = |path: &str| match report.pointer(path) {
        None => Err(anyhow::anyhow!("the report has no {path}: make it anew")),
        Some(Value::Null) => Ok("never".to_owned()),
        Some(Value::String(text)) => Ok(text.clone()),
        Some(number) => Ok(number.to_string()),
    };
    // Text between braces is a path into the report.
    let fill = |template: &str| -> anyhow::Result<String> {
        let mut parts = template.split(['{', '}']);
        let mut filled = parts.next().unwrap_or_default().to_owned();
        while let (Some(path), Some(text)) = (parts.next(), parts.next()) {
            filled.push_str(&figure(path)?);
            filled.push_str(text);
        }
        Ok(filled)
    };
    let mut table = "| one run | |\n|---|---|\n".to_owned();
    for (name, value) in ROWS {
        table.push_str(&["| ", name, " | ", &fill(value)?, " |\n"].concat());
    }
    Ok(table)
}

const ROWS: [(&str, &str); 8] = [
    (
        "replicas",
        "{/replicas/night} at night, {/replicas/floor} when the window opens, {/replicas/opening} at the peak, \
         {/replicas/evening} in the evening",
    ),
    (
        "pre-warm",
        "all {/prewarm/floor} of the floor Ready {/prewarm/ready_before_window_s} s before the window",
    ),
    (
        "spot node taken at the peak",
        "{/spot/replicas} replicas with {/spot/notice_s} s notice; covered after {/spot/cover_ready_s} s; \
         {/spot/failed} requests failed",
    ),
    (
        "requests",
        "{/requests/total} sent, {/requests/failed} failed; p95 {/requests/p95_ms} ms, \
         p99 {/requests/p99_ms} ms from the instant at which each was due",
    ),
    (
        "requests per replica",
        "largest over smallest {/requests/per_replica_max_over_min}, last 150 s of the peak",
    ),
    ("claims", "{/claims/acknowledged} acknowledged, {/claims/stored} stored"),
    ("cluster and fleet Ready", "{/seconds/cluster} s, with everything built"),
    ("machine", "{/machine/cpu}, {/machine/cores} cores, Linux {/machine/kernel}"),
];

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "above\n<!-- figures: begin -->\nold\n<!-- figures: end -->\n\
                        between\n<!-- bench x: begin -->\nold\n<!-- bench x: end -->\nbelow\n";

    const REPORT: &str = r#"{
        "replicas": {"night": 10, "floor": 20, "opening": 30, "evening": 10},
        "prewarm": {"floor": 20, "ready_before_window_s": 49.2},
        "spot": {"replicas": 8, "notice_s": 30.0, "cover_ready_s": 5.8, "failed": 0},
        "requests": {"total": 12, "failed": 0, "p95_ms": 4.5, "p99_ms": 9, "per_replica_max_over_min": 1.5},
        "claims": {"acknowledged": 1, "stored": 1}, "seconds": {"cluster": 15.1},
        "machine": {"cpu": "c", "cores": 2, "kernel": "k"}}"#;

    #[test]
    fn figures_replace_what_is_between_their_marks_and_nothing_else() {
        let report = REPORT.as_bytes();
        let written = of_up(TEXT, report).expect("written");
        assert!(written.starts_with("above\n") && written.ends_with("\nbelow\n"), "{written}");
        assert!(written.contains("| requests | 12 sent, 0 failed; p95 4.5 ms"), "{written}");
        assert_eq!(written.matches("old").count(), 1, "the bench's stay: {written}");
        assert_eq!(of_up(&written, report).expect("written"), written);
    }

    #[test]
    fn a_figure_that_was_not_seen_is_said_and_one_that_is_missing_is_refused() {
        let never = REPORT.replace("49.2", "null");
        let written = of_up(TEXT, never.as_bytes()).expect("written");
        assert!(written.contains("Ready never s before the window"), "{written}");
        let error = of_up(TEXT, REPORT.replace("claims", "other").as_bytes()).expect_err("refused");
        assert!(error.to_string().contains("/claims/acknowledged"), "{error}");
    }

    #[test]
    fn a_bench_has_its_own_table_or_says_that_it_was_not_measured() {
        let report = br#"{"bench": "x", "commit": "abc", "seed": null, "versions": {},
            "machine": {"cpu": "c", "cores": 2, "memory": "1 GiB", "kernel": "k", "load": 0},
            "rows": [{"name": "x.a_s", "value": 1.5, "unit": "s", "spread": [1, 2], "bar": 2, "met": true}]}"#;
        let written = of_bench(TEXT, "x", Some(report)).expect("written");
        assert!(written.contains("| x.a_s") && written.contains("1 to 2"), "{written}");
        let written = of_bench(&written, "x", None).expect("written");
        assert!(written.contains("`cargo xtask bench x`") && !written.contains("x.a_s"));
    }

    #[test]
    fn a_text_without_marks_and_a_report_that_is_none_are_refused() {
        assert!(of_up("no marks", b"{}").is_err());
        assert!(of_up(TEXT, b"not json").is_err());
        assert!(of_bench(TEXT, "y", None).is_err());
        assert!(of_bench(TEXT, "x", Some(b"{}")).is_err());
    }
}
