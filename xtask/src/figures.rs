//! The figures of the README: written from the report of the run that its picture shows, never by hand.

use anyhow::Context;
use serde_json::Value;

const BEGIN: &str = "<!-- figures: begin -->\n";
const END: &str = "<!-- figures: end -->";

/// The text with the figures of a report between its marks.
pub(crate) fn written_into(text: &str, report: &[u8]) -> anyhow::Result<String> {
    let missing = || format!("README.md has no `{}` before `{END}`", BEGIN.trim());
    let (before, rest) = text.split_once(BEGIN).with_context(missing)?;
    let (_, after) = rest.split_once(END).with_context(missing)?;
    let report = serde_json::from_slice(report).context("read the report of a run")?;
    Ok(format!("{before}{BEGIN}{}{END}{after}", table(&report)))
}

fn table(report: &Value) -> String {
    let figure = |path: &str| match report.pointer(path) {
        None | Some(Value::Null) => "?".to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(number) => number.to_string(),
    };
    // Text between braces is a path into the report.
    let fill = |template: &str| {
        let mut parts = template.split(['{', '}']);
        let mut filled = parts.next().unwrap_or_default().to_owned();
        while let (Some(path), Some(text)) = (parts.next(), parts.next()) {
            filled.push_str(&figure(path));
            filled.push_str(text);
        }
        filled
    };
    let rows = ROWS.iter().map(|(name, value)| format!("| {name} | {} |\n", fill(value)));
    format!("| one run | |\n|---|---|\n{}", rows.collect::<String>())
}

const ROWS: [(&str, &str); 7] = [
    ("replicas", "{/replicas/start}, {/replicas/peak} at the peak, {/replicas/end} at the end"),
    (
        "from the load step",
        "first decision {/reaction/decision_s} s, all {/replicas/peak} Ready {/reaction/ready_s} s",
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

    #[test]
    fn figures_replace_what_is_between_the_marks_and_nothing_else() {
        let text = format!("above\n{BEGIN}old\n{END}\nbelow\n");
        let report = br#"{"requests": {"total": 12, "failed": 0}, "replicas": {"peak": 30}}"#;
        let written = written_into(&text, report).expect("written");
        assert!(written.starts_with("above\n") && written.ends_with("\nbelow\n"), "{written}");
        assert!(written.contains("| requests | 12 sent, 0 failed; p95 ? ms"), "{written}");
        assert!(!written.contains("old"));
        let again = written_into(&written, report).expect("written");
        assert_eq!(again, written);
    }

    #[test]
    fn a_text_without_marks_and_a_report_that_is_none_are_refused() {
        assert!(written_into("no marks", b"{}").is_err());
        assert!(written_into(&format!("{BEGIN}{END}"), b"not json").is_err());
    }
}
