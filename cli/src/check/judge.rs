//! From facts to findings: pure. One finding at least for every check that belongs to what was asked, in the order of
//! their codes, those of each fleet together after those of the cluster.

mod cluster;
mod disruption;
mod fleet;
mod operator;
mod room;
mod signals;

use super::facts::{Facts, FleetFacts, NodeFact, Stage};
use super::finding::{Finding, Known};
use apifleet_crds::{FleetIntent, SpecError};

/// What the facts mean.
#[must_use]
pub fn judge(facts: &Facts) -> Vec<Finding> {
    // Without `..`: a new fact cannot be forgotten.
    let Facts { server, served, definitions, stage, prometheus, nodes, fleets } = facts;
    let before = matches!(stage, Stage::Before(_));
    let mut findings = vec![
        cluster::kubernetes(server),
        cluster::served(served, before),
        cluster::definition_age(definitions, before),
        cluster::clock(server),
    ];
    match stage {
        Stage::Before(rights) => findings.push(operator::install_rights(rights)),
        Stage::After(installed) => findings.extend(operator::installed(installed)),
    }
    findings.push(signals::prometheus(prometheus));
    findings.extend(fleets.iter().flat_map(|fleet| of_fleet(fleet, stage, nodes)));
    findings
}

/// What is found of one fleet.
fn of_fleet(facts: &FleetFacts, stage: &Stage, nodes: &Known<Vec<NodeFact>>) -> Vec<Finding> {
    let intent = meaning(facts);
    let scrape_interval = match stage {
        Stage::After(installed) => {
            installed.operator.as_ref().ok().and_then(|it| it.as_ref()?.scrape_interval)
        }
        Stage::Before(_) => None,
    };
    let mut findings = signals::of_fleet(facts, intent.as_ref().ok(), scrape_interval);
    findings.extend(fleet::of_fleet(facts, &intent));
    findings.push(disruption::budgets(facts));
    findings.push(room::nodes(facts, nodes));
    findings.push(room::quota(facts));
    findings.into_iter().map(|finding| finding.of(&facts.name)).collect()
}

/// What a fleet's spec means; `None` inside the error where it was not read.
fn meaning(facts: &FleetFacts) -> Result<FleetIntent, Option<SpecError>> {
    let spec = facts.spec.as_ref().map_err(|_| None)?;
    FleetIntent::try_from(spec).map_err(Some)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::facts::{Answer, InstallRights, Installed, Prometheus, Server};
    use crate::check::finding::{Unknown, Verdict};
    use crate::check::registry::Check;
    use crate::check::rights::ESCALATE;
    use crate::check::samples::{around, deployment, fleet};

    fn not_known<T>() -> Known<T> {
        Err(Unknown("you may not".to_owned()))
    }

    /// Nothing is known but the fleets.
    fn facts(stage: Stage, fleets: Vec<FleetFacts>) -> Facts {
        let now = jiff::Timestamp::UNIX_EPOCH;
        Facts {
            server: Server { version: "v1.37.0".to_owned(), clock: None, asked: (now, now) },
            served: not_known(),
            definitions: Vec::new(),
            stage,
            prometheus: Prometheus::NotAsked("no address".to_owned()),
            nodes: not_known(),
            fleets,
        }
    }

    fn before() -> Stage {
        let escalate = Answer { right: ESCALATE, allowed: not_known() };
        Stage::Before(InstallRights { make: Vec::new(), hold: Vec::new(), escalate })
    }

    fn after() -> Stage {
        Stage::After(Box::new(Installed {
            operator: not_known(),
            lease: not_known(),
            needs: not_known(),
            spot: not_known(),
            on_call: Vec::new(),
            policies: Vec::new(),
        }))
    }

    fn codes(findings: &[Finding]) -> Vec<&'static str> {
        findings.iter().map(|finding| finding.check.code).collect()
    }

    #[test]
    fn every_check_is_made_before_or_after_an_install_in_the_order_of_the_codes() {
        let one = fleet(around(vec![deployment("shop-api", 10)]));
        let early = judge(&facts(before(), Vec::new()));
        let late = judge(&facts(after(), vec![one]));
        for findings in [&early, &late] {
            assert!(codes(findings).is_sorted(), "{:?}", codes(findings));
        }
        let made = [codes(&early), codes(&late)].concat();
        for check in Check::ALL {
            assert!(made.contains(&check.code), "{} is never made", check.code);
        }
    }

    #[test]
    fn what_is_not_known_fails_nothing() {
        let mut one = fleet(around(Vec::new()));
        one.signals = None;
        let findings = judge(&facts(after(), vec![one]));
        let failed: Vec<_> = findings.iter().filter(|it| it.verdict == Verdict::Failed).collect();
        assert_eq!(codes(&findings).len(), 21);
        assert_eq!(failed.len(), 1, "its Deployments are known to be missing: {failed:?}");
        assert_eq!(failed[0].check, Check::TARGETS);
        assert_eq!(failed[0].fleet.as_deref(), Some("shop/shop-api"));
    }
}
