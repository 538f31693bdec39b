//! Reads the table that divan prints: it has no other output. Pure.

use std::collections::BTreeMap;

/// What one bench function showed.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct Timed {
    /// Seconds: the fastest sample, the slowest, and the median.
    pub(crate) fastest: f64,
    pub(crate) slowest: f64,
    pub(crate) median: f64,
    /// Blocks asked of the allocator by one call, growing one counted as asking; the median.
    pub(crate) allocations: f64,
    /// Bytes of them.
    pub(crate) allocated_bytes: f64,
}

/// Between two columns, and in front of a branch of the tree.
const LINE: char = '│';

/// The benches by name, the last part of it where benches are grouped.
pub(crate) fn parse(printed: &str) -> Result<BTreeMap<String, Timed>, String> {
    let mut all: BTreeMap<String, Timed> = BTreeMap::new();
    let (mut current, mut section) = (None, String::new());
    for line in printed.lines() {
        let Some([first, slowest, median]) = columns(line) else { continue };
        let (name, fastest) = name_and_value(first);
        if let Some(of) = name.strip_suffix(':').or_else(|| fastest.strip_suffix(':')) {
            of.clone_into(&mut section);
        } else if let (false, Some(fastest)) = (name.is_empty(), seconds(fastest)) {
            let read = |cell| seconds(cell).ok_or_else(|| format!("`{cell}` is no time"));
            let (slowest, median) = (read(slowest)?, read(median)?);
            all.insert(name.to_owned(), Timed { fastest, slowest, median, ..Timed::default() });
            current = Some(name.to_owned());
            section.clear();
        } else if let Some(timed) = current.as_ref().and_then(|name| all.get_mut(name))
            && matches!(section.as_str(), "alloc" | "grow")
        {
            match (bytes(median), median.parse::<f64>()) {
                (Some(bytes), _) => timed.allocated_bytes += bytes,
                (None, Ok(count)) => timed.allocations += count,
                (None, Err(_)) => {}
            }
        }
    }
    if all.is_empty() { Err("divan printed no table".into()) } else { Ok(all) }
}

/// The first column with what stands before it, the second and the third. A row has six; only the last five lines in
/// it part columns.
fn columns(line: &str) -> Option<[&str; 3]> {
    let mut from_the_end = line.rsplitn(6, LINE);
    let (_iterations, _samples, _mean) =
        (from_the_end.next()?, from_the_end.next()?, from_the_end.next()?);
    let (median, slowest, first) =
        (from_the_end.next()?, from_the_end.next()?, from_the_end.next()?);
    Some([first, slowest.trim(), median.trim()])
}

/// What the tree calls the row, empty where it calls it nothing, and the first column.
fn name_and_value(first: &str) -> (&str, &str) {
    let text = first.trim_start_matches([' ', LINE, '├', '╰', '─']).trim_end();
    // A name has no spaces, and at least two stand after it.
    match text.split_once("  ") {
        Some((name, value)) => (name, value.trim()),
        None => ("", text),
    }
}

fn seconds(cell: &str) -> Option<f64> {
    let (number, unit) = split(cell)?;
    let scale = match unit {
        "ns" => 1e-9,
        "µs" => 1e-6,
        "ms" => 1e-3,
        "s" => 1.0,
        _ => return None,
    };
    Some(number * scale)
}

fn bytes(cell: &str) -> Option<f64> {
    let (number, unit) = split(cell)?;
    let scale = match unit {
        "B" => 1.0,
        "KB" => 1e3,
        "MB" => 1e6,
        "GB" => 1e9,
        _ => return None,
    };
    Some(number * scale)
}

fn split(cell: &str) -> Option<(f64, &str)> {
    let unit = cell.find(|c: char| c != '.' && !c.is_ascii_digit())?;
    let (number, unit) = cell.split_at_checked(unit)?;
    Some((number.parse().ok()?, unit.trim()))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(crate) const PRINTED: &str = include_str!("divan.txt");

    #[test]
    fn times_are_read_in_seconds_whatever_their_unit() {
        let all = parse(PRINTED).expect("a table");
        let names: Vec<_> = all.keys().map(String::as_str).collect();
        assert_eq!(
            names,
            ["burst", "calm", "covering", "curve", "december", "silent", "sixteen-schedules"]
        );
        assert!((1e-7..1e-4).contains(&all["calm"].median), "{:?}", all["calm"]);
        assert!((1e-2..1e2).contains(&all["december"].median), "{:?}", all["december"]);
        for timed in all.values() {
            assert!(timed.fastest <= timed.median && timed.median <= timed.slowest, "{timed:?}");
        }
    }

    #[test]
    fn allocations_are_those_asked_for_and_grown_and_not_those_given_back() {
        let all = parse(PRINTED).expect("a table");
        let calm = all["calm"];
        assert!(calm.allocations >= 1.0 && calm.allocations < 100.0, "{calm:?}");
        assert!(calm.allocated_bytes > 10.0 * calm.allocations, "{calm:?}");
    }

    #[test]
    fn a_text_without_a_table_is_refused() {
        assert!(parse("").is_err() && parse("error: no such bench\n").is_err());
    }
}
