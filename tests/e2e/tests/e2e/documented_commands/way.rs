//! How a command is tried so that nothing stays changed: pure.

use anyhow::{Result, ensure};

/// A way.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Way {
    /// It reads.
    AsItIs,
    /// It writes: with these flags it does not.
    With(&'static str),
    /// It runs until somebody stops it.
    ForAMoment,
    /// It takes minutes, starts a cluster, or would change this one: only whether its help knows it.
    Known,
    /// Nobody has said how; then it is not tried at all.
    Unsaid,
}

/// The API server judges it and keeps nothing.
const KUBECTL: Way = Way::With("--dry-run=server");
const APIFLEET: Way = Way::With("--dry-run=server");

/// The way of a command.
pub(super) fn of(command: &str) -> Way {
    let words: Vec<&str> = command.split_whitespace().collect();
    match words.as_slice() {
        ["cargo", ..] => Way::Known,
        ["helm", rest @ ..] => of_helm(rest),
        ["kubectl", "apifleet", rest @ ..] | ["apifleet", rest @ ..] => of_apifleet(rest),
        ["kubectl", "-n", _, rest @ ..] | ["kubectl", rest @ ..] => of_kubectl(rest),
        _ => Way::Unsaid,
    }
}

fn of_kubectl(words: &[&str]) -> Way {
    match words {
        ["port-forward", ..] => Way::ForAMoment,
        ["get" | "logs", rest @ ..] if is_watch(rest) => Way::ForAMoment,
        // Where the editor changes nothing, edits do not either.
        ["get" | "logs" | "describe" | "explain" | "auth" | "wait" | "diff" | "edit", ..]
        | ["rollout", "status" | "history", ..]
        | ["apply", "edit-last-applied", ..] => Way::AsItIs,
        [
            "patch" | "apply" | "delete" | "scale" | "create" | "label" | "annotate" | "taint",
            ..,
        ]
        | ["rollout", "undo", ..] => KUBECTL,
        ["rollout", "restart", ..] => Way::Known,
        _ => Way::Unsaid,
    }
}

fn of_apifleet(words: &[&str]) -> Way {
    match words {
        ["override", rest @ ..] if rest.contains(&"--list") => Way::AsItIs,
        // What a page shows is perhaps yet to come today, or older than this cluster.
        ["explain", rest @ ..] if rest.contains(&"--at") => Way::Known,
        ["override" | "hold" | "resume", ..] | ["policy", "set" | "apply", ..] => APIFLEET,
        ["status", rest @ ..] if is_watch(rest) => Way::ForAMoment,
        [
            "status" | "explain" | "calendar" | "simulate" | "plan" | "history" | "check"
            | "import" | "policy" | "completion" | "man" | "version",
            ..,
        ] => Way::AsItIs,
        _ => Way::Unsaid,
    }
}

/// Cases of their own install, upgrade and remove releases of the chart.
fn of_helm(words: &[&str]) -> Way {
    match words {
        ["install" | "upgrade" | "rollback", ..] => Way::With("--dry-run=client"),
        ["uninstall", ..] => Way::With("--dry-run"),
        ["test" | "history" | "list" | "template" | "status" | "get", ..] => Way::AsItIs,
        _ => Way::Unsaid,
    }
}

fn is_watch(words: &[&str]) -> bool {
    words.iter().any(|word| ["-w", "--watch", "-f", "--follow"].contains(word))
}

/// A command that was taken for harmless would change the fleet that all cases share.
pub(super) fn leaves_nothing_changed() -> Result<()> {
    for (command, way) in [
        ("kubectl get pods -n shop", Way::AsItIs),
        ("kubectl get pods -n shop -w", Way::ForAMoment),
        ("kubectl -n shop delete pod a", KUBECTL),
        ("kubectl rollout undo deployment/a", KUBECTL),
        ("kubectl rollout history deployment/a", Way::AsItIs),
        ("kubectl port-forward pod/a 1:1 &", Way::ForAMoment),
        ("kubectl apifleet hold a --for 10m", APIFLEET),
        ("apifleet override a --floor 12 --for 1h --reason x", APIFLEET),
        ("apifleet override --list", Way::AsItIs),
        ("apifleet policy set a targetPerReplica=45", APIFLEET),
        ("apifleet policy diff a.yaml", Way::AsItIs),
        ("apifleet explain a --why-not 25", Way::AsItIs),
        ("apifleet explain a --at 08:03", Way::Known),
        ("helm upgrade a b", Way::With("--dry-run=client")),
        ("kubectl rollout restart deployment/a", Way::Known),
        ("kubectl drain a", Way::Unsaid),
        ("apifleet destroy a", Way::Unsaid),
        ("cargo xtask up", Way::Known),
    ] {
        let found = of(command);
        ensure!(found == way, "{command}: {found:?}");
    }
    Ok(())
}
