//! Findings as a screen, as a document, and as what the run ends with. Pure.

use super::finding::{Finding, Verdict};
use crate::page::Page;
use crate::settings::Columns;
use crate::table::{Grid, Text, Tone, plain, toned};
use serde::Serialize;

/// The document.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report<'a> {
    ok: usize,
    warnings: usize,
    failed: usize,
    skipped: usize,
    checks: Vec<Entry<'a>>,
}

/// A finding in the document.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Entry<'a> {
    code: &'static str,
    title: &'static str,
    verdict: &'static str,
    fleet: Option<&'a str>,
    message: &'a str,
    proves: &'static str,
    fix: &'static str,
    docs: String,
}

/// The findings as people read them: each on a line, with what helps under those that are not as they should be.
#[must_use]
pub fn screen(findings: &[Finding], columns: Columns, width: Option<u16>) -> String {
    let mut page = Page::new(width);
    for (index, group) in findings.chunk_by(|one, other| one.fleet == other.fleet).enumerate() {
        let fleet = group.first().and_then(|finding| finding.fleet.as_deref());
        if index > 0 {
            page = page.gap();
        }
        page = page.line([toned(Tone::Strong, fleet.unwrap_or("cluster"))]);
        let mut grid = Grid::default();
        for finding in group {
            rows(finding, columns, &mut grid);
        }
        page = page.grid(&grid);
    }
    page.finish()
}

fn rows(finding: &Finding, columns: Columns, grid: &mut Grid) {
    let Finding { check, verdict, fleet: _, says } = finding;
    let says = format!("{}: {says}", check.title);
    let text = if *verdict == Verdict::Skipped { toned(Tone::Dim, says) } else { plain(says) };
    grid.push(vec![plain(check.code), word(*verdict), text]);
    let under = |text: String| vec![plain(""), plain(""), toned(Tone::Dim, text)];
    if matches!(verdict, Verdict::Warning | Verdict::Failed) {
        grid.push(under(format!("{}; {}", check.fix, check.docs())));
    } else if columns == Columns::Wide {
        grid.push(under(check.proves.to_owned()));
    }
}

fn word(verdict: Verdict) -> Text {
    let tone = match verdict {
        Verdict::Ok => Tone::Good,
        Verdict::Warning => Tone::Note,
        Verdict::Failed => Tone::Bad,
        Verdict::Skipped => Tone::Dim,
    };
    toned(tone, verdict.as_str())
}

/// The findings as a document.
#[must_use]
pub fn report(findings: &[Finding]) -> Report<'_> {
    let count = |verdict| findings.iter().filter(|it| it.verdict == verdict).count();
    Report {
        ok: count(Verdict::Ok),
        warnings: count(Verdict::Warning),
        failed: count(Verdict::Failed),
        skipped: count(Verdict::Skipped),
        checks: findings.iter().map(entry).collect(),
    }
}

fn entry(finding: &Finding) -> Entry<'_> {
    let Finding { check, verdict, fleet, says } = finding;
    Entry {
        code: check.code,
        title: check.title,
        verdict: verdict.as_str(),
        fleet: fleet.as_deref(),
        message: says,
        proves: check.proves,
        fix: check.fix,
        docs: check.docs(),
    }
}

/// The codes that failed, each once, in order.
#[must_use]
pub fn failed(findings: &[Finding]) -> Vec<&'static str> {
    let mut codes: Vec<&str> = findings
        .iter()
        .filter(|finding| finding.verdict == Verdict::Failed)
        .map(|finding| finding.check.code)
        .collect();
    codes.sort_unstable();
    codes.dedup();
    codes
}

/// How it went, in one line.
#[must_use]
pub fn summary(findings: &[Finding]) -> String {
    let Report { ok, warnings, failed, skipped, checks: _ } = report(findings);
    format!("{ok} ok, {warnings} warnings, {failed} failed, {skipped} skipped")
}
