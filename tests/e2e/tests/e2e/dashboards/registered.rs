//! Which metrics our programs have, those included that are written only once something has happened: the operator's by its
//! reference, which is generated from its registry, the API server's by the file that registers them.

use anyhow::{Context, Result};
use apifleet_e2e::Platform;
use std::collections::BTreeSet;
use std::fs;

const OPERATORS: &str = "docs/reference/metrics.md";
const API_SERVERS: &str = "api-server/src/metrics/names.rs";
/// What the registry of a program appends to the name of a counter.
const COUNTED: &str = "_total";

/// The names of the operator's metrics, and of the API server's, each of which is taken for a counter.
pub(super) fn names() -> Result<BTreeSet<String>> {
    let (operators, api_servers) = (read(OPERATORS)?, read(API_SERVERS)?);
    let rows = operators.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next());
    let calls = api_servers.split("r.register(\"").skip(1);
    let counters = calls.filter_map(|call| call.split('"').next());
    let counters = counters.map(|name| format!("{name}{COUNTED}"));
    Ok(rows.map(str::to_owned).chain(counters).collect())
}

fn read(file: &str) -> Result<String> {
    let path = Platform::workspace().join(file);
    fs::read_to_string(path).with_context(|| format!("read {file}"))
}
