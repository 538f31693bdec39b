//! What was typed after `simulate`, as what it means.

use crate::args::simulate::{Origin, SimulateArgs};
use crate::failure::Failure;
use crate::simulate::Simulation;
use crate::simulate::peers::Peer;
use crate::simulate::subject::Asked;
use crate::simulate::typed::Address;
use crate::simulate::version::Version;
use crate::simulate::work::{Cut, Traffic};
use std::path::{Path, PathBuf};

/// The simulation that was typed.
pub(super) fn meant(typed: SimulateArgs) -> Result<Simulation, Failure> {
    // Without `..`: a new flag cannot be forgotten.
    let SimulateArgs {
        name,
        file: manifest,
        from,
        trace,
        prometheus_url,
        query,
        start,
        end,
        scale_to,
        baseline: peers,
        compare,
        min,
        max,
        lag,
        seed,
        html,
        max_under: most_under,
    } = typed;
    let files = [Some(&manifest), trace.as_ref(), compare.as_ref()];
    if files.into_iter().flatten().filter(|path| path.as_path() == Path::new("-")).count() > 1 {
        return Err(wrong("standard input can be one of the files, not several"));
    }
    if min.zip(max).is_some_and(|(min, max)| min > max) {
        return Err(wrong("--min must not be above --max"));
    }
    Ok(Simulation {
        manifest,
        name,
        traffic: traffic(from, trace, prometheus_url.map(|address| (address, query)))?,
        cut: Cut { start, end, scale_to },
        peers: peers.map(alone).transpose()?,
        compare: compare.map(Version::from),
        bounds: Asked { min, max },
        lag,
        seed,
        html,
        most_under,
    })
}

fn wrong(why: &str) -> Failure {
    Failure::Usage(why.to_owned())
}

/// One source, and what it needs. An address that only the environment names is no choice of a source.
fn traffic(
    from: Origin,
    trace: Option<PathBuf>,
    prometheus: Option<(Address, Option<String>)>,
) -> Result<Traffic, Failure> {
    match (from, trace, prometheus) {
        (Origin::Campaign, None, _) => Ok(Traffic::Campaign),
        (Origin::Campaign, Some(_), _) => {
            Err(wrong("--trace goes with --from csv or --from prometheus"))
        }
        (Origin::Csv, Some(path), _) => Ok(Traffic::Csv(path)),
        (Origin::Csv, None, _) => Err(wrong("--from csv needs --trace FILE")),
        (Origin::Prometheus, Some(path), _) => Ok(Traffic::Saved(path)),
        (Origin::Prometheus, None, Some((address, query))) => {
            Ok(Traffic::Prometheus { address, query })
        }
        (Origin::Prometheus, None, None) => Err(wrong(
            "--from prometheus needs --prometheus-url, or --trace with a saved answer to a range query",
        )),
    }
}

/// `none` means nothing beside others.
fn alone(peers: Vec<Peer>) -> Result<Vec<Peer>, Failure> {
    if peers.len() > 1 && peers.iter().any(Peer::is_none) {
        return Err(wrong("--baseline none goes with no other"));
    }
    Ok(peers)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::{LowArgs, Program};
    use crate::settings::{Settings, Task};
    use std::ffi::OsString;

    fn simulation(arguments: &[&str]) -> Result<Simulation, String> {
        let fixed = ["apifleet", "simulate", "-f", "a.yaml"];
        let typed = fixed.iter().chain(arguments).map(OsString::from).collect();
        let typed = LowArgs::read(Program::Apifleet, typed).unwrap();
        match Settings::new(Program::Apifleet, typed).map_err(|failure| failure.to_string())?.task {
            Task::Simulate(simulation) => Ok(*simulation),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_simulation_is_of_the_campaign_beside_the_usual_peers_unless_said_otherwise() {
        let usual = simulation(&[]).unwrap();
        assert_eq!((usual.traffic, usual.lag, usual.seed), (Traffic::Campaign, 30, 1));
        assert_eq!((usual.bounds, usual.most_under, usual.peers), (Asked::default(), None, None));
        let some = simulation(&["--baseline", "kpa,hpa"]).unwrap();
        assert_eq!(some.peers.map(|peers| peers.len()), Some(2));
    }

    #[test]
    fn traffic_has_one_source_and_that_source_what_it_needs() {
        let csv = simulation(&["--from", "csv", "--trace", "a.csv"]).unwrap();
        assert_eq!(csv.traffic, Traffic::Csv("a.csv".into()));
        let saved = simulation(&["--from", "prometheus", "--trace", "a.json"]).unwrap();
        assert_eq!(saved.traffic, Traffic::Saved("a.json".into()));
        let url = ["--prometheus-url", "http://localhost:9090"];
        let asked = simulation(&[&["--from", "prometheus"], &url[..]].concat()).unwrap();
        assert!(matches!(asked.traffic, Traffic::Prometheus { query: None, .. }));
        for (arguments, words) in [
            (&["--trace", "a.csv"][..], "--trace goes with"),
            (&["--from", "prometheus"], "needs --prometheus-url"),
            (&["--min", "20", "--max", "10"], "--min must not be above"),
            (&["--baseline", "none,hpa"], "goes with no other"),
        ] {
            let said = simulation(arguments).unwrap_err();
            assert!(said.contains(words), "{arguments:?}: {said}");
        }
    }

    #[test]
    fn another_version_is_that_of_the_cluster_or_of_a_file() {
        assert_eq!(simulation(&[]).unwrap().compare, None);
        for (typed, version) in
            [("current", Version::Current), ("old.yaml", Version::File("old.yaml".into()))]
        {
            assert_eq!(simulation(&["--compare", typed]).unwrap().compare, Some(version));
        }
    }

    #[test]
    fn standard_input_is_one_thing() {
        let typed = ["apifleet", "simulate", "-f", "-", "--from", "csv", "--trace", "-"];
        let typed = typed.into_iter().map(OsString::from).collect();
        let typed = LowArgs::read(Program::Apifleet, typed).unwrap();
        let said = Settings::new(Program::Apifleet, typed).unwrap_err().to_string();
        assert!(said.contains("not several"), "{said}");
    }
}
