//! The page and the sentences of a comparison, from runs that are made up.

use super::page::html;
use super::*;
use crate::score::Provisioning;
use crate::series::Series;
use serde_json::Value;

/// A run of so many calm minutes.
pub(super) fn run(policy: &str, minutes: u32) -> Run {
    let start: Timestamp = "2026-12-08T00:00:00Z".parse().expect("an instant");
    let mut series = Series::new(start, 0);
    for minute in 0..minutes {
        series.demand.push(f64::from(600 + minute % 7));
        series.wanted.push(12 + minute % 3);
        series.ready.push(12);
        series.p95_millis.push(41.5);
        series.unserved.push(0.0);
    }
    Run { policy: policy.to_owned(), seed: 7, series, score: score(minutes), days: Vec::new() }
}

fn score(minutes: u32) -> Score {
    Score {
        minutes,
        violating_minutes: 0,
        worst_minute: None,
        replica_hours: f64::from(minutes) / 5.0,
        requests: f64::from(minutes) * 36_000.0,
        unserved_ppm: 0.0,
        under: Provisioning { accuracy: 0.0, time: 0.0 },
        over: Provisioning { accuracy: 5.0, time: 40.0 },
        changes: 9,
        reversals_10min: 3,
        reversals_30min: 4,
        pods_started: 12,
        days: f64::from(minutes) / 1440.0,
        steps: 0,
        reaction_p50_s: None,
        reaction_p95_s: None,
    }
}

/// Ours first, then peers, without an oracle or a limit.
pub(super) fn comparison(runs: Vec<Run>) -> Comparison {
    let end = runs.first().map_or(Timestamp::UNIX_EPOCH, |run| run.series.start);
    let role = |at: usize| if at == 0 { Role::Ours } else { Role::Peer };
    let entries = runs.into_iter().enumerate();
    Comparison {
        work: Work {
            subject: "shop/shop-api".to_owned(),
            source: "a synthetic campaign".to_owned(),
            start: end,
            end,
            zone: TimeZone::get("Europe/Paris").expect("a zone"),
            bounds: (10, 30),
            lag: 30,
            seed: 7,
            target_per_replica: 50.0,
        },
        entries: entries.map(|(at, run)| Entry { role: role(at), run }).collect(),
        oracle: None,
        most_under_percent: None,
    }
}

fn answer(comparison: &Comparison) -> String {
    words::answer(comparison, &comparison.outcomes())
}

/// The data that a page carries.
fn carried(page: &str) -> Value {
    let (_, rest) = page.split_once("id=\"data\">").expect("data");
    let (data, _) = rest.split_once("</script>").expect("its end");
    serde_json::from_str(data).expect("JSON")
}

#[test]
fn the_answer_is_one_sentence_with_minutes_cost_and_the_first_peer() {
    let mut comparison =
        comparison(vec![run("ours", 34_560), run("hpa", 34_560), run("kpa", 34_560)]);
    assert_eq!(
        answer(&comparison),
        "With shop/shop-api, none of 34,560 minutes is too slow, for 6,912 replica hours; with hpa it would be none."
    );
    comparison.entries[0].run.score.violating_minutes = 12;
    comparison.entries[1].run.score.violating_minutes = 1234;
    comparison.oracle = Some(Score { replica_hours: 6400.0, ..score(34_560) });
    assert_eq!(
        answer(&comparison),
        "With shop/shop-api, 12 of 34,560 minutes (0.03 %) are too slow or turn requests away, for 6,912 replica \
         hours, 1.08 times what knowing the future would need; with hpa it would be 1,234, at 1.08 times."
    );
}

#[test]
fn one_slow_minute_is_one() {
    let mut comparison = comparison(vec![run("ours", 60)]);
    comparison.entries[0].run.score.violating_minutes = 1;
    assert!(
        answer(&comparison).contains("1 of 60 minutes is too slow or turns"),
        "{}",
        answer(&comparison)
    );
}

#[test]
fn nothing_simulated_is_said_and_has_no_verdict() {
    let comparison = Comparison { most_under_percent: Some(1.0), ..comparison(Vec::new()) };
    assert_eq!(answer(&comparison), "Nothing was simulated.");
    assert_eq!(comparison.verdict(), None);
    assert!(html(&comparison).is_ok());
}

