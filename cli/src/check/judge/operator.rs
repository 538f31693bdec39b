//! What is found of the operator: its rights, its copies, its lease and its clock. Pure.

use crate::check::facts::{Answer, InstallRights, Installed, Lease, Operator};
use crate::check::finding::{Finding, Known, Unknown, Verdict};
use crate::check::registry::Check;
use crate::check::rights;
use crate::few::few;
use crate::time::short;
use jiff::SignedDuration;

/// The lease may be taken by another copy after this; a holder that renews every 5 s is never so late.
const LEASE: SignedDuration = SignedDuration::from_secs(15);
/// So far ahead may the operator's clock be before windows open noticeably early.
const AHEAD: SignedDuration = SignedDuration::from_secs(5);
/// So many missing rights are named.
const NAMED: usize = 8;

/// AF0201.
pub(super) fn install_rights(rights: &InstallRights) -> Finding {
    let InstallRights { make, hold, escalate } = rights;
    let may_grant = matches!(escalate.allowed, Ok(true));
    let hold: &[Answer] = if may_grant { &[] } else { hold };
    let asked: Vec<&Answer> = make.iter().chain(hold).collect();
    judged(Check::INSTALL_RIGHTS, &asked, "you may not")
}

/// Everything of an operator that is, or should be, there.
pub(super) fn installed(installed: &Installed) -> Vec<Finding> {
    let Installed { operator, lease, needs, spot, on_call, policies } = installed;
    vec![
        clock(operator, lease),
        operator_rights(needs, spot),
        on_call_rights(on_call, policies),
        copies(operator),
        leader(operator, lease),
    ]
}

/// AF0202.
fn operator_rights(needs: &Known<Vec<Answer>>, spot: &Known<Vec<Answer>>) -> Finding {
    let check = Check::OPERATOR_RIGHTS;
    let (needs, spot) = match (needs, spot) {
        (Ok(needs), Ok(spot)) => (needs, spot),
        (Err(Unknown(why)), _) | (_, Err(Unknown(why))) => return Finding::skipped(check, why),
    };
    let found = judged(check, &needs.iter().collect::<Vec<_>>(), "it may not");
    let missing = denied(spot.iter());
    if found == ok(check, needs.len()) && !missing.is_empty() {
        let says = format!(
            "it may not: {}; so it does not cover fleets before spot nodes are taken away",
            missing.join(", ")
        );
        return Finding::warning(check, says);
    }
    found
}

/// AF0203.
fn on_call_rights(on_call: &[Answer], policies: &[Answer]) -> Finding {
    let check = Check::ON_CALL_RIGHTS;
    // Whoever is bound in one namespace has nothing that is in none, and can do without.
    let beyond = |it: &&Answer| it.right.is_of_cluster() && it.allowed == Ok(false);
    let (beyond, needed): (Vec<&Answer>, Vec<&Answer>) = on_call.iter().partition(beyond);
    let without = [
        (denied(policies.iter()), "policies are for others to edit here"),
        (
            denied(beyond.into_iter()),
            "they are in no namespace, so that a binding in one does not give them",
        ),
    ];
    let without = without.into_iter().filter(|(missing, _)| !missing.is_empty());
    let without: Vec<String> =
        without.map(|(missing, why)| format!("{}; {why}", missing.join(", "))).collect();
    let found = judged(check, &needed, "you may not");
    match found.verdict {
        Verdict::Ok if !without.is_empty() => {
            Finding::ok(check, format!("all but: {}", without.join("; ")))
        }
        Verdict::Failed => judged(check, &on_call.iter().collect::<Vec<_>>(), "you may not"),
        Verdict::Ok | Verdict::Warning | Verdict::Skipped => found,
    }
}

fn ok(check: Check, asked: usize) -> Finding {
    Finding::ok(check, format!("all {asked} permissions are given"))
}

/// One finding of many rights: those that are missing, or why they are not known.
fn judged(check: Check, asked: &[&Answer], who: &str) -> Finding {
    let missing = denied(asked.iter().copied());
    let unknown = asked.iter().find_map(|answer| answer.allowed.as_ref().err());
    match (missing.is_empty(), unknown) {
        (true, None) => ok(check, asked.len()),
        (true, Some(Unknown(why))) => Finding::skipped(check, why),
        (false, _) => Finding::failed(check, format!("{who}: {}", few(&missing, NAMED))),
    }
}

