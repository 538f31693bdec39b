//! Names as they are typed, parsed: what is asked of the API server can be nothing but a name.

use apifleet_crds::names::{DeploymentName, ObjectName};
use std::fmt;

/// What may stand before the name of a fleet, as in `kubectl`; `-o name` prints the last one.
const PREFIXES: [&str; 4] = ["af/", "apifleet/", "apifleets/", "apifleet.apifleet.dev/"];

/// What may stand before the name of a policy.
const POLICY_PREFIXES: [&str; 4] =
    ["sp/", "scalingpolicy/", "scalingpolicies/", "scalingpolicy.apifleet.dev/"];

/// The same of an override.
const OVERRIDE_PREFIXES: [&str; 4] =
    ["fo/", "fleetoverride/", "fleetoverrides/", "fleetoverride.apifleet.dev/"];
/// The longest name of an override.
const LONGEST_OVERRIDE: usize = 32;

/// The name of a fleet: a DNS-1123 subdomain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FleetName(String);

/// The name of a policy: a DNS-1123 subdomain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyName(String);

/// The name of an override: a DNS-1123 subdomain of at most 32 characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OverrideName(String);

/// The name of a namespace: a DNS-1123 label.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Namespace(String);

/// What has been parsed can be asked for, and is shown, as plain text.
macro_rules! shown_as_text {
    ($($name:ident),+) => {$(
        impl $name {
            /// The plain text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    )+};
}

shown_as_text!(FleetName, PolicyName, OverrideName, Namespace);

/// What is left of a name without its kind.
fn bare<'a>(text: &'a str, prefixes: &[&str]) -> &'a str {
    prefixes.iter().find_map(|prefix| text.strip_prefix(prefix)).unwrap_or(text)
}

// === impl FleetName ===

impl FleetName {
    /// The name, with or without its kind.
    ///
    /// # Errors
    /// Where it is none: what a name looks like.
    pub fn parse(text: &str) -> Result<Self, String> {
        // Both are DNS-1123 subdomains.
        DeploymentName::parse(bare(text, &PREFIXES))
            .map(|name| Self(name.to_string()))
            .ok_or_else(|| "a fleet's name has lower case letters, digits, - and .".to_owned())
    }
}

// === impl PolicyName ===

impl PolicyName {
    /// The name, with or without its kind.
    ///
    /// # Errors
    /// Where it is none: what a name looks like.
    pub fn parse(text: &str) -> Result<Self, String> {
        ObjectName::parse(bare(text, &POLICY_PREFIXES))
            .map(|name| Self(name.to_string()))
            .ok_or_else(|| "a policy's name has lower case letters, digits, - and .".to_owned())
    }
}

// === impl OverrideName ===

impl OverrideName {
    /// The name, with or without its kind.
    ///
    /// # Errors
    /// Where it is none: what a name looks like.
    pub fn parse(text: &str) -> Result<Self, String> {
        let name = DeploymentName::parse(bare(text, &OVERRIDE_PREFIXES)).map(|it| it.to_string());
        name.filter(|name| name.len() <= LONGEST_OVERRIDE).map(Self).ok_or_else(|| {
            "the name of an override has lower case letters, digits, - and ., at most 32".to_owned()
        })
    }
}

// === impl Namespace ===

impl Namespace {
    /// The name.
    ///
    /// # Errors
    /// Where it is none: what a name looks like.
    pub fn parse(text: &str) -> Result<Self, String> {
        let is_label =
            DeploymentName::parse(text).is_some() && !text.contains('.') && text.len() <= 63;
        is_label.then(|| Self(text.to_owned())).ok_or_else(|| {
            "a namespace has lower case letters, digits and -, at most 63".to_owned()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fleet_may_be_named_with_its_kind() {
        for typed in
            ["shop-api", "af/shop-api", "apifleet/shop-api", "apifleet.apifleet.dev/shop-api"]
        {
            assert_eq!(FleetName::parse(typed).unwrap().as_str(), "shop-api", "{typed}");
        }
    }

    #[test]
    fn a_policy_may_be_named_with_its_kind() {
        for typed in
            ["steady", "sp/steady", "scalingpolicy/steady", "scalingpolicy.apifleet.dev/steady"]
        {
            assert_eq!(PolicyName::parse(typed).unwrap().as_str(), "steady", "{typed}");
        }
        for typed in ["", "af/steady", "../steady", "Steady", "sp/"] {
            assert!(PolicyName::parse(typed).is_err(), "{typed:?} was taken for a policy");
        }
    }

    #[test]
    fn nothing_that_could_change_a_request_is_a_name() {
        for typed in
            ["", "..", "../secrets", "shop/api", "a?b", "UPPER", "af/", "deployment/x", "a b", "-a"]
        {
            assert!(FleetName::parse(typed).is_err(), "{typed:?} was taken for a fleet");
        }
        for typed in ["", "a.b", "a/b", "Shop", &"x".repeat(64)] {
            assert!(Namespace::parse(typed).is_err(), "{typed:?} was taken for a namespace");
        }
        for typed in ["", "a b", "UPPER", &"x".repeat(33), "af/calm"] {
            assert!(OverrideName::parse(typed).is_err(), "{typed:?} was taken for an override");
        }
        assert_eq!(OverrideName::parse("fo/calm").unwrap().as_str(), "calm");
        assert_eq!(Namespace::parse("kube-system").unwrap().as_str(), "kube-system");
    }
}
