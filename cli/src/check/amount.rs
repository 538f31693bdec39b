//! Amounts of CPU, memory and pods: as much of Kubernetes' Quantity as requests, nodes and quotas are written in. Pure.

use k8s_openapi::api::core::v1::{Container, PodSpec};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use std::collections::BTreeMap;

/// What pods ask for and nodes have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Amount {
    /// Thousandths of a CPU.
    pub millicpu: u64,
    /// Bytes of memory.
    pub memory: u64,
    /// Pods.
    pub pods: u64,
}

type Quantities = BTreeMap<String, Quantity>;

const SUFFIXES: [(&str, u128); 12] = [
    ("Ki", 1 << 10),
    ("Mi", 1 << 20),
    ("Gi", 1 << 30),
    ("Ti", 1 << 40),
    ("Pi", 1 << 50),
    ("Ei", 1 << 60),
    ("k", 1_000),
    ("M", 1_000_000),
    ("G", 1_000_000_000),
    ("T", 1_000_000_000_000),
    ("P", 1_000_000_000_000_000),
    ("E", 1_000_000_000_000_000_000),
];

/// More digits than this are no amount of anything here.
const MOST_DIGITS: usize = 18;

/// The quantity in thousandths, rounded up as Kubernetes rounds; `None` where it is none, or negative.
#[must_use]
pub fn thousandths(quantity: &Quantity) -> Option<u64> {
    let text = quantity.0.trim();
    let scaled = |digits: &str, unit: u128, parts: u128| {
        let product = decimal(digits)?.checked_mul(unit)?.checked_mul(1_000)?;
        u64::try_from(product.div_ceil(parts * NANO)).ok()
    };
    for (suffix, parts) in [("m", 1_000), ("u", 1_000_000), ("n", NANO)] {
        if let Some(digits) = text.strip_suffix(suffix) {
            return scaled(digits, 1, parts);
        }
    }
    for (suffix, unit) in SUFFIXES {
        if let Some(digits) = text.strip_suffix(suffix) {
            return scaled(digits, unit, 1);
        }
    }
    match text.split_once(['e', 'E']) {
        Some((digits, exponent)) => {
            let exponent = exponent.parse::<u32>().ok().filter(|exponent| *exponent <= 18)?;
            scaled(digits, 10_u128.pow(exponent), 1)
        }
        None => scaled(text, 1, 1),
    }
}

const NANO: u128 = 1_000_000_000;

/// A decimal number in billionths.
fn decimal(text: &str) -> Option<u128> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let all_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let fits = !text.is_empty() && whole.len() <= MOST_DIGITS && fraction.len() <= 9;
    if !fits || !all_digits(whole) || !all_digits(fraction) || whole.len() + fraction.len() == 0 {
        return None;
    }
    let whole: u128 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    let fraction: u128 = format!("{fraction:0<9}").parse().ok()?;
    whole.checked_mul(NANO)?.checked_add(fraction)
}

// === impl Amount ===

impl Amount {
    /// What these quantities say; what they do not say is nothing.
    #[must_use]
    pub fn of(quantities: Option<&Quantities>) -> Self {
        let named = |name: &str| quantities?.get(name).and_then(thousandths);
        let whole = |name: &str| named(name).unwrap_or_default() / 1_000;
        Self {
            millicpu: named("cpu").unwrap_or_default(),
            memory: whole("memory"),
            pods: whole("pods"),
        }
    }

    /// What one pod of this spec is counted as by the scheduler.
    #[must_use]
    pub fn of_pod(spec: &PodSpec) -> Self {
        Self::of_containers(spec, |container| {
            container.resources.as_ref().and_then(|resources| resources.requests.as_ref())
        })
    }

    /// The same of its limits.
    #[must_use]
    pub fn limits_of_pod(spec: &PodSpec) -> Self {
        Self::of_containers(spec, |container| {
            container.resources.as_ref().and_then(|resources| resources.limits.as_ref())
        })
    }