/// The rights that are missing, those that change something first: they are missed most.
fn denied<'a>(answers: impl Iterator<Item = &'a Answer>) -> Vec<String> {
    let missing = answers.filter(|it| it.allowed == Ok(false)).map(|it| it.right);
    let (reading, changing): (Vec<_>, Vec<_>) =
        missing.partition(|right| rights::READ.contains(&right.verb));
    changing.into_iter().chain(reading).map(|right| right.to_string()).collect()
}

/// AF0301.
fn copies(operator: &Known<Option<Operator>>) -> Finding {
    let check = Check::OPERATOR;
    let operator = match operator {
        Ok(Some(operator)) => operator,
        Ok(None) => {
            return Finding::failed(
                check,
                "no Deployment with the label app.kubernetes.io/name=apifleet-controller",
            );
        }
        Err(Unknown(why)) => return Finding::skipped(check, why),
    };
    let Operator { namespace, name, replicas, ready, .. } = operator;
    let says = format!("{namespace}/{name}: {ready} of {replicas} copies are Ready");
    match (*ready, *replicas) {
        (0, _) => Finding::failed(check, says),
        (_, 1) => {
            Finding::warning(check, format!("{says}; a second one would take over in seconds"))
        }
        (ready, replicas) if ready < replicas => Finding::warning(check, says),
        _ => Finding::ok(check, says),
    }
}

/// AF0302.
fn leader(operator: &Known<Option<Operator>>, lease: &Known<Option<Lease>>) -> Finding {
    let check = Check::LEADER;
    let lease = match (operator, lease) {
        (Ok(None), _) => return Finding::skipped(check, "there is no operator (AF0301)"),
        (_, Err(Unknown(why))) => return Finding::skipped(check, why),
        (_, Ok(None)) => return Finding::failed(check, "there is no lease: nobody has led yet"),
        (_, Ok(Some(lease))) => lease,
    };
    let (Some(holder), Some(age)) =
        (lease.holder.as_deref().filter(|holder| !holder.is_empty()), age(lease))
    else {
        return Finding::failed(check, "the lease is there and nobody holds it");
    };
    // Of an operator with a wrong clock AF0105 tells; one that is too far behind looks like one that is gone.
    if age > LEASE {
        return Finding::failed(check, format!("{holder} renewed the lease {} ago", short(age)));
    }
    Finding::ok(check, format!("{holder} renewed the lease {} ago", short(age)))
}

/// AF0105.
fn clock(operator: &Known<Option<Operator>>, lease: &Known<Option<Lease>>) -> Finding {
    let check = Check::OPERATOR_CLOCK;
    let why = match (operator, lease) {
        (Ok(None), _) => "there is no operator (AF0301)",
        (_, Err(Unknown(why))) => why.as_str(),
        (_, Ok(None)) => "there is no lease (AF0302)",
        (_, Ok(Some(lease))) => match age(lease) {
            None => "nobody holds the lease (AF0302)",
            Some(age) if age <= -AHEAD => {
                let says = format!("{} ahead of the API server's", short(-age));
                return Finding::failed(check, says);
            }
            Some(age) if age > LEASE => {
                "the lease is old (AF0302), which a clock that is behind shows as well"
            }
            Some(_) => return Finding::ok(check, "within seconds of the API server's"),
        },
    };
    Finding::skipped(check, why)
}

