//! The registry of checks: each has a code that never changes its meaning, a title, what it proves, and what helps where
//! it fails. One list: the judges name its entries, the screen shows them, and a test holds `docs/checks.md` to it.
//!
//! Codes are `AF` and four digits; the first two tell the subject: 01 the cluster, 02 permissions, 03 the operator,
//! 04 Prometheus, 05 a fleet, 06 room for it. A code that is given up is never given away again.

use crate::pages;

/// A check; one of the constants below.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Check {
    /// The name of the check in scripts and documents.
    pub code: &'static str,
    /// What is looked at, in a few words.
    pub title: &'static str,
    /// What is true where it is ok.
    pub proves: &'static str,
    /// What to do where it is not.
    pub fix: &'static str,
}

// === impl Check ===

impl Check {
    /// The version of Kubernetes.
    pub const KUBERNETES: Self = Self {
        code: "AF0101",
        title: "Kubernetes is new enough",
        proves: "The API server has what the definitions, their rules and the admission policies need.",
        fix: "upgrade the cluster",
    };
    /// The kinds are served.
    pub const SERVED: Self = Self {
        code: "AF0102",
        title: "the kinds are served",
        proves: "ApiFleet, ScalingPolicy and FleetOverride can be read and written.",
        fix: "install the chart with crds.enabled=true, or the definitions of crds/yaml with: kubectl apply \
                 --server-side -f crds/yaml",
    };
    /// The definitions are as new as this program.
    pub const DEFINITION_AGE: Self = Self {
        code: "AF0103",
        title: "the definitions are as new as this program",
        proves: "No field that this program or an operator of its version writes is dropped by the API server.",
        fix: "bring the older side up to date: this program, or the definitions by upgrading the release that brought \
                 them (helm upgrade NAME charts/CHART -n NAMESPACE --reset-then-reuse-values); those of no release with \
                 kubectl apply --server-side --force-conflicts -f crds/yaml",
    };
    /// The clock of this machine.
    pub const CLOCK: Self = Self {
        code: "AF0104",
        title: "this machine's clock is right",
        proves: "The beginnings and ends of overrides that are ordered here are those that were meant.",
        fix: "set this machine's clock by NTP",
    };
    /// The clock of the operator.
    pub const OPERATOR_CLOCK: Self = Self {
        code: "AF0105",
        title: "the operator's clock is right",
        proves: "Windows open, and overrides end, when they should.",
        fix: "set the clock of the operator's node by NTP",
    };
    /// Whoever installs may grant what the operator needs.
    pub const INSTALL_RIGHTS: Self = Self {
        code: "AF0201",
        title: "you may install the operator",
        proves: "You may make what the chart makes, and hold what its roles grant: nobody can grant more than \
                 they have.",
        fix: "install as a cluster administrator, or ask for the permissions that are named",
    };
    /// The operator may do what it does.
    pub const OPERATOR_RIGHTS: Self = Self {
        code: "AF0202",
        title: "the operator may do what it does",
        proves: "Its service account has every permission that the chart's roles grant.",
        fix: "upgrade the release of the chart, and look for roles that were edited by hand",
    };
    /// The caller may do what people on call do.
    pub const ON_CALL_RIGHTS: Self = Self {
        code: "AF0203",
        title: "you may do what people on call do",
        proves: "status, explain and override work with your own credentials.",
        fix: "ask for a binding of the ClusterRole apifleet-oncall",
    };
    /// The operator runs.
    pub const OPERATOR: Self = Self {
        code: "AF0301",
        title: "the operator runs",
        proves: "A Deployment of the operator is there, and copies of it are Ready.",
        fix: "install it, or see why its pods are not Ready: kubectl describe pods -A -l \
                 app.kubernetes.io/name=apifleet-controller",
    };
    /// One copy of it leads.
    pub const LEADER: Self = Self {
        code: "AF0302",
        title: "one copy of the operator leads",
        proves: "A copy holds the lease and has renewed it of late: somebody acts.",
        fix: "read the operator's log: kubectl logs -n apifleet-system deployment/apifleet-controller",
    };
    /// Prometheus answers.
    pub const PROMETHEUS: Self = Self {
        code: "AF0401",
        title: "Prometheus answers",
        proves: "A query is answered by the Prometheus that was asked.",
        fix: "check the address (chart value operator.prometheusUrl), NetworkPolicies and Prometheus itself",
    };
    /// The requests of the fleet are measured.
    pub const REQUESTS: Self = Self {
        code: "AF0402",
        title: "the fleet's requests are measured",
        proves: "The series that the fleet names exist and give a rate of requests.",
        fix: "see that the pods are scraped, and that namespace and fleet are labels of their series; or name \
                 other series in spec.signals.custom",
    };
    /// The newest sample is young enough.
    pub const SAMPLE_AGE: Self = Self {
        code: "AF0403",
        title: "samples are fresh",
        proves: "The newest sample is younger than staleAfterSeconds, so that it may remove replicas as well.",
        fix: "look for targets that are down in Prometheus, and for clocks that differ",
    };
    /// The latency target is an edge of the histogram.
    pub const LATENCY_BUCKET: Self = Self {
        code: "AF0404",
        title: "the latency target is an edge of the histogram",
        proves: "Whether latency is above its target is counted, not guessed between two far edges.",
        fix: "give the histogram a bucket at the target (0.2 for 200 ms), or choose a target that is an edge",
    };
    /// Scraped often enough to see a burst.
    pub const SCRAPE_INTERVAL: Self = Self {
        code: "AF0405",
        title: "scraped often enough to see a burst",
        proves: "Pods are scraped every 5 s, so that the rate over 15 s exists and a burst is seen at once.",
        fix: "scrape the fleet's pods every 5 s, and set operator.scrapeIntervalSeconds to 5",
    };
    /// The spec means something.
    pub const SPEC: Self = Self {
        code: "AF0501",
        title: "the spec means something",
        proves: "The fleet, laid over the policy that it names, can be decided.",
        fix: "correct the field that is named, in the fleet or in its policy",
    };
    /// Its time zones are known.
    pub const ZONES: Self = Self {
        code: "AF0502",
        title: "its time zones are known",
        proves: "Every schedule's zone is in the database that the operator carries.",
        fix: "write a name of the IANA database, such as Europe/Paris",
    };
    /// Its Deployments exist.
    pub const TARGETS: Self = Self {
        code: "AF0503",
        title: "its Deployments exist",
        proves: "What the operator is to scale is there.",
        fix: "create the Deployment, or correct spec.targets",
    };
    /// No other autoscaler wants them.
    pub const AUTOSCALER: Self = Self {
        code: "AF0504",
        title: "no other autoscaler has its Deployments",
        proves: "The operator is the only one that writes their replicas.",
        fix: "delete the other one when the fleet is to take over (the verb import shows it as a fleet first)",
    };
    /// Its disruption budgets let nodes be drained.
    pub const DISRUPTION: Self = Self {
        code: "AF0505",
        title: "nodes can be drained at its smallest size",
        proves: "At minReplicas a disruption budget lets pods go one by one, and never all at once.",
        fix: "use one PodDisruptionBudget per Deployment with maxUnavailable of 1 or more",
    };
    /// The nodes hold its largest size.
    pub const NODES: Self = Self {
        code: "AF0601",
        title: "the nodes hold its largest size",
        proves: "What maxReplicas asks for fits beside all that runs now, without a new node.",
        fix: "add nodes, see that the cluster's node autoscaler may, or lower maxReplicas or the pods' requests",
    };
    /// The quota holds its largest size.
    pub const QUOTA: Self = Self {
        code: "AF0602",
        title: "the quota holds its largest size",
        proves: "No ResourceQuota of the namespace stops the fleet before maxReplicas.",
        fix: "raise the quota, or lower maxReplicas or the pods' requests",
    };
    /// Every check, in the order of their codes.
    pub const ALL: [Self; 22] = [
        Self::KUBERNETES,
        Self::SERVED,
        Self::DEFINITION_AGE,
        Self::CLOCK,
        Self::OPERATOR_CLOCK,
        Self::INSTALL_RIGHTS,
        Self::OPERATOR_RIGHTS,
        Self::ON_CALL_RIGHTS,
        Self::OPERATOR,
        Self::LEADER,
        Self::PROMETHEUS,
        Self::REQUESTS,
        Self::SAMPLE_AGE,
        Self::LATENCY_BUCKET,
        Self::SCRAPE_INTERVAL,
        Self::SPEC,
        Self::ZONES,
        Self::TARGETS,
        Self::AUTOSCALER,
        Self::DISRUPTION,
        Self::NODES,
        Self::QUOTA,
    ];

