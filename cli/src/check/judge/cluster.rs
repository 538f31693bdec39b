//! What is found of the cluster itself: its version, our kinds, and clocks. Pure.

use crate::check::facts::Server;
use crate::check::finding::{Finding, Known, Unknown};
use crate::check::registry::Check;
use crate::time::short;
use apifleet_crds::Kind;
use apifleet_crds::revision::REVISION;
use jiff::SignedDuration;

/// The chart asks for this; so do the rules of the definitions.
const OLDEST: (u32, u32) = (1, 33);
/// So far may clocks differ before overrides are noticeably off; a Date header is whole seconds.
const NOTICED: SignedDuration = SignedDuration::from_secs(5);
/// So far apart, what is ordered for minutes is wrong.
const WRONG: SignedDuration = SignedDuration::from_secs(60);

/// AF0101.
pub(super) fn kubernetes(server: &Server) -> Finding {
    let version = &server.version;
    match numbers(version) {
        Some(found) if found >= OLDEST => {
            Finding::ok(Check::KUBERNETES, format!("Kubernetes {version}"))
        }
        Some(_) => Finding::failed(
            Check::KUBERNETES,
            format!("Kubernetes {version} is older than {}.{}", OLDEST.0, OLDEST.1),
        ),
        None => Finding::skipped(
            Check::KUBERNETES,
            format!("the API server calls its version {version:?}, which is not understood"),
        ),
    }
}

/// `v1.37.2-eks-1` is 1.37.
fn numbers(version: &str) -> Option<(u32, u32)> {
    let mut parts = version.trim_start_matches('v').split('.');
    let minor = |text: &str| {
        let digits: String = text.chars().take_while(char::is_ascii_digit).collect();
        digits.parse().ok()
    };
    Some((parts.next()?.parse().ok()?, minor(parts.next()?)?))
}

/// AF0102.
pub(super) fn served(served: &Known<Vec<String>>, before: bool) -> Finding {
    let served = match served {
        Ok(served) => served,
        Err(Unknown(why)) => return Finding::skipped(Check::SERVED, why),
    };
    let is_served = |kind: &Kind| served.iter().any(|it| it == kind.as_str());
    let missing: Vec<&str> =
        Kind::ALL.into_iter().filter(|kind| !is_served(kind)).map(Kind::as_str).collect();
    match missing.len() {
        0 => Finding::ok(Check::SERVED, "apifleet.dev/v1alpha1 with all its kinds"),
        all if all == Kind::ALL.len() && before => {
            Finding::ok(Check::SERVED, "none yet: installing makes them")
        }
        _ => Finding::failed(Check::SERVED, format!("not served: {}", missing.join(", "))),
    }
}

/// AF0103.
pub(super) fn definition_age(definitions: &[(Kind, Known<Option<u32>>)], before: bool) -> Finding {
    let check = Check::DEFINITION_AGE;
    let mut known = Vec::new();
    for (kind, revision) in definitions {
        match revision {
            Ok(Some(revision)) => known.push((*kind, *revision)),
            Ok(None) => {}
            Err(Unknown(why)) => return Finding::skipped(check, why),
        }
    }
    if known.is_empty() {
        let why = if before { "there are none yet" } else { "there are none" };
        return Finding::skipped(check, why);
    }
    let named = |is_it: fn(u32) -> bool| -> Vec<String> {
        let those = known.iter().filter(|(_, revision)| is_it(*revision));
        those.map(|(kind, revision)| format!("{} ({revision})", kind.definition())).collect()
    };
    let (older, newer) = (named(|it| it < REVISION), named(|it| it > REVISION));
    match (older.is_empty(), newer.is_empty()) {
        (true, true) => Finding::ok(check, format!("revision {REVISION}, as this program's")),
        (false, _) => Finding::failed(
            check,
            format!("older than this program's revision {REVISION}: {}", older.join(", ")),
        ),
        (true, false) => Finding::warning(
            check,
            format!("newer than this program's revision {REVISION}: {}", newer.join(", ")),
        ),
    }
}

