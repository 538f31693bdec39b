//! The permissions that are asked about: those that the chart grants to the operator and to people on call, and those that
//! making the chart's objects takes. Tests hold the first two lists to the chart's roles.

use std::fmt;

/// A permission.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Right {
    /// What may be done.
    pub verb: &'static str,
    /// The API group; empty for the core.
    pub group: &'static str,
    /// To what, with its subresource after a slash.
    pub resource: &'static str,
}

/// Verbs on resources of a group.
type Rule = (&'static str, &'static [&'static str], &'static [&'static str]);

const OURS: &str = "apifleet.dev";
/// The verbs that change nothing.
pub const READ: &[&str] = &["get", "list", "watch"];
const SEE: &[&str] = &["list", "watch"];
const MAKE: &[&str] = &["create", "patch"];

/// What the operator does everywhere, or in the one namespace that it watches.
const OPERATOR: &[Rule] = &[
    (OURS, &["apifleets"], READ),
    (OURS, &["apifleets/status", "fleetoverrides/status"], &["patch"]),
    (OURS, &["scalingpolicies"], SEE),
    (OURS, &["fleetoverrides"], &["list", "watch", "delete"]),
    ("apps", &["deployments"], READ),
    ("apps", &["deployments/scale"], &["update"]),
    ("", &["pods"], SEE),
    ("autoscaling", &["horizontalpodautoscalers"], SEE),
    ("keda.sh", &["scaledobjects"], SEE),
    ("events.k8s.io", &["events"], &["create"]),
];

/// What it does for spot nodes as well.
const SPOT: &[Rule] = &[
    ("", &["nodes"], &["get", "list", "watch", "patch"]),
    ("", &["pods/eviction"], &["create"]),
    ("", &["pods"], &["delete"]),
];

/// What it does with its lease, in its own namespace.
const LEASE: &[Rule] = &[("coordination.k8s.io", &["leases"], &["create", "get", "update"])];

/// What it looks at when it begins, where it watches all namespaces: whether the definitions are older than it is.
const DEFINITIONS: &[Rule] = &[("apiextensions.k8s.io", &["customresourcedefinitions"], &["get"])];

/// What people on call do.
const ON_CALL: &[Rule] = &[
    (OURS, &["apifleets", "apifleets/status", "scalingpolicies", "fleetoverrides/status"], READ),
    (OURS, &["fleetoverrides"], &["get", "list", "watch", "create", "update", "patch", "delete"]),
    ("apps", &["deployments", "replicasets"], READ),
    ("apps", &["deployments/scale"], &["get"]),
    ("", &["pods", "pods/log", "services", "events"], READ),
    ("", &["nodes"], READ),
    ("policy", &["poddisruptionbudgets"], READ),
    ("autoscaling", &["horizontalpodautoscalers"], READ),
    ("keda.sh", &["scaledobjects"], READ),
    ("discovery.k8s.io", &["endpointslices"], READ),
    ("events.k8s.io", &["events"], READ),
];

/// What people on call may do besides where the chart's value `oncall.patchPolicies` says so.
const POLICIES: &[Rule] = &[(OURS, &["scalingpolicies"], &["patch"])];

/// What the chart makes.
const INSTALL: &[Rule] = &[
    ("apiextensions.k8s.io", &["customresourcedefinitions"], MAKE),
    ("rbac.authorization.k8s.io", &["clusterroles", "clusterrolebindings"], MAKE),
    ("rbac.authorization.k8s.io", &["roles", "rolebindings"], MAKE),
    (
        "admissionregistration.k8s.io",
        &["validatingadmissionpolicies", "validatingadmissionpolicybindings"],
        MAKE,
    ),
    ("scheduling.k8s.io", &["priorityclasses"], MAKE),
    ("policy", &["poddisruptionbudgets"], MAKE),
    ("apps", &["deployments"], MAKE),
    ("", &["serviceaccounts"], MAKE),
];

/// Who has it may grant what they have not.
pub const ESCALATE: Right =
    Right { verb: "escalate", group: "rbac.authorization.k8s.io", resource: "clusterroles" };

/// What the operator needs.
#[must_use]
pub fn operator() -> Vec<Right> {
    each(OPERATOR)
}

/// What it needs to cover fleets before spot nodes are taken away.
#[must_use]
pub fn spot() -> Vec<Right> {
    each(SPOT)
}

/// What it needs in its own namespace.
#[must_use]
pub fn lease() -> Vec<Right> {
    each(LEASE)
}

/// What it needs to see whether the definitions are older than it is.
#[must_use]
pub fn definitions() -> Vec<Right> {
    each(DEFINITIONS)
}

/// What people on call need.
#[must_use]
pub fn on_call() -> Vec<Right> {
    each(ON_CALL)
}

/// What people on call may do besides.
#[must_use]
pub fn policies() -> Vec<Right> {
    each(POLICIES)
}

/// What making the chart's objects takes.
#[must_use]
pub fn install() -> Vec<Right> {
    each(INSTALL)
}

fn each(rules: &[Rule]) -> Vec<Right> {
    let mut rights = Vec::new();
    for (group, resources, verbs) in rules.iter().copied() {
        for &resource in resources {
            rights.extend(verbs.iter().map(|&verb| Right { verb, group, resource }));
        }
    }
    rights
}

// === impl Right ===

impl Right {
    /// The resource without its subresource, and that.
    #[must_use]
    pub fn parts(self) -> (&'static str, Option<&'static str>) {
        match self.resource.split_once('/') {
            Some((resource, subresource)) => (resource, Some(subresource)),
            None => (self.resource, None),
        }
    }

    /// Whether what it is about belongs to no namespace.
    #[must_use]
    pub fn is_of_cluster(self) -> bool {
        matches!(self.resource, "nodes" | "customresourcedefinitions")
    }
}

impl fmt::Display for Right {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (resource, subresource) = self.parts();
        write!(f, "{} {resource}", self.verb)?;
        if !self.group.is_empty() {
            write!(f, ".{}", self.group)?;
        }
        subresource.map_or(Ok(()), |subresource| write!(f, "/{subresource}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    /// The permissions of a template's rules, as `verb resource.group`.
    fn of_chart(template: &str) -> BTreeSet<String> {
        let list = |line: &str| -> Vec<String> {
            let inside = line.split_once('[').unwrap().1.split_once(']').unwrap().0;
            inside.split(',').map(|it| it.trim().trim_matches('"').to_owned()).collect()
        };
        let (mut groups, mut resources) = (Vec::new(), Vec::new());
        let mut rights = BTreeSet::new();
        for line in template.lines().map(|line| line.trim().trim_start_matches("- ")) {
            match line.split_once(": ").map_or("", |(key, _)| key) {
                "apiGroups" => groups = list(line),
                "resources" => resources = list(line),
                "verbs" => {
                    for (resource, verb) in
                        resources.iter().flat_map(|it| list(line).into_iter().map(move |v| (it, v)))
                    {
                        rights.insert(format!("{verb} {resource} {}", groups.join(",")));
                    }
                }
                _ => {}
            }
        }
        rights
    }

    fn asked(rights: impl IntoIterator<Item = Right>) -> BTreeSet<String> {
        let text = |it: Right| format!("{} {} {}", it.verb, it.resource, it.group);
        rights.into_iter().map(text).collect()
    }

    fn template(path: &str) -> String {
        let path = format!("{}/../charts/apifleet/templates/{path}", env!("CARGO_MANIFEST_DIR"));
        std::fs::read_to_string(path).unwrap()
    }

    #[test]
    fn the_operator_is_asked_about_what_the_chart_grants_it() {
        let rights = [operator(), spot(), lease(), definitions()].concat();
        assert_eq!(asked(rights), of_chart(&template("operator/rbac.yaml")));
    }

    #[test]
    fn people_on_call_are_asked_about_what_the_chart_grants_them() {
        let roles = template("roles.yaml");
        let (_, role) = roles.split_once("name: apifleet-oncall").unwrap();
        let rights = [on_call(), policies()].concat();
        let mut granted = of_chart(role);
        // By name, which only the operator's release knows; AF0302 reads it.
        assert!(granted.remove("get leases coordination.k8s.io"));
        assert_eq!(asked(rights), granted);
    }

    #[test]
    fn a_right_reads_as_people_ask_for_it() {
        let right = Right { verb: "patch", group: "apifleet.dev", resource: "apifleets/status" };
        assert_eq!(right.to_string(), "patch apifleets.apifleet.dev/status");
        let right = Right { verb: "list", group: "", resource: "pods" };
        assert_eq!(right.to_string(), "list pods");
    }
}
