//! What is found of a fleet's manifest: its meaning, its zones, its Deployments, and who else wants them. Pure.

use crate::check::facts::{Autoscaler, FleetFacts};
use crate::check::finding::{Finding, Unknown};
use crate::check::registry::Check;
use apifleet_crds::{ApiFleetSpec, FleetIntent, SpecError};

/// AF0501 to AF0504. The error of the meaning is empty where the spec was not read.
pub(super) fn of_fleet(
    facts: &FleetFacts,
    meaning: &Result<FleetIntent, Option<SpecError>>,
) -> Vec<Finding> {
    vec![spec(facts, meaning), zones(meaning), targets(facts), autoscaler(facts)]
}

fn spec(facts: &FleetFacts, meaning: &Result<FleetIntent, Option<SpecError>>) -> Finding {
    let check = Check::SPEC;
    match (meaning, &facts.spec) {
        (Ok(_), _) => {
            let bounds = facts.spec.as_ref().map(|it| (it.min_replicas, it.max_replicas));
            let (min, max) = bounds.unwrap_or_default();
            Finding::ok(check, format!("{min} to {max} replicas"))
        }
        // Told by AF0502.
        (Err(Some(SpecError::UnknownZone { .. })), _) => Finding::ok(check, "but for its zones"),
        (Err(Some(error)), _) => Finding::failed(check, error.to_string()),
        (Err(None), Err(Unknown(why))) => Finding::failed(check, why),
        (Err(None), Ok(_)) => Finding::skipped(check, "the spec was not read"),
    }
}

fn zones(meaning: &Result<FleetIntent, Option<SpecError>>) -> Finding {
    let check = Check::ZONES;
    match meaning {
        Ok(intent) => match intent.policy.schedules.len() {
            0 => Finding::ok(check, "it has no schedules"),
            1 => Finding::ok(check, "that of one schedule"),
            some => Finding::ok(check, format!("those of {some} schedules")),
        },
        Err(Some(error @ SpecError::UnknownZone { .. })) => {
            Finding::failed(check, error.to_string())
        }
        Err(_) => Finding::skipped(check, "the spec means nothing (AF0501)"),
    }
}

/// The names of its Deployments: on demand, then spot.
pub(super) fn names(spec: &ApiFleetSpec) -> Vec<&str> {
    let spot = spec.targets.spot.as_ref().map(|target| target.deployment_name.as_str());
    std::iter::once(spec.targets.on_demand.deployment_name.as_str()).chain(spot).collect()
}

fn targets(facts: &FleetFacts) -> Finding {
    let check = Check::TARGETS;
    let (spec, deployments) = match (&facts.spec, &facts.around.deployments) {
        (Ok(spec), Ok(deployments)) => (spec, deployments),
        (Err(_), _) => return Finding::skipped(check, "the spec was not read (AF0501)"),
        (_, Err(Unknown(why))) => return Finding::skipped(check, why),
    };
    let names = names(spec);
    let missing: Vec<&str> =
        names.iter().copied().filter(|name| !deployments.contains_key(*name)).collect();
    if missing.is_empty() {
        return Finding::ok(check, names.join(", "));
    }
    Finding::failed(check, format!("there is no Deployment {}", missing.join(", nor ")))
}