    /// Containers run together; those that run first do so alone, but for sidecars, which stay.
    fn of_containers(spec: &PodSpec, of: fn(&Container) -> Option<&Quantities>) -> Self {
        let together =
            spec.containers.iter().fold(Self::default(), |sum, it| sum.plus(Self::of(of(it))));
        let (mut sidecars, mut first) = (Self::default(), Self::default());
        for container in spec.init_containers.iter().flatten() {
            let asked = Self::of(of(container));
            if container.restart_policy.as_deref() == Some("Always") {
                sidecars = sidecars.plus(asked);
                first = first.max(sidecars);
            } else {
                first = first.max(sidecars.plus(asked));
            }
        }
        let overhead = Self::of(spec.overhead.as_ref());
        Self { pods: 1, ..together.plus(sidecars).max(first).plus(overhead) }
    }

    /// Both together.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            millicpu: self.millicpu.saturating_add(other.millicpu),
            memory: self.memory.saturating_add(other.memory),
            pods: self.pods.saturating_add(other.pods),
        }
    }

    /// What is left.
    #[must_use]
    pub fn minus(self, other: Self) -> Self {
        Self {
            millicpu: self.millicpu.saturating_sub(other.millicpu),
            memory: self.memory.saturating_sub(other.memory),
            pods: self.pods.saturating_sub(other.pods),
        }
    }

    fn max(self, other: Self) -> Self {
        Self {
            millicpu: self.millicpu.max(other.millicpu),
            memory: self.memory.max(other.memory),
            pods: self.pods.max(other.pods),
        }
    }

    /// How many pods of this size it holds.
    #[must_use]
    pub fn holds(self, pod: Self) -> u64 {
        let times = |have: u64, each: u64| have.checked_div(each).unwrap_or(u64::MAX);
        times(self.millicpu, pod.millicpu)
            .min(times(self.memory, pod.memory))
            .min(times(self.pods, pod.pods))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_are_those_of_kubernetes() {
        for (text, expected) in [
            ("1", Some(1_000)),
            ("100m", Some(100)),
            ("0.5", Some(500)),
            (".5", Some(500)),
            ("1.0005", Some(1_001)),
            ("1n", Some(1)),
            ("64Mi", Some(67_108_864_000)),
            ("1.5Gi", Some(1_610_612_736_000)),
            ("2k", Some(2_000_000)),
            ("1e3", Some(1_000_000)),
            ("0", Some(0)),
        ] {
            assert_eq!(thousandths(&Quantity(text.to_owned())), expected, "{text}");
        }
        for bad in
            ["", "m", "-1", "one", "1.2.3", "1e99", "99999999999999999999", ".", "1 Gi", "16Ei"]
        {
            assert_eq!(thousandths(&Quantity(bad.to_owned())), None, "{bad}");
        }
    }

    #[test]
    fn a_pod_asks_for_its_containers_or_for_what_runs_before_them() {
        let container =
            |cpu: &str| serde_json::json!({"name": "c", "resources": {"requests": {"cpu": cpu}}});
        let pod = |value| Amount::of_pod(&serde_json::from_value(value).unwrap()).millicpu;
        let both = serde_json::json!({"containers": [container("100m"), container("50m")]});
        assert_eq!(pod(both), 150);
        let first = serde_json::json!({"containers": [container("100m")], "initContainers": [container("1")]});
        assert_eq!(pod(first), 1_000);
        let mut sidecar = container("30m");
        sidecar["restartPolicy"] = "Always".into();
        let stays =
            serde_json::json!({"containers": [container("100m")], "initContainers": [sidecar]});
        assert_eq!(pod(stays), 130);
    }

    #[test]
    fn a_node_holds_as_many_pods_as_its_scarcest_resource() {
        let node = Amount { millicpu: 1_000, memory: 1_000, pods: 110 };
        assert_eq!(node.holds(Amount { millicpu: 300, memory: 100, pods: 1 }), 3);
        assert_eq!(node.holds(Amount { millicpu: 0, memory: 0, pods: 1 }), 110);
    }
}