    /// Where it is explained.
    #[must_use]
    pub fn docs(self) -> String {
        format!("{}#{}", pages::address("checks.md"), self.code.to_lowercase())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn codes_are_unique_and_in_order() {
        let codes = Check::ALL.map(|check| check.code);
        assert!(codes.is_sorted() && BTreeSet::from(codes).len() == codes.len(), "{codes:?}");
        for code in codes {
            let digits = code.strip_prefix("AF").unwrap();
            assert!(digits.len() == 4 && digits.parse::<u16>().is_ok(), "{code}");
        }
    }

    #[test]
    fn every_check_has_its_own_words() {
        let distinct =
            |words: fn(Check) -> &'static str| BTreeSet::from(Check::ALL.map(words)).len();
        assert_eq!(distinct(|it| it.title), Check::ALL.len());
        assert_eq!(distinct(|it| it.proves), Check::ALL.len());
        assert_eq!(distinct(|it| it.fix), Check::ALL.len());
    }

    #[test]
    fn the_page_explains_every_check_in_its_own_words() {
        let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/checks.md");
        let page = std::fs::read_to_string(page).unwrap();
        let plain = page.split_whitespace().collect::<Vec<_>>().join(" ");
        let headings: Vec<&str> =
            page.lines().filter_map(|line| line.strip_prefix("### ")).collect();
        assert_eq!(headings, Check::ALL.map(|check| check.code), "a heading for each, in order");
        for Check { code, title, proves, fix } in Check::ALL {
            let entry = format!("### {code} **{title}.** {proves} *If not:* {fix}.");
            assert!(plain.contains(&entry), "docs/checks.md does not say: {entry}");
        }
    }
}
