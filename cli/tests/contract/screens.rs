//! Every screen, from fixtures.

use crate::fixture::{clock, fleet, plain};
use apifleet_cli::args::Program;
use apifleet_cli::calendar::plan::Plan;
use apifleet_cli::calendar::screen::screen as calendar;
use apifleet_cli::explain::ledger::Explanation;
use apifleet_cli::explain::what_if::Replayed;
use apifleet_cli::explain::why_not::{Answer, Counterfactual};
use apifleet_cli::explain::{Assumption, effective};
use apifleet_cli::settings::Columns;
use apifleet_cli::status::list::{Shown, summary, table};
use apifleet_cli::status::screen::screen;
use apifleet_cli::time::Clock;
use apifleet_cli::view::FleetView;
use apifleet_core::Replicas;
use apifleet_crds::{ApiFleet, FleetIntent};
use jiff::SignedDuration;

fn status(name: &str, columns: Columns, width: Option<u16>) -> String {
    let clock = clock("Europe/Paris");
    let view = FleetView::new(&fleet(name), clock.now);
    plain(&screen(&view, columns, &clock, width, Program::Apifleet))
}

/// The table of every fleet.
fn statuses(wide: bool, width: Option<u16>) -> String {
    let clock = clock("UTC");
    let views = ["covering", "stalled", "silent", "peak"]
        .map(|name| FleetView::new(&fleet(name), clock.now));
    plain(&table(&views, Shown { namespaces: true, wide, width }, &clock))
}

fn explained(name: &str, width: u16) -> String {
    let clock = clock("Europe/Paris");
    let explanation = Explanation::new(&fleet(name), clock.now).unwrap();
    plain(&explanation.render(&clock, Some(width)))
}

fn why_not(size: u32, width: u16) -> String {
    let clock = clock("Europe/Paris");
    let answer = Counterfactual::new(&fleet("peak"), &[], Replicas::new(size), clock.now).unwrap();
    plain(&answer.render(&clock, Some(width)))
}

#[test]
fn one_fleet_on_one_screen() {
    for name in ["peak", "silent", "stalled", "covering"] {
        insta::assert_snapshot!(format!("status_{name}"), status(name, Columns::Usual, Some(120)));
    }
}

#[test]
fn a_wide_screen_has_every_condition() {
    insta::assert_snapshot!("status_wide", status("peak", Columns::Wide, Some(160)));
}

#[test]
fn a_table_of_all() {
    let views = ["covering", "stalled", "silent", "peak"]
        .map(|name| FleetView::new(&fleet(name), clock("UTC").now));
    let (usual, wide) = (statuses(false, None), statuses(true, None));
    insta::assert_snapshot!("status_list", format!("{usual}\n{wide}\n{}\n", summary(&views, None)));
    assert_eq!(statuses(false, Some(160)), usual, "there is room");
    assert_eq!(statuses(true, Some(80)), wide, "it was asked for");
}

#[test]
fn the_ledger() {
    insta::assert_snapshot!("explain_peak", explained("peak", 120));
    insta::assert_snapshot!("explain_covering", explained("covering", 120));
}

#[test]
fn why_not_another_size() {
    for size in [12, 25, 30, 31, 5] {
        insta::assert_snapshot!(format!("why_not_{size}"), why_not(size, 120));
    }
}

#[test]
fn a_terminal_of_eighty_columns_is_wide_enough() {
    for (name, text) in [
        ("narrow_status", status("peak", Columns::Usual, Some(80))),
        ("narrow_status_stalled", status("stalled", Columns::Usual, Some(80))),
        ("narrow_status_list", statuses(false, Some(80))),
        ("narrow_explain", explained("peak", 80)),
        ("narrow_why_not", why_not(25, 80)),
    ] {
        // An address stays whole.
        let long = |line: &&str| line.chars().count() > 80 && !line.starts_with("https://");
        assert_eq!(text.lines().find(long), None, "{name}: {text}");
        insta::assert_snapshot!(name, text);
    }
}

#[test]
fn a_fleet_that_is_not_ready_ends_with_what_to_do() {
    let clock = clock("UTC");
    let last = |name| {
        let view = FleetView::new(&fleet(name), clock.now);
        let text = plain(&screen(&view, Columns::Usual, &clock, None, Program::KubectlPlugin));
        text.lines().last().unwrap().to_owned()
    };
    let pages = "https://github.com/apifleet/apifleet/blob/main/docs/runbooks";
    assert_eq!(
        last("peak"),
        format!(
            "why: kubectl apifleet explain shop-api -n shop; what to do: {pages}/BelowDesired.md"
        )
    );
    assert!(last("stalled").ends_with(&format!("{pages}/ConflictingAutoscaler.md")));
    assert!(!last("covering").contains("what to do"), "it is Ready");
    assert!(last("silent").contains("kubectl get pods"), "there is nothing to explain");
}

