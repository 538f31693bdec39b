//! What is typed, as what it means.

use super::*;
use std::ffi::OsString;

fn settings(arguments: &[&str]) -> Result<Settings, Failure> {
    let typed = std::iter::once("apifleet").chain(arguments.iter().copied()).map(OsString::from);
    Settings::new(Program::Apifleet, LowArgs::read(Program::Apifleet, typed.collect()).unwrap())
}

#[test]
fn what_is_not_typed_has_its_documented_meaning() {
    let settings = settings(&["status"]).unwrap();
    assert_eq!(settings.task, Task::List { watch: false });
    assert_eq!(settings.place, Place::Usual);
    assert_eq!(settings.format, Format::People(Columns::Usual));
    assert_eq!(settings.talk, Talk::Usual);
    assert!(
        settings.access.deadline < Duration::from_secs(10),
        "an answer or an error within 10 s"
    );
}

#[test]
fn each_question_about_a_decision_is_one_value() {
    let asked = |arguments: &[&str]| match settings(arguments).unwrap().task {
        Task::Explain { question, .. } => question,
        other => panic!("{other:?}"),
    };
    assert_eq!(asked(&["explain", "a"]), Question::Ledger);
    assert_eq!(asked(&["explain", "a", "--effective"]), Question::Effective);
    assert_eq!(asked(&["explain", "a", "--why-not", "25"]), Question::WhyNot(Replicas::new(25)));
    assert!(matches!(asked(&["explain", "a", "--what-if", "rps=1"]), Question::WhatIf(_)));
}

#[test]
fn the_past_is_another_task_and_an_address_alone_is_none() {
    let asked = |more: &[&str]| {
        let url = ["explain", "a", "--prometheus-url", "http://localhost:9090"];
        settings(&[&url[..], more].concat()).unwrap().task
    };
    assert!(matches!(asked(&[]), Task::Explain { question: Question::Ledger, .. }));
    match asked(&["--at", "15m"]) {
        Task::ExplainAt { past: Past { when, prometheus: Some(_) }, .. } => {
            assert_eq!(Ok(when), crate::explain::When::parse("15m"));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn all_namespaces_do_not_name_a_fleet() {
    for arguments in [["status", "a", "-A"], ["explain", "a", "-A"]] {
        let failure = settings(&arguments).unwrap_err();
        assert_eq!(failure.exit(), crate::Exit::Usage);
        assert!(failure.to_string().contains("-n"), "{failure}");
    }
}

#[test]
fn waiting_has_an_end() {
    let wait = |arguments: &[&str]| match settings(arguments).unwrap().task {
        Task::Status { follow, .. } => follow,
        other => panic!("{other:?}"),
    };
    assert_eq!(wait(&["status", "a", "--wait=ready"]), Follow::UntilReady(Duration::from_mins(5)));
    assert_eq!(
        wait(&["status", "a", "--wait=ready", "--timeout", "30"]),
        Follow::UntilReady(Duration::from_secs(30))
    );
    assert_eq!(wait(&["status", "a", "-w"]), Follow::Watch);
}