/// AF0104.
pub(super) fn clock(server: &Server) -> Finding {
    let Some(theirs) = server.clock else {
        return Finding::skipped(Check::CLOCK, "the API server does not say what time it is");
    };
    let (asked, answered) = server.asked;
    // Whole seconds are cut, so that their second has begun and has not ended between the two instants of ours.
    let ahead = asked.duration_since(theirs) - SignedDuration::from_secs(1);
    let behind = theirs.duration_since(answered);
    let off = ahead.max(behind).max(SignedDuration::ZERO);
    let side = if ahead > behind { "ahead of" } else { "behind" };
    let says = || format!("{} {side} the API server's", short(off));
    if off >= WRONG {
        Finding::failed(Check::CLOCK, says())
    } else if off >= NOTICED {
        Finding::warning(Check::CLOCK, says())
    } else {
        Finding::ok(Check::CLOCK, "as the API server's")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::finding::Verdict;
    use jiff::Timestamp;

    fn server(version: &str, clock: Option<&str>) -> Server {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        Server {
            version: version.to_owned(),
            clock: clock.map(at),
            asked: (at("2026-12-08T07:00:00.2Z"), at("2026-12-08T07:00:00.4Z")),
        }
    }

    #[test]
    fn kubernetes_is_judged_by_its_numbers() {
        for (version, verdict) in [
            ("v1.37.2", Verdict::Ok),
            ("v1.33.0-eks-12", Verdict::Ok),
            ("v1.33+", Verdict::Ok),
            ("v1.32.9", Verdict::Failed),
            ("v2.0.0", Verdict::Ok),
            ("tomorrow", Verdict::Skipped),
        ] {
            assert_eq!(kubernetes(&server(version, None)).verdict, verdict, "{version}");
        }
    }

    #[test]
    fn a_clock_is_judged_beyond_the_second_that_a_header_hides() {
        for (clock, verdict) in [
            ("2026-12-08T07:00:00Z", Verdict::Ok),
            ("2026-12-08T06:59:59Z", Verdict::Ok),
            ("2026-12-08T06:59:50Z", Verdict::Warning),
            ("2026-12-08T07:00:10Z", Verdict::Warning),
            ("2026-12-08T08:00:00Z", Verdict::Failed),
            ("2026-12-07T07:00:00Z", Verdict::Failed),
        ] {
            let found = clock_of(clock);
            assert_eq!(found.verdict, verdict, "{clock}: {}", found.says);
        }
        assert!(clock_of("2026-12-08T08:00:00Z").says.contains("behind"));
        assert!(clock_of("2026-12-07T07:00:00Z").says.contains("ahead of"));
        assert_eq!(super::clock(&server("v1.37.0", None)).verdict, Verdict::Skipped);
    }

    fn clock_of(clock: &str) -> Finding {
        super::clock(&server("v1.37.0", Some(clock)))
    }

    #[test]
    fn kinds_may_be_missing_before_the_first_install_only() {
        assert_eq!(served(&Ok(Vec::new()), true).verdict, Verdict::Ok);
        assert_eq!(served(&Ok(Vec::new()), false).verdict, Verdict::Failed);
        let one = vec!["ApiFleet".to_owned()];
        for before in [true, false] {
            let found = served(&Ok(one.clone()), before);
            assert_eq!(found.verdict, Verdict::Failed);
            assert!(found.says.contains("FleetOverride"), "{}", found.says);
        }
        let all = Kind::ALL.map(|kind| kind.as_str().to_owned()).to_vec();
        assert_eq!(served(&Ok(all), false).verdict, Verdict::Ok);
    }

    #[test]
    fn a_definition_older_than_ours_fails_and_a_newer_one_warns() {
        let of = |revision| {
            definition_age(
                &[(Kind::ApiFleet, Ok(Some(REVISION))), (Kind::FleetOverride, revision)],
                false,
            )
        };
        assert_eq!(of(Ok(Some(REVISION))).verdict, Verdict::Ok);
        assert_eq!(of(Ok(Some(REVISION + 1))).verdict, Verdict::Warning);
        let older = of(Ok(Some(REVISION - 1)));
        assert_eq!(older.verdict, Verdict::Failed);
        assert!(older.says.contains("fleetoverrides.apifleet.dev ("), "{}", older.says);
        assert_eq!(of(Err(Unknown("no".to_owned()))).verdict, Verdict::Skipped);
        assert_eq!(definition_age(&[(Kind::ApiFleet, Ok(None))], false).verdict, Verdict::Skipped);
    }
}
