//! Which crate may depend on which: the arrows of the architecture, read from `cargo metadata`. And that an image's build
//! sees all of them.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test says what it misses by failing"
)]

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Package, PackageId};
use std::collections::{BTreeMap, BTreeSet};

/// For each crate of ours, those of ours that it may depend on, in any way.
const ARROWS: &[(&str, &[&str])] = &[
    ("apifleet-core", &[]),
    ("apifleet-sim", &["apifleet-core"]),
    ("apifleet-crds", &["apifleet-core"]),
    ("apifleet-controller", &["apifleet-core", "apifleet-crds"]),
    ("apifleet-cli", &["apifleet-core", "apifleet-crds", "apifleet-sim"]),
    ("apifleet-api-server", &[]),
    ("apifleet-local", &[]),
    ("apifleet-bench", &["apifleet-core", "apifleet-local", "apifleet-sim"]),
    // It writes the reference of every program from what the program itself says.
    (
        "apifleet-xtask",
        &[
            "apifleet-bench",
            "apifleet-cli",
            "apifleet-controller",
            "apifleet-core",
            "apifleet-crds",
            "apifleet-local",
        ],
    ),
    ("apifleet-e2e", &["apifleet-crds", "apifleet-local"]),
];

/// What must not be anywhere under `core`, directly or through others.
const NOT_UNDER_CORE: &[&str] = &["kube", "tokio", "reqwest", "hyper", "aws-", "k8s-openapi"];

fn metadata() -> Metadata {
    MetadataCommand::new()
        .manifest_path(concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.toml"))
        .exec()
        .expect("cargo metadata answers")
}

#[test]
fn every_arrow_between_our_crates_is_one_of_the_architecture() {
    let metadata = metadata();
    let allowed: BTreeMap<_, BTreeSet<_>> =
        ARROWS.iter().map(|(name, to)| (*name, to.iter().copied().collect())).collect();
    let ours: BTreeSet<_> =
        metadata.workspace_packages().iter().map(|p| p.name.to_string()).collect();
    let listed: BTreeSet<_> = allowed.keys().map(ToString::to_string).collect();
    assert_eq!(ours, listed, "a crate was added or removed: say here what it may depend on");
    for package in metadata.workspace_packages() {
        for dependency in package.dependencies.iter().filter(|d| ours.contains(&d.name)) {
            assert!(
                allowed[package.name.as_str()].contains(dependency.name.as_str()),
                "{} must not depend on {}",
                package.name,
                dependency.name
            );
        }
    }
}

#[test]
fn nothing_under_core_does_io() {
    let metadata = metadata();
    for package in normal_dependencies(&metadata, "apifleet-core") {
        let banned = NOT_UNDER_CORE.iter().find(|ban| match ban.strip_suffix('-') {
            Some(family) => package.name.starts_with(family),
            None => package.name.as_str() == **ban,
        });
        assert!(banned.is_none(), "core depends on {}", package.name);
    }
}

#[test]
fn core_names_no_socket_and_no_clock() {
    let sources = concat!(env!("CARGO_MANIFEST_DIR"), "/../core/src");
    let mut seen = 0;
    for file in rust_files(std::path::Path::new(sources)) {
        let text = std::fs::read_to_string(&file).expect("a source file is readable");
        for banned in ["std::net", "std::fs", "std::process", "std::thread", "Timestamp::now"] {
            assert!(!text.contains(banned), "{} uses {banned}", file.display());
        }
        seen += 1;
    }
    assert!(seen > 5, "only {seen} files were read under {sources}");
}

#[test]
fn every_crate_inherits_the_workspace_lints() {
    for package in metadata().workspace_packages() {
        let manifest = std::fs::read_to_string(&package.manifest_path).expect("readable");
        assert!(
            manifest.contains("[lints]\nworkspace = true"),
            "{} has lints of its own",
            package.name
        );
    }
}

#[test]
fn every_crate_is_let_into_the_build_of_each_image() {
    let metadata = metadata();
    let folder = metadata.workspace_root.join("deploy/images");
    let files = std::fs::read_dir(&folder).expect("a folder").flatten().map(|entry| entry.path());
    let ignores = files.filter(|path| path.extension().is_some_and(|e| e == "dockerignore"));
    let mut seen = 0;
    for file in ignores {
        let text = std::fs::read_to_string(&file).expect("readable");
        let allowed: BTreeSet<_> = text.lines().filter_map(|line| line.strip_prefix('!')).collect();
        for package in metadata.workspace_packages() {
            let crate_folder = package.manifest_path.parent().expect("a manifest is in a folder");
            let inside = crate_folder.strip_prefix(&metadata.workspace_root).expect("in it");
            // Cargo reads the manifest of every member, whichever of them it builds.
            assert!(allowed.contains(inside.as_str()), "{} lacks !{inside}", file.display());
        }
        seen += 1;
    }
    assert_eq!(seen, 2, "one for each image");
}

fn normal_dependencies<'a>(metadata: &'a Metadata, root: &str) -> Vec<&'a Package> {
    let resolve = metadata.resolve.as_ref().expect("a resolved graph");
    let nodes: BTreeMap<&PackageId, _> = resolve.nodes.iter().map(|n| (&n.id, n)).collect();
    let start = metadata.packages.iter().find(|p| p.name.as_str() == root).expect("the root");
    let mut queue = vec![&start.id];
    let mut seen = BTreeSet::new();
    while let Some(id) = queue.pop() {
        for dependency in &nodes[id].deps {
            let normal = dependency.dep_kinds.iter().any(|k| k.kind == DependencyKind::Normal);
            if normal && seen.insert(&dependency.pkg) {
                queue.push(&dependency.pkg);
            }
        }
    }
    assert!(!seen.is_empty(), "{root} seems to have no dependency at all");
    metadata.packages.iter().filter(|p| seen.contains(&p.id)).collect()
}

fn rust_files(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|e| e == "rs") {
            files.push(path);
        }
    }
    files
}
