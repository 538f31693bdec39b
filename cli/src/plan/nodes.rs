//! The sizes of common nodes, from their clouds' documentation. No list of these is ever complete: what is not here is
//! typed with `--node-cpu` and `--node-memory`.

use super::amount::{Cpu, Memory};
use crate::near;

/// No node runs more pods, whatever its size: the kubelet's default.
const MOST_PODS: u32 = 110;
/// What a node keeps for its system, the kubelet and the pods that run on every node: a tenth of both, and so much
/// memory besides, in MiB.
const KEPT_MEMORY: u32 = 512;

/// A node by its size.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// The name of its type; `None` where only its size was typed.
    pub name: Option<String>,
    /// Its CPU.
    pub cpu: Cpu,
    /// Its memory.
    pub memory: Memory,
}

/// Types of nodes that differ by their size alone.
struct Family {
    /// What stands before the size, for each generation.
    prefixes: &'static [&'static str],
    /// What stands behind it.
    suffix: &'static str,
    /// The sizes: their word, and CPUs.
    sizes: &'static [(&'static str, u32)],
    /// GiB for each CPU.
    memory_per_cpu: u32,
}

/// AWS' words for a size.
const AWS: &[(&str, u32)] = &[("large", 2), ("xlarge", 4), ("2xlarge", 8), ("4xlarge", 16)];
/// Google's and Azure's.
const NUMBERS: &[(&str, u32)] = &[("2", 2), ("4", 4), ("8", 8), ("16", 16)];

const FAMILIES: &[Family] = &[
    Family {
        prefixes: &["m5.", "m5a.", "m6i.", "m6a.", "m6g.", "m7i.", "m7a.", "m7g.", "m8g."],
        suffix: "",
        sizes: AWS,
        memory_per_cpu: 4,
    },
    Family {
        prefixes: &["c5.", "c6i.", "c6a.", "c6g.", "c7i.", "c7a.", "c7g.", "c8g."],
        suffix: "",
        sizes: AWS,
        memory_per_cpu: 2,
    },
    Family {
        prefixes: &["r5.", "r5a.", "r6i.", "r6a.", "r6g.", "r7i.", "r7a.", "r7g.", "r8g."],
        suffix: "",
        sizes: AWS,
        memory_per_cpu: 8,
    },
    Family {
        prefixes: &["t3.", "t3a.", "t4g."],
        suffix: "",
        sizes: &[("large", 2), ("xlarge", 4), ("2xlarge", 8)],
        memory_per_cpu: 4,
    },
    Family {
        prefixes: &["e2-standard-", "n2-standard-", "n2d-standard-", "t2d-standard-"],
        suffix: "",
        sizes: NUMBERS,
        memory_per_cpu: 4,
    },
    Family {
        prefixes: &["e2-highcpu-", "n2-highcpu-"],
        suffix: "",
        sizes: NUMBERS,
        memory_per_cpu: 1,
    },
    Family {
        prefixes: &["e2-highmem-", "n2-highmem-"],
        suffix: "",
        sizes: NUMBERS,
        memory_per_cpu: 8,
    },
    Family { prefixes: &["Standard_D"], suffix: "s_v5", sizes: NUMBERS, memory_per_cpu: 4 },
    Family { prefixes: &["Standard_D"], suffix: "as_v5", sizes: NUMBERS, memory_per_cpu: 4 },
    Family { prefixes: &["Standard_E"], suffix: "s_v5", sizes: NUMBERS, memory_per_cpu: 8 },
    Family { prefixes: &["Standard_F"], suffix: "s_v2", sizes: NUMBERS, memory_per_cpu: 2 },
];

// === impl Node ===