#[test]
fn what_if_signals_were_others() {
    let clock = clock("Europe/Paris");
    for (name, typed) in [("quiet", "rps=600"), ("slow", "rps=900,p95=260ms")] {
        let assumption = Assumption::parse(typed).unwrap();
        let answer = Replayed::new(&fleet("peak"), &[], &assumption, clock.now).unwrap();
        insta::assert_snapshot!(
            format!("what_if_{name}"),
            plain(&answer.render(&clock, Some(120)))
        );
    }
}

#[test]
fn the_ledger_alone_answers_where_there_is_no_memory() {
    let mut fleet = fleet("peak");
    fleet.status.as_mut().unwrap().memory = None;
    let asked = |size| match Counterfactual::new(&fleet, &[], Replicas::new(size), clock("UTC").now)
        .unwrap()
        .answer
    {
        Answer::Stage(stage) => stage.stage,
        other => panic!("{other:?}"),
    };
    assert_eq!(asked(31), "Ceilings", "it took 31 away");
    assert_eq!(asked(40), "Demand", "nobody asked for 40");
    assert_eq!(asked(25), "Demand", "it went past 25");
}

#[test]
fn what_cannot_be_decided_again_says_why() {
    let now = clock("UTC").now;
    let assumption = Assumption::parse("rps=1").unwrap();
    let said = |fleet: &ApiFleet, now| {
        Replayed::new(fleet, &[], &assumption, now).unwrap_err().to_string()
    };
    assert!(said(&fleet("silent"), now).contains("has not reported"));
    assert!(said(&fleet("stalled"), now).contains("ConflictingAutoscaler"));
    let later = now.checked_add(SignedDuration::from_hours(2)).unwrap();
    assert!(said(&fleet("peak"), later).contains("has not reported for 120m"));
    let mut forgetful = fleet("peak");
    forgetful.status.as_mut().unwrap().memory = None;
    assert!(said(&forgetful, now).contains("no memory"));
}

#[test]
fn only_signals_that_a_fleet_looks_at_can_be_assumed() {
    let mut fleet = fleet("peak");
    let now = clock("UTC").now;
    let said = |fleet: &ApiFleet, typed| {
        let assumption = Assumption::parse(typed).unwrap();
        Replayed::new(fleet, &[], &assumption, now).unwrap_err().to_string()
    };
    assert!(said(&fleet, "p99=1s").contains("guards p95"));
    let signals = fleet.spec.signals.as_mut().unwrap();
    (signals.latency, signals.errors) = (None, None);
    assert!(said(&fleet, "p95=1s").contains("no latency guard"));
    assert!(said(&fleet, "errors=1%").contains("no error guard"));
}

#[test]
fn the_same_signals_decide_the_same_size() {
    let now = clock("UTC").now;
    let replayed = Replayed::new(&fleet("peak"), &[], &Assumption::default(), now).unwrap();
    assert_eq!((replayed.previous, replayed.desired, replayed.settles_at), (30, 30, 30));
    assert!(replayed.changes.is_empty(), "{:?}", replayed.changes);
}

#[test]
fn the_spec_with_every_default() {
    let fleet = fleet("peak");
    let intent = FleetIntent::try_from(&fleet.spec).unwrap();
    let table = effective::table(&fleet.spec, &fleet.spec, &intent).unwrap();
    insta::assert_snapshot!("effective", plain(&table));
}

#[test]
fn a_spec_with_every_default_means_what_it_meant() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../crds/fixtures/good");
    let mut seen = 0;
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        let fleet: ApiFleet =
            serde_saphyr::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        let meant = FleetIntent::try_from(&fleet.spec).unwrap();
        let spec = effective::effective(&fleet.spec, &meant);
        let filled = FleetIntent::try_from(&spec).unwrap();
        assert_eq!(filled, meant, "{}", path.display());
        assert_eq!(
            effective::effective(&spec, &filled),
            spec,
            "nothing is left to apply: {}",
            path.display()
        );
        seen += 1;
    }
    assert!(seen > 2, "only {seen} manifests in {folder}");
}

#[test]
fn the_calendar() {
    let clock = clock("America/New_York");
    let plan = Plan::new(&fleet("peak"), clock.now, SignedDuration::from_hours(5 * 24)).unwrap();
    insta::assert_snapshot!("calendar", plain(&calendar(&plan, &clock)));
}

#[test]
fn a_calendar_marks_where_clocks_change() {
    let now = "2026-10-24T12:00:00Z".parse().unwrap();
    let clock = Clock { now, ..clock("Europe/Paris") };
    let plan = Plan::new(&fleet("night"), clock.now, SignedDuration::from_hours(3 * 24)).unwrap();
    insta::assert_snapshot!("calendar_clocks", plain(&calendar(&plan, &clock)));
}

#[test]
fn a_calendar_without_windows_says_so() {
    let clock = clock("UTC");
    let none = Plan::new(&fleet("silent"), clock.now, SignedDuration::from_hours(24)).unwrap();
    assert!(calendar(&none, &clock).contains("has no schedules"));
    let now = "2027-03-01T00:00:00Z".parse().unwrap();
    let over = Plan::new(&fleet("peak"), now, SignedDuration::from_hours(24)).unwrap();
    assert!(calendar(&over, &clock).contains("no window until then"));
}