fn autoscaler(facts: &FleetFacts) -> Finding {
    let check = Check::AUTOSCALER;
    let Ok(spec) = &facts.spec else {
        return Finding::skipped(check, "the spec was not read (AF0501)");
    };
    match &facts.around.autoscalers {
        Ok(autoscalers) => {
            let names = names(spec);
            let conflicts: Vec<String> = autoscalers
                .iter()
                .filter(|it| names.contains(&it.target.as_str()))
                .map(|Autoscaler { kind, resource, name, target }| {
                    let place = facts.name.split('/').next().unwrap_or_default();
                    format!(
                        "{kind} {name} scales Deployment {target}: kubectl delete {resource} {name} -n {place}"
                    )
                })
                .collect();
            if conflicts.is_empty() {
                return Finding::ok(check, "no HorizontalPodAutoscaler and no ScaledObject");
            }
            Finding::failed(check, conflicts.join("; "))
        }
        // The operator sees more than people on call, and says what it sees.
        Err(Unknown(why)) => match &facts.conflict {
            Some(message) => Finding::failed(check, message),
            None if facts.reported => Finding::ok(check, "the operator sees none"),
            None => Finding::skipped(check, why),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::finding::Verdict;
    use crate::check::judge::meaning;
    use crate::check::samples::{around, deployment, fleet};
    use std::sync::Arc;

    fn found(facts: &FleetFacts, check: Check) -> Finding {
        let all = of_fleet(facts, &meaning(facts));
        all.into_iter().find(|finding| finding.check == check).unwrap()
    }

    #[test]
    fn a_fleet_that_is_as_it_should_be_is_so_in_every_respect() {
        let facts = fleet(around(vec![deployment("shop-api", 10), deployment("shop-api-spot", 0)]));
        for finding in of_fleet(&facts, &meaning(&facts)) {
            assert_eq!(finding.verdict, Verdict::Ok, "{}: {}", finding.check.code, finding.says);
        }
    }

    #[test]
    fn an_unknown_zone_is_told_by_its_own_check() {
        let mut facts = fleet(around(Vec::new()));
        let schedules = serde_json::json!([{"name": "a", "start": "08:00", "end": "20:00",
            "timeZone": "Europe/Pariss", "floor": {"replicas": 20}}]);
        facts.spec.as_mut().unwrap().schedules = serde_json::from_value(schedules).unwrap();
        assert_eq!(found(&facts, Check::SPEC).verdict, Verdict::Ok);
        let zones = found(&facts, Check::ZONES);
        assert_eq!(zones.verdict, Verdict::Failed);
        assert!(zones.says.contains("Europe/Paris?"), "{}", zones.says);
    }

    #[test]
    fn a_spec_that_means_nothing_fails_once() {
        let mut facts = fleet(around(Vec::new()));
        facts.spec.as_mut().unwrap().max_replicas = 5;
        assert_eq!(found(&facts, Check::SPEC).verdict, Verdict::Failed);
        assert_eq!(found(&facts, Check::ZONES).verdict, Verdict::Skipped);
        facts.spec = Err(Unknown("policy steady does not exist".to_owned()));
        assert_eq!(found(&facts, Check::SPEC).verdict, Verdict::Failed);
        assert_eq!(found(&facts, Check::TARGETS).verdict, Verdict::Skipped);
    }

    #[test]
    fn a_missing_deployment_is_named() {
        let facts = fleet(around(vec![deployment("shop-api", 10)]));
        let targets = found(&facts, Check::TARGETS);
        assert_eq!(targets.verdict, Verdict::Failed);
        assert!(targets.says.contains("shop-api-spot"), "{}", targets.says);
    }

    #[test]
    fn another_autoscaler_is_named_with_the_command_that_ends_it() {
        let mut facts = fleet(around(Vec::new()));
        let of = |target: &str| Autoscaler {
            kind: "HorizontalPodAutoscaler",
            resource: "hpa",
            name: "old".to_owned(),
            target: target.to_owned(),
        };
        let with = |autoscalers| {
            Arc::new(crate::check::facts::Around { autoscalers, ..around(Vec::new()) })
        };
        facts.around = with(Ok(vec![of("cart-api")]));
        assert_eq!(found(&facts, Check::AUTOSCALER).verdict, Verdict::Ok);
        facts.around = with(Ok(vec![of("shop-api-spot")]));
        let conflict = found(&facts, Check::AUTOSCALER);
        assert_eq!(conflict.verdict, Verdict::Failed);
        assert!(conflict.says.contains("kubectl delete hpa old -n shop"), "{}", conflict.says);

        facts.around = with(Err(Unknown("may not".to_owned())));
        assert_eq!(found(&facts, Check::AUTOSCALER).verdict, Verdict::Ok, "the operator's word");
        facts.reported = false;
        assert_eq!(found(&facts, Check::AUTOSCALER).verdict, Verdict::Skipped);
        facts.conflict = Some("HorizontalPodAutoscaler old scales Deployment shop-api".to_owned());
        assert_eq!(found(&facts, Check::AUTOSCALER).verdict, Verdict::Failed);
    }
}