impl Node {
    /// The node of a type.
    ///
    /// # Errors
    /// Where the type is not known: which may have been meant, and what else can be typed.
    pub fn of_type(name: &str) -> Result<Self, String> {
        let known: Vec<Self> = FAMILIES.iter().flat_map(Family::nodes).collect();
        if let Some(node) = known.iter().find(|node| node.name.as_deref() == Some(name)) {
            return Ok(node.clone());
        }
        let near = near::nearest(name, known.iter().filter_map(|node| node.name.as_deref()));
        Err(format!(
            "the size of node type {name:?} is not known{}; give it with --node-cpu and --node-memory",
            near::hint(&near).trim_end_matches('?')
        ))
    }

    /// What it has left for pods: CPU in thousandths, and memory in MiB.
    #[must_use]
    pub fn room(&self) -> (u32, u32) {
        let nine_tenths = |amount: u32| amount - amount / 10;
        (
            nine_tenths(self.cpu.millis()),
            nine_tenths(self.memory.mebibytes()).saturating_sub(KEPT_MEMORY),
        )
    }

    /// How many pods of this size find room on it.
    #[must_use]
    pub fn pods(&self, cpu: Cpu, memory: Memory) -> u32 {
        let (cpu_left, memory_left) = self.room();
        (cpu_left / cpu.millis()).min(memory_left / memory.mebibytes()).min(MOST_PODS)
    }

    /// What people call it.
    #[must_use]
    pub fn label(&self) -> String {
        let size = format!("{} CPU, {}", self.cpu, self.memory);
        self.name.as_ref().map_or_else(|| size.clone(), |name| format!("{name} ({size})"))
    }
}

// === impl Family ===

impl Family {
    fn nodes(&self) -> impl Iterator<Item = Node> + '_ {
        self.prefixes.iter().flat_map(move |prefix| {
            self.sizes.iter().map(move |(size, cpus)| Node {
                name: Some(format!("{prefix}{size}{}", self.suffix)),
                cpu: Cpu::whole(*cpus),
                memory: Memory::gibibytes(cpus * self.memory_per_cpu),
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn common_types_have_their_documented_sizes() {
        for (name, cpus, gibibytes) in [
            ("m6i.large", 2, 8),
            ("c7g.2xlarge", 8, 16),
            ("r5.xlarge", 4, 32),
            ("t3.large", 2, 8),
            ("e2-standard-4", 4, 16),
            ("n2-highcpu-16", 16, 16),
            ("Standard_D4s_v5", 4, 16),
            ("Standard_F8s_v2", 8, 16),
        ] {
            let node = Node::of_type(name).unwrap();
            let size = (Cpu::whole(cpus), Memory::gibibytes(gibibytes));
            assert_eq!((node.cpu, node.memory), size, "{name}");
        }
    }

    #[test]
    fn a_type_that_is_not_known_says_which_are_near_and_what_else_helps() {
        let said = Node::of_type("m6i.larg").unwrap_err();
        assert!(said.contains("did you mean m6i.large"), "{said}");
        assert!(said.contains("--node-cpu") && said.contains("--node-memory"), "{said}");
        let said = Node::of_type("x2idn.metal").unwrap_err();
        assert!(!said.contains("did you mean") && said.contains("--node-cpu"), "{said}");
    }

    #[test]
    fn a_node_keeps_something_for_itself() {
        let node = Node::of_type("m6i.large").unwrap();
        assert_eq!(node.room(), (1800, 6861));
        let pods =
            |cpu, memory| node.pods(Cpu::parse(cpu).unwrap(), Memory::parse(memory).unwrap());
        assert_eq!(pods("1500m", "2Gi"), 1);
        assert_eq!(pods("500m", "2Gi"), 3);
        assert_eq!(pods("100m", "2Gi"), 3, "memory counts as well");
        assert_eq!(pods("2", "2Gi"), 0, "a pod of a whole node finds no room");
        assert_eq!(pods("1m", "1Mi"), 110, "what the kubelet allows");
    }

    #[test]
    fn no_type_is_there_twice() {
        let mut names: Vec<_> = FAMILIES.iter().flat_map(Family::nodes).map(|it| it.name).collect();
        let all = names.len();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), all);
    }
}
