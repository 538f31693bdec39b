//! Settings that are refused, and how a person is told.

use std::process::Output;

use super::server::program;

fn run(arguments: &[&str], variables: &[(&str, &str)]) -> Output {
    program().args(arguments).envs(variables.iter().copied()).output().expect("the program runs")
}

/// Arguments, variables, and what the refusal must name.
type Case = (&'static [&'static str], &'static [(&'static str, &'static str)], &'static str);

#[test]
fn wrong_settings_end_the_start_with_one_clear_line() {
    let cases: [Case; 13] = [
        (&[], &[("REPLICAS_EXPECTED", "3")], "DATABASE_URL"),
        (&["check-config"], &[("REPLICAS_EXPECTED", "3")], "DATABASE_URL"),
        (&[], &[("DATABASE_URL", "postgres://u:hidden@h/d")], "mysql://"),
        (&[], &[("DRAIN_DELAY_SECONDS", "40")], "TERMINATION_GRACE_SECONDS"),
        (&[], &[("LISTEN", "nowhere")], "--listen"),
        (&[], &[("OPEN_DAYS", "some")], "--open-days"),
        (&[], &[("WORKERS", "0")], "--workers"),
        (&["check-config"], &[("CONCURRENCY_MIN", "2000")], "CONCURRENCY_MAX=1024"),
        (&["check-config"], &[("OVERLOAD_LATENCY_MILLIS", "1600")], "REQUEST_DEADLINE_MILLIS"),
        (&["check-config"], &[("OVERLOAD_LATENCY_MILLIS", "0")], "--overload-latency-millis"),
        (&[], &[("CONCURRENCY_MAX", "0")], "--concurrency-max"),
        (&["--no-such-flag"], &[], "--no-such-flag"),
        (&["check-config"], &[("CAMPAIGN_START", "2026-02-31")], "--campaign-start"),
    ];
    for (arguments, variables, expected) in cases {
        let output = run(arguments, variables);
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{arguments:?} {variables:?}: {stderr}");
        assert_eq!(stderr.lines().count(), 1, "{arguments:?} {variables:?}: {stderr}");
        assert!(stderr.contains(expected), "{arguments:?} {variables:?}: {stderr}");
        assert!(!stderr.contains("hidden"), "{stderr}");
        assert!(output.stdout.is_empty(), "{arguments:?} {variables:?}");
    }
}

#[test]
fn valid_settings_are_summed_up_without_the_password() {
    let url = "mysql://api:hidden@db:3306/campaign";
    let output = run(&["check-config", "--replicas", "30"], &[("DATABASE_URL", url)]);
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success() && output.stderr.is_empty());
    assert!(stdout.contains("at most 16 connections") && !stdout.contains("hidden"), "{stdout}");
}

#[test]
fn help_teaches_with_examples_and_hides_the_password() {
    let output = run(&["--help"], &[("DATABASE_URL", "mysql://api:hidden@db/campaign")]);
    let help = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success());
    for part in ["Examples:", "--open-days all", "migrate", "check-config", "max_connections"] {
        assert!(help.contains(part), "no {part} in {help}");
    }
    assert!(!help.contains("hidden"), "{help}");
}

#[test]
fn a_port_that_is_taken_is_named() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().to_str().unwrap();
    let output = run(&[], &[("LISTEN", &address), ("DATA_DIR", data)]);
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr.contains(&address) && stderr.contains("LISTEN"), "{stderr}");
}