#[test]
fn a_limit_is_kept_up_to_itself() {
    let mut comparison = comparison(vec![run("ours", 1000)]);
    comparison.entries[0].run.score.violating_minutes = 10;
    let met = |most| Comparison { most_under_percent: Some(most), ..comparison.clone() };
    assert!(met(1.0).verdict().expect("a limit").met);
    assert!(!met(0.99).verdict().expect("a limit").met);
    assert!(
        html(&met(0.99))
            .expect("a page")
            .contains("1.00 % under-provisioned is over the limit of 0.99 %.")
    );
}

#[test]
fn the_worst_minute_is_told_on_the_clocks_of_the_zone() {
    let mut comparison = comparison(vec![run("ours", 60)]);
    comparison.entries[0].run.score.worst_minute = "2026-12-08T07:01:00Z".parse().ok();
    let cells = words::cells(&comparison.outcomes()[0], &comparison.work.zone);
    assert_eq!(cells, ["0", "0 %", "12", "-", "9", "72.0", "2026-12-08 08:01"]);
}

#[test]
fn a_little_is_not_nothing_and_thousands_are_apart() {
    let shares = [0.0, 0.001, 0.5, 9.999, 12.34, 100.0].map(words::share);
    assert_eq!(shares, ["0 %", "< 0.01 %", "0.50 %", "10.00 %", "12.3 %", "100.0 %"]);
    assert_eq!(
        [0.0, 999.4, 1000.0, 1_234_567.0].map(words::count),
        ["0", "999", "1,000", "1,234,567"]
    );
}

#[test]
fn names_of_others_are_text_wherever_they_stand() {
    let hostile = "</script><script>alert(1)</script><img src=x onerror=alert(2)>";
    let mut comparison = comparison(vec![run(hostile, 3), run(hostile, 3)]);
    (comparison.work.subject, comparison.work.source) = (hostile.to_owned(), hostile.to_owned());
    let page = html(&comparison).expect("a page");
    assert!(!page.contains("<script>alert") && !page.contains("<img"), "{page}");
    assert_eq!(page.matches("</script>").count(), 3);
    assert_eq!(carried(&page)["title"], hostile);
}

#[test]
fn the_page_carries_its_figures_and_series_as_data() {
    let comparison = comparison(vec![run("ours", 60), run("hpa", 60)]);
    let data = carried(&html(&comparison).expect("a page"));
    assert_eq!(data["apiVersion"], "report.apifleet.dev/v1");
    assert_eq!(data["policies"], serde_json::to_value(comparison.outcomes()).expect("JSON"));
    assert_eq!(data["policies"][0]["violatingMinutes"], 0);
    assert_eq!(data["views"][0]["policies"][1]["label"], "hpa");
    assert_eq!(data["timeZone"], "Europe/Paris");
}

#[test]
fn only_the_scripts_of_the_page_itself_may_run() {
    let page = html(&comparison(vec![run("ours", 3)])).expect("a page");
    let (_, policy) = page.split_once("Content-Security-Policy\" content=\"").expect("a policy");
    let (policy, _) = policy.split_once("\">").expect("its end");
    assert!(policy.starts_with("default-src 'none'; script-src 'sha256-"), "{policy}");
    assert!(!policy.contains("unsafe") && !policy.contains("http"), "{policy}");
    assert_eq!(policy.matches("'sha256-").count(), 4);
    // A browser reads line ends as \n before it hashes: any other would not be what was hashed.
    assert!(!page.contains('\r'));
}

#[test]
fn a_page_of_many_policies_over_weeks_is_small() {
    let runs = (0..9).map(|at| run(&format!("policy-{at}"), 28 * 1440)).collect();
    let page = html(&comparison(runs)).expect("a page");
    assert!(page.len() < 500_000, "{} bytes", page.len());
}

#[test]
fn the_same_comparison_is_the_same_page() {
    let page = || html(&comparison(vec![run("ours", 3000), run("hpa", 3000)])).expect("a page");
    assert_eq!(page(), page());
}