/// How long ago the lease was renewed; negative where that is yet to come.
fn age(lease: &Lease) -> Option<SignedDuration> {
    lease.renewed.map(|renewed| lease.now.duration_since(renewed))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::rights::Right;
    use jiff::Timestamp;

    fn answers(rights: Vec<Right>, allowed: &Known<bool>) -> Vec<Answer> {
        rights.into_iter().map(|right| Answer { right, allowed: allowed.clone() }).collect()
    }

    fn lease(holder: Option<&str>, renewed: Option<&str>) -> Lease {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let now = at("2026-12-08T07:00:00Z");
        Lease { holder: holder.map(str::to_owned), renewed: renewed.map(at), now }
    }

    fn copies_of(ready: i32, replicas: i32) -> Verdict {
        copies(&Ok(Some(Operator { replicas, ready, ..Operator::default() }))).verdict
    }

    fn led(lease: &Known<Option<Lease>>) -> Verdict {
        leader(&Ok(Some(Operator::default())), lease).verdict
    }

    #[test]
    fn missing_rights_are_named_and_an_unasked_one_is_no_yes() {
        let of = |allowed: Known<bool>| on_call_rights(&answers(rights::on_call(), &allowed), &[]);
        assert_eq!(of(Ok(true)).verdict, Verdict::Ok);
        let denied = of(Ok(false));
        assert_eq!(denied.verdict, Verdict::Failed);
        assert!(denied.says.contains("create fleetoverrides.apifleet.dev"), "{}", denied.says);
        assert_eq!(of(Err(Unknown("no".to_owned()))).verdict, Verdict::Skipped);
    }

    #[test]
    fn a_binding_in_one_namespace_is_enough_without_nodes() {
        let without = |lacks: fn(Right) -> bool| {
            let answer = |right: Right| Answer { right, allowed: Ok(!lacks(right)) };
            let of = |rights: Vec<Right>| rights.into_iter().map(answer).collect::<Vec<_>>();
            on_call_rights(&of(rights::on_call()), &of(rights::policies()))
        };
        let found = without(|right| right.resource == "nodes");
        assert_eq!(found.verdict, Verdict::Ok);
        assert_eq!(
            found.says,
            "all but: get nodes, list nodes, watch nodes; they are in no namespace, so that a binding in one does not \
             give them"
        );
        let both = without(|right| {
            right.resource == "nodes"
                || (right.verb, right.resource) == ("patch", "scalingpolicies")
        });
        for words in ["policies are for others", "get nodes"] {
            assert!(both.says.contains(words), "{words}: {}", both.says);
        }
        let more = without(|right| matches!(right.resource, "nodes" | "services"));
        assert_eq!(more.verdict, Verdict::Failed);
        for words in ["get services", "get nodes"] {
            assert!(more.says.contains(words), "{words}: {}", more.says);
        }
    }

    #[test]
    fn who_may_escalate_needs_not_hold_what_is_granted() {
        let rights = |escalate| InstallRights {
            make: answers(rights::install(), &Ok(true)),
            hold: answers(rights::operator(), &Ok(false)),
            escalate: Answer { right: rights::ESCALATE, allowed: Ok(escalate) },
        };
        assert_eq!(install_rights(&rights(true)).verdict, Verdict::Ok);
        assert_eq!(install_rights(&rights(false)).verdict, Verdict::Failed);
    }

    #[test]
    fn an_operator_that_may_not_see_nodes_is_warned_about() {
        let needs = Ok(answers(rights::operator(), &Ok(true)));
        let spot = |allowed| Ok(answers(rights::spot(), &Ok(allowed)));
        assert_eq!(operator_rights(&needs, &spot(true)).verdict, Verdict::Ok);
        assert_eq!(operator_rights(&needs, &spot(false)).verdict, Verdict::Warning);
        let none = Ok(answers(rights::operator(), &Ok(false)));
        assert_eq!(operator_rights(&none, &spot(false)).verdict, Verdict::Failed);
    }

    #[test]
    fn one_copy_is_enough_to_act_and_too_few_to_rest() {
        assert_eq!(copies_of(2, 2), Verdict::Ok);
        assert_eq!(copies_of(1, 2), Verdict::Warning);
        assert_eq!(copies_of(1, 1), Verdict::Warning);
        assert_eq!(copies_of(0, 2), Verdict::Failed);
        assert_eq!(copies(&Ok(None)).verdict, Verdict::Failed);
    }

    #[test]
    fn a_lease_is_good_for_as_long_as_nobody_else_may_take_it() {
        let of = |lease| led(&Ok(Some(lease)));
        assert_eq!(of(lease(Some("a"), Some("2026-12-08T06:59:56Z"))), Verdict::Ok);
        assert_eq!(of(lease(Some("a"), Some("2026-12-08T06:59:40Z"))), Verdict::Failed);
        assert_eq!(of(lease(Some(""), Some("2026-12-08T06:59:56Z"))), Verdict::Failed);
        assert_eq!(of(lease(None, None)), Verdict::Failed);
        assert_eq!(led(&Ok(None)), Verdict::Failed);
        assert_eq!(led(&Err(Unknown("no".to_owned()))), Verdict::Skipped);
        assert_eq!(leader(&Ok(None), &Ok(None)).verdict, Verdict::Skipped);
    }

    #[test]
    fn a_lease_from_the_future_is_a_clock_that_is_ahead() {
        let of = |renewed| {
            let lease = Ok(Some(lease(Some("a"), Some(renewed))));
            clock(&Ok(Some(Operator::default())), &lease).verdict
        };
        assert_eq!(of("2026-12-08T06:59:58Z"), Verdict::Ok);
        assert_eq!(of("2026-12-08T07:00:03Z"), Verdict::Ok);
        assert_eq!(of("2026-12-08T08:00:00Z"), Verdict::Failed);
        assert_eq!(of("2026-12-08T06:00:00Z"), Verdict::Skipped);
    }
}
