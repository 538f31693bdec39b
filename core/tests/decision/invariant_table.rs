//! The table of invariants at the top of `invariants.rs`: each of the design's is tried by a test that carries its
//! number, and each such test is in the table.

use std::collections::BTreeSet;
use std::fs;

/// The design's last.
const LAST: u32 = 22;

fn source(module: &str) -> String {
    let path = format!("{}/tests/decision/{module}.rs", env!("CARGO_MANIFEST_DIR"));
    fs::read_to_string(&path).map_err(|error| format!("{path}: {error}")).unwrap()
}

fn modules() -> Vec<String> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/decision");
    let files = fs::read_dir(folder).unwrap();
    let names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
    names.filter_map(|name| name.strip_suffix(".rs").map(str::to_owned)).collect()
}

/// The numbers that a test's name begins with: `d4_d16_changes_are_bounded` has two.
fn numbers(test: &str) -> Vec<u32> {
    let words = test.split('_');
    words.map_while(|word| word.strip_prefix('d')?.parse().ok()).collect()
}

/// The tests of a file.
fn tests(source: &str) -> Vec<&str> {
    let names = source.split("#[test]").skip(1).filter_map(|after| after.split("fn ").nth(1));
    names.filter_map(|rest| rest.split('(').next()).collect()
}

/// The rows: the number, and the test with its module.
fn rows() -> BTreeSet<(u32, String)> {
    let source = source("invariants");
    let rows = source.lines().filter_map(|line| line.strip_prefix("//! | D"));
    let row = |row: &str| {
        let (number, test) = row.split_once(" | `")?;
        Some((number.parse().ok()?, test.strip_suffix("` |")?.to_owned()))
    };
    rows.map(|text| row(text).ok_or(text).unwrap()).collect()
}

#[test]
fn every_invariant_has_a_test_that_carries_its_number_and_a_row() {
    let mut found = BTreeSet::new();
    for module in modules() {
        for test in tests(&source(&module)) {
            found.extend(
                numbers(test).into_iter().map(|number| (number, format!("{module}::{test}"))),
            );
        }
    }
    assert_eq!(rows(), found);
    let tried: BTreeSet<u32> = found.iter().map(|(number, _)| *number).collect();
    assert_eq!(tried, (1..=LAST).collect());
}

#[test]
fn numbers_are_read_from_the_beginning_of_a_name() {
    assert_eq!(numbers("d4_d16_changes_are_bounded"), [4, 16]);
    assert_eq!(numbers("d22_a_ledger"), [22]);
    assert!(numbers("doubles_at_the_opening").is_empty());
    assert!(numbers("a_d4_d16").is_empty());
}
